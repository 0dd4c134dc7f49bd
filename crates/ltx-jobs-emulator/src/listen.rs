//! Accepts connections for one origin: plain or TLS, HTTP/1.1 or HTTP/2, and refuses or resets them when told to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use crate::link::{Link, Socket, Wire};

/// How the origins of one emulator listen.
#[derive(Clone)]
pub(crate) struct Doorway {
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) http2: bool,
    /// Numbers the connections of all origins together.
    pub(crate) connections: Arc<AtomicU64>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// The remote control of a listening origin.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    orders: mpsc::UnboundedSender<(Order, oneshot::Sender<()>)>,
    resets: Arc<AtomicU32>,
}

#[derive(Debug)]
enum Order {
    Refuse(Option<Duration>),
    Open,
}

impl Door {
    /// Closes the listening socket: the kernel refuses connections. Returns when it is closed.
    pub(crate) async fn refuse(&self, duration: Option<Duration>) {
        self.order(Order::Refuse(duration)).await;
    }

    /// Listens again, on the same port. Returns when it does.
    pub(crate) async fn open(&self) {
        self.order(Order::Open).await;
    }

    async fn order(&self, order: Order) {
        let (done, wait) = oneshot::channel();
        if self.orders.send((order, done)).is_ok() {
            // An error means that the origin has stopped: nothing to wait for.
            let _ = wait.await;
        }
    }

    /// Resets this many next connections before reading a byte.
    pub(crate) fn reset_next(&self, count: u32) {
        self.resets.store(count, Ordering::SeqCst);
    }
}

/// Listens on loopback; port 0 is a free one.
pub(crate) async fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

/// Starts to accept on `listener`, until the doorway is told to stop.
pub(crate) fn open(doorway: Doorway, listener: TcpListener, router: Router) -> io::Result<Door> {
    let address = listener.local_addr()?;
    let (orders, inbox) = mpsc::unbounded_channel();
    let resets = Arc::new(AtomicU32::new(0));
    let door = Door {
        address,
        orders,
        resets: Arc::clone(&resets),
    };
    let tasks = doorway.tasks.clone();
    tasks.spawn(accept(doorway, listener, address, inbox, router, resets));
    Ok(door)
}

async fn accept(
    doorway: Doorway,
    listener: TcpListener,
    address: SocketAddr,
    mut inbox: mpsc::UnboundedReceiver<(Order, oneshot::Sender<()>)>,
    router: Router,
    resets: Arc<AtomicU32>,
) {
    let mut listener = Some(listener);
    let mut closed_until: Option<tokio::time::Instant> = None;
    loop {
        let due = closed_until;
        tokio::select! {
            () = doorway.stop.cancelled() => return,
            Some((order, done)) = inbox.recv() => {
                match order {
                    Order::Refuse(duration) => {
                        listener = None;
                        closed_until = duration.map(|duration| tokio::time::Instant::now() + duration);
                    }
                    Order::Open => {
                        closed_until = None;
                        listener = reopen(listener, address).await;
                    }
                }
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            () = async { match due { Some(due) => tokio::time::sleep_until(due).await, None => std::future::pending().await } } => {
                closed_until = None;
                listener = reopen(listener, address).await;
            }
            accepted = async { match &listener { Some(listener) => listener.accept().await, None => std::future::pending().await } } => {
                let Ok((stream, _)) = accepted else {
                    // Out of file descriptors, most likely: no reason to spin until there are some.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                if resets.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                    // Best effort: without it the client sees an orderly close instead.
                    let _ = stream.set_zero_linger();
                    continue;
                }
                let id = doorway.connections.fetch_add(1, Ordering::SeqCst) + 1;
                doorway.tasks.spawn(serve(doorway.clone(), stream, id, router.clone()));
            }
        }
    }
}

async fn reopen(listener: Option<TcpListener>, address: SocketAddr) -> Option<TcpListener> {
    match listener {
        Some(listener) => Some(listener),
        None => match TcpListener::bind(address).await {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::error!(%address, %error, "cannot listen again");
                None
            }
        },
    }
}

async fn serve(doorway: Doorway, stream: TcpStream, id: u64, router: Router) {
    // Small answers must not wait for each other; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let socket = match &doorway.tls {
        None => Socket::Plain(stream),
        Some(acceptor) => {
            let shaken = tokio::select! {
                () = doorway.stop.cancelled() => return,
                shaken = acceptor.accept(stream) => shaken,
            };
            match shaken {
                Ok(stream) => Socket::Tls(Box::new(stream)),
                Err(error) => return tracing::debug!(id, %error, "TLS handshake failed"),
            }
        }
    };
    let link = Link::new(id, socket);
    let handle = Arc::clone(&link);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&handle));
        router.clone().call(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None);
    builder
        .http2()
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_send_buf_size(1 << 20)
        .max_concurrent_streams(1_000);
    let builder = if doorway.http2 { builder } else { builder.http1_only() };
    let connection = builder.serve_connection(TokioIo::new(Wire(Arc::clone(&link))), service);
    tokio::select! {
        () = doorway.stop.cancelled() => {}
        () = link.ended() => {}
        result = connection => if let Err(error) = result {
            tracing::debug!(id, %error, "connection ended");
        }
    }
    link.close();
}
