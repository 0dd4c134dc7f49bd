//! Secrets of a store stay, too: while every log line of the process is kept at the finest level, a store refuses, redirects, breaks and repeats everything it was sent.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read as _, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltx_jobs::{Client, Error, Media, VideoToVideoHdr};
use ltx_jobs_emulator::{Emulator, Programme};

const SECRET: &str = "canary-store-secret-77c1";
const TOKEN: &str = "canary-store-token-03ab";
const KEY_ID: &str = "AKIACANARYCANARY";

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A server that answers everything with this status and a document that repeats the request.
fn answering(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut heard = vec![0; 1 << 16];
                let count = stream.read(&mut heard).unwrap_or(0);
                let heard = String::from_utf8_lossy(&heard[..count]).into_owned();
                let body = format!("<Error><Code>AccessDenied</Code><Message>{heard} {SECRET}</Message></Error>");
                let head = format!(
                    "HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:9/?sig={TOKEN}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                if !status.is_empty() {
                    let _ = stream.write_all(format!("{head}{body}").as_bytes());
                }
            });
        }
    });
    address
}

fn write_out(out: &mut String, error: &Error) {
    out.push_str(&format!("{error}\n{error:?}\n{error:#?}\n"));
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        out.push_str(&format!("{inner}\n{inner:?}\n"));
        source = inner.source();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_of_a_store_is_in_any_log_or_error() {
    let kept = Kept::default();
    let writer = kept.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = Client::builder()
        .api_key(emulator.api_key())
        .base_url(emulator.api_url())
        .without_journal()
        .poll_interval(Duration::from_millis(5))
        .backoff_base(Duration::from_millis(1))
        .backoff_cap(Duration::from_millis(5))
        .stall_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let request = VideoToVideoHdr::new(Media::url("https://clips.example/plate.mp4"));
    let done = client.submit(request).await.unwrap().wait().await.unwrap();

    let mut told = String::new();
    let mut kinds = Vec::new();
    for status in [
        "200 OK",
        "301 Moved Permanently",
        "307 Temporary Redirect",
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "409 Conflict",
        "412 Precondition Failed",
        "500 Internal Server Error",
        "501 Not Implemented",
        "503 Slow Down",
        "",
    ] {
        let endpoint = answering(status);
        // A key, a token and a customer's encryption key; a signed query; a bearer.
        let stores: [(&str, &[(&str, &str)]); 3] = [
            (
                "s3://bucket/p",
                &[
                    ("access_key_id", KEY_ID),
                    ("secret_access_key", SECRET),
                    ("session_token", TOKEN),
                    ("endpoint", &endpoint),
                    ("region", "us-east-1"),
                ],
            ),
            (
                "az://box/p",
                &[
                    ("account_name", "studio"),
                    ("sas_key", "?sv=2024-11-04&sig=canary-store-token-03ab"),
                    ("endpoint", &endpoint),
                ],
            ),
            (
                "gs://bucket/p",
                &[("bearer_token", TOKEN), ("base_url", &endpoint), ("allow_http", "true")],
            ),
        ];
        for (url, options) in stores {
            let rehost = done.rehost(url).options(options.iter().copied());
            told.push_str(&format!("{rehost:?}\n"));
            match rehost.await {
                Ok(copied) => told.push_str(&format!("{copied:?}\n")),
                Err(error) => {
                    kinds.push((status, url, error.kind()));
                    write_out(&mut told, &error);
                }
            }
        }
    }
    assert!(kinds.len() > 30, "{kinds:?}");
    let logged = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    assert!(
        logged.contains("rehost") && logged.contains("TRACE"),
        "nothing was logged"
    );
    for (what, text) in [("log", &logged), ("error or Debug", &told)] {
        for secret in [SECRET, TOKEN, KEY_ID] {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in a {what}");
        }
    }
}
