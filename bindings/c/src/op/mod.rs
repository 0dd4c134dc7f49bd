//! Operations: work of ours in progress, the same for a submit, a wait, a poll, a check, an estimate, an upload, a download and whatever is done with frames.
// Exports symbols.
#![allow(unsafe_code)]

mod take;
mod work;

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ltx_jobs::{Error, Operation, Phase, Progress, Saved, Status};

pub use take::{
    ltx_op_take_buffer, ltx_op_take_checked, ltx_op_take_estimate, ltx_op_take_frames, ltx_op_take_job,
    ltx_op_take_recovered, ltx_op_take_result, ltx_op_take_saved, ltx_op_take_submits, ltx_op_take_uri,
};
pub(crate) use work::{Ongoing, Product, State};

use crate::callbacks::may_wait;
use crate::desk::Seat;
use crate::error::ltx_error;
use crate::extract::Published;
use crate::guard::{self, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::status::{LTX_OK, LTX_PENDING, LTX_STOPPED, ltx_status};
use crate::{job, text};

/// Longer than any wait; what a duration is clamped to.
pub(crate) const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Work of this library in progress. All functions on it may be called from any thread at the same time. Counted: ltx_op_ref(), ltx_op_release().
///
/// Releasing it neither ends nor cancels the work.
pub struct ltx_op {
    _opaque: [u8; 0],
}

impl Handle for ltx_op {
    type Value = Ongoing;
    const MAGIC: u64 = handle::magic(b"ltx  op ");
    const NAME: &'static str = "ltx_op";
}

/// How far an operation is. Set `size` to `sizeof(ltx_op_info)` before the call. Numbers never go backwards within a phase.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_op_info {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// `LTX_PENDING` while it runs, `LTX_OK` after success, else the error's status.
    pub outcome: ltx_status,
    /// What is being done: `LTX_PHASE_PREPARING` and so on.
    pub phase: i32,
    /// Bytes moved in this phase.
    pub bytes_done: i64,
    /// Bytes to move in this phase; -1 when not known.
    pub bytes_total: i64,
    /// Frames whole and checked: on disk, or in memory where they are read into it.
    pub frames_done: i64,
    /// Frames to come; -1 when not known.
    pub frames_total: i64,
    /// Milliseconds since the operation began.
    pub elapsed_ms: i64,
    /// How long the service has not been reachable; -1 when it is.
    pub unreachable_ms: i64,
    /// The job's status while waiting, as in ltx_job_info.
    pub job_status: i32,
    /// Always 0 in this version.
    pub reserved: i32,
    /// The service's own word for that status.
    pub status_word: [c_char; 80],
    /// Who else is fetching the file that this operation waits for (process and host); empty when none is.
    pub waiting_for: [c_char; 160],
}

/// The bytes of the struct as its first version had it: what every caller has.
const FIRST_INFO: usize = std::mem::offset_of!(ltx_op_info, waiting_for);

/// Decides on the calling thread whether to wait on: 0 goes on, anything else stops. Must neither throw nor jump out.
pub type ltx_predicate = Option<unsafe extern "C" fn(user_data: *mut c_void) -> i32>;

/// A handle for an operation of the core.
pub(crate) fn give<T: Send + 'static>(
    operation: Operation<T>,
    product: fn(T) -> Product,
    reference: Option<CString>,
    home: &Home,
    seat: Option<Seat>,
) -> Result<*mut ltx_op, Error> {
    seated(
        &operation.clone(),
        Ongoing::new(operation, product, reference, home),
        seat,
    )
}

/// A handle for an operation that publishes frames, each of which can be asked for by its index.
pub(crate) fn give_publishing(
    operation: Operation<Saved>,
    published: Arc<Published>,
    home: &Home,
    seat: Option<Seat>,
) -> Result<*mut ltx_op, Error> {
    let whole = Arc::clone(&published);
    let product = move |saved: Saved| {
        whole.all(&saved);
        Product::Saved(saved)
    };
    let mut ongoing = Ongoing::new(operation.clone(), product, None, home);
    ongoing.published = Some(published);
    seated(&operation, ongoing, seat)
}

fn seated<T: Send + 'static>(
    operation: &Operation<T>,
    ongoing: Ongoing,
    seat: Option<Seat>,
) -> Result<*mut ltx_op, Error> {
    let heard = seat.map(|seat| (seat, operation));
    let op = handle::give(ongoing);
    if let Some((seat, operation)) = heard {
        seat.take(op, operation)?;
    }
    Ok(op)
}

/// One more owner of an operation's handle: what callbacks are given, whatever the host did with its own.
pub(crate) struct OpShare {
    op: *mut ltx_op,
    ongoing: *const Ongoing,
}

// SAFETY: a counted handle; everything behind it may be used from any thread.
unsafe impl Send for OpShare {}

impl OpShare {
    pub(crate) fn new(op: *mut ltx_op) -> Result<Self, Error> {
        let ongoing: *const Ongoing = look!(op)?;
        // SAFETY: it was just looked at.
        unsafe { handle::share(op) }?;
        Ok(Self { op, ongoing })
    }

