//! The frames of a completed job as a list, against the emulator: listed, read, streamed, extracted.
#![allow(clippy::unwrap_used, clippy::panic)] // A test.

mod line;
mod progress;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ltx_jobs::{Client, Completed, ErrorKind, Frames, Request};
use ltx_jobs_emulator::{Artifact, Do, Emulator, Fault, Programme};
use serde_json::json;

pub(crate) const LABEL: &str = "exr_frames_url";

pub(crate) fn client(emulator: &Emulator) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .without_journal()
        .poll_interval(Duration::from_millis(20))
        .backoff_base(Duration::from_millis(5))
        .backoff_cap(Duration::from_millis(20))
        .build()
        .unwrap()
}

pub(crate) async fn emulator(programme: &str) -> Emulator {
    Emulator::start(Programme::from_toml(programme).unwrap()).await.unwrap()
}

pub(crate) async fn completed(emulator: &Emulator) -> Completed {
    let request = Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    )
    .unwrap();
    let job = client(emulator).submit(request).await.unwrap();
    job.wait().timeout(Duration::from_secs(60)).await.unwrap()
}

/// What the emulator says the frames are.
pub(crate) async fn truth(emulator: &Emulator, done: &Completed) -> Artifact {
    let id = done.job().reference().id().unwrap().to_owned();
    emulator.artifact_hashes(&id, LABEL).await.unwrap()
}

/// The byte ranges that the archive was asked for since request number `from`.
pub(crate) fn ranges(emulator: &Emulator, from: usize) -> Vec<String> {
    emulator
        .requests()
        .iter()
        .skip(from)
        .filter(|request| request.origin == "storage" && request.method == "GET")
        .map(|request| request.header("range").unwrap_or("all").to_owned())
        .collect()
}

/// Bytes of ranges such as `bytes=10-19` and `bytes=-10`.
pub(crate) fn asked_bytes(ranges: &[String]) -> u64 {
    let of = |range: &String| {
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let last: u64 = last.parse().unwrap();
        first.parse::<u64>().map_or(last, |first| last - first + 1)
    };
    ranges.iter().map(of).sum()
}

pub(crate) fn crc32(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

/// Name and CRC-32 of every file in a directory.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, crc32(&std::fs::read(path).unwrap()))
        })
        .collect()
}

pub(crate) fn expected(artifact: &Artifact, range: Range<usize>) -> BTreeMap<String, String> {
    artifact.members[range]
        .iter()
        .map(|member| {
            let name = member.name.rsplit('/').next().unwrap();
            (name.to_owned(), member.crc32.clone())
        })
        .collect()
}

fn is_shareable<T: Clone + Send + Sync + 'static>() {}

#[tokio::test]
async fn the_list_has_names_numbers_and_sizes_and_costs_one_request() {
    is_shareable::<Frames>();
    let emulator =
        emulator("[archive]\nframes = 12\nfirst_index = 95\nfolder = \"out/\"\nextra_members = [\"README.txt\"]").await;
    let done = completed(&emulator).await;
    let before = emulator.requests().len();
    let frames = done.frames().await.unwrap();
    assert_eq!(ranges(&emulator, before), ["bytes=-262144"]);
    let truth = truth(&emulator, &done).await;
    assert_eq!((frames.len(), frames.is_empty(), frames.label()), (12, false, LABEL));
    assert_eq!(frames.names().next(), Some("frame_00095.exr"));
    assert_eq!(frames.name(11), Some("frame_00106.exr"));
    assert_eq!((frames.number(5), frames.number(12)), (Some(100), None));
    assert_eq!((frames.by_number(106), frames.by_number(94)), (Some(11), None));
    for (index, member) in truth.members.iter().enumerate().take(12) {
        assert_eq!(frames.size(index), Some(member.length));
    }
}

