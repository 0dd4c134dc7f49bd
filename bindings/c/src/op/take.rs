//! Taking what an operation made: each once, by its type.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::c_char;

use ltx_jobs::Error;

use super::{Ongoing, Product, ltx_op};
use crate::buffer::ltx_buffer;
use crate::checked::ltx_checked;
use crate::error::ltx_error;
use crate::frames::ltx_frames;
use crate::guard::{self, Out, look};
use crate::job::ltx_job;
use crate::money::ltx_estimate;
use crate::result::ltx_result;
use crate::saved::ltx_saved;
use crate::status::{LTX_OK, LTX_PENDING, ltx_status};
use crate::submits::{ltx_recovered, ltx_submits};
use crate::text;

fn take<T, R>(
    op: *mut ltx_op,
    (target, name): (*mut *mut T, &str),
    err: *mut *mut ltx_error,
    wanted: &str,
    pick: impl FnOnce(Product) -> Result<R, Product>,
    give: impl FnOnce(R, &Ongoing) -> *mut T,
) -> ltx_status {
    guard::status(err, || {
        let out = Out::new(target, name)?;
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        Ok(match ongoing.take(wanted, pick)? {
            Some(made) => {
                out.put(give(made, ongoing));
                LTX_OK
            }
            None => LTX_PENDING,
        })
    })
}

/// Takes the job of a submit, once.
///
/// @param job  receives the job; released with ltx_job_release()
/// @return LTX_OK; LTX_PENDING while the submit runs; LTX_INVALID_STATE for another operation or when it was taken; else what went wrong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_job(
    op: *mut ltx_op,
    job: *mut *mut ltx_job,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Job(job) => Ok(job),
        other => Err(other),
    };
    take(op, (job, "job"), err, "a job", pick, |job, ongoing| {
        ltx_job::give(job, &ongoing.home)
    })
}

/// Takes the result of a wait, once.
///
/// @param result  receives the result; freed with ltx_result_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_result(
    op: *mut ltx_op,
    result: *mut *mut ltx_result,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Result(done) => Ok(done),
        other => Err(other),
    };
    take(op, (result, "result"), err, "a result", pick, |done, ongoing| {
        ltx_result::give(*done, &ongoing.home)
    })
}

/// Takes the list of files of a download or an extraction, once.
///
/// @param saved  receives the list; freed with ltx_saved_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_saved(
    op: *mut ltx_op,
    saved: *mut *mut ltx_saved,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Saved(saved) => Ok(saved),
        other => Err(other),
    };
    take(op, (saved, "saved"), err, "saved files", pick, |saved, _| {
        ltx_saved::give(&saved)
    })
}

/// Takes the list that ltx_result_frames() opened, once.
///
/// @param frames  receives the list; freed with ltx_frames_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_frames(
    op: *mut ltx_op,
    frames: *mut *mut ltx_frames,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Frames(frames) => Ok(frames),
        other => Err(other),
    };
    take(
        op,
        (frames, "frames"),
        err,
        "a list of frames",
        pick,
        |frames, ongoing| ltx_frames::give(frames, &ongoing.home),
    )
}

/// Takes the bytes that ltx_frames_read() brought, once. Nothing is copied.
///
/// @param buffer  receives them; freed with ltx_buffer_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_buffer(
    op: *mut ltx_op,
    buffer: *mut *mut ltx_buffer,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Buffer(bytes) => Ok(bytes),
        other => Err(other),
    };
    take(op, (buffer, "buffer"), err, "a frame's bytes", pick, |bytes, _| {
        ltx_buffer::give(bytes)
    })
}

/// Takes what ltx_client_estimate() came to, once.
///
/// @param estimate  receives the estimate; freed with ltx_estimate_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_estimate(
    op: *mut ltx_op,
    estimate: *mut *mut ltx_estimate,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Estimate(estimate) => Ok(estimate),
        other => Err(other),
    };
    take(op, (estimate, "estimate"), err, "an estimate", pick, |estimate, _| {
        ltx_estimate::give(&estimate)
    })
}

/// Takes the list of ltx_client_jobs(), once.
///
/// @param submits  receives the list; freed with ltx_submits_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_submits(
    op: *mut ltx_op,
    submits: *mut *mut ltx_submits,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Submits(list) => Ok(list),
        other => Err(other),
    };
    take(op, (submits, "submits"), err, "a list of submits", pick, |list, _| {
        ltx_submits::give(&list)
    })
}

/// Takes what ltx_client_recover() found, once.
///
/// @param recovered  receives it; freed with ltx_recovered_free()
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_recovered(
    op: *mut ltx_op,
    recovered: *mut *mut ltx_recovered,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Recovered(found) => Ok(found),
        other => Err(other),
    };
    take(
        op,
        (recovered, "recovered"),
        err,
        "what was recovered",
        pick,
        |found, ongoing| ltx_recovered::give(*found, &ongoing.home),
    )
}

/// Takes what ltx_client_check() found, once; also when the operation ended with what was found wrong.
///
/// @param checked  receives it; freed with ltx_checked_free()
/// @return as ltx_op_take_job(); an operation that was cancelled, or whose client was closed, has found nothing and gives that error
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_checked(
    op: *mut ltx_op,
    checked: *mut *mut ltx_checked,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let pick = |made| match made {
        Product::Checked(checked) => Ok(checked),
        other => Err(other),
    };
    take(op, (checked, "checked"), err, "what was checked", pick, |found, _| {
        ltx_checked::give(&found)
    })
}

/// The `ltx://uploads/...` address of an upload, as often as wanted.
///
/// @param uri  receives the text, which lives as long as the operation and is not freed
/// @return as ltx_op_take_job()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_take_uri(
    op: *mut ltx_op,
    uri: *mut *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::status(err, || {
        let out = Out::new(uri.cast::<*mut c_char>(), "uri")?;
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        if ongoing.uri.get().is_none() {
            let pick = |made| match made {
                Product::Uri(uri) => Ok(uri),
                other => Err(other),
            };
            let Some(uri) = once(ongoing, pick)? else {
                return Ok(LTX_PENDING);
            };
            ongoing.uri.get_or_init(|| text::owned(&uri));
        }
        out.put(text::pointer(ongoing.uri.get()).cast_mut());
        Ok(LTX_OK)
    })
}

/// Takes the address; when another thread just did, waits for it to be put down.
fn once(ongoing: &Ongoing, pick: impl FnOnce(Product) -> Result<String, Product>) -> Result<Option<String>, Error> {
    match ongoing.take("an address", pick) {
        Err(_) if ongoing.uri.get().is_some() => Ok(Some(String::new())),
        taken => taken,
    }
}
