//! What is drawn on a terminal while work goes on, and that it is plain wherever nobody watches or escape codes are not wanted.

use std::time::Duration;

use ltx_jobs_emulator::programme::{Advance, Programme};
use ltx_jobs_emulator::{Do, Fault};
use serde_json::json;

use crate::stage::{Stage, plate, run};
use crate::terminal::{CTRL_C, Terminal};

/// Jobs that are pending until the clock is moved.
fn waiting() -> Programme {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    programme
}

/// A list of so many shots of one clip.
fn film(stage: &Stage, shots: usize) {
    let lines: Vec<String> = (1..=shots)
        .map(|shot| {
            json!({"key": format!("sh{shot:02}0"), "endpoint": "hdr", "params": {"video_uri": plate()}}).to_string()
        })
        .collect();
    std::fs::write(stage.path("film.jsonl"), lines.join("\n")).unwrap();
}

/// From now on no archive comes to its end.
fn stall_archives(stage: &Stage) {
    let stalled = Fault {
        times: 0,
        at: Some(300_000),
        ..Fault::new(Do::Stall)
    };
    stage.emulator.push_fault("download:exr_frames_url", stalled).unwrap();
}

/// The lines of the view, from the one below the bar on.
fn view(screen: &str) -> Vec<String> {
    let lines = screen.lines().skip_while(|line| !line.starts_with("queued "));
    lines.map(str::to_owned).collect()
}

/// Numbers are of one run; the words around them are always the same.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace()
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        .collect()
}

#[test]
fn a_batch_is_one_view_of_all_its_jobs_which_is_gone_when_it_ends() {
    let mut programme = Programme::from_toml("[archive]\npadding = 400000").unwrap();
    programme.job = waiting().job;
    let stage = Stage::new(programme);
    film(&stage, 6);
    let terminal = Terminal::start(
        stage.journaled(&["batch", "film.jsonl", "-o", "shots", "--submits", "2"]),
        40,
        100,
    );
    let screen = terminal.until_words("running 6");
    let shown = view(&screen);
    assert_eq!(
        shown[0], "queued 0  submitting 0  running 6  transferring 0",
        "{screen}"
    );
    assert_eq!(shown[1], "done 0  failed 0  unknown 0", "{screen}");
    assert!(shown[2].starts_with("USD 1.20  0 B  0:0"), "{screen}");
    assert!(!screen.contains("left"), "nobody knows yet how long it takes: {screen}");
    assert!(screen.lines().any(|line| line.ends_with(" 0/6")), "{screen}");
    stall_archives(&stage);
    stage.emulator.advance(Duration::from_secs(2 * 3600));
    let screen = terminal.until("a transfer with its bytes", |screen| {
        view(screen)
            .get(3)
            .is_some_and(|line| line.starts_with("  sh0") && line.contains(" of "))
    });
    assert!(screen.contains("transferring "), "{screen}");
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, Some(130), "{}", left.screen);
    assert!(
        !left.screen.contains(['█', '░']) && !left.screen.contains("transferring"),
        "the view is gone: {}",
        left.screen
    );
    let text = left.text();
    for words in [
        "stopping: nothing more is submitted",
        "film: 6 items",
        "go on with: ltx-jobs batch film.jsonl --name film -o shots --submits 2",
    ] {
        assert!(text.contains(words), "{words}: {}", left.screen);
    }
}

#[test]
fn a_recovery_is_one_view_of_all_its_jobs() {
    let mut programme = Programme::from_toml("[archive]\npadding = 400000").unwrap();
    programme.job = waiting().job;
    let stage = Stage::new(programme);
    for label in ["sh010", "sh020", "sh030"] {
        let begun = run(stage.journaled(&["hdr", plate().to_str().unwrap(), "--no-wait", "--label", label]));
        assert_eq!(begun.code, Some(0), "{begun:?}");
    }
    let terminal = Terminal::start(stage.journaled(&["recover", "--finish", "-o", "found"]), 40, 100);
    let screen = terminal.until_words("running 3  transferring 0");
    assert!(screen.contains("saved 0  failed 0"), "{screen}");
    assert!(screen.lines().any(|line| line.ends_with(" 0/3")), "{screen}");
    stall_archives(&stage);
    stage.emulator.advance(Duration::from_secs(2 * 3600));
    terminal.until("two transfers with their bytes", |screen| {
        let moving = |line: &&str| line.starts_with("  sh0") && line.contains(" of ");
        screen.contains("running 0  transferring 3") && screen.lines().filter(moving).count() == 2
    });
    terminal.press(CTRL_C);
    let left = terminal.end();
    assert_eq!(left.code, Some(130), "{}", left.screen);
    let text = left.text();
    assert!(
        text.contains("3 jobs are still to be fetched; go on with: ltx-jobs recover --finish -o found"),
        "{text}"
    );
    assert!(
        !left.screen.contains("transferring"),
        "the view is gone: {}",
        left.screen
    );
}

