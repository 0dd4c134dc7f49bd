//! One writer for one output: who fetches it says so in a file beside it, and others wait for what comes out.
//!
//! A claim is made by creating a file exclusively, the one thing that every file system does truly, network ones too. It names its owner. The owner lives
//! while it renews the file's time (looked at by the watcher's own clock, never compared with it), or, on the same host, while it holds a lock of the
//! operating system. Whose claim has lapsed is taken over by renaming it away, which succeeds for one.
//!
//! Claims save work; nothing depends on them. Every owner writes to a part file of its own name, and publishing clobbers nothing, so two owners, should it
//! come to that, harm no file.

use std::fs::OpenOptions;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::holder::{Candidate, Held, Holder, Look, Sign, new_owner, read};
use super::place::Place;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::telemetry::TRANSFER;
use crate::transfer::sink::blocking;

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
            .map(|held| held.place.directory().display().to_string());
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
    let mine = {
        let place = place.clone();
        blocking(move || Candidate::new(place, new_owner())).await?
    };
    let mut mine = Some(mine);
    let mut watch = Watch::default();
    let mut before = Before::Free;
    let mut waited = false;
    // Whose claim was to be taken over in the round before.
    let mut tried: Option<Holder> = None;
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
        // One that is still there when it was to be removed is waited for like any other: a limit and a cancellation count.
        let lapsed = watch.lapsed(&holder, state, Instant::now(), lease.silence);
        if let Some(how) = lapsed.filter(|_| tried.as_ref() != Some(&holder)) {
            tracing::warn!(target: TRANSFER, host = %holder.host, process = holder.process, ?how, "taking over a download whose owner is gone");
            before = how;
            tried = Some(holder.clone());
            let Some(candidate) = mine.take() else { continue };
            match blocking(move || candidate.take_over(&holder, how)).await {
                Ok(candidate) => mine = Some(candidate),
                Err(error) => break Err(error),
            }
            continue;
        }
        waited = true;
        tried = None;
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            break Err(Error::new(
                ErrorKind::Locked,
                format!(
                    "{} is being fetched to {} by process {} on {}",
                    place.stem(),
                    place.directory().display(),
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
