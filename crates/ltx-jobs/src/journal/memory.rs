//! Journals that leave nothing on disk.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::{Ledger, Source};
use super::{Entry, Fate, Intent, Journal, Once, Place, SavedTo};
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobRef;
use crate::model::Status;

/// A journal in memory: `once` keys and unknown outcomes are known as long as the client lives.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal(Mutex<Ledger>);

impl MemoryJournal {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once> {
        Ok(self.lock().once(key, fingerprint, None))
    }

    fn begin(&self, intent: Intent) -> Result<Once> {
        let mut ledger = self.lock();
        if let Some(key) = &intent.once {
            let known = ledger.once(key, &intent.fingerprint, None);
            if known != Once::Free {
                return Ok(known);
            }
        }
        ledger.add(intent, String::new(), Source::OWN);
        Ok(Once::Free)
    }

    fn settle(&self, intent: &str, fate: Fate) -> Result<()> {
        let mut ledger = self.lock();
        if !ledger.is_own(intent) {
            return Err(unknown_intent(intent));
        }
        ledger.settle(intent, fate, "");
        Ok(())
    }

    fn same(&self, intent: &str, other: &str) -> Result<()> {
        self.lock().same(intent.to_owned(), other.to_owned());
        Ok(())
    }

    fn resolve(&self, intent: &str, job: Option<JobRef>) -> Result<()> {
        let mut ledger = self.lock();
        if !ledger.is_own(intent) {
            return Err(unknown_intent(intent));
        }
        ledger.resolve(intent, job, "");
        Ok(())
    }

    fn fate(&self, intent: &str) -> Result<Option<Fate>> {
        Ok(self.lock().fate(intent))
    }

    fn ended(&self, job: &JobRef, status: &Status) -> Result<()> {
        self.lock().ended(job, status, "");
        Ok(())
    }

    fn saved(&self, job: &JobRef, to: Option<SavedTo>) -> Result<()> {
        self.lock().saved(job, to);
        Ok(())
    }

    fn places_saved(&self, job: &JobRef) -> Result<Vec<SavedTo>> {
        Ok(self.lock().places_saved(job))
    }

    fn knows(&self, job: &JobRef) -> Result<bool> {
        Ok(self.lock().knows(job))
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        // One client, one account: whatever key it uses now, these are its own.
        Ok(self.lock().entries(""))
    }

    fn place(&self) -> Result<Place> {
        Ok(Place::Memory { instead_of: None })
    }
}

fn unknown_intent(intent: &str) -> Error {
    Error::new(
        ErrorKind::Journal,
        format!("the journal does not know the intent {intent}"),
    )
}

/// A journal that forgets at once, for callers who switched it off. `once` keys cannot be honoured without one.
#[derive(Debug, Default)]
pub(crate) struct NoJournal;

impl Journal for NoJournal {
    fn once(&self, key: &str, _: &str) -> Result<Once> {
        Err(Error::new(
            ErrorKind::Config,
            format!("once = {key:?} needs a journal, and it is off"),
        )
        .with_advice("switch the journal on, or leave `once` out"))
    }

    fn begin(&self, intent: Intent) -> Result<Once> {
        match &intent.once {
            Some(key) => self.once(key, &intent.fingerprint),
            None => Ok(Once::Free),
        }
    }

    fn settle(&self, _: &str, _: Fate) -> Result<()> {
        Ok(())
    }

    fn same(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    fn resolve(&self, _: &str, _: Option<JobRef>) -> Result<()> {
        Ok(())
    }

    fn fate(&self, _: &str) -> Result<Option<Fate>> {
        Ok(None)
    }

    fn ended(&self, _: &JobRef, _: &Status) -> Result<()> {
        Ok(())
    }

    fn saved(&self, _: &JobRef, _: Option<SavedTo>) -> Result<()> {
        Ok(())
    }

    fn places_saved(&self, _: &JobRef) -> Result<Vec<SavedTo>> {
        Ok(Vec::new())
    }

    fn knows(&self, _: &JobRef) -> Result<bool> {
        Ok(false)
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        Ok(Vec::new())
    }

    fn place(&self) -> Result<Place> {
        Ok(Place::Nowhere)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn intent(id: &str, once: &str, fingerprint: &str) -> Intent {
        Intent {
            id: id.into(),
            endpoint: "retake".into(),
            fingerprint: fingerprint.into(),
            once: Some(once.into()),
            label: None,
            dest: None,
            usd: None,
            began_at: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_key_is_taken_until_its_job_turns_out_to_cost_nothing() {
        let journal = MemoryJournal::default();
        let job = JobRef::job("retake", "j1").unwrap();
        assert_eq!(journal.begin(intent("i1", "k", "f")).unwrap(), Once::Free);
        assert_eq!(
            journal.begin(intent("i2", "k", "f")).unwrap(),
            Once::Same {
                intent: "i1".into(),
                fate: Fate::Open
            }
        );
        journal.settle("i1", Fate::Accepted(job.clone())).unwrap();
        assert_eq!(
            journal.once("k", "f").unwrap(),
            Once::Same {
                intent: "i1".into(),
                fate: Fate::Accepted(job.clone())
            }
        );
        assert_eq!(
            journal.once("k", "g").unwrap(),
            Once::Other {
                intent: Box::new(intent("i1", "k", "f"))
            }
        );
        assert_eq!(journal.once("other", "g").unwrap(), Once::Free);
        journal.ended(&job, &Status::Failed).unwrap();
        assert_eq!(journal.begin(intent("i3", "k", "g")).unwrap(), Once::Free);
    }

    #[test]
    fn a_completed_job_keeps_its_key() {
        let journal = MemoryJournal::default();
        let job = JobRef::job("retake", "j1").unwrap();
        journal.begin(intent("i1", "k", "f")).unwrap();
        journal.settle("i1", Fate::Accepted(job.clone())).unwrap();
        journal.ended(&job, &Status::Completed).unwrap();
        assert_eq!(
            journal.once("k", "f").unwrap(),
            Once::Same {
                intent: "i1".into(),
                fate: Fate::Accepted(job)
            }
        );
    }

    #[test]
    fn an_unknown_outcome_keeps_its_key() {
        let journal = MemoryJournal::default();
        journal.begin(intent("i1", "k", "f")).unwrap();
        journal.settle("i1", Fate::Unknown { request_id: None }).unwrap();
        assert!(matches!(
            journal.once("k", "f").unwrap(),
            Once::Same {
                fate: Fate::Unknown { .. },
                ..
            }
        ));
    }

    #[test]
    fn without_a_journal_a_once_key_is_an_error() {
        assert_eq!(
            NoJournal.begin(intent("i1", "k", "f")).unwrap_err().kind(),
            ErrorKind::Config
        );
    }
}
