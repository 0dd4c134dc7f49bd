//! Secrets stay: a key and signed URLs that can be recognised go through everything that can go wrong, while every log line of the process is kept at the
//! finest level, the libraries' below us included. Neither may be found again, nor in any error.
//!
//! The emulator is a process of its own, so that what it logs is not mistaken for ours.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::io::{BufRead as _, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltx_jobs::{Client, Error, Media, Request};
use serde_json::{Value, json};

const KEY: &str = "canary-key-4f1d";
const OTHER_KEY: &str = "canary-key-stale";

/// What stands in the query of a signed URL, and nowhere else.
const SIGNED: &str = "X-Goog-Signature";

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

/// The libraries that know only `log`.
impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(
            self.clone(),
            "{} {}: {}",
            record.level(),
            record.target(),
            record.args()
        )
        .unwrap();
    }

    fn flush(&self) {}
}

struct Service {
    child: Child,
    addresses: Value,
}

impl Service {
    fn start(programme: &str, tls: bool) -> Self {
        let programme = format!("api_key = \"{KEY}\"\n{programme}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_emulator-child"));
        command
            .arg(programme)
            .args(tls.then_some("tls"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            addresses: serde_json::from_str(&line).unwrap(),
        }
    }

    fn client(&self, key: &str) -> Client {
        let mut builder = Client::builder()
            .base_url(self.addresses["api_url"].as_str().unwrap())
            .api_key(key)
            .poll_interval(Duration::from_millis(20))
            .backoff_base(Duration::from_millis(5))
            .backoff_cap(Duration::from_millis(20))
            .poll_timeout(Duration::from_millis(500))
            .stall_timeout(Duration::from_millis(500));
        if let Some(bundle) = self.addresses["ca_bundle"].as_str() {
            builder = builder.ca_bundle(bundle);
        }
        builder.build().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Everything of an error and of what is behind it.
fn write_out(out: &mut String, error: &Error) {
    out.push_str(&format!("{error}\n{error:?}\n{error:#?}\n"));
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        out.push_str(&format!("{inner}\n{inner:?}\n"));
        source = inner.source();
    }
}

/// One job with whatever happens to it; its words go to `out`.
async fn play(service: &Service, key: &str, out: &mut String) {
    let client = service.client(key);
    out.push_str(&format!("{:?}\n", client.describe()));
    let plate = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/ltx-jobs-cli/assets/plate.mp4"
    );
    let request = Request::raw("video-to-video-hdr", json!({}))
        .unwrap()
        .media("video_uri", Media::file(plate));
    out.push_str(&format!("{request:?}\n"));
    let job = match client.submit(request).await {
        Ok(job) => job,
        Err(error) => return write_out(out, &error),
    };
    out.push_str(&format!("{job:?} {:?}\n", job.snapshot()));
    let done = match job.wait().await {
        Ok(done) => done,
        Err(error) => return write_out(out, &error),
    };
    out.push_str(&format!("{done:?} {:?} {:?}\n", done.outputs(), job.snapshot()));
    let dest = tempfile::tempdir().unwrap();
    for label in done.outputs().keys() {
        match done.download(dest.path()).only([label.as_str()]).await {
            Ok(saved) => out.push_str(&format!("{saved:?}\n")),
            Err(error) => write_out(out, &error),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_the_key_nor_a_signed_query_is_in_any_log_or_error() {
    let kept = Kept::default();
    let writer = kept.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log::set_logger(Box::leak(Box::new(kept.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let fault = |route: &str, rest: &str| format!("[[fault]]\nroute = \"{route}\"\n{rest}\n");
    let programmes = [
        String::new(),
        fault("submit", "do = \"read_and_close\""),
        fault("submit", "status = 500"),
        fault(
            "submit",
            "do = \"redirect\"\nto = \"https://elsewhere.example.com/?key=canary-key-4f1d\"",
        ),
        fault("slot", "status = 503") + &fault("put", "do = \"cut_before_headers\""),
        fault("poll", "status = 500")
            + &fault("poll", "do = \"half_status_line\"")
            + &fault("poll", "do = \"html_200\""),
        fault("poll", "status = 401"),
        fault("download", "do = \"cut_body\"\nat = 1000\ntimes = 3"),
        fault("download", "do = \"stall\"\nat = 1000"),
        fault("download", "status = 500\ntimes = 0"),
        fault("download", "do = \"expired_url\"\ntimes = 0"),
        fault("download", "do = \"corrupt_byte\"\nat = 1500\ntimes = 0"),
        fault("download", "do = \"not_found_without_envelope\"\ntimes = 0"),
        fault(
            "download",
            "do = \"redirect\"\nstatus = 302\nto = \"http://127.0.0.1:9/elsewhere?X-Goog-Signature=1\"\ntimes = 0",
        ),
        fault("download", "do = \"refuse_connections\"\nfor_ms = 20"),
        "[archive]\nevil_members = [{ name = \"../evil.exr\" }]\n".to_owned(),
    ];
    let mut told = String::new();
    for programme in &programmes {
        for tls in [false, true] {
            let service = Service::start(programme, tls);
            play(&service, KEY, &mut told).await;
        }
    }
    let service = Service::start("", true);
    play(&service, OTHER_KEY, &mut told).await;

    let logged = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    assert!(
        logged.contains("ltx_jobs::submit") && logged.contains("TRACE hyper") && logged.contains("rustls::"),
        "nothing was logged: {} bytes",
        logged.len()
    );
    for (what, text) in [("log", &logged), ("error or Debug", &told)] {
        for secret in [KEY, OTHER_KEY, SIGNED] {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in a {what}");
        }
    }
}
