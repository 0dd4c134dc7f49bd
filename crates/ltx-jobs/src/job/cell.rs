//! The shared memory of one job: written by the poll actor, read by every handle and every wait.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;

use super::{Destination, JobRef, Snapshot};
use crate::secret::ApiKey;
use crate::submit::Holding;

/// What the caller said of a job at submit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) label: Option<String>,
    pub(crate) dest: Option<Destination>,
}

/// One job as this client knows it. One cell per job and client, shared by all handles.
pub(crate) struct JobCell {
    pub(crate) reference: JobRef,
    pub(crate) given: Given,
    /// Whether it was submitted through this client: then it is polled whether or not somebody waits.
    pub(crate) submitted_here: bool,
    waiters: AtomicUsize,
    /// Waits for it in other processes that will tell of its end.
    elsewhere: AtomicUsize,
    /// Its end was seen, and is being written down before anybody hears of it.
    ending: AtomicBool,
    /// The key that was refused when polling was paused; none when there was none to be had.
    refused_key: Mutex<Option<ApiKey>>,
    /// What its submit holds until it ends.
    holding: OnceLock<Arc<Holding>>,
    snapshot: watch::Sender<Snapshot>,
}

impl JobCell {
    pub(crate) fn new(reference: JobRef, given: Given, submitted_here: bool, snapshot: Snapshot) -> Self {
        Self {
            reference,
            given,
            submitted_here,
            waiters: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            refused_key: Mutex::default(),
            holding: OnceLock::new(),
            snapshot: watch::Sender::new(snapshot),
        }
    }

    /// Keeps what its submit holds until the job ends.
    pub(crate) fn hold(&self, holding: Arc<Holding>) {
        let _ = self.holding.set(holding);
    }

    /// The job has ended: what its submit held is free.
    pub(crate) fn let_go(&self, billed: bool) {
        if let Some(holding) = self.holding.get() {
            holding.ended(billed);
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.snapshot.borrow().is_ended()
    }

    /// Notes the key for which polling is paused, before the pause is told.
    pub(crate) fn set_refused_key(&self, key: Option<ApiKey>) {
        *self.refused_key.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    pub(crate) fn refused_key(&self) -> Option<ApiKey> {
        let key = self.refused_key.lock().unwrap_or_else(PoisonError::into_inner);
        key.clone()
    }

    /// From now on nobody asks for it any more; who waits hears of the end when it is written down.
    pub(crate) fn begin_to_end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// The runtime that was to tell of the end is gone, or this is a child of its process: the job is asked for again.
    pub(crate) fn forget_untold_end(&self) {
        self.ending.store(false, Ordering::Release);
    }

    /// Whether its end was seen, told or not.
    pub(crate) fn was_seen_to_end(&self) -> bool {
        self.ending.load(Ordering::Acquire) || self.is_ended()
    }

    /// Once the end is told.
    pub(crate) async fn end_is_told(&self) -> Snapshot {
        let mut watch = self.watch();
        match watch.wait_for(Snapshot::is_ended).await {
            Ok(snapshot) => snapshot.clone(),
            // Only with the cell itself.
            Err(_) => self.snapshot(),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.subscribe()
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Snapshot) -> R) -> Option<R> {
        let mut result = None;
        self.snapshot.send_modify(|snapshot| result = Some(change(snapshot)));
        result
    }

    /// Whether polls are wanted at all.
    pub(crate) fn is_wanted(&self) -> bool {
        self.submitted_here || self.waiters.load(Ordering::Acquire) > 0
    }

    /// Whether another process will tell of its end, to all who wait here: then it is asked for rarely.
    pub(crate) fn is_watched_elsewhere(&self) -> bool {
        let elsewhere = self.elsewhere.load(Ordering::Acquire);
        elsewhere > 0 && self.waiters.load(Ordering::Acquire) <= elsewhere
    }

    /// One of those who wait here is told by another process, from now on; until [`no_longer_elsewhere`](Self::no_longer_elsewhere).
    pub(super) fn watch_elsewhere(&self) {
        self.elsewhere.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn no_longer_elsewhere(&self) {
        self.elsewhere.fetch_sub(1, Ordering::AcqRel);
    }

    /// Counts a waiter as long as the guard lives.
    pub(crate) fn wait_here(&self) -> Waiter<'_> {
        self.waiters.fetch_add(1, Ordering::AcqRel);
        Waiter(self)
    }
}

pub(crate) struct Waiter<'a>(&'a JobCell);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Ordering::AcqRel);
    }
}
