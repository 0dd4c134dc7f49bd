//! The proof that what arrived is what the storage holds: crc32c, else MD5, and the length always.
//!
//! Google's storage sends `x-goog-hash: crc32c=..,md5=..` (base64, the crc32c big-endian) on every answer, always about the whole object.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use crate::error::{Error, ErrorKind, Result};

/// What must be proven about a file before it gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verify {
    /// Compare with every checksum the storage offers; the length in any case.
    #[default]
    WhenOffered,
    /// As `WhenOffered`, and refuse a file for which no checksum is offered. Frames of an archive always have one.
    Require,
    /// The length only. The CRC-32 of frames is compared nevertheless: it costs nothing.
    Off,
}

/// The hashes of a whole object, as far as they were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Hashes {
    pub(crate) crc32c: Option<u32>,
    pub(crate) md5: Option<[u8; 16]>,
}

impl Hashes {
    /// Reads them from headers. `Content-MD5` is about the body: it counts only when that is the whole object.
    pub(crate) fn read(headers: &HeaderMap, whole: bool) -> Self {
        let mut found = Self::default();
        for value in headers.get_all("x-goog-hash") {
            for item in value.to_str().unwrap_or_default().split(',') {
                match item.trim().split_once('=') {
                    Some((name, code)) if name.eq_ignore_ascii_case("crc32c") => {
                        found.crc32c = decode(code).map(u32::from_be_bytes).or(found.crc32c)
                    }
                    Some((name, code)) if name.eq_ignore_ascii_case("md5") => found.md5 = decode(code).or(found.md5),
                    _ => {}
                }
            }
        }
        if whole && found.md5.is_none() {
            found.md5 = headers
                .get("content-md5")
                .and_then(|value| value.to_str().ok())
                .and_then(decode);
        }
        found
    }
}

fn decode<const N: usize>(code: &str) -> Option<[u8; N]> {
    STANDARD.decode(code.trim()).ok()?.try_into().ok()
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) length: u64,
    pub(crate) crc32c: u32,
    /// Only where [`needs_md5`].
    pub(crate) md5: Option<[u8; 16]>,
}

/// Whether the MD5 (0.6 GB/s per core, and of the whole file in order) is all there is to compare with. The crc32c (8 GB/s) is always known.
pub(crate) fn needs_md5(expected: &Hashes, verify: Verify) -> bool {
    verify != Verify::Off && expected.crc32c.is_none() && expected.md5.is_some()
}

impl Found {
    /// Compares with what the storage said. `what` names the file.
    ///
    /// # Errors
    /// `Integrity`.
    pub(crate) fn prove(&self, expected: &Hashes, length: Option<u64>, verify: Verify, what: &str) -> Result<()> {
        let refuse = |why: String| Err(Error::new(ErrorKind::Integrity, format!("{what}: {why}")));
        if let Some(length) = length
            && length != self.length
        {
            return refuse(format!("{} bytes arrived, and the storage holds {length}", self.length));
        }
        if verify == Verify::Off {
            return Ok(());
        }
        if let Some(crc32c) = expected.crc32c {
            if crc32c != self.crc32c {
                return refuse(format!(
                    "the crc32c of what arrived is {:08x}, and the storage's is {crc32c:08x}",
                    self.crc32c
                ));
            }
            return Ok(());
        }
        if let Some(md5) = expected.md5 {
            if self.md5 != Some(md5) {
                return refuse("the MD5 of what arrived is not the storage's".to_owned());
            }
            return Ok(());
        }
        if verify == Verify::Require {
            return refuse("the storage offers no checksum to compare with, and one is required".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use md5::{Digest as _, Md5};

    use super::*;

    const TEXT: &[u8] = b"123456789";
    /// Known check value of CRC-32C (RFC 3720) for the nine digits.
    const TEXT_CRC: u32 = 0xe306_9283;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn found() -> Found {
        Found {
            length: 9,
            crc32c: TEXT_CRC,
            md5: Some(Md5::digest(TEXT).into()),
        }
    }

    #[test]
    fn googles_hash_header_is_read_in_both_its_shapes() {
        let crc = STANDARD.encode(TEXT_CRC.to_be_bytes());
        let md5: [u8; 16] = Md5::digest(TEXT).into();
        let md5_text = STANDARD.encode(md5);
        let both = Hashes {
            crc32c: Some(TEXT_CRC),
            md5: Some(md5),
        };
        assert_eq!(
            Hashes::read(
                &headers(&[("x-goog-hash", &format!("crc32c={crc},md5={md5_text}"))]),
                false
            ),
            both
        );
        assert_eq!(
            Hashes::read(
                &headers(&[
                    ("x-goog-hash", &format!("crc32c={crc}")),
                    ("x-goog-hash", &format!("md5={md5_text}"))
                ]),
                false
            ),
            both
        );
        assert_eq!(
            Hashes::read(&headers(&[("content-md5", &md5_text)]), true).md5,
            Some(md5)
        );
        assert_eq!(
            Hashes::read(&headers(&[("content-md5", &md5_text)]), false),
            Hashes::default(),
            "of a part it says nothing about the whole"
        );
        for nonsense in ["crc32c=!!!", "crc32c=AAAA", "md5=", "sha256=AAAA", "crc32c", ""] {
            assert_eq!(
                Hashes::read(&headers(&[("x-goog-hash", nonsense)]), true),
                Hashes::default(),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn one_wrong_bit_is_found_by_either_hash() {
        let md5: [u8; 16] = Md5::digest(TEXT).into();
        let crc_only = |crc32c| Hashes {
            crc32c: Some(crc32c),
            md5: None,
        };
        let md5_only = |md5| Hashes {
            crc32c: None,
            md5: Some(md5),
        };
        for (expected, holds) in [
            (crc_only(TEXT_CRC), true),
            (crc_only(TEXT_CRC ^ 1), false),
            (md5_only(md5), true),
            (md5_only([0; 16]), false),
            (Hashes::default(), true),
        ] {
            let proof = found().prove(&expected, Some(9), Verify::WhenOffered, "x");
            assert_eq!(proof.is_ok(), holds, "{expected:?}");
            assert!(found().prove(&expected, Some(9), Verify::Off, "x").is_ok());
        }
    }

    #[test]
    fn md5_is_computed_only_where_it_is_all_there_is() {
        let (crc32c, md5) = (Some(1), Some([0; 16]));
        for (hashes, verify, needed) in [
            (Hashes { crc32c, md5 }, Verify::WhenOffered, false),
            (Hashes { crc32c: None, md5 }, Verify::WhenOffered, true),
            (Hashes { crc32c: None, md5 }, Verify::Require, true),
            (Hashes { crc32c: None, md5 }, Verify::Off, false),
            (Hashes::default(), Verify::Require, false),
        ] {
            assert_eq!(needs_md5(&hashes, verify), needed, "{hashes:?} {verify:?}");
        }
    }

    #[test]
    fn the_length_always_counts_and_a_required_checksum_must_be_there() {
        let none = Hashes::default();
        assert!(found().prove(&none, Some(10), Verify::Off, "x").is_err());
        let error = found().prove(&none, Some(9), Verify::Require, "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity);
    }
}
