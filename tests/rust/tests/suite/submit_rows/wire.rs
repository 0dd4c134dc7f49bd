//! Ends of a wire that are no service: listeners that close, stay silent or talk nonsense, and a proxy.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a listener does with every connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Habit {
    /// Closes it before anything is read.
    CloseAtOnce,
    /// Accepts it and never says a word.
    StaySilent,
    /// Waits for the first bytes, answers with what is no TLS, and closes it.
    AnswerTlsWithNonsense,
    /// Reads a whole request, answers with what is no HTTP, and closes it.
    AnswerHttpWithNonsense,
    /// Reads the head of a request, and resets it.
    ResetAfterHead,
    /// Accepts every job, keeps the connection, and closes it when it is idle for a moment.
    CloseIdle,
    /// Never accepts: the queue of connections is full, and the kernel throws away what comes.
    #[cfg(target_os = "linux")]
    BlackHole,
}

/// A listener with a bad habit. Ends with its value.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    requests: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Listener {
    pub(super) async fn start(habit: Habit) -> Self {
        let (requests, closed) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let mut serving = JoinSet::new();
        #[cfg(target_os = "linux")]
        if let Habit::BlackHole = habit {
            let (listener, waiting) = full_queue().await;
            let address = listener.local_addr().unwrap();
            serving.spawn(async move {
                let _kept = (listener, waiting);
                std::future::pending::<()>().await;
            });
            return Self {
                address,
                requests,
                closed,
                _serving: serving,
            };
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (reading, closing) = (Arc::clone(&requests), Arc::clone(&closed));
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (reading, closing) = (Arc::clone(&reading), Arc::clone(&closing));
                connections.spawn(async move {
                    misbehave(habit, stream, &reading).await;
                    closing.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            requests,
            closed,
            _serving: serving,
        }
    }

    /// POSTs read whole.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Connections closed by the listener.
    pub(super) fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }
}

/// What happens on the wire is the client's to judge; a connection that is gone early is an end like any other.
async fn misbehave(habit: Habit, mut stream: TcpStream, requests: &AtomicUsize) {
    match habit {
        Habit::CloseAtOnce => {}
        Habit::StaySilent => std::future::pending().await,
        Habit::AnswerTlsWithNonsense => {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        }
        Habit::AnswerHttpWithNonsense => {
            if read_request(&mut stream).await.is_some() {
                requests.fetch_add(1, Ordering::SeqCst);
            }
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n\r\n").await;
        }
        Habit::ResetAfterHead => {
            let mut byte = [0];
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            let _ = stream.set_zero_linger();
        }
        Habit::CloseIdle => {
            const IDLE: Duration = Duration::from_millis(30);
            while let Ok(Some((head, _))) = tokio::time::timeout(IDLE, read_request(&mut stream)).await {
                let (status, body) = if head.starts_with("POST ") {
                    requests.fetch_add(1, Ordering::SeqCst);
                    (202, r#"{"id": "an-id"}"#)
                } else {
                    (200, r#"{"status": "pending"}"#)
                };
                let answer = format!("HTTP/1.1 {status} OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
        #[cfg(target_os = "linux")]
        Habit::BlackHole => {}
    }
}

#[cfg(target_os = "linux")]
async fn full_queue() -> (TcpListener, Vec<TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
    }
    (listener, waiting)
}

/// Head and body of a request, read to their end.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, bytes))
}

/// What a proxy does with every request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// Passes it on.
    PassOn,
    /// Answers with a page of its own.
    Page(u16),
    /// Closes the connection.
    Close,
}

/// A proxy on loopback, for plain requests and for tunnels. Ends with its value.
pub(super) struct Proxy {
    pub(super) url: String,
    requests: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Whatever name it is asked for is the service at `target`.
    pub(super) async fn start(manner: Manner, target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&requests);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(stand_between(manner, stream, target, Arc::clone(&counter)));
            }
        });
        Self {
            url,
            requests,
            _serving: serving,
        }
    }

    /// Requests it answered, or was asked to pass on.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn stand_between(manner: Manner, mut stream: TcpStream, target: SocketAddr, requests: Arc<AtomicUsize>) {
    let Some((head, bytes)) = read_request(&mut stream).await else {
        return;
    };
    requests.fetch_add(1, Ordering::SeqCst);
    match manner {
        Manner::Close => {}
        Manner::Page(status) => {
            let page = "<html><head><title>Access control</title></head><body>The proxy says no.</body></html>";
            let answer = format!(
                "HTTP/1.1 {status} Said by the proxy\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Manner::PassOn => {
            let Ok(mut service) = TcpStream::connect(target).await else {
                return;
            };
            let begun = if head.starts_with("CONNECT ") {
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await
            } else {
                service.write_all(&bytes).await
            };
            if begun.is_ok() {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut service).await;
            }
        }
    }
}
