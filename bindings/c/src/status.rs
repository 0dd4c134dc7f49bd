//! The status every function that can fail returns: 0, three that are no errors, else the number of an error kind.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use ltx_jobs::ErrorKind;

use crate::guard;

/// What a function came to: `LTX_OK`, `LTX_PENDING`, `LTX_STOPPED`, `LTX_END`, or the number of an error (`LTX_CONFIG` and on).
///
/// The numbers are the same in every language and never get another meaning. Later versions may add numbers.
pub type ltx_status = i32;

/// Success.
pub(crate) const LTX_OK: ltx_status = 0;
/// It still runs.
pub(crate) const LTX_PENDING: ltx_status = 1;
/// The caller's predicate said stop.
pub(crate) const LTX_STOPPED: ltx_status = 2;
/// Nothing more comes.
pub(crate) const LTX_END: ltx_status = 3;

static NAMES: LazyLock<Vec<(ltx_status, CString)>> = LazyLock::new(|| {
    let plain = [
        (LTX_OK, "Ok"),
        (LTX_PENDING, "Pending"),
        (LTX_STOPPED, "Stopped"),
        (LTX_END, "End"),
    ];
    let kinds = ErrorKind::ALL
        .iter()
        .map(|kind| (ltx_status::from(kind.number()), kind.name()));
    plain
        .into_iter()
        .chain(kinds)
        .map(|(number, name)| (number, crate::text::owned(name)))
        .collect()
});

/// The name of a status: `"Ok"`, `"Pending"`, `"Stopped"`, `"End"`, or the kind of error as every language of this library writes it (`"WaitTimeout"`).
///
/// @return a text that is never freed; `"Unknown"` for a number this version does not know
#[unsafe(no_mangle)]
pub extern "C" fn ltx_status_name(status: ltx_status) -> *const c_char {
    guard::value(c"Unknown".as_ptr(), || {
        let name = NAMES
            .iter()
            .find(|(number, _)| *number == status)
            .map(|(_, name)| name.as_ptr());
        Ok(name.unwrap_or(c"Unknown".as_ptr()))
    })
}
