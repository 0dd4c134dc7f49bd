//! A key that is refused, and one that comes after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ltx_jobs::{Client, ErrorKind, Media};
use ltx_jobs_emulator::{Emulator, Programme};

use crate::{builder, client, request, until};

fn endless() -> Programme {
    let mut programme = Programme::default();
    programme.job.pending_polls = 30;
    programme
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_ends_the_wait_but_not_the_job_and_a_new_key_goes_on() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let submitted = client(&emulator).submit(request()).await.unwrap();
    let client = builder(&emulator).api_key("stale").build().unwrap();
    let job = client.job(submitted.reference().clone()).unwrap();
    for _ in 0..2 {
        let error = job.wait().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.billing().name(), error.job_ended()),
            (ErrorKind::Unauthenticated, "job_exists", false),
            "{error:?}"
        );
    }
    client.set_api_key(emulator.api_key());
    job.wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_begins_after_the_key_was_refused_hears_why_without_another_poll() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let good = client(&emulator);
    let (first, second) = (
        good.submit(request()).await.unwrap(),
        good.submit(request()).await.unwrap(),
    );
    let client = builder(&emulator).api_key("stale").build().unwrap();
    let attached = |job: &ltx_jobs::Job| client.job(job.reference().clone()).unwrap();
    for job in [&first, &second] {
        let wait = attached(job).wait().timeout(Duration::from_secs(20));
        let error = wait.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
        assert_eq!(error.job(), Some(job.reference()));
    }
    let refused = emulator
        .requests()
        .iter()
        .filter(|request| request.header("authorization") == Some("Bearer stale"))
        .count();
    assert_eq!(refused, 1);
    client.set_api_key(emulator.api_key());
    attached(&second).wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_stops_the_polling_of_all_jobs_of_the_client() {
    let mut programme = Programme::default();
    programme.job.pending_polls = u32::MAX;
    let emulator = Emulator::start(programme).await.unwrap();
    let good = client(&emulator);
    let mut submitted = Vec::new();
    for _ in 0..20 {
        submitted.push(good.submit(request()).await.unwrap());
    }
    let client = builder(&emulator).api_key("stale").build().unwrap();
    let waits: Vec<_> = submitted
        .iter()
        .map(|job| client.job(job.reference().clone()).unwrap().wait().start())
        .collect();
    for wait in waits {
        assert_eq!(wait.await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }
    let stale = || {
        emulator
            .requests()
            .iter()
            .filter(|request| request.header("authorization") == Some("Bearer stale"))
            .count()
    };
    // Polls that were on their way when the first refusal came still arrive; then the other client's polls tell that time passes.
    let passes = |intervals: u32| {
        let polls = emulator.jobs()[0].polls;
        let emulator = &emulator;
        async move {
            until("polls of the client whose key is good", || {
                emulator.jobs()[0].polls > polls + intervals
            })
            .await;
        }
    };
    passes(10).await;
    let seen = stale();
    assert!(seen <= 20, "{seen} polls with a refused key, of 20 jobs");
    passes(20).await;
    assert_eq!(stale(), seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_function_is_asked_again_after_a_refusal_and_the_submit_goes_on() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let renewed = Arc::new(AtomicBool::new(false));
    let (source, right) = (Arc::clone(&renewed), emulator.api_key());
    let client = Client::builder()
        .base_url(emulator.api_url())
        .poll_interval(Duration::from_millis(20))
        .api_key_function(move || {
            Ok(if source.swap(true, Ordering::SeqCst) {
                right.clone()
            } else {
                "stale".to_owned()
            })
        })
        .build()
        .unwrap();
    client.submit(request()).await.unwrap().wait().await.unwrap();
    assert_eq!(emulator.jobs().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_to_be_had_a_wait_ends_and_the_job_goes_on_until_there_is_one() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let submitted = client(&emulator).submit(request()).await.unwrap();
    let (calls, open) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (counter, opened, right) = (Arc::clone(&calls), Arc::clone(&open), emulator.api_key());
    let client = builder(&emulator)
        .api_key_function(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            match opened.load(Ordering::SeqCst) {
                true => Ok(right.clone()),
                false => Err("the vault is sealed".to_owned()),
            }
        })
        .build()
        .unwrap();
    let job = client.job(submitted.reference().clone()).unwrap();
    for call in 1..=2 {
        let error = job.wait().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.billing().name(), error.is_of_key_function()),
            (ErrorKind::Config, "job_exists", true),
            "{error:?}"
        );
        assert!(error.message().contains("the vault is sealed"), "{error}");
        assert_eq!(calls.load(Ordering::SeqCst), call, "each wait asks once");
    }
    let error = client.submit(request()).await.unwrap_err();
    assert_eq!((error.kind(), error.billing().name()), (ErrorKind::Config, "no_job"));
    open.store(true, Ordering::SeqCst);
    job.wait().await.unwrap();
    assert_eq!(emulator.jobs().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_job_goes_on_with_the_key_that_another_request_got() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let submitted = client(&emulator).submit(request()).await.unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let (counter, right) = (Arc::clone(&calls), emulator.api_key());
    let client = builder(&emulator)
        .api_key_function(move || {
            Ok(match counter.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => "stale".to_owned(),
                _ => right.clone(),
            })
        })
        .build()
        .unwrap();
    let job = client.job(submitted.reference().clone()).unwrap();
    assert_eq!(job.wait().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(calls.load(Ordering::SeqCst), 2, "first, and after the refusal");
    // Nobody tells the job of it.
    let plate = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/ltx-jobs-cli/assets/plate.mp4"
    );
    client.upload(Media::file(plate)).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    job.wait().await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3, "the key is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_why_there_is_no_other_key() {
    let emulator = Emulator::start(endless()).await.unwrap();
    let submitted = client(&emulator).submit(request()).await.unwrap();
    for polls in [false, true] {
        let asked = AtomicBool::new(false);
        let client = builder(&emulator)
            .api_key_function(move || match asked.swap(true, Ordering::SeqCst) {
                false => Ok("stale".to_owned()),
                true => Err("the vault is sealed".to_owned()),
            })
            .build()
            .unwrap();
        let error = if polls {
            client
                .job(submitted.reference().clone())
                .unwrap()
                .wait()
                .await
                .unwrap_err()
        } else {
            client.submit(request()).await.unwrap_err()
        };
        assert_eq!(
            (error.kind(), error.http_status(), error.is_of_key_function()),
            (ErrorKind::Unauthenticated, Some(401), true)
        );
        assert!(error.to_string().contains("the vault is sealed"), "{error}");
    }
}

