//! Stops at once: whoever cancels is back within 100 ms, whatever the network does.

use std::path::Path;
use std::time::{Duration, Instant};

use ltx_jobs::{ErrorKind, Media, Operation};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};

use crate::{client, request, until};

const PROMISE: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;

/// The median of some rounds: the promise is about the library, not about a machine that is busy with something else.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn time_of_cancel<T: Send + std::fmt::Debug + 'static>(operation: &Operation<T>) -> Duration {
    let began = Instant::now();
    operation.cancel();
    let error = operation.clone().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
    began.elapsed()
}

fn endless() -> Programme {
    let mut programme = Programme::default();
    programme.job.pending_polls = u32::MAX;
    programme
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_stops_at_once_and_the_job_goes_on() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let client = client(&emulator);
    let job = client.submit(request()).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let wait = job.wait().start();
        let seen = emulator.jobs()[0].polls;
        until("a poll", || emulator.jobs()[0].polls > seen).await;
        times.push(time_of_cancel(&wait).await);
    }
    assert!(median(times.clone()) <= PROMISE, "{times:?}");
    let seen = emulator.jobs()[0].polls;
    until("another poll", || emulator.jobs()[0].polls > seen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_on_the_wire_stops_waiting_at_once() {
    let emulator =
        Emulator::start(Programme::default().with_fault("submit", Fault::new(Do::ReadAndNeverAnswer).times(0)))
            .await
            .unwrap();
    let client = client(&emulator);
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let submitting = client.submit(request()).start();
        until("the POST", || emulator.jobs().len() > round).await;
        times.push(time_of_cancel(submitting.operation()).await);
    }
    assert!(median(times.clone()) <= PROMISE, "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_hangs_stops_at_once_and_leaves_nothing_half_done() {
    let programme = Programme::default()
        .with_fault("download:exr_frames_url", Fault::at(Do::Stall, 500).times(0))
        .with_fault("download:video_url", Fault::at(Do::Stall, 500).times(0));
    let emulator = Emulator::start(programme).await.unwrap();
    let done = client(&emulator).submit(request()).await.unwrap().wait().await.unwrap();
    let dest = tempfile::tempdir().unwrap();
    for label in ["exr_frames_url", "video_url"] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let before = emulator.requests().len();
            let download = done.download(dest.path()).only([label]).start();
            until("a request to the storage", || emulator.requests().len() > before).await;
            times.push(time_of_cancel(&download).await);
        }
        assert!(median(times.clone()) <= PROMISE, "{label}: {times:?}");
    }
    let left = files_under(dest.path());
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_hangs_stops_at_once() {
    let emulator = Emulator::start(Programme::default().with_fault("put", Fault::new(Do::ReadAndNeverAnswer).times(0)))
        .await
        .unwrap();
    let client = client(&emulator);
    let plate = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/ltx-jobs-cli/assets/plate.mp4"
    );
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let before = emulator.count("PUT", "*");
        let upload = client.upload(Media::file(plate)).start();
        until("the PUT", || emulator.count("PUT", "*") > before).await;
        times.push(time_of_cancel(&upload).await);
    }
    assert!(median(times.clone()) <= PROMISE, "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_wakes_every_waiter_at_once() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let client = client(&emulator);
    let job = client.submit(request()).await.unwrap();
    let waits: Vec<_> = (0..20).map(|_| job.wait().start()).collect();
    until("a poll", || emulator.jobs()[0].polls > 0).await;
    let began = Instant::now();
    client.close(Duration::ZERO).await;
    for wait in waits {
        let error = wait.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        assert_eq!(error.billing().name(), "job_exists");
    }
    assert!(began.elapsed() <= PROMISE, "{:?}", began.elapsed());
    assert_eq!(client.submit(request()).await.unwrap_err().kind(), ErrorKind::Closed);
}

fn files_under(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path))
        } else {
            files.push(path)
        }
    }
    files
}
