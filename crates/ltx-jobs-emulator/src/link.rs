//! One connection, seen from both sides: hyper reads and writes it, and a handler may cut it.
//!
//! The socket sits behind a lock in the [`Link`], so that a fault can put raw bytes on the wire, count what went out, and
//! drop the connection at the byte it wants, with TLS as well.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::h2_frames::StreamWatch;
use crate::lock;

/// A socket, encrypted or not.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn pinned(&mut self) -> Pin<&mut (dyn Duplex + '_)> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// The handle on one connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// The connection's number.
    pub(crate) id: u64,
    socket: Mutex<Option<Socket>>,
    written: AtomicU64,
    cut_when_flushed: AtomicBool,
    cut_after: AtomicU64,
    reset: AtomicBool,
    ended: CancellationToken,
    budget: Mutex<Option<Instant>>,
    watch: Mutex<StreamWatch>,
    last_stream: AtomicU32,
}

impl Link {
    pub(crate) fn new(id: u64, socket: Socket) -> Arc<Self> {
        Arc::new(Self {
            id,
            socket: Mutex::new(Some(socket)),
            written: AtomicU64::new(0),
            cut_when_flushed: AtomicBool::new(false),
            cut_after: AtomicU64::new(0),
            reset: AtomicBool::new(false),
            ended: CancellationToken::new(),
            budget: Mutex::new(None),
            watch: Mutex::new(StreamWatch::default()),
            last_stream: AtomicU32::new(0),
        })
    }

    /// Closes the connection now. What hyper has not written yet is lost.
    pub(crate) fn cut(&self, reset: bool) {
        self.reset.store(reset, Ordering::SeqCst);
        self.ended.cancel();
        self.close();
    }

    /// Closes the connection as soon as everything that was handed to hyper so far is on the wire.
    ///
    /// `after` is the least number of bytes the connection must have carried by then: with HTTP/2 a flush can come before
    /// the frame that is meant.
    pub(crate) fn cut_when_flushed(&self, after: u64, reset: bool) {
        self.reset.store(reset, Ordering::SeqCst);
        self.cut_after.store(after, Ordering::SeqCst);
        self.cut_when_flushed.store(true, Ordering::SeqCst);
    }

    /// Bytes written to this connection so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    /// The HTTP/2 stream the client opened last; 0 on HTTP/1.1.
    pub(crate) fn last_stream(&self) -> u32 {
        self.last_stream.load(Ordering::SeqCst)
    }

    /// Resolves when the connection was cut or has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Drops the socket; called when the connection's task is over, too.
    pub(crate) fn close(&self) {
        let socket = lock(&self.socket).take();
        if let Some(socket) = socket
            && self.reset.load(Ordering::SeqCst)
        {
            // A socket that is already gone needs no reset.
            let _ = socket.tcp().set_zero_linger();
        }
        self.ended.cancel();
    }

    /// Puts bytes on the wire past hyper.
    pub(crate) async fn write_raw(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = std::future::poll_fn(|cx| self.with(|socket| socket.poll_write(cx, bytes))).await?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        std::future::poll_fn(|cx| self.with(|socket| socket.poll_flush(cx))).await
    }

    /// Waits until `bytes` may be sent at `rate` bytes per second; the rate is shared by all answers on this connection.
    pub(crate) async fn pace(&self, bytes: u64, rate: u64) {
        if rate == 0 {
            return;
        }
        #[allow(clippy::cast_precision_loss)]
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let due = {
            let mut budget = lock(&self.budget);
            let now = Instant::now();
            let due = budget.unwrap_or(now).max(now) + cost;
            *budget = Some(due);
            due
        };
        tokio::time::sleep_until(due).await;
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut (dyn Duplex + '_)>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match lock(&self.socket).as_mut() {
            Some(socket) => act(socket.pinned()),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

/// The side of a [`Link`] that hyper holds.
#[derive(Debug)]
pub(crate) struct Wire(pub(crate) Arc<Link>);

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.0.with(|socket| socket.poll_read(cx, buf)))?;
        if let Some(read) = buf.filled().get(before..)
            && let Some(stream) = lock(&self.0.watch).read(read)
        {
            self.0.last_stream.store(stream, Ordering::SeqCst);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.0.with(|socket| socket.poll_write(cx, buf)))?;
        self.0.written.fetch_add(count as u64, Ordering::SeqCst);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.0.with(|socket| socket.poll_write_vectored(cx, bufs)))?;
        self.0.written.fetch_add(count as u64, Ordering::SeqCst);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        lock(&self.0.socket)
            .as_mut()
            .is_some_and(|socket| socket.pinned().is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.with(|socket| socket.poll_flush(cx)))?;
        let link = &self.0;
        if link.cut_when_flushed.load(Ordering::SeqCst) && link.written() >= link.cut_after.load(Ordering::SeqCst) {
            link.cut(link.reset.load(Ordering::SeqCst));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.with(|socket| socket.poll_shutdown(cx))
    }
}
