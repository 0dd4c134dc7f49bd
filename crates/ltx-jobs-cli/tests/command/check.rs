//! What does and does not work, line by line.

use ltx_jobs_emulator::programme::Programme;
use ltx_jobs_emulator::{Fault, Origin};
use serde_json::Value;

use crate::stage::{Ended, Stage, run};

/// The line about a part.
fn line<'a>(ended: &'a Ended, part: &str) -> &'a str {
    let found = ended.out.iter().find(|line| {
        line.split_whitespace().take(2).eq([part, "ok"])
            || line.starts_with(part)
                && [" failed ", " warning ", " skipped "]
                    .iter()
                    .any(|state| line.contains(state))
    });
    found.unwrap_or_else(|| panic!("no line about {part}: {ended:?}"))
}

#[test]
fn check_shows_every_setting_with_its_origin_and_every_part_without_the_key() {
    let stage = Stage::new(Programme::default());
    let fine = run(stage.journaled(&["check"]));
    assert_eq!(fine.code, Some(0), "{fine:?}");
    for (key, origin) in [
        ("api_key: ***", "environment LTXV_API_KEY"),
        ("poll_interval: 0.02 s", "environment LTX_POLL_INTERVAL"),
        ("journal: /", "environment LTX_JOURNAL"),
        ("proxy: environment", "default"),
    ] {
        let found = fine.out.iter().find(|line| line.starts_with(key)).unwrap();
        assert!(found.ends_with(&format!(" ({origin})")), "{found}");
    }
    for part in ["proxy", "certificates", "api", "key", "clock", "journal", "storage"] {
        assert!(line(&fine, part).contains(" ok "), "{fine:?}");
    }
    assert!(line(&fine, "storage").contains("127.0.0.1 answers"), "{fine:?}");
    assert!(fine.out.last().unwrap().starts_with("fine:"), "{fine:?}");
    assert!(!format!("{fine:?}").contains(&stage.emulator.api_key()));
    assert_eq!(stage.paid() + stage.emulator.count("PUT", "*"), 0);
}

#[test]
fn a_refused_key_hides_nothing_else_and_decides_the_exit_code() {
    let stage = Stage::new(Programme::default());
    let mut wrong = stage.journaled(&["check", "--json"]);
    wrong.env("LTXV_API_KEY", "canary-key");
    let refused = run(wrong);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert_eq!(refused.events("error")[0]["kind"], "Unauthenticated");
    let checked = &refused.events("checked")[0];
    let states: Vec<(&str, &str)> = checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["what"].as_str().unwrap(), finding["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            ("proxy", "ok"),
            ("certificates", "ok"),
            ("api", "ok"),
            ("key", "failed"),
            ("clock", "ok"),
            ("journal", "ok"),
            ("storage", "skipped")
        ]
    );
    assert_eq!(checked["findings"][3]["error"]["number"], 110);
    assert_eq!(checked["settings"]["api_key"]["value"], "***");
    assert_eq!(checked["settings"]["api_key"]["origin"], "environment LTXV_API_KEY");
    assert!(!format!("{refused:?}").contains("canary"), "{refused:?}");
}

#[test]
fn a_storage_that_cannot_be_had_is_told_after_everything_that_works() {
    let fault: Fault = serde_json::from_str(r#"{"status": 503, "times": 0}"#).unwrap();
    let stage = Stage::new(Programme::default().with_fault("slot", fault));
    let slotless = run(stage.command(&["check"]));
    assert_eq!(slotless.code, Some(4), "{slotless:?}");
    assert!(line(&slotless, "storage").contains(" failed "), "{slotless:?}");
    assert!(line(&slotless, "key").contains(" ok "), "{slotless:?}");

    let stage = Stage::new(Programme::default());
    stage
        .runtime
        .block_on(stage.emulator.refuse_connections(Origin::Storage, None));
    let unreachable = run(stage.command(&["check", "--json"]));
    assert_eq!(unreachable.code, Some(5), "{unreachable:?}");
    let storage = unreachable.events("checked")[0]["findings"][6].clone();
    assert_eq!(
        (&storage["what"], &storage["error"]["kind"]),
        (&Value::from("storage"), &Value::from("Connect"))
    );
}

#[test]
fn submits_of_unknown_outcome_are_a_warning_and_no_failure() {
    let fault: Fault = serde_json::from_str(r#"{"do": "read_and_close"}"#).unwrap();
    let stage = Stage::new(Programme::default().with_fault("submit", fault));
    let lost = run(stage.journaled(&[
        "submit",
        "text-to-video",
        "prompt=a boat",
        "model=ltx-2-5-pro",
        "duration=6",
        "resolution=1920x1080",
    ]));
    assert_eq!(lost.code, Some(6), "{lost:?}");
    let ended = run(stage.journaled(&["check"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(line(&ended, "journal").contains("1 of unknown outcome"), "{ended:?}");
    assert!(ended.out.last().unwrap().contains(", with a warning,"), "{ended:?}");
}