#[tokio::test]
async fn every_variant_of_an_archive_gives_the_same_frames_in_every_way() {
    let mut variants = 0;
    for method in ["stored", "deflated"] {
        for descriptors in [false, true] {
            for zip64 in [false, true] {
                for folder in ["", "exr/"] {
                    variants += 1;
                    let emulator = emulator(&format!(
                        "[archive]\nframes = 4\nmethod = \"{method}\"\ndescriptors = {descriptors}\nzip64 = {zip64}\nfolder = \"{folder}\"\nextra_members = [\"README.txt\", \"exr/log.json\"]"
                    ))
                    .await;
                    let done = completed(&emulator).await;
                    let truth = truth(&emulator, &done).await;
                    let frames = done.frames().await.unwrap();
                    assert_eq!(frames.len(), 4);
                    let mut stream = frames.stream().start();
                    for index in 0..4 {
                        let read = frames.read(index).await.unwrap();
                        assert_eq!(crc32(&read), truth.members[index].crc32);
                        let streamed = stream.next().await.unwrap().unwrap();
                        assert_eq!((streamed.index, streamed.number), (index, Some(index as u64 + 1)));
                        assert_eq!(streamed.bytes, read);
                    }
                    assert!(stream.next().await.is_none());
                    let dest = tempfile::tempdir().unwrap();
                    let saved = frames.extract(dest.path()).await.unwrap();
                    assert_eq!(saved.paths.len(), 4);
                    assert_eq!(files(dest.path()), expected(&truth, 0..4));
                }
            }
        }
    }
    assert_eq!(variants, 16);
}

#[tokio::test]
async fn one_frame_of_an_archive_beyond_4_gib_costs_less_than_itself_and_a_mebibyte() {
    // 270 frames of 16 MiB that are the same but for some rows: nothing of it is held or written anywhere.
    let emulator =
        emulator("[archive]\nframes = 270\ncompression = \"none\"\npadding = 16777216\n[storage]\ngoog_hash = false")
            .await;
    let done = completed(&emulator).await;
    let before = emulator.requests().len();
    let frames = done.frames().await.unwrap();
    let last = frames.len() - 1;
    let bytes = frames.read(last).await.unwrap();
    let asked = ranges(&emulator, before);
    assert_eq!(asked.len(), 2, "{asked:?}");
    let start: u64 = asked[1]
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap()
        .0
        .parse()
        .unwrap();
    assert!(start > 4 << 30, "the frame lies beyond 4 GiB: {start}");
    assert!(bytes.len() > 16 << 20);
    let beside = asked_bytes(&asked) - bytes.len() as u64;
    assert!(beside < 1 << 20, "{beside} bytes beside the frame: {asked:?}");
    assert_eq!(bytes.len() as u64, frames.size(last).unwrap());
    assert_eq!(&bytes[..4], b"\x76\x2f\x31\x01");
}

#[tokio::test]
async fn a_directory_larger_than_the_first_request_takes_one_more() {
    let emulator = emulator(
        "[archive]\nframes = 6000\nwidth = 1\nheight = 1\ncompression = \"none\"\nfolder = \"a-folder-with-a-name/\"",
    )
    .await;
    let done = completed(&emulator).await;
    let before = emulator.requests().len();
    let frames = done.frames().await.unwrap();
    assert_eq!(frames.len(), 6000);
    assert_eq!(ranges(&emulator, before).len(), 2);
    assert_eq!(
        frames.read(5999).await.unwrap().len() as u64,
        frames.size(5999).unwrap()
    );
}

#[tokio::test]
async fn frames_are_fetched_over_several_connections_and_heard_of_as_they_are_published() {
    let emulator =
        emulator("[archive]\nframes = 12\ncompression = \"none\"\npadding = 3000000\n[video]\nenabled = false").await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let frames = done.frames().await.unwrap();
    let before = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    let operation = frames
        .extract(dest.path())
        .on_frame(move |frame| {
            let whole = std::fs::read(&frame.path).unwrap();
            hear.lock().unwrap().push((frame.index, crc32(&whole)));
        })
        .start();
    operation.clone().await.unwrap();
    let progress = operation.snapshot();
    assert_eq!((progress.frames_done, progress.frames_total), (12, Some(12)));
    assert_eq!(Some(progress.bytes_done), progress.bytes_total);
    let requests = emulator.requests();
    let connections: std::collections::HashSet<u64> =
        requests[before..].iter().map(|request| request.connection).collect();
    assert!(connections.len() > 1, "{connections:?}");
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    let all: Vec<_> = truth
        .members
        .iter()
        .map(|member| member.crc32.clone())
        .enumerate()
        .collect();
    assert_eq!(heard, all);
    // Frames are asked for in order.
    let starts: Vec<u64> = ranges(&emulator, before)
        .iter()
        .map(|range| {
            range
                .strip_prefix("bytes=")
                .unwrap()
                .split_once('-')
                .unwrap()
                .0
                .parse()
                .unwrap()
        })
        .collect();
    assert!(starts.is_sorted(), "{starts:?}");
}

