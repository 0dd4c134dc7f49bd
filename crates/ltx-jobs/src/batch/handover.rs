//! A job of a batch that somebody else waits for or brings home, another machine for example: it is handed over, and answered once.
//!
//! Submits, order, back-pressure, states and the journal stay the batch's own; only polls and bytes go elsewhere.

use std::fmt;
use std::path::PathBuf;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::item::Keep;
use crate::error::Error;
use crate::job::{Completed, Destination, Job, WatchedElsewhere};
#[cfg(feature = "rehost")]
use crate::rehost::StoreDestination;

/// Where the outputs of a handed over job are to go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HandoverPlace {
    /// A directory, absolute, and how they are saved there.
    Directory(Destination),
    /// A place in an object store, and how they are copied there; see [`Completed::rehost`](crate::Completed::rehost).
    #[cfg(feature = "rehost")]
    Store(StoreDestination),
}

impl HandoverPlace {
    pub(super) fn of(keep: &Keep) -> Self {
        match keep {
            // A path that is no UTF-8 stays as it was given; it cannot be written down, and a run later it is verified once more.
            Keep::Directory(dest) => Self::Directory(dest.clone().absolute().unwrap_or_else(|| dest.clone())),
            #[cfg(feature = "rehost")]
            Keep::Store(dest) => Self::Store(dest.clone()),
        }
    }
}

/// What came of it.
pub(super) enum Kept {
    Files(Vec<(PathBuf, u64)>),
    #[cfg(feature = "rehost")]
    Objects {
        urls: Vec<String>,
        bytes: u64,
    },
    Not(Error),
}

/// What a batch leaves to its caller; see [`Batch::hand_over`](super::Batch::hand_over).
#[derive(Debug)]
#[non_exhaustive]
pub enum Handover {
    /// A job that runs, to be waited for: of a batch with [`Batch::hand_over_waits`](super::Batch::hand_over_waits).
    Wait(WaitHandover),
    /// A completed job, to be brought home.
    Save(SaveHandover),
}

/// A job to wait for; see [`Batch::hand_over_waits`](super::Batch::hand_over_waits). Dropped, it is waited for by the batch itself as ever.
#[must_use = "dropped, the batch itself waits for the job"]
pub struct WaitHandover {
    pub(super) key: String,
    pub(super) watched: WatchedElsewhere,
    /// So that no more are out than may be.
    pub(super) _turn: OwnedSemaphorePermit,
}

impl WaitHandover {
    /// The key of the item.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The job. Elsewhere its reference is enough.
    pub fn job(&self) -> &Job {
        self.watched.job()
    }

    /// It has ended, or nobody waits for it elsewhere any more: the batch looks at once, and goes on with what it sees.
    pub fn ended(self) {}
}

impl Drop for WaitHandover {
    fn drop(&mut self) {
        self.watched.end();
    }
}

impl fmt::Debug for WaitHandover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitHandover")
            .field("key", &self.key)
            .field("job", self.job().reference())
            .finish_non_exhaustive()
    }
}

/// A completed job to bring home; see [`Batch::hand_over`](super::Batch::hand_over). Dropped without an answer, its item ends as
/// [`Unsaved`](super::BatchState::Unsaved). An answer that comes after the batch was stopped is not heard.
#[must_use = "its item waits for an answer"]
pub struct SaveHandover {
    pub(super) key: String,
    pub(super) completed: Completed,
    pub(super) place: HandoverPlace,
    pub(super) overwrite: bool,
    pub(super) answer: oneshot::Sender<Kept>,
}

impl SaveHandover {
    /// The key of the item.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The completed job. Elsewhere its reference is enough: waiting for it returns at once.
    pub fn completed(&self) -> &Completed {
        &self.completed
    }

    /// Where its outputs are to go.
    pub fn place(&self) -> &HandoverPlace {
        &self.place
    }

    /// Whether different files or objects that are there are to be replaced.
    pub fn overwrite(&self) -> bool {
        self.overwrite
    }

    /// They are files now, below the directory of the place: each with its length, in the order they were saved. The journal will know it.
    pub fn saved(self, files: Vec<(PathBuf, u64)>) {
        self.end(Kept::Files(files));
    }

    /// They are objects of the store now. The journal will know it.
    #[cfg(feature = "rehost")]
    pub fn copied(self, urls: Vec<String>, bytes: u64) {
        self.end(Kept::Objects { urls, bytes });
    }

    /// They could not be brought home: the item ends as [`Unsaved`](super::BatchState::Unsaved).
    pub fn failed(self, error: Error) {
        self.end(Kept::Not(error));
    }

    fn end(self, kept: Kept) {
        // Nobody listens any more once the batch was stopped.
        drop(self.answer.send(kept));
    }
}

impl fmt::Debug for SaveHandover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveHandover")
            .field("key", &self.key)
            .field("job", self.completed.job().reference())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
