//! The remote job.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ltx_jobs::{Error, Job, Status};

use crate::callbacks::{Callbacks, ltx_callbacks};
use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::op::{self, Product, ltx_op};
use crate::status::ltx_status;
use crate::text;

/// A job on the service. All functions on it may be called from any thread at the same time. Counted: ltx_job_ref(), ltx_job_release().
///
/// Releasing it changes nothing on the service: the job goes on there and is billed if it succeeds. It must not be used for long after its client was
/// released: everything then answers LTX_CLOSED.
pub struct ltx_job {
    _opaque: [u8; 0],
}

pub(crate) struct Held {
    job: Job,
    home: Home,
    reference: CString,
    endpoint: CString,
    id: CString,
    label: Option<CString>,
    /// Those that were asked for so far; they only become more, and each stays where it is.
    warnings: Mutex<Vec<CString>>,
}

impl Held {
    /// Looks at all warnings there are now.
    fn warnings<T>(&self, look: impl FnOnce(&[CString]) -> T) -> Result<T, Error> {
        self.home.owner.enter()?;
        let known = self.job.snapshot().warnings;
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let told = warnings.len();
        warnings.extend(known.iter().skip(told).map(|warning| text::owned(warning)));
        Ok(look(&warnings))
    }
}

impl Handle for ltx_job {
    type Value = Held;
    const MAGIC: u64 = handle::magic(b"ltx job ");
    const NAME: &'static str = "ltx_job";
}

impl ltx_job {
    pub(crate) fn give(job: Job, home: &Home) -> *mut Self {
        handle::give(Held {
            reference: text::owned(&job.reference().to_string()),
            endpoint: text::owned(job.endpoint()),
            id: text::owned(job.id()),
            label: job.label().map(text::owned),
            warnings: Mutex::default(),
            home: home.clone(),
            job,
        })
    }
}

/// What is known of a job, from memory. Set `size` to `sizeof(ltx_job_info)` before the call. Times are milliseconds since 1970, -1 when not known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_job_info {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// `LTX_STATE_UNKNOWN` before the service was asked, `LTX_STATE_PENDING` and so on; `LTX_STATE_OTHER` for a word this version does not know.
    pub status: i32,
    /// 1 when the job is over and nothing more will be learned, else 0.
    pub ended: i32,
    /// When the service accepted it, by the service's clock.
    pub created_at_ms: i64,
    /// When the service last answered, by this machine's clock.
    pub last_contact_ms: i64,
    /// Since when the service cannot be reached; -1 when it can.
    pub unreachable_since_ms: i64,
    /// What the last poll met if it was not the service's answer; `LTX_OK` otherwise.
    pub last_error: ltx_status,
    /// Always 0 in this version.
    pub reserved: i32,
    /// The service's own word for the status; empty before it was asked.
    pub status_word: [c_char; 80],
}

/// The status as a number of the header.
pub(crate) fn number(status: Option<&Status>) -> i32 {
    match status {
        None => 0,
        Some(Status::Pending) => 1,
        Some(Status::Processing) => 2,
        Some(Status::Completed) => 3,
        Some(Status::Failed) => 4,
        Some(_) => 5,
    }
}

/// Milliseconds since 1970, or -1.
pub(crate) fn epoch_ms(time: Option<SystemTime>) -> i64 {
    time.and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(-1, op::millis)
}

/// The job's name for a project file, `endpoint/id`; ltx_client_job() takes it. Lives as long as the job. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_ref_string(job: *const ltx_job) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(look!(job)?.reference.as_ptr()))
}

/// The endpoint it was submitted to. Lives as long as the job. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_endpoint(job: *const ltx_job) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(look!(job)?.endpoint.as_ptr()))
}

/// The service's id. Lives as long as the job. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_id(job: *const ltx_job) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(look!(job)?.id.as_ptr()))
}

/// The label given at submit, as far as this client or the journal knows it; NULL when there is none. Lives as long as the job.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_label(job: *const ltx_job) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(text::pointer(look!(job)?.label.as_ref())))
}

