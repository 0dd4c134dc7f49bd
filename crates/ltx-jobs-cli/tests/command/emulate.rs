//! The emulator as a subprocess.

use serde_json::Value;

use crate::stage::{Running, command, run};

#[test]
fn emulate_prints_one_line_serves_and_ends_when_its_standard_input_ends() {
    let dir = tempfile::tempdir().unwrap();
    let programme = dir.path().join("programme.toml");
    std::fs::write(&programme, "api_key = \"from-the-file\"\n").unwrap();
    let mut running = Running::start(command(&[
        "emulate",
        "--json",
        "--programme",
        programme.to_str().unwrap(),
    ]));
    let line: Value = serde_json::from_str(&running.next_line()).unwrap();
    assert_eq!(line["api_key"], "from-the-file");
    assert_eq!(line["ca_bundle"], Value::Null);
    assert!(
        line["storage_url"].is_string() && line["control_url"].is_string(),
        "{line}"
    );

    let mut check = command(&["check", "--base-url", line["api_url"].as_str().unwrap()]);
    check.env("LTXV_API_KEY", "from-the-file");
    let checked = run(check);
    assert_eq!(checked.code, Some(0), "{checked:?}");

    running.close_stdin();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.is_empty(), "{ended:?}");
}

#[test]
fn with_tls_the_ca_it_writes_out_is_all_that_a_client_needs() {
    let mut running = Running::start(command(&["emulate", "--json", "--tls"]));
    let line: Value = serde_json::from_str(&running.next_line()).unwrap();
    let check = |ca: Option<&str>| {
        let mut check = command(&["check", "--base-url", line["api_url"].as_str().unwrap()]);
        check.env("LTXV_API_KEY", line["api_key"].as_str().unwrap());
        if let Some(ca) = ca {
            check.args(["--ca-bundle", ca]);
        }
        run(check)
    };
    let trusted = check(Some(line["ca_bundle"].as_str().unwrap()));
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    let unknown = check(None);
    assert_eq!(unknown.code, Some(5), "{unknown:?}");
    running.close_stdin();
    assert_eq!(running.end().code, Some(0));
}

#[cfg(unix)]
#[test]
fn for_people_it_prints_addresses_and_ctrl_c_is_a_good_end() {
    let running = Running::start(command(&["emulate"]));
    assert!(running.next_line().starts_with("API      http://127.0.0.1:"));
    // The last line is written before it listens no more.
    while !running.next_line().starts_with("try ") {}
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_typo_in_a_programme_is_a_mistake_of_usage_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("p.toml", "[job]\npendig_polls = 1\n"),
        ("p.json", "{\"job\": {\"pendig_polls\": 1}}"),
    ] {
        let programme = dir.path().join(name);
        std::fs::write(&programme, text).unwrap();
        let ended = run(command(&["emulate", "--programme", programme.to_str().unwrap()]));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("pendig_polls"), "{ended:?}");
    }
}
