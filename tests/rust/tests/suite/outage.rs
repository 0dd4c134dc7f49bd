//! Hours without a service, in a moment: the clock of the runtime is stopped and leaps to the next timer.

use std::time::Duration;

use ltx_jobs::{Client, ErrorKind};
use ltx_jobs_emulator::{Do, Emulator, Fault, Origin, Programme};
use tokio::time::Instant;

use crate::log::Log;
use crate::{builder, request};

const HOURS: Duration = Duration::from_secs(5 * 3600);

/// The times a user has.
fn patient(emulator: &Emulator) -> Client {
    builder(emulator)
        .poll_interval(Duration::from_secs(5))
        .backoff_base(Duration::from_secs(1))
        .backoff_cap(Duration::from_secs(30))
        .build()
        .unwrap()
}

#[tokio::test]
async fn five_hours_without_a_service_end_no_wait_and_show_in_snapshot_progress_and_log() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = patient(&emulator);
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(client.submit(request()).await.unwrap());
    }
    emulator.refuse_connections(Origin::Api, None).await;

    let log = Log::keep();
    tokio::time::pause();
    let began = Instant::now();
    let waits: Vec<_> = jobs.iter().map(|job| job.wait().timeout(HOURS).start()).collect();
    // Before the first minute is over nobody is alarmed.
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(log.lines("reachable"), [""; 0]);
    let (snapshot, progress) = (jobs[0].snapshot(), waits[0].snapshot());
    assert!(snapshot.unreachable_since.is_some(), "{snapshot:?}");
    assert_eq!(snapshot.last_error.unwrap().kind(), ErrorKind::Connect);
    assert!(progress.unreachable.is_some(), "{progress:?}");

    for (wait, job) in waits.into_iter().zip(&jobs) {
        let error = wait.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.billing().name()),
            (ErrorKind::WaitTimeout, "job_exists"),
            "{error:?}"
        );
        let snapshot = job.snapshot();
        assert!(
            snapshot.unreachable_since.is_some() && !snapshot.is_ended(),
            "{snapshot:?}"
        );
    }
    assert!(began.elapsed() >= HOURS);
    // One line for the outage, not one for each job, or for each of thousands of polls.
    let told = log.lines("has not been reachable for a minute");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("WARN") && told[0].contains("no connection"),
        "{told:?}"
    );

    emulator.accept_connections(Origin::Api).await;
    for job in &jobs {
        job.wait().timeout(HOURS).await.unwrap();
        assert!(job.snapshot().unreachable_since.is_none());
    }
    assert_eq!(log.lines("can be reached again").len(), 1);
    assert_eq!(log.lines("WARN").len(), 1);
}

#[tokio::test]
async fn a_second_outage_is_told_again_and_one_of_half_a_minute_is_not() {
    let mut programme = Programme::default();
    programme.job.pending_polls = u32::MAX;
    let emulator = Emulator::start(programme).await.unwrap();
    let client = patient(&emulator);
    let job = client.submit(request()).await.unwrap();
    let log = Log::keep();
    tokio::time::pause();
    for (seconds, told) in [(30, 0), (600, 1), (30, 1), (600, 2)] {
        // With the connection that is open, too.
        emulator.push_fault("poll", Fault::new(Do::RefuseConnections)).unwrap();
        while job.snapshot().unreachable_since.is_none() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        assert_eq!(log.lines("WARN").len(), told, "after an outage of {seconds} s");
        emulator.accept_connections(Origin::Api).await;
        while job.snapshot().unreachable_since.is_some() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test]
async fn an_unanswering_service_is_an_outage_too() {
    let emulator =
        Emulator::start(Programme::default().with_fault("poll", Fault::new(Do::ReadAndNeverAnswer).times(20)))
            .await
            .unwrap();
    let client = patient(&emulator);
    let job = client.submit(request()).await.unwrap();
    let log = Log::keep();
    tokio::time::pause();
    job.wait().timeout(HOURS).await.unwrap();
    assert_eq!(log.lines("has not been reachable for a minute").len(), 1);
}
