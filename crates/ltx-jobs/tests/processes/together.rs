//! Several processes with one journal.

use std::collections::BTreeMap;
use std::time::Duration;

use ltx_jobs::{ErrorKind, SubmitState};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};

use super::account::{Account, check, shot};
use super::child::{Orders, Running};
use super::{ROUTE, client, once, request};

const SHOTS: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_submit_under_the_same_keys_pay_for_each_at_most_once_and_find_each_other_s_jobs() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let orders = Orders {
        jobs: SHOTS,
        at_once: 4,
        only_submit: true,
        ..Orders::new(&emulator, folder.path())
    };
    let children: Vec<_> = (0..4).map(|_| Running::start(&orders)).collect();
    let told = tokio::task::spawn_blocking(|| {
        children
            .into_iter()
            .map(|mut child| std::iter::from_fn(|| child.next_step()).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    })
    .await
    .unwrap();
    for steps in &told {
        assert_eq!(steps.last().map(String::as_str), Some("end"), "{told:?}");
        // Two that try the same key at the same moment step back, and say so.
        let others = |step: &&String| !["ready", "submitted", "failed InvalidState", "end"].contains(&step.as_str());
        assert_eq!(steps.iter().find(others), None, "{told:?}");
    }
    let before = emulator.jobs().len();
    assert!(before > 0, "{told:?}");
    assert_eq!(emulator.count("POST", ROUTE), before);
    let account = check(&emulator, folder.path(), 0).await;
    assert_eq!((account.made, account.known), (before, before));

    let client = client(emulator.api_url(), &folder.path().join("journal"));
    for number in 0..SHOTS {
        client.submit(request(number)).once(once(number)).await.unwrap();
    }
    let mut paid = BTreeMap::<u32, usize>::new();
    for job in emulator.jobs() {
        *paid.entry(shot(&job.body)).or_default() += 1;
    }
    assert_eq!(paid, (0..SHOTS).map(|number| (number, 1)).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_on_its_way_in_another_process_is_seen_as_such_until_that_process_dies() {
    let emulator = Emulator::start(Programme::default().with_fault("submit", Fault::new(Do::ReadAndNeverAnswer)))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let child = Running::start(&Orders::new(&emulator, folder.path()));
    while emulator.jobs().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let here = client(emulator.api_url(), &folder.path().join("journal"));
    let submit = here.jobs().await.unwrap().remove(0);
    assert_eq!(submit.state, SubmitState::Submitting);
    let again = here.submit(request(0)).once(once(0)).await.unwrap_err();
    assert_eq!(
        (again.kind(), again.is_retryable(), again.billing().name()),
        (ErrorKind::InvalidState, true, "unknown"),
        "{again}"
    );
    assert!(here.recover().await.unwrap().unknown.is_empty());
    let early = here.resolve(submit.intent.clone(), None).await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::InvalidState, "{early}");

    child.kill();
    let account = check(&emulator, folder.path(), 1).await;
    let expected = Account {
        made: 1,
        known: 0,
        unknown: 1,
    };
    assert_eq!(account, expected);
    let again = here.submit(request(0)).once(once(0)).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::SubmitUnknown, "{again}");
    assert_eq!(emulator.count("POST", ROUTE), 1);
}
