//! What the lanes of a batch share: items to submit, completed jobs to save, and the numbers. Every change wakes whoever waits for one.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::item::{BatchItem, Keep};
use super::news::News;
use super::outcome::{BatchOutcome, BatchProgress, BatchState};
use super::ranked::Ranked;
use super::transfers::Transfers;
use super::trouble::Trouble;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Completed, JobRef};
use crate::money::Spending;
use crate::telemetry::SUBMIT;
use crate::transfer::bandwidth::Bandwidth;

/// Completed jobs that may wait to be saved for each lane that saves, before nothing more is submitted: their outputs do not keep for ever.
const BACKLOG: usize = 16;

pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) options: Options,
    pub(super) spending: Arc<Spending>,
    pub(super) news: News,
    pub(super) transfers: Transfers,
    /// As many jobs as may be waited for by others.
    pub(super) waits: Arc<Semaphore>,
    /// The limit of speed, kept by all transfers together.
    pub(super) bandwidth: Option<Arc<Bandwidth>>,
    /// Nothing more is begun, and what is not paid for ends.
    pub(super) stop: CancellationToken,
    /// Nothing more is submitted; cancelled with `stop` too.
    pub(super) pause: CancellationToken,
    state: Mutex<State>,
    changed: Notify,
    began: Instant,
}

struct State {
    keys: HashSet<String>,
    queue: Ranked<Reverse<i32>, BatchItem>,
    to_save: Ranked<SystemTime, Work>,
    /// No more items come.
    finished: bool,
    submit_lanes: usize,
    trouble: Trouble,
    numbers: BatchProgress,
}

/// A completed job that is to be saved.
pub(super) struct Work {
    pub(super) item: BatchItem,
    pub(super) keep: Keep,
    pub(super) done: Completed,
}

/// What a lane finds.
enum Look<T> {
    Take(T),
    Wait,
    Over,
}

impl Desk {
    pub(super) fn new(client: Client, options: Options, stop: CancellationToken) -> Self {
        Self {
            client,
            spending: Arc::default(),
            news: News::default(),
            transfers: Transfers::default(),
            waits: Arc::new(Semaphore::new(options.hand_over_waits)),
            bandwidth: options.bandwidth.map(|rate| Arc::new(Bandwidth::new(rate))),
            pause: stop.child_token(),
            stop,
            state: Mutex::new(State {
                keys: HashSet::new(),
                queue: Ranked::new(),
                to_save: Ranked::new(),
                finished: false,
                submit_lanes: options.submits_at_once,
                trouble: Trouble::default(),
                numbers: BatchProgress::default(),
            }),
            changed: Notify::new(),
            began: Instant::now(),
            options,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    async fn look<T>(&self, mut look: impl FnMut(&mut State) -> Look<T>) -> Option<T> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on nothing is missed.
            changed.as_mut().enable();
            let found = look(&mut self.lock());
            match found {
                Look::Take(found) => {
                    self.changed.notify_waiters();
                    return Some(found);
                }
                Look::Over => return None,
                Look::Wait => changed.await,
            }
        }
    }

    pub(super) fn progress(&self) -> BatchProgress {
        let mut numbers = self.lock().numbers.clone();
        numbers.committed = self.spending.committed();
        numbers.elapsed = self.began.elapsed();
        numbers
    }

    /// Whether another item would be taken now.
    pub(super) fn has_room(&self) -> bool {
        let state = self.lock();
        state.queue.len() < self.options.queue || state.numbers.paused.is_some()
    }

    /// Waits until there is room for another item.
    pub(super) async fn room(&self) {
        self.look(
            |state| match state.queue.len() < self.options.queue || state.numbers.paused.is_some() {
                true => Look::Take(()),
                false => Look::Wait,
            },
        )
        .await;
    }

