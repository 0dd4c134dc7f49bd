//! What is printed with `--json` is what `ltx-jobs schema` publishes: held for everything that any test here makes the command print, and every line of the
//! schema is really printed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{Arc, Mutex};

use ltx_jobs_emulator::programme::{Advance, Programme};
use ltx_jobs_emulator::{Do, Fault};
use serde_json::{Map, Value, json};

use crate::stage::{Running, Stage, command, plate, run};

/// The commands that print lines of JSON, the endpoints under both their names.
const COMMANDS: &[&str] = &[
    "demo",
    "submit",
    "batch",
    "estimate",
    "upload",
    "wait",
    "status",
    "download",
    "frames",
    "rehost",
    "jobs",
    "recover",
    "resolve",
    "emulate",
    "check",
    "schema",
    "completions",
    "text-to-video",
    "t2v",
    "image-to-video",
    "i2v",
    "audio-to-video",
    "a2v",
    "retake",
    "extend",
    "video-to-video-hdr",
    "hdr",
    "video-to-video-reframe",
    "reframe",
    "video-upscale",
    "upscale",
    "video-alpha-gen",
    "alpha",
];

/// The published schema of one command's lines, with no room for fields that are not in it.
#[derive(Clone)]
pub(crate) struct Schema(Arc<jsonschema::Validator>);

impl Schema {
    /// That of a command that is to print lines of JSON.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let words: Vec<&str> = command.get_args().filter_map(|word| word.to_str()).collect();
        if !words.contains(&"--json") {
            return None;
        }
        let name = words.iter().find(|word| COMMANDS.contains(word))?;
        static KNOWN: Mutex<BTreeMap<String, Schema>> = Mutex::new(BTreeMap::new());
        let known = |name: &str| KNOWN.lock().unwrap().get(name).cloned();
        if let Some(schema) = known(name) {
            return Some(schema);
        }
        let schema = Self(Arc::new(
            jsonschema::validator_for(&closed(published(Some(name)))).unwrap(),
        ));
        KNOWN.lock().unwrap().insert((*name).to_owned(), schema.clone());
        Some(schema)
    }

    /// Fails on a line that is not in it.
    pub(crate) fn check(&self, line: &str) {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(self.0.is_valid(&value), "not in the schema: {line}");
    }
}

/// As the command prints it.
fn published(name: Option<&str>) -> Value {
    let words: Vec<&str> = std::iter::once("schema").chain(name).collect();
    let printed = command(&words).output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    serde_json::from_slice(&printed.stdout).unwrap()
}

/// Without room for fields that are not described.
fn closed(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let has_room = fields.contains_key("properties") && !fields.contains_key("additionalProperties");
            let mut fields: Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name, closed(value))).collect();
            if has_room {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            Value::Object(fields)
        }
        Value::Array(values) => values.into_iter().map(closed).collect(),
        other => other,
    }
}

#[test]
fn every_line_of_the_schema_is_printed_by_a_command() {
    let mut all = closed(published(None));
    let names: BTreeSet<String> = all["$defs"].as_object().unwrap().keys().cloned().collect();
    let mut open: BTreeMap<String, jsonschema::Validator> = BTreeMap::new();
    for name in names.iter().filter(|name| *name != "error_fields") {
        // Each line by itself.
        all["anyOf"] = json!([{ "$ref": format!("#/$defs/{name}") }]);
        open.insert(name.clone(), jsonschema::validator_for(&all).unwrap());
    }
    for line in printed() {
        let value: Value = serde_json::from_str(&line).unwrap();
        open.retain(|_, schema| !schema.is_valid(&value));
    }
    if cfg!(not(unix)) {
        open.retain(|name, _| !["stopping", "interrupted", "rehosted"].contains(&name.as_str()));
    }
    assert_eq!(
        open.keys().collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "are never printed"
    );
}

/// Lines of all kinds.
fn printed() -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(of_a_job());
    lines.extend(of_a_journal());
    lines.extend(of_a_list());
    for words in [
        ["--json", "schema", "hdr"].as_slice(),
        &["--json", "completions", "bash"],
        &["--json", "batch", "--schema"],
    ] {
        lines.extend(run(command(words)).out);
    }
    let mut emulator = Running::start(command(&["--json", "emulate"]));
    lines.push(emulator.next_line());
    emulator.close_stdin();
    emulator.end();
    let dir = tempfile::tempdir().unwrap();
    let mut demo = command(&["--json", "demo"]);
    demo.current_dir(dir.path());
    lines.extend(run(demo).out);
    lines
}

