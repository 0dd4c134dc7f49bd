//! Outputs copied to a directory as to any store: whole or absent, proven, and not again when they are there.
#![allow(clippy::unwrap_used)] // A test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ltx_jobs::{ArchiveMode, Client, Completed, ErrorKind, Media, Rehosted, VideoToVideoHdr};
use ltx_jobs_emulator::{Emulator, Programme};

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

async fn completed(emulator: &Emulator) -> Completed {
    let request = VideoToVideoHdr::new(Media::url("https://clips.example/plate.mp4"));
    let job = client(emulator).submit(request).await.unwrap();
    job.wait().timeout(Duration::from_secs(30)).await.unwrap()
}

async fn start(programme: &str) -> (Emulator, Completed) {
    let emulator = Emulator::start(Programme::from_toml(programme).unwrap()).await.unwrap();
    let done = completed(&emulator).await;
    (emulator, done)
}

fn url(directory: &Path) -> String {
    let path = directory.to_str().unwrap().replace('\\', "/");
    format!("file:///{}/", path.trim_start_matches('/'))
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
                let name = path
                    .strip_prefix(directory)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// What a download would save, which other tests compare with the emulator's own hashes.
async fn downloaded(done: &Completed, mode: ArchiveMode) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    done.download(folder.path()).archive(mode).await.unwrap();
    tree(folder.path())
}

