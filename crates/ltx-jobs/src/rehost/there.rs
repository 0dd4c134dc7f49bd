//! What lies under a key already, and whether it is what would be stored: then nothing is fetched and nothing is sent.
//!
//! Equal means the same length and the same checksum. Objects of ours carry their checksum; of others the content is read back, for two frames of one size
//! are no proof.

use futures_util::StreamExt as _;
use md5::{Digest as _, Md5};
use object_store::{Attribute, Attributes, GetOptions};

use super::refusal::{refusal, told};
use super::sink::{CRC32, CRC32C, Store, Target};
use crate::error::Result;
use crate::operation::cancelled;

/// What is known of the content to be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) length: Option<u64>,
    pub(super) crc32c: Option<u32>,
    /// Of a frame, by the archive.
    pub(super) crc32: Option<u32>,
    pub(super) md5: Option<[u8; 16]>,
}

impl Expected {
    /// Whether there is nothing to compare by but the length.
    fn has_no_checksum(&self) -> bool {
        self.crc32c.is_none() && self.crc32.is_none() && self.md5.is_none()
    }
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Equal {
        bytes: u64,
        /// Unknown of a frame that was not read back.
        crc32c: Option<u32>,
        e_tag: Option<String>,
    },
    Other,
    /// Something of the right length; no checksum is known of what would be stored.
    Undecided,
    /// These credentials may write, and not look.
    NoAccess,
}

/// The checksums of some content.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sums {
    crc32c: u32,
    crc32: u32,
    md5: Option<[u8; 16]>,
}

/// What a comparison of checksums says; `None` when there is none that both sides know.
fn agrees(expected: &Expected, crc32c: Option<u32>, crc32: Option<u32>, md5: Option<[u8; 16]>) -> Option<bool> {
    fn both<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<bool> {
        Some(one? == other?)
    }
    both(expected.crc32c, crc32c)
        .or_else(|| both(expected.crc32, crc32))
        .or_else(|| both(expected.md5, md5))
}

/// Looks at what is under the key of `target`.
pub(super) async fn look(store: &Store, target: &Target) -> Result<Found> {
    let head = GetOptions::new().with_head(true);
    let found = tokio::select! {
        biased;
        () = store.cancel.cancelled() => return Err(cancelled("the copy")),
        found = store.store.get_opts(&target.key, head) => found,
    };
    let found = match found {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(Found::Nothing),
        Err(error) if refusal(&error).is_some_and(|refusal| refusal.status == 403) => return Ok(Found::NoAccess),
        Err(error) => return Err(told(&error, &format!("looking at {}", target.url), &store.place)),
    };
    let (bytes, e_tag) = (found.meta.size, found.meta.e_tag);
    let expected = &target.expected;
    if expected.length.is_some_and(|length| length != bytes) {
        return Ok(Found::Other);
    }
    let crc32c = kept(&found.attributes, CRC32C);
    let by_label = agrees(expected, crc32c, kept(&found.attributes, CRC32), None);
    Ok(match by_label {
        Some(true) => Found::Equal { bytes, crc32c, e_tag },
        Some(false) => Found::Other,
        None if expected.has_no_checksum() => Found::Undecided,
        None => match read_back(store, target).await? {
            Some(sums) if agrees(expected, Some(sums.crc32c), Some(sums.crc32), sums.md5) == Some(true) => {
                Found::Equal {
                    bytes,
                    crc32c: Some(sums.crc32c),
                    e_tag,
                }
            }
            _ => Found::Other,
        },
    })
}

/// A checksum that lies with an object.
fn kept(attributes: &Attributes, name: &'static str) -> Option<u32> {
    let value = attributes.get(&Attribute::Metadata(name.into()))?;
    u32::from_str_radix(value.as_ref(), 16).ok()
}

/// The checksums of the content under the key; `None` when it may not be read.
async fn read_back(store: &Store, target: &Target) -> Result<Option<Sums>> {
    let what = format!("reading {}", target.url);
    let error = |error: object_store::Error| told(&error, &what, &store.place);
    let reading = async {
        let found = match store.store.get_opts(&target.key, GetOptions::new()).await {
            Ok(found) => found,
            Err(denied) if refusal(&denied).is_some_and(|refusal| refusal.status == 403) => return Ok(None),
            Err(other) => return Err(error(other)),
        };
        let mut sums = Sums {
            crc32c: 0,
            crc32: 0,
            md5: None,
        };
        let mut crc32 = crc32fast::Hasher::new();
        let mut md5 = target.expected.md5.map(|_| Md5::new());
        let mut content = found.into_stream();
        while let Some(bytes) = content.next().await {
            let bytes = bytes.map_err(error)?;
            sums.crc32c = crc32c::crc32c_append(sums.crc32c, &bytes);
            crc32.update(&bytes);
            if let Some(md5) = &mut md5 {
                md5.update(&bytes);
            }
        }
        sums.crc32 = crc32.finalize();
        sums.md5 = md5.map(|md5| md5.finalize().into());
        Ok(Some(sums))
    };
    tokio::select! {
        biased;
        () = store.cancel.cancelled() => Err(cancelled("the copy")),
        sums = reading => sums,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_decide_and_the_surest_first() {
        let expected = |crc32c, crc32, md5| Expected {
            length: Some(1),
            crc32c,
            crc32,
            md5,
        };
        for (expected, crc32c, crc32, md5, answer) in [
            (expected(Some(1), None, None), Some(1), None, None, Some(true)),
            (expected(Some(1), None, None), Some(2), Some(1), None, Some(false)),
            (expected(None, Some(7), None), Some(1), Some(7), None, Some(true)),
            (expected(None, Some(7), None), Some(7), None, None, None),
            (
                expected(None, None, Some([1; 16])),
                Some(1),
                None,
                Some([1; 16]),
                Some(true),
            ),
            (
                expected(None, None, Some([1; 16])),
                Some(1),
                None,
                Some([2; 16]),
                Some(false),
            ),
            (expected(None, None, None), Some(1), Some(1), None, None),
        ] {
            assert_eq!(agrees(&expected, crc32c, crc32, md5), answer, "{expected:?}");
        }
    }
}