#[tokio::test]
async fn what_is_there_is_not_fetched_also_under_other_names() {
    let emulator = emulator("[archive]\nframes = 6\ncompression = \"none\"\npadding = 100000").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    let dest = tempfile::tempdir().unwrap();
    let extract = || {
        frames
            .extract(dest.path())
            .frame_name("sh010.{frame:04}.exr")
            .first_frame(1001)
    };
    assert_eq!(extract().range(..3).await.unwrap().paths.len(), 3);
    let names: Vec<String> = files(dest.path()).into_keys().collect();
    assert_eq!(names, ["sh010.1001.exr", "sh010.1002.exr", "sh010.1003.exr"]);
    std::fs::remove_file(dest.path().join("sh010.1002.exr")).unwrap();

    let before = emulator.requests().len();
    let saved = extract().await.unwrap();
    let missing = 4 * (frames.size(0).unwrap() + 1000);
    assert!(
        asked_bytes(&ranges(&emulator, before)) < missing,
        "the second and the last three"
    );
    assert_eq!(saved.paths[5], dest.path().join("sh010.1006.exr"));
    // And a download of the job finds them there as well.
    let before = emulator.requests().len();
    let shots = tempfile::tempdir().unwrap();
    std::fs::rename(dest.path(), shots.path().join("exr_frames")).unwrap();
    let download = done.download(shots.path()).only([LABEL]);
    let saved = download
        .frame_name("sh010.{frame:04}.exr")
        .first_frame(1001)
        .await
        .unwrap();
    assert_eq!(saved.paths.len(), 6);
    assert_eq!(ranges(&emulator, before), ["bytes=-262144"]);

    std::fs::write(shots.path().join("exr_frames/sh010.1004.exr"), b"mine").unwrap();
    let again = frames
        .extract(shots.path().join("exr_frames"))
        .frame_name("sh010.{frame:04}.exr")
        .first_frame(1001);
    assert_eq!(again.clone().await.unwrap_err().kind(), ErrorKind::Exists);
    assert_eq!(
        std::fs::read(shots.path().join("exr_frames/sh010.1004.exr")).unwrap(),
        b"mine"
    );
    assert_eq!(again.overwrite(true).await.unwrap().paths.len(), 6);
}

#[tokio::test]
async fn a_frame_that_stays_damaged_is_named_and_the_others_are_there() {
    let emulator = emulator("[archive]\nframes = 5\ncompression = \"none\"\npadding = 100000").await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let frames = done.frames().await.unwrap();
    // Inside the third frame, in every answer that covers it.
    let at = 2 * frames.size(0).unwrap() + 50_000;
    let corrupt = || Fault {
        at: Some(at),
        times: 0,
        ..Fault::new(Do::CorruptByte)
    };
    emulator.push_fault("download:exr_frames_url", corrupt()).unwrap();
    let dest = tempfile::tempdir().unwrap();
    let error = frames.extract(dest.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert!(error.message().contains("frame_00003.exr"), "{error}");
    assert!(error.is_retryable());
    let mut others = expected(&truth, 0..5);
    others.remove("frame_00003.exr");
    assert_eq!(files(dest.path()), others);

    let error = frames.read(2).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Integrity && error.message().contains("frame_00003.exr"),
        "{error}"
    );
    assert!(frames.read(3).await.is_ok());

    let mut stream = frames.stream().start();
    assert_eq!(stream.next().await.unwrap().unwrap().index, 0);
    assert_eq!(stream.next().await.unwrap().unwrap().index, 1);
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.message().contains("frame_00003.exr"), "{error}");
    assert!(stream.next().await.is_none(), "a stream ends with its first error");
    let mut rest = frames.stream().range(3..).start();
    assert_eq!(rest.next().await.unwrap().unwrap().index, 3);
}

