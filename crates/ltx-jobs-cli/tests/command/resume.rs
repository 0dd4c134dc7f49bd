//! `download`, killed or interrupted: the same command fetches only what is missing.

use std::path::Path;
use std::time::{Duration, Instant};

use ltx_jobs_emulator::programme::Programme;
use serde_json::Value;

use crate::stage::{Running, Stage, fetched, plate, run, sha256, span, tree};

/// A completed job with an archive of 6 MB, at 2 MB/s for each connection, and the command that downloads it.
fn slow() -> (Stage, Vec<String>) {
    slow_at(2_000_000)
}

fn slow_at(rate: u64) -> (Stage, Vec<String>) {
    let programme = format!("[video]\nenabled = false\n[archive]\npadding = 2000000\n[storage]\nrate = {rate}");
    let stage = Stage::new(Programme::from_toml(&programme).unwrap());
    let submitted = run(stage.command(&["hdr", plate().to_str().unwrap(), "--no-wait"]));
    let reference = submitted.out[0].clone();
    assert_eq!(run(stage.command(&["wait", &reference])).code, Some(0));
    let args = [
        "--json",
        "--connections",
        "4",
        "download",
        &reference,
        "-o",
        "out",
        "--archive",
        "keep",
    ];
    let args = args.map(str::to_owned).to_vec();
    (stage, args)
}

