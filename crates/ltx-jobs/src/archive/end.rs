//! The end records of an archive: how many members it says it has, and where its directory lies.
//!
//! Pure. Read before anything else is, because what follows allocates by these figures: a lie is refused here, by the archive's own length. There must be
//! exactly one end, nothing behind it, and nothing between it and the directory; where the ZIP64 records and the old ones both tell a figure, they must agree.

use std::ops::Range;

use crate::archive::directory::{Tail, damaged};
use crate::archive::limits::Limits;
use crate::error::Result;

/// The fixed part of the end record, of the ZIP64 locator before it, and of the ZIP64 end record.
const END: u64 = 22;
const LOCATOR: u64 = 20;
const END64: u64 = 56;

/// The least a member takes in the directory.
const LEAST_ENTRY: u64 = 46;

/// What the end of an archive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) members: u64,
    pub(crate) directory: Range<u64>,
    /// Bytes of comment behind the end record.
    pub(crate) comment: u64,
}

/// What came out of a tail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    End(End),
    /// A record begins before the tail: fetch from here on.
    Need(u64),
}

/// Reads the end records out of `tail`.
///
/// # Errors
/// `Archive` when there is no end, more than one, or one that contradicts itself; `LimitExceeded`.
pub(crate) fn find(tail: &Tail, limits: &Limits) -> Result<Found> {
    let (at, comment) = find_record(tail)?;
    let record = tail.fields(at, END)?;
    let (disk, directory_disk) = (record.short(4), record.short(6));
    let (here, members) = (record.short(8), record.short(10));
    let (size, start) = (record.long(12), record.long(16));
    let locator = at
        .checked_sub(LOCATOR)
        .filter(|&locator| tail.starts_with(locator, b"PK\x06\x07"));
    let (members, size, start, directory_end) = match locator {
        None => {
            if disk != 0 || directory_disk != 0 || here != members {
                return Err(damaged("it is one part of several"));
            }
            (u64::from(members), u64::from(size), u64::from(start), at)
        }
        Some(locator) => {
            let fields = tail.fields(locator, LOCATOR)?;
            let at64 = fields.wide(8);
            if fields.long(4) != 0 || fields.long(16) > 1 {
                return Err(damaged("it is one part of several"));
            }
            if at64.checked_add(END64).is_none_or(|end| end > locator) {
                return Err(damaged("its ZIP64 end record lies outside of it"));
            }
            if at64 < tail.start() {
                limits.check_directory(tail.length() - at64)?;
                return Ok(Found::Need(at64));
            }
            let record64 = tail.fields(at64, END64)?;
            if !tail.starts_with(at64, b"PK\x06\x06")
                || at64.checked_add(12 + record64.wide(4).min(1 << 40)) != Some(locator)
            {
                return Err(damaged("there is no ZIP64 end record where it should be"));
            }
            if record64.long(16) != 0 || record64.long(20) != 0 || record64.wide(24) != record64.wide(32) {
                return Err(damaged("it is one part of several"));
            }
            let (members64, size64, start64) = (record64.wide(32), record64.wide(40), record64.wide(48));
            let agrees = (members == u16::MAX || u64::from(members) == members64)
                && (size == u32::MAX || u64::from(size) == size64)
                && (start == u32::MAX || u64::from(start) == start64);
            if !agrees {
                return Err(damaged("its two end records contradict each other"));
            }
            (members64, size64, start64, at64)
        }
    };
    if start.checked_add(size) != Some(directory_end) {
        return Err(damaged(format!(
            "its directory is said to be the {size} bytes from {start} on, and must end at {directory_end}"
        )));
    }
    limits.check_members(members)?;
    limits.check_directory(tail.length() - start)?;
    if size < members.saturating_mul(LEAST_ENTRY) {
        return Err(damaged(format!(
            "{members} members do not fit into a directory of {size} bytes"
        )));
    }
    Ok(Found::End(End {
        members,
        directory: start..directory_end,
        comment,
    }))
}

