//! What a later client learns from the journal of an earlier one.
#![allow(clippy::unwrap_used)] // A test.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Billing, Client, ErrorKind, JobRef, OnUnknown, Request, SubmitState};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};
use serde_json::json;

fn client(emulator: &Emulator, journal: &Path) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .journal(journal)
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .backoff_cap(Duration::from_millis(10))
        .submit_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

fn request() -> Request {
    let params = json!({"prompt": "a boat", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"});
    Request::raw("text-to-video", params).unwrap()
}

async fn emulator(programme: &str) -> Emulator {
    Emulator::start(serde_json::from_str::<Programme>(programme).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_failed_jobs_key_is_free_for_the_next_client_the_moment_the_failure_is_told() {
    let emulator = emulator(r#"{"job": {"outcome": "failed"}}"#).await;
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=10 {
        let client = client(&emulator, folder.path());
        let job = client.submit(request()).once("shot").await.unwrap();
        assert!(job.wait().await.unwrap_err().job_ended());
        assert_eq!(emulator.count("POST", "/v2/text-to-video"), round);
    }
}

#[tokio::test]
async fn a_job_that_the_service_has_forgotten_is_nothing_to_recover() {
    let emulator = emulator("{}").await;
    let folder = tempfile::tempdir().unwrap();
    let reference = {
        let client = client(&emulator, folder.path());
        client.submit(request()).await.unwrap().reference().clone()
    };
    let later = client(&emulator, folder.path());
    let recovered = later.recover().await.unwrap();
    assert_eq!(recovered.jobs[0].reference(), &reference);
    recovered.jobs[0].wait().await.unwrap();

    emulator.advance(Duration::from_secs(25 * 3600));
    let last = client(&emulator, folder.path());
    let error = last.recover().await.unwrap().jobs[0].wait().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Expired,
        "the journal knows that it existed: {error}"
    );
    assert!(last.recover().await.unwrap().jobs.is_empty());
}

#[tokio::test]
async fn what_was_saved_is_not_recovered() {
    let emulator = emulator("{}").await;
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let first = client(&emulator, &journal);
    let done = first
        .submit(request())
        .label("sh010")
        .await
        .unwrap()
        .wait()
        .await
        .unwrap();
    done.download(folder.path().join("out")).await.unwrap();
    let second = client(&emulator, &journal);
    assert!(second.recover().await.unwrap().jobs.is_empty());
    let submits = second.jobs().await.unwrap();
    assert_eq!((submits[0].label.as_deref(), submits[0].saved), (Some("sh010"), true));
}

#[tokio::test]
async fn an_unknown_submit_is_settled_only_with_a_job_of_its_endpoint_and_only_once() {
    let emulator = emulator("{}").await;
    emulator.push_fault("submit", Fault::new(Do::ReadAndClose)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = client(&emulator, folder.path());
    let error = client.submit(request()).once("shot").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SubmitUnknown, "{error}");
    let intent = error.job().unwrap().clone();
    let job = |endpoint: &str| JobRef::job(endpoint, emulator.jobs()[0].id.clone()).unwrap();

    let wrong = client.resolve(intent.clone(), Some(job("retake"))).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidRequest, "{wrong}");
    client
        .resolve(intent.clone(), Some(job("text-to-video")))
        .await
        .unwrap();
    let twice = client.resolve(intent, None).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::InvalidState, "{twice}");
    assert_eq!(client.jobs().await.unwrap()[0].state, SubmitState::Accepted);
    client
        .submit(request())
        .once("shot")
        .await
        .unwrap()
        .wait()
        .await
        .unwrap();
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);
}

#[tokio::test]
async fn a_lost_id_is_told_again_under_its_key_listed_with_its_request_id_and_settled_when_the_job_is_found() {
    let emulator = emulator("{}").await;
    emulator.push_fault("submit", Fault::new(Do::NoId)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let first = client(&emulator, folder.path());
    let told = first.submit(request()).once("shot").await.unwrap_err();
    let request_id = told.request_id().map(str::to_owned);
    assert!(request_id.is_some(), "{told}");
    let intent = told.job().unwrap().clone();
    // The same client, and one that comes after it.
    for client in [first, client(&emulator, folder.path())] {
        for error in [
            client.submit(request()).once("shot").await.unwrap_err(),
            client.job(intent.clone()).unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.billing(), error.is_retryable()),
                (ErrorKind::IdLost, &Billing::JobExists(None), false),
                "{error}"
            );
            assert_eq!(
                (error.request_id(), error.job()),
                (request_id.as_deref(), Some(&intent))
            );
        }
        let recovered = client.recover().await.unwrap();
        assert!(recovered.jobs.is_empty());
        let listed = &recovered.unknown[0];
        assert_eq!((&listed.intent, &listed.state), (&intent, &SubmitState::IdLost));
        assert_eq!((&listed.request_id, listed.doubts), (&request_id, 0));
    }
    let client = client(&emulator, folder.path());
    let job = JobRef::job("text-to-video", emulator.jobs()[0].id.clone()).unwrap();
    client.resolve(intent.clone(), Some(job.clone())).await.unwrap();
    let found = client.submit(request()).once("shot").await.unwrap();
    assert_eq!(found.reference(), &job);
    found.wait().await.unwrap();
    assert!(client.recover().await.unwrap().unknown.is_empty());
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);
}

