//! After a crash: what was left behind is listed, and fetched.

use std::path::Path;
use std::time::Duration;

use ltx_jobs_emulator::Fault;
use ltx_jobs_emulator::programme::{Advance, Programme};

use crate::stage::{Running, Stage, plate, run, tree};

/// A service whose jobs are pending until its clock is moved.
fn slow() -> Programme {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    programme
}

/// Starts a job and dies while it waits. Gives back the job's reference.
fn killed_while_waiting(stage: &Stage, label: &str) -> String {
    match label {
        "" => killed(stage, &["-o", "out"]),
        label => killed(stage, &["-o", "out", "--label", label]),
    }
}

fn killed(stage: &Stage, more: &[&str]) -> String {
    let mut args = vec!["--json", "hdr"];
    let clip = plate();
    args.push(clip.to_str().unwrap());
    args.extend(more);
    let running = Running::start(stage.journaled(&args));
    let reference = running.next_event("submitted")["ref"].as_str().unwrap().to_owned();
    running.kill();
    reference
}

fn names(directory: &Path) -> Vec<String> {
    tree(directory).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn jobs_of_killed_commands_are_listed_and_fetched_into_folders_of_their_own() {
    let stage = Stage::new(slow());
    let labelled = killed_while_waiting(&stage, "sh010/v003");
    let plain = killed_while_waiting(&stage, "");

    let listed = run(stage.journaled(&["recover"]));
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(
        listed.out,
        [
            "jobs to fetch:".to_owned(),
            format!("  {labelled}  sh010/v003  to {}", stage.path("out").display()),
            format!("  {plain}  to {}", stage.path("out").display())
        ]
    );
    assert!(listed.err.contains("ltx-jobs recover --finish"), "{listed:?}");
    assert!(!listed.err.contains("-o DIR"), "{listed:?}");

    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let finished = run(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.events("saved").len(), 2, "{finished:?}");
    let id = plain.rsplit('/').next().unwrap();
    for folder in ["sh010_v003", id] {
        assert_eq!(tree(&stage.path("found").join(folder)).len(), 4, "{folder}");
    }
    assert_eq!(stage.paid(), 2, "a recovery pays nothing");

    let nothing = run(stage.journaled(&["recover"]));
    assert_eq!(nothing.out, ["nothing was left behind"]);
}

#[test]
fn a_killed_command_s_results_are_saved_where_they_were_meant_to_go_and_how() {
    let stage = Stage::new(slow());
    let named = killed(
        &stage,
        &[
            "-o",
            "shots/010",
            "--frame-name",
            "sh010.{frame:04}.exr",
            "--first-frame",
            "1001",
        ],
    );
    killed(&stage, &["-o", "only the video", "--only", "video_url"]);
    let begun = run(stage.journaled(&["hdr", plate().to_str().unwrap(), "--no-wait"]));
    let nowhere = begun.out[0].clone();
    let listed = run(stage.journaled(&["recover"]));
    assert!(
        listed
            .out
            .contains(&format!("  {named}  to {}", stage.path("shots/010").display())),
        "{listed:?}"
    );
    assert!(listed.err.contains("ltx-jobs recover --finish -o DIR"), "{listed:?}");

    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let finished = run(stage.journaled(&["--json", "recover", "--finish"]));
    // The one without a place is told, and does not keep the others.
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let error = &finished.events("error")[0];
    assert!(error["message"].as_str().unwrap().contains(&nowhere), "{error}");
    assert!(
        error["go_on"]
            .as_str()
            .unwrap()
            .starts_with("ltx-jobs recover --finish -o DIR"),
        "{error}"
    );
    assert_eq!(
        names(&stage.path("shots/010")),
        [
            "exr_frames/sh010.1001.exr",
            "exr_frames/sh010.1002.exr",
            "exr_frames/sh010.1003.exr",
            "video.mp4"
        ]
    );
    assert_eq!(names(&stage.path("only the video")), ["video.mp4"]);
    let rest = run(stage.journaled(&["--json", "recover", "--finish", "-o", "rest"]));
    assert_eq!((rest.code, rest.events("saved").len()), (Some(0), 1), "{rest:?}");
    assert_eq!(stage.paid(), 3);
}

#[test]
fn a_command_killed_during_the_paid_request_is_recovered_as_unknown_and_never_as_a_new_job() {
    let fault: Fault = serde_json::from_str(r#"{"do": "read_and_never_answer"}"#).unwrap();
    let stage = Stage::new(Programme::default().with_fault("submit", fault));
    let clip = plate();
    let args = ["--json", "hdr", clip.to_str().unwrap(), "-o", "out", "--once", "sh010"];
    let running = Running::start(stage.journaled(&args));
    stage.await_submits(1);
    running.kill();

    let recovered = run(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    assert_eq!(recovered.code, Some(0), "{recovered:?}");
    let unknown = &recovered.events("unknown")[0];
    assert_eq!(
        (&unknown["once"], &unknown["state"]),
        (&"sh010".into(), &"unknown".into())
    );
    let intent = unknown["intent"].as_str().unwrap();
    assert_eq!(
        unknown["go_on"],
        format!("ltx-jobs resolve {intent} (--job video-to-video-hdr/ID | --none)")
    );
    assert!(recovered.events("to_fetch").is_empty(), "{recovered:?}");
    let again = run(stage.journaled(&args));
    assert_eq!((again.code, stage.paid()), (Some(6), 1), "{again:?}");
}

#[test]
fn a_job_that_cannot_be_saved_does_not_keep_the_others() {
    let stage = Stage::new(slow());
    killed_while_waiting(&stage, "one");
    killed_while_waiting(&stage, "two");
    stage.emulator.advance(Duration::from_secs(3 * 3600));
    // Where the first should go there is a file.
    std::fs::create_dir(stage.path("found")).unwrap();
    std::fs::write(stage.path("found/one"), "in the way").unwrap();
    let finished = run(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    assert_eq!(finished.code, Some(8), "{finished:?}");
    let errors = finished.events("error");
    assert_eq!(errors.len(), 1, "{finished:?}");
    assert_eq!(errors[0]["go_on"], "ltx-jobs recover --finish -o found");
    assert_eq!(tree(&stage.path("found/two")).len(), 4);

    std::fs::remove_file(stage.path("found/one")).unwrap();
    let rest = run(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    assert_eq!((rest.code, rest.events("saved").len()), (Some(0), 1), "{rest:?}");
}

#[test]
fn jobs_of_another_key_are_named_and_not_asked_for() {
    let stage = Stage::new(slow());
    let reference = killed_while_waiting(&stage, "sh010");
    let mut command = stage.journaled(&["--json", "recover", "--finish", "-o", "found"]);
    command.env("LTXV_API_KEY", "another-key");
    let recovered = run(command);
    assert_eq!(recovered.code, Some(0), "{recovered:?}");
    assert_eq!(recovered.events("other_key")[0]["ref"], reference);
    let asked = |key: &str| {
        let requests = stage.emulator.requests();
        let mut headers = requests.iter().flat_map(|request| &request.headers);
        headers.any(|(_, value)| value.contains(key))
    };
    assert!(asked("emulator-key") && !asked("another-key"), "somebody was asked");
}

#[test]
fn several_jobs_are_saved_at_once_and_one_that_stalls_keeps_no_other() {
    let stage = Stage::new(slow());
    for label in ["one", "two", "three"] {
        killed_while_waiting(&stage, label);
    }
    stage.emulator.advance(Duration::from_secs(3 * 3600));
    // The first that asks for its archive gets nothing.
    let stalled: Fault = serde_json::from_str(r#"{"do": "stall", "at": 0}"#).unwrap();
    stage.emulator.push_fault("download:exr_frames_url", stalled).unwrap();
    let running = Running::start(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    let saved: Vec<_> = (0..2).map(|_| running.next_event("saved")["ref"].clone()).collect();
    assert_ne!(saved[0], saved[1]);
    running.kill();
    let folders = ["one", "two", "three"].map(|folder| stage.path("found").join(folder).join("exr_frames"));
    assert_eq!(folders.iter().filter(|frames| frames.exists()).count(), 2);
    let rest = run(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    let account = rest.events("recover").pop().unwrap();
    assert_eq!(
        (rest.code, &account["jobs"], &account["saved"]),
        (Some(0), &1.into(), &1.into()),
        "{rest:?}"
    );
    assert_eq!(stage.paid(), 3);
}

#[test]
fn two_jobs_that_go_to_one_place_are_saved_one_after_the_other() {
    let stage = Stage::new(slow());
    // Both are meant for `out`.
    killed_while_waiting(&stage, "one");
    killed_while_waiting(&stage, "two");
    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let stalled: Fault = serde_json::from_str(r#"{"do": "stall", "at": 0, "times": 0}"#).unwrap();
    stage.emulator.push_fault("download:exr_frames_url", stalled).unwrap();
    let running = Running::start(stage.journaled(&["--json", "recover", "--finish", "--saves", "8"]));
    let account = std::iter::repeat_with(|| running.next_event("recover")).find(|account| account["saving"] == 2);
    let moving = account.unwrap()["transfers"].as_array().unwrap().len();
    running.kill();
    assert_eq!(moving, 1);
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_jobs_are_fetched_says_how_to_go_on_with_all_of_them() {
    let stage = Stage::new(slow());
    killed_while_waiting(&stage, "one");
    killed_while_waiting(&stage, "two");
    let before = stage.emulator.count("GET", "/v2/*");
    let running = Running::start(stage.journaled(&["--json", "recover", "--finish", "-o", "found"]));
    assert_eq!(running.next_event("recover")["running"], 2);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(
        ended.events("interrupted")[0]["go_on"],
        "ltx-jobs recover --finish -o found"
    );
    assert!(ended.err.contains("2 jobs are still to be fetched"), "{ended:?}");
    assert!(stage.emulator.count("GET", "/v2/*") > before);
}
