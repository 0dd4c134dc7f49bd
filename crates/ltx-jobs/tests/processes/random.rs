//! Killed at random moments, with several submits on their way.

use std::io::Write as _;
use std::time::{Duration, Instant};

use ltx_jobs_emulator::{Emulator, Programme};
use tokio::task::JoinSet;

use super::account::{Account, check};
use super::child::{Orders, Running};

/// Rounds at the same time.
const ROUNDS_AT_ONCE: usize = 3;

/// One child and its end.
async fn round(seed: u64) -> Account {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut programme = Programme::default();
    programme.job.pending_polls = 1;
    programme.job.processing_polls = 0;
    let emulator = Emulator::start(programme).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at_once = random.usize(1..=8);
    let orders = Orders {
        jobs: 40,
        at_once,
        ..Orders::new(&emulator, folder.path())
    };
    // A different, but repeatable, number of steps and microseconds after them.
    let (steps, delay) = (random.usize(1..30), Duration::from_micros(random.u64(0..6000)));
    tokio::task::spawn_blocking(move || {
        let mut child = Running::start(&orders);
        for _ in 0..steps {
            child.next_step().unwrap();
        }
        let until = Instant::now() + delay;
        while Instant::now() < until {
            std::thread::yield_now();
        }
        child.kill();
    })
    .await
    .unwrap();
    check(&emulator, folder.path(), at_once).await
}

/// `LTX_JOBS_KILL_ROUNDS` asks for more rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_nothing_is_lost_and_nothing_is_paid_twice() {
    let rounds: u64 = std::env::var("LTX_JOBS_KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    let began = Instant::now();
    let (mut seeds, mut running, mut sum) = (0..rounds, JoinSet::new(), Account::default());
    loop {
        while running.len() < ROUNDS_AT_ONCE
            && let Some(seed) = seeds.next()
        {
            running.spawn(async move { (seed, tokio::spawn(round(seed)).await) });
        }
        let Some(done) = running.join_next().await else { break };
        let (seed, account) = done.unwrap();
        let account = account.unwrap_or_else(|error| panic!("round {seed}: {error}"));
        sum.made += account.made;
        sum.known += account.known;
        sum.unknown += account.unknown;
    }
    // Past the test harness, which keeps what is printed to itself.
    let told = format!(
        "\nkilled {rounds} times in {:.0} s: {} jobs made, {} known, {} submits unknown\n",
        began.elapsed().as_secs_f64(),
        sum.made,
        sum.known,
        sum.unknown
    );
    std::io::stdout().lock().write_all(told.as_bytes()).unwrap();
    assert!(
        sum.known > 0 && sum.unknown > 0,
        "the moments were not as random as they should be: {sum:?}"
    );
}
