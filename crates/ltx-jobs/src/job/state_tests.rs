//! Table tests of the state machine.

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::error::Billing;
use crate::transport::FailureKind;

const INTERVAL: Duration = Duration::from_secs(5);

struct Play {
    life: Life,
    snapshot: Snapshot,
    now: Duration,
}

impl Play {
    fn new(submitted: bool) -> Self {
        let reference = JobRef::job("video-to-video-hdr", "abc").unwrap();
        Self {
            life: Life::new(reference, submitted, Duration::ZERO),
            snapshot: Snapshot::new(None),
            now: Duration::ZERO,
        }
    }

    fn see(&mut self, observation: Observation) -> Next {
        let wall = SystemTime::UNIX_EPOCH + self.now;
        let next = self
            .life
            .observe(&mut self.snapshot, observation, INTERVAL, self.now, wall);
        self.now += INTERVAL;
        next
    }

    fn ours(&mut self, status: u16, body: &str) -> Next {
        self.see(answer(status, true, body))
    }

    fn error(&self) -> &Error {
        match &self.snapshot.ending {
            Some(Ending::Error(error)) => error,
            other => panic!("not ended by an error: {other:?}"),
        }
    }
}

fn answer(status: u16, ours: bool, body: &str) -> Observation {
    let mut headers = HeaderMap::new();
    if ours {
        headers.insert("x-request-id", "r1".parse().unwrap());
    }
    Observation::Answer(Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        cut: false,
    })
}

const PENDING: &str = r#"{"status":"pending","id":"abc","created_at":"2026-11-23T10:00:00.000Z"}"#;
const NOT_FOUND: &str = r#"{"type":"error","error":{"type":"not_found_error","message":"no such job"}}"#;
const COMPLETED: &str =
    r#"{"status":"completed","id":"abc","result":{"exr_frames_url":"https://s.example/a.zip?s=1"}}"#;

#[test]
fn a_job_goes_from_pending_to_completed() {
    let mut play = Play::new(true);
    assert_eq!(play.ours(200, PENDING), Next::Interval);
    assert_eq!(play.ours(200, COMPLETED), Next::End);
    assert!(
        matches!(&play.snapshot.ending, Some(Ending::Completed(results)) if results.outputs.contains_key("exr_frames_url"))
    );
}

#[test]
fn nothing_in_between_ends_a_job() {
    let foreign = [400, 401, 402, 403, 404, 407, 408, 425, 429, 500, 502, 503, 504, 529];
    let mut play = Play::new(true);
    for _ in 0..100 {
        for status in foreign {
            let next = play.see(answer(status, false, "<html>"));
            assert!(matches!(next, Next::Backoff(_)), "{status}: {next:?}");
        }
        for kind in [
            FailureKind::Dns,
            FailureKind::Connect,
            FailureKind::Tls,
            FailureKind::Timeout,
            FailureKind::Lost,
            FailureKind::Certificate,
        ] {
            assert!(matches!(
                play.see(Observation::Failure(Failure::new(kind, ""))),
                Next::Backoff(_)
            ));
        }
        assert!(matches!(play.see(answer(200, true, "{\"status\":")), Next::Backoff(_)));
    }
    assert!(play.snapshot.ending.is_none());
    assert_eq!(play.snapshot.unreachable_since, Some(SystemTime::UNIX_EPOCH));
    play.ours(200, PENDING);
    assert!(play.snapshot.unreachable_since.is_none() && play.snapshot.last_error.is_none());
}

#[test]
fn transient_answers_of_the_service_itself_are_transient() {
    let mut play = Play::new(true);
    for (status, kind) in [
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "service_unavailable_error"),
        (529, "overloaded_error"),
    ] {
        let body = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"x"}}}}"#);
        assert!(matches!(play.ours(status, &body), Next::Backoff(_)), "{status}");
    }
}

