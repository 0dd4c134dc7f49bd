//! Ctrl-C: nothing is lost, and the way on is told.

use ltx_jobs_emulator::programme::{Advance, Programme};
use ltx_jobs_emulator::{Do, Fault};

use crate::stage::{Running, Stage, plate, run};
use crate::terminal::{CTRL_C, Terminal};

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

/// Storage requests of a kind since the stage was made.
fn storage(stage: &Stage, method: &str) -> usize {
    let requests = stage.emulator.requests();
    requests
        .iter()
        .filter(|request| request.origin == "storage" && request.method == method)
        .count()
}

#[test]
fn ctrl_c_on_a_terminal_ends_every_long_command_and_tells_its_way_on() {
    // A job that is completed; from here on no answer of the storage comes to its end.
    let stage = Stage::new(Programme::from_toml("[video]\nenabled = false\n[archive]\npadding = 100000").unwrap());
    let clip = plate();
    let clip = clip.to_str().unwrap();
    let submitted = run(stage.journaled(&["hdr", clip, "--no-wait", "-o", "out"]));
    let reference = submitted.out[0].clone();
    assert_eq!(run(stage.journaled(&["wait", &reference])).code, Some(0));
    let place = format!("file://{}/", stage.path("store").display());
    std::fs::create_dir(stage.path("store")).unwrap();
    let always = |what, at| Fault {
        times: 0,
        at,
        ..Fault::new(what)
    };
    for (route, fault) in [
        ("download", always(Do::Stall, Some(40_000))),
        ("put", always(Do::ReadAndNeverAnswer, None)),
    ] {
        stage.emulator.push_fault(route, fault).unwrap();
    }
    let cases: [(&str, Vec<&str>, &str, String); 5] = [
        (
            "download",
            vec!["download", &reference, "-o", "out"],
            "GET",
            format!("ltx-jobs wait {reference} -o out"),
        ),
        (
            "frames",
            vec!["frames", &reference, "-o", "f"],
            "GET",
            format!("ltx-jobs frames {reference} -o f"),
        ),
        (
            "rehost",
            vec!["rehost", &reference, &place],
            "GET",
            format!("ltx-jobs rehost {reference} {place}"),
        ),
        (
            "recover",
            vec!["recover", "--finish"],
            "GET",
            "ltx-jobs recover --finish".to_owned(),
        ),
        ("upload", vec!["upload", clip], "PUT", format!("ltx-jobs upload {clip}")),
    ];
    let mut seen = (storage(&stage, "GET"), storage(&stage, "PUT"));
    for (name, line, method, go_on) in cases {
        let terminal = Terminal::start(stage.journaled(&line), 40, 400);
        let before = if method == "GET" { seen.0 } else { seen.1 };
        let began = std::time::Instant::now();
        while storage(&stage, method) <= before {
            assert!(
                began.elapsed() < std::time::Duration::from_secs(60),
                "{name} asks for nothing"
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        terminal.press(CTRL_C);
        let left = terminal.end();
        assert_eq!(left.code, Some(130), "{name}: {}", left.screen);
        assert!(
            left.screen.contains("interrupted") && left.screen.contains(&go_on),
            "{name}: {go_on}\n{}",
            left.screen
        );
        seen = (storage(&stage, "GET"), storage(&stage, "PUT"));
    }
}

#[test]
fn ctrl_c_on_a_terminal_while_a_paid_request_is_answered_waits_for_it() {
    let fault: Fault = serde_json::from_str(r#"{"do": "drip", "bytes_per_s": 60}"#).unwrap();
    let mut programme = Programme::default().with_fault("submit", fault);
    programme.job.pending_polls = u32::MAX;
    let stage = Stage::new(programme);
    let terminal = Terminal::start(
        stage.journaled(&["hdr", plate().to_str().unwrap(), "-o", "out"]),
        40,
        400,
    );
    stage.await_submits(1);
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, Some(130), "{}", left.screen);
    let job = format!("video-to-video-hdr/{}", stage.emulator.jobs()[0].id);
    assert!(
        left.screen.contains(&format!("go on with: ltx-jobs wait {job} -o out")),
        "{}",
        left.screen
    );
    // The journal knows it as what it became.
    let jobs = run(stage.journaled(&["--json", "jobs"])).events("job");
    assert_eq!((&jobs[0]["state"], &jobs[0]["ref"]), (&"accepted".into(), &job.into()));
}

#[test]
fn ctrl_c_twice_leaves_at_once_and_recover_finds_the_request() {
    let stage = Stage::new(Programme::default().with_fault("submit", Fault::new(Do::ReadAndNeverAnswer)));
    let terminal = Terminal::start(
        stage.journaled(&["hdr", plate().to_str().unwrap(), "-o", "out"]),
        40,
        400,
    );
    stage.await_submits(1);
    terminal.press(CTRL_C);
    terminal.until_words("the paid request is on its way");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, Some(130), "{}", left.screen);
    let told = left
        .screen
        .lines()
        .find(|line| line.contains("find out with: ltx-jobs recover"));
    assert!(told.is_some(), "{}", left.screen);
    let found = run(stage.journaled(&["--json", "recover"]));
    let unknown = found.events("unknown");
    assert_eq!(unknown.len(), 1, "{found:?}");
    assert!(
        left.screen.contains(unknown[0]["intent"].as_str().unwrap()),
        "{}",
        left.screen
    );
    assert!(
        unknown[0]["go_on"]
            .as_str()
            .unwrap()
            .starts_with("ltx-jobs resolve intent:"),
        "{found:?}"
    );
    assert_eq!(stage.paid(), 1);
}

#[test]
fn ctrl_c_twice_ends_a_batch_at_once_and_nothing_is_lost() {
    let stage = Stage::new(Programme::default().with_fault("submit", Fault::new(Do::ReadAndNeverAnswer)));
    let line = serde_json::json!({"key": "a", "endpoint": "hdr", "params": {"video_uri": plate()}});
    std::fs::write(stage.path("film.jsonl"), line.to_string()).unwrap();
    let terminal = Terminal::start(stage.journaled(&["batch", "film.jsonl", "-o", "shots"]), 40, 400);
    stage.await_submits(1);
    terminal.press(CTRL_C);
    terminal.until_words("stopping: nothing more is submitted");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, Some(130), "{}", left.screen);
    assert!(
        left.screen
            .contains("go on with: ltx-jobs batch film.jsonl --name film -o shots"),
        "{}",
        left.screen
    );
    let found = run(stage.journaled(&["--json", "recover"]));
    assert_eq!(found.events("unknown").len(), 1, "{found:?}");
    assert_eq!(stage.paid(), 1);
}

#[test]
fn a_list_that_somebody_types_is_left_with_ctrl_c() {
    let stage = Stage::new(Programme::default());
    let terminal = Terminal::start(stage.journaled(&["batch", "-", "--name", "film"]), 40, 100);
    terminal.until_words("reading the list from the terminal");
    terminal.press(b"{\"key\": \n");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, Some(130), "{}", left.screen);
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn a_scheduler_that_ends_it_is_told_the_same_as_ctrl_c() {
    let mut programme = Programme::default();
    programme.job.pending_polls = u32::MAX;
    let stage = Stage::new(programme);
    let running = Running::start(stage.journaled(&["--json", "hdr", plate().to_str().unwrap(), "-o", "out"]));
    let reference = running.next_event("submitted")["ref"].as_str().unwrap().to_owned();
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let go_on = ended.events("interrupted")[0]["go_on"].as_str().unwrap().to_owned();
    assert!(
        go_on.starts_with(&format!("ltx-jobs wait {reference} -o out")),
        "{go_on}"
    );
}
