//! An error of the core as plain data; the Python package makes the exception of it, so that the traceback begins in the user's line.

use ltx_jobs::{Error, ErrorKind};
use pyo3::prelude::*;

/// What went wrong. Returned, never raised.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Failure(Error);

impl Failure {
    pub(crate) fn new(error: Error) -> Self {
        Self(error)
    }
}

#[pymethods]
impl Failure {
    /// The number of the kind.
    #[getter]
    fn number(&self) -> u16 {
        self.0.kind().number()
    }

    /// The name of the kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind().name()
    }

    /// One line for people: what happened, the bill, what to do next.
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    /// What happened, without the bill and the advice.
    #[getter]
    fn message(&self) -> &str {
        self.0.message()
    }

    /// What to do next.
    #[getter]
    fn advice(&self) -> Option<&str> {
        self.0.advice()
    }

    /// Whether it comes from the caller's function for the key, which has an exception of its own.
    #[getter]
    fn of_key_function(&self) -> bool {
        self.0.is_of_key_function()
    }

    /// `no_job`, `job_exists`, `not_billed` or `unknown`.
    #[getter]
    fn billing(&self) -> &'static str {
        self.0.billing().name()
    }

    /// Whether the same call again is safe, cannot cost more, and may help.
    #[getter]
    fn retryable(&self) -> bool {
        self.0.is_retryable()
    }

    /// Seconds to wait before the next try.
    #[getter]
    fn retry_after(&self) -> Option<f64> {
        self.0.retry_after().map(|after| after.as_secs_f64())
    }

    /// The service's id of the request.
    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.0.request_id()
    }

    /// The HTTP status.
    #[getter]
    fn http_status(&self) -> Option<u16> {
        self.0.http_status()
    }

    /// The `type` of the service's error envelope.
    #[getter]
    fn api_type(&self) -> Option<&str> {
        self.0.api_type()
    }

    /// The `message` of the service's error envelope.
    #[getter]
    fn api_message(&self) -> Option<&str> {
        self.0.api_message()
    }

    /// The reference of the job or intent.
    #[getter]
    fn reference(&self) -> Option<String> {
        self.0.job().map(ToString::to_string)
    }

    /// Whether the job is over.
    #[getter]
    fn job_ended(&self) -> bool {
        self.0.job_ended()
    }

    /// The operating system's error number.
    #[getter]
    fn os_error(&self) -> Option<i32> {
        self.0.os_error()
    }
}

/// Every kind of error: number and name.
#[pyfunction]
pub(crate) fn kinds() -> Vec<(u16, &'static str)> {
    ErrorKind::ALL.iter().map(|kind| (kind.number(), kind.name())).collect()
}
