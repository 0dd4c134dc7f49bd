//! `ltx_jobs._native`: the core as Python sees it.
//!
//! Private to the Python package, which adds names, types, documentation and exceptions. The rules of this border:
//!
//! * Rust never calls Python: no thread of ours ever attaches to the interpreter, and the core holds no Python object.
//! * Whatever may take time runs detached (without the GIL), and never longer than one slice of a wait.
//! * An error of the core is returned as a [`Failure`](failure::Failure), data that the package raises as one of its classes; a panic becomes one too.
//! * Every class is frozen and may be used from any number of threads.
//! * No signal handler is installed; our own threads block the signals that a handler in Python may want.
#![deny(missing_docs)]

mod batch;
mod client;
mod command;
mod completions;
mod convert;
mod dest;
mod failure;
mod frames;
mod guard;
mod handover;
mod interpreter;
mod job;
mod key;
mod log;
mod operation;
mod owned;
mod park;
mod race;
mod remote;
mod request;
mod settings;
mod signals;
mod store;
mod stream;

/// The module's contents.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::batch::{BatchRun, batch_states};
    #[pymodule_export]
    use super::client::Client;
    #[pymodule_export]
    use super::command::run_command;
    #[pymodule_export]
    use super::completions::Completions;
    #[pymodule_export]
    use super::failure::{Failure, kinds};
    #[pymodule_export]
    use super::frames::Frames;
    #[pymodule_export]
    use super::handover::{SaveHandover, WaitHandover};
    #[pymodule_export]
    use super::job::{Completed, Job, split_reference};
    #[pymodule_export]
    use super::key::KeyRequests;
    #[pymodule_export]
    use super::log::{log_drain, log_level};
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::race::Race;
    #[pymodule_export]
    use super::remote::RemoteFile;
    #[pymodule_export]
    use super::request::Request;
    #[pymodule_export]
    use super::settings::Settings;
    #[pymodule_export]
    use super::stream::FrameStream;

    /// The version of the library.
    #[pymodule_export]
    const VERSION: &str = ltx_jobs::VERSION;

    /// The crypto provider of this build.
    #[pymodule_export]
    const CRYPTO_PROVIDER: &str = ltx_jobs::CRYPTO_PROVIDER;

    /// Once per process: panics of this module are told in errors, not on the host's stderr.
    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::interpreter::main_only(module.py())?;
        super::guard::keep_panics_quiet();
        Ok(())
    }
}
