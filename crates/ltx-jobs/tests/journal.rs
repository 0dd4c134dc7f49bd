//! What a later client learns from the journal of an earlier one.
#![allow(clippy::unwrap_used)] // A test.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Client, ErrorKind, JobRef, Request, SubmitState};
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
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
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