fn start(stage: &Stage, args: &[String]) -> Running {
    Running::start(stage.command(&args.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// The runs that are on the disk, once some are.
fn recorded(dest: &Path) -> Vec<(u64, u64)> {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(dest.join(".exr_frames.part.json")).unwrap_or_default();
        if let Ok(record) = serde_json::from_str::<Value>(&text) {
            let runs = record["done"].as_array().unwrap().iter();
            let runs: Vec<(u64, u64)> = runs
                .map(|run| (run["start"].as_u64().unwrap(), run["end"].as_u64().unwrap()))
                .collect();
            if !runs.is_empty() {
                return runs;
            }
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nothing was written down");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs the command again, and holds it to the bytes that were missing.
fn goes_on(stage: &Stage, args: &[String]) {
    let out = stage.path("out");
    let runs = recorded(&out);
    assert!(
        tree(&out).iter().all(|(name, _)| name.starts_with('.')),
        "nothing has a name yet"
    );
    let before = stage.emulator.requests().len();
    let again = start(stage, args).end();
    assert_eq!(again.code, Some(0), "{again:?}");
    let ranges = fetched(stage, before);
    assert!(!ranges.is_empty());
    for range in ranges {
        // Its end tells that it is an archive; such a request brings no byte twice that a run has.
        let Some((first, last)) = span(&range) else { continue };
        let overlap: u64 = runs
            .iter()
            .map(|run| run.1.min(last + 1).saturating_sub(run.0.max(first)))
            .sum();
        assert_eq!(overlap, 0, "{range}, there were {runs:?}");
    }
    let id = args[4].rsplit('/').next().unwrap();
    let truth = stage
        .runtime
        .block_on(stage.emulator.artifact_hashes(id, "exr_frames_url"));
    assert_eq!(tree(&out).len(), 1, "nothing is left beside it");
    assert_eq!(sha256(&out.join("exr_frames.zip")), truth.unwrap().sha256);
}

#[test]
fn after_sigkill_the_same_command_fetches_only_the_missing_bytes() {
    let (stage, args) = slow();
    let running = start(&stage, &args);
    recorded(&stage.path("out"));
    // On Unix this is SIGKILL.
    running.kill();
    goes_on(&stage, &args);
}

#[cfg(unix)]
#[test]
fn after_ctrl_c_the_command_that_was_told_fetches_only_the_missing_bytes() {
    let (stage, args) = slow();
    let running = start(&stage, &args);
    recorded(&stage.path("out"));
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let reference = &args[4];
    let go_on = format!("ltx-jobs wait {reference} -o out --archive keep");
    assert_eq!(ended.events("interrupted")[0]["go_on"], go_on);
    assert!(
        ended.err.contains("fetch what is missing with") && ended.err.contains(&go_on),
        "{ended:?}"
    );
    goes_on(&stage, &args);
}

#[test]
fn without_resume_every_download_begins_anew_and_leaves_nothing() {
    let (stage, mut args) = slow_at(700_000);
    args.push("--no-resume".to_owned());
    let running = start(&stage, &args);
    // The job is asked for first; an event comes once a second.
    while running.next_event("progress")["phase"] != "downloading" {}
    running.kill();
    assert!(!stage.path("out/.exr_frames.part.json").exists());
    let before = stage.emulator.requests().len();
    let again = start(&stage, &args).end();
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(
        fetched(&stage, before)
            .iter()
            .any(|range| range.starts_with("bytes=0-"))
    );
}

#[test]
fn a_limit_of_speed_is_kept_and_what_is_none_is_refused() {
    let (stage, mut args) = slow();
    args.extend(["--bandwidth", "4MB/s"].map(str::to_owned));
    let began = Instant::now();
    let ended = start(&stage, &args).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Four connections at 2 MB/s each bring the 6 MB in less.
    assert!(began.elapsed() > Duration::from_millis(1300), "{:?}", began.elapsed());
    *args.last_mut().unwrap() = "4M".to_owned();
    let refused = start(&stage, &args).end();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("MB/s"), "{refused:?}");
}

#[test]
fn a_file_that_another_process_is_fetching_is_locked_for_those_who_do_not_wait() {
    // Twelve seconds for the one process; the other needs a fraction of one.
    let (stage, mut args) = slow_at(500_000);
    args[2] = "1".to_owned();
    let running = start(&stage, &args);
    recorded(&stage.path("out"));
    args.extend(["--lock-timeout", "0"].map(str::to_owned));
    let refused = start(&stage, &args).end();
    assert_eq!(refused.code, Some(8), "{refused:?}");
    assert_eq!(refused.events("error")[0]["kind"], "Locked");
    running.kill();
}

/// The hidden files of an extraction, once so many are being written.
fn staged(dest: &Path, many: usize) -> Vec<String> {
    let began = Instant::now();
    loop {
        let entries = std::fs::read_dir(dest).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let parts: Vec<String> = names
            .filter(|name| name.starts_with('.') && name.ends_with(".part"))
            .collect();
        if parts.len() >= many {
            return parts;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no frame is being written");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_sigkill_leaves_of_frames_goes_with_the_next_call_and_what_another_process_is_writing_does_not() {
    // The connections take seconds for a frame.
    let programme = "[video]\nenabled = false\n[archive]\nframes = 4\ncompression = \"none\"\npadding = 1500000\n[storage]\nrate = 500000";
    let stage = Stage::new(Programme::from_toml(programme).unwrap());
    let submitted = run(stage.command(&["hdr", plate().to_str().unwrap(), "--no-wait"]));
    let reference = &submitted.out[0];
    assert_eq!(run(stage.command(&["wait", reference])).code, Some(0));
    let args = ["--json", "--connections", "2", "download", reference, "-o", "out"];
    let frames = stage.path("out/exr_frames");

    let killed = Running::start(stage.command(&args));
    staged(&frames, 1);
    // On Unix this is SIGKILL.
    killed.kill();
    let left = staged(&frames, 1);

    let live = Running::start(stage.command(&args));
    let began = Instant::now();
    let theirs = loop {
        let there = staged(&frames, 1);
        if there.iter().all(|name| !left.contains(name)) {
            break there;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{left:?} stays: {there:?}");
        std::thread::sleep(Duration::from_millis(2));
    };
    // A third one comes while the second is at its first frames, and looks through the directory before it makes its own.
    let third = Running::start(stage.command(&args));
    staged(&frames, theirs.len() + 1);
    assert!(theirs.iter().all(|name| frames.join(name).exists()), "{theirs:?}");
    for ended in [live.end(), third.end()] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let id = reference.rsplit('/').next().unwrap();
    let truth = stage
        .runtime
        .block_on(stage.emulator.artifact_hashes(id, "exr_frames_url"));
    let expected: Vec<(String, String)> = truth
        .unwrap()
        .members
        .into_iter()
        .filter(|member| member.name.ends_with(".exr"))
        .map(|member| {
            (
                format!("exr_frames/{}", member.name.rsplit('/').next().unwrap()),
                member.sha256,
            )
        })
        .collect();
    assert_eq!(tree(&stage.path("out")), expected, "the frames alone");
}
