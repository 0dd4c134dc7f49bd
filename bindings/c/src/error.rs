//! The error object: everything the core's error knows, as C reads it.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::{Billing, Error};

use crate::guard::{self, look};
use crate::handle::{self, Handle};
use crate::status::{LTX_OK, ltx_status};
use crate::text;

/// What went wrong. Immutable, may be read from any thread; freed once with ltx_error_free().
///
/// Texts it gives out live as long as the error. It contains no API key and no query of a signed URL.
pub struct ltx_error {
    _opaque: [u8; 0],
}

pub(crate) struct Told {
    error: Error,
    message: CString,
    job_ref: Option<CString>,
    request_id: Option<CString>,
    api_type: Option<CString>,
    api_message: Option<CString>,
}

impl Handle for ltx_error {
    type Value = Told;
    const MAGIC: u64 = handle::magic(b"ltxerror");
    const NAME: &'static str = "ltx_error";
}

impl ltx_error {
    pub(crate) fn give(error: Error) -> *mut Self {
        handle::give(Told {
            message: text::owned(&error.to_string()),
            job_ref: error.job().map(|job| text::owned(&job.to_string())),
            request_id: error.request_id().map(text::owned),
            api_type: error.api_type().map(text::owned),
            api_message: error.api_message().map(text::owned),
            error,
        })
    }
}

/// The status it was returned with. `LTX_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_status(error: *const ltx_error) -> ltx_status {
    guard::value(LTX_OK, || Ok(ltx_status::from(look!(error)?.error.kind().number())))
}

/// One line for people: what happened, what it means for the bill, what to do next. Empty for NULL, never NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_message(error: *const ltx_error) -> *const c_char {
    guard::value(c"".as_ptr(), || Ok(look!(error)?.message.as_ptr()))
}

/// What it means for the bill: `LTX_BILLING_NO_JOB` and so on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_billing(error: *const ltx_error) -> i32 {
    guard::value(0, || {
        Ok(match look!(error)?.error.billing() {
            Billing::NoJob => 0,
            Billing::JobExists(_) => 1,
            Billing::NotBilled(_) => 2,
            // What a later version may add is nothing to rely on here.
            _ => 3,
        })
    })
}

/// The word for a billing number: `"no_job"`, `"job_exists"`, `"not_billed"`, `"unknown"`; the last also for any other number. Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ltx_billing_name(billing: i32) -> *const c_char {
    match billing {
        0 => c"no_job".as_ptr(),
        1 => c"job_exists".as_ptr(),
        2 => c"not_billed".as_ptr(),
        _ => c"unknown".as_ptr(),
    }
}

/// The job, or the intent of the submit (`intent:...`), that it is about; NULL when there is none. ltx_client_job() takes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_job_ref(error: *const ltx_error) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(text::pointer(look!(error)?.job_ref.as_ref())))
}

/// The service's request id, which its support asks for; NULL when no answer had one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_request_id(error: *const ltx_error) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(look!(error)?.request_id.as_ref()))
    })
}

/// The HTTP status of the answer; 0 when none arrived.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_http_status(error: *const ltx_error) -> i32 {
    guard::value(0, || Ok(look!(error)?.error.http_status().map_or(0, i32::from)))
}

/// The `type` of the service's own error, word for word; NULL when it gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_api_type(error: *const ltx_error) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(text::pointer(look!(error)?.api_type.as_ref())))
}

/// The `message` of the service's own error, word for word but for the queries of addresses in it; NULL when it gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_api_message(error: *const ltx_error) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(look!(error)?.api_message.as_ref()))
    })
}

/// Whether calling the same function again is safe, cannot cost more, and may help. False for a failed job and for every unknown outcome.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_is_retryable(error: *const ltx_error) -> bool {
    guard::value(false, || Ok(look!(error)?.error.is_retryable()))
}

/// Whether the job it is about has ended on the service.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_job_ended(error: *const ltx_error) -> bool {
    guard::value(false, || Ok(look!(error)?.error.job_ended()))
}

/// How long the service asks to wait before the next try, in milliseconds; -1 when it asked for nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_retry_after_ms(error: *const ltx_error) -> i64 {
    guard::value(-1, || {
        Ok(look!(error)?.error.retry_after().map_or(-1, crate::op::millis))
    })
}

/// A copy, to be freed on its own; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_clone(error: *const ltx_error) -> *mut ltx_error {
    guard::value(std::ptr::null_mut(), || {
        Ok(ltx_error::give(look!(error)?.error.clone()))
    })
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_error_free(error: *mut ltx_error) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(error) };
        Ok(())
    });
}
