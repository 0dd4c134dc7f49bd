//! The command shows neither the key nor what a signed address is signed with, in whatever it prints, logs or leaves behind.

use std::path::Path;

use ltx_jobs_emulator::Fault;
use ltx_jobs_emulator::programme::Programme;

use crate::stage::{Stage, plate, run};

const KEY: &str = "canary-key-5d1c";

/// Names and content of everything below a directory.
fn below(directory: &Path, to: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        to.push_str(&path.to_string_lossy());
        if path.is_dir() {
            below(&path, to);
        } else {
            to.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn neither_key_nor_signature_is_printed_logged_or_left_behind_whatever_happens() {
    let fault = |json: &str| -> Fault { serde_json::from_str(json).unwrap() };
    let cases: [(&str, Option<Fault>, i32); 5] = [
        ("download", None, 0),
        ("submit", Some(fault(r#"{"do": "read_and_close"}"#)), 6),
        (
            "submit",
            Some(fault(&format!(
                r#"{{"status": 401, "envelope": {{"type": "authentication_error", "message": "Incorrect key: {KEY}"}}}}"#
            ))),
            3,
        ),
        ("download", Some(fault(r#"{"do": "expired_url", "times": 0}"#)), 7),
        ("download", Some(fault(r#"{"do": "cut_body", "at": 900}"#)), 0),
    ];
    for (route, fault, code) in cases {
        let mut programme = Programme {
            api_key: KEY.to_owned(),
            ..Programme::default()
        };
        if let Some(fault) = fault {
            programme = programme.with_fault(route, fault);
        }
        let stage = Stage::new(programme);
        let out = stage.path("out");
        let mut told = String::new();
        let hdr = [
            "--log",
            "trace",
            "hdr",
            plate().to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ]
        .map(str::to_owned);
        for (args, expected) in [
            (hdr.to_vec(), code),
            (
                vec![
                    "--log".to_owned(),
                    "trace".to_owned(),
                    "--json".to_owned(),
                    "check".to_owned(),
                ],
                0,
            ),
            (vec!["--json".to_owned(), "jobs".to_owned()], 0),
            (vec!["recover".to_owned()], 0),
        ] {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let ended = run(stage.journaled(&args));
            assert_eq!(
                ended.code,
                Some(expected),
                "{args:?} {}",
                ended.err.lines().last().unwrap_or_default()
            );
            told.push_str(&ended.out.join("\n"));
            told.push_str(&ended.err);
        }
        assert!(
            told.contains("TRACE") && told.contains("ltx_jobs::submit"),
            "nothing was logged"
        );
        below(stage.dir.path(), &mut told);
        let mut secrets = stage.emulator.signatures();
        assert!(!secrets.is_empty());
        secrets.extend([KEY.to_owned(), "X-Goog-Signature".to_owned()]);
        for secret in secrets {
            let line = told.lines().find(|line| line.contains(&secret));
            assert_eq!(line, None, "{secret} is shown in case {route}, {code}");
        }
    }
}
