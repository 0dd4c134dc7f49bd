//! Frames as files, and which of them are there already.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::sync::{Arc, OnceLock};

use ltx_jobs::{Error, ExtractFrames, Frames, Saved};

use crate::callbacks::{Callbacks, ltx_callbacks};
use crate::error::ltx_error;
use crate::frames::ltx_frames;
use crate::guard::{self, Out, look};
use crate::op::{self, ltx_op};
use crate::options::{self, Options};
use crate::status::ltx_status;
use crate::text;

/// How frames are saved. All zero is the default; set `size` to `sizeof(ltx_extract_options)`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_extract_options {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// The index of the first frame to save.
    pub from: usize,
    /// How many to save; 0 is all from there on. Names and numbers of frames are those they have among all.
    pub count: usize,
    /// Names for frames, for example `"sh010.{frame:04}.exr"`; NULL keeps the archive's names.
    pub frame_name: *const c_char,
    /// The number of the archive's first frame in these names; otherwise the archive's own numbers are kept.
    pub first_frame: i64,
    /// Not 0: `first_frame` counts.
    pub has_first_frame: i32,
    /// Not 0: replace different files that are there; otherwise they are LTX_EXISTS. Equal ones count as saved.
    pub overwrite: i32,
    /// Bytes per second, for all connections together; 0 has no limit.
    pub bandwidth: u64,
    /// Connections, 1 to 64; 0 is the client's setting `connections`: as many as are found to help, at most 8.
    pub connections: i32,
    /// Always 0 in this version.
    pub reserved: i32,
}

// SAFETY: numbers and pointers only.
unsafe impl Options for ltx_extract_options {
    const SMALLEST: usize = size_of::<ltx_extract_options>();
    const NAME: &'static str = "ltx_extract_options";
}

/// The frames of one extraction that are under their names. Each is told once; its text stays where it is.
pub(crate) struct Published {
    from: usize,
    paths: Vec<OnceLock<CString>>,
}

impl Published {
    fn new(from: usize, count: usize) -> Self {
        Self {
            from,
            paths: (0..count).map(|_| OnceLock::new()).collect(),
        }
    }

    fn slot(&self, index: usize) -> Option<&OnceLock<CString>> {
        self.paths.get(index.checked_sub(self.from)?)
    }

    fn tell(&self, index: usize, path: &std::path::Path) {
        if let Some(slot) = self.slot(index) {
            slot.get_or_init(|| text::owned_path(path));
        }
    }

    /// In the end: those that were there already, too.
    pub(crate) fn all(&self, saved: &Saved) {
        for (slot, path) in self.paths.iter().zip(&saved.paths) {
            slot.get_or_init(|| text::owned_path(path));
        }
    }

    pub(crate) fn path(&self, index: usize) -> Option<&CString> {
        self.slot(index)?.get()
    }
}

fn prepare(
    frames: &Frames,
    dest: *const c_char,
    options: *const ltx_extract_options,
) -> Result<(ExtractFrames, Arc<Published>), Error> {
    let options: ltx_extract_options = options::read(options, "options")?;
    let mut extract = frames
        .extract(text::path(dest, "dest")?)
        .overwrite(options.overwrite != 0);
    let end = match options.count {
        0 => frames.len(),
        count => options.from.saturating_add(count),
    };
    if options.from > 0 || options.count > 0 {
        extract = extract.range(options.from..end);
    }
    if let Some(pattern) = text::optional(options.frame_name, "options.frame_name")? {
        extract = extract.frame_name(pattern);
    }
    if let Some(number) = options::first_frame(options.has_first_frame, options.first_frame)? {
        extract = extract.first_frame(number);
    }
    if let Some(connections) = options::connections(options.connections)? {
        extract = extract.connections(connections);
    }
    if let Some(bandwidth) = options::bandwidth(options.bandwidth) {
        extract = extract.bandwidth(bandwidth);
    }
    // A range that is not there is told by the operation, and has no frames to tell of.
    let count = end.min(frames.len()).saturating_sub(options.from);
    let published = Arc::new(Published::new(options.from, count));
    let tell = Arc::clone(&published);
    let extract = extract.on_frame(move |frame| tell.tell(frame.index, &frame.path));
    Ok((extract, published))
}

/// Starts saving frames as files in a directory, which is created if needed: in order, over several connections, each under its final name the moment it is
/// whole and checked. A frame that is there already, with the right size and CRC-32, is not fetched. Never blocks; costs nothing on the bill.
///
/// While it runs ltx_op_frame_path() tells which frames are there, and `frames_done` of ltx_op_info how many. ltx_op_take_saved() gives all of them, in
/// order. Cancelled, it leaves the frames that are there, and the next call fetches the others.
///
/// Before anything is written the operation ends with LTX_EXISTS when another file has a frame's name, LTX_INVALID_REQUEST for a range that is not there or a
/// pattern that is none, LTX_UNSAFE_NAME; with LTX_INTEGRITY or LTX_ARCHIVE and the name of the first frame that arrived damaged twice, when all the others
/// are there.
///
/// @param dest       UTF-8; on POSIX any bytes
/// @param options    may be NULL: all frames, by their own names, nothing overwritten; copied
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; the list may be freed while it runs
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_frames_extract(
    frames: *const ltx_frames,
    dest: *const c_char,
    options: *const ltx_extract_options,
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
        let (extract, published) = prepare(&list.frames, dest, options)?;
        out.put(op::give_publishing(extract.start(), published, &list.home, seat)?);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_frame_is_told_by_its_place_among_all() {
        let published = Published::new(10, 2);
        published.tell(11, Path::new("/shots/b.exr"));
        published.tell(9, Path::new("/shots/nobody asked.exr"));
        assert_eq!(published.path(11).unwrap().to_str().unwrap(), "/shots/b.exr");
        for index in [0, 9, 10, 12] {
            assert!(published.path(index).is_none(), "{index}");
        }
    }
}
