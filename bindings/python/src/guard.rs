//! The fence between the interpreter and the core: a panic becomes an `Internal` error that says where it happened.
//!
//! pyo3 would raise `PanicException`, which `except Exception` does not catch and which has printed to stderr before.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ltx_jobs::{Error, ErrorKind, Result};

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Replaces the panic hook of this module (the host's own Rust libraries have theirs): the place is remembered and nothing is printed.
pub(crate) fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|location| format!("{}:{}", file_name(location.file()), location.line()));
        // A thread that is ending has no place to remember it any more.
        let _ = PLACE.try_with(|remembered| remembered.replace(place));
    }));
}

/// Gives the panic hook back to the standard library, for the command, which owns its process.
#[cfg(feature = "command")]
pub(crate) fn print_panics_again() {
    drop(std::panic::take_hook());
}

/// Only the last part: the machine a release was built on is nobody's business.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Runs `work`; a panic in it is an error of kind `Internal`.
pub(crate) fn fenced<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = PLACE.try_with(|remembered| remembered.take()).ok().flatten();
        Err(Error::from_face(
            ErrorKind::Internal,
            format!(
                "a defect of this library (panic at {}); please report it",
                place.as_deref().unwrap_or("an unknown place")
            ),
        ))
    })
}
