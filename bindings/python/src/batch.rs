//! A batch that runs: fed and emptied by one loop in Python, which waits for outcomes in slices.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ltx_jobs::{BatchItem, BatchOutcome, BatchProgress, BatchState, JobRef, Result};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::amount;
use crate::completions::Completions;
use crate::convert;
use crate::dest;
use crate::failure::Failure;
use crate::guard::fenced;
use crate::handover;
use crate::job::Completed;
use crate::owned::Owned;
use crate::park::{self, Sleepers};
use crate::request::Request;
use crate::store;

type Next = Pin<Box<dyn Future<Output = Option<BatchOutcome>> + Send>>;

/// A batch that runs. Dropping it stops it.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct BatchRun(Owned<Reading>);

struct Reading {
    run: ltx_jobs::BatchRun,
    state: Mutex<State>,
    news: Arc<News>,
}

#[derive(Default)]
struct State {
    /// The wait for the next outcome, kept so that it is woken.
    coming: Option<Next>,
    /// What was met by looking and is to be taken: an outcome, or the end.
    next: Option<Option<Box<BatchOutcome>>>,
}

/// Wakes everybody who waits for the batch.
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
        if state.next.is_some() {
            return true;
        }
        let coming = state.coming.get_or_insert_with(|| {
            let run = self.run.clone();
            Box::pin(async move { run.next().await })
        });
        let waker = Waker::from(Arc::clone(&self.news));
        match coming.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(met) => {
                state.coming = None;
                state.next = Some(met.map(Box::new));
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

impl BatchRun {
    pub(crate) fn new(run: ltx_jobs::BatchRun) -> Self {
        Self(Owned::new(
            "this batch",
            Reading {
                run,
                state: Mutex::default(),
                news: Arc::default(),
            },
        ))
    }

    /// Does something with the batch, without the GIL.
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&Reading) -> Result<T> + Send) -> Result<T> {
        py.detach(|| fenced(|| work(self.0.get()?)))
    }
}

#[pymethods]
impl BatchRun {
    /// Adds an item at once; a failure when it cannot be one.
    #[pyo3(signature = (key, request, *, label, priority, dest, rehost, max_cost))]
    #[allow(clippy::too_many_arguments)] // Keywords, each a field of an item.
    fn push(
        &self,
        py: Python<'_>,
        key: String,
        request: &Request,
        label: Option<String>,
        priority: i32,
        dest: Option<dest::Given>,
        rehost: Option<store::Given>,
        max_cost: Option<&str>,
    ) -> Option<Failure> {
        let pushed = self.with(py, |reading| {
            let mut item = BatchItem::new(key, request.0.clone()).priority(priority);
            if let Some(label) = label {
                item = item.label(label);
            }
            if let Some(given) = dest {
                item = item.dest(dest::read(given)?);
            }
            if let Some(given) = rehost {
                item = store::of_item(item, given)?;
            }
            if let Some(text) = max_cost {
                item = item.max_cost(amount("max_cost", text)?);
            }
            reading.run.push_now(item)
        });
        pushed.err().map(Failure::new)
    }

    /// Whether another item would be taken now.
    fn has_room(&self) -> bool {
        self.0.get().is_ok_and(|reading| reading.run.has_room())
    }

    /// No more items come.
    fn finish(&self, py: Python<'_>) {
        drop(self.with(py, |reading| {
            reading.run.finish();
            Ok(())
        }));
    }

    /// Submits nothing more, for this reason; returns at once.
    fn pause(&self, py: Python<'_>, why: String) {
        drop(self.with(py, |reading| {
            reading.run.pause(why);
            Ok(())
        }));
    }

    /// Stops it; returns at once.
    fn stop(&self, py: Python<'_>) {
        drop(self.with(py, |reading| {
            reading.run.stop();
            Ok(())
        }));
    }

    /// Sleeps until there is something to take, the time is up or, on an `interruptible` thread, a signal comes; true when there is.
    ///
    /// Releases the GIL. May return early without a reason, so it is called in a loop.
    fn wait_slice(&self, py: Python<'_>, milliseconds: u32, interruptible: bool) -> bool {
        let limit = Duration::from_millis(milliseconds.into());
        let slept = self.with(py, |reading| {
            if interruptible && park::sleep(&reading.news.sleepers, limit, || reading.look()).is_some() {
                return Ok(reading.look());
            }
            Ok(reading.wait(limit))
        });
        // A panic, or another process, would be met again on every turn; taking tells about it.
        slept.unwrap_or(true)
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

    /// Parks the thread for the next job to wait for, which is what it is answered by with key and reference, or to bring home: then with destination, place
    /// in a store and whether to overwrite, too.
    ///
    /// True when there will be none, also in another process; false when the time was up first.
    fn wait_handed_over(&self, py: Python<'_>, milliseconds: u32) -> PyResult<Py<PyAny>> {
        let limit = Duration::from_millis(milliseconds.into());
        match self.with(py, |reading| Ok(reading.run.wait_handed_over(Some(limit)))) {
            Ok(Some(Some(given))) => handover::told(py, given),
            Ok(None) => false.into_py_any(py),
            Ok(Some(None)) | Err(_) => true.into_py_any(py),
        }
    }

    /// The next outcome, or a failure of the whole; true when all were taken, false when the next is not there yet.
    ///
    /// An outcome: key, label, state, reference, results, paths, addresses of objects, bytes, failure.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let taken = self.with(py, |reading| {
            reading.look();
            let mut state = reading.lock();
            match state.next.take() {
                Some(None) => {
                    // It stays the end.
                    state.next = Some(None);
                    reading.run.error().map_or(Ok(Some(None)), Err)
                }
                other => Ok(other),
            }
        });
        match taken {
            Ok(None) => false.into_py_any(py),
            Ok(Some(None)) => true.into_py_any(py),
            Ok(Some(Some(outcome))) => told(py, *outcome),
            Err(error) => convert::failure(py, error),
        }
    }

    /// Items, queued, submitting, running, saving, ended by state, bytes, committed, why it is paused, seconds, the account; a failure in another process.
    fn snapshot(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let seen = self.with(py, |reading| Ok(reading.run.snapshot()));
        convert::outcome(py, seen, |progress| Ok(numbers(py, &progress)?.into_any().unbind()))
    }
}

/// Every state of an item, in the order of an account.
#[pyfunction]
pub(crate) fn batch_states() -> Vec<&'static str> {
    BatchState::ALL.iter().map(|state| state.name()).collect()
}

fn told(py: Python<'_>, outcome: BatchOutcome) -> PyResult<Py<PyAny>> {
    let paths: Vec<_> = outcome
        .paths
        .into_iter()
        .map(std::path::PathBuf::into_os_string)
        .collect();
    (
        outcome.key,
        outcome.label,
        outcome.state.name(),
        outcome.job.as_ref().map(JobRef::to_string),
        outcome.completed.map(Completed),
        paths,
        outcome.urls,
        outcome.bytes,
        outcome.error.map(Failure::new),
    )
        .into_py_any(py)
}

fn numbers<'py>(py: Python<'py>, progress: &BatchProgress) -> PyResult<Bound<'py, PyTuple>> {
    (
        progress.items,
        progress.queued,
        progress.submitting,
        progress.running,
        progress.saving,
        progress.ended.to_vec(),
        progress.bytes,
        progress.committed.to_string(),
        progress.paused.as_deref(),
        progress.elapsed.as_secs_f64(),
        progress.to_string(),
    )
        .into_pyobject(py)
}
