//! Flat memory: an archive beyond 4 GiB to disk, as frames and as one file, and the process stays small.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Frames of 1080p, half RGB, uncompressed: 12.4 MB each.
const PROGRAMME: &str =
    "[archive]\nframes = 350\nwidth = 1920\nheight = 1080\ncompression = \"none\"\n[storage]\ngoog_hash = false\n";

/// What the peak may rise by.
const PROMISE_KIB: u64 = 64 * 1024;

#[test]
#[ignore = "4.3 GB on disk; part of --full"]
fn an_archive_beyond_4_gib_unpacked_raises_the_peak_by_less_than_64_mib() {
    raises_the_peak_little(PROGRAMME, &[]);
}

#[test]
#[ignore = "4.3 GB on disk; part of --full"]
fn an_archive_beyond_4_gib_in_one_file_over_eight_connections_raises_it_no_more() {
    // Slow enough for all eight to pay.
    raises_the_peak_little(&format!("{PROGRAMME}rate = 30000000\n"), &["keep"]);
}

fn raises_the_peak_little(programme: &str, how: &[&str]) {
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
    let dest = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_peak"))
        .args([
            addresses["api_url"].as_str().unwrap(),
            addresses["api_key"].as_str().unwrap(),
        ])
        .arg(dest.path())
        .args(how)
        .output()
        .unwrap();
    drop(emulator.stdin.take());
    emulator.wait().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (before, after) = (
        report["before_kib"].as_u64().unwrap(),
        report["after_kib"].as_u64().unwrap(),
    );
    println!(
        "rust: {} bytes in {} files in {:.1} s; peak memory {} MiB before the download, {} MiB after",
        report["bytes"],
        report["files"],
        report["seconds"].as_f64().unwrap(),
        before / 1024,
        after / 1024
    );
    assert!(report["bytes"].as_u64().unwrap() > 4 << 30, "{report}");
    assert!(after - before < PROMISE_KIB, "{report}");
}
