//! One job through `hdr`, `wait` and `check`, and what failures look like.

use std::time::Duration;

use ltx_jobs_emulator::Fault;
use ltx_jobs_emulator::programme::{Advance, Outcome, Programme};

use crate::stage::{Stage, plate, run, tree};

#[test]
fn hdr_saves_exactly_what_the_service_made_and_tells_it_as_json() {
    let stage = Stage::new(Programme::default());
    let clip = plate();
    let ended = run(stage.command(&[
        "--json",
        "hdr",
        clip.to_str().unwrap(),
        "-o",
        "out",
        "--output-colorspace",
        "aces2065-1",
    ]));
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let submitted = ended.events("submitted");
    let job = &stage.emulator.jobs()[0];
    assert_eq!(submitted[0]["ref"], format!("video-to-video-hdr/{}", job.id));
    assert_eq!(job.body["output_colorspace"], "aces2065-1");
    assert!(
        !ended.events("completed").is_empty() && ended.events("error").is_empty(),
        "{ended:?}"
    );

    let mut made = Vec::new();
    for artifact in stage.runtime.block_on(stage.emulator.artifacts()).unwrap() {
        match artifact.label.as_str() {
            "video_url" => made.push(("video.mp4".to_owned(), artifact.sha256)),
            _ => made.extend(
                artifact
                    .members
                    .into_iter()
                    .map(|member| (format!("exr_frames/{}", member.name), member.sha256)),
            ),
        }
    }
    made.sort();
    assert_eq!(made.len(), 4);
    assert_eq!(tree(&stage.path("out")), made);
    assert_eq!(ended.events("saved")[0]["paths"].as_array().unwrap().len(), 4);
}

#[test]
fn plain_output_has_no_json_and_no_escape_codes() {
    let stage = Stage::new(Programme::default());
    let ended = run(stage.command(&["hdr", plate().to_str().unwrap(), "-o", "out"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.len() == 1 && ended.out[0].starts_with("saved 4 files"),
        "{ended:?}"
    );
    assert!(ended.err.contains("submitted video-to-video-hdr/"), "{ended:?}");
    assert!(!ended.err.contains('\x1b') && !ended.err.contains('{'), "{ended:?}");
}

#[test]
fn a_time_limit_leaves_the_job_and_wait_goes_on_with_it() {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    let stage = Stage::new(programme);
    let ended = run(stage.command(&[
        "--json",
        "hdr",
        plate().to_str().unwrap(),
        "-o",
        "out",
        "--timeout",
        "100ms",
    ]));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let error = &ended.events("error")[0];
    assert_eq!(
        (&error["kind"], &error["number"]),
        (&"WaitTimeout".into(), &145.into()),
        "{error}"
    );
    assert_eq!(
        (&error["billing"], &error["exit_code"]),
        (&"job_exists".into(), &6.into()),
        "{error}"
    );
    let reference = ended.events("submitted")[0]["ref"].as_str().unwrap().to_owned();
    assert_eq!(error["go_on"], format!("ltx-jobs wait {reference} -o out"));
    assert!(
        ended.err.contains(&format!("ltx-jobs wait {reference} -o out")),
        "{ended:?}"
    );

    stage.emulator.advance(Duration::from_secs(3 * 3600));
    let (endpoint, id) = reference.split_once('/').unwrap();
    let named = run(stage.command(&["wait", endpoint, id]));
    assert_eq!(named.code, Some(0), "{named:?}");
    assert!(
        named.out[0].ends_with("is completed: exr_frames_url, video_url"),
        "{named:?}"
    );
    assert!(!stage.path("out").exists());

    let saved = run(stage.command(&["wait", &reference, "-o", "out", "--only", "video_url"]));
    assert_eq!(saved.code, Some(0), "{saved:?}");
    let names: Vec<String> = tree(&stage.path("out")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["video.mp4"]);
    assert_eq!(stage.emulator.count("POST", "/v2/video-to-video-hdr"), 1);
}

#[test]
fn frames_get_the_names_and_numbers_asked_for() {
    let stage = Stage::new(Programme::default());
    let ended = run(stage.command(&[
        "hdr",
        plate().to_str().unwrap(),
        "-o",
        "out",
        "--only",
        "exr_frames_url",
        "--frame-name",
        "sh010.{frame:04}.exr",
        "--first-frame",
        "1001",
    ]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let names: Vec<String> = tree(&stage.path("out/exr_frames"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["sh010.1001.exr", "sh010.1002.exr", "sh010.1003.exr"]);
}

#[test]
fn a_job_that_fails_is_told_with_its_reason_and_nothing_to_go_on_with() {
    let mut programme = Programme::default();
    programme.job.outcome = Outcome::Failed;
    let stage = Stage::new(programme);
    let ended = run(stage.command(&["--json", "hdr", plate().to_str().unwrap(), "-o", "out"]));
    let error = &ended.events("error")[0];
    assert_eq!(
        (&error["kind"], &error["billing"]),
        (&"ContentFiltered".into(), &"not_billed".into()),
        "{error}"
    );
    assert_eq!(
        (&error["job_ended"], &error["go_on"]),
        (&true.into(), &serde_json::Value::Null),
        "{error}"
    );
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(
        ended.err.lines().filter(|line| line.starts_with("ltx-jobs: ")).count(),
        1,
        "{ended:?}"
    );
}

#[test]
fn a_lost_reply_ends_as_unknown_after_exactly_one_post() {
    let fault: Fault = serde_json::from_str(r#"{"do": "read_and_close"}"#).unwrap();
    let stage = Stage::new(Programme::default().with_fault("submit", fault));
    let ended = run(stage.command(&["--json", "hdr", plate().to_str().unwrap(), "-o", "out"]));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let error = &ended.events("error")[0];
    assert_eq!(
        (&error["kind"], &error["billing"]),
        (&"SubmitUnknown".into(), &"unknown".into()),
        "{error}"
    );
    assert_eq!(stage.emulator.count("POST", "/v2/video-to-video-hdr"), 1);
}

#[test]
fn a_double_charge_is_risked_only_by_whoever_accepts_it_in_so_many_words() {
    let fault: Fault = serde_json::from_str(r#"{"do": "read_and_close"}"#).unwrap();
    let stage = Stage::new(Programme::default().with_fault("submit", fault));
    let ended = run(stage.command(&[
        "hdr",
        plate().to_str().unwrap(),
        "--no-wait",
        "--on-unknown",
        "accept-double-charge",
    ]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((stage.paid(), stage.emulator.jobs().len()), (2, 2));
    let told = "warning: outcome unknown; sent again, as the caller accepts a double charge";
    assert!(ended.err.lines().any(|line| line == told), "{ended:?}");
}
