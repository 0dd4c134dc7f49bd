//! An output where it lies, read by ranges.

use pyo3::prelude::*;

use crate::operation::{Operation, Outcome, begin};
use crate::owned::Owned;

/// A file on the storage.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct RemoteFile(Owned<ltx_jobs::RemoteFile>);

impl Outcome for ltx_jobs::RemoteFile {
    fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, RemoteFile(Owned::new("this open file", self)))?.into_any())
    }
}

#[pymethods]
impl RemoteFile {
    /// Bytes of the file.
    #[getter]
    fn size(&self) -> u64 {
        self.0.look().map_or(0, ltx_jobs::RemoteFile::len)
    }

    /// Starts to read the bytes from `start` to `stop`; or a failure.
    fn read(&self, py: Python<'_>, start: u64, stop: u64) -> PyResult<Py<PyAny>> {
        begin(py, || Ok(Operation::new(self.0.get()?.read(start..stop).start(), None)))
    }
}