#[test]
fn a_key_function_that_hangs_holds_up_no_worker_no_cancellation_and_no_other_call() {
    let (called, calls) = std::sync::mpsc::channel();
    let (let_go, hangs) = std::sync::mpsc::channel::<()>();
    let hangs = std::sync::Mutex::new(hangs);
    let client = Client::builder()
        .base_url("http://127.0.0.1:9")
        .worker_threads(1)
        .own_runtime(ltx_jobs::RuntimeOptions::new())
        .api_key_function(move || {
            called.send(()).unwrap();
            let _ = hangs.lock().unwrap().recv();
            Ok("key".to_owned())
        })
        .build()
        .unwrap();
    let soon = Some(Duration::from_secs(20));
    let submit = client.submit(request()).start();
    calls.recv().unwrap();
    let estimate = client.estimate(request()).start();
    assert!(estimate.wait(soon), "the only worker is blocked");
    let cancelled = client.recover().start();
    cancelled.cancel();
    submit.operation().cancel();
    for (ended, error) in [
        (cancelled.wait(soon), cancelled.error()),
        (submit.operation().wait(soon), submit.operation().error()),
    ] {
        assert!(ended);
        assert_eq!(error.unwrap().kind(), ErrorKind::Cancelled);
    }
    client.set_api_key("set");
    assert!(
        client.recover().start().wait(soon),
        "a key that is set needs no function"
    );
    let_go.send(()).unwrap();
    assert_eq!(client.close_blocking(Duration::from_secs(20)), 0);
}
