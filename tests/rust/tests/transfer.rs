//! Downloads and uploads over real sockets, against the emulator's storage: what is saved is the object, or absent with a named error.
// Clippy excuses only test functions by itself, not what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ltx_jobs::{Client, Completed, ErrorKind, Media, VideoToVideoHdr};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};

fn client(emulator: &Emulator) -> Client {
    Client::builder()
        .api_key(emulator.api_key())
        .base_url(emulator.api_url())
        .without_journal()
        .poll_interval(Duration::from_millis(5))
        .backoff_base(Duration::from_millis(1))
        .backoff_cap(Duration::from_millis(5))
        .stall_timeout(Duration::from_millis(1500))
        .build()
        .unwrap()
}

async fn completed(client: &Client) -> Completed {
    let request = VideoToVideoHdr::new(Media::url("https://clips.example/plate.mp4"));
    let job = client.submit(request).await.unwrap();
    job.wait().timeout(Duration::from_secs(30)).await.unwrap()
}

fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(
                    path.strip_prefix(directory).unwrap().to_string_lossy().into_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    found
}

/// One job, one download, on an emulator of its own.
async fn saved_with(programme: Programme) -> (Result<(), ErrorKind>, BTreeMap<String, Vec<u8>>, Emulator) {
    let emulator = Emulator::start(programme).await.unwrap();
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let outcome = done.download(dest.path()).await;
    if let Err(error) = &outcome {
        assert!(!format!("{error} {error:?}").contains("X-Goog-Signature"), "{error:?}");
    }
    for request in emulator.requests().iter().filter(|request| request.origin == "storage") {
        assert_eq!(request.header("authorization"), None, "the key went to the storage");
    }
    (
        outcome.map(drop).map_err(|error| error.kind()),
        tree(dest.path()),
        emulator,
    )
}

fn programme(toml: &str) -> Programme {
    Programme::from_toml(toml).unwrap()
}

fn fault(route: &str, what: Do, at: u64) -> Fault {
    let has_a_place = matches!(what, Do::CutBody | Do::Stall | Do::CorruptByte | Do::TruncatedLength);
    let fault = if has_a_place {
        Fault::at(what, at)
    } else {
        Fault::new(what)
    };
    Fault {
        route: route.to_owned(),
        times: 1,
        ..fault
    }
}

const SHAPES: &[&str] = &[
    "",
    "[archive]\nmethod = 'deflated'\ndescriptors = true",
    "[archive]\ndescriptors = true\nzip64 = true\nfolder = 'exr/'\nextra_members = ['readme.txt']",
    "[storage]\nranges = false",
    "[storage]\nsuffix_ranges = false",
    "[storage]\netag = false\ngeneration = false\ngoog_hash = 'md5'",
    "[storage]\ngoog_hash = false",
    "[archive]\nzip64 = true\nfirst_index = 0\n[storage]\netag = false\ngeneration = false\nlast_modified = false\ngoog_hash = false",
];

#[tokio::test]
async fn every_shape_of_archive_and_storage_gives_the_frames_and_the_video() {
    for shape in SHAPES {
        let (outcome, files, emulator) = saved_with(programme(shape)).await;
        assert_eq!(outcome, Ok(()), "{shape}");
        let artifacts = emulator.artifacts().await.unwrap();
        let archive = artifacts
            .iter()
            .find(|artifact| artifact.label == "exr_frames_url")
            .unwrap();
        let expected: BTreeMap<String, u64> = archive
            .members
            .iter()
            .filter(|member| member.name.ends_with(".exr"))
            .map(|member| {
                (
                    format!("exr_frames/{}", member.name.rsplit('/').next().unwrap()),
                    member.length,
                )
            })
            .chain([(
                "video.mp4".to_owned(),
                artifacts
                    .iter()
                    .find(|artifact| artifact.label == "video_url")
                    .unwrap()
                    .length,
            )])
            .collect();
        let found: BTreeMap<String, u64> = files
            .iter()
            .map(|(name, bytes)| (name.clone(), bytes.len() as u64))
            .collect();
        assert_eq!(found, expected, "{shape}");
    }
}

