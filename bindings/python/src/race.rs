//! Several waits at once: the thread that waits for all of them is told of each end, in the order of the ends.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ltx_jobs::{Error, ErrorKind};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::completions::Completions;
use crate::convert;
use crate::guard::fenced;
use crate::job::Job;
use crate::operation::{Outcome as _, forked};
use crate::park::{self, Sleepers};

/// Waits for the ends of several jobs. Dropping it cancels nothing.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Race {
    waits: Vec<ltx_jobs::Operation<ltx_jobs::Completed>>,
    ends: Arc<Ends>,
    process: u32,
}

/// The waits that have ended and were not taken yet, by their position.
#[derive(Default)]
struct Ends {
    queue: Mutex<VecDeque<usize>>,
    grown: Condvar,
    sleepers: Sleepers,
}

impl Ends {
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, position: usize) {
        self.lock().push_back(position);
        self.grown.notify_all();
        self.sleepers.ring();
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn wait(&self, limit: Duration) -> bool {
        let waited = self
            .grown
            .wait_timeout_while(self.lock(), limit, |queue| queue.is_empty());
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }
}

impl Race {
    fn start(jobs: &[ltx_jobs::Job], limit: Option<Duration>) -> Self {
        let ends = Arc::new(Ends::default());
        let waits = jobs
            .iter()
            .enumerate()
            .map(|(position, job)| {
                let wait = match limit {
                    Some(limit) => job.wait().timeout(limit),
                    None => job.wait(),
                };
                let (wait, ends) = (wait.start(), Arc::clone(&ends));
                wait.on_end(move || ends.push(position));
                wait
            })
            .collect();
        Self {
            waits,
            ends,
            process: std::process::id(),
        }
    }

    /// In a forked child nothing of it may be touched, as with an operation.
    fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }
}

#[pymethods]
impl Race {
    /// Starts to wait for the ends of these jobs, each with the same limit in seconds; or a failure.
    #[staticmethod]
    fn make(py: Python<'_>, jobs: Vec<Bound<'_, Job>>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let jobs: Vec<ltx_jobs::Job> = jobs.iter().map(|job| job.get().0.clone()).collect();
        let started = py.detach(|| {
            fenced(|| {
                let limit = timeout
                    .map(|seconds| convert::duration("timeout", seconds))
                    .transpose()?;
                Ok(Self::start(&jobs, limit))
            })
        });
        convert::outcome(py, started, |race| race.into_py_any(py))
    }

    /// Sleeps until there is an end to take, the time is up or, on an `interruptible` thread, a signal comes; true when there is one.
    ///
    /// Releases the GIL. May return early without a reason, so it is called in a loop.
    fn wait_slice(&self, py: Python<'_>, milliseconds: u32, interruptible: bool) -> bool {
        if self.is_foreign() {
            return true;
        }
        let limit = Duration::from_millis(milliseconds.into());
        py.detach(|| {
            let slept = fenced(|| {
                if interruptible && park::sleep(&self.ends.sleepers, limit, || !self.ends.is_empty()).is_some() {
                    return Ok(!self.ends.is_empty());
                }
                Ok(self.ends.wait(limit))
            });
            // A panic here would be met again on every turn; taking tells that there is nothing.
            slept.unwrap_or(true)
        })
    }

    /// Puts `token` into `completions` once there is an end to take; at once when there is one.
    fn arm(&self, py: Python<'_>, completions: &Completions, token: u64) {
        let Some(armed) = completions.armed(token) else { return };
        if self.is_foreign() {
            // Taking tells whose it is.
            armed.fire();
        } else {
            py.detach(|| self.ends.sleepers.arm(armed, || !self.ends.is_empty()));
        }
    }

    /// The next end: the position of the job, and its results or a failure.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if self.is_foreign() {
            return convert::failure(py, forked(self.process));
        }
        let next = self.ends.lock().pop_front();
        let end = next.and_then(|position| Some((position, self.waits.get(position)?.take()?)));
        match end {
            Some((position, outcome)) => {
                let outcome = convert::outcome(py, outcome, |completed| completed.object(py))?;
                (position, outcome).into_py_any(py)
            }
            None => convert::failure(py, Error::from_face(ErrorKind::InvalidState, "no wait has ended")),
        }
    }

    /// Asks the waits that have not ended to stop, and returns at once. The jobs go on.
    fn cancel(&self, py: Python<'_>) {
        if !self.is_foreign() {
            py.detach(|| self.waits.iter().for_each(ltx_jobs::Operation::cancel));
        }
    }
}
