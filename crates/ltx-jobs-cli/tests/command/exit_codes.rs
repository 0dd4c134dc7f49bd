//! Every group of errors ends with the code that the help text gives it.

use ltx_jobs_emulator::programme::{ErrorBody, Outcome, Programme};
use ltx_jobs_emulator::{Do, Fault};

use crate::stage::{Stage, command, plate, run};

fn refusal(status: u16, kind: &str) -> Fault {
    let mut fault = Fault::status(status);
    fault.envelope = Some(ErrorBody {
        kind: kind.into(),
        message: "as the service says it".into(),
    });
    fault
}

#[test]
fn every_group_of_errors_has_its_exit_code() {
    let mut failed = Programme::default();
    failed.job.outcome = Outcome::Failed;
    failed.job.error = Some(ErrorBody {
        kind: "never_heard_of".into(),
        message: "it did not work".into(),
    });
    let expired = Fault {
        times: 0,
        ..Fault::new(Do::ExpiredUrl)
    };
    let with = |route: &str, fault: Fault| Programme::default().with_fault(route, fault);
    // What the service does, and what comes of it: the group, its code, the number of the error.
    let cases = [
        ("done", Programme::default(), 0, None),
        (
            "request",
            with("submit", refusal(422, "validation_error")),
            2,
            Some(100..110),
        ),
        (
            "account",
            with("submit", refusal(401, "authentication_error")),
            3,
            Some(110..120),
        ),
        (
            "account",
            with("submit", refusal(402, "insufficient_funds_error")),
            3,
            Some(110..120),
        ),
        (
            "service",
            with("submit", Fault::new(Do::NotFoundWithoutEnvelope)),
            4,
            Some(120..130),
        ),
        ("job", with("submit", Fault::new(Do::ReadAndClose)), 6, Some(140..150)),
        ("job", failed, 6, Some(140..150)),
        ("results", with("download", expired), 7, Some(150..160)),
    ];
    for (group, programme, code, numbers) in cases {
        let stage = Stage::new(programme);
        let ended = run(stage.command(&["--json", "hdr", plate().to_str().unwrap(), "-o", "out"]));
        assert_eq!(ended.code, Some(code), "{group}: {ended:?}");
        let errors = ended.events("error");
        assert_eq!(errors.len(), usize::from(numbers.is_some()), "{group}: {ended:?}");
        if let (Some(error), Some(numbers)) = (errors.first(), numbers) {
            assert!(numbers.contains(&error["number"].as_u64().unwrap()), "{group}: {error}");
            assert_eq!(error["exit_code"], code, "{group}: {error}");
        }
    }
    let stage = Stage::new(Programme::default());
    std::fs::write(stage.path("out"), "a file where a directory should be").unwrap();
    let machine = run(stage.command(&["hdr", plate().to_str().unwrap(), "-o", "out"]));
    assert_eq!(machine.code, Some(8), "{machine:?}");
    // A port that nobody listens on: bound, and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut network = command(&["check", "--base-url", &format!("http://127.0.0.1:{port}")]);
    network.env("LTXV_API_KEY", "k");
    let network = run(network);
    assert_eq!(network.code, Some(5), "{network:?}");
}
