//! What the library logs, for Python to come and take: no thread of ours calls the interpreter.

use ltx_jobs_log::Level;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::convert;

/// Keeps lines of this level (1 error, 2 warning, 3 info, 4 debug, 5 trace) and of those that matter more; 0 keeps nothing. False when something else
/// listens in this process already.
#[pyfunction]
pub(crate) fn log_level(py: Python<'_>, level: u8) -> bool {
    py.detach(|| ltx_jobs_log::set_level(Level::from_number(level)))
}

/// Takes what was kept, oldest first: level, seconds since 1970, target, message, values, operations, lines dropped before it.
#[pyfunction]
pub(crate) fn log_drain(py: Python<'_>, most: usize) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for record in ltx_jobs_log::drain(most) {
        list.append((
            record.level.number(),
            convert::epoch(record.at),
            record.target.as_ref(),
            record.message,
            record.fields,
            record.spans,
            record.lost,
        ))?;
    }
    Ok(list)
}
