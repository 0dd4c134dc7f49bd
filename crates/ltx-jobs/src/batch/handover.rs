//! A completed job of a batch whose outputs somebody else brings home, another machine for example: it is handed over, and answered once.
//!
//! Order, back-pressure, states and the journal stay the batch's own; only the bytes go elsewhere.

use std::fmt;
use std::path::PathBuf;

use tokio::sync::oneshot;

use super::item::Keep;
use crate::error::Error;
use crate::job::{Completed, Destination};
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

/// A completed job to bring home; see [`Batch::hand_over`](super::Batch::hand_over). Dropped without an answer, its item ends as
/// [`Unsaved`](super::BatchState::Unsaved). An answer that comes after the batch was stopped is not heard.
#[must_use = "its item waits for an answer"]
pub struct Handover {
    pub(super) key: String,
    pub(super) completed: Completed,
    pub(super) place: HandoverPlace,
    pub(super) overwrite: bool,
    pub(super) answer: oneshot::Sender<Kept>,
}

impl Handover {
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

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("key", &self.key)
            .field("job", self.completed.job().reference())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
