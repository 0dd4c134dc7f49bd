//! What the library promises, seen from a Rust program: over real sockets, against the emulator in the same process.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod abandoned;
mod cancellation;
mod keys;
mod log;
mod many;
mod memory;
mod money;
mod outage;
mod retries;
mod submit_rows;
mod tree;

use std::time::Duration;

use ltx_jobs::{Client, ClientBuilder, Request};
use ltx_jobs_emulator::Emulator;
use serde_json::json;

/// The route that costs money.
pub(crate) const ROUTE: &str = "/v2/video-to-video-hdr";

/// A client with the short times of a test.
pub(crate) fn builder(emulator: &Emulator) -> ClientBuilder {
    let builder = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(20))
        .backoff_base(Duration::from_millis(5))
        .backoff_cap(Duration::from_millis(20))
        .stall_timeout(Duration::from_secs(5));
    match emulator.ca_bundle() {
        Some(bundle) => builder.ca_bundle(bundle),
        None => builder,
    }
}

pub(crate) fn client(emulator: &Emulator) -> Client {
    builder(emulator).build().unwrap()
}

/// A job that needs no upload.
pub(crate) fn request() -> Request {
    Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    )
    .unwrap()
}

/// Looks again and again until it is so; the test's own limit ends what never comes.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(30), looking).await.is_ok(),
        "{what} never came"
    );
}
