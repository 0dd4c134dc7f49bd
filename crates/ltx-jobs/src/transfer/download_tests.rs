//! Outputs saved from a storage that misbehaves: whole or absent, and nothing left beside them.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::transfer::fake::{FakeStorage, Fault};

const FRAMES: usize = 5;

fn frame(number: usize) -> Vec<u8> {
    let mut bytes = b"\x76\x2f\x31\x01".to_vec();
    bytes.extend((0..20_000 + number * 100).map(|at| ((at * 131 + number * 17) % 253) as u8));
    bytes
}

fn archive(method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for number in 0..FRAMES {
        writer
            .start_file(format!("out/frame_{number:05}.exr"), options)
            .unwrap();
        writer.write_all(&frame(number)).unwrap();
    }
    writer.start_file("out/readme.txt", options).unwrap();
    writer.write_all(b"hello").unwrap();
    writer.finish().unwrap().into_inner()
}

fn video() -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypisom\0\0\0\0isommp42".to_vec();
    bytes.extend((0..70_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8));
    bytes
}

/// Every file under a directory, by its path from there.
fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path
                    .strip_prefix(directory)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn frames_on_disk() -> Vec<(String, Vec<u8>)> {
    (0..FRAMES)
        .map(|number| (format!("exr_frames/frame_{number:05}.exr"), frame(number)))
        .collect()
}

async fn save(
    storage: &Arc<FakeStorage>,
    label: &str,
    path: &str,
    dest: &Path,
    options: &DownloadOptions,
) -> Result<Saved> {
    save_all(
        &storage.flow(),
        &ProgressSink::new(),
        vec![storage.output(label, path)],
        dest,
        options,
    )
    .await
}

async fn save_frames(storage: &Arc<FakeStorage>, dest: &Path) -> Result<Saved> {
    save(storage, "exr_frames_url", "frames.zip", dest, &DownloadOptions::new()).await
}

#[tokio::test]
async fn a_video_is_saved_whole_under_its_label_and_kind() {
    for faults in [
        vec![],
        vec![Fault::Cut(10), Fault::Cut(40_000)],
        vec![Fault::Corrupt(50_000)],
        vec![Fault::Cut(30_000), Fault::Change(video())],
    ] {
        let dest = tempfile::tempdir().unwrap();
        let storage = Arc::new(FakeStorage::new(video(), faults.clone()));
        let saved = save(&storage, "video_url", "o/123", dest.path(), &DownloadOptions::new())
            .await
            .unwrap();
        assert_eq!(tree(dest.path()), [("video.mp4".to_owned(), video())], "{faults:?}");
        assert_eq!(
            (saved.paths, saved.crc32c, saved.bytes),
            (
                vec![dest.path().join("video.mp4")],
                vec![crc32c::crc32c(&video())],
                video().len() as u64
            )
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_had_whole_is_absent_and_leaves_nothing() {
    let cases = [
        (vec![Fault::Corrupt(9), Fault::Corrupt(9)], ErrorKind::Integrity),
        (vec![Fault::Status(404)], ErrorKind::ResultExpired),
        (vec![Fault::Cut(40_000), Fault::Status(404)], ErrorKind::ResultExpired),
    ];
    for (faults, kind) in cases {
        let dest = tempfile::tempdir().unwrap();
        let storage = Arc::new(FakeStorage::new(video(), faults));
        let error = save(&storage, "video_url", "o/123", dest.path(), &DownloadOptions::new())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(tree(dest.path()), []);
    }
}

#[tokio::test]
async fn a_file_that_changed_in_between_is_begun_anew_and_never_mixed() {
    let mut other = video();
    other[60_000] ^= 1;
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(
        video(),
        [Fault::Cut(30_000), Fault::Change(other.clone())],
    ));
    save(&storage, "video_url", "o/123", dest.path(), &DownloadOptions::new())
        .await
        .unwrap();
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), other)]);
}

