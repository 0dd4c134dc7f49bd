//! A remote job and what a completed one left.

use std::path::PathBuf;
use std::str::FromStr as _;

use ltx_jobs::{ArchiveMode, Error, ErrorKind, JobRef, Result, Verify};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert;
use crate::dest;
use crate::frames::{count, speed};
use crate::operation::{Operation, begin};

/// A job on the service.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Job(pub(crate) ltx_jobs::Job);

#[pymethods]
impl Job {
    /// The reference, `endpoint/id`.
    #[getter]
    fn reference(&self) -> String {
        self.0.reference().to_string()
    }

    /// The label given at submit.
    #[getter]
    fn label(&self) -> Option<&str> {
        self.0.label()
    }

    /// Where its outputs are meant to go, as given at submit.
    #[getter]
    fn dest(&self) -> Option<dest::Told> {
        self.0.dest().map(dest::told)
    }

    /// What is known, from memory.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        convert::snapshot(py, self.0.snapshot())
    }

    /// Starts to ask the service once; or a failure.
    fn poll(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        begin(py, || Ok(Operation::new(self.0.poll().start(), None)))
    }

    /// Starts to wait for the end, with or without a limit in seconds; or a failure.
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let mut wait = self.0.wait();
            if let Some(seconds) = timeout {
                wait = wait.timeout(convert::duration("timeout", seconds)?);
            }
            Ok(Operation::new(wait.start(), None))
        })
    }
}

/// The results of a job.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Completed(pub(crate) ltx_jobs::Completed);

#[pymethods]
impl Completed {
    /// Label and signed URL of each output.
    fn outputs(&self) -> Vec<(&str, &str)> {
        self.0
            .outputs()
            .values()
            .map(|output| (output.label(), output.url().expose()))
            .collect()
    }

    /// Label and address without credentials of each output.
    fn places(&self) -> Vec<(&str, String)> {
        self.0
            .outputs()
            .values()
            .map(|output| (output.label(), output.url().redacted()))
            .collect()
    }

    /// Created, completed, job expires, outputs expire: seconds since 1970.
    fn times<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let times = [
            self.0.created_at(),
            self.0.completed_at(),
            self.0.job_expires_at(),
            self.0.outputs_expire_at(),
        ];
        PyTuple::new(py, times.map(|time| time.map(convert::epoch)))
    }

    /// The service's whole answer, as JSON text.
    fn raw(&self) -> String {
        self.0.raw().to_string()
    }

    /// Starts to save outputs into a directory; or a failure.
    #[pyo3(signature = (dest, *, only, archive, overwrite, verify, frame_name, first_frame, connections, resume, bandwidth, lock_timeout))]
    #[allow(clippy::too_many_arguments)] // Keywords, each the name of an option.
    fn download(
        &self,
        py: Python<'_>,
        dest: PathBuf,
        only: Option<Vec<String>>,
        archive: &str,
        overwrite: bool,
        verify: &str,
        frame_name: Option<String>,
        first_frame: Option<u64>,
        connections: Option<i64>,
        resume: bool,
        bandwidth: Option<String>,
        lock_timeout: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let mut download = self
                .0
                .download(dest)
                .archive(archive_mode(archive)?)
                .overwrite(overwrite)
                .verify(verify_mode(verify)?)
                .resume(resume);
            if let Some(labels) = only {
                download = download.only(labels);
            }
            if let Some(pattern) = frame_name {
                download = download.frame_name(pattern);
            }
            if let Some(number) = first_frame {
                download = download.first_frame(number);
            }
            if let Some(number) = connections {
                download = download.connections(count(number));
            }
            if let Some(limit) = speed(bandwidth)? {
                download = download.bandwidth(limit);
            }
            if let Some(seconds) = lock_timeout {
                download = download.lock_timeout(convert::duration("lock_timeout", seconds)?);
            }
            Ok(Operation::new(download.start(), None))
        })
    }

    /// Starts to open an output where it lies; or a failure.
    fn open(&self, py: Python<'_>, label: String) -> PyResult<Py<PyAny>> {
        begin(py, || Ok(Operation::new(self.0.open(label).start(), None)))
    }

    /// Starts to open an archive of frames as a list; or a failure.
    #[pyo3(signature = (label, *, spool, bandwidth))]
    fn frames(
        &self,
        py: Python<'_>,
        label: Option<String>,
        spool: Option<PathBuf>,
        bandwidth: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let mut open = self.0.frames();
            if let Some(label) = label {
                open = open.label(label);
            }
            if let Some(directory) = spool {
                open = open.spool(directory);
            }
            if let Some(limit) = speed(bandwidth)? {
                open = open.bandwidth(limit);
            }
            Ok(Operation::new(open.start(), None))
        })
    }

    /// Starts to copy outputs to an object store; or a failure.
    #[pyo3(signature = (url, *, only, archive, overwrite, frame_name, first_frame, options))]
    #[allow(clippy::too_many_arguments)] // Keywords, each the name of an option.
    fn rehost(
        &self,
        py: Python<'_>,
        url: String,
        only: Option<Vec<String>>,
        archive: &str,
        overwrite: bool,
        frame_name: Option<String>,
        first_frame: Option<u64>,
        options: Vec<(String, String)>,
    ) -> PyResult<Py<PyAny>> {
        begin(py, || {
            #[cfg(feature = "rehost")]
            {
                let mut rehost = self
                    .0
                    .rehost(url)
                    .archive(archive_mode(archive)?)
                    .overwrite(overwrite)
                    .options(options);
                if let Some(labels) = only {
                    rehost = rehost.only(labels);
                }
                if let Some(pattern) = frame_name {
                    rehost = rehost.frame_name(pattern);
                }
                if let Some(number) = first_frame {
                    rehost = rehost.first_frame(number);
                }
                Ok(Operation::new(rehost.start(), None))
            }
            #[cfg(not(feature = "rehost"))]
            {
                let _ = (url, only, archive, overwrite, frame_name, first_frame, options);
                let text = "this build of ltx_jobs was made without the feature `rehost`";
                Err(Error::from_face(ErrorKind::Unsupported, text))
            }
        })
    }
}

pub(crate) fn archive_mode(word: &str) -> Result<ArchiveMode> {
    Ok(match word {
        "unpack" => ArchiveMode::Unpack,
        "keep" => ArchiveMode::Keep,
        "both" => ArchiveMode::Both,
        other => return Err(no_word("archive", other, "unpack, keep or both")),
    })
}

fn verify_mode(word: &str) -> Result<Verify> {
    Ok(match word {
        "when_offered" => Verify::WhenOffered,
        "require" => Verify::Require,
        "off" => Verify::Off,
        other => return Err(no_word("verify", other, "when_offered, require or off")),
    })
}

pub(crate) fn no_word(what: &str, word: &str, words: &str) -> Error {
    Error::from_face(ErrorKind::InvalidRequest, format!("{what} = {word:?}: must be {words}"))
}

/// Endpoint and id of a reference, both `None` for an intent; or a failure.
#[pyfunction]
pub(crate) fn split_reference(py: Python<'_>, reference: &str) -> PyResult<Py<PyAny>> {
    convert::outcome(py, JobRef::from_str(reference), |reference| {
        Ok((reference.endpoint(), reference.id())
            .into_pyobject(py)?
            .into_any()
            .unbind())
    })
}
