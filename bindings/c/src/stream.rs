//! Frames in memory one after the other, for threads that take them.
// Exports symbols.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ltx_jobs::{Error, Frame, FrameStream, StreamFrames};

use crate::buffer::ltx_buffer;
use crate::callbacks::may_wait;
use crate::error::ltx_error;
use crate::frames::{List, ltx_frames};
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::op::{self, ltx_op_info};
use crate::options::{self, Options};
use crate::status::{LTX_END, LTX_OK, LTX_PENDING, ltx_status};

/// Frames that come into memory one after the other, in order, while the archive is still arriving. All functions on it may be called from any thread at the
/// same time. Counted: ltx_frame_stream_ref(), ltx_frame_stream_release(). The last release ends the fetching; frames that were taken stay.
pub struct ltx_frame_stream {
    _opaque: [u8; 0],
}

pub(crate) struct Flowing {
    stream: FrameStream,
    /// How it ended, once somebody was told. Held while a frame is taken, so that no two threads see different ends.
    ended: Mutex<Option<Result<(), Error>>>,
    home: Home,
}

impl Handle for ltx_frame_stream {
    type Value = Flowing;
    const MAGIC: u64 = handle::magic(b"ltxstrem");
    const NAME: &'static str = "ltx_frame_stream";
}

/// What a look at a stream came to.
enum Taken {
    Frame(Frame),
    NotYet,
    End,
}

impl Flowing {
    fn take(&self) -> Result<Taken, Error> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = &*ended {
            return ended.clone().map(|()| Taken::End);
        }
        match self.stream.take() {
            None => Ok(Taken::NotYet),
            Some(Some(Ok(frame))) => Ok(Taken::Frame(frame)),
            Some(Some(Err(error))) => {
                *ended = Some(Err(error.clone()));
                Err(error)
            }
            Some(None) => {
                *ended = Some(Ok(()));
                Ok(Taken::End)
            }
        }
    }

    /// Waits for the next frame; somebody else may take the one that came.
    fn next(&self, timeout_ms: i64) -> Result<Taken, Error> {
        let found = self.take()?;
        if timeout_ms == 0 || !matches!(found, Taken::NotYet) {
            return Ok(found);
        }
        may_wait("waiting for a frame that is not there yet")?;
        let deadline = op::limit(timeout_ms).map(|limit| Instant::now() + limit);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let woken = self.stream.wait(left);
            let found = self.take()?;
            if !matches!(found, Taken::NotYet) || !woken {
                return Ok(found);
            }
        }
    }

    /// Of the fetching as far as the reader was told.
    fn outcome(&self) -> ltx_status {
        match &*self.ended.lock().unwrap_or_else(PoisonError::into_inner) {
            None => LTX_PENDING,
            Some(Ok(())) => LTX_OK,
            Some(Err(error)) => ltx_status::from(error.kind().number()),
        }
    }
}

/// How frames are streamed. All zero is the default; set `size` to `sizeof(ltx_stream_options)`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_stream_options {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// The index of the first frame.
    pub from: usize,
    /// How many; 0 is all from there on.
    pub count: usize,
    /// Bytes of frames that may wait to be taken, or be on their way, at the same time; a larger frame comes alone. 0 is 24 MiB. Frames that were taken do not
    /// count.
    pub budget: u64,
    /// Bytes per second, for all connections together; 0 has no limit.
    pub bandwidth: u64,
    /// Connections, 1 to 64; 0 is the client's setting `connections`: as many as are found to help, at most 8. The budget may allow fewer.
    pub connections: i32,
    /// Always 0 in this version.
    pub reserved: i32,
}

// SAFETY: numbers only.
unsafe impl Options for ltx_stream_options {
    const SMALLEST: usize = size_of::<ltx_stream_options>();
    const NAME: &'static str = "ltx_stream_options";
}

fn prepare(list: &List, options: *const ltx_stream_options) -> Result<StreamFrames, Error> {
    let options: ltx_stream_options = options::read(options, "options")?;
    let mut stream = list.frames.stream();
    if options.from > 0 || options.count > 0 {
        let end = match options.count {
            0 => list.frames.len(),
            count => options.from.saturating_add(count),
        };
        stream = stream.range(options.from..end);
    }
    if options.budget > 0 {
        stream = stream.budget(options.budget);
    }
    if let Some(connections) = options::connections(options.connections)? {
        stream = stream.connections(connections);
    }
    if let Some(bandwidth) = options::bandwidth(options.bandwidth) {
        stream = stream.bandwidth(bandwidth);
    }
    Ok(stream)
}

