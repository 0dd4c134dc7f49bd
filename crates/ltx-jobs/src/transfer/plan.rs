//! What an answer of the storage says about the object, and what is to be done after it. Pure.
//!
//! A continuation is believed only when the exact bytes asked for come from the very object that was begun; anything else is either asked for again
//! or an error, never spliced in.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED};

use crate::error::ErrorKind;
use crate::transfer::integrity::Hashes;
use crate::transport::ByteRange;

/// What is known of a remote object from the headers of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Bytes of the whole object.
    pub(crate) length: Option<u64>,
    /// The strong ETag, quotes included.
    pub(crate) etag: Option<String>,
    /// Google's version number of the object.
    pub(crate) generation: Option<String>,
    pub(crate) modified: Option<String>,
    pub(crate) hashes: Hashes,
    pub(crate) content_type: Option<String>,
    /// Whether the answer was a part: the storage answers ranges.
    pub(crate) ranges: bool,
}

/// Whether two answers come from one version of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    Yes,
    No,
    /// Nothing speaks against it, and nothing proves it.
    Unproven,
}

impl Facts {
    fn read(headers: &HeaderMap, length: Option<u64>, ranges: bool) -> Self {
        let text = |name: http::HeaderName| headers.get(name)?.to_str().ok().map(|value| value.trim().to_owned());
        let generation = headers
            .get("x-goog-generation")
            .and_then(|value| value.to_str().ok())
            .map(|value| value.trim().to_owned());
        // Hashes of stored bytes say nothing about bytes that were decoded on the way.
        let stored_plain = is_identity(headers, "x-goog-stored-content-encoding");
        Self {
            length,
            etag: text(ETAG).filter(|etag| etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2),
            generation,
            modified: text(LAST_MODIFIED),
            hashes: if stored_plain {
                Hashes::read(headers, !ranges)
            } else {
                Hashes::default()
            },
            content_type: text(CONTENT_TYPE),
            ranges: ranges && stored_plain,
        }
    }

    /// The value for `If-Range`.
    pub(crate) fn validator(&self) -> Option<&str> {
        self.etag.as_deref().or(self.modified.as_deref())
    }

    /// Whether another answer could prove that it is about the same object.
    pub(crate) fn is_provable(&self) -> bool {
        self.same_object(self) == Same::Yes
    }

    /// Compares what both answers tell.
    pub(crate) fn same_object(&self, other: &Self) -> Same {
        fn compare<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
            Some(one? == other?)
        }
        let length = compare(self.length.as_ref(), other.length.as_ref());
        let proofs = [
            compare(self.generation.as_ref(), other.generation.as_ref()),
            compare(self.etag.as_ref(), other.etag.as_ref()),
            compare(self.hashes.crc32c.as_ref(), other.hashes.crc32c.as_ref()),
            compare(self.hashes.md5.as_ref(), other.hashes.md5.as_ref()),
            // A date alone has a grain of a second; with an equal length it is as good as what most servers build their ETag from.
            compare(self.modified.as_ref(), other.modified.as_ref()).filter(|same| !same || length == Some(true)),
        ];
        if length == Some(false) || proofs.contains(&Some(false)) {
            Same::No
        } else if proofs.contains(&Some(true)) {
            Same::Yes
        } else {
            Same::Unproven
        }
    }
}

/// The value of `Content-Range` for a part: `bytes 0-99/1234`, the total may be `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) start: u64,
    /// Exclusive.
    pub(crate) end: u64,
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (unit, rest) = text.split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (span, total) = rest.trim().split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let start = digits(first)?;
        let end = digits(last)?.checked_add(1)?;
        let total = match total.trim() {
            "*" => None,
            total => Some(digits(total)?),
        };
        (start < end && total.is_none_or(|total| end <= total)).then_some(Self { start, end, total })
    }
}

