//! What is written down about submits, so that no job is paid twice and none is lost.
//!
//! The submit is built around the trait: an intent is recorded before the POST, its outcome before the caller hears of it. [`MemoryJournal`] keeps the
//! records as long as the client lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};
use crate::job::JobRef;

/// What is about to be submitted. No prompt, no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) endpoint: String,
    /// SHA-256 over endpoint, parameters and the content of inputs.
    pub(crate) fingerprint: String,
    pub(crate) once: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) began_at: SystemTime,
}

/// What became of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The POST may be on its way.
    Open,
    /// The service holds the job.
    Accepted(JobRef),
    /// Proof that no job exists.
    Refused,
    /// Nobody can tell. `request_id` when the service gave one.
    Unknown { request_id: Option<String> },
    /// The job ended without a bill: a `once` key is free again.
    EndedUnbilled(JobRef),
}

/// The journal's answer to a `once` key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Once {
    /// Nothing under this key that could be billed: go on.
    Free,
    /// The same request was submitted under this key: this is its intent.
    Same { intent: String, fate: Fate },
    /// Another request was submitted under this key.
    Other { intent: Box<Intent> },
}

/// Where submits are written down. Every method returns after the record is safe.
pub(crate) trait Journal: Send + Sync {
    /// What is known under a `once` key for a request with this fingerprint.
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once>;

    /// Records an intent. With a `once` key that another submit has taken meanwhile, nothing is recorded and its state is given back.
    fn begin(&self, intent: Intent) -> Result<Once>;

    /// Records what became of an intent.
    fn settle(&self, intent: &str, fate: Fate) -> Result<()>;

    /// What is known of an intent.
    fn fate(&self, intent: &str) -> Option<Fate>;

    /// Records that a job ended without a bill.
    fn ended_unbilled(&self, job: &JobRef);
}

/// A journal in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    intents: HashMap<String, (Intent, Fate)>,
    /// The latest intent of each `once` key.
    keys: HashMap<String, String>,
}

impl Records {
    fn once(&self, key: &str, fingerprint: &str) -> Once {
        let Some((intent, fate)) = self.keys.get(key).and_then(|id| self.intents.get(id)) else { return Once::Free };
        match fate {
            Fate::Refused | Fate::EndedUnbilled(_) => Once::Free,
            _ if intent.fingerprint != fingerprint => Once::Other { intent: Box::new(intent.clone()) },
            fate => Once::Same { intent: intent.id.clone(), fate: fate.clone() },
        }
    }
}

impl MemoryJournal {
    fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once> {
        Ok(self.lock().once(key, fingerprint))
    }

    fn begin(&self, intent: Intent) -> Result<Once> {
        let mut records = self.lock();
        if let Some(key) = intent.once.clone() {
            let known = records.once(&key, &intent.fingerprint);
            if known != Once::Free {
                return Ok(known);
            }
            records.keys.insert(key, intent.id.clone());
        }
        records.intents.insert(intent.id.clone(), (intent, Fate::Open));
        Ok(Once::Free)
    }

    fn settle(&self, intent: &str, fate: Fate) -> Result<()> {
        match self.lock().intents.get_mut(intent) {
            Some((_, known)) => {
                *known = fate;
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Journal, format!("the journal does not know the intent {intent}"))),
        }
    }

    fn fate(&self, intent: &str) -> Option<Fate> {
        self.lock().intents.get(intent).map(|(_, fate)| fate.clone())
    }

    fn ended_unbilled(&self, job: &JobRef) {
        for (_, fate) in self.lock().intents.values_mut() {
            if matches!(fate, Fate::Accepted(known) if known == job) {
                *fate = Fate::EndedUnbilled(job.clone());
            }
        }
    }
}

/// A journal that forgets at once, for callers who switched it off. `once` keys cannot be honoured without one.
#[derive(Debug, Default)]
pub(crate) struct NoJournal;

impl Journal for NoJournal {
    fn once(&self, key: &str, _: &str) -> Result<Once> {
        Err(Error::new(ErrorKind::Config, format!("once = {key:?} needs a journal, and it is off")).with_advice("switch the journal on, or leave `once` out"))
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

    fn fate(&self, _: &str) -> Option<Fate> {
        None
    }

    fn ended_unbilled(&self, _: &JobRef) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(id: &str, once: &str, fingerprint: &str) -> Intent {
        Intent {
            id: id.into(),
            endpoint: "retake".into(),
            fingerprint: fingerprint.into(),
            once: Some(once.into()),
            label: None,
            began_at: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_key_is_taken_until_its_job_turns_out_to_cost_nothing() {
        let journal = MemoryJournal::default();
        let job = JobRef::job("retake", "j1").unwrap();
        assert_eq!(journal.begin(intent("i1", "k", "f")).unwrap(), Once::Free);
        assert_eq!(journal.begin(intent("i2", "k", "f")).unwrap(), Once::Same { intent: "i1".into(), fate: Fate::Open });
        journal.settle("i1", Fate::Accepted(job.clone())).unwrap();
        assert_eq!(journal.once("k", "f").unwrap(), Once::Same { intent: "i1".into(), fate: Fate::Accepted(job.clone()) });
        assert_eq!(journal.once("k", "g").unwrap(), Once::Other { intent: Box::new(intent("i1", "k", "f")) });
        assert_eq!(journal.once("other", "g").unwrap(), Once::Free);
        journal.ended_unbilled(&job);
        assert_eq!(journal.begin(intent("i3", "k", "g")).unwrap(), Once::Free);
    }

    #[test]
    fn an_unknown_outcome_keeps_its_key() {
        let journal = MemoryJournal::default();
        journal.begin(intent("i1", "k", "f")).unwrap();
        journal.settle("i1", Fate::Unknown { request_id: None }).unwrap();
        assert!(matches!(journal.once("k", "f").unwrap(), Once::Same { fate: Fate::Unknown { .. }, .. }));
    }

    #[test]
    fn without_a_journal_a_once_key_is_an_error() {
        assert_eq!(NoJournal.begin(intent("i1", "k", "f")).unwrap_err().kind(), ErrorKind::Config);
    }
}