/// What is known of the job, from memory: never blocks and asks nobody. For user interfaces and render threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_snapshot(
    job: *const ltx_job,
    info: *mut ltx_job_info,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let held = look!(job)?;
        held.home.owner.enter()?;
        let known = held.job.snapshot();
        let make = |size| ltx_job_info {
            size,
            status: number(known.status.as_ref()),
            ended: known.is_ended().into(),
            created_at_ms: epoch_ms(known.created_at),
            last_contact_ms: epoch_ms(known.last_contact),
            unreachable_since_ms: epoch_ms(known.unreachable_since),
            last_error: known
                .last_error
                .as_ref()
                .map_or(0, |error| ltx_status::from(error.kind().number())),
            reserved: 0,
            status_word: text::word(known.status.as_ref().map_or("", Status::as_str)),
        };
        // SAFETY: the header's contract: a struct of the size it says.
        unsafe { guard::fill(info, "info", size_of::<ltx_job_info>(), make) }
    })
}

/// How many things are odd about the job but may be right: a value or an input that the vendor's documents do not list, a status word this version does not
/// know. They are for people. From memory: never blocks. They only become more. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_warning_count(job: *const ltx_job) -> usize {
    guard::value(0, || look!(job)?.warnings(<[CString]>::len))
}

/// One of them, in the order they came; NULL beyond the last. Lives as long as the job.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_warning(job: *const ltx_job, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        look!(job)?.warnings(|warnings| text::pointer(warnings.get(index)))
    })
}

/// Starts one look at the service. Never blocks. The operation tells what that look met, errors of the network included (none of them means that the job
/// ended); after success ltx_job_snapshot() knows more. Merged with other polls of the job to one per poll interval.
///
/// @param callbacks  may be NULL; see ltx_callbacks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_poll(
    job: *mut ltx_job,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let held = look!(job)?;
        let callbacks = callbacks?;
        let seat = held.home.begin(callbacks)?;
        out.put(op::give(
            held.job.poll().start(),
            |_| Product::Nothing,
            None,
            &held.home,
            seat,
        )?);
        Ok(())
    })
}

/// Starts waiting for the job's end. Never blocks; ltx_op_wait() does. ltx_op_take_result() gives the outputs.
///
/// Only the job's end, cancellation or a refused key end the operation; whatever else goes wrong is asked again.
///
/// @param callbacks  may be NULL; see ltx_callbacks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_wait(
    job: *mut ltx_job,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    wait(job, -1, callbacks, op, err)
}

/// As ltx_job_wait(), with a time limit of the operation itself: it ends with LTX_WAIT_TIMEOUT when the time is up. The job goes on, and can be waited for
/// again.
///
/// @param timeout_ms  milliseconds from now; 0 asks the service once; negative waits without limit
/// @param callbacks   may be NULL; see ltx_callbacks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_wait_for(
    job: *mut ltx_job,
    timeout_ms: i64,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    wait(job, timeout_ms, callbacks, op, err)
}

fn wait(
    job: *mut ltx_job,
    timeout_ms: i64,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let held = look!(job)?;
        let callbacks = callbacks?;
        let seat = held.home.begin(callbacks)?;
        let mut wait = held.job.wait();
        if let Some(limit) = op::limit(timeout_ms) {
            wait = wait.timeout(limit);
        }
        out.put(op::give(
            wait.start(),
            |done| Product::Result(Box::new(done)),
            None,
            &held.home,
            seat,
        )?);
        Ok(())
    })
}

/// One more owner of the job: gives back `job`, or NULL when it is no job. Each owner releases once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_ref(job: *mut ltx_job) -> *mut ltx_job {
    guard::value(std::ptr::null_mut(), || {
        // SAFETY: the header's contract: NULL, or a live handle.
        unsafe { handle::share(job) }?;
        Ok(job)
    })
}

/// One owner less. Never blocks, cancels nothing. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_job_release(job: *mut ltx_job) {
    guard::value((), || release(job));
}

fn release(job: *mut ltx_job) -> Result<(), Error> {
    if !look!(job)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle whose owner gives it up.
        unsafe { handle::end(job) };
    }
    Ok(())
}
