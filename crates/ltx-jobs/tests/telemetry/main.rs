//! What a program can observe of a client: its counters, held against what the service received, and its spans.
#![allow(clippy::unwrap_used, clippy::panic)] // A test.

mod counters;
mod spans;

use std::time::Duration;

use ltx_jobs::{Client, ClientBuilder, Request};
use ltx_jobs_emulator::{Emulator, Programme};
use serde_json::json;

const CLIP: &[u8] = include_bytes!("../../../ltx-jobs-cli/assets/plate.mp4");
const SUBMITS: &str = "/v2/text-to-video";

async fn emulator(programme: &str) -> Emulator {
    let programme = Programme::from_toml(programme).unwrap();
    Emulator::start(programme).await.unwrap()
}

fn builder(emulator: &Emulator) -> ClientBuilder {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(20))
        .backoff_base(Duration::from_millis(2))
        .backoff_cap(Duration::from_millis(10))
}

fn client(emulator: &Emulator) -> Client {
    builder(emulator).build().unwrap()
}

fn shot() -> Request {
    let params = json!({"prompt": "A lighthouse", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"});
    Request::raw("text-to-video", params).unwrap()
}
