//! What a completed job left, and how to bring it home.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::{ArchiveMode, Completed, Download, Error, Verify};

use crate::callbacks::{Callbacks, ltx_callbacks};
use crate::error::ltx_error;
use crate::guard::{self, Out, look};
use crate::handle::{self, Handle};
use crate::home::Home;
use crate::job::epoch_ms;
use crate::op::{self, Product, ltx_op};
use crate::options::{self, Options};
use crate::status::ltx_status;
use crate::text;

/// The outputs of a completed job. Immutable, may be used from any thread; freed once with ltx_result_free(). Texts live as long as the result.
pub struct ltx_result {
    _opaque: [u8; 0],
}

pub(crate) struct Outputs {
    pub(crate) completed: Completed,
    pub(crate) home: Home,
    /// Label and URL, in the order of the labels.
    list: Vec<(CString, CString)>,
}

impl Handle for ltx_result {
    type Value = Outputs;
    const MAGIC: u64 = handle::magic(b"ltxreslt");
    const NAME: &'static str = "ltx_result";
}

impl ltx_result {
    pub(crate) fn give(completed: Completed, home: &Home) -> *mut Self {
        let list = completed
            .outputs()
            .values()
            .map(|output| (text::owned(output.label()), text::owned(output.url().expose())))
            .collect();
        handle::give(Outputs {
            completed,
            home: home.clone(),
            list,
        })
    }
}

/// How a result is saved. All zero is the default; set `size` to `sizeof(ltx_download_options)`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ltx_download_options {
    /// Set by the caller: the bytes of the struct as it knows it.
    pub size: usize,
    /// Labels of the outputs to save (`"exr_frames_url"`, or without `_url`); NULL saves all.
    pub only: *const *const c_char,
    /// How many labels there are.
    pub only_count: usize,
    /// What becomes of an archive of EXR frames: `LTX_ARCHIVE_UNPACK`, `LTX_ARCHIVE_KEEP` or `LTX_ARCHIVE_BOTH`.
    pub archive: i32,
    /// What must be proven about a file: `LTX_VERIFY_WHEN_OFFERED`, `LTX_VERIFY_REQUIRE` or `LTX_VERIFY_OFF`.
    pub verify: i32,
    /// Not 0: replace different files that are there; otherwise they are LTX_EXISTS. Equal ones count as saved.
    pub overwrite: i32,
    /// Not 0: `first_frame` counts.
    pub has_first_frame: i32,
    /// The number of the first frame; otherwise the archive's own numbers are kept.
    pub first_frame: i64,
    /// Names for frames, for example `"sh010.{frame:04}.exr"`; NULL keeps the archive's names.
    pub frame_name: *const c_char,
    /// Connections for one file, 1 to 64; 0 is the client's setting `connections`: as many as are found to help, at most 8.
    pub connections: i32,
    /// Not 0: neither goes on with what an interrupted download left beside its target, nor leaves such for the next.
    pub no_resume: i32,
    /// Bytes per second, for all connections of this download together; 0 has no limit.
    pub bandwidth: u64,
    /// Not 0: `lock_timeout_ms` counts; otherwise a file that somebody else is fetching to the same place is waited for without limit.
    pub has_lock_timeout: i32,
    /// Always 0 in this version.
    pub reserved: i32,
    /// How long to wait for such a file, which counts as saved when the other one is done: milliseconds, 0 does not wait, negative has no limit. Then the
    /// download ends with LTX_LOCKED, which names process and host of the other one.
    pub lock_timeout_ms: i64,
}

// SAFETY: numbers and pointers only.
unsafe impl Options for ltx_download_options {
    const SMALLEST: usize = std::mem::offset_of!(ltx_download_options, connections);
    const NAME: &'static str = "ltx_download_options";
}

