//! `max_concurrent_jobs`: never more jobs at once than it says, in order, and nothing waits for ever.
#![allow(clippy::unwrap_used)] // A test.

use std::future::IntoFuture as _;
use std::time::Duration;

use ltx_jobs::{Client, ErrorKind, Phase, Request, TextToVideo};
use ltx_jobs_emulator::programme::ErrorBody;
use ltx_jobs_emulator::{Emulator, Fault, Programme};
use tokio::task::JoinSet;

fn client(emulator: &Emulator, jobs: usize) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .max_concurrent_jobs(jobs)
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .build()
        .unwrap()
}

fn shot(number: usize) -> Request {
    TextToVideo::new(format!("shot {number}"), "ltx-2-5-fast", Some(6), "1920x1080").into()
}

/// Jobs whose end was not told yet: it comes with the third poll.
fn running(emulator: &Emulator) -> usize {
    emulator.jobs().iter().filter(|job| job.polls < 3).count()
}

async fn start(programme: &str) -> Emulator {
    Emulator::start(Programme::from_toml(programme).unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_of_one_key_share_the_places() {
    let emulator = start("").await;
    let clients = [client(&emulator, 3), client(&emulator, 3)];
    let mut waits = JoinSet::new();
    for number in 0..24 {
        let client = clients[number % 2].clone();
        waits.spawn(async move {
            let job = client.submit(shot(number)).await.unwrap();
            job.wait().await.unwrap();
        });
    }
    let mut most = 0;
    while !waits.is_empty() {
        most = most.max(running(&emulator));
        tokio::select! {
            done = waits.join_next() => done.unwrap().unwrap(),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    assert_eq!(emulator.jobs().len(), 24);
    assert!((2..=3).contains(&most), "{most} jobs at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_that_waits_says_so_and_ends_with_its_time_limit_and_no_job() {
    let emulator = start("[job]\nprocessing_polls = 1000000").await;
    let client = client(&emulator, 1);
    let first = client.submit(shot(0)).await.unwrap();
    let second = client.submit(shot(1)).timeout(Duration::from_millis(300)).start();
    while second.operation().snapshot().phase != Phase::Queued {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = second.operation().clone().into_future().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.billing().name()),
        (ErrorKind::ConcurrencyLimited, "no_job")
    );
    assert!(error.is_retryable());
    assert!(error.to_string().contains(&first.reference().to_string()), "{error}");
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_submit_and_a_cancelled_turn_give_their_places_back() {
    let emulator = start("").await;
    let client = client(&emulator, 1);
    emulator.push_fault("submit", Fault::status(422)).unwrap();
    client.submit(shot(0)).await.unwrap_err();
    let job = client.submit(shot(1)).await.unwrap();
    let waiting = client.submit(shot(2)).start();
    while waiting.operation().snapshot().phase != Phase::Queued {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    waiting.operation().cancel();
    let error = waiting.operation().clone().into_future().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    job.wait().await.unwrap();
    client.submit(shot(3)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_before_that_is_waited_for_takes_a_place() {
    let emulator = start("[job]\nadvance = \"clock\"\nprocessing_ms = 3600000").await;
    // Another process submitted it.
    let running = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .build()
        .unwrap()
        .submit(shot(0))
        .await
        .unwrap();
    let client = client(&emulator, 1);
    let wait = client.job(running.reference().clone()).unwrap().wait().start();
    while emulator.count("GET", "*") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = client.submit(shot(1)).timeout(Duration::from_millis(300)).await;
    let error = second.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConcurrencyLimited);
    assert!(error.to_string().contains(&running.reference().to_string()), "{error}");
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);
    emulator.advance(Duration::from_secs(7200));
    wait.into_future().await.unwrap();
    client.submit(shot(2)).await.unwrap();
}

/// Keeps the lines of a log.
#[derive(Clone, Default)]
struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_limit_of_the_service_is_waited_out_and_the_log_names_the_jobs_that_hold_the_slots() {
    let kept = Kept::default();
    let writer = kept.clone();
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _for_this_thread = tracing::subscriber::set_default(log);
    let emulator = start("[job]\nprocessing_polls = 1000000").await;
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .build()
        .unwrap();
    let first = client.submit(shot(0)).await.unwrap();
    for kind in ["concurrency_limit_error", "rate_limit_error"] {
        let limit = Fault {
            envelope: Some(ErrorBody {
                kind: kind.to_owned(),
                message: "Too many.".to_owned(),
            }),
            ..Fault::status(429).retry_after("0.01")
        };
        emulator.push_fault("submit", limit).unwrap();
        client.submit(shot(1)).timeout(Duration::from_secs(30)).await.unwrap();
        let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let line = log
            .lines()
            .rev()
            .find(|line| line.contains("the service has no room"))
            .unwrap();
        assert!(line.contains(&first.reference().to_string()), "{line}");
    }

    // Past the caller's own limit it is an error that says that no job exists and when to try again.
    emulator
        .push_fault("submit", Fault::status(429).retry_after("30").times(9))
        .unwrap();
    let error = client
        .submit(shot(2))
        .timeout(Duration::from_millis(100))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.billing().name()),
        (ErrorKind::RateLimited, "no_job"),
        "{error}"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}