#[tokio::test]
async fn an_equal_file_that_is_there_is_not_fetched_and_a_different_one_is_not_touched() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(video(), []));
    let options = DownloadOptions::new();
    save(&storage, "video_url", "o/123", dest.path(), &options)
        .await
        .unwrap();
    let again = save(&storage, "video_url", "o/123", dest.path(), &options)
        .await
        .unwrap();
    assert_eq!(again.crc32c, [crc32c::crc32c(&video())]);
    assert_eq!(storage.requests(), 2);
    for other in [&b"mine"[..], &vec![9; video().len()]] {
        std::fs::write(dest.path().join("video.mp4"), other).unwrap();
        let error = save(&storage, "video_url", "o/123", dest.path(), &options)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert_eq!(tree(dest.path()), [("video.mp4".to_owned(), other.to_vec())]);
    }
    let options = DownloadOptions {
        overwrite: true,
        ..DownloadOptions::new()
    };
    save(&storage, "video_url", "o/123", dest.path(), &options)
        .await
        .unwrap();
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), video())]);
}

#[tokio::test]
async fn frames_come_out_one_by_one_and_the_archive_never_touches_the_disk() {
    for method in [CompressionMethod::Stored, CompressionMethod::DEFLATE] {
        for faults in [
            vec![],
            vec![Fault::Cut(30), Fault::Cut(999)],
            vec![Fault::Stall(30)],
            vec![Fault::None, Fault::Cut(25_000), Fault::Cut(1)],
        ] {
            let dest = tempfile::tempdir().unwrap();
            let storage = Arc::new(FakeStorage::new(archive(method), faults.clone()));
            let saved = save_frames(&storage, dest.path()).await.unwrap();
            assert!(tree(dest.path()) == frames_on_disk(), "{method:?} {faults:?}");
            let expected: Vec<u32> = (0..FRAMES).map(|number| crc32c::crc32c(&frame(number))).collect();
            assert_eq!(saved.crc32c, expected);
        }
    }
}

#[tokio::test]
async fn a_label_that_does_not_look_like_an_archive_is_unpacked_all_the_same() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(archive(CompressionMethod::Stored), []));
    save(&storage, "result_url", "o/7", dest.path(), &DownloadOptions::new())
        .await
        .unwrap();
    assert_eq!(tree(dest.path()).len(), FRAMES);
}

#[tokio::test]
async fn a_storage_without_ranges_gives_the_same_frames_and_keeps_no_archive() {
    for faults in [vec![], vec![Fault::Cut(50_000)]] {
        let dest = tempfile::tempdir().unwrap();
        let mut storage = FakeStorage::new(archive(CompressionMethod::DEFLATE), faults);
        storage.ranges = false;
        save_frames(&Arc::new(storage), dest.path()).await.unwrap();
        assert!(tree(dest.path()) == frames_on_disk());
    }
}

#[tokio::test]
async fn a_damaged_frame_is_fetched_once_more_and_then_named() {
    // The second request is the one for the frames; byte 30,000 is inside the second frame.
    let once = [Fault::None, Fault::Corrupt(30_000)];
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(archive(CompressionMethod::Stored), once));
    save_frames(&storage, dest.path()).await.unwrap();
    assert!(tree(dest.path()) == frames_on_disk());
    assert_eq!(storage.requests(), 3);

    let twice = [Fault::None, Fault::Corrupt(30_000), Fault::Corrupt(30_000)];
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(archive(CompressionMethod::Stored), twice));
    let error = save_frames(&storage, dest.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(error.message().contains("frame_00001.exr"), "{error}");
    let mut whole = frames_on_disk();
    whole.remove(1);
    assert!(
        tree(dest.path()) == whole,
        "the others are there, the damaged one is not"
    );

    // And the next call fetches that one alone.
    let before = storage.log.lock().unwrap().len();
    save_frames(&storage, dest.path()).await.unwrap();
    let log = storage.log.lock().unwrap();
    let Some((Some(ByteRange::Span { start, end: Some(end) }), _)) = log.get(before + 1) else {
        panic!("{log:?}")
    };
    assert!(end - start < 21_000, "{start} to {end}");
}

