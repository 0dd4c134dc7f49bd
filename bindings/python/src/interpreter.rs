//! One interpreter per process: what this module keeps (runtimes, the log, the panic hook) belongs to the process, and its objects to the interpreter that
//! made them. CPython refuses such modules itself only where a subinterpreter has a GIL of its own.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// Fails in any interpreter but the main one.
pub(crate) fn main_only(py: Python<'_>) -> PyResult<()> {
    if is_main(py) {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "module ltx_jobs._native does not support loading in subinterpreters",
    ))
}

#[cfg(not(windows))]
#[allow(unsafe_code)] // The interpreter has no other way to tell its number.
fn is_main(_: Python<'_>) -> bool {
    // SAFETY: this thread is attached, so there is a current interpreter, whose state is alive. The main one has the number 0.
    unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) == 0 }
}

/// The library that abi3 modules are linked with on Windows cannot tell before Python 3.10: there CPython's own refusal has to do.
#[cfg(windows)]
fn is_main(_: Python<'_>) -> bool {
    true
}
