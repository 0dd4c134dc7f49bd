//! The money guard: what a request costs is known before it is sent, and limits refuse it before anything leaves this machine.
#![allow(clippy::unwrap_used)] // A test.

use std::time::Duration;

use ltx_jobs::{Client, ClientBuilder, ErrorKind, Media, OnUnknown, Request, TextToVideo, Usd, VideoToVideoHdr};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};
use serde_json::json;

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/hevc.mp4");

fn builder(emulator: &Emulator) -> ClientBuilder {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .backoff_cap(Duration::from_millis(10))
}

/// USD 0.78: 6 s at 0.13.
fn shot() -> Request {
    TextToVideo::new("A lighthouse", "ltx-2-5-fast", Some(6), "1920x1080").into()
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

async fn emulator() -> Emulator {
    Emulator::start(Programme::default()).await.unwrap()
}

#[tokio::test]
async fn an_estimate_looks_into_the_local_clip_and_sends_nothing() {
    let emulator = emulator().await;
    let client = builder(&emulator).build().unwrap();
    let hdr = VideoToVideoHdr::new(Media::file(CLIP));
    let estimate = client.estimate(hdr).await.unwrap();
    // Half a second, 64x64, at 0.20.
    assert_eq!(estimate.usd, usd("0.10"), "{}", estimate.basis);
    assert!(estimate.basis.contains("0.5 s of video_uri"), "{}", estimate.basis);
    assert_eq!(client.estimate(shot()).await.unwrap().usd, usd("0.78"));
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn what_cannot_be_estimated_says_which_figure_is_missing() {
    let emulator = emulator().await;
    let client = builder(&emulator).build().unwrap();
    let elsewhere = || VideoToVideoHdr::new(Media::url("https://cdn.example/plate.mp4"));
    let error = client.estimate(elsewhere()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("video_uri is no local file"), "{error}");

    // A limit that cannot be judged refuses.
    let error = client.submit(elsewhere()).max_cost(usd("100")).await.unwrap_err();
    assert_eq!((error.kind(), error.billing().name()), (ErrorKind::CostLimit, "no_job"));
    assert!(error.to_string().contains("video_uri is no local file"), "{error}");
    assert!(!error.is_retryable());

    // What this client uploaded itself it knows.
    let uri = client.upload(Media::file(CLIP)).await.unwrap();
    let estimate = client
        .estimate(VideoToVideoHdr::new(Media::uploaded(uri)))
        .await
        .unwrap();
    assert_eq!(estimate.usd, usd("0.10"));
    assert!(emulator.jobs().is_empty());
}

#[tokio::test]
async fn max_cost_refuses_before_anything_is_uploaded_or_sent() {
    let emulator = emulator().await;
    let client = builder(&emulator).build().unwrap();
    let hdr = || VideoToVideoHdr::new(Media::file(CLIP));
    let error = client.submit(hdr()).max_cost(usd("0.09")).await.unwrap_err();
    assert_eq!((error.kind(), error.billing().name()), (ErrorKind::CostLimit, "no_job"));
    assert!(
        error.to_string().contains("USD 0.10") && error.to_string().contains("max_cost = 0.09"),
        "{error}"
    );
    assert!(emulator.requests().is_empty());
    assert!(client.jobs().await.unwrap().is_empty());

    let job = client.submit(hdr()).once("k").max_cost(usd("0.10")).await.unwrap();
    // What is there already costs nothing more.
    let same = client.submit(hdr()).once("k").max_cost(Usd::ZERO).await.unwrap();
    assert_eq!(job.reference(), same.reference());
}

#[tokio::test]
async fn a_spend_limit_counts_what_runs_and_gives_back_what_was_not_billed() {
    let emulator = emulator().await;
    let client = builder(&emulator).spend_limit(usd("1.60")).build().unwrap();
    // Refused: given back.
    emulator.push_fault("submit", Fault::status(400)).unwrap();
    client.submit(shot()).await.unwrap_err();
    assert_eq!(client.committed(), Usd::ZERO);

    let first = client.submit(shot()).await.unwrap();
    let second = client.submit(shot()).await.unwrap();
    assert_eq!(client.committed(), usd("1.56"));
    let error = client.submit(shot()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CostLimit);
    assert!(error.to_string().contains("USD 1.56 committed"), "{error}");
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 3);

    // Billed: stays counted.
    first.wait().await.unwrap();
    second.wait().await.unwrap();
    assert_eq!(client.submit(shot()).await.unwrap_err().kind(), ErrorKind::CostLimit);
}

#[tokio::test]
async fn a_job_that_fails_without_a_bill_gives_its_money_back_before_its_waiter_hears_of_it() {
    let emulator = Emulator::start(Programme::from_toml("[job]\noutcome = \"failed\"").unwrap())
        .await
        .unwrap();
    let client = builder(&emulator).spend_limit(usd("0.78")).build().unwrap();
    for _ in 0..3 {
        let job = client.submit(shot()).await.unwrap();
        job.wait().await.unwrap_err();
        assert_eq!(client.committed(), Usd::ZERO);
    }
}

#[tokio::test]
async fn an_unknown_outcome_stays_counted_and_a_double_charge_is_counted_twice() {
    let emulator = emulator().await;
    let client = builder(&emulator).spend_limit(usd("2.34")).build().unwrap();
    let lost = || emulator.push_fault("submit", Fault::new(Do::ReadAndClose)).unwrap();
    lost();
    let error = client.submit(shot()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SubmitUnknown);
    assert_eq!(client.committed(), usd("0.78"));

    lost();
    client
        .submit(shot())
        .on_unknown(OnUnknown::AcceptDoubleCharge)
        .await
        .unwrap();
    assert_eq!(client.committed(), usd("2.34"));
    assert_eq!(emulator.jobs().len(), 3);
}

#[tokio::test]
async fn when_a_second_try_is_refused_only_the_first_one_stays_counted() {
    let emulator = emulator().await;
    let client = builder(&emulator).spend_limit(usd("10")).build().unwrap();
    emulator.push_fault("submit", Fault::new(Do::ReadAndClose)).unwrap();
    emulator.push_fault("submit", Fault::status(402)).unwrap();
    let error = client
        .submit(shot())
        .on_unknown(OnUnknown::AcceptDoubleCharge)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SubmitUnknown);
    assert_eq!(client.committed(), usd("0.78"));
}

#[tokio::test]
async fn a_double_charge_beyond_the_spend_limit_is_not_sent() {
    let emulator = emulator().await;
    let client = builder(&emulator).spend_limit(usd("1")).build().unwrap();
    emulator.push_fault("submit", Fault::new(Do::ReadAndClose)).unwrap();
    let error = client
        .submit(shot())
        .on_unknown(OnUnknown::AcceptDoubleCharge)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.billing().name()),
        (ErrorKind::SubmitUnknown, "unknown")
    );
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);
}

#[tokio::test]
async fn prices_are_data_that_the_caller_can_replace() {
    let emulator = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.json");
    let table = json!({"as_of": "tomorrow", "prices": [
        {"endpoint": "text-to-video", "seconds": "duration", "tier": "none", "source": "our contract", "usd_per_second": {"any": "0.01"}}
    ]});
    std::fs::write(&path, table.to_string()).unwrap();
    let client = builder(&emulator).prices(&path).build().unwrap();
    let estimate = client.estimate(shot()).await.unwrap();
    assert_eq!(
        (estimate.usd, estimate.basis.contains("our contract")),
        (usd("0.06"), true)
    );

    std::fs::write(&path, "{}").unwrap();
    let error = builder(&emulator).prices(&path).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
