//! Ctrl-C: nothing is lost, and the way on is told.

use ltx_jobs_emulator::Fault;
use ltx_jobs_emulator::programme::{Advance, Programme};

use crate::stage::{Running, Stage, plate};

#[test]
fn ctrl_c_during_a_wait_says_how_to_go_on() {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    let stage = Stage::new(programme);
    let running = Running::start(stage.command(&["--json", "hdr", plate().to_str().unwrap(), "-o", "my shots"]));
    let reference = running.next_event("submitted")["ref"].as_str().unwrap().to_owned();
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(
        ended.err.contains(&format!("ltx-jobs wait {reference} -o 'my shots'")),
        "{ended:?}"
    );
    assert_eq!(ended.events("interrupted")[0]["ref"], reference);
}

#[test]
fn ctrl_c_while_the_paid_request_is_answered_waits_for_the_answer_and_tells_the_job() {
    // The service has read the request; its answer takes a second or so to arrive.
    let fault: Fault = serde_json::from_str(r#"{"do": "drip", "bytes_per_s": 80}"#).unwrap();
    let mut programme = Programme::default().with_fault("submit", fault);
    programme.job.pending_polls = u32::MAX;
    let stage = Stage::new(programme);
    let running = Running::start(stage.command(&["hdr", plate().to_str().unwrap(), "-o", "out"]));
    stage.await_submits(1);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let job = &stage.emulator.jobs()[0];
    assert!(
        ended
            .err
            .contains(&format!("ltx-jobs wait video-to-video-hdr/{} -o out", job.id)),
        "{ended:?}"
    );
}

#[test]
fn ctrl_c_while_the_paid_request_stays_unanswered_ends_as_unknown() {
    let fault: Fault = serde_json::from_str(r#"{"do": "read_and_never_answer"}"#).unwrap();
    let stage = Stage::new(Programme::default().with_fault("submit", fault));
    let running = Running::start(stage.command(&[
        "--json",
        "hdr",
        plate().to_str().unwrap(),
        "-o",
        "out",
        "--submit-timeout",
        "3s",
    ]));
    stage.await_submits(1);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let error = &ended.events("error")[0];
    assert_eq!(
        (&error["kind"], &error["billing"]),
        (&"SubmitUnknown".into(), &"unknown".into()),
        "{error}"
    );
    assert_eq!(stage.emulator.count("POST", "/v2/video-to-video-hdr"), 1);
}
