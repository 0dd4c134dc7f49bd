//! One writer for one output: who fetches it says so in a file beside it, and others wait for what comes out.
//!
//! A claim is made by creating a file exclusively, the one thing that every file system does truly, network ones too. It names its owner. The owner lives
//! while it renews the file's time (looked at by the watcher's own clock, never compared with it), or, on the same host, while it holds a lock of the
//! operating system. Whose claim has lapsed is taken over by renaming it away, which succeeds for one.
//!
//! Claims save work; nothing depends on them. Every owner writes to a part file of its own name, and publishing clobbers nothing, so two owners, should it
//! come to that, harm no file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::journal::host;
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::telemetry::TRANSFER;
use crate::transfer::sink::blocking;

/// Hexadecimal digits of the word that tells owners apart.
const OWNER: usize = 12;

/// How claims live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// Time between two renewals.
    pub(crate) beat: Duration,
    /// A claim of another host that is not renewed for so long has lapsed. Network file systems show a change after some seconds.
    pub(crate) silence: Duration,
    /// Time between two looks at another's claim.
    pub(crate) look: Duration,
}

impl Lease {
    pub(crate) const USUAL: Self = Self {
        beat: Duration::from_secs(5),
        silence: Duration::from_secs(60),
        look: Duration::from_millis(100),
    };
}

/// The files that belong to one output while it is fetched: all beside its target, all hidden.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    directory: PathBuf,
    stem: String,
}

