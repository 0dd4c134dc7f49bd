//! What must hold for any bytes from outside, whoever wrote them: one function for each parser.
//!
//! Each takes bytes, gives them to a parser as the network would, and asserts what everything behind it relies on. Called by the seeded mutations of the
//! tests and by the targets of `fuzz/`; in no other build.
#![allow(missing_docs)] // No interface: the names say it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::archive::directory::{LOCAL_HEADER, Member, Method, Parsed, Tail, parse};
use crate::archive::frame::{FramePattern, number_of, target_names};
use crate::archive::limits::Limits;
use crate::archive::member::unpack;
use crate::archive::name::{broken_rule, checked_base_name, stem_of_label};
use crate::job::JobRef;
use crate::model::{Polled, format_time, parse_time, url_expiry};
use crate::retry::after;
use crate::secret::SignedUrl;
use crate::transfer::integrity::Hashes;
use crate::transfer::kind::{ContentKind, extension};
use crate::transfer::plan::{ContentRange, Facts, Verdict, error_code, judge};
use crate::transport::ByteRange;

/// A parser under attack, with the name of its target in `fuzz/`.
pub type Target = fn(&[u8]);

/// All of them.
pub const TARGETS: &[(&str, Target)] = &[
    ("archive", archive),
    ("archive_tail", archive_tail),
    ("member", member),
    ("names", names),
    ("frame_names", frame_names),
    ("content_range", content_range),
    ("storage_answer", storage_answer),
    ("error_document", error_document),
    ("content_kind", content_kind),
    ("times", times),
    ("poll_answer", poll_answer),
    ("job_reference", job_reference),
];

/// A whole archive: what its directory says lies inside it, each byte belongs to one member, and a member that comes out is what was said.
pub fn archive(data: &[u8]) {
    let length = data.len() as u64;
    let Some(tail) = Tail::new(length, Bytes::copy_from_slice(data)) else {
        return;
    };
    let Ok(parsed) = parse(&tail, &Limits::default()) else {
        return;
    };
    assert!(
        matches!(parsed, Parsed::Directory(_)),
        "more was asked for than there is"
    );
    let Parsed::Directory(directory) = parsed else { return };
    let least = |frame: &Member| LOCAL_HEADER + frame.raw_name.len() as u64 + frame.packed;
    let mut places: Vec<_> = directory
        .frames
        .iter()
        .map(|frame| (frame.span.start, frame.span.start + least(frame)))
        .collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{places:?}");
    for frame in &directory.frames {
        assert!(
            frame.span.start + least(frame) <= frame.span.end && frame.span.end <= length,
            "{frame:?}"
        );
        assert_eq!(broken_rule(&frame.name), None);
        let span = usize::try_from(frame.span.start).unwrap_or(0)..usize::try_from(frame.span.end).unwrap_or(0);
        unpacked(frame, data.get(span).unwrap_or_default());
    }
}

/// The end of an archive whose length the storage tells as it likes.
pub fn archive_tail(data: &[u8]) {
    let Some((head, tail)) = data.split_first_chunk::<8>() else {
        return;
    };
    let length = u64::from_le_bytes(*head);
    let Some(tail) = Tail::new(length, Bytes::copy_from_slice(tail)) else {
        return;
    };
    match parse(&tail, &Limits::default()) {
        Ok(Parsed::Need(from)) => {
            assert!(from < tail.start(), "asked for byte {from} again");
            assert!(length - from <= Limits::default().directory, "asked for too much");
        }
        Ok(Parsed::Directory(directory)) => {
            for frame in &directory.frames {
                assert!(
                    frame.span.start < frame.span.end && frame.span.end <= length,
                    "{frame:?}"
                );
            }
        }
        Err(_) => {}
    }
}

/// One member behind figures that may not fit it.
pub fn member(data: &[u8]) {
    let Some((head, bytes)) = data.split_first_chunk::<9>() else {
        return;
    };
    let figure = |at: usize| u64::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let member = Member {
        name: "f.exr".to_owned(),
        number: None,
        raw_name: bytes.get(30..35).unwrap_or_default().to_vec(),
        method: if head[0] & 1 == 0 {
            Method::Stored
        } else {
            Method::Deflated
        },
        crc32: u32::from_le_bytes([head[1], head[2], head[3], head[4]]),
        packed: figure(5),
        size: figure(7),
        span: 0..bytes.len() as u64,
    };
    unpacked(&member, bytes);
}

fn unpacked(member: &Member, bytes: &[u8]) {
    let mut out = Vec::new();
    if matches!(unpack(member, &mut &*bytes, &mut out, &mut [0; 777]), Ok(Ok(()))) {
        assert_eq!(out.len() as u64, member.size);
        assert_eq!(crc32fast::hash(&out), member.crc32);
    }
    assert!(out.len() as u64 <= member.size, "more was written than was promised");
}

/// Names of members and labels of outputs never leave a directory.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(base) = checked_base_name(&text) {
        assert_eq!(broken_rule(base), None, "{text:?}");
        stays_inside(base);
    }
    let stem = stem_of_label(&text);
    assert_eq!(broken_rule(&stem), None, "{text:?}");
    stays_inside(&stem);
}

fn stays_inside(name: &str) {
    let joined = std::path::Path::new("target").join(name);
    assert!(joined.parent() == Some(std::path::Path::new("target")), "{name:?}");
    assert!(!name.contains(['/', '\\', ':', '\0']), "{name:?}");
}