fn names(rehosted: &Rehosted) -> Vec<String> {
    let name = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    rehosted.objects.iter().map(|object| name(&object.url)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_has_the_same_names_and_bytes_as_a_download_in_every_mode() {
    // Frames of two parts, deflated and stored, and an archive of three.
    for method in ["stored", "deflated"] {
        let (_emulator, done) = start(&format!(
            "[archive]\nframes = 2\npadding = 9000000\nmethod = \"{method}\"\n"
        ))
        .await;
        let all = downloaded(&done, ArchiveMode::Both).await;
        for mode in [ArchiveMode::Unpack, ArchiveMode::Keep, ArchiveMode::Both] {
            let folder = tempfile::tempdir().unwrap();
            let copied = done.rehost(url(folder.path())).archive(mode).await.unwrap();
            let there = tree(folder.path());
            let wanted = |name: &str| match mode {
                ArchiveMode::Unpack => !name.ends_with(".zip"),
                ArchiveMode::Keep => !name.ends_with(".exr"),
                _ => true,
            };
            let expected: BTreeMap<&String, &Vec<u8>> = all.iter().filter(|(name, _)| wanted(name)).collect();
            assert!(there.iter().eq(expected), "{method} {mode:?}: {:?}", there.keys());
            assert_eq!(copied.objects.len(), there.len());
            assert_eq!(
                copied.bytes,
                there.values().map(|bytes| bytes.len() as u64).sum::<u64>()
            );
            for object in &copied.objects {
                let name = object.url.strip_prefix(&url(folder.path())).unwrap();
                let content = there.get(name).unwrap();
                assert_eq!(object.bytes, content.len() as u64, "{name}");
                assert_eq!(object.crc32c, Some(crc32c::crc32c(content)), "{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_are_renamed_and_outputs_chosen_as_for_a_download() {
    let (_emulator, done) = start("").await;
    let folder = tempfile::tempdir().unwrap();
    let copied = done
        .rehost(url(folder.path()))
        .only(["exr_frames"])
        .frame_name("sh010.{frame:04}.exr")
        .first_frame(1001)
        .await
        .unwrap();
    assert_eq!(names(&copied), ["sh010.1001.exr", "sh010.1002.exr", "sh010.1003.exr"]);
    assert_eq!(tree(folder.path()).len(), 3);
    let error = done.rehost(url(folder.path())).only(["matte"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_and_equal_is_not_fetched_again_and_what_is_different_is_left_alone() {
    let (emulator, done) = start("").await;
    let folder = tempfile::tempdir().unwrap();
    let place = url(folder.path());
    let copied = done.rehost(&place).await.unwrap();
    let before = emulator.requests().len();
    let sent = |emulator: &Emulator| -> u64 {
        let requests = emulator.requests();
        requests
            .iter()
            .skip(before)
            .filter(|request| request.origin == "storage")
            .count() as u64
    };
    let again = done.rehost(&place).await.unwrap();
    assert_eq!(names(&again), names(&copied));
    // One look at each output; none of the frames, none of the video.
    assert_eq!(sent(&emulator), 2);

    let frame = folder.path().join("exr_frames/frame_00002.exr");
    let whole = std::fs::read(&frame).unwrap();
    let mut other = whole.clone();
    *other.last_mut().unwrap() ^= 1;
    std::fs::write(&frame, &other).unwrap();
    let error = done.rehost(&place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    assert!(error.message().contains("frame_00002.exr"), "{error}");
    assert!(std::fs::read(&frame).unwrap() == other);

    done.rehost(&place).overwrite(true).await.unwrap();
    assert!(std::fs::read(&frame).unwrap() == whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_checksum_of_the_storage_the_bytes_themselves_tell_what_is_equal() {
    for hash in ["false", "\"md5\""] {
        let (_emulator, done) = start(&format!(
            "[archive]\npadding = 4000000\n[storage]\ngoog_hash = {hash}\n"
        ))
        .await;
        let folder = tempfile::tempdir().unwrap();
        let place = url(folder.path());
        let copy = |overwrite| done.rehost(&place).archive(ArchiveMode::Keep).overwrite(overwrite);
        let first = copy(false).await.unwrap();
        assert_eq!(copy(false).await.unwrap().objects, first.objects, "{hash}");
        let archive = folder.path().join("exr_frames.zip");
        let whole = std::fs::read(&archive).unwrap();
        let mut other = whole.clone();
        *other.last_mut().unwrap() ^= 1;
        std::fs::write(&archive, &other).unwrap();
        assert_eq!(copy(false).await.unwrap_err().kind(), ErrorKind::Exists, "{hash}");
        assert!(std::fs::read(&archive).unwrap() == other, "{hash}");
        copy(true).await.unwrap();
        assert!(std::fs::read(&archive).unwrap() == whole, "{hash}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_breaks_and_a_byte_that_flips_once_are_healed() {
    let shape = "[archive]\npadding = 4000000\n";
    let (_emulator, done) = start(shape).await;
    let expected = downloaded(&done, ArchiveMode::Both).await;
    for fault in [
        "do = \"cut_body\"\nat = 700000\ntimes = 4",
        "do = \"corrupt_byte\"\nat = 600000",
        "do = \"corrupt_byte\"\nat = 600000\nskip = 1",
        "do = \"expired_url\"\nskip = 1",
        "do = \"ignore_range\"\ntimes = 0",
    ] {
        let (_emulator, done) = start(&format!("{shape}[[fault]]\nroute = \"download\"\n{fault}\n")).await;
        let folder = tempfile::tempdir().unwrap();
        done.rehost(url(folder.path()))
            .archive(ArchiveMode::Both)
            .await
            .unwrap();
        let there = tree(folder.path());
        assert!(there.keys().eq(expected.keys()), "{fault}: {:?}", there.keys());
        assert!(there == downloaded(&done, ArchiveMode::Both).await, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_damaged_never_becomes_an_object() {
    // One part, several parts, one frame.
    for (padding, mode) in [
        (1_000_000, ArchiveMode::Keep),
        (9_000_000, ArchiveMode::Keep),
        (9_000_000, ArchiveMode::Unpack),
    ] {
        let (_emulator, done) = start(&format!(
            "[archive]\npadding = {padding}\n[[fault]]\nroute = \"download:exr_frames_url\"\ndo = \"corrupt_byte\"\nat = 500000\ntimes = 0\n"
        ))
        .await;
        let folder = tempfile::tempdir().unwrap();
        let error = done.rehost(url(folder.path())).archive(mode).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
        let there = tree(folder.path());
        let whole: &[&str] = if mode == ArchiveMode::Unpack {
            &["exr_frames/frame_00002.exr", "exr_frames/frame_00003.exr"]
        } else {
            &[]
        };
        // No damaged object, and nothing half beside it.
        assert!(there.keys().eq(whole), "{mode:?}: {:?}", there.keys());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_would_leave_its_place_is_refused_before_anything_is_stored() {
    let (_emulator, done) = start("[archive]\nevil_members = [{ name = \"../evil.exr\" }]\n").await;
    let folder = tempfile::tempdir().unwrap();
    let error = done
        .rehost(url(&folder.path().join("deep")))
        .only(["exr_frames_url"])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsafeName, "{error}");
    assert!(tree(folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_copy_ends_at_once_and_leaves_nothing_half() {
    for mode in [ArchiveMode::Keep, ArchiveMode::Unpack] {
        let (_emulator, done) = start(&format!(
            "[archive]\npadding = 9000000\n[[fault]]\nroute = \"download:exr_frames_url\"\ndo = \"stall\"\nat = 9000000\nskip = {}\ntimes = 0\n",
            u8::from(mode == ArchiveMode::Unpack)
        ))
        .await;
        let folder = tempfile::tempdir().unwrap();
        let copying = done
            .rehost(url(folder.path()))
            .only(["exr_frames"])
            .archive(mode)
            .start();
        while copying.snapshot().bytes_done < 8_500_000 {
            assert!(!copying.is_ended(), "{:?}", copying.take());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let asked = Instant::now();
        copying.cancel();
        let error = copying.await.unwrap_err();
        assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        let deadline = Instant::now() + Duration::from_secs(10);
        while !tree(folder.path()).is_empty() {
            assert!(Instant::now() < deadline, "{mode:?}: {:?}", tree(folder.path()).keys());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_refused_before_any_request() {
    let (emulator, done) = start("").await;
    let before = emulator.requests().len();
    for place in [
        "out/shots",
        "https://storage.example/x",
        "s3://key:secret@bucket/x",
        "ftp://host/x",
    ] {
        let error = done.rehost(place).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{place}: {error}");
    }
    assert_eq!(emulator.requests().len(), before);
}
