//! Many jobs on one client: all of them polled to their end, on few connections, whether or not anybody holds a handle.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ltx_jobs::{Client, Job};
use ltx_jobs_emulator::{Emulator, Programme};
use tokio::task::JoinSet;

use crate::{ROUTE, builder, client, request, until};

const JOBS: usize = 2000;

async fn submit_many(client: &Client, count: usize) -> Vec<Job> {
    let mut submits = JoinSet::new();
    let mut jobs = Vec::new();
    for _ in 0..count {
        if submits.len() == 16 {
            jobs.push(submits.join_next().await.unwrap().unwrap());
        }
        let client = client.clone();
        submits.spawn(async move { client.submit(request()).await.unwrap() });
    }
    jobs.extend(submits.join_all().await);
    jobs
}

async fn run_many(emulator: &Emulator, client: &Client) -> usize {
    let jobs = submit_many(client, JOBS).await;
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
async fn thousands_of_jobs_are_polled_to_their_end_on_a_bounded_number_of_connections() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = builder(&emulator)
        .poll_interval(Duration::from_millis(200))
        .build()
        .unwrap();
    let connections = run_many(&emulator, &client).await;
    // At most 64 polls are in flight. The HTTP library opens a connection beside one that is about to become free, so there may be some more; never one
    // for each of 2,000 jobs or 6,000 polls.
    assert!(connections <= 128, "{connections} connections for the polls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_jobs_share_a_few_connections_where_the_service_speaks_http2() {
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

/// Polls in flight at most; so many may overtake each other on their way.
const IN_FLIGHT: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_polls_cannot_keep_up_no_job_is_asked_for_twice_before_every_other_was_asked_for_once() {
    const JOBS: usize = 600;
    let mut programme = Programme::default();
    programme.job.pending_polls = u32::MAX;
    let emulator = Emulator::start(programme).await.unwrap();
    // One client submits and does not poll; the other polls what the first has submitted, as fast as it may.
    let submitter = builder(&emulator)
        .poll_interval(Duration::from_secs(3600))
        .build()
        .unwrap();
    let jobs = submit_many(&submitter, JOBS).await;
    let poller = builder(&emulator)
        .poll_interval(Duration::from_millis(1))
        .build()
        .unwrap();
    let waits: Vec<_> = jobs
        .iter()
        .map(|job| poller.job(job.reference().clone()).unwrap().wait().start())
        .collect();
    until("five polls of each job", || {
        emulator.jobs().iter().all(|job| job.polls >= 5)
    })
    .await;
    waits.iter().for_each(|wait| wait.cancel());

    let polls: Vec<String> = emulator
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET")
        .map(|request| request.path)
        .collect();
    let mut last = HashMap::new();
    let mut begun = false;
    for (place, job) in polls.iter().enumerate() {
        if let Some(before) = last.insert(job, place)
            && begun
        {
            let between: HashSet<&String> = polls[before + 1..place].iter().collect();
            assert!(
                between.len() + 1 + 2 * IN_FLIGHT >= JOBS,
                "{job} was asked for again after {} of {JOBS} others",
                between.len()
            );
        }
        begun |= last.len() == JOBS;
    }
    assert!(begun);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_refused_key_hundreds_of_jobs_fall_silent_and_with_a_new_one_all_go_on() {
    const JOBS: usize = 300;
    let mut programme = Programme::default();
    programme.job.pending_polls = 3;
    let emulator = Emulator::start(programme).await.unwrap();
    let submitter = builder(&emulator)
        .poll_interval(Duration::from_secs(3600))
        .build()
        .unwrap();
    let jobs = submit_many(&submitter, JOBS).await;
    let client = builder(&emulator).api_key("stale").build().unwrap();
    let jobs: Vec<Job> = jobs
        .iter()
        .map(|job| client.job(job.reference().clone()).unwrap())
        .collect();
    let waits: Vec<_> = jobs.iter().map(|job| job.wait().start()).collect();
    for wait in waits {
        assert_eq!(wait.await.unwrap_err().kind(), ltx_jobs::ErrorKind::Unauthenticated);
    }
    let refused = emulator.count("GET", "*");
    assert!(refused <= IN_FLIGHT, "{refused} polls with a refused key");
    // Asking by hand is always allowed.
    assert_eq!(
        jobs[0].poll().await.unwrap_err().kind(),
        ltx_jobs::ErrorKind::Unauthenticated
    );

    client.set_api_key(emulator.api_key());
    let waits: Vec<_> = jobs.iter().map(|job| job.wait().start()).collect();
    for wait in waits {
        wait.await.unwrap();
    }
}
