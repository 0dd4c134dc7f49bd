//! What operations on frames tell of their progress, and what becomes of a function that fails while it hears of it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ltx_jobs::{ErrorKind, Progress};

use crate::{LABEL, completed, emulator};

/// A function that hears of progress, and what it has heard.
fn listener() -> (impl Fn(&Progress) + Send + Sync + 'static, Arc<Mutex<Vec<Progress>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    (move |now: &Progress| hear.lock().unwrap().push(now.clone()), heard)
}

/// Numbers that only grow, at most ten times a second, and are all there at the end.
fn assert_one_stream(heard: &Mutex<Vec<Progress>>, frames: u64) {
    let heard = heard.lock().unwrap();
    let last = heard.last().unwrap();
    assert_eq!(
        (last.frames_done, last.frames_total),
        (frames, (frames > 0).then_some(frames))
    );
    assert!(
        last.bytes_done > 0 && Some(last.bytes_done) == last.bytes_total,
        "{last:?}"
    );
    for pair in heard.windows(2) {
        assert!(
            pair[0].bytes_done <= pair[1].bytes_done && pair[0].frames_done <= pair[1].frames_done,
            "{pair:?}"
        );
    }
    let beats = last.elapsed.as_millis() / 100 + 2;
    assert!(
        heard.len() as u128 <= beats,
        "{} times in {:?}",
        heard.len(),
        last.elapsed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_streaming_and_extracting_tell_of_frames_and_bytes_in_one_stream_that_only_grows() {
    let emulator = emulator("[archive]\nframes = 6\ncompression = \"none\"\npadding = 200000").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();

    let (hear, heard) = listener();
    frames.read(1).on_progress(hear).await.unwrap();
    assert_one_stream(&heard, 1);

    let (hear, heard) = listener();
    let mut stream = frames.stream().bandwidth(4_000_000).on_progress(hear).start();
    while let Some(frame) = stream.next().await {
        frame.unwrap();
    }
    // All frames are taken a moment before the operation has ended.
    let began = Instant::now();
    while heard.lock().unwrap().last().is_none_or(|last| last.frames_done < 6) {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    assert_one_stream(&heard, 6);

    let (hear, heard) = listener();
    let dest = tempfile::tempdir().unwrap();
    let extract = frames
        .extract(dest.path())
        .bandwidth(3_000_000)
        .connections(2)
        .on_progress(hear);
    extract.await.unwrap();
    assert_one_stream(&heard, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_fetched_whole_is_told_of_as_it_comes_and_its_frames_as_they_are_read() {
    let emulator =
        emulator("[archive]\nframes = 6\ncompression = \"none\"\npadding = 200000\n[storage]\nranges = false").await;
    let done = completed(&emulator).await;
    let spool = tempfile::tempdir().unwrap();
    let (hear, heard) = listener();
    let opening = done.frames().label(LABEL).spool(spool.path()).bandwidth(4_000_000);
    let frames = opening.on_progress(hear).await.unwrap();
    assert_one_stream(&heard, 0);
    let (hear, heard) = listener();
    let dest = tempfile::tempdir().unwrap();
    frames.extract(dest.path()).on_progress(hear).await.unwrap();
    assert_one_stream(&heard, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_while_it_hears_of_progress_fails_the_operation() {
    let emulator = emulator("[archive]\nframes = 3").await;
    let done = completed(&emulator).await;
    let fail = |_: &Progress| panic!("on purpose");
    let kinds = [
        done.frames().on_progress(fail).await.unwrap_err().kind(),
        {
            let frames = done.frames().await.unwrap();
            frames.read(0).on_progress(fail).await.unwrap_err().kind()
        },
        {
            let frames = done.frames().await.unwrap();
            let dest = tempfile::tempdir().unwrap();
            frames.extract(dest.path()).on_progress(fail).await.unwrap_err().kind()
        },
        {
            let frames = done.frames().await.unwrap();
            let mut stream = frames.stream().on_progress(fail).start();
            loop {
                match stream.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break error.kind(),
                    None => panic!("the failure was swallowed"),
                }
            }
        },
    ];
    assert_eq!(kinds, [ErrorKind::Internal; 4]);
}

#[tokio::test]
async fn numbers_that_cannot_be_meant_are_refused() {
    let emulator = emulator("[archive]\nframes = 3").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    let before = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();
    let kinds = [
        frames.extract(dest.path()).connections(0).await.unwrap_err().kind(),
        frames.extract(dest.path()).connections(65).await.unwrap_err().kind(),
        frames.read(0).bandwidth(0).await.unwrap_err().kind(),
        done.frames().bandwidth(0).await.unwrap_err().kind(),
        frames
            .stream()
            .connections(65)
            .start()
            .next()
            .await
            .unwrap()
            .unwrap_err()
            .kind(),
    ];
    assert_eq!(kinds, [ErrorKind::InvalidRequest; 5]);
    assert_eq!(emulator.requests().len(), before, "nothing was sent");
}