#[test]
fn a_refused_key_pauses_and_keeps_the_job() {
    let mut play = Play::new(true);
    let body = r#"{"type":"error","error":{"type":"authentication_error","message":"Invalid API key"}}"#;
    assert_eq!(play.ours(401, body), Next::PauseKey);
    let error = play.snapshot.paused.clone().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(matches!(error.billing(), Billing::JobExists(Some(_))));
    assert_eq!(play.ours(200, PENDING), Next::Interval);
    assert!(play.snapshot.paused.is_none());
}

#[test]
fn a_404_for_a_job_seen_alive_counts_after_three_times_over_twelve_intervals() {
    let mut play = Play::new(true);
    play.ours(200, PENDING);
    for _ in 0..12 {
        assert_eq!(play.ours(404, NOT_FOUND), Next::Interval);
    }
    assert_eq!(play.ours(404, NOT_FOUND), Next::End);
    assert_eq!(play.error().kind(), ErrorKind::Expired);
}

#[test]
fn a_404_in_between_starts_the_count_anew() {
    let mut play = Play::new(true);
    for _ in 0..5 {
        for _ in 0..10 {
            play.ours(404, NOT_FOUND);
        }
        assert_eq!(play.ours(200, PENDING), Next::Interval);
    }
    assert!(play.snapshot.ending.is_none());
}

#[test]
fn a_job_never_seen_alive_is_not_found_after_one_confirmation() {
    let mut play = Play::new(false);
    assert_eq!(play.ours(404, NOT_FOUND), Next::Interval);
    assert_eq!(play.ours(404, NOT_FOUND), Next::End);
    assert_eq!(play.error().kind(), ErrorKind::NotFound);
    assert_eq!(play.error().billing(), &Billing::NoJob);
    assert!(play.error().to_string().contains("endpoint"));
}

#[test]
fn a_failed_job_is_classified_like_an_http_error_and_is_not_billed() {
    let cases = [
        (
            r#"{"type":"content_filtered_error","message":"no"}"#,
            ErrorKind::ContentFiltered,
        ),
        (
            r#"{"type":"insufficient_funds_error","message":"36 cents"}"#,
            ErrorKind::InsufficientFunds,
        ),
        (
            r#"{"type":"overloaded_error","message":"later"}"#,
            ErrorKind::Overloaded,
        ),
        (r#"{"type":"never_heard_of","message":"?"}"#, ErrorKind::JobFailed),
        (r#"{"type":"no_message"}"#, ErrorKind::JobFailed),
        (r#""a string""#, ErrorKind::JobFailed),
    ];
    for (inner, kind) in cases {
        let mut play = Play::new(true);
        assert_eq!(
            play.ours(200, &format!(r#"{{"status":"failed","id":"abc","error":{inner}}}"#)),
            Next::End
        );
        let error = play.error();
        assert_eq!(error.kind(), kind, "{inner}");
        assert!(error.job_ended() && !error.is_retryable());
        assert!(matches!(error.billing(), Billing::NotBilled(_)));
    }
}

#[test]
fn an_unknown_word_warns_once_and_goes_on() {
    let mut play = Play::new(true);
    for _ in 0..5 {
        assert_eq!(
            play.ours(200, r#"{"status":"queued_for_gpu","id":"abc"}"#),
            Next::Interval
        );
    }
    assert_eq!(play.snapshot.warnings.len(), 1);
    assert_eq!(play.snapshot.status, Some(Status::Other("queued_for_gpu".into())));
}

#[test]
fn outputs_that_are_missing_are_asked_for_again_for_twelve_intervals() {
    let mut play = Play::new(true);
    for _ in 0..12 {
        assert_eq!(
            play.ours(200, r#"{"status":"completed","id":"abc","result":{}}"#),
            Next::Interval
        );
    }
    assert_eq!(play.ours(200, r#"{"status":"completed","id":"abc"}"#), Next::End);
    assert_eq!(play.error().kind(), ErrorKind::Protocol);
    assert!(matches!(play.error().billing(), Billing::JobExists(Some(_))));

    let mut play = Play::new(true);
    play.ours(200, r#"{"status":"completed","id":"abc","result":{}}"#);
    assert_eq!(play.ours(200, COMPLETED), Next::End);
    assert!(matches!(play.snapshot.ending, Some(Ending::Completed(_))));
}