/// `str::parse` would also take a sign.
fn digits(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// What is to be done after the head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its body is the object from `start` to `end` (exclusive; to its end when `None`).
    Body {
        start: u64,
        end: Option<u64>,
        same: Same,
        facts: Facts,
    },
    /// The URL is not valid any more: ask for a new one.
    Expired(String),
    /// Ask again, not before the time the server names.
    Again {
        kind: ErrorKind,
        why: String,
        after: Option<Duration>,
    },
    /// The object is another one than the one that was begun.
    Changed(String),
    /// The storage has no such part of the object.
    NoSuchRange,
    /// Asking again cannot help.
    Final { kind: ErrorKind, why: String },
}

/// Judges the head of an answer to a request for `asked`, of an object of which `known` is known already. `code` is the storage's error code.
pub(crate) fn judge(
    asked: ByteRange,
    known: Option<&Facts>,
    status: u16,
    headers: &HeaderMap,
    code: Option<&str>,
    after: Option<Duration>,
) -> Verdict {
    let named = code.map(|code| format!(" ({code})")).unwrap_or_default();
    match status {
        200 | 206 => judge_success(asked, known, status, headers),
        401 | 403 | 410 => Verdict::Expired(format!("{status}{named}")),
        400 if code.is_some_and(is_expiry) => Verdict::Expired(format!("{status}{named}")),
        416 => Verdict::NoSuchRange,
        429 => Verdict::Again {
            kind: ErrorKind::RateLimited,
            why: format!("the storage answered 429{named}"),
            after,
        },
        408 | 425 | 500..=599 => Verdict::Again {
            kind: ErrorKind::Unavailable,
            why: format!("the storage answered {status}{named}"),
            after,
        },
        404 => Verdict::Final {
            kind: ErrorKind::ResultExpired,
            why: format!("the storage has no such file any more: it answered 404{named}"),
        },
        _ => Verdict::Final {
            kind: ErrorKind::Protocol,
            why: format!("the storage answered {status}{named}"),
        },
    }
}

fn judge_success(asked: ByteRange, known: Option<&Facts>, status: u16, headers: &HeaderMap) -> Verdict {
    let odd = |why: String| Verdict::Again {
        kind: ErrorKind::Protocol,
        why,
        after: None,
    };
    if !is_identity(headers, CONTENT_ENCODING.as_str()) {
        return Verdict::Final {
            kind: ErrorKind::Unsupported,
            why: "the storage sent the file in a coding (Content-Encoding) that was not asked for".to_owned(),
        };
    }
    let (start, end, facts) = if status == 206 {
        let header = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let Some(range) = header.and_then(ContentRange::parse) else {
            return odd("the storage sent a part without a usable Content-Range".to_owned());
        };
        let fits = match asked {
            ByteRange::Span { start, end } => range.start == start && end.is_none_or(|end| range.end <= end),
            ByteRange::Suffix(length) => range
                .total
                .is_some_and(|total| range.end == total && range.start == total.saturating_sub(length)),
        };
        if !fits {
            return odd(format!(
                "the storage sent bytes {} to {} and was asked for {}",
                range.start,
                range.end,
                asked.header()
            ));
        }
        (range.start, Some(range.end), Facts::read(headers, range.total, true))
    } else {
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(digits);
        (0, length, Facts::read(headers, length, false))
    };
    let same = known.map_or(Same::Yes, |known| known.same_object(&facts));
    if same == Same::No {
        return Verdict::Changed("the storage has another version of the file now".to_owned());
    }
    Verdict::Body {
        start,
        end,
        same,
        facts,
    }
}

fn is_identity(headers: &HeaderMap, name: &str) -> bool {
    headers.get(name).is_none_or(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.trim().is_empty() || value.trim().eq_ignore_ascii_case("identity"))
    })
}

/// Codes of Google, Amazon and Azure for a signature or token past its time. Some of them come with status 400.
fn is_expiry(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredRequest"
            | "TokenRefreshRequired"
            | "AccessDenied"
            | "SignatureDoesNotMatch"
            | "AuthenticationFailed"
            | "InvalidToken"
    )
}

/// The `<Code>` of a storage's error document. Only a word is taken: the document may repeat the signed URL.
pub(crate) fn error_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let code = code.trim();
    (!code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then(|| code.to_owned())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