#[tokio::test]
async fn a_list_that_is_held_outlives_its_urls() {
    let emulator = emulator("[archive]\nframes = 3\n[storage]\nurl_lifetime_s = 600").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    frames.read(0).await.unwrap();
    emulator.advance(Duration::from_secs(3600));
    let before = emulator.count("GET", "/v2/*");
    frames.read(1).await.unwrap();
    frames.read(2).await.unwrap();
    assert_eq!(
        emulator.count("GET", "/v2/*"),
        before + 1,
        "asked once, for all of them"
    );
}

#[tokio::test]
async fn a_url_that_is_about_to_expire_is_renewed_before_the_storage_refuses_it() {
    let emulator = emulator("[archive]\nframes = 4\n[storage]\nurl_lifetime_s = 600").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    // The storage's answer to the next request tells what time it is; there is no need to renew yet.
    emulator.advance(Duration::from_secs(592));
    let polls = emulator.count("GET", "/v2/*");
    frames.read(0).await.unwrap();
    assert_eq!(emulator.count("GET", "/v2/*"), polls);
    let before = emulator.requests().len();
    for index in 1..4 {
        frames.read(index).await.unwrap();
    }
    assert_eq!(emulator.count("GET", "/v2/*"), polls + 1);
    assert_eq!(ranges(&emulator, before).len(), 3, "none was refused");
}

#[tokio::test]
async fn an_archive_that_was_replaced_is_told_apart() {
    let emulator = emulator("[archive]\nframes = 3").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    emulator
        .push_fault("download:exr_frames_url", Fault::new(Do::ChangedEtag))
        .unwrap();
    assert_eq!(frames.read(0).await.unwrap_err().kind(), ErrorKind::ObjectChanged);
    let fresh = done.frames().await.unwrap();
    assert!(fresh.read(0).await.is_ok());
}

#[tokio::test]
async fn a_storage_without_ranges_gives_the_same_list_from_a_directory_that_was_named() {
    let emulator = emulator("[archive]\nframes = 3\nmethod = \"deflated\"\n[storage]\nranges = false").await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let error = done.frames().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("spool"), "{error}");

    let spool = tempfile::tempdir().unwrap();
    let frames = done.frames().spool(spool.path()).await.unwrap();
    let entries = || std::fs::read_dir(spool.path()).unwrap().count();
    assert_eq!(entries(), 1);
    let before = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();
    frames.extract(dest.path()).await.unwrap();
    assert_eq!(files(dest.path()), expected(&truth, 0..3));
    assert_eq!(crc32(&frames.read(1).await.unwrap()), truth.members[1].crc32);
    let mut stream = frames.stream().start();
    assert_eq!(
        crc32(&stream.next().await.unwrap().unwrap().bytes),
        truth.members[0].crc32
    );
    drop(stream);
    assert_eq!(emulator.requests().len(), before, "everything came from the disk");
    let clone = frames.clone();
    drop(frames);
    assert_eq!(entries(), 1);
    drop(clone);
    // An operation that ended a moment ago may still hold the list.
    let began = Instant::now();
    while entries() > 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "the archive stayed");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_storage_that_knows_only_plain_ranges_is_read_by_ranges_too() {
    let emulator = emulator("[archive]\nframes = 30\npadding = 100000\n[storage]\nsuffix_ranges = false").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    assert_eq!(frames.len(), 30);
    assert!(frames.read(29).await.is_ok());
    let dest = tempfile::tempdir().unwrap();
    done.download(dest.path()).only([LABEL]).await.unwrap();
    assert_eq!(files(&dest.path().join("exr_frames")).len(), 30);
}