#[tokio::test]
async fn frames_that_are_there_are_not_fetched_and_other_files_are_not_touched() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(archive(CompressionMethod::Stored), []));
    save_frames(&storage, dest.path()).await.unwrap();
    let before = storage.requests();
    assert_eq!(save_frames(&storage, dest.path()).await.unwrap().paths.len(), FRAMES);
    assert_eq!(storage.requests(), before + 1, "one look at the directory");

    std::fs::write(dest.path().join("exr_frames/frame_00002.exr"), b"mine").unwrap();
    std::fs::remove_file(dest.path().join("exr_frames/frame_00000.exr")).unwrap();
    assert_eq!(
        save_frames(&storage, dest.path()).await.unwrap_err().kind(),
        ErrorKind::Exists
    );
    assert_eq!(
        tree(dest.path()).len(),
        FRAMES - 1,
        "refused before anything was written"
    );
    let options = DownloadOptions {
        overwrite: true,
        ..DownloadOptions::new()
    };
    save(&storage, "exr_frames_url", "frames.zip", dest.path(), &options)
        .await
        .unwrap();
    assert!(tree(dest.path()) == frames_on_disk());
}

#[tokio::test]
async fn frames_get_the_names_and_numbers_asked_for() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(archive(CompressionMethod::Stored), []));
    let options = DownloadOptions {
        frame_name: Some("sh010.{frame:04}.exr".into()),
        first_frame: Some(1001),
        ..DownloadOptions::new()
    };
    let saved = save(&storage, "exr_frames_url", "frames.zip", dest.path(), &options)
        .await
        .unwrap();
    let names: Vec<_> = saved
        .paths
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "sh010.1001.exr",
            "sh010.1002.exr",
            "sh010.1003.exr",
            "sh010.1004.exr",
            "sh010.1005.exr"
        ]
    );
}

#[tokio::test]
async fn an_archive_is_kept_when_asked_for_and_frames_come_beside_it_with_both() {
    for ranges in [true, false] {
        for (mode, files) in [(ArchiveMode::Keep, 1), (ArchiveMode::Both, 1 + FRAMES)] {
            let dest = tempfile::tempdir().unwrap();
            let mut storage = FakeStorage::new(archive(CompressionMethod::Stored), []);
            storage.ranges = ranges;
            let options = DownloadOptions {
                archive: mode,
                ..DownloadOptions::new()
            };
            let saved = save(
                &Arc::new(storage),
                "exr_frames_url",
                "frames.zip",
                dest.path(),
                &options,
            )
            .await
            .unwrap();
            assert_eq!(
                (saved.paths.len(), tree(dest.path()).len()),
                (files, files),
                "{mode:?} {ranges}"
            );
            assert!(std::fs::read(dest.path().join("exr_frames.zip")).unwrap() == archive(CompressionMethod::Stored));
        }
    }
}

#[tokio::test]
async fn a_hostile_archive_is_refused_before_a_byte_is_written() {
    let bytes = archive(CompressionMethod::Stored);
    let places: Vec<usize> = (0..bytes.len() - 19)
        .filter(|&at| bytes[at..].starts_with(b"out/frame_00003.exr"))
        .collect();
    for ranges in [true, false] {
        let mut hostile = bytes.clone();
        for &at in &places {
            hostile[at..at + 19].copy_from_slice(b"../../../../evl.exr");
        }
        let dest = tempfile::tempdir().unwrap();
        let mut storage = FakeStorage::new(hostile, []);
        storage.ranges = ranges;
        assert_eq!(
            save_frames(&Arc::new(storage), dest.path()).await.unwrap_err().kind(),
            ErrorKind::UnsafeName
        );
        assert_eq!(tree(dest.path()), []);
    }
}

#[tokio::test]
async fn an_expired_url_is_renewed_in_the_middle_of_an_archive() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(
        archive(CompressionMethod::Stored),
        [Fault::None, Fault::Cut(25_000), Fault::Status(403)],
    ));
    save_frames(&storage, dest.path()).await.unwrap();
    assert!(tree(dest.path()) == frames_on_disk());
}

#[tokio::test]
async fn only_the_wanted_outputs_are_fetched_and_an_unknown_one_is_an_error() {
    let storage = Arc::new(FakeStorage::new(video(), []));
    let outputs = || {
        vec![
            storage.output("video_url", "a"),
            storage.output("matte_url", "b"),
            storage.output("matte", "c"),
        ]
    };
    let dest = tempfile::tempdir().unwrap();
    let options = DownloadOptions {
        only: Some(vec!["matte".into()]),
        ..DownloadOptions::new()
    };
    save_all(&storage.flow(), &ProgressSink::new(), outputs(), dest.path(), &options)
        .await
        .unwrap();
    let names: Vec<String> = tree(dest.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["matte.mp4", "matte_2.mp4"]);
    let options = DownloadOptions {
        only: Some(vec!["alpha".into()]),
        ..DownloadOptions::new()
    };
    let error = save_all(&storage.flow(), &ProgressSink::new(), outputs(), dest.path(), &options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("matte_url"), "{error}");
}

