//! The `ltx-jobs` command inside the module, so that a wheel brings it along.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command with these arguments, the program's name first, and gives its exit code; `None` when this build has no command.
///
/// Owns the process while it runs: it prints, and listens for Ctrl-C itself.
#[pyfunction]
#[cfg(feature = "command")]
pub(crate) fn run_command(py: Python<'_>, args: Vec<OsString>) -> Option<u8> {
    crate::guard::print_panics_again();
    Some(py.detach(|| ltx_jobs_cli::run(args)))
}

/// Tells that this build has no command.
#[pyfunction]
#[cfg(not(feature = "command"))]
pub(crate) fn run_command(args: Vec<OsString>) -> Option<u8> {
    drop(args);
    None
}