fn of_a_job() -> Vec<String> {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 400;
    let stage = Stage::new(programme);
    let clip = plate();
    let clip = clip.to_str().unwrap();
    let mut lines = run(stage.command(&["--json", "hdr", clip, "-o", "out"])).out;
    let reference = format!("video-to-video-hdr/{}", stage.emulator.jobs()[0].id);
    let place = format!("file://{}/", stage.path("store").display());
    if cfg!(unix) {
        std::fs::create_dir(stage.path("store")).unwrap();
        lines.extend(run(stage.command(&["--json", "rehost", &reference, &place])).out);
    }
    for words in [
        ["--json", "frames", &reference].as_slice(),
        &["--json", "frames", &reference, "-o", "frames"],
        &["--json", "frames", &reference, "--read", "0", "-o", "one.exr"],
        &["--json", "status", &reference],
        &["--json", "status", &reference, "--raw"],
        &["--json", "wait", &reference],
        &["--json", "download", &reference, "-o", "again"],
        &[
            "--json",
            "hdr",
            clip,
            "--dry-run",
            "--once",
            "k",
            "--label",
            "l",
            "--max-cost",
            "9",
        ],
        &["--json", "estimate", "hdr", clip],
        &["--json", "upload", clip],
        &["--json", "check"],
    ] {
        let ended = run(stage.command(words));
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
        lines.extend(ended.out);
    }
    lines
}

fn of_a_journal() -> Vec<String> {
    let lost = Fault {
        skip: 1,
        times: 1,
        ..Fault::new(Do::ReadAndClose)
    };
    let stage = Stage::new(Programme::default().with_fault("submit", lost));
    let clip = plate();
    let clip = clip.to_str().unwrap();
    let mut lines = run(stage.journaled(&["--json", "hdr", clip, "--no-wait", "-o", "out"])).out;
    let unknown = run(stage.journaled(&["--json", "hdr", clip, "--no-wait"]));
    let intent = unknown.events("error")[0]["ref"].as_str().unwrap().to_owned();
    lines.extend(unknown.out);
    lines.extend(run(stage.journaled(&["--json", "recover"])).out);
    lines.extend(run(stage.journaled(&["--json", "status", &intent])).out);
    let mut other = stage.journaled(&["--json", "recover"]);
    other.env("LTXV_API_KEY", "another-key");
    lines.extend(run(other).out);
    lines.extend(run(stage.journaled(&["--json", "resolve", &intent, "--none"])).out);
    lines.extend(run(stage.journaled(&["--json", "recover", "--finish"])).out);
    lines.extend(run(stage.journaled(&["--json", "jobs", "--all"])).out);
    lines
}

fn of_a_list() -> Vec<String> {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    let stage = Stage::new(programme);
    let line = json!({"key": "a", "endpoint": "hdr", "params": {"video_uri": plate()}}).to_string();
    std::fs::write(stage.path("film.jsonl"), &line).unwrap();
    std::fs::write(stage.path("bad.jsonl"), format!("{line}\n{{\"key\": \"b\"}}\n")).unwrap();
    let mut lines = run(stage.journaled(&["--json", "batch", "film.jsonl", "--dry-run"])).out;
    lines.extend(run(stage.journaled(&["--json", "batch", "bad.jsonl"])).out);
    if cfg!(unix) {
        lines.extend(interrupted(&stage));
    }
    stage.emulator.advance(std::time::Duration::from_secs(2 * 3600));
    lines.extend(run(stage.journaled(&["--json", "batch", "film.jsonl", "-o", "shots"])).out);
    lines
}

#[cfg(unix)]
fn interrupted(stage: &Stage) -> Vec<String> {
    let running = Running::start(stage.journaled(&["--json", "batch", "film.jsonl", "-o", "shots"]));
    while running.next_event("batch")["running"] != 1 {}
    running.interrupt();
    running.end().out
}

#[cfg(not(unix))]
fn interrupted(_: &Stage) -> Vec<String> {
    Vec::new()
}

#[test]
fn a_mistake_of_usage_is_an_event_too() {
    let ended = run(command(&["--json", "hdr", "a.mp4", "--no-such-flag"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let error = &ended.events("error")[0];
    assert!(error["message"].as_str().unwrap().contains("--no-such-flag"), "{error}");
    assert_eq!(error["exit_code"], 2);
    assert!(ended.err.contains("--no-such-flag"), "{ended:?}");
}

#[test]
fn a_schema_is_had_by_either_name_of_an_endpoint_and_no_other_word() {
    assert_eq!(
        published(Some("hdr"))["$defs"],
        published(Some("video-to-video-hdr"))["$defs"]
    );
    let ended = run(command(&["schema", "no-such-command"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("no-such-command"), "{ended:?}");
}