#[tokio::test]
async fn cancelling_in_the_middle_ends_at_once() {
    let cases = [
        ("video_url", "v", video(), vec![Fault::Stall(30_000)]),
        (
            "exr_frames_url",
            "f.zip",
            archive(CompressionMethod::Stored),
            vec![Fault::None, Fault::Stall(30_000)],
        ),
    ];
    for (label, path, object, faults) in cases {
        let (dest, whole) = (tempfile::tempdir().unwrap(), object.clone());
        let storage = Arc::new(FakeStorage::new(object, faults));
        let mut flow = storage.flow();
        flow.stall_timeout = std::time::Duration::from_secs(3600);
        let cancel = flow.cancel.clone();
        let (progress, options) = (ProgressSink::new(), DownloadOptions::new());
        let work = save_all(
            &flow,
            &progress,
            vec![storage.output(label, path)],
            dest.path(),
            &options,
        );
        let cancel_in_the_middle = async {
            while progress.snapshot().bytes_done < 30_000 {
                tokio::task::yield_now().await;
            }
            cancel.cancel();
            Instant::now()
        };
        let (outcome, began) = tokio::join!(work, cancel_in_the_middle);
        assert!(
            began.elapsed() < std::time::Duration::from_millis(100),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
        // Of frames, those that are whole are there; of one file, what was fetched stays hidden for the next call.
        for (name, bytes) in tree(dest.path()) {
            let whole = name.starts_with("exr_frames/frame_") && whole.windows(bytes.len()).any(|part| part == bytes);
            assert!(whole || name.starts_with(".video."), "{label} {name}");
        }
    }
}

/// Seeded: whatever goes wrong, what has its name is the object, and everything else is absent with an error.
#[tokio::test]
async fn hundreds_of_bad_transfers_publish_only_what_is_whole() {
    let mut random = fastrand::Rng::with_seed(0xf417);
    for round in 0..150 {
        let is_archive = random.bool();
        let object = if is_archive {
            archive(CompressionMethod::DEFLATE)
        } else {
            video()
        };
        let length = object.len();
        let faults: Vec<Fault> = (0..random.usize(0..7))
            .map(|_| match random.u8(..9) {
                0 => Fault::Cut(0),
                1 | 2 => Fault::Cut(random.usize(..length)),
                3 => Fault::Status([401, 403, 410, 429, 500, 503][random.usize(..6)]),
                4 => Fault::WrongRange,
                5 => Fault::Whole,
                6 => Fault::Corrupt(random.u64(..length as u64)),
                7 => Fault::NoAnswer(crate::transport::FailureKind::Lost),
                _ => Fault::None,
            })
            .collect();
        let mut storage = FakeStorage::new(object, faults.clone());
        storage.ranges = random.u8(..4) != 0;
        let dest = tempfile::tempdir().unwrap();
        let (label, path) = if is_archive {
            ("exr_frames_url", "f.zip")
        } else {
            ("video_url", "v")
        };
        let outcome = save(&Arc::new(storage), label, path, dest.path(), &DownloadOptions::new()).await;
        let expected = if is_archive {
            frames_on_disk()
        } else {
            vec![("video.mp4".to_owned(), video())]
        };
        let found: Vec<_> = tree(dest.path())
            .into_iter()
            .filter(|(name, _)| !name.starts_with('.'))
            .collect();
        assert!(
            found.iter().all(|file| expected.contains(file)),
            "round {round}: {faults:?}"
        );
        if let Ok(saved) = outcome {
            assert!(
                found == expected && saved.paths.len() == expected.len(),
                "round {round}: {faults:?}"
            );
        }
    }
}

/// The ranges asked for from the `from`th request on.
fn spans(storage: &FakeStorage, from: usize) -> Vec<(u64, Option<u64>)> {
    storage.log.lock().unwrap()[from..]
        .iter()
        .map(|(range, _)| match range {
            Some(ByteRange::Span { start, end }) => (*start, *end),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn with(change: impl FnOnce(&mut DownloadOptions)) -> DownloadOptions {
    let mut options = DownloadOptions::new();
    change(&mut options);
    options
}

/// A download that ends for good after `count` bytes.
async fn interrupted(storage: &Arc<FakeStorage>, dest: &Path, count: usize) {
    let dead = (0..20).map(|_| Fault::NoAnswer(crate::transport::FailureKind::Connect));
    storage
        .faults
        .lock()
        .unwrap()
        .extend([Fault::Cut(count)].into_iter().chain(dead));
    let error = save(storage, "video_url", "v", dest, &DownloadOptions::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    storage.faults.lock().unwrap().clear();
}

#[tokio::test]
async fn the_next_call_fetches_only_what_is_missing_and_leaves_nothing_beside_the_file() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(video(), []));
    interrupted(&storage, dest.path(), 40_000).await;
    assert!(
        tree(dest.path()).iter().all(|(name, _)| name.starts_with('.')),
        "nothing has a name yet"
    );
    let kept = tree(dest.path())
        .into_iter()
        .find(|(name, _)| name.ends_with(".json"))
        .unwrap()
        .1;
    let kept = String::from_utf8(kept).unwrap();
    assert!(
        !kept.contains("http") && !kept.contains("canary") && !kept.contains("storage.example"),
        "{kept}"
    );

    let (before, progress) = (storage.requests(), ProgressSink::new());
    let outputs = vec![storage.output("video_url", "v")];
    save_all(
        &storage.flow(),
        &progress,
        outputs,
        dest.path(),
        &DownloadOptions::new(),
    )
    .await
    .unwrap();
    assert_eq!(spans(&storage, before), [(40_000, Some(video().len() as u64))]);
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), video())]);
    let shown = progress.snapshot();
    assert_eq!(
        (shown.bytes_done, shown.bytes_total),
        (video().len() as u64, Some(video().len() as u64))
    );
}

