//! Panics on purpose, for the tests of the guard: behind any export, and on this side of a callback. Only with the feature `test-panics`, never in a shipped
//! build.
// Exports symbols.
#![allow(unsafe_code)]
#![allow(clippy::panic)] // What it is for.

use std::cell::Cell;

/// At the end of what an export does.
pub(crate) const EXPORT: i32 = 1;
/// When a function of the host is about to be called.
pub(crate) const CALLBACK: i32 = 2;

thread_local! {
    static ARMED: Cell<i32> = const { Cell::new(0) };
}

/// The next place of this kind that this thread comes to panics: 1 the end of an export, 2 the call of a callback; 0 is none. Gives what was still to come.
#[unsafe(no_mangle)]
pub extern "C" fn ltx_test_panic_next(place: i32) -> i32 {
    ARMED.replace(place)
}

/// A place that may panic.
pub(crate) fn strike(place: i32) {
    if ARMED.get() == place {
        ARMED.set(0);
        panic!("on purpose");
    }
}
