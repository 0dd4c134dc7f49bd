//! What is written down about submits, so that no job is paid twice and none is lost.
//!
//! The submit is built around the trait: an intent is recorded before the POST, its outcome before the caller hears of it. `memory` keeps the records as
//! long as the client lives; `directory` keeps them on disk, so that a script that was killed finds its jobs again; `chosen` is the one the settings ask for.
//! `record` is the form on disk, `ledger` what all records say together: both pure.

mod chosen;
mod directory;
mod held;
mod ledger;
mod memory;
mod old;
mod others;
mod own;
mod record;
mod saved;

use std::path::PathBuf;
use std::time::SystemTime;

pub(crate) use chosen::{ChosenJournal, state_directory};
pub(crate) use directory::host;
pub(crate) use saved::{SavedTo, absolute};

use crate::error::Result;
use crate::job::{Destination, JobRef};
use crate::model::Status;
use crate::money::Usd;

/// What is about to be submitted. No prompt, no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) endpoint: String,
    /// SHA-256 over endpoint, parameters and the content of inputs; empty without a `once` key.
    pub(crate) fingerprint: String,
    pub(crate) once: Option<String>,
    pub(crate) label: Option<String>,
    /// Where its outputs are meant to go.
    pub(crate) dest: Option<Destination>,
    /// What it is estimated to cost, if that was looked at.
    pub(crate) usd: Option<Usd>,
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
    /// The service holds a job, but its id did not arrive.
    IdLost { request_id: Option<String> },
    /// The job ended without a bill: a `once` key is free again.
    EndedUnbilled(JobRef),
}

impl Fate {
    /// The job it became.
    pub(crate) fn job(&self) -> Option<&JobRef> {
        match self {
            Self::Accepted(job) | Self::EndedUnbilled(job) => Some(job),
            Self::Open | Self::Refused | Self::Unknown { .. } | Self::IdLost { .. } => None,
        }
    }
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

/// One submit as the journal knows it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) intent: Intent,
    pub(crate) fate: Fate,
    /// Attempts of unknown outcome that nobody has settled. Beside a known job, or more than one, only where the caller accepted a double charge.
    pub(crate) doubts: u32,
    /// The job's end, when it was seen.
    pub(crate) ended: Option<Status>,
    /// Whether its outputs were saved.
    pub(crate) saved: bool,
    /// Whether it was submitted with another key than this client's.
    pub(crate) other_key: bool,
}

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Directory(PathBuf),
    /// They live as long as the client. `instead_of` says why they are not in the default directory, where they should be.
    Memory {
        instead_of: Option<String>,
    },
    /// They are not kept.
    Nowhere,
}

/// Where submits are written down. Every method returns after the record is safe, and may take as long as a disk takes: call it off the async threads.
pub(crate) trait Journal: Send + Sync {
    /// What is known under a `once` key for a request with this fingerprint.
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once>;

    /// Records an intent. With a `once` key that another submit has taken meanwhile, nothing is recorded and its state is given back.
    fn begin(&self, intent: Intent) -> Result<Once>;

    /// Records what became of an intent.
    fn settle(&self, intent: &str, fate: Fate) -> Result<()>;

    /// Records that an intent was never sent, because `other` holds its `once` key: what became of that one became of this.
    fn same(&self, intent: &str, other: &str) -> Result<()>;

    /// Records what somebody found out about an intent whose outcome was unknown: the job it became, or that there is none.
    fn resolve(&self, intent: &str, job: Option<JobRef>) -> Result<()>;

    /// What is known of an intent.
    fn fate(&self, intent: &str) -> Result<Option<Fate>>;

    /// Records how a job ended.
    fn ended(&self, job: &JobRef, status: &Status) -> Result<()>;

    /// Records that the outputs of a job were saved, all of them; with what lies where, if that can be written down.
    fn saved(&self, job: &JobRef, to: Option<SavedTo>) -> Result<()>;

    /// Where the outputs of a job were saved.
    fn places_saved(&self, job: &JobRef) -> Result<Vec<SavedTo>>;

    /// Whether a submit became this job.
    fn knows(&self, job: &JobRef) -> Result<bool>;

    /// Every submit that is known, oldest first.
    fn entries(&self) -> Result<Vec<Entry>>;

    /// Where records go; tries whether one could be written now.
    fn place(&self) -> Result<Place>;
}
