//! A batch: every item has its outcome, nothing is paid twice, and started again it goes on where it was.
#![allow(clippy::unwrap_used)] // A test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ltx_jobs::{
    Batch, BatchItem, BatchOutcome, BatchRun, BatchState, Client, ErrorKind, Handover, HandoverPlace, Media,
    SaveHandover, TextToVideo, Usd, VideoToVideoHdr,
};
use ltx_jobs_emulator::programme::{Advance, ErrorBody};
use ltx_jobs_emulator::{Emulator, Fault, Programme};
use sha2::{Digest as _, Sha256};

const SUBMIT: &str = "/v2/text-to-video";

fn client(emulator: &Emulator, journal: &Path) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .journal(journal)
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .build()
        .unwrap()
}

fn shot(key: &str) -> BatchItem {
    BatchItem::new(
        key,
        TextToVideo::new(format!("shot {key}"), "ltx-2-5-fast", Some(6), "1920x1080"),
    )
}

/// Pushes the items, and gives every outcome by key.
async fn all(batch: Batch, keys: &[&str]) -> BTreeMap<String, BatchOutcome> {
    let run = batch.start();
    for key in keys {
        run.push(shot(key)).await.unwrap();
    }
    rest(&run).await
}

async fn rest(run: &BatchRun) -> BTreeMap<String, BatchOutcome> {
    run.finish();
    let mut outcomes = BTreeMap::new();
    while let Some(outcome) = run.next().await {
        assert!(outcomes.insert(outcome.key.clone(), outcome).is_none(), "two outcomes");
    }
    let ended: u64 = run.snapshot().ended.iter().sum();
    assert_eq!(ended, run.snapshot().items, "{:?}", run.snapshot());
    outcomes
}

fn states(outcomes: &BTreeMap<String, BatchOutcome>) -> Vec<(&str, BatchState)> {
    outcomes
        .iter()
        .map(|(key, outcome)| (key.as_str(), outcome.state))
        .collect()
}