#[tokio::test]
async fn whatever_breaks_once_or_twice_the_files_are_the_same() {
    let (_, expected, _) = saved_with(Programme::default()).await;
    let frames = "download:exr_frames_url";
    let video = "download:video_url";
    let cases: Vec<Vec<Fault>> = vec![
        vec![fault(frames, Do::CutBody, 500), fault(frames, Do::CutBody, 2000)],
        vec![fault(video, Do::CutBody, 100), fault(video, Do::CutBody, 50)],
        vec![Fault {
            reset: true,
            ..fault(frames, Do::CutBody, 500)
        }],
        vec![fault(frames, Do::Stall, 300), fault(video, Do::Stall, 10)],
        vec![
            fault(frames, Do::CutAfterHeaders, 0),
            fault(video, Do::CutBeforeHeaders, 0),
        ],
        vec![fault(frames, Do::ExpiredUrl, 0), fault(video, Do::ExpiredUrl, 0)],
        vec![
            fault(frames, Do::WrongContentRange, 0),
            fault(video, Do::WrongContentRange, 0),
        ],
        vec![
            Fault {
                skip: 1,
                ..fault(frames, Do::CorruptByte, 900)
            },
            fault(video, Do::CorruptByte, 200),
        ],
        vec![Fault {
            skip: 1,
            ..fault(frames, Do::IgnoreRange, 0)
        }],
        vec![fault(video, Do::CutBody, 100), fault(video, Do::IgnoreRange, 0)],
        vec![
            Fault {
                status: Some(503),
                ..fault(frames, Do::Status, 0)
            },
            Fault {
                status: Some(429),
                ..fault(video, Do::Status, 0)
            },
        ],
        vec![fault(video, Do::TruncatedLength, 100)],
    ];
    for faults in cases {
        let programme = Programme {
            fault: faults.clone(),
            ..Programme::default()
        };
        let (outcome, files, _) = saved_with(programme).await;
        assert_eq!(outcome, Ok(()), "{faults:?}");
        assert!(files == expected, "{faults:?}: {:?}", files.keys());
    }
}

#[tokio::test]
async fn what_cannot_be_saved_is_absent_with_a_named_error() {
    let evil = |member: &str| programme(&format!("[archive]\nevil_members = [{member}]"));
    let with = |faults: Vec<Fault>| Programme {
        fault: faults,
        ..Programme::default()
    };
    let frames = "download:exr_frames_url";
    for (programme, kind) in [
        (evil("{ name = '../../evil.exr' }"), ErrorKind::UnsafeName),
        (evil("{ name = '/etc/evil.exr' }"), ErrorKind::UnsafeName),
        (evil("{ name = 'C:\\evil.exr' }"), ErrorKind::UnsafeName),
        (evil("{ name = 'nul.exr' }"), ErrorKind::UnsafeName),
        (evil("{ name = 'FRAME_00001.EXR' }"), ErrorKind::UnsafeName),
        (evil("{ name = 'link.exr', kind = 'symlink' }"), ErrorKind::UnsafeName),
        (evil("{ name = 'over.exr', kind = 'overlap' }"), ErrorKind::Archive),
        (
            evil("{ name = 'secret.exr', kind = 'encrypted' }"),
            ErrorKind::Unsupported,
        ),
        (
            with(vec![Fault {
                status: Some(404),
                times: 0,
                ..fault(frames, Do::Status, 0)
            }]),
            ErrorKind::ResultExpired,
        ),
        (
            with(vec![Fault {
                status: Some(403),
                times: 0,
                ..fault(frames, Do::Status, 0)
            }]),
            ErrorKind::ResultExpired,
        ),
        (
            with(vec![Fault {
                times: 0,
                ..fault(frames, Do::CutBody, 0)
            }]),
            ErrorKind::ConnectionLost,
        ),
    ] {
        let text = format!("{:?} {:?}", programme.archive.evil_members, programme.fault);
        let (outcome, files, _) = saved_with(programme).await;
        assert_eq!(outcome, Err(kind), "{text}");
        assert_eq!(files.keys().filter(|name| name.contains("exr")).count(), 0, "{text}");
    }
    // A member whose header and directory contradict each other spoils its own frame only.
    let (outcome, files, _) = saved_with(evil("{ name = 'z_00009.exr', kind = 'bad_crc' }")).await;
    assert_eq!(outcome, Err(ErrorKind::Archive));
    assert_eq!(files.keys().filter(|name| name.contains("exr")).count(), 3);
}

