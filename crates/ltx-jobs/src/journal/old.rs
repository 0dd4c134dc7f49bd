//! Which journal files may go: those that are old, whose writer is gone, and that have nothing left to tell. Pure.

use std::time::Duration;

use super::Fate;
use super::ledger::{Ledger, Source};
use super::record::Record;
use crate::job::JobRef;

/// How long a file is kept after its last record, and with it what it knows of `once` keys.
pub(super) const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whether one file tells what became of a submit that another file began: an outcome, an end, a settlement. It must outlive that file.
pub(super) fn tells_of(teller: &[Record], beginner: &[Record]) -> bool {
    let begun = |intent: &String| {
        beginner
            .iter()
            .any(|record| matches!(record, Record::Intent { id, .. } if id == intent))
    };
    let holds = |job: &JobRef| {
        beginner
            .iter()
            .any(|record| matches!(record, Record::Accepted { job: known, .. } if known == job))
    };
    teller.iter().any(|record| match record {
        Record::Accepted { intent, .. }
        | Record::Refused { intent, .. }
        | Record::Unknown { intent, .. }
        | Record::IdLost { intent, .. }
        | Record::Resolved { intent, .. } => begun(intent),
        Record::Same { other, .. } => begun(other),
        Record::Ended { job, .. } | Record::Saved { job, .. } => holds(job),
        Record::Opened { .. } | Record::Intent { .. } | Record::Later => false,
    })
}

/// Whether everything in a file is settled, and it is old.
pub(super) fn is_settled(records: &[Record], age: Duration) -> bool {
    if age < KEPT {
        return false;
    }
    let mut ledger = Ledger::default();
    records
        .iter()
        .for_each(|record| ledger.apply(record.clone(), Source::OWN));
    ledger.entries("").iter().all(|entry| match &entry.fate {
        Fate::Refused | Fate::EndedUnbilled(_) => true,
        // A job is forgotten by the service a day after its end: after 30 days nothing can be fetched any more.
        Fate::Accepted(_) => true,
        Fate::Open | Fate::Unknown { .. } | Fate::IdLost { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(id: &str) -> Record {
        Record::Intent {
            id: id.into(),
            at: "2026-11-23T10:00:00.000Z".into(),
            endpoint: "retake".into(),
            key: "k".into(),
            fingerprint: "f".into(),
            once: Some("k".into()),
            label: None,
            dest: None,
            usd: None,
        }
    }

    #[test]
    fn a_settlement_is_told_of_the_file_that_began_it() {
        let told = [
            Record::Refused {
                intent: "i1".into(),
                at: "x".into(),
            },
            Record::Resolved {
                intent: "i1".into(),
                job: None,
                at: "x".into(),
            },
        ];
        for settled in told {
            let settled = [settled];
            assert!(tells_of(&settled, &[intent("i1")]));
            assert!(!tells_of(&settled, &[intent("i2")]));
            assert!(!tells_of(&[intent("i1")], &settled));
        }
    }

    #[test]
    fn only_old_files_without_doubts_may_go() {
        let old = KEPT + Duration::from_secs(24 * 3600);
        let accepted = Record::Accepted {
            intent: "i1".into(),
            job: JobRef::job("retake", "j1").unwrap(),
            at: "x".into(),
        };
        assert!(is_settled(&[intent("i1"), accepted.clone()], old));
        assert!(!is_settled(&[intent("i1"), accepted], old / 2));
        assert!(!is_settled(&[intent("i1")], old));
        let (unknown, lost) = (
            Record::Unknown {
                intent: "i1".into(),
                request_id: None,
                at: "x".into(),
            },
            Record::IdLost {
                intent: "i1".into(),
                request_id: None,
                at: "x".into(),
            },
        );
        assert!(!is_settled(&[intent("i1"), unknown], old));
        assert!(!is_settled(&[intent("i1"), lost], old));
    }
}