    pub(super) fn push(&self, item: BatchItem) -> Result<()> {
        item.check()?;
        let left_out = self.change(|state| {
            if state.finished {
                return Err(Error::new(ErrorKind::InvalidState, "the batch takes no more items"));
            }
            if !state.keys.insert(item.key.clone()) {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!("two items of the batch have the key {:?}", item.key),
                ));
            }
            state.numbers.items += 1;
            if state.numbers.paused.is_some() {
                return Ok(Some(item));
            }
            state.numbers.queued += 1;
            state.queue.push(Reverse(item.priority), item);
            Ok(None)
        })?;
        if let Some(item) = left_out {
            self.end(outcome(&item, BatchState::NotSubmitted));
        }
        Ok(())
    }

    pub(super) async fn finished(&self) {
        self.look(|state| match state.finished {
            true => Look::Take(()),
            false => Look::Wait,
        })
        .await;
    }

    pub(super) fn finish(&self) {
        self.change(|state| state.finished = true);
    }

    /// Submits nothing more, and withdraws what is not on the wire. What runs is waited for and saved.
    pub(super) fn pause(&self, why: String) {
        self.pause.cancel();
        let left_out = self.change(|state| {
            if state.numbers.paused.is_none() {
                tracing::warn!(target: SUBMIT, batch = %self.options.name, %why, "the batch submits nothing more");
                state.numbers.paused = Some(why);
            }
            state.numbers.queued = 0;
            std::iter::from_fn(|| state.queue.pop()).collect::<Vec<_>>()
        });
        for item in left_out {
            self.end(outcome(&item, BatchState::NotSubmitted));
        }
    }

    /// The next item to submit; none when there will be none.
    pub(super) async fn next_item(&self) -> Option<BatchItem> {
        let most = BACKLOG * self.options.saves_at_once;
        self.look(|state| {
            if state.numbers.paused.is_some() {
                return Look::Over;
            }
            if state.numbers.saving >= most as u64 {
                return Look::Wait;
            }
            match state.queue.pop() {
                Some(item) => {
                    state.numbers.queued = state.numbers.queued.saturating_sub(1);
                    state.numbers.submitting += 1;
                    Look::Take(item)
                }
                None if state.finished => Look::Over,
                None => Look::Wait,
            }
        })
        .await
    }

    pub(super) fn submit_lane_ended(&self) {
        self.change(|state| state.submit_lanes = state.submit_lanes.saturating_sub(1));
    }

    /// A submit has ended: with a job, or with an error. Gives what is in the way of all others, to [`pause`](Self::pause) when the item has its outcome:
    /// so the cause is told first.
    #[must_use = "the batch may have to be paused"]
    pub(super) fn submitted(&self, error: Option<&Error>) -> Option<String> {
        self.change(|state| {
            state.numbers.submitting = state.numbers.submitting.saturating_sub(1);
            match error {
                None => {
                    state.numbers.running += 1;
                    state.trouble.accepted();
                    None
                }
                Some(error) => state.trouble.see(error),
            }
        })
    }

    /// A submit has ended with what is known of one of before: that says nothing of the service as it is now.
    pub(super) fn told_by_the_journal(&self) {
        self.change(|state| state.numbers.submitting = state.numbers.submitting.saturating_sub(1));
    }

    /// A job is no longer waited for; its outputs are to be saved when it is completed.
    pub(super) fn followed(&self, to_save: Option<Work>) {
        self.change(|state| {
            state.numbers.running = state.numbers.running.saturating_sub(1);
            if let Some(work) = to_save {
                state.numbers.saving += 1;
                // What nobody gives a time for keeps a day from now on, by the service's word.
                let expires = work.done.outputs_expire_at();
                let expires = expires.unwrap_or_else(|| SystemTime::now() + std::time::Duration::from_secs(24 * 3600));
                state.to_save.push(expires, work);
            }
        });
    }

    /// A job failed: the account may be in the way of the others too. As with [`submitted`](Self::submitted).
    #[must_use = "the batch may have to be paused"]
    pub(super) fn job_failed(&self, error: &Error) -> Option<String> {
        self.change(|state| state.trouble.see(error))
    }

    /// The completed job whose outputs expire first; none when there will be none.
    pub(super) async fn next_to_save(&self) -> Option<Work> {
        self.look(|state| match state.to_save.pop() {
            Some(work) => Look::Take(work),
            None if state.submit_lanes == 0 && state.numbers.submitting == 0 && state.numbers.running == 0 => {
                Look::Over
            }
            None => Look::Wait,
        })
        .await
    }

    pub(super) fn saved(&self, bytes: u64) {
        self.change(|state| {
            state.numbers.saving = state.numbers.saving.saturating_sub(1);
            state.numbers.bytes = state.numbers.bytes.saturating_add(bytes);
        });
    }

    /// An item has ended, with what is in the way of all others.
    pub(super) fn end_and_pause(&self, outcome: BatchOutcome, why: Option<String>) {
        self.end(outcome);
        if let Some(why) = why {
            self.pause(why);
        }
    }

    /// An item has ended.
    pub(super) fn end(&self, outcome: BatchOutcome) {
        self.change(|state| state.numbers.add(outcome.state));
        tracing::info!(target: SUBMIT, batch = %self.options.name, key = %outcome.key, state = %outcome.state, job = outcome.job.as_ref().map(tracing::field::display), "an item of the batch has ended");
        self.news.tell(outcome);
    }
}

/// The outcome of an item of which nothing more is to be said.
pub(super) fn outcome(item: &BatchItem, state: BatchState) -> BatchOutcome {
    BatchOutcome {
        key: item.key.clone(),
        label: item.label.clone().unwrap_or_else(|| item.key.clone()),
        state,
        job: None,
        completed: None,
        paths: Vec::new(),
        urls: Vec::new(),
        bytes: 0,
        error: None,
    }
}

/// As [`outcome`], for one that is about a job and went wrong.
pub(super) fn trouble(item: &BatchItem, state: BatchState, job: Option<&JobRef>, error: Error) -> BatchOutcome {
    BatchOutcome {
        job: job.or(error.job()).cloned(),
        error: Some(error),
        ..outcome(item, state)
    }
}
