//! A job that Python waits for or brings home, or has others do: taken from a batch, answered once.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ltx_jobs::{Error, ErrorKind, Handover, HandoverPlace, Result};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::dest;
use crate::guard::fenced;
use crate::owned::Owned;
use crate::store;

/// Answered once, in the process it belongs to.
struct Once<T>(Owned<Mutex<Option<T>>>);

impl<T: Send> Once<T> {
    fn new(what: &'static str, handover: T) -> Self {
        Self(Owned::new(what, Mutex::new(Some(handover))))
    }

    /// Answers it, if nobody has; nothing happens in another process.
    fn answer(&self, py: Python<'_>, answer: impl FnOnce(T) + Send) {
        let answered: Result<()> = py.detach(|| {
            fenced(|| {
                let held = self.0.get()?;
                let taken = held.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(handover) = taken {
                    answer(handover);
                }
                Ok(())
            })
        });
        drop(answered);
    }
}

/// What a job that is waited for elsewhere is answered by. Dropped, its batch waits for it itself.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct WaitHandover(Once<ltx_jobs::WaitHandover>);

#[pymethods]
impl WaitHandover {
    /// It has ended, or nobody waits for it any more: the batch looks for itself, at once.
    fn ended(&self, py: Python<'_>) {
        self.0.answer(py, ltx_jobs::WaitHandover::ended);
    }
}

/// What a completed job is answered by. Dropped without an answer, its item ends as not saved.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct SaveHandover(Once<ltx_jobs::SaveHandover>);

#[pymethods]
impl SaveHandover {
    /// They are files now: paths with their lengths.
    fn saved(&self, py: Python<'_>, files: Vec<(PathBuf, u64)>) {
        self.0.answer(py, |handover| handover.saved(files));
    }

    /// They are objects now: their addresses, and the bytes of all.
    fn copied(&self, py: Python<'_>, urls: Vec<String>, size: u64) {
        self.0.answer(py, |handover| copied(handover, urls, size));
    }

    /// They could not be brought home: the number of the error's kind, and what happened.
    fn failed(&self, py: Python<'_>, number: u16, text: String) {
        let kind = ErrorKind::ALL.iter().find(|kind| kind.number() == number);
        let error = Error::from_face(kind.copied().unwrap_or(ErrorKind::Internal), text);
        self.0.answer(py, |handover| handover.failed(error));
    }
}

#[cfg(feature = "rehost")]
fn copied(handover: ltx_jobs::SaveHandover, urls: Vec<String>, size: u64) {
    handover.copied(urls, size);
}

/// Without stores nothing is handed over that goes to one.
#[cfg(not(feature = "rehost"))]
fn copied(handover: ltx_jobs::SaveHandover, _: Vec<String>, _: u64) {
    drop(handover);
}

/// It for Python: what it is answered by, key and reference; of a job to save also destination, place in a store, and whether to overwrite.
///
/// False, as when there is none yet, for what is handed over in a way that is not known here: its item ends as not saved.
pub(crate) fn told(py: Python<'_>, handover: Handover) -> PyResult<Py<PyAny>> {
    match handover {
        Handover::Wait(handover) => {
            let (key, reference) = (handover.key().to_owned(), handover.job().reference().to_string());
            let held = WaitHandover(Once::new("this job to wait for", handover));
            (held, key, reference).into_py_any(py)
        }
        Handover::Save(handover) => told_to_save(py, handover),
        _ => false.into_py_any(py),
    }
}

fn told_to_save(py: Python<'_>, handover: ltx_jobs::SaveHandover) -> PyResult<Py<PyAny>> {
    let (directory, store) = match handover.place() {
        HandoverPlace::Directory(dest) => (Some(dest::told(dest)), None),
        #[cfg(feature = "rehost")]
        HandoverPlace::Store(dest) => (None, Some(store::told(dest))),
        _ => (None, None::<store::Told>),
    };
    let (key, overwrite) = (handover.key().to_owned(), handover.overwrite());
    let reference = handover.completed().job().reference().to_string();
    let held = SaveHandover(Once::new("this job to bring home", handover));
    (held, key, reference, directory, store, overwrite).into_py_any(py)
}