/// Starts fetching frames into memory, in order, ahead of whoever takes them and over several connections, as far as the budget goes: memory stays flat,
/// however long the shot. Never blocks; costs nothing on the bill.
///
/// @param options  may be NULL: all frames, 24 MiB; copied
/// @param stream   receives the stream; released with ltx_frame_stream_release(). The list may be freed while it runs
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_stream(
    frames: *const ltx_frames,
    options: *const ltx_stream_options,
    stream: *mut *mut ltx_frame_stream,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let out = Out::new(stream, "stream")?;
        let list = look!(frames)?;
        list.home.owner.begin()?;
        let prepared = prepare(list, options)?;
        out.put(handle::give(Flowing {
            stream: prepared.start(),
            ended: Mutex::default(),
            home: list.home.clone(),
        }));
        Ok(())
    })
}

/// Takes the next frame. Waits on the calling thread until it is there, or the time is up; does no I/O on it. Several threads may take, each frame goes to
/// one of them.
///
/// Behind a failure nothing more comes, and it is told as often as it is asked: LTX_INTEGRITY or LTX_ARCHIVE, with the frame's name, when one arrived damaged
/// twice (what is behind it comes with another stream that begins there), LTX_CANCELLED after the frames that waited, LTX_INVALID_REQUEST for a range that is
/// not there, LTX_OBJECT_CHANGED, LTX_CLOSED, and those of the network.
///
/// @param timeout_ms  milliseconds from now; negative waits without limit; 0 only looks
/// @param index       may be NULL; receives its place in the list: ltx_frames_name(), ltx_frames_number()
/// @param buffer      receives its bytes, an EXR file, without a copy; freed with ltx_buffer_free()
/// @return LTX_OK with a frame; LTX_PENDING when none came in that time; LTX_END when all were taken; LTX_WOULD_DEADLOCK inside a callback when none is there
/// and `timeout_ms` is not 0; else what went wrong
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frame_stream_next(
    stream: *mut ltx_frame_stream,
    timeout_ms: i64,
    index: *mut usize,
    buffer: *mut *mut ltx_buffer,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::status(err, || {
        let tell = |place: usize| {
            if !index.is_null() {
                // SAFETY: the header's contract: an out-parameter that is not NULL is writable.
                unsafe { index.write(place) };
            }
        };
        tell(0);
        let out = Out::new(buffer, "buffer")?;
        let flowing = look!(stream)?;
        flowing.home.owner.enter()?;
        Ok(match flowing.next(timeout_ms)? {
            Taken::Frame(frame) => {
                tell(frame.index);
                out.put(ltx_buffer::give(frame.bytes));
                LTX_OK
            }
            Taken::NotYet => LTX_PENDING,
            Taken::End => LTX_END,
        })
    })
}

/// How far the fetching is, from memory; `outcome` is `LTX_PENDING` until ltx_frame_stream_next() told the end. Never blocks. A frame counts when it is ready to
/// be taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frame_stream_snapshot(
    stream: *const ltx_frame_stream,
    info: *mut ltx_op_info,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let flowing = look!(stream)?;
        flowing.home.owner.enter()?;
        // SAFETY: the header's contract: a struct of the size it says.
        unsafe { op::fill(info, flowing.outcome(), &flowing.stream.snapshot()) }
    })
}

/// Ends the fetching; whoever waits for a frame is back with LTX_CANCELLED at once. Never blocks; from any thread, as often as wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frame_stream_cancel(
    stream: *mut ltx_frame_stream,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let flowing = look!(stream)?;
        flowing.home.owner.enter()?;
        flowing.stream.cancel();
        Ok(())
    })
}

/// One more owner of the stream: gives back `stream`, or NULL when it is no stream. Each owner releases once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frame_stream_ref(stream: *mut ltx_frame_stream) -> *mut ltx_frame_stream {
    guard::value(std::ptr::null_mut(), || {
        // SAFETY: the header's contract: NULL, or a live handle.
        unsafe { handle::share(stream) }?;
        Ok(stream)
    })
}

/// One owner less; the last one ends the fetching. Never blocks. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frame_stream_release(stream: *mut ltx_frame_stream) {
    guard::value((), || release(stream));
}

fn release(stream: *mut ltx_frame_stream) -> Result<(), Error> {
    if !look!(stream)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle whose owner gives it up.
        unsafe { handle::end(stream) };
    }
    Ok(())
}
