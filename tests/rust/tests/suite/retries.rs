//! Retries are bounded for the whole client: thousands of operations that fail together must not become a storm.

use std::time::Duration;

use ltx_jobs::{Client, ErrorKind};
use ltx_jobs_emulator::{Emulator, Fault, Programme};
use tokio::task::JoinSet;

use crate::{ROUTE, builder, request};

/// Retries all operations of a client share.
const BUDGET: usize = 500;

async fn submit_at_once(client: &Client, submits: usize) {
    let mut running = JoinSet::new();
    for _ in 0..submits {
        let client = client.clone();
        running.spawn(async move { client.submit(request()).await.unwrap_err() });
    }
    for error in running.join_all().await {
        assert_eq!(
            (error.kind(), error.billing().name(), error.is_retryable()),
            (ErrorKind::Unavailable, "no_job", true),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_submits_of_a_client_share_one_budget_of_retries_and_another_client_has_its_own() {
    let emulator = Emulator::start(Programme::default().with_fault("submit", Fault::status(503).times(0)))
        .await
        .unwrap();
    let make = || {
        builder(&emulator)
            .backoff_base(Duration::from_millis(1))
            .backoff_cap(Duration::from_millis(1))
            .build()
            .unwrap()
    };
    let first = make();
    submit_at_once(&first, 20).await;
    assert_eq!(
        emulator.count("POST", ROUTE),
        20 + BUDGET,
        "20 submits, and the retries they share"
    );
    submit_at_once(&first, 5).await;
    assert_eq!(
        emulator.count("POST", ROUTE),
        25 + BUDGET,
        "nothing is left for later ones"
    );

    submit_at_once(&make(), 1).await;
    assert_eq!(emulator.count("POST", ROUTE), 26 + 2 * BUDGET);

    // Ten that go well pay for one more retry.
    emulator.reset(Programme::default()).unwrap();
    for _ in 0..10 {
        first.submit(request()).await.unwrap();
    }
    emulator.push_fault("submit", Fault::status(503).times(0)).unwrap();
    submit_at_once(&first, 1).await;
    assert_eq!(emulator.count("POST", ROUTE), 10 + 2);
}