/// The service reads the whole request and closes the connection.
fn lost_reply() -> Fault {
    serde_json::from_str(r#"{"do": "read_and_close"}"#).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_is_saved_once_and_the_same_batch_again_asks_nobody() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let (journal, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = ["sh010", "sh020", "reel2/sh030"];
    let first = client(&emulator, journal.path());
    let outcomes = all(first.batch("film").dest(dest.path()), &keys).await;
    for outcome in outcomes.values() {
        assert_eq!(outcome.state, BatchState::Saved, "{outcome:?}");
        assert!(outcome.paths.iter().all(|path| path.is_file()) && !outcome.paths.is_empty());
    }
    assert!(dest.path().join("reel2/sh030/video.mp4").is_file());
    assert_eq!(emulator.jobs().len(), 3);

    let asked = emulator.requests().len();
    let again = client(&emulator, journal.path());
    let outcomes = all(again.batch("film").dest(dest.path()), &keys).await;
    assert!(
        outcomes.values().all(|outcome| outcome.state == BatchState::WasSaved),
        "{outcomes:?}"
    );
    assert_eq!(outcomes["sh010"].paths, [dest.path().join("sh010/video.mp4")]);
    assert_eq!(emulator.requests().len(), asked, "nobody was asked");

    // What is not there any more is fetched again, and not paid again.
    std::fs::remove_file(dest.path().join("sh010/video.mp4")).unwrap();
    let outcomes = all(again.batch("film").dest(dest.path()), &keys).await;
    assert_eq!(
        states(&outcomes),
        [
            ("reel2/sh030", BatchState::WasSaved),
            ("sh010", BatchState::Saved),
            ("sh020", BatchState::WasSaved)
        ]
    );
    // Another place is another place, and another name another batch.
    let elsewhere = tempfile::tempdir().unwrap();
    let outcomes = all(again.batch("film").dest(elsewhere.path()), &["sh010"]).await;
    assert_eq!(states(&outcomes), [("sh010", BatchState::Saved)]);
    assert_eq!(emulator.jobs().len(), 3);
    all(again.batch("reel2"), &["sh030"]).await;
    assert_eq!(emulator.jobs().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_fails_alone_and_is_tried_again_by_the_same_batch() {
    let mut programme = Programme::default();
    programme.job.outcome = ltx_jobs_emulator::programme::Outcome::Failed;
    let emulator = Emulator::start(programme).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = client(&emulator, journal.path());
    let failed = all(client.batch("film"), &["a"]).await;
    assert_eq!(states(&failed), [("a", BatchState::Failed)]);
    assert_eq!(failed["a"].error.as_ref().unwrap().billing().name(), "not_billed");
    emulator.push_fault("submit", Fault::status(422)).unwrap();
    emulator
        .reset(Programme::default().with_fault("submit", Fault::status(422)))
        .unwrap();
    let outcomes = all(client.batch("film").submits_at_once(1), &["refused", "a", "b"]).await;
    assert_eq!(
        states(&outcomes),
        [
            ("a", BatchState::Completed),
            ("b", BatchState::Completed),
            ("refused", BatchState::Failed)
        ]
    );
    assert_eq!(
        outcomes["refused"].error.as_ref().unwrap().kind(),
        ErrorKind::ContentFiltered
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unknown_is_told_and_never_submitted_again_without_consent() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = client(&emulator, journal.path());
    emulator.push_fault("submit", lost_reply()).unwrap();
    for _ in 0..2 {
        let outcomes = all(client.batch("film").submits_at_once(1), &["a", "b"]).await;
        assert_eq!(
            states(&outcomes),
            [("a", BatchState::Unknown), ("b", BatchState::Completed)]
        );
        assert!(outcomes["a"].job.as_ref().unwrap().is_intent());
    }
    assert_eq!(emulator.count("POST", SUBMIT), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_credits_pauses_it_and_the_rest_is_for_the_next_run() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = client(&emulator, journal.path());
    let mut empty = Fault::status(402);
    empty.envelope = Some(ErrorBody {
        kind: "insufficient_funds_error".into(),
        message: "no credits".into(),
    });
    emulator.push_fault("submit", empty).unwrap();
    let run = client.batch("film").submits_at_once(1).start();
    run.push(shot("a")).await.unwrap();
    // It is paused by the first; what comes after that is told at once.
    let first = run.next().await.unwrap();
    assert_eq!(first.state, BatchState::NotSubmitted);
    assert_eq!(first.error.as_ref().unwrap().kind(), ErrorKind::InsufficientFunds);
    while run.snapshot().paused.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.push(shot("b")).await.unwrap();
    let outcomes = rest(&run).await;
    assert_eq!(states(&outcomes), [("b", BatchState::NotSubmitted)]);
    assert!(run.snapshot().paused.unwrap().contains("account"));
    assert_eq!(emulator.count("POST", SUBMIT), 1);

    let outcomes = all(client.batch("film"), &["a", "b"]).await;
    assert!(outcomes.values().all(|outcome| outcome.state == BatchState::Completed));
    assert_eq!(emulator.jobs().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubts_in_a_row_pause_it_and_do_not_pause_the_next_run() {
    let mut programme = Programme::default();
    for _ in 0..3 {
        programme = programme.with_fault("submit", lost_reply());
    }
    let emulator = Emulator::start(programme).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = client(&emulator, journal.path());
    let outcomes = all(client.batch("film").submits_at_once(1), &["1", "2", "3", "4", "5"]).await;
    let unknown = outcomes
        .values()
        .filter(|outcome| outcome.state == BatchState::Unknown)
        .count();
    let left = outcomes
        .values()
        .filter(|outcome| outcome.state == BatchState::NotSubmitted)
        .count();
    assert_eq!((unknown, left, emulator.count("POST", SUBMIT)), (3, 2, 3));

    // Started again it tells them, and goes on with the others.
    let outcomes = all(client.batch("film").submits_at_once(1), &["1", "2", "3", "4", "5"]).await;
    let (unknown, completed) = (BatchState::Unknown, BatchState::Completed);
    assert_eq!(
        states(&outcomes),
        [
            ("1", unknown),
            ("2", unknown),
            ("3", unknown),
            ("4", completed),
            ("5", completed)
        ]
    );
    assert_eq!(emulator.count("POST", SUBMIT), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spend_limit_counts_what_runs_of_before_have_submitted() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let first = client(&emulator, journal.path());
    let cost = first
        .estimate(TextToVideo::new("shot a", "ltx-2-5-fast", Some(6), "1920x1080"))
        .await
        .unwrap()
        .usd;
    let text = |times: u32| -> Usd {
        let cents: f64 = cost.to_string().parse::<f64>().unwrap() * 100.0;
        Usd::from_cents(cents.round() as u32 * times)
    };
    let outcomes = all(
        first.batch("film").spend_limit(text(2)).submits_at_once(1),
        &["a", "b", "c"],
    )
    .await;
    assert_eq!(
        states(&outcomes),
        [
            ("a", BatchState::Completed),
            ("b", BatchState::Completed),
            ("c", BatchState::NotSubmitted)
        ]
    );
    assert_eq!(outcomes["c"].error.as_ref().unwrap().kind(), ErrorKind::CostLimit);
    // Another process; one more may be paid, and the first two are known.
    let again = client(&emulator, journal.path());
    let run = again.batch("film").spend_limit(text(3)).submits_at_once(1).start();
    for key in ["d", "c", "a", "b"] {
        run.push(shot(key)).await.unwrap();
    }
    let outcomes = rest(&run).await;
    assert_eq!(outcomes["d"].state, BatchState::Completed);
    assert_eq!(outcomes["c"].state, BatchState::NotSubmitted);
    assert_eq!(run.snapshot().committed, text(3));
    assert_eq!(emulator.jobs().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_batch_says_what_runs_and_goes_on_later_without_paying_twice() {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.processing_ms = 3_600_000;
    let emulator = Emulator::start(programme).await.unwrap();
    let (journal, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys: Vec<String> = (0..12).map(|number| format!("sh{number:03}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let first = client(&emulator, journal.path());
    let run = first.batch("film").dest(dest.path()).submits_at_once(2).start();
    for key in &keys {
        run.push(shot(key)).await.unwrap();
    }
    while emulator.jobs().len() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.stop();
    let outcomes = rest(&run).await;
    let running = outcomes
        .values()
        .filter(|outcome| outcome.state == BatchState::Running)
        .count();
    let left = outcomes
        .values()
        .filter(|outcome| outcome.state == BatchState::NotSubmitted)
        .count();
    assert_eq!(running + left, 12, "{:?}", states(&outcomes));
    assert_eq!(running, emulator.jobs().len());

    emulator.advance(Duration::from_secs(7200));
    let again = client(&emulator, journal.path());
    let run = again.batch("film").dest(dest.path()).start();
    for key in &keys {
        run.push(shot(key)).await.unwrap();
    }
    while emulator.jobs().len() < 12 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    emulator.advance(Duration::from_secs(7200));
    let outcomes = rest(&run).await;
    assert!(
        outcomes.values().all(|outcome| outcome.state == BatchState::Saved),
        "{outcomes:?}"
    );
    assert_eq!((emulator.jobs().len(), emulator.count("POST", SUBMIT)), (12, 12));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_urgent_is_submitted_first_and_a_key_is_there_once() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = client(&emulator, journal.path());
    // The first holds the only lane until all are in the queue.
    emulator.push_fault("submit", Fault::status(503)).unwrap();
    let run = client.batch("film").submits_at_once(1).start();
    run.push(shot("first")).await.unwrap();
    while run.snapshot().submitting == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.push_now(shot("later")).unwrap();
    run.push_now(shot("urgent").priority(5)).unwrap();
    let twice = run.push_now(shot("urgent")).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::InvalidRequest);
    let outcomes = rest(&run).await;
    assert_eq!(outcomes.len(), 3);
    assert_eq!(run.push_now(shot("late")).unwrap_err().kind(), ErrorKind::InvalidState);
    let prompts: Vec<String> = emulator
        .jobs()
        .iter()
        .map(|job| job.body["prompt"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(prompts, ["shot first", "shot urgent", "shot later"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_cannot_be_saved_keeps_its_job_for_the_next_run() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let (journal, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = client(&emulator, journal.path());
    std::fs::write(dest.path().join("a"), "in the way").unwrap();
    let outcomes = all(client.batch("film").dest(dest.path()), &["a", "b"]).await;
    assert_eq!(
        states(&outcomes),
        [("a", BatchState::Unsaved), ("b", BatchState::Saved)]
    );
    assert_eq!(outcomes["a"].error.as_ref().unwrap().billing().name(), "job_exists");
    std::fs::remove_file(dest.path().join("a")).unwrap();
    let outcomes = all(client.batch("film").dest(dest.path()), &["a", "b"]).await;
    assert_eq!(
        states(&outcomes),
        [("a", BatchState::Saved), ("b", BatchState::WasSaved)]
    );
    assert_eq!(emulator.jobs().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_a_closed_client_says_so() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = client(&emulator, journal.path());
    client.close(Duration::ZERO).await;
    let run = client.batch("film").start();
    assert_eq!(run.push(shot("a")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(run.next().await.is_none());
}

/// The next completed job; waits are not handed over.
async fn to_save(run: &BatchRun) -> Option<SaveHandover> {
    let Handover::Save(handover) = run.handed_over().await? else {
        unreachable!("a wait was handed over");
    };
    Some(handover)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pauses_a_batch_is_told_before_what_it_leaves() {
    let programme = r#"{"api": {"latency_ms": 100}, "fault": [{"route": "submit", "do": "status", "status": 402}]}"#;
    let emulator = Emulator::start(serde_json::from_str(programme).unwrap()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let run = client(&emulator, journal.path())
        .batch("film")
        .submits_at_once(1)
        .start();
    for key in ["a", "b", "c"] {
        run.push(shot(key)).await.unwrap();
    }
    run.finish();
    let first = run.next().await.unwrap();
    assert_eq!(
        first.error.map(|error| error.kind()),
        Some(ErrorKind::InsufficientFunds)
    );
    while let Some(left) = run.next().await {
        assert_eq!(left.state, BatchState::NotSubmitted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_batch_withdraws_what_is_not_on_the_wire_and_waits_for_what_runs() {
    let programme = r#"{"job": {"advance": "clock", "processing_ms": 3600000}}"#;
    let emulator = Emulator::start(serde_json::from_str(programme).unwrap()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .journal(journal.path())
        .poll_interval(Duration::from_millis(10))
        .max_concurrent_jobs(1)
        .build()
        .unwrap();
    let run = client.batch("film").submits_at_once(2).start();
    for key in ["a", "b", "c"] {
        run.push(shot(key)).await.unwrap();
    }
    // One runs, one is being submitted and waits for its place, one has not begun.
    while run.snapshot().running < 1 || run.snapshot().submitting < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run.pause("enough for today");
    run.finish();
    for _ in 0..2 {
        assert_eq!(run.next().await.unwrap().state, BatchState::NotSubmitted);
    }
    assert_eq!(run.snapshot().paused.as_deref(), Some("enough for today"));
    emulator.advance(Duration::from_secs(7200));
    assert_eq!(run.next().await.unwrap().state, BatchState::Completed);
    assert!(run.next().await.is_none());
    assert_eq!(emulator.jobs().len(), 1);
}

/// Brings home what is handed over, until the batch has ended; gives the keys in the order they came.
async fn bring_home(run: BatchRun) -> Vec<String> {
    let mut keys = Vec::new();
    while let Some(handover) = to_save(&run).await {
        keys.push(handover.key().to_owned());
        let HandoverPlace::Directory(dest) = handover.place().clone() else {
            handover.failed(ltx_jobs::Error::from_face(ErrorKind::Unsupported, "no directory"));
            continue;
        };
        match handover.completed().download_with(&dest.dir, dest.options()).await {
            Ok(saved) => {
                let files = saved.paths.into_iter().map(|path| {
                    let bytes = path.metadata().unwrap().len();
                    (path, bytes)
                });
                handover.saved(files.collect());
            }
            Err(error) => handover.failed(error),
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_is_saved_by_the_caller_and_counts_as_saved_in_the_next_run() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let (journal, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = client(&emulator, journal.path());
    let run = first.batch("film").dest(dest.path()).hand_over(2).start();
    let saver = tokio::spawn(bring_home(run.clone()));
    for key in ["a", "b", "c"] {
        run.push(shot(key)).await.unwrap();
    }
    let outcomes = rest(&run).await;
    let mut brought = saver.await.unwrap();
    brought.sort();
    assert_eq!(brought, ["a", "b", "c"]);
    for (key, outcome) in &outcomes {
        assert_eq!(outcome.state, BatchState::Saved, "{outcome:?}");
        assert_eq!(outcome.paths, [dest.path().join(key).join("video.mp4")]);
    }
    assert_eq!(
        run.snapshot().bytes,
        outcomes.values().map(|outcome| outcome.bytes).sum::<u64>()
    );
    assert!(run.snapshot().bytes > 0);

    // Another run, of another process for all it knows, hands nothing over and asks nobody.
    let asked = emulator.requests().len();
    let again = client(&emulator, journal.path());
    let outcomes = all(again.batch("film").dest(dest.path()).hand_over(2), &["a", "b", "c"]).await;
    assert!(
        outcomes.values().all(|outcome| outcome.state == BatchState::WasSaved),
        "{outcomes:?}"
    );
    assert_eq!(emulator.requests().len(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handed_over_and_not_brought_home_is_for_the_next_run() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let (journal, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = client(&emulator, journal.path());
    let batch = || client.batch("film").dest(dest.path()).hand_over(1);
    let run = batch().start();
    for key in ["a", "b", "c"] {
        run.push(shot(key)).await.unwrap();
    }
    let said = ltx_jobs::Error::from_face(ErrorKind::NoSpace, "the disk is full there");
    to_save(&run).await.unwrap().failed(said);
    // One that its taker lost.
    drop(to_save(&run).await.unwrap());
    // No more than one at a time is out; and stopping does not wait for it.
    let held = to_save(&run).await.unwrap();
    assert!(run.wait_handed_over(Some(Duration::from_millis(100))).is_none());
    run.stop();
    let outcomes = rest(&run).await;
    held.saved(Vec::new());
    assert!(
        outcomes.values().all(|outcome| outcome.state == BatchState::Unsaved),
        "{outcomes:?}"
    );
    let kinds: Vec<_> = outcomes
        .values()
        .map(|outcome| outcome.error.as_ref().unwrap().kind())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| **kind == ErrorKind::NoSpace).count(),
        1,
        "{kinds:?}"
    );
    assert_eq!(
        kinds.iter().filter(|kind| **kind == ErrorKind::Cancelled).count(),
        2,
        "{kinds:?}"
    );

    let run = batch().start();
    let saver = tokio::spawn(bring_home(run.clone()));
    for key in ["a", "b", "c"] {
        run.push(shot(key)).await.unwrap();
    }
    assert!(
        rest(&run)
            .await
            .values()
            .all(|outcome| outcome.state == BatchState::Saved)
    );
    assert_eq!(saver.await.unwrap().len(), 3);
    assert_eq!(emulator.jobs().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_items_for_one_place_take_turns_and_do_not_mix_their_frames() {
    let programme =
        r#"{"video": {"enabled": false}, "archive": {"frames": 24, "padding": 30000}, "storage": {"rate": 1000000}}"#;
    let emulator = Emulator::start(serde_json::from_str(programme).unwrap()).await.unwrap();
    let (journal, dest) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = client(&emulator, journal.path());
    let run = client.batch("film").saves_at_once(2).start();
    for key in ["a", "b"] {
        let clip = VideoToVideoHdr::new(Media::url(format!("https://cdn.example/{key}.mp4")));
        run.push(BatchItem::new(key, clip).dest(dest.path())).await.unwrap();
    }
    let mut outcomes: Vec<BatchOutcome> = rest(&run).await.into_values().collect();
    outcomes.sort_by_key(|outcome| outcome.state != BatchState::Saved);
    assert_eq!(outcomes[0].state, BatchState::Saved, "{outcomes:?}");
    assert_eq!(outcomes[1].state, BatchState::Unsaved, "{outcomes:?}");
    assert_eq!(outcomes[1].error.as_ref().unwrap().kind(), ErrorKind::Exists);

    let saved = outcomes[0].job.as_ref().unwrap().id().unwrap();
    let artifacts = emulator.artifacts().await.unwrap();
    let members = &artifacts.iter().find(|made| made.job == saved).unwrap().members;
    assert_eq!(members.len(), 24);
    for member in members {
        let path = dest.path().join("exr_frames").join(&member.name);
        let found: String = Sha256::digest(std::fs::read(&path).unwrap())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(found, member.sha256, "{} is of the other job", path.display());
    }
}