/// The place of the end record and the length of its comment: the one place from which its comment reaches exactly to the end.
fn find_record(tail: &Tail) -> Result<(u64, u64)> {
    let least = tail
        .length()
        .saturating_sub(END + u64::from(u16::MAX))
        .max(tail.start());
    let mut found = None;
    let mut stray = false;
    let Some(last) = tail.length().checked_sub(END) else {
        return Err(damaged("it is too short to be one"));
    };
    for at in (least..=last).rev() {
        if !tail.starts_with(at, b"PK\x05\x06") {
            continue;
        }
        let comment = u64::from(tail.fields(at, END)?.short(20));
        if at + END + comment != tail.length() {
            stray = true;
        } else if found.replace((at, comment)).is_some() {
            return Err(damaged(
                "it has two ends, and two programs would read two different archives",
            ));
        }
    }
    found.ok_or_else(|| {
        damaged(if stray {
            "it is cut off, or there are bytes behind its end"
        } else {
            "its end is missing: it is cut off, or no archive at all"
        })
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::error::ErrorKind;

    fn end(members: u16, size: u32, start: u32, comment: &[u8]) -> Vec<u8> {
        let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
        bytes.extend(members.to_le_bytes());
        bytes.extend(members.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend((comment.len() as u16).to_le_bytes());
        bytes.extend(comment);
        bytes
    }

    fn end64(members: u64, size: u64, start: u64, at: u64) -> Vec<u8> {
        let mut bytes = b"PK\x06\x06".to_vec();
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45, 0, 45, 0]);
        bytes.extend([0; 8]);
        for field in [members, members, size, start] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(at.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes
    }

    /// An archive of `before` bytes of anything, then `records`; the last `have` of its bytes are here.
    fn found(before: u64, records: &[u8]) -> Result<Found> {
        let mut bytes = vec![0; before.min(4096) as usize];
        bytes.extend_from_slice(records);
        find(
            &Tail::new(before + records.len() as u64, Bytes::from(bytes)).unwrap(),
            &Limits::default(),
        )
    }

    #[test]
    fn an_end_says_where_the_directory_is_in_both_forms_and_with_a_comment() {
        let expected = |comment| {
            Found::End(End {
                members: 2,
                directory: 100..300,
                comment,
            })
        };
        assert_eq!(found(300, &end(2, 200, 100, b"")).unwrap(), expected(0));
        assert_eq!(found(300, &end(2, 200, 100, b"made by")).unwrap(), expected(7));
        let mut both = end64(2, 200, 100, 300);
        both.extend(end(u16::MAX, u32::MAX, u32::MAX, b"x"));
        assert_eq!(found(300, &both).unwrap(), expected(1));
        // Beyond 4 GiB only the ZIP64 records can tell.
        let far = 5_u64 << 30;
        let mut both = end64(2, 200, far - 200, far);
        both.extend(end(2, 200, u32::MAX, b""));
        let Found::End(end) = found(far, &both).unwrap() else {
            panic!("more was needed")
        };
        assert_eq!(end.directory, far - 200..far);
    }

    #[test]
    fn lies_are_refused_before_anything_is_allocated_by_them() {
        let both = |members, size, start, at, old: Vec<u8>| {
            let mut bytes = end64(members, size, start, at);
            bytes.extend(old);
            bytes
        };
        let open = || end(u16::MAX, u32::MAX, u32::MAX, b"");
        let mut two = end(2, 200, 100, &[0; 22]);
        two.splice(22..44, end(0, 0, 0, b""));
        let cases: Vec<(&str, Vec<u8>, ErrorKind)> = vec![
            ("nothing at all", Vec::new(), ErrorKind::Archive),
            ("a directory that ends early", end(2, 199, 100, b""), ErrorKind::Archive),
            ("a directory that ends late", end(2, 200, 101, b""), ErrorKind::Archive),
            ("more members than bytes", end(5, 200, 100, b""), ErrorKind::Archive),
            ("two ends", two, ErrorKind::Archive),
            (
                "an end before its comment's end",
                end(2, 200, 100, b"abc")[..24].to_vec(),
                ErrorKind::Archive,
            ),
            (
                "a billion members",
                both(1 << 30, 200, 100, 300, open()),
                ErrorKind::LimitExceeded,
            ),
            (
                "every member there can be",
                both(u64::MAX, 200, 100, 300, open()),
                ErrorKind::LimitExceeded,
            ),
            (
                "a start that overflows",
                both(2, 200, u64::MAX - 10, 300, open()),
                ErrorKind::Archive,
            ),
            (
                "a ZIP64 record elsewhere",
                both(2, 200, 100, 299, open()),
                ErrorKind::Archive,
            ),
            (
                "a ZIP64 record outside",
                both(2, 200, 100, u64::MAX - 3, open()),
                ErrorKind::Archive,
            ),
            (
                "two different counts",
                both(2, 200, 100, 300, end(3, u32::MAX, u32::MAX, b"")),
                ErrorKind::Archive,
            ),
            (
                "two different starts",
                both(2, 200, 100, 300, end(2, 200, 99, b"")),
                ErrorKind::Archive,
            ),
        ];
        for (what, records, kind) in cases {
            assert_eq!(found(300, &records).unwrap_err().kind(), kind, "{what}");
        }
        let huge = 40_u64 << 30;
        assert_eq!(
            found(huge, &both(1000, huge - 100, 100, huge, open()))
                .unwrap_err()
                .kind(),
            ErrorKind::LimitExceeded,
            "a directory of 40 GB"
        );
    }
}
