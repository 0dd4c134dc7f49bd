//! The host's functions for one operation: handed in with the call that starts it, called on host threads only, destroyed once.
// Calls functions of the host.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;

use ltx_jobs::{Error, ErrorKind};

use crate::op::{ltx_op, ltx_op_info};
use crate::status::ltx_status;
use crate::text;

/// Functions of the host for one operation, given to the call that starts it and copied there. Begin with `LTX_CALLBACKS_INIT`; any of them may be NULL.
///
/// `on_progress` and `on_complete` run inside ltx_client_dispatch() only, on the thread that calls it; of one operation never two at a time. `op` is valid
/// during the call, also when the host released it. They must neither throw nor jump out. Inside them nothing may wait: a wait for an operation that still
/// runs, ltx_client_close() and ltx_client_dispatch() answer LTX_WOULD_DEADLOCK. Everything else may be called.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_callbacks {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// How far it is: when something changed, at most ten times a second, and about once a second when nothing did; what lies between is skipped. None
    /// when the operation is quicker than that. Not 0 cancels the operation, and then it is not called again.
    pub on_progress:
        Option<unsafe extern "C" fn(user_data: *mut c_void, op: *mut ltx_op, info: *const ltx_op_info) -> i32>,
    /// The operation has ended: once, and the last call but `destroy`. ltx_op_wait() then gives the error without waiting, and ltx_op_take_job() and the
    /// like what was made. Left out when the client is closed before it was delivered.
    pub on_complete: Option<unsafe extern "C" fn(user_data: *mut c_void, op: *mut ltx_op, outcome: ltx_status)>,
    /// Handed to each of them as it is.
    pub user_data: *mut c_void,
    /// Frees `user_data`: exactly once and after everything else, also when the call that got the struct fails (then before it returns), and when the
    /// client is closed or released first (then before that returns). On a thread of the host. Only a struct whose `size` is wrong is left alone.
    pub destroy: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

/// The callbacks of one operation. Dropping them calls `destroy`, so they are dropped on host threads only, and never under a lock.
pub(crate) struct Callbacks(ltx_callbacks);

// SAFETY: the header's contract: the functions and `user_data` may be used on every thread that dispatches, one at a time.
unsafe impl Send for Callbacks {}

impl Callbacks {
    /// Takes them over from the caller; from here on `destroy` is owed.
    pub(crate) fn read(callbacks: *const ltx_callbacks) -> Result<Option<Self>, Error> {
        if callbacks.is_null() {
            return Ok(None);
        }
        if !callbacks.is_aligned() {
            return Err(text::refuse("callbacks is misaligned"));
        }
        // SAFETY: the header's contract: the struct begins with its size.
        let size = unsafe { callbacks.cast::<usize>().read() };
        if size < size_of::<ltx_callbacks>() || size > 64 * 1024 {
            return Err(text::refuse(format!(
                "callbacks.size is {size}; begin with LTX_CALLBACKS_INIT"
            )));
        }
        // SAFETY: the caller has at least as many bytes, and functions of these types or NULL in them.
        Ok(Some(Self(unsafe { callbacks.read() })))
    }

    pub(crate) fn wants_progress(&self) -> bool {
        self.0.on_progress.is_some()
    }

    /// Whether the host wants the operation to be cancelled.
    pub(crate) fn progress(&self, op: *mut ltx_op, info: &ltx_op_info) -> bool {
        let _inside = Inside::enter();
        #[cfg(feature = "test-panics")]
        crate::panics::strike(crate::panics::CALLBACK);
        // SAFETY: the header's contract: a function of this type that returns.
        self.0
            .on_progress
            .is_some_and(|function| unsafe { function(self.0.user_data, op, info) } != 0)
    }

    pub(crate) fn complete(&self, op: *mut ltx_op, outcome: ltx_status) {
        let _inside = Inside::enter();
        #[cfg(feature = "test-panics")]
        crate::panics::strike(crate::panics::CALLBACK);
        if let Some(function) = self.0.on_complete {
            // SAFETY: as above.
            unsafe { function(self.0.user_data, op, outcome) };
        }
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        let _inside = Inside::enter();
        if let Some(function) = self.0.destroy {
            // SAFETY: as above; this is the only call.
            unsafe { function(self.0.user_data) };
        }
    }
}

thread_local! {
    // Without a destructor: none of ours may run when a host thread ends.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// While a function of the host runs on this thread.
pub(crate) struct Inside;

impl Inside {
    pub(crate) fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Refuses what would wait inside a callback: closing waits for callbacks, and two of them could wait for each other.
pub(crate) fn may_wait(what: &str) -> Result<(), Error> {
    if DEPTH.get() == 0 {
        return Ok(());
    }
    Err(Error::from_face(
        ErrorKind::WouldDeadlock,
        format!("{what} inside a callback"),
    ))
}