/// Numbers in frame names, and names made from numbers. The first line is the pattern.
pub fn frame_names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let pattern = lines.next().and_then(|line| FramePattern::parse(line).ok());
    let names: Vec<&str> = lines.collect();
    for name in &names {
        if let Some((digits, number)) = number_of(name) {
            assert_eq!(name.get(digits).and_then(|digits| digits.parse().ok()), Some(number));
        }
    }
    for first in [None, Some(1001), Some(u64::MAX)] {
        if let Ok(made) = target_names(&names, pattern.as_ref(), first) {
            assert_eq!(made.len(), names.len());
        }
    }
    if let Some(pattern) = pattern {
        assert_eq!(broken_rule(&pattern.name(1)), None);
    }
}

pub fn content_range(data: &[u8]) {
    if let Some(range) = ContentRange::parse(&String::from_utf8_lossy(data)) {
        assert!(range.start < range.end);
        assert!(range.total.is_none_or(|total| range.end <= total));
    }
}

/// The head of an answer of the storage: first line the status and the range that was asked for, then headers.
pub fn storage_answer(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let mut first = lines
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(|word| word.parse::<u64>().ok());
    let status = first
        .next()
        .flatten()
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(206);
    let asked = match (first.next().flatten(), first.next().flatten()) {
        (Some(start), end) => ByteRange::Span {
            start,
            end: end.filter(|end| *end > start),
        },
        (None, length) => ByteRange::Suffix(length.unwrap_or(1 << 18)),
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && let Ok(name) = HeaderName::from_bytes(name.trim().as_bytes())
            && let Ok(value) = HeaderValue::from_bytes(value.trim().as_bytes())
        {
            headers.append(name, value);
        }
    }
    Hashes::read(&headers, true);
    let wait = after::retry_after(&headers, SystemTime::UNIX_EPOCH);
    assert!(wait.is_none_or(|wait| wait <= after::LONGEST_WAIT));
    let mut known: Option<Facts> = None;
    for _ in 0..2 {
        let verdict = judge(asked, known.as_ref(), status, &headers, None, wait);
        let Verdict::Body { start, end, facts, .. } = verdict else {
            return;
        };
        assert!(end.is_none_or(|end| start <= end));
        if status == 206 {
            let fits = match asked {
                ByteRange::Span {
                    start: wanted,
                    end: until,
                } => start == wanted && until.is_none_or(|until| end.is_some_and(|end| end <= until)),
                ByteRange::Suffix(length) => end == facts.length && end.is_some_and(|end| end - start <= length),
            };
            assert!(fits, "a part that was not asked for");
        } else {
            assert_eq!(start, 0);
        }
        assert!(!facts.ranges || status == 206);
        known = Some(facts);
    }
}

/// An error document may repeat the signed URL: only a word is taken from it.
pub fn error_document(data: &[u8]) {
    if let Some(code) = error_code(data) {
        assert!(
            code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{code:?}"
        );
    }
}

/// The kind of a file, by its first bytes; the first line is its `Content-Type`, the second its path.
pub fn content_kind(data: &[u8]) {
    ContentKind::of(data);
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let content_type = lines.next();
    let Ok(url) = Url::parse("https://storage.example/").and_then(|base| base.join(lines.next().unwrap_or_default()))
    else {
        return;
    };
    let found = extension(lines.next().unwrap_or_default().as_bytes(), content_type, &url);
    assert!(
        (1..=8).contains(&found.len()) && found.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{found:?}"
    );
}

/// Points in time: of the service, of signed URLs, of HTTP.
pub fn times(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(time) = parse_time(&text) {
        let written = format_time(time);
        let again = parse_time(&written).unwrap_or(SystemTime::UNIX_EPOCH);
        let apart = time.duration_since(again).unwrap_or_else(|error| error.duration());
        assert!(apart < Duration::from_millis(1), "{written}");
    }
    if let Ok(url) = Url::parse(&format!("https://storage.example/o?{text}")) {
        url_expiry(&SignedUrl::new(url));
    }
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(data) {
        headers.insert(http::header::RETRY_AFTER, value.clone());
        let wait = after::retry_after(&headers, SystemTime::UNIX_EPOCH);
        assert!(wait.is_none_or(|wait| wait <= after::LONGEST_WAIT));
        headers.insert(http::header::DATE, value);
        after::retry_after(&headers, SystemTime::UNIX_EPOCH);
    }
}

/// The answer to a poll; URLs in it are signed and must not show.
pub fn poll_answer(data: &[u8]) {
    let Ok(polled) = serde_json::from_slice::<Polled>(data) else {
        return;
    };
    for (label, url) in polled.outputs() {
        let stem = stem_of_label(&label);
        stays_inside(&stem);
        let query = url.url().query().unwrap_or_default().to_owned();
        assert!(
            query.len() < 8 || !format!("{url:?}{url}").contains(&query),
            "a query shows"
        );
    }
    polled.failure();
}

pub fn job_reference(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(reference) = text.parse::<JobRef>() {
        assert_eq!(reference.to_string().parse::<JobRef>().ok(), Some(reference));
    }
}

#[cfg(test)]
#[path = "fuzz_tests.rs"]
mod tests;
