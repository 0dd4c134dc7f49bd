//! Who has a place, as its files tell: a claim, and a lock that its owner's process holds.
//!
//! All functions block: they belong on the blocking pool.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::claim::Before;
use super::place::{OWNER, Place};
use crate::error::{Error, Result};
use crate::journal::host;
use crate::telemetry::TRANSFER;

/// The content of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    pub(super) host: String,
    pub(super) process: u32,
    pub(super) owner: String,
}

/// A claim of ours, on the disk.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) holder: Holder,
    /// Never read; its lock is what counts. `None` where the file system has no locks.
    _lock: Option<File>,
    path: PathBuf,
    /// Held by work that is to be done before another may have the place.
    pub(super) work: Arc<tokio::sync::Mutex<()>>,
}

impl Held {
    pub(super) fn release(self) {
        let _done = self.work.blocking_lock();
        // A forked child drops a copy: the files are its parent's.
        if self.holder.process != std::process::id() {
            return;
        }
        if read(&self.place.claim()).is_ok_and(|found| found.is_some_and(|(holder, _)| holder == self.holder)) {
            let _ = fs::remove_file(self.place.claim());
        }
        let _ = fs::remove_file(&self.path);
    }
}

/// Who wants the place.
#[derive(Debug)]
pub(super) struct Candidate {
    place: Place,
    holder: Holder,
    lock: Option<File>,
    path: PathBuf,
}

/// A word that no other owner has.
pub(super) fn new_owner() -> String {
    format!("{:0OWNER$x}", fastrand::u64(..1 << 48))
}

/// What was found in the place.
pub(super) enum Look {
    Ours(Held),
    Other(Holder, Sign),
    /// What was there went while it was looked at.
    Vanished,
}

/// What a claim shows of its owner's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    /// What the operating system says; `None` on another host, or without locks.
    pub(super) alive: Option<bool>,
    pub(super) renewed: Option<SystemTime>,
}

impl Candidate {
    pub(super) fn new(place: Place, mut owner: String) -> Result<Self> {
        let unwritable = |error| {
            Error::io(
                format!("cannot create a file in {}", place.directory().display()),
                error,
            )
        };
        fs::create_dir_all(place.directory())
            .map_err(|error| Error::io(format!("cannot create {}", place.directory().display()), error))?;
        let (path, lock) = loop {
            let path = place.lock(&owner);
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)
                .map_err(unwritable)?;
            match file.try_lock() {
                Ok(()) if path.exists() => break (path, Some(file)),
                // Who has the place took it for the lock of one that is gone, before it was locked. Under the same name it could be removed once more.
                Ok(()) | Err(TryLockError::WouldBlock) => owner = new_owner(),
                Err(TryLockError::Error(error)) => {
                    tracing::debug!(target: TRANSFER, %error, "the file system has no locks; a lease has to do");
                    // Nothing to ask for life: watchers go by the lease.
                    let _ = fs::remove_file(&path);
                    break (path, None);
                }
            }
        };
        let holder = Holder {
            host: host(),
            process: std::process::id(),
            owner,
        };
        Ok(Self {
            place,
            holder,
            lock,
            path,
        })
    }

    /// Takes the place if it is free, else looks at who has it.
    pub(super) fn look(self) -> Result<(Option<Self>, Look)> {
        let path = self.place.claim();
        let failed = |error| Error::io(format!("cannot claim {}", path.display()), error);
        // Written before it is in place: nobody ever sees half a claim.
        let text = serde_json::to_vec(&self.holder).unwrap_or_default();
        let staged = self.place.named(&format!("{}.claim", self.holder.owner));
        let made = match fs::read(&path) {
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::write(&staged, &text).map_err(failed)?;
                let linked = create_from(&staged, &path, &text);
                let _ = fs::remove_file(&staged);
                match linked {
                    Ok(()) => true,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                    Err(error) => return Err(failed(error)),
                }
            }
            Err(error) => return Err(failed(error)),
        };
        if made {
            let Self {
                place,
                holder,
                lock,
                path,
            } = self;
            let held = Held {
                place,
                holder,
                _lock: lock,
                path,
                work: Arc::default(),
            };
            return Ok((None, Look::Ours(held)));
        }
        let look = match read(&path).map_err(failed)? {
            None => Look::Vanished,
            Some((holder, renewed)) => {
                let alive = (holder.host == self.holder.host)
                    .then(|| is_alive(&self.place.lock(&holder.owner)))
                    .flatten();
                Look::Other(holder, Sign { alive, renewed })
            }
        };
        Ok((Some(self), look))
    }

    /// Removes a claim that has lapsed, if it is still the one that was seen.
    pub(super) fn take_over(self, lapsed: &Holder, how: Before) -> Result<Self> {
        let lock = self.place.lock(&lapsed.owner);
        let is_lapsed = |path: &Path| matches!(read(path), Ok(Some((holder, _))) if holder == *lapsed);
        if how == Before::Dead {
            // Whoever holds the dead owner's lock may remove its claim: one of all on this host.
            // To write: network file systems give no exclusive lock on what is open for reading only.
            let opened = OpenOptions::new().write(true).open(&lock).ok();
            let Some(_alone) = opened.filter(|file| file.try_lock().is_ok()) else {
                return Ok(self);
            };
            if is_lapsed(&self.place.claim()) {
                let _ = fs::remove_file(self.place.claim());
            }
            let _ = fs::remove_file(&lock);
            return Ok(self);
        }
        let aside = self.place.named(&format!("{}.lapsed", self.holder.owner));
        match fs::rename(self.place.claim(), &aside) {
            Ok(()) => {}
            // Another was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(Error::io("cannot take over a download", error)),
        }
        if is_lapsed(&aside) {
            let _ = fs::remove_file(&lock);
        } else {
            // A new owner's, claimed in between: back with it, unless the place was taken once more.
            let _ = fs::hard_link(&aside, self.place.claim());
        }
        let _ = fs::remove_file(&aside);
        Ok(self)
    }

    pub(super) fn withdraw(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives `text`, which is in the file `staged`, the name `path` unless that is taken. A hard link does both at once; some file systems have none.
fn create_from(staged: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    match fs::hard_link(staged, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => {
            use io::Write as _;
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(text)
        }
    }
}

/// A claim, and when it was renewed. `None` when there is none. One that cannot be understood belongs to a nameless owner, who lives by the lease.
pub(super) fn read(path: &Path) -> io::Result<Option<(Holder, Option<SystemTime>)>> {
    // Opened, not only looked at: network file systems ask the server then.
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let renewed = file.metadata().and_then(|found| found.modified()).ok();
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, 4096), &mut text)?;
    let holder = serde_json::from_slice(&text).unwrap_or(Holder {
        host: "?".to_owned(),
        process: 0,
        owner: String::new(),
    });
    Ok(Some((holder, renewed)))
}

/// Whether the process that made this lock file lives; `None` where the file system cannot tell.
fn is_alive(lock: &Path) -> Option<bool> {
    match File::open(lock) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => {
                let _ = file.unlock();
                Some(false)
            }
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        },
        // Without locks there is no lock file either: then only the lease tells.
        Err(_) => None,
    }
}
