//! An output read by ranges where it lies, against the emulator.
#![allow(clippy::unwrap_used, clippy::panic)] // A test.

use std::time::Duration;

use ltx_jobs::{ArchiveMode, Client, Completed, ErrorKind, RemoteFile, Request};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};
use serde_json::json;

const LABEL: &str = "exr_frames_url";

async fn completed(programme: &str) -> (Emulator, Completed) {
    let emulator = Emulator::start(Programme::from_toml(programme).unwrap()).await.unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .without_journal()
        .poll_interval(Duration::from_millis(20))
        .backoff_base(Duration::from_millis(5))
        .backoff_cap(Duration::from_millis(20))
        .build()
        .unwrap();
    let request = Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    );
    let job = client.submit(request.unwrap()).await.unwrap();
    let done = job.wait().timeout(Duration::from_secs(60)).await.unwrap();
    (emulator, done)
}

/// The whole archive, as a download brings it.
async fn whole(done: &Completed) -> Vec<u8> {
    let dest = tempfile::tempdir().unwrap();
    let saved = done.download(dest.path()).only([LABEL]).archive(ArchiveMode::Keep);
    std::fs::read(&saved.await.unwrap().paths[0]).unwrap()
}

fn storage_requests(emulator: &Emulator) -> usize {
    emulator
        .requests()
        .iter()
        .filter(|request| request.origin == "storage")
        .count()
}

fn is_shareable<T: Clone + Send + Sync + 'static>() {}

#[tokio::test]
async fn any_part_is_read_with_one_request_and_the_end_with_none() {
    is_shareable::<RemoteFile>();
    for storage in ["", "suffix_ranges = false"] {
        let (emulator, done) = completed(&format!(
            "[archive]\nframes = 3\npadding = 200000\ncompression = \"none\"\n[storage]\n{storage}"
        ))
        .await;
        let whole = whole(&done).await;
        let file = done.open("exr_frames").await.unwrap();
        assert_eq!(
            (file.label(), file.len(), file.is_empty()),
            (LABEL, whole.len() as u64, false)
        );
        let before = storage_requests(&emulator);
        let end = file.len();
        let mut requests = 0;
        for range in [0..10, 5..5, 100_000..300_000, 0..end, end - 22..end, end..end] {
            let bytes = file.read(range.clone()).await.unwrap();
            let expected = &whole[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            assert!(bytes == expected, "{range:?}");
            let in_memory = range.is_empty() || (storage.is_empty() && range.start > 0 && range.end == end);
            requests += usize::from(!in_memory);
            assert_eq!(storage_requests(&emulator) - before, requests, "{range:?}");
        }
        let backwards = std::ops::Range { start: 9, end: 3 };
        for range in [0..end + 1, end + 1..end + 1, backwards] {
            assert_eq!(file.read(range).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
    }
}

#[tokio::test]
async fn a_broken_connection_is_healed_an_expired_url_renewed_and_another_version_told_apart() {
    let (emulator, done) =
        completed("[archive]\nframes = 3\npadding = 200000\ncompression = \"none\"\n[storage]\nurl_lifetime_s = 600")
            .await;
    let whole = whole(&done).await;
    let file = done.open(LABEL).await.unwrap();
    let cut = Fault {
        at: Some(50_000),
        ..Fault::new(Do::CutBody)
    };
    emulator.push_fault("download", cut).unwrap();
    assert!(file.read(1000..400_000).await.unwrap() == whole[1000..400_000]);
    emulator.advance(Duration::from_secs(3600));
    assert!(file.read(0..400_000).await.unwrap() == whole[..400_000]);
    emulator.push_fault("download", Fault::new(Do::ChangedEtag)).unwrap();
    let error = file.read(0..10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ObjectChanged, "{error}");
    assert!(done.open(LABEL).await.unwrap().read(0..10).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_read_by_ranges_says_so() {
    let (_emulator, done) = completed("[archive]\nframes = 3\n[storage]\nranges = false").await;
    let error = done.open(LABEL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = done.open("nothing").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains(LABEL), "{error}");
}

#[tokio::test]
async fn a_file_without_bytes_is_an_empty_file() {
    let (_emulator, done) = completed("[video]\nempty = true").await;
    let file = done.open("video_url").await.unwrap();
    assert_eq!((file.len(), file.is_empty()), (0, true));
    assert!(file.read(0..0).await.unwrap().is_empty());
}

#[tokio::test]
async fn cancelling_a_read_ends_it_at_once() {
    let (emulator, done) = completed("[archive]\nframes = 3\npadding = 200000\ncompression = \"none\"").await;
    let file = done.open(LABEL).await.unwrap();
    let stall = Fault {
        at: Some(1000),
        ..Fault::new(Do::Stall)
    };
    emulator.push_fault("download", stall).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let read = file.read(0..100_000).cancel(async move { drop(stopped.await) }).start();
    while read.snapshot().bytes_done == 0 {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    assert_eq!(read.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(file.read(0..100_000).await.is_ok());
}
