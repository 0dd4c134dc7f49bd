//! A completed job that Python brings home, or has brought home elsewhere: taken from a batch, answered once.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ltx_jobs::{Error, ErrorKind, HandoverPlace, Result};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::dest;
use crate::guard::fenced;
use crate::owned::Owned;
use crate::store;

/// What a handed over job is answered by. Dropped without an answer, its item ends as not saved.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Handover(Owned<Mutex<Option<ltx_jobs::Handover>>>);

impl Handover {
    /// Answers it, if nobody has; nothing happens in another process.
    fn answer(&self, py: Python<'_>, answer: impl FnOnce(ltx_jobs::Handover) + Send) {
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

#[pymethods]
impl Handover {
    /// They are files now: paths with their lengths.
    fn saved(&self, py: Python<'_>, files: Vec<(PathBuf, u64)>) {
        self.answer(py, |handover| handover.saved(files));
    }

    /// They are objects now: their addresses, and the bytes of all.
    fn copied(&self, py: Python<'_>, urls: Vec<String>, size: u64) {
        self.answer(py, |handover| copied(handover, urls, size));
    }

    /// They could not be brought home: the number of the error's kind, and what happened.
    fn failed(&self, py: Python<'_>, number: u16, text: String) {
        let kind = ErrorKind::ALL.iter().find(|kind| kind.number() == number);
        let error = Error::from_face(kind.copied().unwrap_or(ErrorKind::Internal), text);
        self.answer(py, |handover| handover.failed(error));
    }
}

#[cfg(feature = "rehost")]
fn copied(handover: ltx_jobs::Handover, urls: Vec<String>, size: u64) {
    handover.copied(urls, size);
}

/// Without stores nothing is handed over that goes to one.
#[cfg(not(feature = "rehost"))]
fn copied(handover: ltx_jobs::Handover, _: Vec<String>, _: u64) {
    drop(handover);
}

/// It for Python: what it is answered by, key, reference, destination, place in a store, whether to overwrite.
pub(crate) fn told(py: Python<'_>, handover: ltx_jobs::Handover) -> PyResult<Py<PyAny>> {
    let (directory, store) = match handover.place() {
        HandoverPlace::Directory(dest) => (Some(dest::told(dest)), None),
        #[cfg(feature = "rehost")]
        HandoverPlace::Store(dest) => (None, Some(store::told(dest))),
        _ => (None, None::<store::Told>),
    };
    let (key, overwrite) = (handover.key().to_owned(), handover.overwrite());
    let reference = handover.completed().job().reference().to_string();
    let held = Handover(Owned::new("this job to bring home", Mutex::new(Some(handover))));
    (held, key, reference, directory, store, overwrite).into_py_any(py)
}
