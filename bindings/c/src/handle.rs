//! Handles: pointers to shared objects that begin with a magic word.
//!
//! What C sees is an opaque type; behind it is a counted object. A NULL, a misaligned pointer and a handle of another kind are told apart before the
//! object is touched. A handle that was freed is beyond what can be checked reliably; the word is wiped so that it is mostly noticed.
// Turns pointers from C into references and back: the one place that does it for handles.
#![allow(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ltx_jobs::{Error, ErrorKind};

/// Of an object that was freed.
const WIPED: u64 = 0xdead_dead_dead_dead;

/// An opaque type of the header, and what is behind it.
pub(crate) trait Handle: Sized {
    /// What is behind the handle.
    type Value: Send + Sync;
    /// The word at its beginning: eight letters.
    const MAGIC: u64;
    /// The name of the type in C.
    const NAME: &'static str;
}

#[repr(C)]
struct Tagged<H: Handle> {
    magic: AtomicU64,
    value: H::Value,
}

impl<H: Handle> Drop for Tagged<H> {
    fn drop(&mut self) {
        self.magic.store(WIPED, Ordering::Release);
    }
}

/// Makes a handle that the caller owns.
pub(crate) fn give<H: Handle>(value: H::Value) -> *mut H {
    Arc::into_raw(Arc::new(Tagged::<H> {
        magic: AtomicU64::new(H::MAGIC),
        value,
    }))
    .cast_mut()
    .cast()
}

fn check<H: Handle>(pointer: *const H) -> Result<*const Tagged<H>, Error> {
    let refuse = |what: &str| {
        Err(Error::from_face(
            ErrorKind::InvalidArgument,
            format!("{what}, not a handle of type {}", H::NAME),
        ))
    };
    if pointer.is_null() {
        return refuse("NULL was given");
    }
    let tagged = pointer.cast::<Tagged<H>>();
    if !tagged.is_aligned() {
        return refuse("something else was given");
    }
    // SAFETY: the header's contract: a pointer that is not NULL came from this library, and everything this library gives out as a handle begins with
    // an aligned magic word.
    let magic = unsafe { &*tagged.cast::<AtomicU64>() }.load(Ordering::Acquire);
    match magic {
        magic if magic == H::MAGIC => Ok(tagged),
        WIPED => refuse("a handle that was freed was given"),
        _ => refuse("another handle was given"),
    }
}

/// The object behind a handle.
///
/// # Safety
/// The pointer is NULL, or a handle of this library that is not freed during `'a`.
pub(crate) unsafe fn look<'a, H: Handle>(pointer: *const H) -> Result<&'a H::Value, Error> {
    let tagged = check(pointer)?;
    // SAFETY: the magic word says that it is a Tagged<H>, and the caller that it lives.
    Ok(unsafe { &(*tagged).value })
}

/// One more owner of the same object.
///
/// # Safety
/// As for [`look`].
pub(crate) unsafe fn share<H: Handle>(pointer: *const H) -> Result<(), Error> {
    let tagged = check(pointer)?;
    // SAFETY: as above; every Tagged<H> was made by `give`, inside an Arc.
    unsafe { Arc::increment_strong_count(tagged) };
    Ok(())
}

/// One owner less; the last one ends the object. NULL and foreign handles are left alone.
///
/// # Safety
/// As for [`look`]; the caller's ownership ends here.
pub(crate) unsafe fn end<H: Handle>(pointer: *const H) {
    if let Ok(tagged) = check(pointer) {
        // SAFETY: as above.
        drop(unsafe { Arc::from_raw(tagged) });
    }
}

/// The magic word made of a name.
pub(crate) const fn magic(letters: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ltx_one;
    struct ltx_other;

    impl Handle for ltx_one {
        type Value = Arc<()>;
        const MAGIC: u64 = magic(b"ltx one ");
        const NAME: &'static str = "ltx_one";
    }

    impl Handle for ltx_other {
        type Value = String;
        const MAGIC: u64 = magic(b"ltxother");
        const NAME: &'static str = "ltx_other";
    }

    #[test]
    fn the_last_owner_ends_the_object() {
        let value = Arc::new(());
        let handle = give::<ltx_one>(Arc::clone(&value));
        // SAFETY: the handle lives until its second end.
        unsafe {
            share(handle).unwrap();
            end(handle);
            assert_eq!(Arc::strong_count(&value), 2);
            assert!(look(handle).is_ok());
            end(handle);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn null_and_foreign_handles_are_refused_by_name() {
        let other = give::<ltx_other>("text".to_owned());
        // SAFETY: NULL, and handles that live.
        unsafe {
            let null = look::<ltx_one>(std::ptr::null()).unwrap_err();
            assert_eq!(
                (null.kind(), null.message()),
                (
                    ErrorKind::InvalidArgument,
                    "NULL was given, not a handle of type ltx_one"
                )
            );
            assert!(
                look::<ltx_one>(other.cast())
                    .unwrap_err()
                    .message()
                    .contains("another handle")
            );
            assert!(
                look::<ltx_one>(other.cast::<u8>().wrapping_add(1).cast())
                    .unwrap_err()
                    .message()
                    .contains("something else")
            );
            end::<ltx_one>(other.cast());
            assert_eq!(look(other).unwrap(), "text");
            end(other);
        }
    }
}