    fn ongoing(&self) -> &Ongoing {
        // SAFETY: it lives as long as its handle, of which this is an owner.
        unsafe { &*self.ongoing }
    }

    pub(crate) fn pointer(&self) -> *mut ltx_op {
        self.op
    }

    pub(crate) fn outcome(&self) -> ltx_status {
        outcome(self.ongoing())
    }

    pub(crate) fn snapshot(&self) -> Progress {
        self.ongoing().snapshot()
    }

    /// Running, even if it ended this very moment: its end is told apart, and last.
    pub(crate) fn progress(&self) -> (ltx_op_info, Progress) {
        let progress = self.snapshot();
        (info(size_of::<ltx_op_info>(), LTX_PENDING, &progress), progress)
    }

    pub(crate) fn cancel(&self) {
        self.ongoing().cancel();
    }
}

impl Drop for OpShare {
    fn drop(&mut self) {
        // SAFETY: the owner that `new` made.
        unsafe { handle::end(self.op) };
    }
}

/// A time in C's form: negative has no limit.
pub(crate) fn limit(timeout_ms: i64) -> Option<Duration> {
    u64::try_from(timeout_ms)
        .ok()
        .map(|ms| Duration::from_millis(ms).min(FOREVER))
}

/// A duration in C's form.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn outcome(ongoing: &Ongoing) -> ltx_status {
    told(ongoing.state()).unwrap_or_else(|error| ltx_status::from(error.kind().number()))
}

fn info(size: usize, outcome: ltx_status, progress: &Progress) -> ltx_op_info {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    ltx_op_info {
        size,
        outcome,
        phase: phase(progress.phase),
        bytes_done: number(progress.bytes_done),
        bytes_total: progress.bytes_total.map_or(-1, number),
        frames_done: number(progress.frames_done),
        frames_total: progress.frames_total.map_or(-1, number),
        elapsed_ms: millis(progress.elapsed),
        unreachable_ms: progress.unreachable.map_or(-1, millis),
        job_status: job::number(progress.status.as_ref()),
        reserved: 0,
        status_word: text::word(progress.status.as_ref().map_or("", Status::as_str)),
        waiting_for: text::word(progress.waiting_for.as_deref().unwrap_or("")),
    }
}

/// Writes how far something is to the caller.
///
/// # Safety
/// As for [`guard::fill`].
pub(crate) unsafe fn fill(target: *mut ltx_op_info, outcome: ltx_status, progress: &Progress) -> Result<(), Error> {
    let make = |size| info(size, outcome, progress);
    // SAFETY: the caller's promise.
    unsafe { guard::fill(target, "info", FIRST_INFO, make) }
}

fn told(state: State) -> Result<ltx_status, Error> {
    match state {
        State::Running => Ok(LTX_PENDING),
        State::Succeeded => Ok(LTX_OK),
        State::Failed(error) => Err(error),
    }
}

fn phase(phase: Phase) -> i32 {
    match phase {
        Phase::Preparing => 0,
        Phase::Uploading => 1,
        Phase::Submitting => 2,
        Phase::Waiting => 3,
        Phase::Downloading => 4,
        // Came later than the others, whose numbers stay.
        Phase::Queued => 5,
        _ => -1,
    }
}

/// The reference of a submit, `intent:...`, from the moment it began; NULL for other operations. Lives as long as the operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_ref_string(op: *const ltx_op) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(text::pointer(look!(op)?.reference.as_ref())))
}

/// How far the operation is, from memory: never blocks for network, disk or the work itself. For user interfaces and render threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_snapshot(
    op: *const ltx_op,
    info: *mut ltx_op_info,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        let progress = ongoing.snapshot();
        // SAFETY: the header's contract: a struct of the size it says.
        unsafe { fill(info, outcome(ongoing), &progress) }
    })
}

/// The file of one frame of ltx_frames_extract(), from the moment it is whole, checked and under its name; NULL before that, beyond the last, and for other
/// operations. Frames that were there already are told when the operation has ended. From memory: never blocks; also inside `on_progress`.
///
/// @param index  its place in the list of frames
/// @return the path, under the `dest` of the call; lives as long as the operation
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_frame_path(op: *const ltx_op, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        // Once it has ended, all of them are told.
        ongoing.state();
        let path = ongoing.published.as_ref().and_then(|published| published.path(index));
        Ok(text::pointer(path))
    })
}

/// Waits until the operation ends or the time is up.
///
/// Blocks the calling thread and does no I/O on it; any number of threads may wait. A time-out ends only this wait: the operation, and the remote job behind
/// it, go on.
///
/// @param timeout_ms  milliseconds from now; negative waits without limit; 0 only looks
/// @param err         may be NULL; receives the error on failure, else NULL; the caller frees it with ltx_error_free()
/// @return LTX_OK on success, LTX_PENDING while it runs on, LTX_WOULD_DEADLOCK inside a callback when it still runs and `timeout_ms` is not 0, else what
/// went wrong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_wait(op: *mut ltx_op, timeout_ms: i64, err: *mut *mut ltx_error) -> ltx_status {
    guard::status(err, || {
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        let state = ongoing.state();
        if timeout_ms == 0 || !matches!(state, State::Running) {
            return told(state);
        }
        may_wait("waiting for an operation that still runs")?;
        told(ongoing.wait(limit(timeout_ms)))
    })
}

