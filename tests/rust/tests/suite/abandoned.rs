//! A caller who goes away: the paid POST belongs to the client, and nothing that was sent is forgotten.

use std::future::IntoFuture as _;
use std::time::Duration;

use ltx_jobs::{Client, ErrorKind, Job, JobRef};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};

use crate::{ROUTE, client, request, until};

async fn slow_emulator() -> Emulator {
    let mut programme = Programme::default();
    programme.api.latency_ms = 150;
    Emulator::start(programme).await.unwrap()
}

fn post_arrived(emulator: &Emulator) -> bool {
    emulator
        .requests()
        .iter()
        .any(|request| request.method == "POST" && request.path == ROUTE)
}

async fn found(client: &Client, intent: &JobRef) -> Job {
    let mut job = None;
    until("the job of the intent", || match client.job(intent.clone()) {
        Ok(found) => {
            job = Some(found);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidState, "{error}");
            assert_eq!(error.billing().name(), "unknown");
            false
        }
    })
    .await;
    job.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_dropped_after_its_body_was_sent_is_in_the_journal_with_its_job() {
    let emulator = slow_emulator().await;
    let client = client(&emulator);
    let submitting = client.submit(request()).start();
    let intent = submitting.reference().unwrap().clone();
    let future = submitting.operation().clone().into_future();
    drop(submitting);
    until("the POST", || post_arrived(&emulator)).await;
    drop(future);
    let job = found(&client, &intent).await;
    assert_eq!(emulator.jobs()[0].id, job.id());
    assert_eq!(emulator.count("POST", ROUTE), 1);
    job.wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_cancelled_after_its_body_was_sent_says_that_a_job_may_exist() {
    let emulator = slow_emulator().await;
    let client = client(&emulator);
    let submitting = client.submit(request()).start();
    let intent = submitting.reference().unwrap().clone();
    until("the POST", || post_arrived(&emulator)).await;
    submitting.operation().cancel();
    let error = submitting.operation().clone().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.billing().name()),
        (ErrorKind::Cancelled, "unknown"),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    assert_eq!(error.job(), Some(&intent));
    found(&client, &intent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_submit_whose_reply_is_lost_is_unknown_in_the_journal_and_never_sent_again() {
    let emulator = Emulator::start(Programme::default().with_fault("submit", Fault::new(Do::ReadAndNeverAnswer)))
        .await
        .unwrap();
    let client = crate::builder(&emulator)
        .submit_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let submitting = client.submit(request()).start();
    let intent = submitting.reference().unwrap().clone();
    until("the POST", || post_arrived(&emulator)).await;
    submitting.operation().cancel();
    until(
        "the verdict",
        || matches!(client.job(intent.clone()), Err(error) if error.kind() == ErrorKind::SubmitUnknown),
    )
    .await;
    assert_eq!(emulator.count("POST", ROUTE), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_dropped_before_its_connection_is_made_costs_nothing() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    emulator.refuse_connections(ltx_jobs_emulator::Origin::Api, None).await;
    let client = client(&emulator);
    let submitting = client.submit(request()).start();
    let intent = submitting.reference().unwrap().clone();
    submitting.operation().cancel();
    let error = submitting.operation().clone().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.billing().name()),
        (ErrorKind::Cancelled, "no_job"),
        "{error:?}"
    );
    emulator.accept_connections(ltx_jobs_emulator::Origin::Api).await;
    assert_eq!(client.job(intent).unwrap_err().kind(), ErrorKind::NotFound);
    client.check().await.unwrap();
    assert_eq!(emulator.count("POST", ROUTE), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_gives_a_paid_post_on_the_wire_its_grace() {
    let emulator = slow_emulator().await;
    let client = client(&emulator);
    let submitting = client.submit(request()).start();
    until("the POST", || post_arrived(&emulator)).await;
    assert!(client.close(Duration::from_secs(10)).await, "the POST was finished");
    let job = client.job(submitting.reference().unwrap().clone()).unwrap();
    assert_eq!(emulator.jobs()[0].id, job.id());
}
