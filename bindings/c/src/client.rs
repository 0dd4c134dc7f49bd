//! The client: owner of the threads, door to jobs.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::time::Duration;

use ltx_jobs::{Client, Error, JobRef, Media, RuntimeOptions};

use crate::callbacks::{Callbacks, ltx_callbacks, may_wait};
use crate::config::{Settings, ltx_config};
use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::job::ltx_job;
use crate::op::{self, Product, ltx_op};
use crate::request::ltx_request;
use crate::status::{LTX_OK, LTX_PENDING, ltx_status};
use crate::{pin, signals, text};

/// For paid requests on the wire, when the last owner goes without having closed.
const RELEASE_GRACE: Duration = Duration::from_secs(5);

/// A client of the service. All functions on it may be called from any thread at the same time. Counted: ltx_client_ref(), ltx_client_release().
///
/// Making one opens no socket and starts no thread; the first operation does.
pub struct ltx_client {
    _opaque: [u8; 0],
}

pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) home: Home,
}

impl Shared {
    /// Ends everything; gives back how many threads were left behind. First the callbacks: none may see a client that is half closed.
    fn close(&self, grace: Duration) -> usize {
        self.home.desk.stop();
        let left = self.client.close_blocking(grace);
        self.home.desk.clear();
        left
    }
}

impl Handle for ltx_client {
    type Value = Shared;
    const MAGIC: u64 = handle::magic(b"ltxclien");
    const NAME: &'static str = "ltx_client";
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.home.owner.is_foreign() {
            self.close(RELEASE_GRACE);
        }
    }
}

/// Makes a client. Settings that are not in `config` are taken from the environment (`LTXV_API_KEY` or `LTX_API_KEY`, and `LTX_` plus the name of a
/// setting in capitals), else they have their defaults.
///
/// @param config  may be NULL: the environment only; copied, and may be freed afterwards
/// @param client  receives the client; released with ltx_client_release()
/// @param err     may be NULL; receives the error on failure, else NULL; the caller frees it with ltx_error_free()
/// @return LTX_OK, or LTX_CONFIG when a value cannot be used or there is no key
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_new(
    config: *const ltx_config,
    client: *mut *mut ltx_client,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let out = Out::new(client, "client")?;
        let builder = if config.is_null() {
            Settings::default().builder()?
        } else {
            look!(config)?.builder()?
        };
        let threads = RuntimeOptions::new()
            .thread_name("ltx-io")
            .on_thread_start(signals::block_all);
        let client = builder.environment().own_runtime(threads).build()?;
        pin::pin();
        out.put(handle::give(Shared {
            client,
            home: Home::default(),
        }));
        Ok(())
    })
}

/// One more owner of the client: gives back `client`, or NULL when it is no client. Each owner releases once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_ref(client: *mut ltx_client) -> *mut ltx_client {
    guard::value(std::ptr::null_mut(), || {
        // SAFETY: the header's contract: NULL, or a live handle.
        unsafe { handle::share(client) }?;
        Ok(client)
    })
}

/// Uses another API key from now on, also for jobs whose polling stopped because the old one was refused. Never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_set_api_key(
    client: *mut ltx_client,
    key: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let shared = look!(client)?;
        shared.home.owner.enter()?;
        let key = text::given(key, "key")?;
        if key.trim().is_empty() {
            return Err(text::refuse("key is empty"));
        }
        shared.client.set_api_key(key);
        Ok(())
    })
}

/// Starts a look at everything a submit needs, for nothing: proxy, certificates, address, key, clock, journal and storage. Never blocks.
///
/// The operation ends with success, or with what keeps jobs from being submitted or waited for. ltx_op_take_checked() gives all that was found, also when it
/// ended with such an error.
///
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; released with ltx_op_release()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_check(
    client: *mut ltx_client,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let callbacks = callbacks?;
        let seat = shared.home.begin(callbacks)?;
        out.put(op::give(
            shared.client.check().keep_failures(true).start(),
            |checked| Product::Checked(Box::new(checked)),
            None,
            &shared.home,
            seat,
        )?);
        Ok(())
    })
}

