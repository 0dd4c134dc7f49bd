//! A running operation: waited for in slices, so that the interpreter looks at its signals in between.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ltx_jobs::{Error, ErrorKind, Progress, Result};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::completions::Completions;
use crate::convert;
use crate::guard::fenced;
use crate::job::{Completed, Job};
use crate::park::{self, Sleepers};

/// What a core operation ends with, as Python gets it.
pub(crate) trait Outcome: Send + Sized + 'static {
    /// The Python object.
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

impl Outcome for ltx_jobs::Job {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Job(self))?.into_any())
    }
}

impl Outcome for ltx_jobs::Completed {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Completed(self))?.into_any())
    }
}

impl Outcome for ltx_jobs::Snapshot {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(convert::snapshot(py, self)?.into_any().unbind())
    }
}

impl Outcome for String {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.into_pyobject(py)?.into_any().unbind())
    }
}

impl Outcome for ltx_jobs::Estimate {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok((self.usd.to_string(), self.basis)
            .into_pyobject(py)?
            .into_any()
            .unbind())
    }
}

impl Outcome for ltx_jobs::Checked {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(convert::checked(py, self)?.into_any().unbind())
    }
}

impl Outcome for ltx_jobs::Saved {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let paths: Vec<_> = self.paths.into_iter().map(std::path::PathBuf::into_os_string).collect();
        Ok((paths, self.crc32c, self.bytes, self.elapsed.as_secs_f64())
            .into_pyobject(py)?
            .into_any()
            .unbind())
    }
}

#[cfg(feature = "rehost")]
impl Outcome for ltx_jobs::Rehosted {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let objects: Vec<_> = self
            .objects
            .into_iter()
            .map(|object| (object.url, object.bytes, object.crc32c, object.e_tag))
            .collect();
        Ok((objects, self.bytes, self.elapsed.as_secs_f64())
            .into_pyobject(py)?
            .into_any()
            .unbind())
    }
}

impl Outcome for Vec<ltx_jobs::JournaledSubmit> {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(convert::submits(py, self)?.into_any().unbind())
    }
}

impl Outcome for ltx_jobs::Recovered {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let jobs: Vec<Job> = self.jobs.into_iter().map(Job).collect();
        let (unknown, other_key) = (
            convert::submits(py, self.unknown)?,
            convert::submits(py, self.other_key)?,
        );
        Ok((jobs, unknown, other_key).into_pyobject(py)?.into_any().unbind())
    }
}

impl Outcome for () {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(py.None())
    }
}

impl Outcome for usize {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.into_pyobject(py)?.into_any().unbind())
    }
}

/// Something that ends by itself.
trait Running: Send + Sync {
    fn is_ended(&self) -> bool;
    fn wait(&self, limit: Duration) -> bool;
    fn cancel(&self);
    fn progress(&self) -> Option<Progress>;
    fn take(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>>;
}

impl<T: Outcome> Running for ltx_jobs::Operation<T> {
    fn is_ended(&self) -> bool {
        Self::is_ended(self)
    }

    fn wait(&self, limit: Duration) -> bool {
        Self::wait(self, Some(limit))
    }

    fn cancel(&self) {
        Self::cancel(self);
    }

    fn progress(&self) -> Option<Progress> {
        Some(self.snapshot())
    }

    fn take(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        Self::take(self).map(|outcome| convert::outcome(py, outcome, |value| value.object(py)))
    }
}

/// A blocking call on a thread of its own.
struct Aside<T>(Arc<Shared<T>>);

struct Shared<T> {
    slot: Mutex<Slot<T>>,
    ended: Condvar,
}

enum Slot<T> {
    Running,
    Ended(Result<T>),
    Taken,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Outcome> Running for Aside<T> {
    fn is_ended(&self) -> bool {
        !matches!(*self.0.lock(), Slot::Running)
    }

    fn wait(&self, limit: Duration) -> bool {
        let waited = self
            .0
            .ended
            .wait_timeout_while(self.0.lock(), limit, |slot| matches!(slot, Slot::Running));
        !matches!(*waited.unwrap_or_else(PoisonError::into_inner).0, Slot::Running)
    }

    fn cancel(&self) {}

    fn progress(&self) -> Option<Progress> {
        None
    }

    fn take(&self, py: Python<'_>) -> Option<PyResult<Py<PyAny>>> {
        let mut slot = self.0.lock();
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Ended(outcome) => Some(convert::outcome(py, outcome, |value| value.object(py))),
            before => {
                *slot = before;
                None
            }
        }
    }
}

/// Work in progress. Handles to it may be waited on by any number of threads; dropping it cancels nothing.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Operation {
    running: Box<dyn Running>,
    sleepers: Arc<Sleepers>,
    reference: Option<String>,
    process: u32,
}

