//! `status` and `download`: a job from another process.

use std::time::Duration;

use ltx_jobs_emulator::programme::{Advance, Outcome, Programme};

use crate::stage::{Stage, plate, run, tree};

/// A job that is pending until the clock is moved.
fn slow() -> Programme {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    programme
}

fn submitted(stage: &Stage) -> String {
    let ended = run(stage.command(&["hdr", plate().to_str().unwrap(), "--no-wait"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out[0].clone()
}

#[test]
fn download_before_the_end_is_refused_with_the_command_that_waits() {
    let stage = Stage::new(slow());
    let reference = submitted(&stage);
    let early = run(stage.command(&["--json", "download", &reference, "-o", "out", "--only", "video_url"]));
    assert_eq!(early.code, Some(2), "{early:?}");
    let error = &early.events("error")[0];
    assert_eq!(error["kind"], "InvalidState");
    assert_eq!(
        error["go_on"],
        format!("ltx-jobs wait {reference} -o out --only video_url")
    );
    assert!(error["message"].as_str().unwrap().contains("it is pending"), "{error}");
    assert_eq!(stage.emulator.count("GET", "/v2/*"), 1, "it asks once");

    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let saved = run(stage.command(&[
        "download",
        &reference,
        "-o",
        "out",
        "--frame-name",
        "sh010.{frame:04}.exr",
        "--first-frame",
        "1001",
        "--archive",
        "both",
    ]));
    assert_eq!(saved.code, Some(0), "{saved:?}");
    let names: Vec<String> = tree(&stage.path("out")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "exr_frames.zip",
            "exr_frames/sh010.1001.exr",
            "exr_frames/sh010.1002.exr",
            "exr_frames/sh010.1003.exr",
            "video.mp4"
        ]
    );
}

#[test]
fn status_tells_every_state_of_a_job_and_ends_well() {
    let stage = Stage::new(slow());
    let reference = submitted(&stage);
    let pending = run(stage.command(&["status", &reference]));
    assert_eq!(pending.code, Some(0), "{pending:?}");
    assert!(
        pending.out[0].starts_with(&format!("{reference} is pending, created ")),
        "{pending:?}"
    );

    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let done = run(stage.command(&["--json", "status", &reference]));
    let event = &done.events("status")[0];
    assert_eq!(event["status"], "completed");
    assert_eq!(event["outputs"], serde_json::json!(["exr_frames_url", "video_url"]));

    let unknown = run(stage.command(&["status", "retake", "no-such-job"]));
    assert_eq!(unknown.code, Some(6), "{unknown:?}");
}

#[test]
fn a_failed_job_is_told_by_status_and_refused_by_download_with_its_reason() {
    let mut programme = slow();
    programme.job.outcome = Outcome::Failed;
    let stage = Stage::new(programme);
    let reference = submitted(&stage);
    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let status = run(stage.command(&["--json", "status", &reference]));
    assert_eq!(status.code, Some(0), "{status:?}");
    let event = &status.events("status")[0];
    assert_eq!(
        (&event["status"], &event["error"]["kind"], &event["error"]["billing"]),
        (&"failed".into(), &"ContentFiltered".into(), &"not_billed".into()),
        "{event}"
    );
    let download = run(stage.command(&["--json", "download", &reference, "-o", "out"]));
    assert_eq!(download.code, Some(2), "{download:?}");
    let error = &download.events("error")[0];
    assert_eq!(
        (&error["kind"], &error["go_on"]),
        (&"ContentFiltered".into(), &serde_json::Value::Null)
    );
}
