//! What all records say together. Pure.
//!
//! Records come in any order: files are read one after the other and again when they have grown, and what became of a submit may stand in another file
//! than the submit itself. So nothing here depends on the order: of two outcomes the surer one counts, of two equally sure ones the later.

use std::collections::HashMap;
use std::time::SystemTime;

use super::record::Record;
use super::{Entry, Fate, Intent, Once, SavedTo};
use crate::job::JobRef;
use crate::model::{Status, parse_time};

/// Whose records: a file, or this client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source(usize);

impl Source {
    /// This client.
    pub(super) const OWN: Self = Self(0);
}

/// How the writer of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Alive,
    Dead,
    /// Its file was removed: what it began is forgotten.
    Forgotten,
}

/// See the module's first lines.
#[derive(Debug)]
pub(super) struct Ledger {
    writers: Vec<Writer>,
    submits: Vec<Submit>,
    by_intent: HashMap<String, usize>,
    by_once: HashMap<String, Vec<usize>>,
    /// By intent, which may not have been read yet.
    outcomes: HashMap<String, Outcome>,
    jobs: HashMap<JobRef, JobFacts>,
    /// Intents that were never sent, and those that hold their `once` keys.
    same: HashMap<String, String>,
}

#[derive(Debug)]
struct Submit {
    intent: Intent,
    /// The fingerprint of the API key it was submitted with.
    key: String,
    source: Source,
}

#[derive(Debug)]
struct Outcome {
    fate: Fate,
    at: String,
    unknown: u32,
    resolved: bool,
}

#[derive(Debug, Default)]
struct JobFacts {
    /// Whether a submit became it.
    is_ours: bool,
    ended: Option<(String, Status)>,
    unbilled: bool,
    saved: bool,
    places: Vec<SavedTo>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            writers: vec![Writer::Alive],
            submits: Vec::new(),
            by_intent: HashMap::new(),
            by_once: HashMap::new(),
            outcomes: HashMap::new(),
            jobs: HashMap::new(),
            same: HashMap::new(),
        }
    }
}

/// How sure an outcome is. Never decided by time, because clocks differ between machines.
fn surety(fate: &Fate) -> u8 {
    match fate {
        Fate::Open => 0,
        Fate::Unknown { .. } => 1,
        Fate::IdLost { .. } => 2,
        // A refusal after one of these is somebody's settlement.
        Fate::Refused => 3,
        Fate::Accepted(_) | Fate::EndedUnbilled(_) => 4,
    }
}

impl Ledger {
    /// A new source, whose writer lives.
    pub(super) fn source(&mut self) -> Source {
        self.writers.push(Writer::Alive);
        Source(self.writers.len() - 1)
    }

    /// Says whether the writer of a source is gone.
    pub(super) fn set_orphan(&mut self, source: Source, orphan: bool) {
        if let Some(writer) = self.writers.get_mut(source.0) {
            *writer = if orphan { Writer::Dead } else { Writer::Alive };
        }
    }

    /// Forgets what was begun in a source.
    pub(super) fn forget(&mut self, source: Source) {
        if let Some(writer) = self.writers.get_mut(source.0) {
            *writer = Writer::Forgotten;
        }
    }

    /// Takes a record as it was read.
    pub(super) fn apply(&mut self, record: Record, source: Source) {
        match record {
            Record::Opened { .. } | Record::Later => {}
            Record::Intent {
                id,
                at,
                endpoint,
                key,
                fingerprint,
                once,
                label,
                dest,
                usd,
            } => {
                let intent = Intent {
                    id,
                    endpoint,
                    fingerprint,
                    once,
                    label,
                    dest,
                    usd: usd.and_then(|text| text.parse().ok()),
                    began_at: parse_time(&at).unwrap_or(SystemTime::UNIX_EPOCH),
                };
                self.add(intent, key, source);
            }
            Record::Accepted { intent, job, at } => self.settle(&intent, Fate::Accepted(job), &at),
            Record::Refused { intent, at } => self.settle(&intent, Fate::Refused, &at),
            Record::Unknown { intent, request_id, at } => self.settle(&intent, Fate::Unknown { request_id }, &at),
            Record::IdLost { intent, request_id, at } => self.settle(&intent, Fate::IdLost { request_id }, &at),
            Record::Same { intent, other, .. } => self.same(intent, other),
            Record::Resolved { intent, job, at } => self.resolve(&intent, job, &at),
            Record::Ended { job, status, at } => self.ended(&job, &Status::from(status.as_str()), &at),
            Record::Saved { job, to, .. } => self.saved(&job, to),
        }
    }