fn prepare(
    completed: &Completed,
    dest: *const c_char,
    options: *const ltx_download_options,
) -> Result<Download, Error> {
    let options = options::read(options, "options")?;
    let mut download = completed
        .download(text::path(dest, "dest")?)
        .overwrite(options.overwrite != 0);
    if !options.only.is_null() {
        let labels = text::pointers(options.only, options.only_count, "options.only")?;
        let labels = labels
            .iter()
            .map(|label| text::given(*label, "options.only").map(str::to_owned));
        download = download.only(labels.collect::<Result<Vec<String>, Error>>()?);
    }
    download = download.archive(match options.archive {
        0 => ArchiveMode::Unpack,
        1 => ArchiveMode::Keep,
        2 => ArchiveMode::Both,
        other => {
            return Err(text::refuse(format!(
                "options.archive is {other}; it is none of LTX_ARCHIVE_..."
            )));
        }
    });
    download = download.verify(match options.verify {
        0 => Verify::WhenOffered,
        1 => Verify::Require,
        2 => Verify::Off,
        other => {
            return Err(text::refuse(format!(
                "options.verify is {other}; it is none of LTX_VERIFY_..."
            )));
        }
    });
    if let Some(pattern) = text::optional(options.frame_name, "options.frame_name")? {
        download = download.frame_name(pattern);
    }
    if let Some(number) = options::first_frame(options.has_first_frame, options.first_frame)? {
        download = download.first_frame(number);
    }
    if let Some(connections) = options::connections(options.connections)? {
        download = download.connections(connections);
    }
    if let Some(bandwidth) = options::bandwidth(options.bandwidth) {
        download = download.bandwidth(bandwidth);
    }
    if options.has_lock_timeout != 0
        && let Some(limit) = op::limit(options.lock_timeout_ms)
    {
        download = download.lock_timeout(limit);
    }
    Ok(download.resume(options.no_resume == 0))
}

/// How many outputs there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_count(result: *const ltx_result) -> usize {
    guard::value(0, || Ok(look!(result)?.list.len()))
}

/// The service's label of an output (`"exr_frames_url"`); NULL beyond the last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_label(result: *const ltx_result, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(look!(result)?.list.get(index).map(|(label, _)| label)))
    })
}

/// The signed URL of an output; NULL beyond the last. Whoever has its text can read the file until it expires: keep it out of logs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_url(result: *const ltx_result, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || {
        Ok(text::pointer(look!(result)?.list.get(index).map(|(_, url)| url)))
    })
}

/// When the service accepted the job: milliseconds since 1970, -1 when not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_created_at(result: *const ltx_result) -> i64 {
    guard::value(-1, || Ok(epoch_ms(look!(result)?.completed.created_at())))
}

/// When the job completed, by the service's clock: milliseconds since 1970, -1 when not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_completed_at(result: *const ltx_result) -> i64 {
    guard::value(-1, || Ok(epoch_ms(look!(result)?.completed.completed_at())))
}

/// When the service forgets the job: milliseconds since 1970, -1 when not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_job_expires_at(result: *const ltx_result) -> i64 {
    guard::value(-1, || Ok(epoch_ms(look!(result)?.completed.job_expires_at())))
}

/// When the first of the URLs expires: milliseconds since 1970, -1 when not known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_outputs_expire_at(result: *const ltx_result) -> i64 {
    guard::value(-1, || Ok(epoch_ms(look!(result)?.completed.outputs_expire_at())))
}

/// Starts saving the outputs into a directory, which is created if needed. Never blocks; costs nothing on the bill. ltx_op_take_saved() gives the files.
///
/// A file goes to `dest/<label without _url>` plus its extension (`video.mp4`); an archive of EXR frames is unpacked into `dest/<label without _url>/`
/// (`exr_frames/frame_00001.exr`). What is there under its final name is complete and verified. URLs that expired are renewed.
///
/// @param dest       UTF-8; on POSIX any bytes
/// @param options    may be NULL: all outputs, archives of frames unpacked, nothing overwritten; copied
/// @param callbacks  may be NULL; see ltx_callbacks
/// @param op         receives the operation; the result may be freed while it runs
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_download(
    result: *const ltx_result,
    dest: *const c_char,
    options: *const ltx_download_options,
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
        let download = prepare(&outputs.completed, dest, options)?;
        out.put(op::give(download.start(), Product::Saved, None, &outputs.home, seat)?);
        Ok(())
    })
}

/// Frees a result. NULL is fine. Downloads made of it go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_result_free(result: *mut ltx_result) {
    guard::value((), || free(result));
}

fn free(result: *mut ltx_result) -> Result<(), Error> {
    if !look!(result)?.home.owner.is_foreign() {
        // SAFETY: the header's contract: a live handle that is freed once.
        unsafe { handle::end(result) };
    }
    Ok(())
}