impl Operation {
    /// For an operation of the core.
    pub(crate) fn new<T: Outcome>(operation: ltx_jobs::Operation<T>, reference: Option<String>) -> Self {
        let sleepers = Arc::new(Sleepers::default());
        let woken = Arc::clone(&sleepers);
        operation.on_end(move || woken.ring());
        Self {
            running: Box::new(operation),
            sleepers,
            reference,
            process: std::process::id(),
        }
    }

    /// Runs a blocking call on a thread of its own, so that the caller can be interrupted meanwhile.
    pub(crate) fn aside<T: Outcome>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<Self> {
        let sleepers = Arc::new(Sleepers::default());
        let shared = Arc::new(Shared {
            slot: Mutex::new(Slot::Running),
            ended: Condvar::new(),
        });
        let (woken, there) = (Arc::clone(&sleepers), Arc::clone(&shared));
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                crate::signals::block_on_this_thread();
                let outcome = fenced(|| Ok(work()));
                *there.lock() = Slot::Ended(outcome);
                there.ended.notify_all();
                woken.ring();
            })
            .map_err(|error| Error::from_face(ErrorKind::Internal, format!("no thread can be started: {error}")))?;
        Ok(Self {
            running: Box::new(Aside(shared)),
            sleepers,
            reference: None,
            process: std::process::id(),
        })
    }

    /// In a forked child nothing of it may be touched: a lock may be held by a thread that does not exist here.
    fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }
}

/// The error for work of a parent process that its forked child asks for.
pub(crate) fn forked(process: u32) -> Error {
    let text = format!(
        "this was begun in process {process} before the fork and goes on there; it cannot be waited for in its child"
    );
    Error::from_face(ErrorKind::Forked, text)
}

/// Starts an operation without the GIL: its object, or that of the failure to start it.
pub(crate) fn begin(py: Python<'_>, start: impl FnOnce() -> Result<Operation> + Send) -> PyResult<Py<PyAny>> {
    let started = py.detach(|| fenced(start));
    convert::outcome(py, started, |operation| Ok(Py::new(py, operation)?.into_any()))
}

#[pymethods]
impl Operation {
    /// The intent's reference, for a submit.
    #[getter]
    fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Sleeps until it ends, the time is up or, on an `interruptible` thread, a signal comes; true when it has ended.
    ///
    /// Releases the GIL. May return early without a reason, so it is called in a loop.
    fn wait_slice(&self, py: Python<'_>, milliseconds: u32, interruptible: bool) -> bool {
        if self.is_foreign() {
            return true;
        }
        let limit = Duration::from_millis(milliseconds.into());
        py.detach(|| {
            let slept = fenced(|| {
                if interruptible && park::sleep(&self.sleepers, limit, || self.running.is_ended()).is_some() {
                    return Ok(self.running.is_ended());
                }
                Ok(self.running.wait(limit))
            });
            // A panic here would be met again on every turn; the outcome tells about it.
            slept.unwrap_or(true)
        })
    }

    /// Puts `token` into `completions` once it has ended; at once when it has.
    fn arm(&self, py: Python<'_>, completions: &Completions, token: u64) {
        let Some(armed) = completions.armed(token) else { return };
        if self.is_foreign() {
            // Taking tells whose it is.
            armed.fire();
        } else {
            py.detach(|| self.sleepers.arm(armed, || self.running.is_ended()));
        }
    }

    /// Asks it to stop, and returns at once.
    fn cancel(&self, py: Python<'_>) {
        if !self.is_foreign() {
            py.detach(|| self.running.cancel());
        }
    }

    /// How far it is, or nothing when there is nothing to tell.
    fn progress<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        if self.is_foreign() {
            return Ok(None);
        }
        self.running
            .progress()
            .map(|progress| convert::progress(py, &progress))
            .transpose()
    }

    /// What it ended with, once: its value or a failure.
    fn take(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if self.is_foreign() {
            return convert::failure(py, forked(self.process));
        }
        match self.running.take(py) {
            Some(outcome) => outcome,
            None => convert::failure(
                py,
                Error::from_face(
                    ErrorKind::InvalidState,
                    "it has not ended, or its result was taken already",
                ),
            ),
        }
    }
}
