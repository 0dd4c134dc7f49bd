//! How much the command says: `-q`, `-v`, `--log` and the variable `LTX_LOG`.

use ltx_jobs_emulator::programme::{Advance, Programme};
use serde_json::Value;

use crate::stage::{Ended, Stage, command, media, plate, run};

/// A job that takes a while, of a clip about which there is something to warn.
fn retake(flags: &[&str], variable: Option<&str>) -> Ended {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 400;
    let stage = Stage::new(programme);
    let clip = media("hevc.mp4");
    let line = [
        "retake",
        clip.to_str().unwrap(),
        "--start-time",
        "0",
        "--duration",
        "2",
        "-o",
        "out",
    ];
    let mut command = stage.command(&[flags, line.as_slice()].concat());
    if let Some(text) = variable {
        command.env("LTX_LOG", text);
    }
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

#[test]
fn quiet_is_the_result_and_nothing_else() {
    for flag in ["-q", "--quiet"] {
        let ended = retake(&[flag], Some("debug"));
        assert_eq!(ended.err, "", "{ended:?}");
        assert!(
            ended.out.len() == 1 && ended.out[0].starts_with("saved 1 file"),
            "{ended:?}"
        );
    }
    let events = retake(&["-q", "--json"], None);
    assert!(
        events.events("progress").is_empty() && events.events("saved").len() == 1,
        "{events:?}"
    );
}

#[test]
fn an_error_is_told_also_when_it_is_to_be_quiet() {
    let stage = Stage::new(Programme::default());
    let ended = run(stage.command(&["-q", "hdr", "no-such-clip.mp4", "-o", "out"]));
    assert_eq!(ended.code, Some(8), "{ended:?}");
    assert!(
        ended.err.starts_with("ltx-jobs: ") && ended.err.lines().count() == 1,
        "{ended:?}"
    );
}

#[test]
fn each_v_tells_more_and_goes_before_the_variable() {
    let lines = |ended: &Ended, level: &str| ended.err.lines().filter(|line| line.contains(level)).count();
    let once = retake(&["-v"], Some("off"));
    assert!(lines(&once, " INFO ") > 0 && lines(&once, "DEBUG ") == 0, "{once:?}");
    let twice = retake(&["-vv"], None);
    assert!(lines(&twice, "DEBUG ") > 0 && lines(&twice, "TRACE ") == 0, "{twice:?}");
    let both = run(command(&["-q", "-v", "check"]));
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn the_variable_has_the_words_of_all_faces() {
    let silent = retake(&[], Some("off"));
    assert!(!silent.err.contains("warning"), "{silent:?}");
    let json = retake(&[], Some("info,json"));
    let lines: Vec<Value> = json
        .err
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["level"] == "warn" && line["target"] == "ltx_jobs::submit"),
        "{json:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line["level"] == "info" && line["spans"][0]["name"].is_string()),
        "{json:?}"
    );
    let stage = Stage::new(Programme::default());
    for (name, value) in [("LTX_LOG", "loud"), ("--log", "loud")] {
        let mut command = stage.command(&["hdr", plate().to_str().unwrap(), "-o", "out"]);
        if name.starts_with('-') {
            command.args([name, value]);
        } else {
            command.env(name, value);
        }
        let refused = run(command);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains("\"loud\" is no level"), "{refused:?}");
    }
    assert!(stage.emulator.requests().is_empty());
}