#[test]
fn a_single_job_has_a_line_that_is_drawn_again_and_again() {
    let stage = Stage::new(waiting());
    let terminal = Terminal::start(stage.command(&["hdr", plate().to_str().unwrap(), "-o", "out"]), 40, 100);
    terminal.until_words("waiting: pending");
    stage.emulator.advance(Duration::from_secs(2 * 3600));
    let left = terminal.end();
    assert_eq!(left.code, Some(0), "{}", left.screen);
    assert!(
        left.screen.contains("saved 4 files") && !left.screen.contains("waiting: pending"),
        "{}",
        left.screen
    );
    assert!(left.bytes.contains(&0x1b));
}

#[test]
fn a_terminal_that_is_to_be_plain_gets_lines_without_escape_codes() {
    for (name, value) in [("TERM", "dumb"), ("NO_COLOR", "1")] {
        let stage = Stage::new(waiting());
        let command = stage.command(&["-v", "hdr", plate().to_str().unwrap(), "-o", "out"]);
        let terminal = Terminal::start_as(command, name, value);
        terminal.until_words("waiting: pending");
        stage.emulator.advance(Duration::from_secs(2 * 3600));
        let left = terminal.end();
        assert_eq!(left.code, Some(0), "{}", left.screen);
        assert!(
            !left.bytes.contains(&0x1b),
            "{name}={value}: {}",
            String::from_utf8_lossy(&left.bytes)
        );
    }
}

#[test]
fn a_batch_in_a_pipe_is_plain_lines() {
    let stage = Stage::new(Programme::default());
    film(&stage, 3);
    let ended = run(stage.journaled(&["batch", "film.jsonl", "-o", "shots"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        !ended.err.contains('\x1b') && !ended.out.concat().contains('\x1b'),
        "{ended:?}"
    );
    assert_eq!(ended.out.len(), 4, "{ended:?}");
}

/// The screen in README.md.
const README: &str = include_str!("../../../../README.md");

fn of_the_readme() -> Vec<String> {
    let block = README.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    view(block)
}

/// A film that is half done: some shots are saved, some transferred, some at work, some wait for their turn.
fn half_way() -> (Stage, Terminal) {
    let mut programme =
        Programme::from_toml("[archive]\nframes = 24\npadding = 200000\n[storage]\nrate = 4000000").unwrap();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_000;
    programme.job.processing_ms = 3_000;
    programme.api.max_running_jobs = 6;
    let stage = Stage::new(programme);
    film(&stage, 40);
    let line = "batch film.jsonl -o shots --only exr_frames_url --frame-name {key}.{frame:04}.exr --first-frame 1001 --connections 1";
    let command = stage.journaled(&line.split(' ').collect::<Vec<_>>());
    let terminal = Terminal::start(command, 12, 92);
    (stage, terminal)
}

#[test]
fn the_screen_in_the_readme_has_the_lines_that_are_drawn() {
    let readme = of_the_readme();
    let (_stage, terminal) = half_way();
    let screen = terminal.until("two transfers", |screen| {
        let view = view(screen);
        view.len() >= 5 && !view.iter().any(|line| line.contains("transferring 0"))
    });
    let drawn = view(&screen);
    for line in 0..2 {
        let known = words(&readme[line]);
        assert!(
            words(&drawn[line]).iter().all(|word| known.contains(word)),
            "{readme:#?} is not\n{screen}"
        );
    }
    for start in ["queued", "done", "USD", "  sh", "  sh"].iter().enumerate() {
        assert!(
            readme[start.0].starts_with(start.1) && drawn[start.0].starts_with(start.1),
            "{readme:#?} is not\n{screen}"
        );
    }
}

/// Prints a screen for README.md:
///
///     cargo test -p ltx-jobs-cli --test command -- --ignored --nocapture captures_the_screen
#[test]
#[ignore = "makes the screen in README.md; takes half a minute"]
fn captures_the_screen_of_the_readme() {
    let (_stage, terminal) = half_way();
    let screen = terminal.until("a half", |screen| {
        let done = view(screen)
            .get(1)
            .and_then(|line| line.split(' ').nth(1)?.parse::<u32>().ok());
        done.is_some_and(|done| done >= 14) && screen.contains("left") && screen.matches(" of 24 frames").count() == 2
    });
    println!("```text\n{screen}\n```");
}
