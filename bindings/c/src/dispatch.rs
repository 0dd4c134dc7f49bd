//! Where the host's threads come for callbacks.
// Exports symbols.
#![allow(unsafe_code)]

use ltx_jobs::Error;

use crate::callbacks::may_wait;
use crate::client::ltx_client;
use crate::error::ltx_error;
use crate::guard::{self, look};
use crate::handle;
use crate::op;
use crate::status::{LTX_OK, LTX_PENDING, ltx_status};
use crate::text;

/// Runs callbacks of the client's operations on the calling thread, and only here: waits for the first one that is due, then runs what is due, and returns.
/// From any host thread, also from several at once.
///
/// @param timeout_ms  how long to wait for the first one: milliseconds, negative without limit, 0 only looks
/// @param max         how many to run at most; 0 has no limit
/// @param count       may be NULL; receives how many ran
/// @return LTX_OK when callbacks ran, LTX_PENDING when none was due in that time, LTX_CLOSED once the client is closed (also while it waits),
/// LTX_WOULD_DEADLOCK inside a callback
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_dispatch(
    client: *mut ltx_client,
    timeout_ms: i64,
    max: usize,
    count: *mut usize,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::status(err, || {
        put(count, 0);
        let held = Held::new(client)?;
        let home = &look!(held.0)?.home;
        may_wait("dispatching callbacks")?;
        home.owner.begin()?;
        let ran = home
            .desk
            .dispatch(op::limit(timeout_ms), if max == 0 { usize::MAX } else { max })?;
        put(count, ran);
        Ok(if ran > 0 { LTX_OK } else { LTX_PENDING })
    })
}

/// What a foreign event loop (poll(), a notifier for sockets) watches to know when to call ltx_client_dispatch(): a file descriptor that is readable while
/// callbacks are due, and for good once the client is closed. It is always the same one, belongs to the client, and goes with its last owner: it is
/// neither read nor closed, and taken out of the loop before. Not on Windows yet: LTX_UNSUPPORTED there; call ltx_client_dispatch() from a timer.
///
/// @param handle  receives the file descriptor; -1 on failure
/// @return LTX_OK; LTX_CLOSED; LTX_IO when there are no more descriptors or threads
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_event_handle(
    client: *mut ltx_client,
    handle: *mut i64,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        if handle.is_null() {
            return Err(text::refuse("handle is NULL; there is nowhere to put the result"));
        }
        put(handle, -1);
        let home = &look!(client)?.home;
        home.owner.begin()?;
        put(handle, home.desk.event_handle()?);
        Ok(())
    })
}

fn put<T>(target: *mut T, value: T) {
    if !target.is_null() {
        // SAFETY: the header's contract: an out-parameter that is not NULL is writable.
        unsafe { target.write(value) };
    }
}

/// An owner of the client while its callbacks run: one of them may release the last other one, and no client is closed from inside its own callback.
struct Held(*mut ltx_client);

impl Held {
    fn new(client: *mut ltx_client) -> Result<Self, Error> {
        // SAFETY: the header's contract: NULL, or a live handle.
        unsafe { handle::share(client) }?;
        Ok(Self(client))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the owner that `new` made. In a forked child the parent's other owner is never released, so this is not the last.
        unsafe { handle::end(self.0) };
    }
}
