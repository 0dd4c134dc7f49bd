//! An export that panics on purpose, for the test of the guard. Only with the feature `test-panics`, never in a shipped build.
// Exports a symbol.
#![allow(unsafe_code)]

use crate::error::ltx_error;
use crate::guard;
use crate::status::ltx_status;

/// Panics, behind the guard.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_test_panic(err: *mut *mut ltx_error) -> ltx_status {
    #[allow(clippy::panic)]
    guard::done(err, || panic!("on purpose"))
}
