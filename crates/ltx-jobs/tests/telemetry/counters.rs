//! Counters say what was done, no more and no less.

use std::time::Duration;

use ltx_jobs::{Counters, ErrorKind, Media, Usd, VideoToVideoHdr};
use ltx_jobs_emulator::Emulator;

use super::{CLIP, SUBMITS, builder, client, emulator, shot};

/// Every submit has one outcome, and what was sent is what arrived.
fn check(counters: &Counters, emulator: &Emulator) {
    let outcomes = counters.submits_known + counters.submits_refused + counters.submits_unknown + counters.jobs_created;
    assert_eq!(counters.submits, outcomes, "{counters:?}");
    assert_eq!(counters.posts, emulator.count("POST", "/v2/*") as u64, "{counters:?}");
    assert_eq!(counters.polls, emulator.count("GET", "/v2/*") as u64, "{counters:?}");
    assert_eq!(counters.http_requests, emulator.requests().len() as u64, "{counters:?}");
}

#[tokio::test]
async fn a_job_without_trouble_is_counted_as_the_service_saw_it() {
    let emulator = emulator("").await;
    let client = client(&emulator);
    assert_eq!(client.counters(), Counters::default());
    let job = client.submit(VideoToVideoHdr::new(Media::bytes(CLIP))).await.unwrap();
    let done = job.wait().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = done.download(folder.path()).await.unwrap();
    let counters = client.counters();
    check(&counters, &emulator);
    assert_eq!((counters.submits, counters.posts, counters.jobs_created), (1, 1, 1));
    assert_eq!((counters.jobs_completed, counters.jobs_failed), (1, 0));
    assert_eq!(counters.bytes_uploaded, CLIP.len() as u64);
    assert!(
        counters.bytes_downloaded > saved.bytes,
        "frames and their archive's directory"
    );
    assert_eq!(
        (counters.submit_retries, counters.api_retries, counters.storage_retries),
        (0, 0, 0)
    );
    assert_eq!((counters.transfers_resumed, counters.transfers_restarted), (0, 0));
    client.close(Duration::ZERO).await;
    assert_eq!(client.counters(), counters, "a closed client can still be asked");
}

#[tokio::test]
async fn what_is_tried_again_is_counted_by_where_it_went() {
    let emulator = emulator(
        r#"
        [[fault]]
        route = "submit"
        do = "status"
        status = 503
        times = 2
        [[fault]]
        route = "poll"
        do = "read_and_close"
        times = 3
        [[fault]]
        route = "download"
        do = "cut_body"
        at = 1000
        [[fault]]
        route = "download"
        do = "status"
        status = 503
        "#,
    )
    .await;
    let client = client(&emulator);
    let done = client.submit(shot()).await.unwrap().wait().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = done.download(folder.path()).await.unwrap();
    let counters = client.counters();
    check(&counters, &emulator);
    assert_eq!((counters.posts, counters.submit_retries), (3, 2));
    assert_eq!(counters.api_retries, 3);
    assert_eq!(counters.storage_retries, 2);
    assert_eq!(
        counters.bytes_downloaded, saved.bytes,
        "what came before the cut is not fetched again"
    );
}

#[tokio::test]
async fn what_arrives_damaged_is_begun_anew_and_counted_twice() {
    let emulator = emulator("[[fault]]\nroute = \"download\"\ndo = \"corrupt_byte\"\nat = 700").await;
    let client = client(&emulator);
    let done = client.submit(shot()).await.unwrap().wait().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = done.download(folder.path()).await.unwrap();
    let counters = client.counters();
    check(&counters, &emulator);
    assert_eq!(counters.transfers_restarted, 1);
    assert_eq!(counters.bytes_downloaded, 2 * saved.bytes);
}

#[tokio::test]
async fn every_submit_has_one_outcome() {
    let emulator = emulator(
        r#"
        [job]
        outcome = "failed"
        [[fault]]
        route = "submit"
        do = "read_and_close"
        [[fault]]
        route = "submit"
        do = "status"
        status = 400
        [[fault]]
        route = "submit"
        do = "no_id"
        "#,
    )
    .await;
    let limit: Usd = "100".parse().unwrap();
    let client = builder(&emulator).spend_limit(limit).build().unwrap();
    let lost = client.submit(shot()).once("lost").await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::SubmitUnknown);
    let refused = client.submit(shot()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    let without_id = client.submit(shot()).await.unwrap_err();
    assert_eq!(without_id.kind(), ErrorKind::IdLost);
    let job = client.submit(shot()).once("shot").await.unwrap();
    let before = client.counters();
    assert!(before.committed > Usd::ZERO);
    assert_eq!(job.wait().await.unwrap_err().kind(), ErrorKind::ContentFiltered);
    // Answered by the journal: nothing is sent.
    client.submit(shot()).once("lost").await.unwrap_err();
    // Refused here.
    let broke = client.submit(shot()).max_cost(Usd::from_cents(1)).await.unwrap_err();
    assert_eq!(broke.kind(), ErrorKind::CostLimit);
    let counters = client.counters();
    check(&counters, &emulator);
    assert_eq!(counters.submits, 6);
    assert_eq!(counters.submits_known, 1);
    assert_eq!(counters.submits_refused, 2);
    assert_eq!(counters.submits_unknown, 2);
    assert_eq!((counters.jobs_created, counters.jobs_failed), (1, 1));
    assert!(counters.committed < before.committed, "what failed is not billed");
    assert_eq!(counters.committed, client.committed());
}

#[tokio::test]
async fn a_submit_whose_caller_has_gone_is_counted_when_its_answer_comes() {
    // The service has read the request; its answer takes seconds to arrive.
    let emulator = emulator("[[fault]]\nroute = \"submit\"\ndo = \"drip\"\nbytes_per_s = 40").await;
    let client = client(&emulator);
    let submitting = client.submit(shot()).start();
    while emulator.count("POST", SUBMITS) == 0 {
        tokio::task::yield_now().await;
    }
    submitting.operation().cancel();
    assert_eq!(
        submitting.operation().clone().await.unwrap_err().kind(),
        ErrorKind::Cancelled
    );
    let counters = client.counters();
    assert_eq!((counters.submits, counters.posts, counters.jobs_created), (1, 1, 0));
    assert!(client.close(Duration::from_secs(20)).await, "the answer was awaited");
    let counters = client.counters();
    assert_eq!((counters.jobs_created, counters.submits_refused), (1, 0));
    check(&counters, &emulator);
}

#[cfg(feature = "rehost")]
#[tokio::test]
async fn what_a_store_took_is_counted() {
    let emulator = emulator("").await;
    let client = client(&emulator);
    let done = client.submit(shot()).await.unwrap().wait().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = format!("file://{}/", folder.path().display());
    let copied = done.rehost(place).await.unwrap();
    let counters = client.counters();
    check(&counters, &emulator);
    assert_eq!(counters.bytes_rehosted, copied.bytes);
    assert_eq!(counters.bytes_downloaded, copied.bytes);
}
