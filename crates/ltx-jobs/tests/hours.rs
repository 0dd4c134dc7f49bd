//! Hours of waiting in milliseconds: the clock of the runtime is paused, the emulator runs in the same runtime.
#![allow(clippy::unwrap_used)] // A test.

use std::time::{Duration, SystemTime};

use ltx_jobs::{BatchItem, BatchRun, BatchState, Client, ErrorKind, Handover, JobRef, Request, WaitHandover};
use ltx_jobs_emulator::{Emulator, Fault, Programme};
use serde_json::json;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

async fn emulator(programme: &str) -> Emulator {
    let programme: Programme = serde_json::from_str(programme).unwrap();
    Emulator::start(programme).await.unwrap()
}

/// Every setting as a user has it.
fn client(emulator: &Emulator) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .build()
        .unwrap()
}

fn request() -> Request {
    Request::raw(
        "text-to-video",
        json!({"prompt": "a boat", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"}),
    )
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn two_hours_in_the_queue_are_waited_out_with_one_poll_every_five_seconds() {
    let emulator = emulator(r#"{"job": {"pending_polls": 700, "processing_polls": 740}}"#).await;
    let client = client(&emulator);
    let began = Instant::now();
    let job = client.submit(request()).await.unwrap();
    let done = job.wait().await.unwrap();
    assert!(done.outputs().contains_key("video_url"));
    let polls = emulator.count("GET", "/v2/text-to-video/*");
    assert!((1440..=1445).contains(&polls), "{polls} polls");
    let pace = began.elapsed().as_secs_f64() / polls as f64;
    assert!((4.5..=5.6).contains(&pace), "one poll every {pace} s");
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_the_service_ends_no_wait() {
    let emulator = emulator(
        r#"{"job": {"pending_polls": 2, "processing_polls": 2},
            "fault": [{"route": "poll", "skip": 1, "times": 150, "do": "cut_before_headers"},
                      {"route": "poll", "times": 50, "do": "status", "status": 502, "body": "<html>bad gateway</html>"}]}"#,
    )
    .await;
    let client = client(&emulator);
    let began = Instant::now();
    let job = client.submit(request()).await.unwrap();
    let waiting = job.wait().start();
    // After the tenth failure in a row the handle tells since when.
    while emulator.count("GET", "/v2/text-to-video/*") < 11 {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let snapshot = job.snapshot();
    assert!(
        snapshot.unreachable_since.is_some() && snapshot.last_error.is_some(),
        "{snapshot:?}"
    );
    waiting.await.unwrap();
    assert!(began.elapsed() > HOUR / 2, "{:?}", began.elapsed());
    assert!(job.snapshot().unreachable_since.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_ends_the_wait_on_time_and_the_job_goes_on() {
    let emulator = emulator(r#"{"job": {"pending_polls": 100, "processing_polls": 1}}"#).await;
    let client = client(&emulator);
    let job = client.submit(request()).await.unwrap();
    let began = Instant::now();
    let error = job.wait().timeout(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout, "{error}");
    assert!(error.is_retryable());
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(60) && took < Duration::from_secs(61),
        "{took:?}"
    );
    job.wait().timeout(HOUR).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_out_as_long_as_the_service_asks() {
    let emulator = emulator(
        r#"{"fault": [{"route": "submit", "times": 20, "do": "status", "status": 429, "retry_after": "120"}]}"#,
    )
    .await;
    let client = client(&emulator);
    let began = Instant::now();
    client.submit(request()).await.unwrap();
    assert!(
        began.elapsed() >= Duration::from_secs(20 * 120),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(emulator.jobs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_until_a_date_is_waited_out_and_a_date_far_ahead_for_five_minutes() {
    let date = |ahead: u64| {
        let at = jiff::Timestamp::try_from(SystemTime::now() + Duration::from_secs(ahead)).unwrap();
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&at)
            .unwrap()
    };
    for (ahead, expected) in [(100, 95..=101), (24 * 3600, 300..=301)] {
        let emulator = emulator("{}").await;
        emulator
            .push_fault("submit", Fault::status(429).retry_after(date(ahead)))
            .unwrap();
        let client = client(&emulator);
        let began = Instant::now();
        client.submit(request()).await.unwrap();
        // Dates have whole seconds.
        let took = began.elapsed().as_secs();
        assert!(
            expected.contains(&took),
            "a date {ahead} s ahead was waited for {took} s"
        );
        assert_eq!(emulator.count("POST", "/v2/text-to-video"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_down_is_tried_for_two_minutes_and_no_longer() {
    let emulator =
        emulator(r#"{"fault": [{"route": "submit", "times": 100000, "do": "status", "status": 503}]}"#).await;
    let client = client(&emulator);
    let began = Instant::now();
    let error = client.submit(request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.is_retryable());
    let took = began.elapsed();
    assert!(
        took >= Duration::from_secs(110) && took < Duration::from_secs(160),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_whose_handles_were_thrown_away_still_end() {
    let emulator = emulator("{}").await;
    let client = client(&emulator);
    let mut references: Vec<JobRef> = Vec::new();
    for _ in 0..3 {
        references.push(client.submit(request()).await.unwrap().reference().clone());
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    for reference in references {
        let job = client.job(reference).unwrap();
        assert!(job.snapshot().is_ended(), "{job:?}");
    }
}

/// A batch of one item whose job others are to wait for, and that wait.
async fn watched_elsewhere(client: &Client) -> (BatchRun, WaitHandover) {
    let run = client.batch("film").hand_over(1).hand_over_waits(2).start();
    run.push(BatchItem::new("sh010", request())).await.unwrap();
    run.finish();
    let Some(Handover::Wait(handover)) = run.handed_over().await else {
        unreachable!("its wait is handed over first");
    };
    (run, handover)
}

#[tokio::test(start_paused = true)]
async fn a_job_that_others_wait_for_is_asked_for_once_a_minute_and_at_once_when_they_tell_of_its_end() {
    let emulator = emulator(r#"{"job": {"advance": "clock", "processing_ms": 7200000}}"#).await;
    let (run, handover) = watched_elsewhere(&client(&emulator)).await;
    tokio::time::sleep(HOUR).await;
    let polls = emulator.count("GET", "/v2/text-to-video/*");
    assert!((55..=68).contains(&polls), "{polls} polls");
    emulator.advance(3 * HOUR);
    let told = Instant::now();
    handover.ended();
    assert_eq!(run.next().await.unwrap().state, BatchState::Completed);
    assert!(told.elapsed() < Duration::from_secs(1), "{:?}", told.elapsed());
    assert_eq!(emulator.count("GET", "/v2/text-to-video/*"), polls + 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_job_is_not_missed_when_those_who_were_to_tell_of_it_say_nothing() {
    let emulator = emulator(r#"{"job": {"advance": "clock", "processing_ms": 7200000}}"#).await;
    let (run, silent) = watched_elsewhere(&client(&emulator)).await;
    tokio::time::sleep(HOUR).await;
    emulator.advance(3 * HOUR);
    let ended = Instant::now();
    assert_eq!(run.next().await.unwrap().state, BatchState::Completed);
    assert!(ended.elapsed() < Duration::from_secs(67), "{:?}", ended.elapsed());
    // Too late, and no harm.
    silent.ended();
}

#[tokio::test(start_paused = true)]
async fn a_job_is_asked_for_as_usual_when_somebody_waits_here_or_nobody_waits_elsewhere_any_more() {
    let emulator = emulator(r#"{"job": {"advance": "clock", "processing_ms": 36000000}}"#).await;
    let client = client(&emulator);
    let (run, handover) = watched_elsewhere(&client).await;
    let polls = || emulator.count("GET", "/v2/text-to-video/*");
    tokio::time::sleep(HOUR).await;
    let before = polls();
    let waiting = handover.job().wait().start();
    tokio::time::sleep(HOUR / 6).await;
    let here = polls() - before;
    assert!(
        (108..=135).contains(&here),
        "{here} polls in ten minutes of a wait here"
    );
    waiting.cancel();
    tokio::time::sleep(HOUR / 60).await;

    let before = polls();
    tokio::time::sleep(HOUR / 6).await;
    let elsewhere = polls() - before;
    assert!((9..=12).contains(&elsewhere), "{elsewhere} polls in ten minutes");
    drop(handover);
    let before = polls();
    tokio::time::sleep(HOUR / 6).await;
    let again = polls() - before;
    assert!(
        (108..=135).contains(&again),
        "{again} polls in ten minutes of the batch's own"
    );
    run.stop();
    assert_eq!(run.next().await.unwrap().state, BatchState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_wait_here_is_no_rarer_for_a_batch_that_was_stopped_with_its_wait_elsewhere() {
    let emulator = emulator(r#"{"job": {"advance": "clock", "processing_ms": 36000000}}"#).await;
    let (run, handover) = watched_elsewhere(&client(&emulator)).await;
    run.stop();
    assert_eq!(run.next().await.unwrap().state, BatchState::Running);
    let before = emulator.count("GET", "/v2/text-to-video/*");
    let waiting = handover.job().wait().start();
    tokio::time::sleep(HOUR / 6).await;
    let here = emulator.count("GET", "/v2/text-to-video/*") - before;
    assert!(
        (108..=135).contains(&here),
        "{here} polls in ten minutes of a wait here"
    );
    waiting.cancel();
}

#[tokio::test(start_paused = true)]
async fn no_more_waits_are_out_than_may_be_and_the_others_are_waited_for_here() {
    let emulator = emulator(r#"{"job": {"advance": "clock", "processing_ms": 36000000}}"#).await;
    let client = client(&emulator);
    let run = client.batch("film").hand_over(1).hand_over_waits(1).start();
    for key in ["sh010", "sh020"] {
        run.push(BatchItem::new(key, request())).await.unwrap();
    }
    run.finish();
    let Some(Handover::Wait(first)) = run.handed_over().await else {
        unreachable!("its wait is handed over first");
    };
    tokio::time::sleep(HOUR / 6).await;
    let before = emulator.count("GET", "/v2/text-to-video/*");
    let second = tokio::time::timeout(HOUR / 6, run.handed_over()).await;
    assert!(second.is_err(), "{second:?}");
    let polls = emulator.count("GET", "/v2/text-to-video/*") - before;
    assert!(
        (117..=147).contains(&polls),
        "{polls} polls in ten minutes of one here and one elsewhere"
    );
    let key = first.key().to_owned();
    first.ended();
    let Some(Handover::Wait(second)) = run.handed_over().await else {
        unreachable!("the other one is next");
    };
    assert_ne!(second.key(), key);
}

#[tokio::test(start_paused = true)]
async fn a_doubt_about_a_job_that_others_wait_for_is_settled_in_its_usual_time() {
    let emulator = emulator(
        r#"{"job": {"advance": "clock", "processing_ms": 36000000},
            "fault": [{"route": "poll", "skip": 2, "times": 0, "do": "status", "status": 404,
                       "envelope": {"type": "not_found_error", "message": "no such job"}}]}"#,
    )
    .await;
    let (run, _silent) = watched_elsewhere(&client(&emulator)).await;
    let began = Instant::now();
    let outcome = run.next().await.unwrap();
    assert_eq!(outcome.state, BatchState::Failed, "{outcome:?}");
    // A minute until it is asked for, a minute of asking again.
    assert!(began.elapsed() < Duration::from_secs(150), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_word_of_the_end_is_heard_also_while_an_older_answer_is_on_its_way() {
    let emulator = emulator(
        r#"{"job": {"advance": "clock", "processing_ms": 36000000},
            "fault": [{"route": "poll", "skip": 1, "times": 1, "do": "drip", "bytes_per_s": 20}]}"#,
    )
    .await;
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(HOUR / 6)
        .build()
        .unwrap();
    let (run, handover) = watched_elsewhere(&client).await;
    while emulator.count("GET", "/v2/text-to-video/*") < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    emulator.advance(20 * HOUR);
    let told = Instant::now();
    handover.ended();
    assert_eq!(run.next().await.unwrap().state, BatchState::Completed);
    assert!(told.elapsed() < Duration::from_secs(60), "{:?}", told.elapsed());
    assert_eq!(emulator.count("GET", "/v2/text-to-video/*"), 3);
}
