//! The verdict table, row by row.

use bytes::Bytes;
use http::HeaderMap;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Created,
    IdLost,
    Never,
    Later,
    Room,
    Once,
    Unknown,
}

fn row(verdict: &Verdict) -> Row {
    match verdict {
        Verdict::Created { .. } => Row::Created,
        Verdict::IdLost(_) => Row::IdLost,
        Verdict::Refused {
            again: Again::Never, ..
        } => Row::Never,
        Verdict::Refused {
            again: Again::Later(_), ..
        } => Row::Later,
        Verdict::Refused {
            again: Again::WhenThereIsRoom(_),
            ..
        } => Row::Room,
        Verdict::Refused { again: Again::Once, .. } => Row::Once,
        Verdict::Unknown(_) => Row::Unknown,
    }
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        cut: false,
    }
}

const ID: &[(&str, &str)] = &[("x-request-id", "r1")];
const ENVELOPE: &str = r#"{"type":"error","error":{"type":"some_error","message":"text"}}"#;

#[test]
fn statuses_with_and_without_the_services_signature() {
    let ours = [
        (400, Row::Never),
        (401, Row::Never),
        (402, Row::Never),
        (403, Row::Never),
        (404, Row::Never),
        (405, Row::Never),
        (413, Row::Never),
        (415, Row::Never),
        (422, Row::Never),
        (429, Row::Room),
        (503, Row::Later),
        (529, Row::Later),
        (301, Row::Never),
        (307, Row::Never),
        (408, Row::Unknown),
        (409, Row::Unknown),
        (500, Row::Unknown),
        (502, Row::Unknown),
        (504, Row::Unknown),
        (599, Row::Unknown),
    ];
    for (status, expected) in ours {
        assert_eq!(
            row(&judge(&Evidence::Answer(answer(status, ID, ENVELOPE)))),
            expected,
            "{status}, ours"
        );
    }
    for (status, expected) in ours {
        let expected = if matches!(status, 503 | 529) {
            Row::Unknown
        } else {
            expected
        };
        let verdict = judge(&Evidence::Answer(answer(status, &[], "<html>proxy</html>")));
        assert_eq!(row(&verdict), expected, "{status}, not ours");
        if let Verdict::Refused { error, .. } = verdict {
            let kind = match status {
                413 => ErrorKind::RequestTooLarge,
                429 => ErrorKind::RateLimited,
                300..=399 => ErrorKind::Config,
                _ => ErrorKind::Gateway,
            };
            assert_eq!(error.kind(), kind, "{status}, not ours");
        }
    }
}

#[test]
fn every_refusal_says_that_nothing_is_owed_and_every_unknown_that_something_may_be() {
    for status in 200..600u16 {
        for (headers, body) in [(ID, ENVELOPE), (&[][..], "<html>")] {
            match judge(&Evidence::Answer(answer(status, headers, body))) {
                Verdict::Refused { error, .. } => assert_eq!(error.billing(), &Billing::NoJob, "{status}"),
                Verdict::Unknown(error) => {
                    assert_eq!(
                        (error.kind(), error.billing()),
                        (ErrorKind::SubmitUnknown, &Billing::Unknown),
                        "{status}"
                    );
                    assert!(!error.is_retryable());
                }
                Verdict::IdLost(error) => assert_eq!(error.billing(), &Billing::JobExists(None), "{status}"),
                Verdict::Created { .. } => panic!("{status} created a job without an id"),
            }
        }
    }
}

#[test]
fn a_2xx_is_a_job_when_it_can_only_come_from_the_service() {
    let json = &[("content-type", "application/json")][..];
    let mut cut = answer(202, json, r#"{"id":"ab"#);
    cut.cut = true;
    let cases = [
        (
            answer(202, ID, r#"{"id":"abc","created_at":"2026-11-23T10:00:00.000Z"}"#),
            Row::Created,
        ),
        (answer(200, &[], r#"{"id":"abc"}"#), Row::Created),
        (answer(202, ID, "{}"), Row::IdLost),
        (answer(202, &[], "{}"), Row::IdLost),
        (answer(202, ID, ""), Row::IdLost),
        (answer(202, ID, r#"{"id":"../x"}"#), Row::IdLost),
        (answer(202, ID, r#"{"id":7}"#), Row::IdLost),
        (cut, Row::IdLost),
        (
            answer(
                200,
                &[("content-type", "text/html")],
                "<html>Sign in to the hotel</html>",
            ),
            Row::Unknown,
        ),
        (answer(204, &[], ""), Row::Unknown),
    ];
    for (answer, expected) in cases {
        let text = format!("{answer:?}");
        assert_eq!(row(&judge(&Evidence::Answer(answer))), expected, "{text}");
    }
}

#[test]
fn a_break_is_safe_only_when_the_body_never_left() {
    let kinds = [
        (FailureKind::Dns, Row::Later),
        (FailureKind::Connect, Row::Later),
        (FailureKind::Tls, Row::Later),
        (FailureKind::Certificate, Row::Never),
        (FailureKind::Proxy, Row::Later),
        (FailureKind::Timeout, Row::Later),
        (FailureKind::Lost, Row::Later),
        (FailureKind::Protocol, Row::Later),
        (FailureKind::Build, Row::Never),
        (FailureKind::NeverProcessed, Row::Once),
    ];
    for (kind, expected) in kinds {
        let verdict = judge(&Evidence::Broken {
            failure: Failure::new(kind, ""),
            never_pulled: true,
        });
        assert_eq!(row(&verdict), expected, "{kind:?}, body never pulled");
    }
    for kind in [
        FailureKind::Timeout,
        FailureKind::Lost,
        FailureKind::Protocol,
        FailureKind::Tls,
        FailureKind::Connect,
    ] {
        let verdict = judge(&Evidence::Broken {
            failure: Failure::new(kind, ""),
            never_pulled: false,
        });
        assert_eq!(row(&verdict), Row::Unknown, "{kind:?}, body pulled");
    }
}

#[test]
fn a_redirect_names_the_host_it_points_to() {
    let verdict = judge(&Evidence::Answer(answer(
        307,
        &[("location", "https://elsewhere.example/v2/x?key=canary")],
        "",
    )));
    let Verdict::Refused { error, .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert!(error.to_string().contains("elsewhere.example"), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}
