//! The emulator as a subprocess. The subprocess is this test binary, asked for one test, which does nothing otherwise.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use ltx_jobs_emulator::serve_as_child;

use super::*;

const ASKED: &str = "LTX_JOBS_EMULATOR_TEST_CHILD";

#[tokio::test]
async fn serves_until_standard_input_ends() {
    if std::env::var_os(ASKED).is_none() {
        return;
    }
    let builder = Emulator::builder()
        .programme(Programme::from_toml("api_key = 'child'").unwrap())
        .tls(true);
    serve_as_child(builder, &mut std::io::stdout()).await.unwrap();
}

#[tokio::test]
async fn a_child_prints_one_line_and_ends_when_its_standard_input_ends() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::serves_until_standard_input_ends", "--nocapture"])
        .env(ASKED, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The test harness has something to say first, and no line end after it.
    let line = loop {
        let line = lines.next().unwrap().unwrap();
        if let Some(start) = line.find('{') {
            break line[start..].to_owned();
        }
    };
    let addresses: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(addresses["api_key"], "child");
    for name in ["api_url", "storage_url"] {
        assert!(
            addresses[name].as_str().unwrap().starts_with("https://localhost:"),
            "{line}"
        );
    }
    let bundle = addresses["ca_bundle"].as_str().unwrap();
    assert!(
        std::fs::read_to_string(bundle)
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let url = format!(
        "{}/requests/count?method=*&path=*",
        addresses["control_url"].as_str().unwrap()
    );
    assert_eq!(
        client().get(url).send().await.unwrap().json::<Value>().await.unwrap(),
        json!({"count": 0})
    );

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!std::path::Path::new(bundle).exists(), "it cleans up");
}
