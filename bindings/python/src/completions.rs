//! News for an event loop: what was armed and has something to take now, in batches, for the one thread that tells the loops.
//!
//! The thread belongs to Python and comes here to wait; nothing of ours calls it. First the owner writes down whom a token wakes, then it arms what it waits
//! for: an end that is there already is in the next batch, so none can be missed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

use crate::guard::fenced;
use crate::owned::Owned;

/// A queue of tokens.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Completions(Owned<Arc<Queue>>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Default)]
struct State {
    tokens: Vec<u64>,
    /// Somebody wants the waiting thread to look around.
    woken: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_batch(&self, limit: Option<Duration>) -> Vec<u64> {
        let quiet = |state: &mut State| state.tokens.is_empty() && !state.woken;
        let mut state = match limit {
            Some(limit) => {
                let waited = self.grown.wait_timeout_while(self.lock(), limit, quiet);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => {
                let waited = self.grown.wait_while(self.lock(), quiet);
                waited.unwrap_or_else(PoisonError::into_inner)
            }
        };
        state.woken = false;
        std::mem::take(&mut state.tokens)
    }
}

/// A token that goes into its queue when there is something to take.
pub(crate) struct Armed {
    queue: Arc<Queue>,
    token: u64,
}

impl Armed {
    pub(crate) fn fire(self) {
        self.queue.lock().tokens.push(self.token);
        self.queue.grown.notify_one();
    }
}

impl Completions {
    /// The token, to be armed; nothing in a child of a fork, whose queue is another.
    pub(crate) fn armed(&self, token: u64) -> Option<Armed> {
        let queue = Arc::clone(self.0.get().ok()?);
        Some(Armed { queue, token })
    }
}

#[pymethods]
impl Completions {
    #[new]
    fn new() -> Self {
        Self(Owned::new("this queue", Arc::default()))
    }

    /// Sleeps until there are tokens, somebody wakes it, or the time is up, and gives what is there. Without a limit when there is none.
    ///
    /// Releases the GIL. For one thread.
    fn next_batch(&self, py: Python<'_>, milliseconds: Option<u32>) -> Vec<u64> {
        let Ok(queue) = self.0.get() else { return Vec::new() };
        let limit = milliseconds.map(|limit| Duration::from_millis(limit.into()));
        py.detach(|| fenced(|| Ok(queue.next_batch(limit))).unwrap_or_default())
    }

    /// Ends a sleep in `next_batch`, or the next one.
    fn wake(&self, py: Python<'_>) {
        let Ok(queue) = self.0.get() else { return };
        py.detach(|| {
            queue.lock().woken = true;
            queue.grown.notify_one();
        });
    }
}
