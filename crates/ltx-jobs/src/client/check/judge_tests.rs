//! Tables of what may be seen, and what it is taken for.

use std::path::PathBuf;

use bytes::Bytes;

use super::*;
use crate::client::check::finding::FindingState;
use crate::error::Billing;
use crate::journal::Intent;

const ENVELOPE: &str = r#"{"type":"error","error":{"type":"TYPE","message":"words"}}"#;

fn answer(status: u16, is_ours: bool, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    if is_ours {
        headers.insert("x-request-id", "r1".parse().unwrap());
    }
    Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        cut: false,
    }
}

fn look_at(outcome: std::result::Result<&Answer, Failure>) -> Reached {
    let route = Route::Direct {
        why: "no proxy is set".to_owned(),
    };
    let asked = Asked {
        base_url: &Url::parse("https://api.example/").unwrap(),
        route: &route,
        trust: &Trust::default(),
        key_origin: &Origin::Environment("LTXV_API_KEY".to_owned()),
        elapsed: Duration::from_millis(120),
    };
    reached(&asked, outcome)
}

/// State of proxy, certificates, api and key, and the kind of the one that failed.
type Seen = ([FindingState; 4], Option<ErrorKind>);

fn seen(reached: &Reached) -> Seen {
    let parts = [&reached.proxy, &reached.certificates, &reached.api, &reached.key];
    let failed: Vec<&Finding> = parts.into_iter().filter(|finding| finding.error.is_some()).collect();
    assert!(failed.len() <= 1, "one trouble is told once: {failed:?}");
    (
        parts.map(|finding| finding.state),
        failed.first().map(|finding| finding.error.as_ref().unwrap().kind()),
    )
}

#[test]
fn every_answer_says_which_part_works_and_which_does_not() {
    use FindingState::{Failed, Ok, Skipped};
    let ours = |status: u16, kind: &str| answer(status, true, &ENVELOPE.replace("TYPE", kind));
    let cases = [
        (ours(404, "not_found_error"), ([Ok, Ok, Ok, Ok], None)),
        (
            ours(401, "authentication_error"),
            ([Ok, Ok, Ok, Failed], Some(ErrorKind::Unauthenticated)),
        ),
        (
            ours(403, "permission_error"),
            ([Ok, Ok, Ok, Failed], Some(ErrorKind::PermissionDenied)),
        ),
        (
            ours(500, "api_error"),
            ([Ok, Ok, Failed, Skipped], Some(ErrorKind::Server)),
        ),
        (
            ours(429, "rate_limit_error"),
            ([Ok, Ok, Failed, Skipped], Some(ErrorKind::RateLimited)),
        ),
        (
            answer(404, false, "<html>"),
            ([Ok, Ok, Failed, Skipped], Some(ErrorKind::Gateway)),
        ),
        (
            answer(401, false, "<html>"),
            ([Ok, Ok, Failed, Skipped], Some(ErrorKind::Gateway)),
        ),
        (
            answer(307, false, ""),
            ([Ok, Ok, Failed, Skipped], Some(ErrorKind::Gateway)),
        ),
        (
            answer(200, false, "<html>Sign in</html>"),
            ([Ok, Ok, Failed, Skipped], Some(ErrorKind::Protocol)),
        ),
    ];
    for (answer, expected) in cases {
        let found = look_at(Result::Ok(&answer));
        assert_eq!(seen(&found), expected, "{} {:?}", answer.status, answer.body);
        let spoke = answer.is_ours() && answer.status != 200;
        assert_eq!(found.is_service, spoke, "{}", answer.status);
    }
}

#[test]
fn every_failure_is_blamed_on_the_part_that_failed() {
    use FindingState::{Failed, Ok, Skipped};
    let cases = [
        (FailureKind::Proxy, [Failed, Ok, Skipped, Skipped], ErrorKind::Proxy),
        (FailureKind::Tls, [Ok, Failed, Skipped, Skipped], ErrorKind::Tls),
        (FailureKind::Certificate, [Ok, Failed, Skipped, Skipped], ErrorKind::Tls),
        (FailureKind::Dns, [Ok, Ok, Failed, Skipped], ErrorKind::Dns),
        (FailureKind::Connect, [Ok, Ok, Failed, Skipped], ErrorKind::Connect),
        (
            FailureKind::Timeout,
            [Ok, Ok, Failed, Skipped],
            ErrorKind::RequestTimeout,
        ),
        (FailureKind::Lost, [Ok, Ok, Failed, Skipped], ErrorKind::ConnectionLost),
        (FailureKind::Protocol, [Ok, Ok, Failed, Skipped], ErrorKind::Protocol),
    ];
    for (kind, states, error) in cases {
        let found = look_at(Err(Failure::new(kind, "detail")));
        assert_eq!(seen(&found), (states, Some(error)), "{kind:?}");
        assert!(!found.is_service);
    }
}

