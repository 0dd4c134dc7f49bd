//! What belongs to the process that made it: in a forked child nothing of it may be touched, and not even dropped.
//!
//! A lock in it may be held by a thread that does not exist in the child, and its end may remove files that the parent still reads.

use ltx_jobs::{Error, ErrorKind, Result};

/// See the module's first lines.
pub(crate) struct Owned<T> {
    value: Option<T>,
    /// For messages: "this list of frames".
    what: &'static str,
    process: u32,
}

impl<T> Owned<T> {
    pub(crate) fn new(what: &'static str, value: T) -> Self {
        Self {
            value: Some(value),
            what,
            process: std::process::id(),
        }
    }

    pub(crate) fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }

    /// The value, in the process that made it.
    pub(crate) fn get(&self) -> Result<&T> {
        match &self.value {
            Some(value) if !self.is_foreign() => Ok(value),
            _ => {
                let text = format!(
                    "{} belongs to process {}, which made it before the fork; make a new one in the child",
                    self.what, self.process
                );
                Err(Error::from_face(ErrorKind::Forked, text))
            }
        }
    }

    /// The value for a look at what never changes and has no lock, in any process.
    pub(crate) fn look(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.is_foreign() {
            std::mem::forget(self.value.take());
        }
    }
}
