//! Downloads over real sockets: resumed, shared, limited, and on a line where everything goes wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod faults;
mod network;
mod owners;
mod resume;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Client, ClientBuilder, Completed, Media, VideoToVideoHdr};
use ltx_jobs_emulator::{Emulator, Programme, Received};

/// A client with the short times of a test.
pub(crate) fn builder(emulator: &Emulator) -> ClientBuilder {
    let builder = Client::builder()
        .api_key(emulator.api_key())
        .base_url(emulator.api_url())
        .without_journal()
        .poll_interval(Duration::from_millis(5))
        .backoff_base(Duration::from_millis(1))
        .backoff_cap(Duration::from_millis(5))
        .stall_timeout(Duration::from_millis(1500));
    match emulator.ca_bundle() {
        Some(bundle) => builder.ca_bundle(bundle),
        None => builder,
    }
}

pub(crate) fn client(emulator: &Emulator) -> Client {
    builder(emulator).build().unwrap()
}

pub(crate) async fn emulator(programme: &str) -> Emulator {
    Emulator::start(Programme::from_toml(programme).unwrap()).await.unwrap()
}

pub(crate) async fn completed(client: &Client) -> Completed {
    let request = VideoToVideoHdr::new(Media::url("https://clips.example/plate.mp4"));
    let job = client.submit(request).await.unwrap();
    job.wait().timeout(Duration::from_secs(30)).await.unwrap()
}

/// Every file under a directory, hidden ones too, by its path from there.
pub(crate) fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                found.insert(
                    path.strip_prefix(directory)
                        .unwrap()
                        .to_string_lossy()
                        .replace('\\', "/"),
                    bytes,
                );
            }
        }
    }
    found
}

/// The crc32c of the archive as the storage holds it now.
pub(crate) async fn archive_crc32c(emulator: &Emulator) -> String {
    let artifacts = emulator.artifacts().await.unwrap();
    artifacts
        .iter()
        .find(|artifact| artifact.label == "exr_frames_url")
        .map(|artifact| artifact.crc32c.clone())
        .unwrap()
}

/// The storage's requests from the `from`th request of all on.
pub(crate) fn storage_requests(emulator: &Emulator, from: usize) -> Vec<Received> {
    let requests = emulator.requests();
    requests[from..]
        .iter()
        .filter(|request| request.origin == "storage")
        .cloned()
        .collect()
}

/// The first and the last byte that a request asks for, without the last one; `end` is the object's.
pub(crate) fn asked(request: &Received, end: u64) -> (u64, u64) {
    let range = request.header("range").unwrap_or("bytes=0-");
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, last + 1),
        (Ok(first), Err(_)) => (first, end),
        (Err(_), Ok(suffix)) => (end - suffix, end),
        (Err(_), Err(_)) => panic!("{range}"),
    }
}