#[test]
fn a_clock_is_judged_by_the_date_and_the_time_the_answer_took() {
    let at = |seconds: f64| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
    let date = |text: &str| HeaderMap::from_iter([(http::header::DATE, text.parse().unwrap())]);
    let noon = "Mon, 23 Nov 2026 12:00:00 GMT";
    let epoch = 1_795_435_200.0;
    let cases = [
        (0.2, 0.6, "ok", "within 1 s"),
        // A slow answer: the date was written somewhere in between.
        (-50.0, 50.0, "ok", "within 1 s"),
        (59.0, 60.0, "ok", "within 60 s"),
        (-59.0, -58.0, "ok", "within 60 s"),
        (70.0, 71.0, "warning", "70 s ahead of"),
        (-190.0, -189.0, "warning", "3 min behind"),
        (7265.0, 7266.0, "warning", "2 h 1 min ahead of"),
        (-3e8, -3e8, "warning", "h "),
    ];
    for (asked, answered, state, words) in cases {
        let found = clock(&date(noon), at(epoch + asked), at(epoch + answered));
        assert_eq!(found.state.name(), state, "{asked} {found}");
        assert!(found.detail.contains(words), "{asked}: {found}");
    }
    for headers in [HeaderMap::new(), date("yesterday")] {
        assert_eq!(clock(&headers, at(epoch), at(epoch)).state, FindingState::Skipped);
    }
}

#[test]
fn a_journal_tells_where_it_is_and_what_waits_in_it() {
    let entry = |fate| Entry {
        intent: Intent {
            id: "1".to_owned(),
            endpoint: "retake".to_owned(),
            fingerprint: String::new(),
            once: None,
            label: None,
            dest: None,
            usd: None,
            began_at: SystemTime::UNIX_EPOCH,
        },
        fate,
        ended: None,
        saved: false,
        doubts: 0,
        other_key: false,
    };
    let unknown = || entry(Fate::Unknown { request_id: None });
    let on_disk = || Place::Directory(PathBuf::from("/state"));
    let memory = |why: Option<&str>| Place::Memory {
        instead_of: why.map(str::to_owned),
    };
    let cases = [
        (on_disk(), vec![], "ok", "/state can be written, knows no submits"),
        (on_disk(), vec![entry(Fate::Refused)], "ok", "knows 1 submit"),
        (
            on_disk(),
            vec![unknown(), unknown(), entry(Fate::Open)],
            "warning",
            "knows 3 submits; 2 of unknown outcome",
        ),
        (memory(None), vec![], "ok", "in memory"),
        (memory(Some("read-only")), vec![], "warning", "(read-only)"),
        (Place::Nowhere, vec![], "ok", "off"),
    ];
    for (place, entries, state, words) in cases {
        let (many, doubts) = (
            entries.len(),
            entries
                .iter()
                .filter(|entry| entry.fate != Fate::Refused && entry.fate != Fate::Open)
                .count(),
        );
        let (found, submits, unknown) = journal(Ok((place, entries)), Duration::ZERO);
        assert_eq!((found.state.name(), submits, unknown), (state, many, doubts), "{found}");
        assert!(found.detail.contains(words), "{found}");
    }
    let (found, ..) = journal(
        Err(Error::new(ErrorKind::Journal, "damaged").with_advice("move it away")),
        Duration::ZERO,
    );
    assert_eq!(
        (found.state, found.detail.as_str()),
        (FindingState::Failed, "damaged; move it away")
    );
}

#[test]
fn a_storage_is_known_by_its_own_words() {
    let direct = Route::Direct { why: String::new() };
    let said = |status, header: Option<&'static str>, body: &str| StorageSaid {
        status,
        headers: header
            .into_iter()
            .map(|name| (http::HeaderName::from_static(name), "1".parse().unwrap()))
            .collect(),
        body: body.as_bytes().to_vec(),
    };
    let xml = "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>";
    let cases = [
        (said(403, None, xml), "ok"),
        (said(403, Some("x-guploader-uploadid"), ""), "ok"),
        (said(404, Some("x-amz-request-id"), ""), "ok"),
        (said(206, None, "a"), "ok"),
        (said(403, None, "<html>Blocked by policy</html>"), "warning"),
        (said(503, None, ""), "warning"),
    ];
    for (said, state) in cases {
        let status = said.status;
        assert_eq!(
            storage("s.example", &direct, Ok(said), Duration::ZERO).state.name(),
            state,
            "{status}"
        );
    }
    let proxy = Route::Proxy {
        address: "http://p.example:3128/".to_owned(),
        said_by: String::new(),
    };
    let found = storage("s.example", &proxy, Ok(said(403, None, xml)), Duration::from_millis(80));
    assert_eq!(
        found.to_string(),
        "storage       ok       s.example answers through http://p.example:3128/; uploads go there, results may come from another host (80 ms)"
    );
    let found = storage(
        "s.example",
        &direct,
        Err(Failure::new(FailureKind::Dns, "")),
        Duration::ZERO,
    );
    let error = found.error.unwrap();
    assert_eq!((error.kind(), error.billing()), (ErrorKind::Dns, &Billing::NoJob));
}
