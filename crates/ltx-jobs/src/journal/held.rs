//! The sign that the writer of a journal file lives: a lock of the operating system on a file beside it.
//!
//! The lock goes with the process, however that ends. It has a file of its own because on some systems a lock keeps others from reading what is locked.
//! A forked child inherits the lock without knowing it: until it ends, its dead parent is taken to live, which delays a recovery and harms nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Held as long as this lives.
pub(super) struct Held {
    /// Never read; its lock is what counts.
    _file: File,
    path: PathBuf,
    process: u32,
}

impl Held {
    /// Makes the lock file of the journal file `journal`, and holds it.
    pub(super) fn new(journal: &Path, process: u32) -> io::Result<Self> {
        let path = path_for(journal);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        if let Err(error) = file.lock() {
            // Some network file systems have no locks; then a journal file's age has to tell.
            tracing::debug!(%error, path = %path.display(), "the journal's lock file cannot be locked");
        }
        Ok(Self {
            _file: file,
            path,
            process,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A forked child drops a copy: the file is its parent's.
        if self.process == std::process::id() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The lock file of a journal file.
pub(super) fn path_for(journal: &Path) -> PathBuf {
    journal.with_extension("lock")
}

/// Whether whoever writes this journal file lives; `None` where the file system cannot tell.
pub(super) fn is_held(journal: &Path) -> Option<bool> {
    match File::open(path_for(journal)) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => {
                let _ = file.unlock();
                Some(false)
            }
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_lives_and_goes_with_its_holder() {
        let directory = tempfile::tempdir().unwrap();
        let journal = directory.path().join("host-1-a.jsonl");
        assert_eq!(is_held(&journal), Some(false));
        let held = Held::new(&journal, std::process::id()).unwrap();
        assert_eq!(is_held(&journal), Some(true));
        drop(held);
        assert_eq!(is_held(&journal), Some(false));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_file_that_was_left_behind_holds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let journal = directory.path().join("host-1-a.jsonl");
        fs::write(path_for(&journal), b"").unwrap();
        assert_eq!(is_held(&journal), Some(false));
    }
}