/// As ltx_op_wait(), and asks `predicate` before the first wait and about every `interval_ms`, on the calling thread: for a host that says by a poll whether
/// its user gave up. Stopping ends only this wait; ltx_op_cancel() ends the operation.
///
/// @param timeout_ms   milliseconds from now; negative waits without limit; 0 only looks
/// @param interval_ms  milliseconds, at least 1
/// @param user_data    handed to `predicate` as it is
/// @return LTX_OK on success, LTX_PENDING when the time is up, LTX_STOPPED when the predicate said so, LTX_WOULD_DEADLOCK as ltx_op_wait(), else what went
/// wrong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_wait_until(
    op: *mut ltx_op,
    timeout_ms: i64,
    interval_ms: i64,
    predicate: ltx_predicate,
    user_data: *mut c_void,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::status(err, || {
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        let predicate = predicate.ok_or_else(|| text::refuse("predicate is NULL; ltx_op_wait() needs none"))?;
        let interval = limit(interval_ms).filter(|interval| !interval.is_zero());
        let interval =
            interval.ok_or_else(|| text::refuse(format!("interval_ms is {interval_ms}; it must be at least 1")))?;
        let deadline = limit(timeout_ms).map(|limit| Instant::now() + limit);
        loop {
            let ended = ongoing.state();
            if !matches!(ended, State::Running) {
                return told(ended);
            }
            if timeout_ms != 0 {
                may_wait("waiting for an operation that still runs")?;
            }
            // SAFETY: the header's contract: a function of this type that returns.
            if unsafe { predicate(user_data) } != 0 {
                return Ok(LTX_STOPPED);
            }
            let left = deadline.map_or(interval, |deadline| deadline.saturating_duration_since(Instant::now()));
            let state = ongoing.wait(Some(left.min(interval)));
            if !matches!(state, State::Running) || left.is_zero() {
                return told(state);
            }
        }
    })
}

/// Waits until one of several operations has ended, successfully or not: ltx_op_wait(ops[index], 0, ...) then tells how.
///
/// @param count       how many there are, at least 1
/// @param timeout_ms  as for ltx_op_wait()
/// @param index       receives the first that has ended; `count` when the time is up and 0 on failure
/// @return LTX_OK when one has ended, LTX_PENDING when the time is up, LTX_WOULD_DEADLOCK inside a callback when none has and `timeout_ms` is not 0, else what
/// was wrong with the call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_ops_wait_any(
    ops: *const *const ltx_op,
    count: usize,
    timeout_ms: i64,
    index: *mut usize,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::status(err, || {
        if index.is_null() {
            return Err(text::refuse("index is NULL; there is nowhere to put the result"));
        }
        // SAFETY: the header's contract: an out-parameter that is not NULL is writable.
        unsafe { index.write(0) };
        if count == 0 {
            return Err(text::refuse("count is 0; there is nothing to wait for"));
        }
        let ongoing = text::pointers(ops, count, "ops")?
            .iter()
            .map(|op| look!(*op))
            .collect::<Result<Vec<&Ongoing>, Error>>()?;
        for op in &ongoing {
            op.home.owner.enter()?;
        }
        let found = match work::wait_any(&ongoing, Some(Duration::ZERO)) {
            None if timeout_ms != 0 => {
                may_wait("waiting for operations that still run")?;
                work::wait_any(&ongoing, limit(timeout_ms))
            }
            found => found,
        };
        // SAFETY: as above.
        unsafe { index.write(found.unwrap_or(count)) };
        Ok(if found.is_some() { LTX_OK } else { LTX_PENDING })
    })
}

/// Asks the operation to stop; it then ends with LTX_CANCELLED. Never blocks; from any thread, as often as wanted.
///
/// Stops our work and pays nothing back: a remote job goes on, and a paid request that is on the wire is finished and written down.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_cancel(op: *mut ltx_op, err: *mut *mut ltx_error) -> ltx_status {
    guard::done(err, || {
        let ongoing = look!(op)?;
        ongoing.home.owner.enter()?;
        ongoing.cancel();
        Ok(())
    })
}

/// One more owner of the operation: gives back `op`, or NULL when it is no operation. Each owner releases once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_ref(op: *mut ltx_op) -> *mut ltx_op {
    guard::value(std::ptr::null_mut(), || {
        // SAFETY: the header's contract: NULL, or a live handle.
        unsafe { handle::share(op) }?;
        Ok(op)
    })
}

/// One owner less. Never blocks, cancels nothing. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_op_release(op: *mut ltx_op) {
    guard::value((), || release(op));
}

fn release(op: *mut ltx_op) -> Result<(), Error> {
    if !look!(op)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle whose owner gives it up.
        unsafe { handle::end(op) };
    }
    Ok(())
}
