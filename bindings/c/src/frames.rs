//! The frames of a result as a list: opened where the archive lies, looked at from memory, read one by one.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::{Error, Frames};

use crate::callbacks::{Callbacks, ltx_callbacks};
use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::op::{self, Product, ltx_op};
use crate::options::{self, Options};
use crate::result::ltx_result;
use crate::status::ltx_status;
use crate::text;

/// The EXR frames of a result as a list, in the order of their numbers; an index is a place in it, from 0 on. Immutable, may be used from any thread; freed
/// once with ltx_frames_free(). Texts live as long as the list.
///
/// It holds names and sizes, and no frame. URLs that expire while it is held are renewed, as long as the service keeps the job. Nothing about it is billed.
pub struct ltx_frames {
    _opaque: [u8; 0],
}

pub(crate) struct List {
    pub(crate) frames: Frames,
    pub(crate) home: Home,
    label: CString,
    names: Vec<CString>,
}

impl Handle for ltx_frames {
    type Value = List;
    const MAGIC: u64 = handle::magic(b"ltxframe");
    const NAME: &'static str = "ltx_frames";
}

impl ltx_frames {
    pub(crate) fn give(frames: Frames, home: &Home) -> *mut Self {
        handle::give(List {
            label: text::owned(frames.label()),
            names: frames.names().map(text::owned).collect(),
            frames,
            home: home.clone(),
        })
    }
}

/// How the frames of a result are opened. All zero is the default; set `size` to `sizeof(ltx_frames_options)`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_frames_options {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// The output to open (`"exr_frames_url"`, or without `_url`); NULL is the one that looks like an archive of frames.
    pub label: *const c_char,
    /// A directory for the archive, should the storage answer no ranges: it is then fetched whole, up to 4 GB and more, into a temporary file there, which goes
    /// with the list and what is done with it. NULL: such a storage is LTX_UNSUPPORTED, so that no disk is filled that was not named. UTF-8; on POSIX any
    /// bytes.
    pub spool: *const c_char,
    /// Bytes per second, felt where the archive is fetched whole; 0 has no limit.
    pub bandwidth: u64,
}

// SAFETY: numbers and pointers only.
unsafe impl Options for ltx_frames_options {
    const SMALLEST: usize = size_of::<ltx_frames_options>();
    const NAME: &'static str = "ltx_frames_options";
}

/// Starts opening the archive of EXR frames where it lies: one ranged request for its directory, two for one of some 3,000 frames and more. Fetches no frame.
/// Never blocks; costs nothing on the bill. ltx_op_take_frames() gives the list.
///
/// The operation ends with LTX_INVALID_REQUEST when the label is not there or several outputs may be meant, LTX_ARCHIVE when there is no archive or it is
/// damaged, LTX_UNSAFE_NAME or LTX_LIMIT_EXCEEDED when it is made to do harm, LTX_UNSUPPORTED for a storage without ranges (see `spool`).
///
/// @param options    may be NULL; copied
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; the result may be freed while it runs
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_frames(
    result: *const ltx_result,
    options: *const ltx_frames_options,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let outputs = look!(result)?;
        let callbacks = callbacks?;
        let seat = outputs.home.begin(callbacks)?;
        let options = options::read(options, "options")?;
        let mut open = outputs.completed.frames();
        if let Some(label) = text::optional(options.label, "options.label")? {
            open = open.label(label);
        }
        if !options.spool.is_null() {
            open = open.spool(text::path(options.spool, "options.spool")?);
        }
        if let Some(bandwidth) = options::bandwidth(options.bandwidth) {
            open = open.bandwidth(bandwidth);
        }
        out.put(op::give(open.start(), Product::Frames, None, &outputs.home, seat)?);
        Ok(())
    })
}

/// The service's label of the output they come from (`"exr_frames_url"`). NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_label(frames: *const ltx_frames) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(look!(frames)?.label.as_ptr()))
}

/// How many frames there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_count(frames: *const ltx_frames) -> usize {
    guard::value(0, || Ok(look!(frames)?.names.len()))
}

/// The name of a frame in the archive, without folders (`"frame_00042.exr"`); NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_name(frames: *const ltx_frames, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(text::pointer(look!(frames)?.names.get(index))))
}

/// The number in a frame's name, its last digits; -1 when it has none, and beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_number(frames: *const ltx_frames, index: usize) -> i64 {
    guard::value(-1, || {
        let number = look!(frames)?.frames.number(index);
        Ok(number.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1))
    })
}

/// The bytes of a frame, unpacked; 0 beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_size(frames: *const ltx_frames, index: usize) -> u64 {
    guard::value(0, || Ok(look!(frames)?.frames.size(index).unwrap_or(0)))
}

/// The index of the frame with this number (of the first one, should several have it); -1 when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_find_number(frames: *const ltx_frames, number: i64) -> i64 {
    guard::value(-1, || {
        let list = look!(frames)?;
        let found = u64::try_from(number)
            .ok()
            .and_then(|number| list.frames.by_number(number));
        Ok(found.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1))
    })
}

/// Starts reading one frame into memory: one ranged request for its bytes and, at most, some 128 KiB beside them; its CRC-32 is checked. Never blocks; costs
/// nothing on the bill. ltx_op_take_buffer() gives the bytes, an EXR file. Any number may run at the same time.
///
/// The operation ends with LTX_INVALID_REQUEST when there is no such frame, LTX_INTEGRITY or LTX_ARCHIVE, with the frame's name, when it arrived damaged
/// twice, LTX_OBJECT_CHANGED when the storage has another archive by now.
///
/// @param index      its place in the list
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; the list may be freed while it runs
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_read(
    frames: *const ltx_frames,
    index: usize,
    callbacks: *const ltx_callbacks,
    op: *mut *mut ltx_op,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let callbacks = Callbacks::read(callbacks);
        let out = Out::new(op, "op")?;
        let list = look!(frames)?;
        let callbacks = callbacks?;
        let seat = list.home.begin(callbacks)?;
        let reading = list.frames.read(index).start();
        out.put(op::give(reading, Product::Buffer, None, &list.home, seat)?);
        Ok(())
    })
}

/// Frees the list. NULL is fine. What was begun with it goes on, and buffers stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_free(frames: *mut ltx_frames) {
    guard::value((), || free(frames));
}

fn free(frames: *mut ltx_frames) -> Result<(), Error> {
    if !look!(frames)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle that is freed once.
        unsafe { handle::end(frames) };
    }
    Ok(())
}
