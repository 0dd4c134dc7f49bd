//! Values that cross: times as seconds, progress as a tuple, an outcome as its object or a [`Failure`].

use std::time::{Duration, SystemTime};

use ltx_jobs::{Checked, Error, ErrorKind, JournaledSubmit, Progress, Result, Snapshot, SubmitState};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::failure::Failure;

/// The object for an outcome: what `make` makes of it, or a [`Failure`].
pub(crate) fn outcome<T>(
    py: Python<'_>,
    outcome: Result<T>,
    make: impl FnOnce(T) -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    match outcome {
        Ok(value) => make(value),
        Err(error) => failure(py, error),
    }
}

/// The object for an error.
pub(crate) fn failure(py: Python<'_>, error: Error) -> PyResult<Py<PyAny>> {
    Failure::new(error).into_py_any(py)
}

/// Seconds since 1970.
pub(crate) fn epoch(time: SystemTime) -> f64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// A duration from seconds. What no timer can hold is cut to the longest that the core takes.
pub(crate) fn duration(what: &str, seconds: f64) -> Result<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(Error::from_face(
            ErrorKind::InvalidRequest,
            format!("{what} = {seconds}: must be zero or more seconds"),
        ));
    }
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// Phase, bytes done and total, frames done and total, status, seconds unreachable, who is waited for, seconds elapsed.
pub(crate) fn progress<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyTuple>> {
    (
        progress.phase.name(),
        progress.bytes_done,
        progress.bytes_total,
        progress.frames_done,
        progress.frames_total,
        progress.status.as_ref().map(|status| status.as_str()),
        progress.unreachable.map(|since| since.as_secs_f64()),
        progress.waiting_for.as_deref(),
        progress.elapsed.as_secs_f64(),
    )
        .into_pyobject(py)
}

/// Status, created at, last contact, last error, unreachable since, warnings, whether it is over.
pub(crate) fn snapshot<'py>(py: Python<'py>, snapshot: Snapshot) -> PyResult<Bound<'py, PyTuple>> {
    let is_ended = snapshot.is_ended();
    (
        snapshot.status.as_ref().map(|status| status.as_str()),
        snapshot.created_at.map(epoch),
        snapshot.last_contact.map(epoch),
        snapshot.last_error.map(Failure::new),
        snapshot.unreachable_since.map(epoch),
        snapshot.warnings,
        is_ended,
    )
        .into_pyobject(py)
}

/// Of each submit: intent, job, endpoint, label, once key, when it began, what became of it, terminal status, whether it was saved, whether the key was
/// another, request id; then doubts, destination and estimate as one.
pub(crate) fn submits(py: Python<'_>, submits: Vec<JournaledSubmit>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for submit in submits {
        let dest = submit.dest.as_ref().map(crate::dest::told);
        let usd = submit.usd.map(|usd| usd.to_string());
        list.append((
            submit.intent.to_string(),
            submit.job.map(|job| job.to_string()),
            submit.endpoint,
            submit.label,
            submit.once,
            epoch(submit.began_at),
            state(&submit.state),
            submit.ended.as_ref().map(|status| status.as_str()),
            submit.saved,
            submit.other_key,
            submit.request_id,
            (submit.doubts, dest, usd),
        ))?;
    }
    Ok(list)
}

/// Request id, seconds elapsed, submits known, submits unknown; of each finding: part, state, detail, seconds, failure; of each setting: key, value, origin.
pub(crate) fn checked(py: Python<'_>, checked: Checked) -> PyResult<Bound<'_, PyTuple>> {
    let findings = PyList::empty(py);
    for finding in checked.findings {
        findings.append((
            finding.what.name(),
            finding.state.name(),
            finding.detail,
            finding.elapsed.map(|elapsed| elapsed.as_secs_f64()),
            finding.error.map(Failure::new),
        ))?;
    }
    let settings: Vec<(&str, String, String)> = checked
        .settings
        .into_iter()
        .map(|(key, value, origin)| (key, value, origin.to_string()))
        .collect();
    (
        checked.request_id,
        checked.elapsed.as_secs_f64(),
        checked.submits,
        checked.unknown,
        findings,
        settings,
    )
        .into_pyobject(py)
}

/// The word for what became of a submit; the command says the same.
fn state(state: &SubmitState) -> &'static str {
    match state {
        SubmitState::Submitting => "submitting",
        SubmitState::Accepted => "accepted",
        SubmitState::Refused => "refused",
        SubmitState::Unknown => "unknown",
        SubmitState::IdLost => "id_lost",
        SubmitState::EndedUnbilled => "failed",
        _ => "other",
    }
}
