//! The soak, short: so that it works when somebody runs it for ten minutes.
#![allow(clippy::unwrap_used)] // A test.

use std::process::Command;

#[test]
fn a_short_film_under_faults_and_kills_comes_to_an_account_that_holds() {
    let output = Command::new(env!("CARGO_BIN_EXE_soak"))
        .args(["--jobs", "60", "--minutes", "0.2"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{complaints}");
    // All of it was looked at.
    for line in ["| jobs asked for | 60 |", "made and lost", "bytes checked"] {
        assert!(told.contains(line), "{line} is missing in {told}");
    }
}
