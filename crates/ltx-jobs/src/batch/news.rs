//! Outcomes on their way to whoever reads them: a task or a thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

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

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.lock().ended = true;
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
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            // From here on nothing is missed.
            told.as_mut().enable();
            if let Some(taken) = self.take() {
                return taken;
            }
            told.await;
        }
    }

    /// Parks the thread until there is something to take or the time is up; false when it is.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        while state.outcomes.is_empty() && !state.ended {
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
