//! What the journal keeps from one command to the next: `--once`, `jobs`, intents, `resolve`.

use ltx_jobs_emulator::Fault;
use ltx_jobs_emulator::programme::{Advance, Programme};
use serde_json::Value;

use crate::stage::{Ended, Stage, plate, run, tree};

/// A service that reads the paid request, makes the job, and never tells.
fn lost_reply() -> Programme {
    let fault: Fault = serde_json::from_str(r#"{"do": "read_and_close"}"#).unwrap();
    Programme::default().with_fault("submit", fault)
}

fn hdr(stage: &Stage, more: &[&str]) -> Ended {
    let clip = plate();
    let mut args = vec!["--json", "hdr", clip.to_str().unwrap(), "-o", "out"];
    args.extend(more);
    run(stage.journaled(&args))
}

fn jobs(stage: &Stage, more: &[&str]) -> Vec<Value> {
    let mut args = vec!["--json", "jobs"];
    args.extend(more);
    let ended = run(stage.journaled(&args));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.events("job")
}

#[test]
fn the_same_command_run_twice_under_a_once_key_pays_once() {
    let stage = Stage::new(Programme::default());
    let clip = plate();
    let journal = stage.path("journal");
    let args = [
        "--json",
        "hdr",
        clip.to_str().unwrap(),
        "-o",
        "out",
        "--once",
        "sh010_v003",
        "--label",
        "sh010",
        "--journal",
        journal.to_str().unwrap(),
    ];
    let first = run(stage.command(&args));
    assert_eq!(first.code, Some(0), "{first:?}");
    let files = tree(&stage.path("out"));
    let second = run(stage.command(&args));
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(
        first.events("submitted")[0]["ref"],
        second.events("submitted")[0]["ref"]
    );
    assert_eq!(stage.paid(), 1);
    assert_eq!(tree(&stage.path("out")), files);

    let other = hdr(&stage, &["--once", "sh010_v003", "--output-colorspace", "acescct"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert_eq!(stage.paid(), 1, "another request was sent under the same key");

    assert!(jobs(&stage, &[]).is_empty(), "it is saved, nothing is left to do");
    let all = jobs(&stage, &["--all"]);
    assert_eq!(all.len(), 1, "{all:?}");
    for (key, value) in [
        ("ref", first.events("submitted")[0]["ref"].clone()),
        ("state", "accepted".into()),
        ("ended", "completed".into()),
        ("saved", true.into()),
        ("label", "sh010".into()),
        ("once", "sh010_v003".into()),
    ] {
        assert_eq!(all[0][key], value, "{key} in {all:?}");
    }
}

#[test]
fn the_table_of_jobs_has_a_line_for_each_submit_with_its_state() {
    let stage = Stage::new(lost_reply());
    assert_eq!(hdr(&stage, &["--once", "lost"]).code, Some(6));
    assert_eq!(hdr(&stage, &["--label", "sh 020"]).code, Some(0));
    let open = run(stage.journaled(&["jobs"]));
    assert_eq!(open.out.len(), 2, "{open:?}");
    assert!(open.out[0].starts_with("began "), "{open:?}");
    assert!(
        open.out[1].contains("  unknown  intent:") && open.out[1].contains("  lost  "),
        "{open:?}"
    );
    assert!(open.err.contains("one more is done with; --all"), "{open:?}");
    let all = run(stage.journaled(&["jobs", "--all"]));
    assert_eq!(all.out.len(), 3, "{all:?}");
    assert!(
        all.out[2].contains("  accepted  video-to-video-hdr/") && all.out[2].contains("  sh 020  "),
        "{all:?}"
    );
}

#[test]
fn an_unknown_outcome_is_settled_with_the_job_the_account_shows() {
    let stage = Stage::new(lost_reply());
    let lost = hdr(&stage, &["--once", "sh010"]);
    assert_eq!(lost.code, Some(6), "{lost:?}");
    let error = &lost.events("error")[0];
    let intent = error["ref"].as_str().unwrap().to_owned();
    assert_eq!(
        error["go_on"],
        format!("ltx-jobs resolve {intent} (--job video-to-video-hdr/ID | --none)")
    );

    // Nothing but a look at the account can tell: not the same command, not a wait, not a question.
    let again = hdr(&stage, &["--once", "sh010"]);
    assert_eq!((again.code, stage.paid()), (Some(6), 1), "{again:?}");
    assert_eq!(again.events("error")[0]["go_on"], error["go_on"]);
    assert_eq!(run(stage.journaled(&["wait", &intent])).code, Some(6));
    let status = run(stage.journaled(&["--json", "status", &intent]));
    assert_eq!(status.code, Some(0), "{status:?}");
    assert_eq!(status.events("status")[0]["status"], "unknown");
    assert_eq!(status.events("status")[0]["go_on"], error["go_on"]);

    let job = format!("video-to-video-hdr/{}", stage.emulator.jobs()[0].id);
    let settled = run(stage.journaled(&["resolve", &intent, "--job", &job]));
    assert_eq!(settled.code, Some(0), "{settled:?}");
    assert!(
        settled.err.ends_with(&format!("go on with: ltx-jobs wait {job}")),
        "{settled:?}"
    );
    let done = hdr(&stage, &["--once", "sh010"]);
    assert_eq!((done.code, stage.paid()), (Some(0), 1), "{done:?}");
    assert_eq!(done.events("submitted")[0]["ref"], job);

    let twice = run(stage.journaled(&["resolve", &intent, "--none"]));
    assert_eq!(twice.code, Some(2), "{twice:?}");
    assert!(twice.err.contains("is not unknown"), "{twice:?}");
    let asked = run(stage.journaled(&["--json", "status", &intent]));
    assert_eq!(asked.events("status")[0]["ref"], job);
}

#[test]
fn an_unknown_outcome_without_a_job_frees_its_once_key() {
    let stage = Stage::new(lost_reply());
    let lost = hdr(&stage, &["--once", "sh010"]);
    let intent = lost.events("error")[0]["ref"].as_str().unwrap().to_owned();
    let settled = run(stage.journaled(&["--json", "resolve", &intent, "--none"]));
    assert_eq!(settled.code, Some(0), "{settled:?}");
    assert_eq!(settled.events("resolved")[0]["ref"], Value::Null);
    assert_eq!(hdr(&stage, &["--once", "sh010"]).code, Some(0));
    assert_eq!(stage.paid(), 2);
    let states: Vec<Value> = jobs(&stage, &["--all"])
        .iter()
        .map(|job| job["state"].clone())
        .collect();
    assert_eq!(states, ["refused", "accepted"]);
}

#[test]
fn the_way_on_names_the_service_and_the_journal_that_were_given_as_flags() {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    let stage = Stage::new(programme);
    let address = stage.emulator.api_url().to_owned();
    let ended = run(stage.command(&[
        "--base-url",
        &address,
        "--journal",
        "my journal",
        "hdr",
        plate().to_str().unwrap(),
        "-o",
        "out",
        "--timeout",
        "0",
    ]));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    let end = format!(" -o out --base-url={address} --journal='my journal'");
    assert!(ended.err.ends_with(&end), "{ended:?}");
}

#[test]
fn without_a_lasting_journal_the_lists_say_so() {
    let stage = Stage::new(Programme::default());
    for list in ["jobs", "recover"] {
        let ended = run(stage.command(&[list]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.contains("no journal is kept here"), "{ended:?}");
    }
}