/// Submits a request. **Billed** if the job succeeds. Never blocks.
///
/// The request is sent again only with proof that no job exists. When nobody can tell, the operation ends with LTX_SUBMIT_UNKNOWN and nothing is resent.
/// The operation has a reference at once (ltx_op_ref_string(), `intent:...`): saved in a project, it finds the job again. ltx_op_take_job() gives the job.
///
/// @param request    copied: it may be freed or changed afterwards
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; releasing it does not cancel the submit
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_submit(
    client: *mut ltx_client,
    request: *const ltx_request,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let draft = look!(request)?;
        let callbacks = callbacks?;
        let submit = draft.submit(&shared.client)?;
        let seat = shared.home.begin(callbacks)?;
        let submitting = submit.start();
        let reference = submitting
            .reference()
            .map(|reference| text::owned(&reference.to_string()));
        out.put(op::give(
            submitting.operation().clone(),
            Product::Job,
            reference,
            &shared.home,
            seat,
        )?);
        Ok(())
    })
}

/// A job by its reference (`endpoint/id`, or `intent:...` of a submit). Asks nobody. A job and an intent of this client come from memory; an intent
/// of another client, or one whose outcome is unknown, is looked up in the journal's files, on this thread.
///
/// @param job  receives the job; released with ltx_job_release()
/// @return LTX_OK; LTX_INVALID_REQUEST for a text that is no reference; for an intent also LTX_INVALID_STATE while it is on its way,
/// LTX_SUBMIT_UNKNOWN, LTX_ID_LOST, LTX_NOT_FOUND
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_job(
    client: *mut ltx_client,
    reference: *const c_char,
    job: *mut *mut ltx_job,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let out = Out::new(job, "job")?;
        let shared = look!(client)?;
        shared.home.owner.enter()?;
        let reference: JobRef = text::given(reference, "reference")?.parse()?;
        out.put(ltx_job::give(shared.client.job(reference)?, &shared.home));
        Ok(())
    })
}

/// Uploads a local file apart from a submit; costs nothing. Never blocks. ltx_op_take_uri() gives the `ltx://uploads/...` address, which lives for 24 h
/// and goes into a request with ltx_request_set_media_url().
///
/// @param path       UTF-8; on POSIX any bytes
/// @param callbacks  may be NULL; see ltx_callbacks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_upload(
    client: *mut ltx_client,
    path: *const c_char,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let callbacks = callbacks?;
        let media = Media::file(text::path(path, "path")?);
        let seat = shared.home.begin(callbacks)?;
        out.put(op::give(
            shared.client.upload(media).start(),
            Product::Uri,
            None,
            &shared.home,
            seat,
        )?);
        Ok(())
    })
}

/// Closes the client: every wait and transfer ends at once with LTX_CLOSED, a paid request on the wire gets `grace_ms` to finish, and all threads of the
/// client are joined. Jobs go on at the service. Blocks for that long at most, and a moment for the threads. As often as wanted, from any host thread.
///
/// Waits for callbacks that are running, and calls no others: those that were not delivered are destroyed. When it returns none runs and none will.
/// LTX_WOULD_DEADLOCK inside a callback.
///
/// @param grace_ms  milliseconds; negative waits without limit
/// @return LTX_OK when every thread is joined; LTX_PENDING when some hang in the operating system (a name resolution cannot be interrupted) and were left
/// behind: the client is closed all the same, and they touch nothing of the host's
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_close(
    client: *mut ltx_client,
    grace_ms: i64,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::status(err, || {
        let shared = look!(client)?;
        shared.home.owner.enter()?;
        may_wait("closing a client")?;
        let left = shared.close(op::limit(grace_ms).unwrap_or(op::FOREVER));
        Ok(if left == 0 { LTX_OK } else { LTX_PENDING })
    })
}

/// One owner less. The last one closes the client as ltx_client_close() does with five seconds of grace, and frees it; operations and jobs that are still
/// held then answer LTX_CLOSED. NULL is fine. Inside a callback it closes when ltx_client_dispatch() returns. In a forked child it returns at once and frees nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_release(client: *mut ltx_client) {
    guard::value((), || release(client));
}

fn release(client: *mut ltx_client) -> Result<(), Error> {
    if !look!(client)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle whose owner gives it up.
        unsafe { handle::end(client) };
    }
    Ok(())
}