#[tokio::test]
async fn a_resumption_that_fails_at_its_first_request_loses_nothing() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(video(), []));
    interrupted(&storage, dest.path(), 40_000).await;
    for _ in 0..3 {
        let dead = (0..20).map(|_| Fault::NoAnswer(crate::transport::FailureKind::Connect));
        storage.faults.lock().unwrap().extend(dead);
        let options = DownloadOptions::new();
        let error = save(&storage, "video_url", "v", dest.path(), &options)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        storage.faults.lock().unwrap().clear();
    }
    let before = storage.requests();
    save(&storage, "video_url", "v", dest.path(), &DownloadOptions::new())
        .await
        .unwrap();
    assert_eq!(spans(&storage, before), [(40_000, Some(video().len() as u64))]);
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), video())]);
}

#[tokio::test]
async fn what_was_left_of_another_version_is_dropped_and_never_mixed_in() {
    let mut other = video();
    other[10_000] ^= 1;
    for new in [other, video()[..50_000].to_vec(), [video(), video()].concat()] {
        let dest = tempfile::tempdir().unwrap();
        let storage = Arc::new(FakeStorage::new(video(), []));
        interrupted(&storage, dest.path(), 40_000).await;
        storage.object.lock().unwrap().clone_from(&new);
        save(&storage, "video_url", "v", dest.path(), &DownloadOptions::new())
            .await
            .unwrap();
        assert!(tree(dest.path()) == [("video.mp4".to_owned(), new)]);
    }
}

#[tokio::test]
async fn bytes_that_were_damaged_on_the_disk_meanwhile_are_fetched_again() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(video(), []));
    interrupted(&storage, dest.path(), 40_000).await;
    let part = tree(dest.path())
        .into_iter()
        .find(|(name, _)| name.ends_with(".part"))
        .unwrap()
        .0;
    std::fs::write(dest.path().join(part), vec![0; 40_000]).unwrap();
    save(&storage, "video_url", "v", dest.path(), &DownloadOptions::new())
        .await
        .unwrap();
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), video())]);
}

