//! What became of the items of a batch: one by one, as numbers while it runs, and as an account at its end.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::job::{Completed, JobRef};
use crate::money::Usd;

/// How an item ended in this run of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BatchState {
    /// Its outputs were saved now.
    Saved,
    /// They were saved by a run before, and are still there.
    WasSaved,
    /// The job is completed, and nothing was to be saved.
    Completed,
    /// The job, or its submit, failed for good. What was not billed is submitted again when the batch is started again.
    Failed,
    /// Nobody can tell whether there is a job, or its id was lost. Never submitted again without consent; see [`Client::resolve`](crate::Client::resolve).
    Unknown,
    /// The job is completed, and its outputs could not be saved. The batch started again tries once more.
    Unsaved,
    /// The job goes on at the service; the batch was stopped before its end. The batch started again waits for it.
    Running,
    /// Not sent: the batch was stopped or paused before, or its limits stood against it. The batch started again submits it.
    NotSubmitted,
}

impl BatchState {
    /// Every state, in the order of an account.
    pub const ALL: [Self; 8] = [
        Self::Saved,
        Self::WasSaved,
        Self::Completed,
        Self::Failed,
        Self::Unknown,
        Self::Unsaved,
        Self::Running,
        Self::NotSubmitted,
    ];

    /// The word used in Python, JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::WasSaved => "was_saved",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Unsaved => "unsaved",
            Self::Running => "running",
            Self::NotSubmitted => "not_submitted",
        }
    }

    /// Whether there is nothing left to do for the item.
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Saved | Self::WasSaved | Self::Completed)
    }
}

impl fmt::Display for BatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of one item.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BatchOutcome {
    /// The key of the item.
    pub key: String,
    /// Its label.
    pub label: String,
    /// How it ended.
    pub state: BatchState,
    /// Its job, as far as one is known, else its intent.
    pub job: Option<JobRef>,
    /// The results, when the job was seen to complete in this run.
    pub completed: Option<Completed>,
    /// Its files.
    pub paths: Vec<PathBuf>,
    /// The addresses of its objects, when they went to a store.
    pub urls: Vec<String>,
    /// Bytes of files or objects.
    pub bytes: u64,
    /// Why, where it is not done.
    pub error: Option<Error>,
}

/// How a batch is, from memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchProgress {
    /// Items that were pushed.
    pub items: u64,
    /// Waiting to be submitted.
    pub queued: u64,
    /// Being submitted: looked at, uploaded for, waiting for room at the service, sent.
    pub submitting: u64,
    /// Jobs that run at the service.
    pub running: u64,
    /// Completed, and waiting to be saved or being saved.
    pub saving: u64,
    /// Items that have ended, by [`BatchState`], in the order of [`BatchState::ALL`].
    pub ended: [u64; BatchState::ALL.len()],
    /// Bytes saved in this run.
    pub bytes: u64,
    /// The estimates of its jobs, of runs before too; counted only with a spend limit or [`Batch::count_costs`](super::Batch::count_costs).
    pub committed: Usd,
    /// Why nothing more is submitted, if so.
    pub paused: Option<String>,
    /// Since the run began.
    pub elapsed: Duration,
}

impl BatchProgress {
    /// Items that ended in a state.
    pub fn count(&self, state: BatchState) -> u64 {
        BatchState::ALL
            .iter()
            .position(|known| *known == state)
            .and_then(|at| self.ended.get(at))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn add(&mut self, state: BatchState) {
        let place = BatchState::ALL.iter().position(|known| *known == state);
        if let Some(count) = place.and_then(|at| self.ended.get_mut(at)) {
            *count += 1;
        }
    }

    /// Whether every item is done: nothing failed, is unknown, unsaved, running or not submitted.
    pub fn is_all_done(&self) -> bool {
        let done: u64 = BatchState::ALL
            .iter()
            .filter(|state| state.is_done())
            .map(|state| self.count(*state))
            .sum();
        done == self.items
    }
}

impl fmt::Display for BatchProgress {
    /// The account, for people: every state that has items.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items", self.items)?;
        let now = [
            ("queued", self.queued),
            ("submitting", self.submitting),
            ("running now", self.running),
            ("saving", self.saving),
        ];
        let ended = BatchState::ALL.iter().map(|state| (state.name(), self.count(*state)));
        for (name, count) in now.into_iter().chain(ended).filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {}", name.replace('_', " "))?;
        }
        if self.committed > Usd::ZERO {
            write!(f, ", USD {}", self.committed)?;
        }
        if let Some(why) = &self.paused {
            write!(f, "; paused: {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_adds_up_and_names_what_is_left() {
        let mut progress = BatchProgress {
            items: 4,
            queued: 1,
            ..BatchProgress::default()
        };
        progress.add(BatchState::Saved);
        progress.add(BatchState::WasSaved);
        progress.add(BatchState::NotSubmitted);
        assert_eq!(
            progress.to_string(),
            "4 items, 1 queued, 1 saved, 1 was saved, 1 not submitted"
        );
        assert!(!progress.is_all_done());
        progress.items = 2;
        assert!(progress.is_all_done());
        progress.paused = Some("no credits".into());
        assert!(progress.to_string().ends_with("; paused: no credits"));
    }
}
