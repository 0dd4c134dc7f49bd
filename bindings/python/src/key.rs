//! A key that a function in Python gives: the core asks here, and a thread of Python comes, calls the function and answers.
//!
//! The core waits on one of its own threads for what blocks, without anything of Python's; closing ends that wait, and the thread's, at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use crate::guard::fenced;
use crate::owned::Owned;

/// What the key is, or why there is none.
type Told = Result<String, String>;

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The question that waits for an answer, by number; the core asks one at a time.
    asked: u64,
    /// The last question that somebody came for.
    taken: u64,
    answer: Option<(u64, Told)>,
    closed: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, quiet: impl FnMut(&mut State) -> bool) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_while(state, quiet);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and waits for the answer, or for the end.
    fn ask(&self) -> Told {
        let mut state = self.lock();
        state.asked += 1;
        let mine = state.asked;
        self.changed.notify_all();
        let mut state = self.wait(state, |state| {
            !state.closed && state.answer.as_ref().is_none_or(|(number, _)| *number != mine)
        });
        match state.answer.take_if(|(number, _)| *number == mine) {
            Some((_, told)) => told,
            None => Err("nobody calls it any more: the client was closed, or has another key".to_owned()),
        }
    }

    /// Sleeps until there is a question, and gives its number; nothing when there will be none.
    fn next(&self) -> Option<u64> {
        let state = self.lock();
        let mut state = self.wait(state, |state| !state.closed && state.asked == state.taken);
        if state.closed {
            return None;
        }
        state.taken = state.asked;
        Some(state.asked)
    }

    fn answer(&self, number: u64, told: Told) {
        self.lock().answer = Some((number, told));
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// What the core holds; when it goes, nobody will ask any more.
pub(crate) struct Asker(Owned<Arc<Desk>>);

impl Asker {
    pub(crate) fn ask(&self) -> Told {
        match self.0.get() {
            Ok(desk) => desk.ask(),
            Err(error) => Err(error.message().to_owned()),
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if let Ok(desk) = self.0.get() {
            desk.close();
        }
    }
}

/// The questions for the key of one client, for one thread of Python.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct KeyRequests(Owned<Arc<Desk>>);

impl KeyRequests {
    /// The two ends.
    pub(crate) fn pair() -> (Asker, Self) {
        let desk = Arc::<Desk>::default();
        let owned = |desk| Owned::new("this queue of questions", desk);
        (Asker(owned(Arc::clone(&desk))), Self(owned(desk)))
    }

    /// Answers nobody any more, from any thread.
    pub(crate) fn close(&self) {
        if let Ok(desk) = self.0.get() {
            desk.close();
        }
    }
}

#[pymethods]
impl KeyRequests {
    /// Sleeps, with the GIL released, until the core wants the key; gives the question's number, or nothing when there will be none any more.
    fn next_request(&self, py: Python<'_>) -> Option<u64> {
        let desk = self.0.get().ok()?;
        py.detach(|| fenced(|| Ok(desk.next())).unwrap_or_default())
    }

    /// The key.
    fn answer(&self, number: u64, key: String) {
        self.tell(number, Ok(key));
    }

    /// Why there is none, in words without the key.
    fn fail(&self, number: u64, why: String) {
        self.tell(number, Err(why));
    }
}

impl KeyRequests {
    /// Keeps the GIL: the lock is never held for longer than a look, and at the exit of the interpreter a thread that has let go gets it no more.
    fn tell(&self, number: u64, told: Told) {
        if let Ok(desk) = self.0.get() {
            desk.answer(number, told);
        }
    }
}
