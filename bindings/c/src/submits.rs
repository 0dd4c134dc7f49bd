//! What the journal knows: submits of this and of earlier processes, and what is to be done about them after a crash.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::{Error, Job, JobRef, JournaledSubmit, Recovered, SubmitState};

use crate::callbacks::{Callbacks, ltx_callbacks};
use crate::client::ltx_client;
use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::job::{self, epoch_ms, ltx_job};
use crate::op::{self, Product, ltx_op};
use crate::status::ltx_status;
use crate::text;

/// Submits in the journal, oldest first. Immutable, may be used from any thread. Texts live as long as the list.
pub struct ltx_submits {
    _opaque: [u8; 0],
}

/// One submit in C's shape.
pub(crate) struct Row {
    intent: CString,
    job: Option<CString>,
    endpoint: CString,
    label: Option<CString>,
    once: Option<CString>,
    dest: Option<CString>,
    usd: Option<CString>,
    request_id: Option<CString>,
    began_at: i64,
    fate: i32,
    doubts: u32,
    ended: i32,
    saved: bool,
    other_key: bool,
}

impl Handle for ltx_submits {
    type Value = Vec<Row>;
    const MAGIC: u64 = handle::magic(b"ltxsubms");
    const NAME: &'static str = "ltx_submits";
}

impl ltx_submits {
    pub(crate) fn give(list: &[JournaledSubmit]) -> *mut Self {
        handle::give(list.iter().map(Row::new).collect())
    }
}

impl Row {
    fn new(submit: &JournaledSubmit) -> Self {
        Self {
            intent: text::owned(&submit.intent.to_string()),
            job: submit.job.as_ref().map(|job| text::owned(&job.to_string())),
            endpoint: text::owned(&submit.endpoint),
            label: submit.label.as_deref().map(text::owned),
            once: submit.once.as_deref().map(text::owned),
            dest: submit.dest.as_ref().map(|dest| text::owned_path(&dest.dir)),
            usd: submit.usd.map(|usd| text::owned(&usd.to_string())),
            request_id: submit.request_id.as_deref().map(text::owned),
            began_at: epoch_ms(Some(submit.began_at)),
            fate: match submit.state {
                SubmitState::Submitting => 0,
                SubmitState::Accepted => 1,
                SubmitState::Refused => 2,
                SubmitState::Unknown => 3,
                SubmitState::EndedUnbilled => 4,
                SubmitState::IdLost => 5,
                _ => -1,
            },
            doubts: submit.doubts,
            ended: job::number(submit.ended.as_ref()),
            saved: submit.saved,
            other_key: submit.other_key,
        }
    }
}

/// What an earlier run left behind. Immutable, may be used from any thread; freed once with ltx_recovered_free().
pub struct ltx_recovered {
    _opaque: [u8; 0],
}

pub(crate) struct Found {
    jobs: Vec<Job>,
    unknown: Part,
    other_key: Part,
    home: Home,
}

/// A list that belongs to the whole.
struct Part(*mut ltx_submits);

// SAFETY: a counted handle to what never changes.
unsafe impl Send for Part {}
// SAFETY: as above.
unsafe impl Sync for Part {}

impl Drop for Part {
    fn drop(&mut self) {
        // SAFETY: made by `give`, ended here alone.
        unsafe { handle::end(self.0) };
    }
}

impl Handle for ltx_recovered {
    type Value = Found;
    const MAGIC: u64 = handle::magic(b"ltxrecov");
    const NAME: &'static str = "ltx_recovered";
}

impl ltx_recovered {
    pub(crate) fn give(recovered: Recovered, home: &Home) -> *mut Self {
        handle::give(Found {
            unknown: Part(ltx_submits::give(&recovered.unknown)),
            other_key: Part(ltx_submits::give(&recovered.other_key)),
            jobs: recovered.jobs,
            home: home.clone(),
        })
    }
}

/// Starts reading every submit to this service that the journal knows. Never blocks, and asks nobody. ltx_op_take_submits() gives the list. The operation
/// ends with LTX_JOURNAL when a file is damaged.
///
/// @param callbacks  may be NULL; see ltx_callbacks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_jobs(
    client: *mut ltx_client,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let seat = shared.home.begin(callbacks?)?;
        let reading = shared.client.jobs().start();
        out.put(op::give(reading, Product::Submits, None, &shared.home, seat)?);
        Ok(())
    })
}

/// Starts looking for what an earlier run left behind, after a crash for example: jobs to wait for and to fetch, and submits whose outcome is unknown. Never
/// blocks, asks nobody and bills nothing. ltx_op_take_recovered() gives what was found.
///
/// @param callbacks  may be NULL; see ltx_callbacks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_recover(
    client: *mut ltx_client,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let seat = shared.home.begin(callbacks?)?;
        let made = |found| Product::Recovered(Box::new(found));
        out.put(op::give(
            shared.client.recover().start(),
            made,
            None,
            &shared.home,
            seat,
        )?);
        Ok(())
    })
}

/// Starts writing down what became of a submit whose outcome, or whose job's id, was unknown, after a look at the account. Never blocks. Its `once` key is free again when there
/// is no job. The operation ends with LTX_NOT_FOUND when the journal does not know the intent, and with LTX_INVALID_STATE when its outcome is not unknown.
///
/// @param intent     its reference, `intent:...`
/// @param job        the job it became, `endpoint/id`; NULL when there is none
/// @param callbacks  may be NULL; see ltx_callbacks
/// @return LTX_OK; LTX_INVALID_REQUEST for a text that is no reference
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_client_resolve(
    client: *mut ltx_client,
    intent: *const c_char,
    job: *const c_char,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let shared = look!(client)?;
        let intent: JobRef = text::given(intent, "intent")?.parse()?;
        let job: Option<JobRef> = text::optional(job, "job")?.map(str::parse).transpose()?;
        let seat = shared.home.begin(callbacks?)?;
        let writing = shared.client.resolve(intent, job).start();
        out.put(op::give(writing, |()| Product::Nothing, None, &shared.home, seat)?);
        Ok(())
    })
}

