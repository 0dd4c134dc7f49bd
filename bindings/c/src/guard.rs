//! The fence around every export: panics become `LTX_INTERNAL`, errors become a status and an error object.
//!
//! `extern "C"` would abort the host when a panic reached it. The message of a panic goes to `tracing`, never to the host's stderr.
// Writes through pointers that the caller provides for results.
#![allow(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use ltx_jobs::{Error, ErrorKind};

use crate::error::ltx_error;
use crate::status::{LTX_OK, ltx_status};

/// The object behind a handle, or the error that says why not. For use inside a guard.
macro_rules! look {
    ($pointer:expr) => {
        // SAFETY: the header's contract: NULL, or a handle of this library that the caller keeps until the call returns.
        unsafe { $crate::handle::look($pointer) }
    };
}
pub(crate) use look;

/// Runs an export that gives a status. `err` is always written if it is not NULL.
pub(crate) fn status(err: *mut *mut ltx_error, body: impl FnOnce() -> Result<ltx_status, Error>) -> ltx_status {
    let error = match run(body) {
        Ok(status) => {
            clear(err);
            return status;
        }
        Err(error) => error,
    };
    let status = ltx_status::from(error.kind().number());
    if !err.is_null() {
        // Making the object copies text and cannot panic but for a defect; the guard is for that.
        let object = catch_unwind(AssertUnwindSafe(|| ltx_error::give(error))).unwrap_or(std::ptr::null_mut());
        // SAFETY: the header's contract: `err` is NULL or points to a writable pointer.
        unsafe { err.write(object) };
    }
    status
}

/// As [`status`], for what is done or not.
pub(crate) fn done(err: *mut *mut ltx_error, body: impl FnOnce() -> Result<(), Error>) -> ltx_status {
    status(err, || body().map(|()| LTX_OK))
}

/// Runs an export that gives a plain value; `otherwise` is what it gives for handles it cannot use and after a panic.
pub(crate) fn value<T>(otherwise: T, body: impl FnOnce() -> Result<T, Error>) -> T {
    run(body).unwrap_or(otherwise)
}

fn run<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    silence();
    let body = || {
        let result = body();
        #[cfg(feature = "test-panics")]
        crate::panics::strike(crate::panics::EXPORT);
        result
    };
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let error = Error::from_face(
            ErrorKind::Internal,
            format!("a defect of this library: {}", text_of(&*panic)),
        );
        // Dropping what was thrown could panic again.
        std::mem::forget(panic);
        Err(error)
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("a panic without text"),
    }
}

fn clear(err: *mut *mut ltx_error) {
    if !err.is_null() {
        // SAFETY: the header's contract: `err` is NULL or points to a writable pointer.
        unsafe { err.write(std::ptr::null_mut()) };
    }
}

/// Where a handle or a text is to be written; empties it at once.
pub(crate) struct Out<T>(*mut *mut T);

impl<T> Out<T> {
    /// Sets the pointer to NULL, so that it is so on every failure; a missing one is an error.
    pub(crate) fn new(out: *mut *mut T, name: &str) -> Result<Self, Error> {
        if out.is_null() {
            return Err(Error::from_face(
                ErrorKind::InvalidArgument,
                format!("{name} is NULL; there is nowhere to put the result"),
            ));
        }
        // SAFETY: the header's contract: an out-parameter that is not NULL points to a writable pointer.
        unsafe { out.write(std::ptr::null_mut()) };
        Ok(Self(out))
    }

    /// Writes the result.
    pub(crate) fn put(self, pointer: *mut T) {
        // SAFETY: as above.
        unsafe { self.0.write(pointer) };
    }
}

/// Copies a struct of results to the caller, who says by `size` how much of it he knows.
///
/// # Safety
/// `target` is NULL or points to `size` writable bytes, `size` being the first field there.
pub(crate) unsafe fn fill<T: Copy>(
    target: *mut T,
    name: &str,
    smallest: usize,
    make: impl FnOnce(usize) -> T,
) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::from_face(ErrorKind::InvalidArgument, text));
    if target.is_null() || !target.is_aligned() {
        return refuse(format!("{name} is NULL or misaligned"));
    }
    // SAFETY: every struct of the header begins with its size.
    let size = unsafe { target.cast::<usize>().read() };
    if size < smallest || size > 64 * 1024 {
        return refuse(format!(
            "{name}.size is {size}; set it to sizeof(*{name}) before the call"
        ));
    }
    let value = make(size);
    // SAFETY: not more than the caller has, not more than there is.
    unsafe {
        std::ptr::copy_nonoverlapping(
            (&raw const value).cast::<u8>(),
            target.cast::<u8>(),
            size.min(size_of::<T>()),
        )
    };
    Ok(())
}

/// Keeps the standard hook from writing to the host's stderr.
fn silence() {
    static HOOK: Once = Once::new();
    if cfg!(not(test)) {
        HOOK.call_once(|| {
            std::panic::set_hook(Box::new(|info| {
                tracing::error!(target: "ltx_jobs::c", place = info.location().map(tracing::field::display), "panic: {}", text_of(info.payload()));
            }));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_internal_with_its_text() {
        let error = run(|| -> Result<(), Error> { panic!("on {}", "purpose") }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.message().contains("on purpose"), "{error}");
        assert_eq!(value(7, || -> Result<i32, Error> { panic!("again") }), 7);
    }
}
