//! Text and paths across the border: UTF-8 with a NUL at the end; on POSIX a path may be any bytes.
// Reads the strings and arrays a caller hands in.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};

use ltx_jobs::{Error, ErrorKind};

/// An argument that is not usable.
pub(crate) fn refuse(text: impl Into<String>) -> Error {
    Error::from_face(ErrorKind::InvalidArgument, text)
}

fn bytes<'a>(pointer: *const c_char, name: &str) -> Result<&'a CStr, Error> {
    if pointer.is_null() {
        return Err(refuse(format!("{name} is NULL")));
    }
    // SAFETY: the header's contract: text that is not NULL ends with a NUL and stays unchanged during the call.
    Ok(unsafe { CStr::from_ptr(pointer) })
}

/// A text argument.
pub(crate) fn given<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, Error> {
    bytes(pointer, name)?
        .to_str()
        .map_err(|error| refuse(format!("{name} is not UTF-8: wrong from byte {}", error.valid_up_to())))
}

/// A text argument that may be NULL.
pub(crate) fn optional<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>, Error> {
    if pointer.is_null() {
        Ok(None)
    } else {
        given(pointer, name).map(Some)
    }
}

/// A path argument.
pub(crate) fn path(pointer: *const c_char, name: &str) -> Result<PathBuf, Error> {
    #[cfg(unix)]
    let path = {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes(pointer, name)?.to_bytes()))
    };
    #[cfg(not(unix))]
    let path = PathBuf::from(given(pointer, name)?);
    if path.as_os_str().is_empty() {
        Err(refuse(format!("{name} is empty")))
    } else {
        Ok(path)
    }
}

/// Bytes with their number; NULL is fine for none.
pub(crate) fn data<'a>(pointer: *const u8, size: usize, name: &str) -> Result<&'a [u8], Error> {
    if size == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || size > isize::MAX as usize {
        return Err(refuse(format!("{name} is NULL or its size is impossible")));
    }
    // SAFETY: the header's contract: `size` readable bytes that stay unchanged during the call.
    Ok(unsafe { std::slice::from_raw_parts(pointer, size) })
}

/// An array of `count` pointers.
pub(crate) fn pointers<'a, T>(pointer: *const *const T, count: usize, name: &str) -> Result<&'a [*const T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || !pointer.is_aligned() || count > isize::MAX as usize / size_of::<*const T>() {
        return Err(refuse(format!("{name} is NULL or its size is impossible")));
    }
    // SAFETY: the header's contract: `count` readable pointers that stay unchanged during the call.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Room for a text that the caller provides.
pub(crate) struct Field<'a>(&'a mut [u8], &'static str);

/// Room for a text; empties it at once, so that it is so on every failure.
pub(crate) fn field<'a>(pointer: *mut c_char, size: usize, name: &'static str) -> Result<Field<'a>, Error> {
    if pointer.is_null() || size == 0 || size > isize::MAX as usize {
        return Err(refuse(format!("{name} is NULL or its size is impossible")));
    }
    // SAFETY: the header's contract: `size` writable bytes that nobody else touches during the call. They are written before they are read.
    let room = unsafe {
        pointer.write_bytes(0, size);
        std::slice::from_raw_parts_mut(pointer.cast::<u8>(), size)
    };
    Ok(Field(room, name))
}

impl Field<'_> {
    /// Writes the text, which must fit with its NUL.
    pub(crate) fn put(self, text: &str) -> Result<(), Error> {
        let Self(room, name) = self;
        let (size, needed) = (room.len(), text.len().saturating_add(1));
        let place = room.get_mut(..text.len()).filter(|_| needed <= size);
        place
            .map(|place| place.copy_from_slice(text.as_bytes()))
            .ok_or_else(|| refuse(format!("{name} has room for {size} bytes; {needed} are needed")))
    }
}

/// Text for C. A NUL inside, which no text of ours has, ends it.
pub(crate) fn owned(text: &str) -> CString {
    whole(text.as_bytes())
}

/// A path for C, as [`path`] takes it.
pub(crate) fn owned_path(path: &Path) -> CString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        whole(path.as_os_str().as_bytes())
    }
    #[cfg(not(unix))]
    owned(&path.to_string_lossy())
}

fn whole(bytes: &[u8]) -> CString {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    CString::new(bytes.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// A word into a field of fixed size, cut between characters.
pub(crate) fn word<const N: usize>(text: &str) -> [c_char; N] {
    let mut field = [0; N];
    let mut end = text.len().min(N.saturating_sub(1));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for (place, byte) in field.iter_mut().zip(text.as_bytes().iter().take(end)) {
        *place = c_char::from_ne_bytes([*byte]);
    }
    field
}

/// The pointer of a text that may be missing.
pub(crate) fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(std::ptr::null(), |text| text.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_between_characters() {
        let text = |field: &[c_char]| -> Vec<u8> {
            field
                .iter()
                .map(|c| c.to_ne_bytes()[0])
                .take_while(|byte| *byte != 0)
                .collect()
        };
        assert_eq!(text(&word::<8>("pending")), b"pending");
        assert_eq!(text(&word::<7>("pending")), b"pendin");
        assert_eq!(text(&word::<4>("aä€")), "aä".as_bytes());
        assert_eq!(text(&word::<3>("aä€")), b"a");
    }

    #[test]
    fn a_text_goes_into_the_callers_room_whole_or_not_at_all() {
        let mut room = [c_char::MAX; 5];
        field(room.as_mut_ptr(), 5, "usd").unwrap().put("1.56").unwrap();
        assert_eq!(room.map(c_char::to_ne_bytes).concat(), b"1.56\0");
        let error = field(room.as_mut_ptr(), 4, "usd").unwrap().put("1.56").unwrap_err();
        assert_eq!(error.message(), "usd has room for 4 bytes; 5 are needed");
        assert_eq!(room, [0; 5]);
        assert!(field(room.as_mut_ptr(), 0, "usd").is_err() && field(std::ptr::null_mut(), 5, "usd").is_err());
    }

    #[test]
    fn what_is_not_utf8_is_refused_with_its_place() {
        let error = given(c"ab\xff".as_ptr(), "key").unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::InvalidArgument, "key is not UTF-8: wrong from byte 2")
        );
        assert_eq!(given(std::ptr::null(), "key").unwrap_err().message(), "key is NULL");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_may_be_any_bytes_on_posix() {
        let path = path(c"/tmp/\xff.mp4".as_ptr(), "path").unwrap();
        assert_eq!(owned_path(&path).as_bytes(), b"/tmp/\xff.mp4");
    }
}
