//! What a client has done, in numbers.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::mem::offset_of;

use ltx_jobs::Counters;

use crate::client::ltx_client;
use crate::error::ltx_error;
use crate::guard::{self, look};
use crate::status::ltx_status;
use crate::text;

/// What a client has done since it was made, at one moment. Set `size` to `sizeof(ltx_counters)` before the call.
///
/// Every number but `committed` only grows, and counts what this client did in this process. Numbers that belong together may be apart by what is happening
/// just now. When nothing runs, `submits` is `submits_known` + `submits_refused` + `submits_unknown` + `jobs_created`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_counters {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// Submits that were begun.
    pub submits: u64,
    /// Submits that the journal answered under their `once` key, with the job or the unknown outcome of an earlier one. Nothing was sent.
    pub submits_known: u64,
    /// Submits that ended with proof that there is no job: refused here or by the service, or withdrawn before they were sent.
    pub submits_refused: u64,
    /// Submits whose job may exist, or does, and is not known by its id: `LTX_SUBMIT_UNKNOWN` and `LTX_ID_LOST`.
    pub submits_unknown: u64,
    /// Paid requests whose body was given to a connection. One submit may take several: each after the proof that the one before made no job, or because the
    /// caller accepts a double charge.
    pub posts: u64,
    /// Jobs that were created by this client's submits, by the service's own answer.
    pub jobs_created: u64,
    /// Jobs seen to be completed, those of before included that this client waited for.
    pub jobs_completed: u64,
    /// Jobs seen to end without a result: failed, or gone.
    pub jobs_failed: u64,
    /// Questions about a job, of waits and polls, and for new addresses of its outputs. Each is one request.
    pub polls: u64,
    /// Requests on all connections: to the service and to its storage.
    pub http_requests: u64,
    /// Attempts of submits after their first.
    pub submit_retries: u64,
    /// Polls, and requests for an upload slot, that were sent because the one before failed.
    pub api_retries: u64,
    /// Requests to the storage that were sent because the one before failed or broke off.
    pub storage_retries: u64,
    /// Downloads that went on with what an earlier call had left.
    pub transfers_resumed: u64,
    /// Transfers that were begun anew because what came was damaged or had changed, and frames that were fetched again for that.
    pub transfers_restarted: u64,
    /// Bytes of outputs that arrived, also those that were thrown away or fetched twice.
    pub bytes_downloaded: u64,
    /// Bytes of inputs that were given to a connection, also in uploads that were repeated.
    pub bytes_uploaded: u64,
    /// Bytes that stores of the caller took: always 0 here, as there is no function for it.
    pub bytes_rehosted: u64,
    /// What ltx_client_committed() gives: US dollars as a decimal. The one number that can fall, when a job fails without a bill.
    pub committed: [c_char; 32],
}

/// The struct as it was first: nobody has a smaller one.
const FIRST: usize = offset_of!(ltx_counters, committed) + 32;

fn told(size: usize, counters: &Counters) -> ltx_counters {
    ltx_counters {
        size,
        submits: counters.submits,
        submits_known: counters.submits_known,
        submits_refused: counters.submits_refused,
        submits_unknown: counters.submits_unknown,
        posts: counters.posts,
        jobs_created: counters.jobs_created,
        jobs_completed: counters.jobs_completed,
        jobs_failed: counters.jobs_failed,
        polls: counters.polls,
        http_requests: counters.http_requests,
        submit_retries: counters.submit_retries,
        api_retries: counters.api_retries,
        storage_retries: counters.storage_retries,
        transfers_resumed: counters.transfers_resumed,
        transfers_restarted: counters.transfers_restarted,
        bytes_downloaded: counters.bytes_downloaded,
        bytes_uploaded: counters.bytes_uploaded,
        bytes_rehosted: counters.bytes_rehosted,
        committed: text::word(&counters.committed.to_string()),
    }
}

/// What the client has done: submits, jobs, polls, retries, bytes, money. From memory: never blocks, also when the client is closed. For a metrics library, a
/// status line, a log at the end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_counters(
    client: *const ltx_client,
    counters: *mut ltx_counters,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let shared = look!(client)?;
        shared.home.owner.enter()?;
        let counted = shared.client.counters();
        let make = |size| told(size, &counted);
        // SAFETY: the header's contract: a struct of the size it says.
        unsafe { guard::fill(counters, "counters", FIRST, make) }
    })
}
