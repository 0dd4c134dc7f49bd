//! The files a download left.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use ltx_jobs::Saved;

use crate::guard::{self, look};
use crate::handle::{self, Handle};
use crate::text;

/// The files a download left, also those that were there already. Immutable, may be used from any thread; freed once with ltx_saved_free().
pub struct ltx_saved {
    _opaque: [u8; 0],
}

pub(crate) struct Files {
    paths: Vec<CString>,
    bytes: u64,
}

impl Handle for ltx_saved {
    type Value = Files;
    const MAGIC: u64 = handle::magic(b"ltxsaved");
    const NAME: &'static str = "ltx_saved";
}

impl ltx_saved {
    pub(crate) fn give(saved: &Saved) -> *mut Self {
        handle::give(Files {
            paths: saved.paths.iter().map(|path| text::owned_path(path)).collect(),
            bytes: saved.bytes,
        })
    }
}

/// How many files there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_saved_count(saved: *const ltx_saved) -> usize {
    guard::value(0, || Ok(look!(saved)?.paths.len()))
}

/// The path of a file, under the `dest` of the download; frames in the order of the archive. NULL beyond the last. Lives as long as the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_saved_path(saved: *const ltx_saved, index: usize) -> *const c_char {
    guard::value(std::ptr::null(), || Ok(text::pointer(look!(saved)?.paths.get(index))))
}

/// The bytes of all the files together. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_saved_bytes(saved: *const ltx_saved) -> u64 {
    guard::value(0, || Ok(look!(saved)?.bytes))
}

/// Frees the list. NULL is fine. The files stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_saved_free(saved: *mut ltx_saved) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(saved) };
        Ok(())
    });
}
