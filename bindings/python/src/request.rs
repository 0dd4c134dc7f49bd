//! A request: its parameters as JSON text, its inputs as paths, bytes or addresses.

use std::path::PathBuf;

use ltx_jobs::{Error, ErrorKind, Media, Result};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::convert;

/// What is to be submitted.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Request(pub(crate) ltx_jobs::Request);

#[pymethods]
impl Request {
    /// A request to `endpoint` from a JSON object and a list of inputs, each a field, a kind (`file`, `bytes`, `address`) and what the kind says, sent to
    /// `path` instead of the endpoint's own where there is one; or a failure.
    #[staticmethod]
    fn make(
        py: Python<'_>,
        endpoint: String,
        params: &str,
        media: Vec<(String, String, Bound<'_, PyAny>)>,
        path: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let inputs = media
            .into_iter()
            .map(|(field, kind, value)| Ok((field, input(&kind, &value)?)))
            .collect::<PyResult<Vec<_>>>()?;
        let request = raw(endpoint, params).map(|mut request| {
            for (field, media) in inputs {
                request.set_media(field, media);
            }
            Self(match path {
                Some(path) => request.path(path),
                None => request,
            })
        });
        convert::outcome(py, request, |request| Ok(Py::new(py, request)?.into_any()))
    }
}

fn raw(endpoint: String, params: &str) -> Result<ltx_jobs::Request> {
    let params = serde_json::from_str(params).map_err(|error| {
        Error::from_face(
            ErrorKind::InvalidRequest,
            format!("the parameters are no JSON: {error}"),
        )
    })?;
    ltx_jobs::Request::raw(endpoint, params)
}

/// The input that a kind and its value name.
pub(crate) fn input(kind: &str, value: &Bound<'_, PyAny>) -> PyResult<Media> {
    Ok(match kind {
        "file" => Media::file(value.extract::<PathBuf>()?),
        "bytes" => Media::bytes(value.cast::<PyBytes>()?.as_bytes().to_vec()),
        "address" => Media::url(value.cast::<PyString>()?.to_string()),
        other => return Err(PyTypeError::new_err(format!("no kind of input: {other}"))),
    })
}
