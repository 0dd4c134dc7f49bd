//! Structs of wishes: read as far as the caller knows them. What he does not know is zero, and zero is the default of every wish.
// Reads memory that the caller hands in.
#![allow(unsafe_code)]

use ltx_jobs::Error;

use crate::text;

/// A struct of the header that begins with its size.
///
/// # Safety
/// `repr(C)`, begins with a `usize`, and any bits are a value of it.
pub(crate) unsafe trait Options: Copy {
    /// The bytes of its first version: what every caller has.
    const SMALLEST: usize;
    /// Its name in C.
    const NAME: &'static str;
}

/// The wishes of a caller; all at their defaults for NULL.
pub(crate) fn read<T: Options>(given: *const T, name: &str) -> Result<T, Error> {
    // SAFETY: any bits are a value.
    let mut known: T = unsafe { std::mem::zeroed() };
    if given.is_null() {
        return Ok(known);
    }
    if !given.is_aligned() {
        return Err(text::refuse(format!("{name} is misaligned")));
    }
    // SAFETY: the header's contract: the struct begins with its size.
    let size = unsafe { given.cast::<usize>().read() };
    if size < T::SMALLEST || size > 64 * 1024 {
        return Err(text::refuse(format!(
            "{name}.size is {size}; set it to sizeof({})",
            T::NAME
        )));
    }
    // SAFETY: not more than the caller has, not more than there is; any bits are a value.
    unsafe {
        std::ptr::copy_nonoverlapping(
            given.cast::<u8>(),
            (&raw mut known).cast::<u8>(),
            size.min(size_of::<T>()),
        );
    }
    Ok(known)
}

/// A number of connections, whose bounds the core knows; 0 leaves it to the client's setting.
pub(crate) fn connections(number: i32) -> Result<Option<usize>, Error> {
    let number = usize::try_from(number)
        .map_err(|_| text::refuse(format!("options.connections is {number}; it is 1 to 64, or 0")))?;
    Ok((number != 0).then_some(number))
}

/// Bytes per second; 0 has no limit.
pub(crate) fn bandwidth(bytes_per_second: u64) -> Option<u64> {
    (bytes_per_second != 0).then_some(bytes_per_second)
}

/// The number of the first frame, when it counts.
pub(crate) fn first_frame(counts: i32, number: i64) -> Result<Option<u64>, Error> {
    if counts == 0 {
        return Ok(None);
    }
    u64::try_from(number)
        .map(Some)
        .map_err(|_| text::refuse(format!("options.first_frame is {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct ltx_wishes {
        size: usize,
        first: u64,
        later: u64,
    }

    // SAFETY: numbers only.
    unsafe impl Options for ltx_wishes {
        const SMALLEST: usize = std::mem::offset_of!(ltx_wishes, later);
        const NAME: &'static str = "ltx_wishes";
    }

    #[test]
    fn what_a_caller_does_not_know_is_zero() {
        let given = |size| ltx_wishes {
            size,
            first: 1,
            later: 2,
        };
        let seen = |size| {
            let wishes = given(size);
            read(&raw const wishes, "options").map(|wishes| (wishes.first, wishes.later))
        };
        assert_eq!(seen(16).unwrap(), (1, 0));
        assert_eq!(seen(24).unwrap(), (1, 2));
        // Of a later header than this library.
        #[repr(C)]
        struct Longer(ltx_wishes, [u8; 40]);
        let longer = Longer(given(64), [7; 40]);
        assert_eq!(
            read((&raw const longer).cast::<ltx_wishes>(), "options").unwrap().later,
            2
        );
        assert_eq!(read(std::ptr::null::<ltx_wishes>(), "options").unwrap().first, 0);
        for wrong in [0, 15, 64 * 1024 + 1] {
            let error = seen(wrong).unwrap_err();
            assert!(error.message().contains("sizeof(ltx_wishes)"), "{error}");
        }
    }
}