#[tokio::test]
async fn without_resuming_a_download_begins_anew_and_leaves_nothing() {
    let dest = tempfile::tempdir().unwrap();
    let storage = Arc::new(FakeStorage::new(video(), []));
    interrupted(&storage, dest.path(), 40_000).await;
    let anew = with(|options| options.resume = false);
    let before = storage.requests();
    save(&storage, "video_url", "v", dest.path(), &anew).await.unwrap();
    assert_eq!(spans(&storage, before), [(0, None)]);
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), video())]);

    let other = tempfile::tempdir().unwrap();
    let dead = (0..20).map(|_| Fault::NoAnswer(crate::transport::FailureKind::Connect));
    let storage = Arc::new(FakeStorage::new(video(), [Fault::Cut(40_000)].into_iter().chain(dead)));
    save(&storage, "video_url", "v", other.path(), &anew).await.unwrap_err();
    assert_eq!(tree(other.path()), []);
}

#[tokio::test]
async fn several_connections_share_the_object_and_every_byte_is_asked_for_once() {
    // Large enough for each of them to be worth a request.
    let object: Vec<u8> = video().into_iter().cycle().take(900_000).collect();
    for connections in [1, 2, 5, 8] {
        let dest = tempfile::tempdir().unwrap();
        let storage = Arc::new(FakeStorage::new(object.clone(), []));
        let mut flow = storage.flow();
        flow.connections = Some(connections);
        let outputs = vec![storage.output("video_url", "v")];
        let saved = save_all(
            &flow,
            &ProgressSink::new(),
            outputs,
            dest.path(),
            &DownloadOptions::new(),
        )
        .await
        .unwrap();
        assert_eq!(saved.crc32c, [crc32c::crc32c(&object)]);
        assert!(std::fs::read(dest.path().join("video.mp4")).unwrap() == object);
        let mut starts: Vec<u64> = spans(&storage, 0).into_iter().map(|(start, _)| start).collect();
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts.len(), storage.requests(), "no byte is the first of two requests");
        assert!(
            storage.requests() >= connections,
            "{} {connections}",
            storage.requests()
        );
        let log = storage.log.lock().unwrap();
        assert!(log[1..].iter().all(|(_, if_range)| if_range.is_some()), "{log:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_or_gets_the_whole_object_leaves_its_share_to_the_others() {
    let object: Vec<u8> = video().into_iter().cycle().take(3_000_000).collect();
    for fault in [
        Fault::Status(429),
        Fault::Whole,
        Fault::NoAnswer(crate::transport::FailureKind::Connect),
    ] {
        let dest = tempfile::tempdir().unwrap();
        let faults = std::iter::once(Fault::None).chain(std::iter::repeat_n(fault.clone(), 6));
        let storage = Arc::new(FakeStorage::new(object.clone(), faults));
        let mut flow = storage.flow();
        flow.connections = Some(4);
        let outputs = vec![storage.output("video_url", "v")];
        save_all(
            &flow,
            &ProgressSink::new(),
            outputs,
            dest.path(),
            &DownloadOptions::new(),
        )
        .await
        .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(
            std::fs::read(dest.path().join("video.mp4")).unwrap() == object,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn two_downloads_to_one_place_fetch_it_once_and_one_that_must_not_wait_says_who_is_at_work() {
    let dest = tempfile::tempdir().unwrap();
    // Nothing more comes after the first bytes, so the first one is at work for a while.
    let storage = Arc::new(FakeStorage::new(video(), [Fault::Stall(30_000)]));
    let (options, impatient) = (
        DownloadOptions::new(),
        with(|options| options.lock_timeout = Some(std::time::Duration::ZERO)),
    );
    let progress = ProgressSink::new();
    let (flow, outputs) = (storage.flow(), vec![storage.output("video_url", "v")]);
    let first = save_all(&flow, &progress, outputs, dest.path(), &options);
    let others = async {
        while progress.snapshot().bytes_done == 0 {
            tokio::task::yield_now().await;
        }
        let refused = save(&storage, "video_url", "v", dest.path(), &impatient)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
        assert!(refused.message().contains(&std::process::id().to_string()), "{refused}");
        save(&storage, "video_url", "v", dest.path(), &options).await
    };
    let (first, second) = tokio::join!(first, others);
    assert_eq!(first.unwrap().crc32c, second.unwrap().crc32c);
    assert!(tree(dest.path()) == [("video.mp4".to_owned(), video())]);
    // One beginning each, the rest of the first, and a look of the second when the file was there.
    assert_eq!(storage.requests(), 5);
}
