//! Frames in memory, one after the other: waited for in slices, as an operation is.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ltx_jobs::{Frame, Result};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::completions::Completions;
use crate::convert;
use crate::guard::fenced;
use crate::owned::Owned;
use crate::park::{self, Sleepers};

/// Frames that are fetched ahead of their reader. Dropping it ends the fetching.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct FrameStream(Owned<Reading>);

struct Reading {
    state: Mutex<State>,
    news: Arc<News>,
}

#[derive(Default)]
struct State {
    /// Gone when it was closed.
    stream: Option<ltx_jobs::FrameStream>,
    /// What was met by looking and is to be taken: a frame, an error, or the end.
    next: Option<Option<Result<Frame>>>,
}

/// Wakes everybody who waits for the stream.
#[derive(Default)]
struct News {
    count: Mutex<u64>,
    grown: Condvar,
    sleepers: Sleepers,
}

impl News {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for News {
    fn wake(self: Arc<Self>) {
        *self.lock() += 1;
        self.grown.notify_all();
        self.sleepers.ring();
    }
}

impl Reading {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something to take; if not, there will be news.
    fn look(&self) -> bool {
        let mut state = self.lock();
        let State { stream, next } = &mut *state;
        if next.is_some() {
            return true;
        }
        let Some(stream) = stream else { return true };
        let waker = Waker::from(Arc::clone(&self.news));
        match pin!(stream.next()).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(met) => {
                *next = Some(met);
                true
            }
            Poll::Pending => false,
        }
    }

    fn wait(&self, limit: Duration) -> bool {
        let seen = *self.news.lock();
        if self.look() {
            return true;
        }
        let waited = self
            .news
            .grown
            .wait_timeout_while(self.news.lock(), limit, |count| *count == seen);
        drop(waited);
        self.look()
    }
}

impl FrameStream {
    pub(crate) fn new(stream: ltx_jobs::FrameStream) -> Self {
        let state = State {
            stream: Some(stream),
            next: None,
        };
        Self(Owned::new(
            "this stream of frames",
            Reading {
                state: Mutex::new(state),
                news: Arc::default(),
            },
        ))
    }
}

#[pymethods]
impl FrameStream {
    /// Sleeps until there is something to take, the time is up or, on an `interruptible` thread, a signal comes; true when there is.
    ///
    /// Releases the GIL. May return early without a reason, so it is called in a loop.
    fn wait_slice(&self, py: Python<'_>, milliseconds: u32, interruptible: bool) -> bool {
        let Ok(reading) = self.0.get() else { return true };
        let limit = Duration::from_millis(milliseconds.into());
        py.detach(|| {
            let slept = fenced(|| {
                if interruptible && park::sleep(&reading.news.sleepers, limit, || reading.look()).is_some() {
                    return Ok(reading.look());
                }
                Ok(reading.wait(limit))
            });
            // A panic here would be met again on every turn; taking tells about it.
            slept.unwrap_or(true)
        })
    }

    /// Puts `token` into `completions` when there may be something to take, once; at once when there is. To be sure, look with `wait_slice`.
    fn arm(&self, py: Python<'_>, completions: &Completions, token: u64) {
        let Some(armed) = completions.armed(token) else { return };
        let Ok(reading) = self.0.get() else {
            // Taking tells whose it is.
            return armed.fire();
        };
        py.detach(|| {
            let look = || fenced(|| Ok(reading.look())).unwrap_or(true);
            reading.news.sleepers.arm(armed, look);
        });
    }

    /// The place of the next frame and its bytes, or a failure; true when all were taken, false when it is not there yet.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let taken = py.detach(|| {
            fenced(|| {
                let reading = self.0.get()?;
                reading.look();
                let mut state = reading.lock();
                let over = state.stream.is_none();
                Ok(state.next.take().or(over.then_some(None)))
            })
        });
        match taken {
            Ok(None) => false.into_py_any(py),
            Ok(Some(None)) => true.into_py_any(py),
            Ok(Some(Some(Ok(frame)))) => (frame.index, PyBytes::new(py, &frame.bytes)).into_py_any(py),
            Ok(Some(Some(Err(error)))) | Err(error) => convert::failure(py, error),
        }
    }

    /// How far the fetching is, or nothing when it was closed.
    fn progress<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Ok(reading) = self.0.get() else { return Ok(None) };
        let now = py.detach(|| reading.lock().stream.as_ref().map(ltx_jobs::FrameStream::snapshot));
        now.map(|now| convert::progress(py, &now)).transpose()
    }

    /// Ends the fetching and drops what waits; wakes whoever waits for it.
    fn close(&self, py: Python<'_>) {
        let Ok(reading) = self.0.get() else { return };
        py.detach(|| {
            let before = std::mem::take(&mut *reading.lock());
            drop(before);
            Arc::clone(&reading.news).wake();
        });
    }
}
