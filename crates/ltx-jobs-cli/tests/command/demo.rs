//! The demo, from beginning to end.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::stage::{command, run, tree};

#[test]
fn the_demo_leaves_distinct_exr_frames_and_a_video_and_a_second_one_finds_them_equal() {
    let dir = tempfile::tempdir().unwrap();
    let demo = || {
        let mut command = command(&["demo", "--out", "out"]);
        // What speaks of the real service must not reach the demo.
        command
            .env("LTX_BASE_URL", "http://127.0.0.1:1")
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .current_dir(dir.path());
        run(command)
    };
    let first = demo();
    assert_eq!(first.code, Some(0), "{first:?}");
    let table = first.out.join("\n");
    for words in [
        "upload a clip",
        "submit",
        "wait",
        "save",
        "24 EXR frames",
        "frame_00001.exr",
        "video.mp4",
    ] {
        assert!(table.contains(words), "{words:?} is missing in\n{table}");
    }
    assert_eq!(table.contains("peak memory"), cfg!(target_os = "linux"), "{table}");

    let files = tree(&dir.path().join("out"));
    let frames: Vec<_> = files
        .iter()
        .filter(|(name, _)| name.starts_with("exr_frames/"))
        .collect();
    assert_eq!((frames.len(), files.len()), (24, 25), "{files:?}");
    assert_eq!(
        frames.iter().map(|(_, hash)| hash).collect::<BTreeSet<_>>().len(),
        24,
        "frames repeat"
    );
    let frame = dir.path().join("out/exr_frames/frame_00001.exr");
    assert_eq!(
        std::fs::read(&frame).unwrap().get(..4),
        Some(&[0x76, 0x2f, 0x31, 0x01][..]),
        "no OpenEXR file"
    );

    let written = |path| -> SystemTime { std::fs::metadata(path).unwrap().modified().unwrap() };
    let before = written(&frame);
    let second = demo();
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(tree(&dir.path().join("out")), files);
    assert_eq!(written(&frame), before, "an equal file was written again");
}

#[test]
fn a_setting_that_would_lead_the_demo_elsewhere_is_refused() {
    let ended = run(command(&["demo", "--base-url", "https://api.ltx.video"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("base_url"), "{ended:?}");
}
