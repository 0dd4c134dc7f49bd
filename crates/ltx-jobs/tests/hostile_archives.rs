//! Archives made to do harm, through real sockets and the whole way: listed, extracted and downloaded, each refused with a reason.
#![allow(clippy::unwrap_used)] // A test.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Client, Completed, Error, ErrorKind, Request};
use ltx_jobs_emulator::{Emulator, Programme};
use serde_json::json;

/// How many there are, so that none is dropped unnoticed.
const CASES: usize = 24;

async fn completed(programme: &str) -> (Emulator, Completed) {
    let emulator = Emulator::start(Programme::from_toml(programme).unwrap()).await.unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .without_journal()
        .poll_interval(Duration::from_millis(20))
        .build()
        .unwrap();
    let request = Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    )
    .unwrap();
    let job = client.submit(request).await.unwrap();
    let done = job.wait().timeout(Duration::from_secs(60)).await.unwrap();
    (emulator, done)
}

fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

/// The two ways to the frames of an archive.
async fn both_ways(done: &Completed, dest: &Path) -> [Option<Error>; 2] {
    let extracted = match done.frames().spool(dest).await {
        Ok(frames) => frames.extract(dest.join("extracted")).await.err(),
        Err(error) => Some(error),
    };
    let download = done.download(dest.join("downloaded")).only(["exr_frames_url"]);
    [extracted, download.await.err()]
}

#[tokio::test]
async fn every_hostile_archive_of_the_emulator_is_refused_with_and_without_ranges() {
    let evil = |kind: &str, name: &str| format!("[archive]\nevil_members = [{{ kind = \"{kind}\", name = '{name}' }}]");
    let end = |end: &str| format!("[archive]\nend = \"{end}\"");
    let (archive, unsafe_name) = (ErrorKind::Archive, ErrorKind::UnsafeName);
    let whole = &["frame_00001.exr", "frame_00002.exr", "frame_00003.exr"][..];
    let cases = [
        (evil("file", "../../evil.exr"), unsafe_name, "leave the target", &[][..]),
        (evil("file", "/tmp/evil.exr"), unsafe_name, "absolute", &[]),
        (evil("file", "C:\\evil.exr"), unsafe_name, "colon", &[]),
        (evil("file", "\\\\host\\share\\evil.exr"), unsafe_name, "absolute", &[]),
        (evil("file", "aux.exr"), unsafe_name, "device", &[]),
        (evil("file", "../.profile"), unsafe_name, "leave the target", &[]),
        (evil("file", "FRAME_00001.EXR"), unsafe_name, "case", &[]),
        (evil("file", "frame_00001.exr"), archive, "same name", &[]),
        (evil("symlink", "link.exr"), unsafe_name, "symbolic link", &[]),
        (
            "[archive]\nevil_members = [{ kind = \"bomb\", name = \"bomb.exr\", size = 1073741825 }]".to_owned(),
            ErrorKind::LimitExceeded,
            "bomb.exr",
            &[],
        ),
        (evil("overlap", "twin.exr"), archive, "share", &[]),
        (evil("encrypted", "secret.exr"), ErrorKind::Unsupported, "encrypted", &[]),
        (evil("unknown_method", "odd.exr"), ErrorKind::Unsupported, "compressed in a way", &[]),
        (evil("outside", "far.exr"), archive, "outside", &[]),
        (evil("bad_crc", "wrong.exr"), archive, "wrong.exr", whole),
        (evil("longer", "longer.exr"), ErrorKind::Integrity, "longer.exr", whole),
        (evil("other_local_name", "renamed.exr"), archive, "renamed.exr", whole),
        (evil("other_local_size", "resized.exr"), archive, "resized.exr", whole),
        (end("truncated"), archive, "", &[]),
        (end("trailing_bytes"), archive, "behind its end", &[]),
        (end("wrong_offset"), archive, "directory", &[]),
        (end("wrong_count"), archive, "more than the members", &[]),
        (end("zip64_count"), ErrorKind::LimitExceeded, "members", &[]),
        (
            "[archive]\nframes = 100000\nwidth = 1\nheight = 1\ncompression = \"none\"\nextra_members = [\"one-too-many.txt\"]".to_owned(),
            ErrorKind::LimitExceeded,
            "members",
            &[],
        ),
    ];
    assert_eq!(cases.len(), CASES);
    let mut wrong = Vec::new();
    for (programme, kind, why, left) in cases {
        // A hundred thousand tiny members in one stream are slow to send; that they are too many shows in the archive's last bytes either way.
        let ways: &[bool] = if programme.contains("100000") {
            &[true]
        } else {
            &[true, false]
        };
        for &ranges in ways {
            let (_emulator, done) = completed(&format!("{programme}\n[storage]\nranges = {ranges}")).await;
            let sandbox = tempfile::tempdir().unwrap();
            let dest = sandbox.path().join("deep");
            for outcome in both_ways(&done, &dest).await {
                let Some(error) = outcome else {
                    wrong.push(format!("{programme} (ranges: {ranges}) was taken"));
                    continue;
                };
                if error.kind() != kind || !error.message().contains(why) {
                    wrong.push(format!("{programme} (ranges: {ranges}): {:?}: {error}", error.kind()));
                }
            }
            for directory in ["extracted", "downloaded"] {
                let found = files(&dest.join(directory));
                if found != left {
                    wrong.push(format!("{programme} (ranges: {ranges}): {found:?} in {directory}"));
                }
            }
            let everything = files(sandbox.path()).len();
            if everything != 2 * left.len() {
                wrong.push(format!(
                    "{programme} (ranges: {ranges}): {:?} left",
                    files(sandbox.path())
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
