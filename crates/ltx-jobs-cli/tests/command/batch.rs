//! `batch`: a list of jobs is submitted once, whatever happens to the command, and every mistake in it is told before anything is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use ltx_jobs_emulator::programme::{Advance, ErrorBody, Programme};
use ltx_jobs_emulator::{Do, Fault};
use serde_json::{Value, json};

use crate::stage::{Ended, Running, Stage, media, plate, run};

/// Writes a list of so many shots.
fn list(stage: &Stage, shots: usize) {
    let line = |shot: usize| {
        let params = json!({"prompt": format!("shot {shot}"), "model": "ltx-2-5-fast", "duration": 6, "resolution": "1920x1080"});
        json!({"key": format!("sh{shot:03}"), "endpoint": "t2v", "params": params}).to_string()
    };
    let text: Vec<String> = (0..shots).map(line).collect();
    std::fs::write(stage.path("film.jsonl"), text.join("\n")).unwrap();
}

fn batch(stage: &Stage) -> Command {
    stage.journaled(&[
        "--json",
        "--log",
        "off",
        "batch",
        "film.jsonl",
        "-o",
        "shots",
        "--submits",
        "8",
    ])
}

/// The account at the end.
fn account(ended: &Ended) -> Value {
    ended.events("batch").pop().unwrap()
}

fn count(account: &Value, states: &[&str]) -> u64 {
    states
        .iter()
        .map(|state| account["ended"][state].as_u64().unwrap())
        .sum()
}

/// The shots whose video is there, complete under its name.
fn saved(stage: &Stage, shots: usize) -> usize {
    let video = |shot: usize| stage.path("shots").join(format!("sh{shot:03}/video.mp4"));
    (0..shots).filter(|shot| video(*shot).is_file()).count()
}

/// A service whose connections, polls and transfers break, and that loses replies to submits where `lost` says so.
fn troubled(lost: u32) -> Programme {
    let mut programme = Programme::default()
        .with_fault(
            "poll",
            Fault {
                skip: 5,
                times: 4,
                ..Fault::status(502)
            },
        )
        .with_fault(
            "submit",
            Fault {
                skip: 3,
                times: 2,
                ..Fault::status(503)
            },
        )
        .with_fault(
            "poll",
            Fault {
                skip: 20,
                times: 3,
                ..Fault::new(Do::CutBeforeHeaders)
            },
        )
        .with_fault(
            "download",
            Fault {
                skip: 2,
                times: 3,
                at: Some(100),
                ..Fault::new(Do::CutBody)
            },
        );
    // One here and one there: several in a row would pause the batch.
    for at in 0..lost {
        let fault = Fault {
            skip: 6 + 9 * at,
            times: 1,
            ..Fault::new(Do::ReadAndClose)
        };
        programme = programme.with_fault("submit", fault);
    }
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 300;
    programme.job.processing_ms = 300;
    programme
}

/// Killed twice at events, and started again until it ends.
fn killed_twice(shots: usize) {
    let stage = Stage::new(troubled(2));
    list(&stage, shots);
    for run in 1..=2 {
        let running = Running::start(batch(&stage));
        for _ in 0..run * shots / 8 {
            running.next_event("item");
        }
        running.kill();
    }
    let ended = run(batch(&stage));
    let account = account(&ended);
    let total = count(&account, &["saved", "was_saved", "failed", "unknown"]);
    assert_eq!(total, shots as u64, "{account}");
    assert!(stage.emulator.jobs().len() <= shots, "{}", stage.emulator.jobs().len());
    assert_eq!(
        saved(&stage, shots) as u64,
        count(&account, &["saved", "was_saved"]),
        "{account}"
    );
    // What this run did, which is not more than what came of all of them.
    let posts = account["counters"]["posts"].as_u64().unwrap();
    assert!(posts <= stage.emulator.count("POST", "/v2/*") as u64, "{account}");
    assert!(account["counters"]["jobs_completed"].as_u64().unwrap() > 0, "{account}");
    let unknown = count(&account, &["unknown"]);
    assert_eq!(ended.code, Some(if unknown > 0 { 6 } else { 0 }), "{account}");
    println!(
        "killed twice, replies lost: {shots} shots, {account}, {} jobs created",
        stage.emulator.jobs().len()
    );
    // Each of them can be settled.
    let items = ended.events("item");
    let told = items.iter().filter(|item| item["state"] == "unknown");
    let commands: Vec<&str> = told.map(|item| item["go_on"].as_str().unwrap()).collect();
    assert_eq!(commands.len() as u64, unknown);
    assert!(
        commands
            .iter()
            .all(|command| command.starts_with("ltx-jobs resolve intent:"))
    );
}