impl Place {
    /// `stem` is the name of the output on disk, without its extension: that is known only later.
    pub(crate) fn new(directory: &Path, stem: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            stem: stem.to_owned(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn named(&self, rest: &str) -> PathBuf {
        self.directory.join(format!(".{}.{rest}", self.stem))
    }

    /// Who fetches it.
    fn claim(&self) -> PathBuf {
        self.named("claim")
    }

    /// Locked while that owner's process lives. A file of its own, because on some systems a lock keeps others from reading what is locked.
    fn lock(&self, owner: &str) -> PathBuf {
        self.named(&format!("{owner}.lock"))
    }

    /// The bytes that owner has fetched.
    pub(crate) fn part(&self, owner: &str) -> PathBuf {
        self.named(&format!("{owner}.part"))
    }

    /// Whether this is the name of a part of some owner.
    pub(crate) fn is_part(&self, name: &str) -> bool {
        let owner = name
            .strip_prefix('.')
            .and_then(|name| name.strip_prefix(&self.stem))
            .and_then(|name| name.strip_prefix('.'))
            .and_then(|name| name.strip_suffix(".part"));
        owner.is_some_and(|owner| owner.len() == OWNER && owner.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// Removes the parts of owners that are gone, all but `kept`. Only for who has claimed the place.
    pub(crate) fn sweep(&self, kept: Option<&Path>) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            let is_part = entry.file_name().to_str().is_some_and(|name| self.is_part(name));
            if is_part && kept.and_then(Path::file_name) != Some(entry.file_name().as_os_str()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// What is known of a part: see `partial`.
    pub(crate) fn sidecar(&self) -> PathBuf {
        self.named("part.json")
    }
}

/// The content of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    host: String,
    process: u32,
    owner: String,
}

/// How the place was left by whoever had it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nobody has it.
    Free,
    /// Its owner is gone for certain.
    Dead,
    /// Its owner has not been heard of, and may come back.
    Silent,
}

/// A claim of ours. Ends when dropped; [`Claim::release`] does it off the async threads.
#[derive(Debug)]
pub(crate) struct Claim {
    held: Option<Held>,
    pub(crate) before: Before,
    /// Whether another owner was waited for.
    pub(crate) waited: bool,
    /// Cancelled when another owner has taken the place because we were not heard of.
    pub(crate) lost: CancellationToken,
    renewal: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Held {
    place: Place,
    holder: Holder,
    /// Never read; its lock is what counts. `None` where the file system has no locks.
    _lock: Option<File>,
    path: PathBuf,
    /// Held by work that is to be done before another may have the place.
    work: Arc<tokio::sync::Mutex<()>>,
}

impl Held {
    fn release(self) {
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

impl Claim {
    /// The word that makes the names of this owner's files its own.
    pub(crate) fn owner(&self) -> &str {
        self.held.as_ref().map_or("", |held| &held.holder.owner)
    }

    /// Keeps the claim, also when it is released or dropped, until the guard goes: for work on the blocking pool that nobody waits for.
    pub(crate) async fn until_done(&self) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        match &self.held {
            Some(held) => Some(Arc::clone(&held.work).lock_owned().await),
            None => None,
        }
    }

    /// Gives the place free. Blocks: belongs on the blocking pool.
    pub(crate) fn release(mut self) {
        self.renewal.abort();
        if let Some(held) = self.held.take() {
            held.release();
        }
    }

    /// The error for work that went on while another took the place.
    pub(crate) fn lost_error(&self) -> Error {
        let directory = self
            .held
            .as_ref()
            .map(|held| held.place.directory.display().to_string());
        Error::new(
            ErrorKind::Locked,
            format!(
                "another process took over the download to {}, because this one was not heard of for a while",
                directory.unwrap_or_default()
            ),
        )
        .with_advice("download again: what the other one has fetched counts")
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.renewal.abort();
        let Some(held) = self.held.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || held.release())),
            // Not on a thread of a runtime: this may block.
            Err(_) => held.release(),
        }
    }
}

/// Claims a place. Waits while another owner has it, for at most `limit`.
///
/// # Errors
/// `Locked`, with host and process of the other owner, when the limit has passed; `Cancelled`; `Io`.
pub(crate) async fn claim(
    place: &Place,
    limit: Option<Duration>,
    lease: Lease,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Claim> {
    let owner = format!("{:0OWNER$x}", fastrand::u64(..1 << 48));
    let mine = {
        let (place, owner) = (place.clone(), owner.clone());
        blocking(move || Candidate::new(place, owner)).await?
    };
    let mut mine = Some(mine);
    let mut watch = Watch::default();
    let mut before = Before::Free;
    let mut waited = false;
    let began = Instant::now();
    let outcome = loop {
        let Some(candidate) = mine.take() else {
            break Err(Error::new(ErrorKind::Internal, "a claim lost its candidate"));
        };
        let (candidate, look) = match blocking(move || candidate.look()).await {
            Ok(looked) => looked,
            Err(error) => break Err(error),
        };
        let (holder, state) = match look {
            Look::Ours(held) => break Ok(held),
            Look::Vanished => {
                mine = candidate;
                continue;
            }
            Look::Other(holder, state) => (holder, state),
        };
        mine = candidate;
        if let Some(how) = watch.lapsed(&holder, state, Instant::now(), lease.silence) {
            tracing::warn!(target: TRANSFER, host = %holder.host, process = holder.process, ?how, "taking over a download whose owner is gone");
            before = how;
            let Some(candidate) = mine.take() else { continue };
            match blocking(move || candidate.take_over(&holder, how)).await {
                Ok(candidate) => mine = Some(candidate),
                Err(error) => break Err(error),
            }
            continue;
        }
        waited = true;
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            break Err(Error::new(
                ErrorKind::Locked,
                format!(
                    "{} is being fetched to {} by process {} on {}",
                    place.stem,
                    place.directory.display(),
                    holder.process,
                    holder.host
                ),
            )
            .with_advice("wait for it, or choose another directory"));
        }
        progress.set_waiting_for(Some(format!("process {} on {}", holder.process, holder.host)));
        tokio::select! {
            biased;
            () = cancel.cancelled() => break Err(cancelled("the download")),
            () = tokio::time::sleep(lease.look) => {}
        }
    };
    progress.set_waiting_for(None);
    if let Some(candidate) = mine {
        // Only its lock file is there.
        drop(tokio::task::spawn_blocking(move || candidate.withdraw()));
    }
    let held = outcome?;
    let lost = CancellationToken::new();
    let renewal = tokio::spawn(renew(held.place.clone(), held.holder.clone(), lease.beat, lost.clone()));
    Ok(Claim {
        held: Some(held),
        before,
        waited,
        lost,
        renewal,
    })
}

/// Renews a claim until it is aborted, or another has the place.
async fn renew(place: Place, holder: Holder, beat: Duration, lost: CancellationToken) {
    loop {
        tokio::time::sleep(beat).await;
        let (place, holder) = (place.clone(), holder.clone());
        let renewed = tokio::task::spawn_blocking(move || {
            match read(&place.claim()) {
                Ok(Some((found, _))) if found == holder => {}
                Ok(_) => return false,
                // A network that is away for a moment.
                Err(_) => return true,
            }
            let touched = OpenOptions::new()
                .write(true)
                .open(place.claim())
                .and_then(|file| file.set_modified(SystemTime::now()));
            if let Err(error) = touched {
                tracing::debug!(target: TRANSFER, %error, "a claim cannot be renewed");
            }
            true
        });
        if matches!(renewed.await, Ok(false)) {
            lost.cancel();
            return;
        }
    }
}

/// Who wants the place.
#[derive(Debug)]
struct Candidate {
    place: Place,
    holder: Holder,
    lock: Option<File>,
    path: PathBuf,
}

/// What was found in the place.
enum Look {
    Ours(Held),
    Other(Holder, Sign),
    /// What was there went while it was looked at.
    Vanished,
}

/// What a claim shows of its owner's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sign {
    /// What the operating system says; `None` on another host, or without locks.
    alive: Option<bool>,
    renewed: Option<SystemTime>,
}

impl Candidate {
    fn new(place: Place, owner: String) -> Result<Self> {
        let path = place.lock(&owner);
        let unwritable = |error| Error::io(format!("cannot create a file in {}", place.directory.display()), error);
        fs::create_dir_all(&place.directory)
            .map_err(|error| Error::io(format!("cannot create {}", place.directory.display()), error))?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(unwritable)?;
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(error) => {
                tracing::debug!(target: TRANSFER, %error, "the file system has no locks; a lease has to do");
                // Nothing to ask for life: watchers go by the lease.
                let _ = fs::remove_file(&path);
                None
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
    fn look(self) -> Result<(Option<Self>, Look)> {
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
    fn take_over(self, lapsed: &Holder, how: Before) -> Result<Self> {
        let lock = self.place.lock(&lapsed.owner);
        let is_lapsed = |path: &Path| matches!(read(path), Ok(Some((holder, _))) if holder == *lapsed);
        if how == Before::Dead {
            // Whoever holds the dead owner's lock may remove its claim: one of all on this host.
            let Some(_alone) = File::open(&lock).ok().filter(|file| file.try_lock().is_ok()) else {
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

    fn withdraw(self) {
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
fn read(path: &Path) -> io::Result<Option<(Holder, Option<SystemTime>)>> {
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

/// What one watcher has seen of another's claim.
#[derive(Debug, Default)]
struct Watch {
    seen: Option<(Holder, Sign, Instant)>,
}

impl Watch {
    /// Whether, and how surely, a claim has lapsed.
    fn lapsed(&mut self, holder: &Holder, sign: Sign, now: Instant, silence: Duration) -> Option<Before> {
        if sign.alive == Some(false) {
            return Some(Before::Dead);
        }
        match &self.seen {
            Some((seen, before, since)) if seen == holder && before.renewed == sign.renewed => {
                (sign.alive.is_none() && now.saturating_duration_since(*since) >= silence).then_some(Before::Silent)
            }
            _ => {
                self.seen = Some((holder.clone(), sign, now));
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