#[tokio::test]
async fn one_frame_missing_is_one_frame_fetched() {
    let emulator = Emulator::start(programme("[archive]\nframes = 8\npadding = 100000"))
        .await
        .unwrap();
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let saved = done.download(dest.path()).await.unwrap();
    let before = tree(dest.path());
    std::fs::remove_file(
        saved
            .paths
            .iter()
            .find(|path| path.ends_with("frame_00005.exr"))
            .unwrap(),
    )
    .unwrap();
    let requests = emulator.requests().len();
    done.download(dest.path()).await.unwrap();
    assert!(tree(dest.path()) == before);
    let ranges: Vec<String> = emulator.requests()[requests..]
        .iter()
        .filter(|request| request.origin == "storage")
        .filter_map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(
        ranges.len(),
        3,
        "{ranges:?}: the directory, one frame, one look at the video"
    );
    let (first, last) = ranges[1]
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .unwrap();
    let length = last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap();
    assert!(length < 150_000, "{ranges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_slow_download_ends_it_within_a_tenth_of_a_second() {
    let emulator = Emulator::start(programme("[archive]\npadding = 400000\n[storage]\nrate = 400000"))
        .await
        .unwrap();
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let operation = done.download(dest.path()).start();
    while operation.snapshot().bytes_done == 0 && !operation.is_ended() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    operation.cancel();
    let outcome = operation.await;
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
}

fn clip(directory: &Path, size: usize) -> std::path::PathBuf {
    let path = directory.join("plate.mp4");
    let mut bytes = b"\0\0\0\x18ftypisom\0\0\0\0isommp42".to_vec();
    bytes.resize(size, 7);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[tokio::test]
async fn an_upload_is_repeated_whole_and_with_a_new_slot_after_an_uncertain_put() {
    for (route, what, puts, slots) in [
        ("put", Do::ReadAndClose, 2, 2),
        ("put", Do::CutBeforeHeaders, 2, 2),
        ("put", Do::Status, 2, 2),
        ("slot", Do::ReadAndClose, 1, 2),
        ("slot", Do::Status, 1, 2),
    ] {
        let programme = Programme {
            fault: vec![Fault {
                status: (what == Do::Status).then_some(503),
                ..fault(route, what, 0)
            }],
            ..Programme::default()
        };
        let emulator = Emulator::start(programme).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let uri = client(&emulator)
            .upload(Media::file(clip(directory.path(), 700_000)))
            .await;
        let uri = uri.unwrap_or_else(|error| panic!("{route} {what:?}: {error:?}"));
        assert!(uri.starts_with("ltx://uploads/"), "{uri}");
        let requests = emulator.requests();
        let sent: Vec<_> = requests.iter().filter(|request| request.method == "PUT").collect();
        assert_eq!(sent.len(), puts, "{route} {what:?}");
        assert_eq!(emulator.count("POST", "/v1/upload"), slots, "{route} {what:?}");
        for put in &sent {
            assert_eq!(
                (put.header("authorization"), put.header("content-length")),
                (None, Some("700000"))
            );
            assert_eq!(put.header("content-type"), Some("video/mp4"));
        }
        let paths: std::collections::HashSet<_> = sent.iter().map(|put| &put.path).collect();
        assert_eq!(paths.len(), puts, "a slot was used twice");
    }
}

#[tokio::test]
async fn what_the_service_would_refuse_is_refused_before_any_request() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    std::fs::write(&text, "hello").unwrap();
    let large = directory.path().join("large.mp4");
    std::fs::copy(clip(directory.path(), 100), &large).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&large)
        .unwrap()
        .set_len((200 << 20) + 1)
        .unwrap();
    for (path, kind) in [
        (text, ErrorKind::InvalidRequest),
        (large, ErrorKind::RequestTooLarge),
        (directory.path().join("none.mp4"), ErrorKind::Io),
        (directory.path().to_owned(), ErrorKind::InvalidRequest),
    ] {
        let error = client(&emulator).upload(Media::file(&path)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}: {error}", path.display());
    }
    assert_eq!(emulator.requests(), []);
}
