//! A child process is killed at every step of a job; what its journal knows afterwards must fit what the service holds.
//!
//! The child is this test binary itself, called with [`CHILD`] in its environment.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // A test; the child talks to its parent.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ltx_jobs::{Client, Request, SubmitState};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};
use serde_json::json;

const CHILD: &str = "LTX_JOBS_TEST_CHILD";

fn client(url: &str, journal: &Path) -> Client {
    Client::builder()
        .base_url(url)
        .api_key("emulator-key")
        .journal(journal)
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .backoff_cap(Duration::from_millis(10))
        .build()
        .unwrap()
}

fn request(number: u32) -> Request {
    let params =
        json!({"prompt": format!("shot {number}"), "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"});
    Request::raw("text-to-video", params).unwrap()
}

/// What the child does: submits one job after the other and saves each, saying each step, until it is killed.
#[test]
fn child() {
    let Ok(arguments) = std::env::var(CHILD) else { return };
    let mut arguments = arguments.split('\n');
    let (url, folder, jobs) = (
        arguments.next().unwrap(),
        arguments.next().unwrap(),
        arguments.next().unwrap(),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = client(url, &Path::new(folder).join("journal"));
        println!("\nstep ready");
        for number in 0..jobs.parse().unwrap() {
            let once = format!("shot{number}");
            let Ok(job) = client.submit(request(number)).once(once).await else {
                continue;
            };
            println!("\nstep submitted");
            let done = job.wait().await.unwrap();
            println!("\nstep completed");
            done.download(Path::new(folder).join(number.to_string())).await.unwrap();
            println!("\nstep saved");
        }
    });
    println!("\nstep end");
}

fn start_child(emulator: &Emulator, folder: &Path, jobs: u32) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, format!("{}\n{}\n{jobs}", emulator.api_url(), folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (
        child,
        lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("step ").map(str::to_owned)),
    )
}

/// Known jobs are on the server; what is on the server is known or unknown; unknowns are at most the submits in flight.
async fn check_account(emulator: &Emulator, folder: &Path, in_flight: usize) {
    let client = client(emulator.api_url(), &folder.join("journal"));
    let submits = client.jobs().await.unwrap();
    let known: BTreeSet<String> = submits
        .iter()
        .filter_map(|submit| submit.job.as_ref()?.id().map(str::to_owned))
        .collect();
    let unknown = submits
        .iter()
        .filter(|submit| submit.state == SubmitState::Unknown)
        .count();
    let server: BTreeSet<String> = emulator.jobs().iter().map(|job| job.id.clone()).collect();
    assert!(
        known.is_subset(&server),
        "known, but not on the server: {:?}",
        known.difference(&server)
    );
    let lost = server.difference(&known).count();
    assert!(
        lost <= unknown,
        "{lost} jobs on the server are neither known nor unknown ({unknown} unknown)"
    );
    assert!(unknown <= in_flight, "{unknown} unknown, at most {in_flight} in flight");
    assert!(
        submits.iter().all(|submit| submit.state != SubmitState::Submitting),
        "the dead do not submit"
    );
}

async fn killed_after(step: &str, programme: Programme) {
    let emulator = Emulator::start(programme).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut steps) = start_child(&emulator, folder.path(), 3);
    let (step, path) = (step.to_owned(), folder.path().to_owned());
    let killed = tokio::task::spawn_blocking(move || {
        assert!(steps.any(|said| said == step), "the child never said {step:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        path
    });
    check_account(&emulator, &killed.await.unwrap(), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_anything_and_after_every_step() {
    for step in ["ready", "submitted", "completed", "saved"] {
        killed_after(step, Programme::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_reply_is_awaited_the_submit_is_unknown_and_never_sent_again() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    emulator
        .push_fault("submit", Fault::new(Do::ReadAndNeverAnswer))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _steps) = start_child(&emulator, folder.path(), 1);
    while emulator.count("POST", "/v2/text-to-video") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    check_account(&emulator, folder.path(), 1).await;

    let client = client(emulator.api_url(), &folder.path().join("journal"));
    let recovered = client.recover().await.unwrap();
    assert_eq!(recovered.unknown.len(), 1);
    assert_eq!(recovered.unknown[0].once.as_deref(), Some("shot0"));
    let again = client.submit(request(0)).once("shot0").await.unwrap_err();
    assert_eq!(again.kind(), ltx_jobs::ErrorKind::SubmitUnknown, "{again}");
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);

    // The user looked at the account and found the job.
    let found = emulator.jobs()[0].id.clone();
    let job = ltx_jobs::JobRef::job("text-to-video", found).unwrap();
    client
        .resolve(recovered.unknown[0].intent.clone(), Some(job.clone()))
        .await
        .unwrap();
    let same = client.submit(request(0)).once("shot0").await.unwrap();
    assert_eq!(same.reference(), &job);
    same.wait().await.unwrap();
    assert_eq!(emulator.count("POST", "/v2/text-to-video"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_script_run_again_pays_for_nothing_twice() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for step in ["submitted", "completed", "saved", "end"] {
        let (mut child, mut steps) = start_child(&emulator, folder.path(), 3);
        tokio::task::spawn_blocking(move || {
            assert!(steps.any(|said| said == step), "the child never said {step:?}");
            child.kill().unwrap();
            child.wait().unwrap();
        })
        .await
        .unwrap();
    }
    assert_eq!(emulator.jobs().len(), 3);
    for number in 0..3 {
        assert!(folder.path().join(number.to_string()).join("video.mp4").is_file());
    }
}

/// Rounds at seeded random moments; `LTX_JOBS_KILL_ROUNDS` asks for more.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments() {
    let rounds: u64 = std::env::var("LTX_JOBS_KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(25);
    for round in 0..rounds {
        let emulator = Emulator::start(Programme::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (mut child, mut steps) = start_child(&emulator, folder.path(), 50);
        // A different, but repeatable, number of steps and microseconds after them.
        let mut random = fastrand::Rng::with_seed(round);
        let (steps_before, delay) = (random.usize(1..12), Duration::from_micros(random.u64(0..8000)));
        tokio::task::spawn_blocking(move || {
            steps.nth(steps_before - 1).unwrap();
            std::thread::park_timeout(delay);
            child.kill().unwrap();
            child.wait().unwrap();
        })
        .await
        .unwrap();
        check_account(&emulator, folder.path(), 1).await;
    }
}
