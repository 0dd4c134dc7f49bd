//! What the journal of a dead process knows, held against what the service holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ltx_jobs::{ErrorKind, SubmitState};
use ltx_jobs_emulator::Emulator;

use super::{client, once, request};

/// How many of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Jobs at the service.
    pub(super) made: usize,
    /// Of these, jobs that the journal knows.
    pub(super) known: usize,
    /// Submits of which nobody can tell.
    pub(super) unknown: usize,
}

/// Known jobs are on the server; what is on the server is known, or a submit that is listed as unknown; unknowns are at most the submits in flight. And
/// running the same script again pays for nothing twice.
pub(super) async fn check(emulator: &Emulator, folder: &Path, in_flight: usize) -> Account {
    let client = client(emulator.api_url(), &folder.join("journal"));
    let submits = client.jobs().await.unwrap();
    let known: BTreeSet<String> = submits
        .iter()
        .filter_map(|submit| submit.job.as_ref()?.id().map(str::to_owned))
        .collect();
    let unknown: BTreeSet<String> = submits
        .iter()
        .filter(|submit| submit.state == SubmitState::Unknown)
        .map(|submit| submit.once.clone().unwrap())
        .collect();
    let server = emulator.jobs();
    let ids: BTreeSet<String> = server.iter().map(|job| job.id.clone()).collect();
    assert!(
        known.is_subset(&ids),
        "known, but not on the server: {:?}",
        known.difference(&ids)
    );
    for job in server.iter().filter(|job| !known.contains(&job.id)) {
        let shot = shot(&job.body);
        assert!(
            unknown.contains(&once(shot)),
            "the job {} of shot {shot} is neither known nor listed as unknown",
            job.id
        );
    }
    assert!(
        unknown.len() <= in_flight,
        "{} unknown, at most {in_flight} in flight",
        unknown.len()
    );
    assert!(
        submits.iter().all(|submit| submit.state != SubmitState::Submitting),
        "the dead do not submit"
    );
    let account = Account {
        made: server.len(),
        known: known.len(),
        unknown: unknown.len(),
    };

    for submit in &submits {
        let number: u32 = submit.once.as_ref().unwrap()["shot".len()..].parse().unwrap();
        match client.submit(request(number)).once(once(number)).await {
            Ok(job) => {
                if let Some(before) = &submit.job {
                    assert_eq!(job.reference(), before);
                }
            }
            Err(error) => assert_eq!(
                (error.kind(), unknown.contains(&once(number))),
                (ErrorKind::SubmitUnknown, true),
                "{error}"
            ),
        }
    }
    let mut paid = BTreeMap::<u32, usize>::new();
    for job in emulator.jobs() {
        *paid.entry(shot(&job.body)).or_default() += 1;
    }
    assert!(paid.values().all(|jobs| *jobs == 1), "a shot was paid twice: {paid:?}");
    account
}

/// The number in a job's prompt.
pub(super) fn shot(body: &serde_json::Value) -> u32 {
    body["prompt"].as_str().unwrap()["shot ".len()..].parse().unwrap()
}
