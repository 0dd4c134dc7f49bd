//! Processes and their journals: killed at every step of a job and at random moments, several with one journal, and with a disk that refuses.
//!
//! What a journal knows afterwards must fit what the service holds. There is no hook in the library: the parent sees how far a child has come by what it
//! says, by what the service has received, and by what stands in the journal, and it can stop the child before it kills it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // A test; the child talks to its parent.
#![cfg(unix)]

mod account;
mod child;
mod disk;
mod random;
mod steps;
mod together;

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Client, Request};
use serde_json::json;

/// The route that costs money.
const ROUTE: &str = "/v2/text-to-video";

fn client(url: &str, journal: &Path) -> Client {
    Client::builder()
        .base_url(url)
        .api_key("emulator-key")
        .journal(journal)
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .backoff_cap(Duration::from_millis(10))
        .build()
        .unwrap()
}

/// The number is in the prompt, so that the service's jobs can be told apart.
fn request(number: u32) -> Request {
    let params =
        json!({"prompt": format!("shot {number}"), "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"});
    Request::raw("text-to-video", params).unwrap()
}

fn once(number: u32) -> String {
    format!("shot{number}")
}