    pub(super) fn add(&mut self, intent: Intent, key: String, source: Source) {
        let index = self.submits.len();
        self.by_intent.insert(intent.id.clone(), index);
        if let Some(once) = &intent.once {
            self.by_once.entry(once.clone()).or_default().push(index);
        }
        self.submits.push(Submit { intent, key, source });
    }

    /// Takes in what became of an intent. `at` sorts like time, and decides only between outcomes that are equally sure.
    pub(super) fn settle(&mut self, intent: &str, fate: Fate, at: &str) {
        if let Fate::Accepted(job) | Fate::EndedUnbilled(job) = &fate {
            self.jobs.entry(job.clone()).or_default().is_ours = true;
        }
        let outcome = self.outcomes.entry(intent.to_owned()).or_insert_with(|| Outcome {
            fate: Fate::Open,
            at: String::new(),
            unknown: 0,
            resolved: false,
        });
        if let Fate::Unknown { .. } = fate {
            outcome.unknown = outcome.unknown.saturating_add(1);
        }
        if (surety(&fate), at) >= (surety(&outcome.fate), outcome.at.as_str()) {
            outcome.fate = fate;
            at.clone_into(&mut outcome.at);
        }
    }

    /// Takes in that an intent was never sent, and which one stands for it.
    pub(super) fn same(&mut self, intent: String, other: String) {
        self.same.insert(intent, other);
    }

    /// Takes in what somebody found out: it settles every doubt.
    pub(super) fn resolve(&mut self, intent: &str, job: Option<JobRef>, at: &str) {
        self.settle(intent, job.map_or(Fate::Refused, Fate::Accepted), at);
        if let Some(outcome) = self.outcomes.get_mut(intent) {
            outcome.resolved = true;
        }
    }

    pub(super) fn ended(&mut self, job: &JobRef, status: &Status, at: &str) {
        let facts = self.jobs.entry(job.clone()).or_default();
        facts.unbilled |= *status == Status::Failed;
        if facts.ended.as_ref().is_none_or(|(before, _)| before.as_str() <= at) {
            facts.ended = Some((at.to_owned(), status.clone()));
        }
    }

    pub(super) fn saved(&mut self, job: &JobRef, to: Option<SavedTo>) {
        let facts = self.jobs.entry(job.clone()).or_default();
        facts.saved = true;
        if let Some(to) = to {
            facts.places.retain(|known| known.dest != to.dest);
            facts.places.push(to);
        }
    }

    /// Where the outputs of a job were saved.
    pub(super) fn places_saved(&self, job: &JobRef) -> Vec<SavedTo> {
        self.jobs.get(job).map(|facts| facts.places.clone()).unwrap_or_default()
    }

    /// Whether a submit became this job.
    pub(super) fn knows(&self, job: &JobRef) -> bool {
        self.jobs.get(job).is_some_and(|facts| facts.is_ours)
    }

    fn writer(&self, source: Source) -> Writer {
        self.writers.get(source.0).copied().unwrap_or(Writer::Forgotten)
    }

    fn submit(&self, intent: &str) -> Option<&Submit> {
        let submit = self.submits.get(*self.by_intent.get(intent)?)?;
        (self.writer(submit.source) != Writer::Forgotten).then_some(submit)
    }

    /// Whether this client itself began an intent.
    pub(super) fn is_own(&self, intent: &str) -> bool {
        self.submit(intent).is_some_and(|submit| submit.source == Source::OWN)
    }

    /// What became of an intent; `None` when nothing is known of it.
    pub(super) fn fate(&self, intent: &str) -> Option<Fate> {
        let intent = self.same.get(intent).map_or(intent, String::as_str);
        self.submit(intent).map(|submit| self.fate_of(submit))
    }

    fn fate_of(&self, submit: &Submit) -> Fate {
        match self.outcomes.get(&submit.intent.id).map(|outcome| &outcome.fate) {
            Some(Fate::Accepted(job)) if self.jobs.get(job).is_some_and(|facts| facts.unbilled) => {
                Fate::EndedUnbilled(job.clone())
            }
            Some(fate) => fate.clone(),
            // Whoever began it is gone, and left no outcome: nobody can tell.
            None if self.writer(submit.source) == Writer::Dead => Fate::Unknown { request_id: None },
            None => Fate::Open,
        }
    }

