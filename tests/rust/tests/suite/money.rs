//! Whatever goes wrong, in whatever order: no more jobs are made than were asked and consented to, and none of them is lost.
//!
//! Seeded random programmes of faults meet random submits, some at the same time, some under one key, some cancelled. Each is judged by the service's own
//! list of jobs, by what the callers heard, and by what a later client reads in the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ltx_jobs::{Billing, Client, Error, ErrorKind, OnUnknown, Request, SubmitState};
use ltx_jobs_emulator::{Do, Emulator, Fault, LastStream, Programme};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::builder;

/// One submit.
#[derive(Debug, Clone)]
struct Asked {
    /// Which body it sends; several with the same body have the same `once` key.
    shot: usize,
    once: bool,
    consent: bool,
    cancel_after_ms: Option<u64>,
}

#[derive(Debug, Clone)]
struct Case {
    tls: bool,
    http2: bool,
    resets: u32,
    latency_ms: u64,
    faults: Vec<Fault>,
    submits: Vec<Asked>,
    at_once: usize,
}

fn status() -> impl Strategy<Value = Fault> {
    let known = vec![
        307, 400, 401, 402, 403, 404, 405, 408, 413, 415, 418, 422, 429, 500, 502, 503, 504, 529,
    ];
    let weighted = prop_oneof![
        2 => prop::sample::select(known),
        3 => prop::sample::select(vec![429, 503, 529, 500]),
    ];
    (weighted, any::<bool>(), any::<bool>()).prop_map(|(status, ours, asks)| {
        let mut fault = match status {
            307 => Fault {
                status: Some(307),
                to: Some("https://elsewhere.example.com/".to_owned()),
                ..Fault::new(Do::Redirect)
            },
            status => Fault::status(status),
        };
        if fault.r#do == Do::Status {
            if !ours {
                fault.request_id = Some(false);
                fault.body = Some("<html>not the service</html>".to_owned());
            }
            if asks {
                fault = fault.retry_after("0.004");
            }
        }
        fault
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let plain = prop::sample::select(vec![
        Do::CloseOnAccept,
        Do::CutBeforeHeaders,
        Do::CutAfterHeaders,
        Do::HalfStatusLine,
        Do::ReadAndNeverAnswer,
        Do::ReadAndClose,
        Do::NoId,
        Do::Html200,
        Do::NotFoundWithoutEnvelope,
        Do::H2RefusedStream,
    ]);
    let at = prop::sample::select(vec![Do::CutBody, Do::Stall, Do::TruncatedLength]);
    let what = prop_oneof![
        6 => plain.prop_map(Fault::new),
        3 => (at, 0_u64..80).prop_map(|(what, at)| Fault::at(what, at)),
        8 => status(),
        1 => (1_u64..20_000).prop_map(|speed| Fault { bytes_per_s: Some(speed), ..Fault::new(Do::Drip) }),
        1 => (1_u64..30).prop_map(|ms| Fault { for_ms: Some(ms), ..Fault::new(Do::RefuseConnections) }),
        2 => prop::sample::select(vec![LastStream::Ours, LastStream::Zero])
            .prop_map(|last| Fault { last_stream: Some(last), ..Fault::new(Do::H2Goaway) }),
    ];
    (what, any::<bool>(), 0_u32..3, 1_u32..4).prop_map(|(fault, reset, skip, times)| Fault {
        reset: reset && fault.r#do != Do::Status && fault.r#do != Do::Redirect,
        skip,
        times,
        ..fault
    })
}

fn case() -> impl Strategy<Value = Case> {
    let asked = (
        0_usize..8,
        any::<bool>(),
        any::<bool>(),
        prop::option::weighted(0.2, 0_u64..40),
    )
        .prop_map(|(shot, once, consent, cancel_after_ms)| Asked {
            shot,
            once,
            consent,
            cancel_after_ms,
        });
    (
        any::<bool>(),
        any::<bool>(),
        0_u32..4,
        prop::sample::select(vec![0, 0, 3]),
        prop::collection::vec(fault(), 0..12),
        prop::collection::vec(asked, 1..12),
        1_usize..6,
    )
        .prop_map(|(tls, http2, resets, latency_ms, faults, mut submits, at_once)| {
            // Without a key, each submit is a shot of its own.
            for (number, asked) in submits.iter_mut().enumerate().filter(|(_, asked)| !asked.once) {
                asked.shot = 100 + number;
            }
            Case {
                tls,
                http2,
                resets,
                latency_ms,
                faults,
                submits,
                at_once,
            }
        })
}

fn request(shot: usize) -> Request {
    Request::raw(
        "text-to-video",
        json!({"prompt": format!("shot {shot}"), "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"}),
    )
    .unwrap()
}

/// What one caller heard: the id of a job, or an error.
async fn one(client: Client, asked: Asked) -> (Asked, Result<String, Error>) {
    let mut submit = client.submit(request(asked.shot)).label(format!("shot {}", asked.shot));
    if asked.once {
        submit = submit.once(format!("key {}", asked.shot));
    }
    if asked.consent {
        submit = submit.on_unknown(OnUnknown::AcceptDoubleCharge);
    }
    let operation = submit.start().operation().clone();
    if let Some(ms) = asked.cancel_after_ms {
        let cancelled = operation.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            cancelled.cancel();
        });
    }
    let heard = operation.await.map(|job| job.id().to_owned());
    (asked, heard)
}

