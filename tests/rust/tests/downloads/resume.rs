//! Interrupted downloads go on where they were: after a cancellation, after SIGKILL, with another client, and never with another version.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use ltx_jobs::{ArchiveMode, ErrorKind};
use ltx_jobs_emulator::{Do, Emulator, Fault};
use serde_json::Value;

use crate::{archive_crc32c, asked, client, completed, emulator, storage_requests, tree};

/// An archive of 6 MB at 2 MB/s for each connection.
const SLOW: &str = "[video]\nenabled = false\n[archive]\npadding = 2000000\n[storage]\nrate = 2000000";

/// The record of what is there, once there is one: the object's length and the runs.
fn record(dest: &Path) -> Option<(u64, Vec<(u64, u64)>)> {
    let text = std::fs::read_to_string(dest.join(".exr_frames.part.json")).ok()?;
    let record: Value = serde_json::from_str(&text).unwrap();
    let runs = record["done"].as_array().unwrap().iter();
    let runs = runs.map(|run| (run["start"].as_u64().unwrap(), run["end"].as_u64().unwrap()));
    Some((record["length"].as_u64().unwrap(), runs.collect()))
}

/// Waits until a download has written down that something is there.
async fn recorded(dest: &Path, mut is_running: impl FnMut() -> bool) {
    let began = Instant::now();
    while record(dest).is_none_or(|(_, runs)| runs.is_empty()) {
        assert!(
            is_running() && began.elapsed() < Duration::from_secs(60),
            "nothing was written down"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn fetch(emulator: &Emulator, job: &str, dest: &Path, connections: usize) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fetch"))
        .args([emulator.api_url(), &emulator.api_key(), job])
        .arg(dest)
        .arg(connections.to_string())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigkill_the_same_command_fetches_only_the_missing_bytes() {
    for connections in [1, 4] {
        let emulator = emulator(SLOW).await;
        let done = completed(&client(&emulator)).await;
        let job = done.job().reference().to_string();
        let dest = tempfile::tempdir().unwrap();

        let mut child = fetch(&emulator, &job, dest.path(), connections);
        recorded(dest.path(), || child.try_wait().unwrap().is_none()).await;
        // On Unix this is SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        let (length, runs) = record(dest.path()).unwrap();
        let there: u64 = runs.iter().map(|(start, end)| end - start).sum();
        assert!(there > 0 && there < length);
        assert!(
            tree(dest.path()).keys().all(|name| name.starts_with('.')),
            "nothing has a name yet"
        );

        let before = emulator.requests().len();
        let again = fetch(&emulator, &job, dest.path(), connections).wait().unwrap();
        assert!(again.success());
        let files = tree(dest.path());
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            ["exr_frames.zip"],
            "nothing is left beside it"
        );
        assert_eq!(
            format!("{:08x}", crc32c::crc32c(&files["exr_frames.zip"])),
            archive_crc32c(&emulator).await
        );
        // What the storage was asked for by the second process: not one byte that was there. A connection that joins takes the end of another's range, so a
        // byte may be named in two requests, but it is sent once.
        let requests = storage_requests(&emulator, before);
        assert!(!requests.is_empty());
        for request in &requests {
            let (start, end) = asked(request, length);
            assert!(request.header("if-range").is_some(), "{request:?}");
            let overlap: u64 = runs
                .iter()
                .map(|run| run.1.min(end).saturating_sub(run.0.max(start)))
                .sum();
            assert_eq!(overlap, 0, "{start} to {end}, there were {runs:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_download_is_back_at_once_and_the_next_call_goes_on() {
    let emulator = emulator(SLOW).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let operation = done
        .download(dest.path())
        .archive(ArchiveMode::Keep)
        .connections(2)
        .start();
    while operation.snapshot().bytes_done < 3_000_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let began = Instant::now();
    operation.cancel();
    let outcome = operation.await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);

    let before = emulator.requests().len();
    let next = done.download(dest.path()).archive(ArchiveMode::Keep).start();
    let mut last = 0;
    while !next.is_ended() {
        let now = next.snapshot();
        assert!(now.bytes_done >= last, "{last} then {}", now.bytes_done);
        last = now.bytes_done;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let saved = next.await.unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    let asked_for: u64 = storage_requests(&emulator, before)
        .iter()
        .map(|request| asked(request, saved.bytes))
        .map(|(start, end)| end - start)
        .sum();
    assert!(asked_for < saved.bytes - 1_000_000, "{asked_for} of {}", saved.bytes);
    assert_eq!(tree(dest.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_changed_between_two_calls_is_fetched_whole_and_never_mixed() {
    for connections in [1, 4] {
        let emulator = emulator(SLOW).await;
        let done = completed(&client(&emulator)).await;
        let dest = tempfile::tempdir().unwrap();
        let download = || {
            done.download(dest.path())
                .archive(ArchiveMode::Keep)
                .connections(connections)
        };
        let operation = download().start();
        recorded(dest.path(), || !operation.is_ended()).await;
        operation.cancel();
        operation.await.unwrap_err();

        emulator.push_fault("download", Fault::new(Do::ChangedEtag)).unwrap();
        let saved = download().await.unwrap();
        assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
        assert_eq!(tree(dest.path()).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_whole_already_but_has_no_name_yet_is_looked_at_once_and_named() {
    let emulator = emulator("[video]\nenabled = false\n[archive]\npadding = 200000").await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    // A directory in its place: everything is fetched, and the name cannot be given.
    std::fs::create_dir(dest.path().join("exr_frames.zip")).unwrap();
    let download = || done.download(dest.path()).archive(ArchiveMode::Keep).overwrite(true);
    download().await.unwrap_err();
    std::fs::remove_dir(dest.path().join("exr_frames.zip")).unwrap();
    let saved = download().await.unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    assert_eq!(tree(dest.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_hears_of_the_progress_and_a_future_of_the_callers_cancels() {
    let emulator = emulator(SLOW).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = std::sync::Mutex::new(Some(stop));
    let began = Instant::now();
    let download = done.download(dest.path()).archive(ArchiveMode::Keep).on_progress({
        let heard = std::sync::Arc::clone(&heard);
        move |progress| {
            heard.lock().unwrap().push(progress.bytes_done);
            if progress.bytes_done > 500_000
                && let Some(stop) = stop.lock().unwrap().take()
            {
                let _ = stop.send(());
            }
        }
    });
    let error = download.cancel(async { drop(stopped.await) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let first = heard.lock().unwrap().clone();
    assert!(first.is_sorted() && *first.last().unwrap() > 500_000, "{first:?}");
    let most = began.elapsed().as_millis() / 100 + 2;
    assert!(
        first.len() as u128 <= most,
        "{} times in {:?}",
        first.len(),
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_an_archive_goes_when_its_frames_have_come_without_it() {
    let emulator = emulator(SLOW).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let kept = done.download(dest.path()).archive(ArchiveMode::Keep).start();
    recorded(dest.path(), || !kept.is_ended()).await;
    kept.cancel();
    assert_eq!(kept.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(tree(dest.path()).keys().all(|name| name.starts_with('.')));

    done.download(dest.path()).await.unwrap();
    let files = tree(dest.path());
    let hidden: Vec<_> = files.keys().filter(|name| name.starts_with('.')).collect();
    assert!(files.len() > 1 && hidden.is_empty(), "{hidden:?}");
}