    fn doubts_of(&self, submit: &Submit) -> u32 {
        match self.outcomes.get(&submit.intent.id) {
            Some(outcome) if outcome.resolved => 0,
            Some(outcome) => outcome.unknown,
            None => u32::from(self.writer(submit.source) == Writer::Dead),
        }
    }

    /// What is known under a `once` key for a request with this fingerprint, apart from the intent `own`: the oldest submit that holds the key.
    pub(super) fn once(&self, key: &str, fingerprint: &str, own: Option<&str>) -> Once {
        let under_key = self.by_once.get(key).into_iter().flatten();
        let holder = under_key
            .filter_map(|index| self.submits.get(*index))
            .filter(|submit| Some(submit.intent.id.as_str()) != own && self.writer(submit.source) != Writer::Forgotten)
            .map(|submit| (submit, self.fate_of(submit)))
            .filter(|(_, fate)| !matches!(fate, Fate::Refused | Fate::EndedUnbilled(_)))
            .min_by_key(|(submit, _)| submit.intent.began_at);
        match holder {
            None => Once::Free,
            Some((submit, _)) if submit.intent.fingerprint != fingerprint => Once::Other {
                intent: Box::new(submit.intent.clone()),
            },
            Some((submit, fate)) => Once::Same {
                intent: submit.intent.id.clone(),
                fate,
            },
        }
    }

