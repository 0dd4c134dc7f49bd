//! Where the library's log goes: a function of the host's, called on a thread of the library.
// Exports symbols, calls functions of the host.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use ltx_jobs::{Error, ErrorKind};
use ltx_jobs_log::{Level, PerProcess, Record};

use crate::callbacks::{Inside, may_wait};
use crate::error::ltx_error;
use crate::guard;
use crate::status::ltx_status;
use crate::{pin, signals, text};

/// Lines between two looks whether it is to stop.
const PORTION: usize = 256;
/// Nothing depends on it: the thread is woken.
const LONG: Duration = Duration::from_secs(3600);

/// One line of the log. It and its texts live until the function returns.
#[repr(C)]
pub struct ltx_log_record {
    /// Set by the library: the bytes of the struct as it knows it.
    pub size: usize,
    /// How much it matters: `LTX_LOG_ERROR` to `LTX_LOG_TRACE`.
    pub level: i32,
    /// Always 0 in this version.
    pub reserved: i32,
    /// When, by this machine's clock: milliseconds since 1970.
    pub time_ms: i64,
    /// Lines that were dropped just before this one, because the function was slower than the log.
    pub lost: u64,
    /// Who speaks: `ltx_jobs::submit`, `ltx_jobs::poll`, `ltx_jobs::transfer`, or a part of the library.
    pub target: *const c_char,
    /// The sentence.
    pub message: *const c_char,
    /// Its values, and those of the operations it happened in: `job=video-to-video-hdr/x label="shot 10"`; empty when there are none.
    pub fields: *const c_char,
    /// The operations it happened in, outer ones first: `submit:upload`; empty when there is none.
    pub spans: *const c_char,
}

/// Takes a line of the log; see ltx_log_set().
pub type ltx_log_function = Option<unsafe extern "C" fn(user_data: *mut c_void, record: *const ltx_log_record)>;

/// Frees what a function of the host was given.
pub type ltx_destroy_function = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The host's functions. Dropped on its threads only: that calls `destroy`.
struct Host {
    function: ltx_log_function,
    user_data: *mut c_void,
    destroy: ltx_destroy_function,
}

// SAFETY: the header's contract: the functions and `user_data` may be used on the thread of the log, and then on the one that calls ltx_log_set().
unsafe impl Send for Host {}
// SAFETY: as above; only the thread of the log calls `function`.
unsafe impl Sync for Host {}

impl Host {
    fn tell(&self, record: &Record) {
        let Some(function) = self.function else { return };
        let since = record.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (target, message) = (text::owned(&record.target), text::owned(&record.message));
        let (fields, spans) = (text::owned(&record.fields_text()), text::owned(&record.spans_text()));
        let line = ltx_log_record {
            size: size_of::<ltx_log_record>(),
            level: i32::from(record.level.number()),
            reserved: 0,
            time_ms: crate::op::millis(since),
            lost: record.lost,
            target: target.as_ptr(),
            message: message.as_ptr(),
            fields: fields.as_ptr(),
            spans: spans.as_ptr(),
        };
        let _inside = Inside::enter();
        // SAFETY: the header's contract: a function of this type that returns.
        unsafe { function(self.user_data, &raw const line) };
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _inside = Inside::enter();
        if let Some(destroy) = self.destroy {
            // SAFETY: as above; this is the only call.
            unsafe { destroy(self.user_data) };
        }
    }
}

/// A host that listens, and the thread that tells it.
struct Listener {
    // Dropped after the thread was joined, on the thread that stops it.
    _host: Arc<Host>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Listener {
    fn start(host: Host) -> Result<Self, Error> {
        let host = Arc::new(host);
        let stop = Arc::new(AtomicBool::new(false));
        let (told, stopped) = (Arc::clone(&host), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("ltx-log".to_owned())
            .spawn(move || {
                signals::block_all();
                deliver(&told, &stopped);
            })
            .map_err(|error| Error::from_face(ErrorKind::Io, format!("a thread cannot be started: {error}")))?;
        Ok(Self {
            _host: host,
            stop,
            thread,
        })
    }

    /// Tells what was logged until now, and ends. The host's `destroy` is called here.
    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        ltx_jobs_log::wake();
        // It never panics but for a defect, and then there is nothing to be learned here.
        let _ = self.thread.join();
    }
}

fn deliver(host: &Host, stop: &AtomicBool) {
    loop {
        // Asked first: what is there when it becomes true is still told, and no more than that.
        let stopping = stop.load(Ordering::Acquire);
        let records = ltx_jobs_log::drain(if stopping { usize::MAX } else { PORTION });
        records.iter().for_each(|record| host.tell(record));
        if stopping {
            return;
        }
        if records.is_empty() {
            ltx_jobs_log::wait(LONG);
        }
    }
}

static LISTENER: PerProcess<Mutex<Option<Listener>>> = PerProcess::new();

/// Hands the library's log to a function of the host, or stops that. Off until the first call; one function for this copy of the library and all its clients.
///
/// The function is called on a thread of the library (`ltx-log`), one line at a time, never inside a call of the host's; it must neither throw nor jump out.
/// Inside it nothing may wait: a wait for an operation that still runs, ltx_client_close() and this function answer LTX_WOULD_DEADLOCK. The work of the library
/// never waits for it: some thousand lines are kept, and what comes then is dropped and counted. No line contains an API key or the query of a signed URL.
///
/// When this returns, the function set before does not run and never will; it was told what was logged before the call, and its `destroy` was called.
/// Switch the log off before the code of the function is unloaded. In a forked child nothing is logged until this is called there, and what the parent had set
/// is neither called nor destroyed.
///
/// @param level      `LTX_LOG_OFF` to `LTX_LOG_TRACE`: this level and what matters more; LTX_LOG_TRACE adds what the HTTP and TLS libraries inside say
/// @param function   NULL is LTX_LOG_OFF
/// @param user_data  handed to `function` as it is
/// @param destroy    may be NULL; frees `user_data`, exactly once: on the thread that replaces the function or switches it off, or, when this call fails or
///                   switches off itself, before it returns
/// @return LTX_OK; LTX_INVALID_ARGUMENT for another level; LTX_IO when no thread can be started
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_log_set(
    level: i32,
    function: ltx_log_function,
    user_data: *mut c_void,
    destroy: ltx_destroy_function,
    err: *mut *mut ltx_error,
) -> ltx_status {
    let host = Host {
        function,
        user_data,
        destroy,
    };
    guard::done(err, || set(level, host))
}

fn set(level: i32, host: Host) -> Result<(), Error> {
    let wanted = match u8::try_from(level)
        .ok()
        .map(|number| (number, Level::from_number(number)))
    {
        Some((0, _)) => None,
        Some((_, Some(level))) => host.function.is_some().then_some(level),
        _ => {
            return Err(text::refuse(format!(
                "level is {level}; it must be LTX_LOG_OFF to LTX_LOG_TRACE"
            )));
        }
    };
    may_wait("changing where the log goes")?;
    let mut listener = LISTENER.here().lock().unwrap_or_else(PoisonError::into_inner);
    if wanted.is_none() {
        ltx_jobs_log::set_level(None);
    }
    if let Some(before) = listener.take() {
        before.stop();
    }
    if let Some(level) = wanted {
        // There is a thread from here on, whose code must stay.
        pin::pin();
        *listener = Some(Listener::start(host)?);
        if !ltx_jobs_log::set_level(Some(level)) {
            tracing::debug!(target: "ltx_jobs::c", "the log goes elsewhere");
        }
    }
    Ok(())
}
