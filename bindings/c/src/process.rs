//! Which process a client belongs to: the one that used it first.
//!
//! After a fork its threads are gone, and a lock one of them held stays held for ever. So every entry looks here first, before any lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ltx_jobs::{Error, ErrorKind};

/// Shared by a client and everything that came from it.
#[derive(Clone, Default)]
pub(crate) struct Owner(Arc<AtomicU32>);

impl Owner {
    /// Before work begins: this process owns the client from now on, unless another does.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        let _ = self
            .0
            .compare_exchange(0, std::process::id(), Ordering::AcqRel, Ordering::Acquire);
        self.enter()
    }

    /// At every other entry.
    pub(crate) fn enter(&self) -> Result<(), Error> {
        if !self.is_foreign() {
            return Ok(());
        }
        let owner = self.0.load(Ordering::Acquire);
        Err(Error::from_face(
            ErrorKind::Forked,
            format!("this client was used in process {owner} before the fork; make a new one in the child"),
        ))
    }

    /// Whether this is a child of the process that used the client.
    pub(crate) fn is_foreign(&self) -> bool {
        let owner = self.0.load(Ordering::Acquire);
        owner != 0 && owner != std::process::id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_belongs_to_the_process_that_used_it_first() {
        let owner = Owner::default();
        assert!(!owner.is_foreign());
        owner.begin().unwrap();
        assert!(!owner.is_foreign());
        owner.0.store(std::process::id() + 1, Ordering::Release);
        assert_eq!(owner.begin().unwrap_err().kind(), ErrorKind::Forked);
        assert!(owner.is_foreign());
    }
}