    /// Every submit, oldest first. `own_key` is the fingerprint of the key in use.
    pub(super) fn entries(&self, own_key: &str) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self
            .submits
            .iter()
            .filter(|submit| self.writer(submit.source) != Writer::Forgotten)
            .map(|submit| {
                let fate = self.fate_of(submit);
                let facts = fate.job().and_then(|job| self.jobs.get(job));
                Entry {
                    doubts: self.doubts_of(submit),
                    ended: facts
                        .and_then(|facts| facts.ended.as_ref())
                        .map(|(_, status)| status.clone()),
                    saved: facts.is_some_and(|facts| facts.saved),
                    other_key: submit.key != own_key,
                    intent: submit.intent.clone(),
                    fate,
                }
            })
            .collect();
        entries.sort_by_key(|entry| entry.intent.began_at);
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str) -> JobRef {
        JobRef::job("retake", id).unwrap()
    }

    fn begun(id: &str) -> Record {
        Record::Intent {
            id: id.into(),
            at: "2026-11-23T10:00:00.000Z".into(),
            endpoint: "retake".into(),
            key: "k".into(),
            fingerprint: "f".into(),
            once: Some("shot".into()),
            label: None,
            dest: None,
            usd: None,
        }
    }

    fn accepted(id: &str, at: &str) -> Record {
        Record::Accepted {
            intent: "i1".into(),
            job: job(id),
            at: at.into(),
        }
    }

    fn unknown(at: &str) -> Record {
        Record::Unknown {
            intent: "i1".into(),
            request_id: Some(at.into()),
            at: at.into(),
        }
    }

    fn lost(at: &str) -> Record {
        Record::IdLost {
            intent: "i1".into(),
            request_id: Some(at.into()),
            at: at.into(),
        }
    }

    fn refused(at: &str) -> Record {
        Record::Refused {
            intent: "i1".into(),
            at: at.into(),
        }
    }

    fn resolved(id: Option<&str>, at: &str) -> Record {
        Record::Resolved {
            intent: "i1".into(),
            job: id.map(job),
            at: at.into(),
        }
    }

    fn ended(id: &str, status: &str) -> Record {
        Record::Ended {
            job: job(id),
            status: status.into(),
            at: "9".into(),
        }
    }

    /// The fate and the doubts after these records, in every order: they must be the same.
    fn settled(records: &[Record]) -> (Fate, u32) {
        let mut orders = vec![records.to_vec()];
        for _ in 1..records.len() {
            let mut next = orders.last().unwrap().clone();
            next.rotate_left(1);
            orders.push(next);
        }
        let mirrored: Vec<_> = orders
            .iter()
            .map(|order| order.iter().rev().cloned().collect())
            .collect();
        orders.extend(mirrored);
        let mut found = Vec::new();
        for order in orders {
            let mut ledger = Ledger::default();
            let (here, there) = (ledger.source(), ledger.source());
            for (number, record) in order.into_iter().enumerate() {
                ledger.apply(record, if number % 2 == 0 { here } else { there });
            }
            let entry = ledger.entries("k").remove(0);
            assert_eq!(ledger.fate("i1"), Some(entry.fate.clone()));
            found.push((entry.fate, entry.doubts));
        }
        found.dedup();
        assert_eq!(found.len(), 1, "{records:?} depend on their order: {found:?}");
        found.remove(0)
    }

    #[test]
    fn what_is_surer_counts_in_whatever_order_it_is_read() {
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (vec![begun("i1")], (Fate::Open, 0)),
            (
                vec![begun("i1"), unknown("1")],
                (Fate::Unknown { request_id: some("1") }, 1),
            ),
            (
                vec![begun("i1"), lost("1")],
                (Fate::IdLost { request_id: some("1") }, 0),
            ),
            // Sent again, because a double charge was accepted.
            (
                vec![begun("i1"), unknown("1"), accepted("j1", "2")],
                (Fate::Accepted(job("j1")), 1),
            ),
            (
                vec![begun("i1"), unknown("1"), unknown("2")],
                (Fate::Unknown { request_id: some("2") }, 2),
            ),
            (
                vec![begun("i1"), unknown("2"), lost("1")],
                (Fate::IdLost { request_id: some("1") }, 1),
            ),
            // Somebody looked at the account: nothing is in doubt any more.
            (
                vec![begun("i1"), unknown("1"), resolved(Some("j1"), "2")],
                (Fate::Accepted(job("j1")), 0),
            ),
            (vec![begun("i1"), lost("1"), resolved(None, "2")], (Fate::Refused, 0)),
            (
                vec![begun("i1"), unknown("1"), unknown("2"), resolved(None, "0")],
                (Fate::Refused, 0),
            ),
            // Two people, two findings: a job that exists is surer than none, and the later word counts.
            (
                vec![begun("i1"), resolved(Some("j1"), "1"), resolved(None, "2")],
                (Fate::Accepted(job("j1")), 0),
            ),
            (
                vec![begun("i1"), resolved(Some("j1"), "1"), resolved(Some("j2"), "2")],
                (Fate::Accepted(job("j2")), 0),
            ),
            (vec![begun("i1"), refused("1")], (Fate::Refused, 0)),
            (
                vec![begun("i1"), accepted("j1", "1"), ended("j1", "failed")],
                (Fate::EndedUnbilled(job("j1")), 0),
            ),
            (
                vec![begun("i1"), accepted("j1", "1"), ended("j1", "completed")],
                (Fate::Accepted(job("j1")), 0),
            ),
            (
                vec![begun("i1"), accepted("j1", "1"), ended("j2", "failed")],
                (Fate::Accepted(job("j1")), 0),
            ),
        ];
        for (records, expected) in cases {
            assert_eq!(settled(&records), expected, "{records:?}");
        }
    }

    #[test]
    fn an_open_intent_of_the_dead_is_a_doubt() {
        let mut ledger = Ledger::default();
        let source = ledger.source();
        ledger.apply(begun("i1"), source);
        ledger.set_orphan(source, true);
        let entry = ledger.entries("another").remove(0);
        assert_eq!((entry.fate, entry.doubts), (Fate::Unknown { request_id: None }, 1));
        assert!(entry.other_key);
        ledger.forget(source);
        assert!(ledger.entries("k").is_empty());
        assert_eq!(ledger.fate("i1"), None);
        assert_eq!(ledger.once("shot", "f", None), Once::Free);
    }

    #[test]
    fn a_lost_id_keeps_its_key() {
        let mut ledger = Ledger::default();
        ledger.apply(begun("i1"), Source::OWN);
        ledger.apply(lost("1"), Source::OWN);
        let fate = Fate::IdLost {
            request_id: Some("1".into()),
        };
        assert_eq!(
            ledger.once("shot", "f", None),
            Once::Same {
                intent: "i1".into(),
                fate
            }
        );
        assert!(matches!(ledger.once("shot", "another body", None), Once::Other { .. }));
    }
}
