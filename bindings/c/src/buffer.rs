//! Bytes in memory that the library made: a frame that was read or came out of a stream.
// Exports symbols.
#![allow(unsafe_code)]

use ltx_jobs::Bytes;

use crate::guard::{self, look};
use crate::handle::{self, Handle};

/// Bytes in memory: one frame, an EXR file, whole and checked. Immutable, may be used from any thread; freed once with ltx_buffer_free(). Depends on nothing:
/// list, stream and client may be gone.
pub struct ltx_buffer {
    _opaque: [u8; 0],
}

impl Handle for ltx_buffer {
    type Value = Bytes;
    const MAGIC: u64 = handle::magic(b"ltxbuffr");
    const NAME: &'static str = "ltx_buffer";
}

impl ltx_buffer {
    pub(crate) fn give(bytes: Bytes) -> *mut Self {
        handle::give(bytes)
    }
}

/// The bytes, without a copy; they live as long as the buffer. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_buffer_data(buffer: *const ltx_buffer) -> *const u8 {
    guard::value(std::ptr::null(), || Ok(look!(buffer)?.as_ptr()))
}

/// How many there are. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_buffer_size(buffer: *const ltx_buffer) -> usize {
    guard::value(0, || Ok(look!(buffer)?.len()))
}

/// Frees the bytes. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_buffer_free(buffer: *mut ltx_buffer) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(buffer) };
        Ok(())
    });
}