/// What is known of one shot, from all sides.
#[derive(Debug, Default)]
struct Shot {
    /// Jobs at the service.
    made: BTreeSet<String>,
    /// Jobs given to a caller.
    returned: BTreeSet<String>,
    /// Jobs in the journal.
    recorded: BTreeSet<String>,
    /// Submits asked for that may make a job of their own.
    asked: usize,
    /// Attempts of unknown outcome in the journal.
    doubts: usize,
    /// Jobs whose id is lost, in the journal.
    lost: usize,
    /// Attempts of unknown outcome of a submit that accepted a double charge: each is a consent to send it again.
    consents: usize,
    /// Whether every caller heard that nothing is owed.
    told_no_job: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    cases: usize,
    submits: usize,
    made: usize,
    returned: usize,
    doubts: usize,
    consents: usize,
}

async fn play(case: &Case) -> Result<Sum, TestCaseError> {
    let mut programme = Programme::default();
    programme.api.latency_ms = case.latency_ms;
    programme.listen.reset_first_connections = case.resets;
    for fault in &case.faults {
        programme = programme.with_fault("submit", fault.clone());
    }
    let emulator = Emulator::builder()
        .tls(case.tls)
        .http2(case.http2)
        .programme(programme)
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let make = || {
        builder(&emulator)
            .journal(folder.path())
            .poll_interval(Duration::from_secs(3600))
            .submit_timeout(Duration::from_millis(120))
            .build()
            .unwrap()
    };
    let client = make();
    let places = Arc::new(Semaphore::new(case.at_once));
    let mut running = JoinSet::new();
    for asked in case.submits.clone() {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let client = client.clone();
        running.spawn(async move {
            let heard = one(client, asked).await;
            drop(place);
            heard
        });
    }
    let heard = running.join_all().await;
    prop_assert!(
        client.close(Duration::from_secs(20)).await,
        "a paid POST was never finished"
    );
    drop(client);

    let mut shots = BTreeMap::<usize, Shot>::new();
    for (asked, outcome) in &heard {
        let shot = shots.entry(asked.shot).or_insert_with(|| Shot {
            told_no_job: true,
            ..Shot::default()
        });
        shot.told_no_job &= matches!(outcome, Err(error) if *error.billing() == Billing::NoJob);
        if let Ok(id) = outcome {
            shot.returned.insert(id.clone());
        }
        if let Err(error) = outcome {
            prop_assert!(
                *error.billing() == Billing::NoJob || !error.is_retryable() || error.kind() == ErrorKind::InvalidState,
                "retryable, though a job may exist: {error:?}"
            );
        }
        // Under one key, all of them together ask for one job; a refusal frees the key for another try.
        shot.asked = 1;
    }
    let later = make();
    let listed = later.jobs().await.unwrap();
    let unknown: BTreeSet<String> = later
        .recover()
        .await
        .unwrap()
        .unknown
        .iter()
        .map(|submit| submit.intent.to_string())
        .collect();
    let consenting: BTreeSet<usize> = case
        .submits
        .iter()
        .filter(|asked| asked.consent)
        .map(|asked| asked.shot)
        .collect();
    for submit in &listed {
        let number: usize = submit.label.as_deref().unwrap()["shot ".len()..].parse().unwrap();
        let shot = shots.get_mut(&number).unwrap();
        shot.recorded
            .extend(submit.job.as_ref().and_then(|job| job.id()).map(str::to_owned));
        shot.doubts += submit.doubts as usize;
        shot.lost += usize::from(submit.state == SubmitState::IdLost);
        if consenting.contains(&number) {
            shot.consents += submit.doubts as usize;
        } else {
            prop_assert!(
                submit.doubts <= 1,
                "sent again after a doubt, without consent: {submit:?}"
            );
        }
        let in_doubt = matches!(submit.state, SubmitState::Unknown | SubmitState::IdLost);
        prop_assert_eq!(unknown.contains(&submit.intent.to_string()), in_doubt, "{:?}", submit);
        prop_assert!(
            submit.state != SubmitState::Submitting,
            "the closed do not submit: {submit:?}"
        );
    }
    for job in emulator.jobs() {
        let number: usize = job.body["prompt"].as_str().unwrap()["shot ".len()..].parse().unwrap();
        shots.get_mut(&number).unwrap().made.insert(job.id);
    }
    let mut sum = Sum {
        cases: 1,
        submits: heard.len(),
        ..Sum::default()
    };
    for (number, shot) in &shots {
        let known: BTreeSet<&String> = shot.returned.union(&shot.recorded).collect();
        prop_assert!(
            shot.made.len() <= shot.asked + shot.consents,
            "more jobs than asked and consented to: shot {number}: {shot:?}"
        );
        prop_assert!(
            known.iter().all(|id| shot.made.contains(*id)),
            "a job that is not there: shot {number}: {shot:?}"
        );
        prop_assert!(
            shot.returned.is_subset(&shot.recorded),
            "returned, not recorded: shot {number}: {shot:?}"
        );
        prop_assert!(
            shot.made.len() <= known.len() + shot.doubts + shot.lost,
            "a job is neither returned, nor recorded, nor listed as unknown: shot {number}: {shot:?}"
        );
        prop_assert!(
            !shot.told_no_job || shot.made.is_empty(),
            "everybody heard that nothing is owed: shot {number}: {shot:?}"
        );
        sum.made += shot.made.len();
        sum.returned += shot.returned.len();
        sum.doubts += shot.doubts;
        sum.consents += shot.consents;
    }
    Ok(sum)
}