#[tokio::test]
async fn labels_choose_and_what_is_no_archive_says_so() {
    let emulator = emulator("[video]\nextra_labels = [\"more_frames_url\"]").await;
    let done = completed(&emulator).await;
    let error = done.frames().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.message().contains("more_frames_url") && error.message().contains(LABEL),
        "{error}"
    );
    for label in [LABEL, "exr_frames"] {
        assert_eq!(done.frames().label(label).await.unwrap().len(), 3);
    }
    let kind = |label: &'static str| {
        let opening = done.frames().label(label);
        async move { opening.await.unwrap_err().kind() }
    };
    assert_eq!(kind("video_url").await, ErrorKind::Archive);
    assert_eq!(kind("more_frames").await, ErrorKind::Archive);
    assert_eq!(kind("none").await, ErrorKind::InvalidRequest);
    let frames = done.frames().label(LABEL).await.unwrap();
    assert_eq!(frames.read(3).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(
        frames
            .stream()
            .range(2..5)
            .start()
            .next()
            .await
            .unwrap()
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidRequest
    );
    let dest = tempfile::tempdir().unwrap();
    assert_eq!(
        frames.extract(dest.path()).range(4..).await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_fetches_ahead_only_as_far_as_its_budget_and_a_thread_can_read_it() {
    let emulator = emulator("[archive]\nframes = 20\ncompression = \"none\"\npadding = 1000000").await;
    let done = completed(&emulator).await;
    let frames = done.frames().await.unwrap();
    let size = frames.size(0).unwrap();
    let stream = frames.stream().budget(3 * size + 4096).start();
    assert!(stream.wait(Some(Duration::from_secs(30))));
    // Nothing is taken: the fetching comes to rest at the budget.
    let began = Instant::now();
    while stream.snapshot().frames_done < 3 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", stream.snapshot());
        tokio::task::yield_now().await;
    }
    assert_eq!(stream.snapshot().frames_done, 3);
    let read = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while stream.wait(Some(Duration::from_secs(30))) {
            match stream.take() {
                Some(Some(frame)) => seen.push(frame.unwrap().index),
                Some(None) => break,
                None => panic!("nothing there after a wait"),
            }
        }
        seen
    });
    assert!(read.join().unwrap().into_iter().eq(0..20));
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_reading_streaming_and_extracting_at_once_and_leaves_nothing_half_done() {
    let emulator = emulator("[archive]\nframes = 8\ncompression = \"none\"\npadding = 2000000").await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let frames = done.frames().await.unwrap();
    // One request for the one frame, and two of up to 8 MiB each for all of them, twice.
    let stall = Fault {
        at: Some(500_000),
        times: 5,
        ..Fault::new(Do::Stall)
    };
    emulator.push_fault("download:exr_frames_url", stall).unwrap();
    let before = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();

    let read = frames.read(0).start();
    let extract = frames.extract(dest.path()).start();
    let mut stream = frames.stream().start();
    let began = Instant::now();
    while ranges(&emulator, before).len() < 5 || extract.snapshot().bytes_done == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            ranges(&emulator, before)
        );
        tokio::task::yield_now().await;
    }
    let cancelled = Instant::now();
    read.cancel();
    extract.cancel();
    stream.cancel();
    assert_eq!(read.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(extract.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    // The connections stall for half a minute; a second is far from that, also on a busy machine.
    assert!(
        cancelled.elapsed() < Duration::from_secs(1),
        "{:?}",
        cancelled.elapsed()
    );
    assert!(files(dest.path()).is_empty(), "{:?}", files(dest.path()));

    frames.extract(dest.path()).await.unwrap();
    assert_eq!(files(dest.path()), expected(&truth, 0..8));
}

#[test]
fn a_list_outlives_the_runtime_it_was_opened_in() {
    let service = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let emulator = service.block_on(emulator("[archive]\nframes = 3\n[storage]\nurl_lifetime_s = 600"));
    let first = tokio::runtime::Runtime::new().unwrap();
    let frames = first.block_on(async {
        let frames = completed(&emulator).await.frames().await.unwrap();
        frames.read(0).await.unwrap();
        frames
    });
    drop(first);
    emulator.advance(Duration::from_secs(3600));
    let second = tokio::runtime::Runtime::new().unwrap();
    let bytes = second.block_on(async { frames.read(2).await.unwrap() });
    assert_eq!(
        bytes.len() as u64,
        frames.size(2).unwrap(),
        "with connections and a poll of the second runtime"
    );
}