fn row<'a>(submits: *const ltx_submits, index: usize) -> Result<Option<&'a Row>, Error> {
    Ok(look!(submits)?.get(index))
}

fn word(
    submits: *const ltx_submits,
    index: usize,
    pick: impl for<'a> FnOnce(&'a Row) -> Option<&'a CString>,
) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(row(submits, index)?.and_then(pick)))
    })
}

/// How many submits there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_count(submits: *const ltx_submits) -> usize {
    guard::value(0, || Ok(look!(submits)?.len()))
}

/// The reference of the submit, `intent:...`; NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_intent(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| Some(&row.intent))
}

/// The job it became, `endpoint/id`; NULL when its id is not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_job(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| row.job.as_ref())
}

/// The endpoint it was sent to; NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_endpoint(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| Some(&row.endpoint))
}

/// The label it was given; NULL when it had none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_label(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| row.label.as_ref())
}

/// The `once` key it was given; NULL when it had none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_once(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| row.once.as_ref())
}

/// The directory its outputs are meant to go to, as given at submit: an absolute path; NULL when none was given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_dest(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| row.dest.as_ref())
}

/// Its estimate, US dollars as a decimal such as `"2.50"`; NULL where none was made: it is made for a limit of the submit or of the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_usd(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| row.usd.as_ref())
}

/// The service's request id, for the vendor's support, where the outcome is unknown or the job's id is lost; NULL when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_request_id(submits: *const ltx_submits, index: usize) -> *const c_char {
    word(submits, index, |row| row.request_id.as_ref())
}

/// When it began, by this machine's clock: milliseconds since 1970; -1 beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_began_at(submits: *const ltx_submits, index: usize) -> i64 {
    guard::value(-1, || Ok(row(submits, index)?.map_or(-1, |row| row.began_at)))
}

/// What became of it: `LTX_FATE_UNKNOWN` and so on; -1 beyond the last, and for something this version does not know.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_fate(submits: *const ltx_submits, index: usize) -> i32 {
    guard::value(-1, || Ok(row(submits, index)?.map_or(-1, |row| row.fate)))
}

/// Attempts of unknown outcome that nobody has settled: each may have created a job. Beside a known job, or more than one, only where a double charge was
/// accepted. 0 beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_doubts(submits: *const ltx_submits, index: usize) -> u32 {
    guard::value(0, || Ok(row(submits, index)?.map_or(0, |row| row.doubts)))
}

/// How the job ended, when that was seen: `LTX_STATE_COMPLETED`, `LTX_STATE_FAILED`; else `LTX_STATE_UNKNOWN`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_ended(submits: *const ltx_submits, index: usize) -> i32 {
    guard::value(0, || Ok(row(submits, index)?.map_or(0, |row| row.ended)))
}

/// Whether the outputs were saved.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_is_saved(submits: *const ltx_submits, index: usize) -> bool {
    guard::value(false, || Ok(row(submits, index)?.is_some_and(|row| row.saved)))
}

/// Whether it was submitted with another API key than the client's; such a job cannot be asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_is_other_key(submits: *const ltx_submits, index: usize) -> bool {
    guard::value(false, || Ok(row(submits, index)?.is_some_and(|row| row.other_key)))
}

/// Frees a list that ltx_op_take_submits() gave; not those of an ltx_recovered. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_submits_free(submits: *mut ltx_submits) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(submits) };
        Ok(())
    });
}

/// How many jobs exist whose outputs were not saved. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_recovered_job_count(recovered: *const ltx_recovered) -> usize {
    guard::value(0, || Ok(look!(recovered)?.jobs.len()))
}

/// A job to wait for and to fetch; oldest first.
///
/// @param job  receives the job, a new handle at each call; released with ltx_job_release()
/// @return LTX_OK, or LTX_INVALID_ARGUMENT beyond the last
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_recovered_job(
    recovered: *const ltx_recovered,
    index: usize,
    job: *mut *mut ltx_job,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let out = Out::new(job, "job")?;
        let found = look!(recovered)?;
        found.home.owner.enter()?;
        let job = found
            .jobs
            .get(index)
            .ok_or_else(|| text::refuse(format!("index is {index}; there are {} jobs", found.jobs.len())))?;
        out.put(ltx_job::give(job.clone(), &found.home));
        Ok(())
    })
}

/// Submits whose outcome nobody knows, and those whose job exists without a known id: look at the account, then settle each with ltx_client_resolve(). Belongs to `recovered`, and is not freed. NULL for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_recovered_unknown(recovered: *const ltx_recovered) -> *const ltx_submits {
    guard::value(std::ptr::null(), || Ok(look!(recovered)?.unknown.0.cast_const()))
}

/// Jobs that were submitted with another API key, and cannot be asked for with this one. Belongs to `recovered`, and is not freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_recovered_other_key(recovered: *const ltx_recovered) -> *const ltx_submits {
    guard::value(std::ptr::null(), || Ok(look!(recovered)?.other_key.0.cast_const()))
}

/// Frees what was found. NULL is fine. The jobs go on, and so do their handles.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_recovered_free(recovered: *mut ltx_recovered) {
    guard::value((), || free(recovered));
}

fn free(recovered: *mut ltx_recovered) -> Result<(), Error> {
    if !look!(recovered)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle that is freed once.
        unsafe { handle::end(recovered) };
    }
    Ok(())
}
