//! Hours without a service, in a moment: the clock of the runtime is stopped and leaps to the next timer.

use std::time::Duration;

use ltx_jobs::ErrorKind;
use ltx_jobs_emulator::{Emulator, Origin, Programme};
use tokio::time::Instant;

use crate::{builder, request};

const HOURS: Duration = Duration::from_secs(5 * 3600);

#[tokio::test]
async fn five_hours_without_a_service_do_not_end_a_wait_and_few_polls_are_sent_meanwhile() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = builder(&emulator)
        .poll_interval(Duration::from_secs(5))
        .backoff_base(Duration::from_secs(1))
        .backoff_cap(Duration::from_secs(30))
        .build()
        .unwrap();
    let job = client.submit(request()).await.unwrap();
    emulator.refuse_connections(Origin::Api, None).await;

    tokio::time::pause();
    let began = Instant::now();
    let error = job.wait().timeout(HOURS).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.billing().name()),
        (ErrorKind::WaitTimeout, "job_exists"),
        "{error:?}"
    );
    assert!(began.elapsed() >= HOURS);
    let snapshot = job.snapshot();
    assert!(snapshot.unreachable_since.is_some(), "{snapshot:?}");
    assert!(!snapshot.is_ended());

    emulator.accept_connections(Origin::Api).await;
    let done = job.wait().timeout(HOURS).await;
    assert!(done.is_ok(), "{done:?}");
    assert!(job.snapshot().unreachable_since.is_none());
}