/// Killed twice while it waits and saves, where no reply is lost.
fn nothing_doubled(shots: usize) {
    let stage = Stage::new(troubled(0));
    list(&stage, shots);
    let running = Running::start(batch(&stage));
    loop {
        let account = running.next_event("batch");
        if account["queued"] == 0 && account["submitting"] == 0 {
            break;
        }
    }
    running.kill();
    let running = Running::start(batch(&stage));
    running.next_event("item");
    running.kill();
    let ended = run(batch(&stage));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let account = account(&ended);
    assert_eq!(account["all_done"], true, "{account}");
    assert_eq!(count(&account, &["saved", "was_saved"]), shots as u64, "{account}");
    assert!(count(&account, &["was_saved"]) >= 1, "{account}");
    assert_eq!(stage.emulator.jobs().len(), shots, "jobs");
    assert_eq!(saved(&stage, shots), shots);
    println!(
        "killed while waiting and saving: {shots} shots, {account}, {} jobs created",
        stage.emulator.jobs().len()
    );
    let mut keys = BTreeMap::new();
    for item in ended.events("item") {
        *keys.entry(item["key"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert!(
        keys.len() == shots && keys.values().all(|times| *times == 1),
        "{keys:?}"
    );
}

#[test]
fn killed_twice_every_shot_is_accounted_for_and_no_job_is_paid_twice() {
    killed_twice(30);
}

#[test]
#[ignore = "200 shots; part of --full"]
fn killed_twice_each_of_200_shots_is_accounted_for_and_no_job_is_paid_twice() {
    killed_twice(200);
}

#[test]
fn without_lost_replies_every_shot_is_saved_once_for_exactly_one_job() {
    nothing_doubled(30);
}

#[test]
#[ignore = "200 shots; part of --full"]
fn without_lost_replies_each_of_200_shots_is_saved_once_for_exactly_one_job() {
    nothing_doubled(200);
}

#[test]
fn every_bad_line_is_told_with_its_number_and_nothing_is_submitted() {
    let stage = Stage::new(Programme::default());
    let good = r#"{"key": "good", "endpoint": "t2v", "params": {"prompt": "a", "model": "ltx-2-5-fast", "duration": 6, "resolution": "1920x1080"}}"#;
    let lines = [
        good,
        r#"{"key": "a", "endpoint": "hdr", "params": {"video_uri": "no-such-clip.mp4"}}"#,
        "",
        r#"{"key": "b", "endpoint": "t2v", "params": {"model": "ltx-2-5-fast"}}"#,
        good,
        r#"{"key": "../c", "endpoint": "retake", "params": {"video_uri": "ltx://uploads/x"}}"#,
        r#"{"key": "d", "endpoint": "#,
    ];
    std::fs::write(stage.path("film.jsonl"), lines.join("\n")).unwrap();
    let ended = run(stage.journaled(&["batch", "film.jsonl", "-o", "shots"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in [
        "line 2 (a): cannot read no-such-clip.mp4",
        "line 4 (b): ",
        "line 5 (good): line 1 has the same key",
        "line 6 (../c): ",
        "line 7: ",
        "5 of 6 lines cannot be used; nothing was submitted",
    ] {
        assert!(ended.err.contains(words), "{words}: {ended:?}");
    }
    assert!(!ended.err.contains("line 1 (good)"), "{ended:?}");
    assert!(stage.emulator.requests().is_empty());
    let events = run(stage.journaled(&["--json", "batch", "film.jsonl", "-o", "shots"])).events("bad_line");
    let numbers: Vec<&Value> = events.iter().map(|event| &event["line"]).collect();
    assert_eq!(numbers, [2, 4, 5, 6, 7]);
}

#[test]
fn each_job_goes_where_its_line_says_and_local_files_are_uploaded() {
    let stage = Stage::new(Programme::default());
    let clip = plate();
    let text = json!({"prompt": "a", "model": "ltx-2-5-fast", "duration": 6, "resolution": "1920x1080"});
    let store = stage.path("store");
    std::fs::create_dir(&store).unwrap();
    let mut lines = vec![
        json!({"key": "reel/sh010", "endpoint": "t2v", "params": text}),
        json!({"key": "sh020", "endpoint": "hdr", "params": {"video_uri": clip}, "label": "Two",
            "dest": {"dir": "own", "only": ["exr_frames_url"], "frame_name": "f.{frame:04}.exr", "first_frame": 1001}}),
    ];
    if cfg!(unix) {
        lines.push(json!({"key": "sh030", "endpoint": "t2v", "params": text, "rehost": format!("file://{}/", store.display())}));
    }
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(stage.path("film.jsonl"), text.join("\n")).unwrap();
    let ended = run(batch(&stage));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(stage.path("shots/reel/sh010/video.mp4").is_file());
    assert!(stage.path("own/exr_frames/f.1001.exr").is_file());
    assert!(!stage.path("own/video.mp4").exists() && !stage.path("shots/sh020").exists());
    assert_eq!(stage.emulator.jobs().len(), lines.len());
    let items = ended.events("item");
    let two = items.iter().find(|item| item["key"] == "sh020").unwrap();
    assert_eq!(
        (&two["state"], &two["label"], &two["error"]),
        (&json!("saved"), &json!("Two"), &Value::Null)
    );
    assert!(two["ref"].as_str().unwrap().starts_with("video-to-video-hdr/"));
    assert!(
        two["paths"]
            .as_array()
            .unwrap()
            .iter()
            .all(|path| Path::new(path.as_str().unwrap()).file_name().is_some())
    );
    if cfg!(unix) {
        assert!(store.join("video.mp4").is_file());
        let three = items.iter().find(|item| item["key"] == "sh030").unwrap();
        assert!(three["urls"][0].as_str().unwrap().ends_with("/video.mp4"), "{three}");
    }
    let account = account(&ended);
    assert_eq!((&account["name"], &account["all_done"]), (&json!("film"), &json!(true)));
}

#[test]
fn for_people_every_shot_is_a_line_and_the_account_the_last() {
    let stage = Stage::new(Programme::default());
    list(&stage, 3);
    let ended = run(stage.journaled(&["batch", "film.jsonl", "-o", "shots"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.len(), 4, "{ended:?}");
    assert!(
        ended.out[..3]
            .iter()
            .all(|line| line.contains(": saved ") && line.ends_with("video.mp4")),
        "{ended:?}"
    );
    let dry = run(stage.journaled(&["--json", "batch", "film.jsonl", "--dry-run"]));
    let usd = dry.events("dry_run")[0]["usd"].as_str().unwrap().to_owned();
    assert_eq!(ended.out[3], format!("film: 3 items, 3 saved, USD {usd}"));
    let again = run(stage.journaled(&["batch", "film.jsonl", "-o", "shots"]));
    assert_eq!(
        again.out[3],
        format!("film: 3 items, 3 was saved, USD {usd}"),
        "what it has cost is counted over all runs"
    );
    assert_eq!(stage.emulator.jobs().len(), 3);
}

#[test]
fn frames_of_all_jobs_are_named_after_their_keys_and_transfers_go_as_they_were_asked_to() {
    let stage = Stage::new(Programme::from_toml("[archive]\npadding = 100000\n[video]\nenabled = false").unwrap());
    let lines = ["reel/sh010", "sh020"]
        .map(|key| json!({"key": key, "endpoint": "hdr", "params": {"video_uri": plate()}}).to_string());
    std::fs::write(stage.path("film.jsonl"), lines.join("\n")).unwrap();
    let line = "--json batch film.jsonl -o shots --frame-name {key}.{frame:04}.exr --first-frame 1001 --archive both --bandwidth 2MB/s \
                --no-resume --lock-timeout 30s";
    let ended = run(stage.journaled(&line.split_whitespace().collect::<Vec<_>>()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (folder, name) in [("reel/sh010", "sh010"), ("sh020", "sh020")] {
        assert!(
            stage.path("shots").join(folder).join("exr_frames.zip").is_file(),
            "{folder}"
        );
        let first = stage
            .path("shots")
            .join(folder)
            .join(format!("exr_frames/{name}.1001.exr"));
        assert!(first.is_file(), "{}", first.display());
    }
    // The limit is for all of them together: two at a time are not twice as fast.
    let account = account(&ended);
    let least = account["bytes"].as_f64().unwrap() / 2e6 * 0.8;
    assert!(account["elapsed_s"].as_f64().unwrap() >= least, "{least} s: {account}");

    let wrong = run(stage.journaled(&[
        "batch",
        "film.jsonl",
        "--name",
        "other",
        "-o",
        "shots",
        "--frame-name",
        "no-number.exr",
    ]));
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(
        wrong.err.contains("2 of 2 lines cannot be used; nothing was submitted"),
        "{wrong:?}"
    );
    assert_eq!(stage.emulator.jobs().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_whole_list_goes_to_a_store_each_job_under_its_key_and_is_known_to_be_there() {
    let stage = Stage::new(Programme::default());
    let store = stage.path("store");
    std::fs::create_dir(&store).unwrap();
    let lines = [
        json!({"key": "reel/sh010", "endpoint": "hdr", "params": {"video_uri": plate()}}),
        json!({"key": "sh020", "endpoint": "hdr", "params": {"video_uri": plate()},
            "rehost": {"url": format!("file://{}/own/", store.display()), "archive": "keep"}}),
    ];
    std::fs::write(stage.path("film.jsonl"), lines.map(|line| line.to_string()).join("\n")).unwrap();
    let place = format!("file://{}/film", store.display());
    let args = [
        "--json",
        "batch",
        "film.jsonl",
        "--rehost",
        &place,
        "--frame-name",
        "{key}.{frame}.exr",
        "--first-frame",
        "7",
    ];
    let ended = run(stage.journaled(&args));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        store.join("film/reel/sh010/exr_frames/sh010.7.exr").is_file(),
        "{:?}",
        crate::stage::tree(&store)
    );
    assert!(store.join("film/reel/sh010/video.mp4").is_file());
    assert!(store.join("own/exr_frames.zip").is_file() && !store.join("own/exr_frames").exists());
    let again = run(stage.journaled(&args));
    assert_eq!(count(&account(&again), &["was_saved"]), 2, "{again:?}");
    // In another way it is another result.
    let other = run(stage.journaled(&["--json", "batch", "film.jsonl", "--rehost", &place, "--archive", "keep"]));
    assert_eq!(
        (
            count(&account(&other), &["saved"]),
            count(&account(&other), &["was_saved"])
        ),
        (1, 1),
        "{other:?}"
    );
    assert_eq!(stage.emulator.jobs().len(), 2);
    let both = run(stage.journaled(&["batch", "film.jsonl", "--rehost", &place, "-o", "shots"]));
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn a_list_comes_from_standard_input_and_needs_a_name_then() {
    let stage = Stage::new(Programme::default());
    list(&stage, 1);
    let nameless = run(stage.journaled(&["batch", "-"]));
    assert_eq!(nameless.code, Some(2), "{nameless:?}");
    assert!(nameless.err.contains("--name"), "{nameless:?}");
    let text = std::fs::read(stage.path("film.jsonl")).unwrap();
    let mut running = Running::start(stage.journaled(&["batch", "-", "--name", "film"]));
    running.write_stdin(&text);
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out[0].starts_with("sh000: completed: text-to-video/"),
        "{ended:?}"
    );
}

#[test]
fn an_account_without_credits_leaves_the_rest_for_the_same_command() {
    let stage = Stage::new(Programme::default());
    list(&stage, 6);
    let mut empty = Fault {
        skip: 2,
        times: 1,
        ..Fault::status(402)
    };
    empty.envelope = Some(ErrorBody {
        kind: "insufficient_funds_error".into(),
        message: "no credits".into(),
    });
    stage.emulator.push_fault("submit", empty).unwrap();
    let args = ["--json", "batch", "film.jsonl", "-o", "shots", "--submits", "1"];
    let ended = run(stage.journaled(&args));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let account = account(&ended);
    assert_eq!(
        (count(&account, &["saved"]), count(&account, &["not_submitted"])),
        (2, 4),
        "{account}"
    );
    assert!(account["paused"].as_str().unwrap().contains("account"), "{account}");
    assert_eq!(stage.paid(), 3);
    assert!(
        ended.events("interrupted")[0]["go_on"]
            .as_str()
            .unwrap()
            .starts_with("ltx-jobs batch film.jsonl")
    );
    let ended = run(stage.journaled(&args));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(stage.emulator.jobs().len(), 6);
}

#[test]
fn a_dry_run_prices_every_line_and_their_sum_and_sends_nothing() {
    let stage = Stage::new(Programme::default());
    list(&stage, 3);
    let mut command = stage.journaled(&["batch", "film.jsonl", "--dry-run"]);
    command.env_remove("LTXV_API_KEY");
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.len(), 4, "{ended:?}");
    let dry = run(stage.journaled(&["--json", "batch", "film.jsonl", "--dry-run"]));
    let usd = |event: &Value| event["usd"].as_str().unwrap().parse::<ltx_jobs::Usd>().unwrap();
    let each: Vec<ltx_jobs::Usd> = dry.events("estimate").iter().map(usd).collect();
    let sum = usd(&dry.events("dry_run")[0]);
    assert_eq!(each.len(), 3);
    assert!(sum > ltx_jobs::Usd::ZERO);
    assert_eq!(each.into_iter().sum::<ltx_jobs::Usd>(), sum);
    // Below the sum, above each of them.
    let limit = format!("{}", each_plus_a_cent(&dry));
    let refused = run(stage.journaled(&["batch", "film.jsonl", "--dry-run", "--spend-limit", &limit]));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let refused = run(stage.journaled(&["batch", "film.jsonl", "--dry-run", "--max-cost", "0.01"]));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(stage.emulator.requests().is_empty());
}

fn each_plus_a_cent(dry: &Ended) -> ltx_jobs::Usd {
    let usd = dry.events("estimate")[0]["usd"]
        .as_str()
        .unwrap()
        .parse::<ltx_jobs::Usd>()
        .unwrap();
    usd + ltx_jobs::Usd::from_cents(1)
}

#[test]
fn a_spend_limit_counts_the_runs_before() {
    let stage = Stage::new(Programme::default());
    list(&stage, 3);
    let dry = run(stage.journaled(&["--json", "batch", "film.jsonl", "--dry-run"]));
    let limit = each_plus_a_cent(&dry).to_string();
    let args = [
        "--json",
        "batch",
        "film.jsonl",
        "-o",
        "shots",
        "--submits",
        "1",
        "--spend-limit",
        &limit,
    ];
    for _ in 0..2 {
        let ended = run(stage.journaled(&args));
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert_eq!(count(&account(&ended), &["not_submitted"]), 2, "{ended:?}");
        assert_eq!(stage.emulator.jobs().len(), 1);
    }
}

#[test]
fn the_schema_is_printed() {
    let ended = run(crate::stage::command(&["batch", "--schema"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let schema: Value = serde_json::from_str(&ended.out.join("\n")).unwrap();
    assert_eq!(schema["required"], json!(["key", "endpoint"]));
}

#[test]
fn what_is_inside_a_local_file_is_looked_at_by_the_dry_run() {
    let stage = Stage::new(Programme::default());
    let line = json!({"key": "a", "endpoint": "hdr", "params": {"video_uri": media("prores.mov")}});
    std::fs::write(stage.path("film.jsonl"), line.to_string()).unwrap();
    let ended = run(stage.journaled(&["batch", "film.jsonl", "--dry-run"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("in the line of a"), "{ended:?}");
}

#[cfg(unix)]
mod interrupted {
    use super::*;

    #[test]
    fn ctrl_c_stops_it_tells_the_way_on_and_the_same_command_pays_nothing_twice() {
        let mut programme = Programme::default();
        programme.job.advance = Advance::Clock;
        programme.job.pending_ms = 2_500;
        let stage = Stage::new(programme);
        list(&stage, 5);
        let running = Running::start(batch(&stage));
        while running.next_event("batch")["running"] != 5 {}
        running.interrupt();
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        let go_on = "ltx-jobs batch film.jsonl --name film -o shots --submits 8";
        assert_eq!(ended.events("stopping")[0]["go_on"], go_on);
        assert_eq!(ended.events("interrupted")[0]["go_on"], go_on);
        assert_eq!(count(&account(&ended), &["running"]), 5, "{ended:?}");
        let again = run(batch(&stage));
        assert_eq!(again.code, Some(0), "{again:?}");
        assert_eq!(stage.emulator.jobs().len(), 5);
        assert_eq!(saved(&stage, 5), 5);
    }

    #[test]
    fn a_paid_request_on_its_way_is_finished_before_it_ends() {
        // The service has read the request; its answer takes a second or so to arrive.
        let fault: Fault = serde_json::from_str(r#"{"do": "drip", "bytes_per_s": 80}"#).unwrap();
        let mut programme = Programme::default().with_fault("submit", fault);
        programme.job.pending_polls = u32::MAX;
        let stage = Stage::new(programme);
        list(&stage, 1);
        let running = Running::start(batch(&stage));
        stage.await_submits(1);
        running.interrupt();
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        let items = ended.events("item");
        assert_eq!(items[0]["state"], "running", "{ended:?}");
        assert_eq!(
            items[0]["ref"],
            format!("text-to-video/{}", stage.emulator.jobs()[0].id)
        );
    }

    #[test]
    fn ctrl_c_twice_leaves_at_once_and_nothing_is_lost() {
        let fault = Fault {
            times: 1,
            ..Fault::new(Do::ReadAndNeverAnswer)
        };
        let stage = Stage::new(Programme::default().with_fault("submit", fault));
        list(&stage, 3);
        let args = ["--json", "batch", "film.jsonl", "-o", "shots", "--submits", "1"];
        let running = Running::start(stage.journaled(&args));
        stage.await_submits(1);
        running.interrupt();
        running.next_event("stopping");
        running.interrupt();
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(ended.events("interrupted")[0]["go_on"].is_string(), "{ended:?}");
        // The one that was on its way is unknown, and not submitted again; the others are.
        let again = run(stage.journaled(&args));
        assert_eq!(again.code, Some(6), "{again:?}");
        let account = account(&again);
        assert_eq!(
            (count(&account, &["unknown"]), count(&account, &["saved"])),
            (1, 2),
            "{account}"
        );
        assert_eq!(stage.paid(), 3);
    }
}