#[tokio::test]
async fn a_job_that_came_after_accepted_doubts_is_listed_with_them() {
    let emulator = emulator("{}").await;
    for _ in 0..2 {
        emulator.push_fault("submit", Fault::new(Do::ReadAndClose)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let client = client(&emulator, folder.path());
    let job = client
        .submit(request())
        .on_unknown(OnUnknown::AcceptDoubleCharge)
        .await
        .unwrap();
    assert_eq!(emulator.jobs().len(), 3, "each of the lost replies was a job");
    let listed = client.jobs().await.unwrap().remove(0);
    assert_eq!((listed.state, listed.doubts), (SubmitState::Accepted, 2));
    assert_eq!(listed.job.as_ref(), Some(job.reference()));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_keeps_the_submit_from_being_sent() {
    let emulator = emulator("{}").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = client(&emulator, &file.join("journal"))
        .submit(request())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
    assert_eq!(emulator.count("POST", "*"), 0);
}

#[tokio::test]
async fn an_accepted_double_charge_that_ends_in_a_refusal_leaves_the_doubt_in_the_journal() {
    let emulator = emulator("{}").await;
    emulator.push_fault("submit", Fault::new(Do::ReadAndClose)).unwrap();
    emulator.push_fault("submit", Fault::status(402)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = client(&emulator, folder.path());
    let error = client
        .submit(request())
        .once("shot")
        .on_unknown(OnUnknown::AcceptDoubleCharge)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SubmitUnknown, "{error}");
    assert_eq!(error.billing(), &Billing::Unknown);
    assert!(!error.is_retryable());
    assert_eq!(client.recover().await.unwrap().unknown.len(), 1);
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 2);
}

#[tokio::test]
async fn a_hasty_caller_does_not_poll_faster_than_the_interval_when_the_service_is_down() {
    let emulator = emulator(r#"{"fault": [{"route": "poll", "times": 1000000, "do": "status", "status": 503}]}"#).await;
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .journal(folder.path())
        .poll_interval(Duration::from_secs(3600))
        .build()
        .unwrap();
    let job = client.job(JobRef::job("text-to-video", "abc").unwrap()).unwrap();
    for _ in 0..50 {
        assert_eq!(job.poll().await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    assert!(
        emulator.count("GET", "/v2/text-to-video/*") <= 2,
        "a retry after the first failure is allowed"
    );
}

#[test]
fn a_client_that_is_closed_with_a_paid_request_on_the_wire_says_that_a_job_may_exist() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = runtime.block_on(emulator(
        r#"{"fault": [{"route": "submit", "times": 100, "do": "read_and_never_answer"}]}"#,
    ));
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .journal(folder.path())
        .own_runtime(ltx_jobs::RuntimeOptions::new())
        .build()
        .unwrap();
    let submits: Vec<_> = (0..20).map(|_| client.submit(request()).start()).collect();
    while emulator.count("POST", "/v2/text-to-video") < submits.len() {
        std::thread::yield_now();
    }
    client.close_blocking(Duration::ZERO);
    for submit in submits {
        assert!(submit.operation().wait(Some(Duration::from_secs(10))));
        let error = submit.operation().take().unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.billing()),
            (ErrorKind::Closed, &Billing::Unknown),
            "{error}"
        );
        assert_eq!(error.job(), submit.reference());
    }
}

#[tokio::test]
async fn a_refused_submit_that_waits_for_its_next_try_is_settled_when_the_client_is_closed() {
    let emulator = emulator(
        r#"{"fault": [{"route": "submit", "times": 100, "do": "status", "status": 429, "retry_after": "60"}]}"#,
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let first = client(&emulator, folder.path());
    let submitting = first.submit(request()).start();
    while emulator.count("POST", "/v2/text-to-video") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(first.close(Duration::from_secs(5)).await);
    let error = submitting.operation().clone().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    let second = client(&emulator, folder.path());
    assert_eq!(second.jobs().await.unwrap()[0].state, SubmitState::Refused);
}

#[tokio::test]
async fn a_check_finds_a_journal_that_cannot_be_used() {
    let emulator = emulator("{}").await;
    let folder = tempfile::tempdir().unwrap();
    let fine = client(&emulator, folder.path());
    fine.submit(request()).await.unwrap();
    assert_eq!(fine.check().await.unwrap().submits, 1);
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let error = client(&emulator, &file.join("journal")).check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
}
