//! What the library logs, for Python to come and take: no thread of ours calls the interpreter.

use ltx_jobs_log::{Level, Value};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::convert;

/// Keeps lines of this level (1 error, 2 warning, 3 info, 4 debug, 5 trace) and of those that matter more; 0 keeps nothing. False when something else
/// listens in this process already.
#[pyfunction]
pub(crate) fn log_level(py: Python<'_>, level: u8) -> bool {
    py.detach(|| ltx_jobs_log::set_level(Level::from_number(level)))
}

/// Takes what was kept, oldest first: level, seconds since 1970, target, message, values, operations with theirs, lines dropped before it.
#[pyfunction]
pub(crate) fn log_drain(py: Python<'_>, most: usize) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for record in ltx_jobs_log::drain(most) {
        let spans = record
            .spans
            .into_iter()
            .map(|span| Ok((span.name, values(py, span.fields)?)));
        let spans: Vec<_> = spans.collect::<PyResult<_>>()?;
        list.append((
            record.level.number(),
            convert::epoch(record.at),
            record.target.as_ref(),
            record.message,
            values(py, record.fields)?,
            spans,
            record.lost,
        ))?;
    }
    Ok(list)
}

fn values(py: Python<'_>, fields: Vec<(&'static str, Value)>) -> PyResult<Vec<(&'static str, Py<PyAny>)>> {
    let told = fields.into_iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => text.into_py_any(py),
            Value::Whole(number) => number.into_py_any(py),
            Value::Number(number) => number.into_py_any(py),
            Value::Truth(truth) => truth.into_py_any(py),
        };
        Ok((name, value?))
    });
    told.collect()
}
