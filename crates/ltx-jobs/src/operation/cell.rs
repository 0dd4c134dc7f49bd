//! The place where an operation's outcome appears: for parked threads, for futures and for hooks alike.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::Meaning;
use crate::config::LONGEST;
use crate::error::{Error, ErrorKind, Result};

type Hook = Box<dyn FnOnce() + Send>;

pub(super) struct Cell<T> {
    state: Mutex<State<T>>,
    ended: Condvar,
}

enum State<T> {
    Running { wakers: Vec<Waker>, hooks: Vec<Hook> },
    Ended(Result<T>),
    Taken,
}

impl<T> Cell<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::Running {
                wakers: Vec::new(),
                hooks: Vec::new(),
            }),
            ended: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_ended(&self) -> bool {
        !matches!(*self.lock(), State::Running { .. })
    }

    pub(super) fn error(&self) -> Option<Error> {
        match &*self.lock() {
            State::Ended(Err(error)) => Some(error.clone()),
            _ => None,
        }
    }

    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.map(|timeout| Instant::now() + timeout.min(LONGEST));
        let mut state = self.lock();
        while matches!(*state, State::Running { .. }) {
            match deadline {
                None => state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    state = self
                        .ended
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            }
        }
        true
    }

    pub(super) fn take(&self) -> Option<Result<T>> {
        take_from(&mut self.lock())
    }

    pub(super) fn poll_take(&self, context: &mut Context<'_>) -> Poll<Result<T>> {
        let mut state = self.lock();
        if let State::Running { wakers, .. } = &mut *state {
            if !wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                wakers.push(context.waker().clone());
            }
            return Poll::Pending;
        }
        match take_from(&mut state) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }

    pub(super) fn on_end(&self, hook: Hook) {
        let mut state = self.lock();
        if let State::Running { hooks, .. } = &mut *state {
            hooks.push(hook);
            return;
        }
        drop(state);
        hook();
    }

    fn end(&self, outcome: Result<T>) {
        let mut state = self.lock();
        if !matches!(*state, State::Running { .. }) {
            return;
        }
        let before = std::mem::replace(&mut *state, State::Ended(outcome));
        drop(state);
        self.ended.notify_all();
        if let State::Running { wakers, hooks } = before {
            wakers.into_iter().for_each(Waker::wake);
            hooks.into_iter().for_each(|hook| hook());
        }
    }
}

fn take_from<T>(state: &mut State<T>) -> Option<Result<T>> {
    match std::mem::replace(state, State::Taken) {
        running @ State::Running { .. } => {
            *state = running;
            None
        }
        State::Ended(outcome) => Some(outcome),
        State::Taken => Some(Err(Error::new(
            ErrorKind::InvalidState,
            "the result of this operation was taken already",
        )
        .with_retryable(false))),
    }
}

/// Ends the cell exactly once: with the outcome of the work, or, when the work is dropped on the way, with what that means.
pub(super) struct Finisher<T> {
    cell: Option<Arc<Cell<T>>>,
    meaning: Meaning,
}

impl<T> Finisher<T> {
    pub(super) fn new(cell: Arc<Cell<T>>, meaning: Meaning) -> Self {
        Self {
            cell: Some(cell),
            meaning,
        }
    }

    pub(super) fn finish(mut self, outcome: Result<T>) {
        if let Some(cell) = self.cell.take() {
            cell.end(outcome);
        }
    }
}

impl<T> Drop for Finisher<T> {
    fn drop(&mut self) {
        let Some(cell) = self.cell.take() else { return };
        let error = if std::thread::panicking() {
            Error::new(ErrorKind::Internal, "an operation of this library panicked")
                .with_advice("please report it, with what the program did")
        } else {
            Error::new(ErrorKind::Closed, "the client was closed while the operation ran")
        };
        let meaning = self.meaning.lock().unwrap_or_else(PoisonError::into_inner).take();
        cell.end(Err(match meaning {
            Some((billing, job)) => error.with_billing(billing).with_job(&job),
            None => error,
        }));
    }
}
