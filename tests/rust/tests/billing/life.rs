//! A job's life up to the moment at which it goes wrong.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Client, ClientBuilder, Error, JobRef, Media, Request};
use ltx_jobs_emulator::{Emulator, Programme};
use serde_json::{Value, json};

/// The call whose error is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Check,
    Upload,
    Submit,
    Poll,
    Wait,
    Download,
}

/// How long a submit may be refused that is refused for ever; far from the pauses between its attempts.
const LIMIT: Duration = Duration::from_secs(2);

pub(crate) async fn emulator(programme: Value) -> Emulator {
    let programme: Programme = serde_json::from_value(programme).unwrap();
    programme.check().unwrap();
    Emulator::start(programme).await.unwrap()
}

pub(crate) fn builder(emulator: &Emulator) -> ClientBuilder {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .backoff_cap(Duration::from_millis(10))
        .submit_timeout(Duration::from_secs(1))
        .poll_timeout(Duration::from_secs(1))
        .stall_timeout(Duration::from_secs(5))
}

/// Puts the next attempt off for longer than anybody waits here: an attempt that begins just before a time limit may meet that instead.
pub(crate) fn once(builder: ClientBuilder) -> Client {
    let hour = Duration::from_secs(3600);
    builder.backoff_cap(hour).backoff_base(hour).build().unwrap()
}

pub(crate) fn request() -> Request {
    Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    )
    .unwrap()
}

pub(crate) fn plate() -> Media {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/ltx-jobs-cli/assets");
    Media::file(assets.join("plate.mp4"))
}

/// A reference that no service knows.
pub(crate) fn unheard_of() -> JobRef {
    "video-to-video-hdr/unheard-of".parse().unwrap()
}

/// Lives a job with this client until `at`, where an error is expected; what is in `before` is in the destination already.
pub(crate) async fn error_at(client: &Client, at: At, before: &[(&str, &str)]) -> Error {
    if at == At::Check {
        return client.check().await.unwrap_err();
    }
    if at == At::Upload {
        return client.upload(plate()).await.unwrap_err();
    }
    if at == At::Submit {
        return client.submit(request()).timeout(LIMIT).await.unwrap_err();
    }
    let job = client.submit(request()).await.unwrap();
    if at == At::Poll {
        return job.poll().await.unwrap_err();
    }
    let waited = job.wait().timeout(Duration::from_secs(20)).await;
    if at == At::Wait {
        return waited.unwrap_err();
    }
    let dest = tempfile::tempdir().unwrap();
    for (name, content) in before {
        let path = dest.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    waited.unwrap().download(dest.path()).await.unwrap_err()
}
