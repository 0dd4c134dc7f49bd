//! How frames share a line, and how operations on them end on one that does not move.

use std::collections::HashSet;
use std::future::IntoFuture as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ltx_jobs::{Error, ErrorKind};
use ltx_jobs_emulator::{Do, Emulator, Fault};

use crate::{LABEL, asked_bytes, completed, emulator, expected, files, ranges, truth};

/// A cancelled call is back in a tenth of a second; a machine that is busy gets longer, and the line itself would take half a minute.
const AT_ONCE: Duration = Duration::from_secs(5);

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The next request to the storage is swallowed; the operation that `start` begins is cancelled in it, by its own signal.
async fn cancelled_in<T, F>(
    emulator: &Emulator,
    fault: Fault,
    start: impl FnOnce(tokio::sync::oneshot::Receiver<()>) -> F,
) where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    emulator.push_fault("download", fault).unwrap();
    let from = emulator.requests().len();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let running = tokio::spawn(start(stopped));
    until("nothing was asked for", || !ranges(emulator, from).is_empty()).await;
    let began = Instant::now();
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(AT_ONCE, running).await.unwrap().unwrap();
    assert_eq!(ended.err().unwrap().kind(), ErrorKind::Cancelled);
    assert!(began.elapsed() < AT_ONCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_added_where_each_has_its_own_share_by_extracting_and_by_streaming() {
    let programme = "[archive]\nframes = 48\ncompression = \"none\"\npadding = 500000\n[storage]\nrate = 4000000";
    let emulator = emulator(programme).await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let frames = done.frames().await.unwrap();
    let connections = |from: usize| {
        let requests = emulator.requests();
        let connections = requests[from..].iter().map(|request| request.connection);
        connections.collect::<HashSet<_>>().len()
    };

    let before = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();
    frames.extract(dest.path()).await.unwrap();
    assert_eq!(files(dest.path()), expected(&truth, 0..48));
    assert!(connections(before) >= 8, "{} connections", connections(before));

    let before = emulator.requests().len();
    let mut stream = frames.stream().start();
    while let Some(frame) = stream.next().await {
        frame.unwrap();
    }
    assert!(connections(before) >= 8, "{} connections", connections(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_on_frames_is_cancelled_at_once_on_a_line_that_swallows_everything_and_works_the_next_time() {
    let emulator = emulator("[archive]\nframes = 3\ncompression = \"none\"\npadding = 100000").await;
    let done = completed(&emulator).await;
    for fault in [|| Fault::new(Do::ReadAndNeverAnswer), || Fault::at(Do::Stall, 10)] {
        let opening = done.frames().label(LABEL);
        cancelled_in(&emulator, fault(), |stop| {
            opening.cancel(async move { drop(stop.await) }).into_future()
        })
        .await;
        let frames = done.frames().await.unwrap();

        let reading = frames.read(1);
        cancelled_in(&emulator, fault(), |stop| {
            reading.cancel(async move { drop(stop.await) }).into_future()
        })
        .await;
        frames.read(1).await.unwrap();

        let dest = tempfile::tempdir().unwrap();
        let extracting = frames.extract(dest.path());
        cancelled_in(&emulator, fault(), |stop| {
            extracting.cancel(async move { drop(stop.await) }).into_future()
        })
        .await;
        assert_eq!(frames.extract(dest.path()).await.unwrap().paths.len(), 3);

        let streaming = frames.stream();
        cancelled_in(&emulator, fault(), |stop| async move {
            let mut stream = streaming.cancel(async move { drop(stop.await) }).start();
            stream.next().await.unwrap()
        })
        .await;
        assert!(frames.stream().start().next().await.unwrap().is_ok());

        let dest = tempfile::tempdir().unwrap();
        let saving = done.download(dest.path()).only([LABEL]);
        cancelled_in(&emulator, fault(), |stop| {
            saving.cancel(async move { drop(stop.await) }).into_future()
        })
        .await;
        assert_eq!(done.download(dest.path()).only([LABEL]).await.unwrap().paths.len(), 3);
    }

    // A new URL that is asked for and does not come.
    let frames = done.frames().await.unwrap();
    emulator.push_fault("poll", Fault::new(Do::ReadAndNeverAnswer)).unwrap();
    let polls = emulator.count("GET", "/v2/*");
    emulator.push_fault("download", Fault::new(Do::ExpiredUrl)).unwrap();
    let reading = frames.read(0).start();
    until("nobody asked for a URL", || emulator.count("GET", "/v2/*") > polls).await;
    reading.cancel();
    let ended = tokio::time::timeout(AT_ONCE, reading.into_future()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    frames.read(0).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_being_fetched_whole_is_cancelled_at_once_and_leaves_nothing_in_the_directory() {
    let programme = "[archive]\nframes = 3\ncompression = \"none\"\npadding = 100000\n[storage]\nranges = false";
    let emulator = emulator(programme).await;
    let done = completed(&emulator).await;
    let spool = tempfile::tempdir().unwrap();
    // The first answer is the one that is kept; the second only shows that plain ranges are not known either.
    emulator.push_fault("download", Fault::at(Do::Stall, 150_000)).unwrap();
    let opening = done.frames().label(LABEL).spool(spool.path()).start();
    until("nothing came", || opening.snapshot().bytes_done > 0).await;
    opening.cancel();
    let ended = tokio::time::timeout(AT_ONCE, opening.into_future()).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    until("the archive stayed", || {
        std::fs::read_dir(spool.path()).unwrap().count() == 0
    })
    .await;
    let frames = done.frames().label(LABEL).spool(spool.path()).await.unwrap();
    assert_eq!(frames.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_cancelled_extraction_the_next_call_fetches_only_the_frames_that_are_missing() {
    let emulator = emulator("[archive]\nframes = 8\ncompression = \"none\"\npadding = 100000").await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let frames = done.frames().await.unwrap();
    let size = frames.size(0).unwrap();
    // All eight come by one request, which stops in the sixth frame.
    let stall = Fault::at(Do::Stall, 5 * size + size / 2);
    emulator.push_fault("download", stall).unwrap();
    let dest = tempfile::tempdir().unwrap();
    let published = Arc::new(Mutex::new(0));
    let count = Arc::clone(&published);
    let extracting = frames
        .extract(dest.path())
        .on_frame(move |_| *count.lock().unwrap() += 1)
        .start();
    until("the frames before were not published", || {
        *published.lock().unwrap() == 5
    })
    .await;
    extracting.cancel();
    assert_eq!(extracting.into_future().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(files(dest.path()), expected(&truth, 0..5));

    let before = emulator.requests().len();
    frames.extract(dest.path()).await.unwrap();
    assert_eq!(files(dest.path()), expected(&truth, 0..8));
    let missing = 3 * size;
    let asked = asked_bytes(&ranges(&emulator, before));
    assert!((missing..missing + size / 2).contains(&asked), "{asked} of {missing}");
}
