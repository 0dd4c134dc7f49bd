//! Outcomes, and jobs that are handed over, on their way to whoever reads them: a task or a thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::handover::Handover;
use super::outcome::BatchOutcome;

#[derive(Default)]
pub(super) struct News {
    state: Mutex<State>,
    changed: Condvar,
    told: Notify,
}

#[derive(Default)]
struct State {
    outcomes: VecDeque<BatchOutcome>,
    handovers: VecDeque<Handover>,
    ended: bool,
}

impl News {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, outcome: BatchOutcome) {
        self.lock().outcomes.push_back(outcome);
        self.wake();
    }

    /// A job is to be waited for or brought home by the reader.
    pub(super) fn hand_over(&self, handover: Handover) {
        self.lock().handovers.push_back(handover);
        self.wake();
    }

    fn take_handover(&self) -> Option<Option<Handover>> {
        let mut state = self.lock();
        match state.handovers.pop_front() {
            Some(handover) => Some(Some(handover)),
            None => state.ended.then_some(None),
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        let left_out = {
            let mut state = self.lock();
            state.ended = true;
            std::mem::take(&mut state.handovers)
        };
        drop(left_out);
        self.wake();
    }

    fn wake(&self) {
        self.changed.notify_all();
        self.told.notify_waiters();
    }

    /// The next one; `Some(None)` when all were taken, `None` when the next is not there yet.
    pub(super) fn take(&self) -> Option<Option<BatchOutcome>> {
        let mut state = self.lock();
        match state.outcomes.pop_front() {
            Some(outcome) => Some(Some(outcome)),
            None => state.ended.then_some(None),
        }
    }

    pub(super) async fn next(&self) -> Option<BatchOutcome> {
        self.look(Self::take).await
    }

    /// The next job to wait for or to bring home; `None` when there will be none.
    pub(super) async fn handed_over(&self) -> Option<Handover> {
        self.look(Self::take_handover).await
    }

    /// As [`handed_over`](Self::handed_over) for a thread, which it parks; `None` when the time was up first.
    pub(super) fn wait_handed_over(&self, timeout: Option<Duration>) -> Option<Option<Handover>> {
        self.park(timeout, |state| !state.handovers.is_empty() || state.ended);
        self.take_handover()
    }

    async fn look<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            // From here on nothing is missed.
            told.as_mut().enable();
            if let Some(found) = look(self) {
                return found;
            }
            told.await;
        }
    }

    /// Parks the thread until there is something to take or the time is up; false when it is.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        self.park(timeout, |state| !state.outcomes.is_empty() || state.ended)
    }

    fn park(&self, timeout: Option<Duration>, there: impl Fn(&State) -> bool) -> bool {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        while !there(&state) {
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}