/// `LTX_JOBS_PROPERTY_CASES` asks for more cases.
#[test]
fn never_more_jobs_than_asked_and_consented_to_and_each_is_returned_recorded_or_listed_unknown() {
    let cases = std::env::var("LTX_JOBS_PROPERTY_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(64);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let sums = Mutex::new(Sum::default());
    let mut runner = TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(20_261_125),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    });
    let outcome = runner.run(&case(), |case| {
        let sum = runtime.block_on(play(&case))?;
        let mut sums = sums.lock().unwrap();
        sums.cases += sum.cases;
        sums.submits += sum.submits;
        sums.made += sum.made;
        sums.returned += sum.returned;
        sums.doubts += sum.doubts;
        sums.consents += sum.consents;
        Ok(())
    });
    let sum = *sums.lock().unwrap();
    // Past the test harness, which keeps what is printed to itself.
    let told = format!(
        "\n{} random programmes of faults: {} submits, {} jobs made, {} returned, {} attempts in doubt, {} of them with consent\n",
        sum.cases, sum.submits, sum.made, sum.returned, sum.doubts, sum.consents
    );
    std::io::stdout().lock().write_all(told.as_bytes()).unwrap();
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(sum.made > 0 && sum.doubts > 0 && sum.consents > 0, "{sum:?}");
}
