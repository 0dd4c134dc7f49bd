//! The lines of docs/command.md really run: copied out of the page into an empty folder, against an emulator, in the order of the page.
//!
//! A block ```sh is one script; one that cannot run here says so behind the word: ```sh not run: WHY. The table of exit codes is that of the help.

use std::fs;
use std::path::Path;
use std::process::Command;

use ltx_jobs_emulator::programme::Programme;
use ltx_jobs_emulator::{Do, Fault};

use crate::stage::{Stage, command, plate, run};

const PAGE: &str = include_str!("../../../../docs/command.md");

/// The blocks that run, each with the line it begins in.
fn blocks() -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(rest) = line.strip_prefix("```") else { continue };
        let text: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        if rest == "sh" {
            blocks.push((number + 1, text.join("\n")));
        }
    }
    blocks
}

#[test]
fn every_line_of_the_manual_runs() {
    let mut programme = Programme::default();
    programme.archive.frames = 48;
    // The submit that the page calls lost.
    let stage = Stage::new(programme);
    for clip in ["plate.mp4", "plates/sh010.mp4", "plates/sh020.mp4"] {
        let path = stage.path(clip);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(plate(), path).unwrap();
    }
    fs::create_dir(stage.path("bin")).unwrap();
    link(Path::new(env!("CARGO_BIN_EXE_ltx-jobs")), &stage.path("bin/ltx-jobs"));
    // A job of a run before, and a request whose answer was lost.
    let job = run(stage.journaled(&["hdr", "plate.mp4", "--no-wait"])).out.remove(0);
    assert_eq!(run(stage.journaled(&["wait", &job])).code, Some(0));
    let lost = Fault {
        times: 1,
        ..Fault::new(Do::ReadAndClose)
    };
    stage.emulator.push_fault("submit", lost).unwrap();
    let unknown = run(stage.journaled(&["--json", "hdr", "plate.mp4", "--no-wait"]));
    let intent = unknown.events("error")[0]["ref"].as_str().unwrap().to_owned();
    let blocks = blocks();
    assert!(blocks.len() >= 11, "{}", blocks.len());
    for (line, block) in blocks {
        let like_it = stage.journaled(&[]);
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", &block])
            .current_dir(stage.dir.path())
            .env("REF", &job)
            .env("INTENT", &intent)
            .env("HOME", stage.dir.path());
        for (name, value) in like_it.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", stage.path("bin").display()));
        let done = run(shell);
        assert_eq!(
            done.code,
            Some(0),
            "docs/command.md, line {line}:\n{block}\n{}\n{}",
            done.out.join("\n"),
            done.err
        );
    }
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).unwrap();
}

#[test]
fn the_manual_has_every_command_every_setting_and_the_exit_codes_of_the_help() {
    let help = run(command(&["--help"])).out;
    let section = |name: &str| {
        let lines = help.iter().skip_while(move |line| !line.starts_with(name)).skip(1);
        lines.take_while(|line| !line.is_empty()).cloned().collect::<Vec<_>>()
    };
    let commands: Vec<String> = section("Commands:")
        .iter()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for name in commands {
        assert!(PAGE.contains(&format!("`{name}")), "the command {name} is missing");
    }
    for line in help.iter().filter_map(|line| line.trim().strip_prefix("--")) {
        let name = line.split([' ', '[', '=']).next().unwrap();
        assert!(PAGE.contains(&format!("--{name}")), "--{name} is missing");
    }
    for line in section("Exit codes:") {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        let row = format!("| {code} | {} |", meaning.trim());
        assert!(PAGE.contains(&row), "{row} is missing");
    }
}
