//! Many jobs on one client: all of them polled to their end, on few connections, whether or not anybody holds a handle.

use std::collections::HashSet;
use std::time::Duration;

use ltx_jobs::Client;
use ltx_jobs_emulator::{Emulator, Programme};
use tokio::task::JoinSet;

use crate::{ROUTE, builder, client, request, until};

const JOBS: usize = 500;

async fn run_many(emulator: &Emulator, client: &Client) -> usize {
    let mut submits = JoinSet::new();
    let mut jobs = Vec::new();
    for _ in 0..JOBS {
        if submits.len() == 16 {
            jobs.push(submits.join_next().await.unwrap().unwrap());
        }
        let client = client.clone();
        submits.spawn(async move { client.submit(request()).await.unwrap() });
    }
    jobs.extend(submits.join_all().await);
    for job in &jobs {
        job.wait().timeout(Duration::from_secs(60)).await.unwrap();
    }
    assert_eq!(jobs.len(), JOBS);
    assert_eq!(emulator.count("POST", ROUTE), JOBS);
    let polls = emulator
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET");
    polls.map(|request| request.connection).collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_jobs_are_polled_to_their_end_on_a_bounded_number_of_connections() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = builder(&emulator)
        .poll_interval(Duration::from_millis(200))
        .build()
        .unwrap();
    let connections = run_many(&emulator, &client).await;
    // At most 64 polls are in flight. The HTTP library opens a connection beside one that is about to become free, so there may be some more; never one
    // for each of 500 jobs or 1,500 polls.
    assert!(connections <= 128, "{connections} connections for the polls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_jobs_share_a_few_connections_where_the_service_speaks_http2() {
    let emulator = Emulator::builder().tls(true).start().await.unwrap();
    let client = builder(&emulator)
        .poll_interval(Duration::from_millis(200))
        .build()
        .unwrap();
    let connections = run_many(&emulator, &client).await;
    assert!(connections <= 8, "{connections} connections for the polls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_whose_handles_are_dropped_are_polled_to_their_end_all_the_same() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = client(&emulator);
    let mut references = Vec::new();
    for _ in 0..10 {
        references.push(client.submit(request()).await.unwrap().reference().clone());
    }
    until("the end of all jobs", || {
        references
            .iter()
            .all(|reference| client.job(reference.clone()).unwrap().completed().is_some())
    })
    .await;
    let polls: u32 = emulator.jobs().iter().map(|job| job.polls).sum();
    assert_eq!(
        polls, 30,
        "one poll for pending, one for processing, one for the end, of each"
    );
}
