//! Flat memory: an archive of any size is streamed frame by frame, and the process stays small.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // A test.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the peak may rise by.
const PROMISE_KIB: u64 = 64 * 1024;

/// Streams `frames` frames of some `mib` MiB each in a process of its own. One frame is in the reader's hands: it does not count.
fn stream(frames: u64, mib: u64) -> Value {
    let programme = format!(
        "[archive]\nframes = {frames}\ncompression = \"none\"\npadding = {}\n[storage]\ngoog_hash = false\n",
        mib << 20
    );
    let mut emulator = Command::new(env!("CARGO_BIN_EXE_emulator-child"))
        .arg(programme)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(emulator.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let addresses: Value = serde_json::from_str(&line).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_peak-frames"))
        .args([
            addresses["api_url"].as_str().unwrap(),
            addresses["api_key"].as_str().unwrap(),
        ])
        .output()
        .unwrap();
    drop(emulator.stdin.take());
    emulator.wait().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["frames"].as_u64(), Some(frames));
    assert!(report["bytes"].as_u64().unwrap() > frames * (mib << 20), "{report}");
    let rise = report["after_kib"].as_u64().unwrap() - report["before_kib"].as_u64().unwrap();
    assert!(rise < PROMISE_KIB + (mib << 10), "{report}");
    report
}

#[test]
fn a_quarter_of_a_gigabyte_of_frames_raises_the_peak_by_less_than_64_mib() {
    println!("{}", stream(64, 4));
}

#[test]
#[ignore = "4.5 GB over the loopback; part of --full"]
fn an_archive_beyond_4_gib_raises_the_peak_by_less_than_64_mib() {
    println!("{}", stream(270, 16));
}
