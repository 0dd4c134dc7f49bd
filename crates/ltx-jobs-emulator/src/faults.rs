//! What goes wrong, when, and how often.
//!
//! A [`Fault`] is data. [`Queue::take`] decides which fault meets a request and knows nothing of sockets; `front` and the
//! handlers carry it out.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::programme::{ErrorBody, ProgrammeError};

/// One entry of the programme's list of faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// `submit`, `poll`, `slot`, `put`, `download`, one of these with a detail (`submit:extend`,
    /// `download:exr_frames_url`), or `*`.
    pub route: String,
    /// How often it happens; 0 is always.
    pub times: u32,
    /// Matching requests that pass unharmed before that.
    pub skip: u32,
    /// Meets only requests that carry `Range`.
    pub only_range: bool,
    /// What happens.
    pub r#do: Do,
    /// `status`, `redirect`: the status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `status`: the body as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `status`: the body as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
    /// `status`: the inner object of the envelope; made from the status when no body is given at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<ErrorBody>,
    /// `status`: further headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// `status`: the header `Retry-After`, exactly as written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Scalar>,
    /// `status`: whether `x-request-id` is sent; yes by default on the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<bool>,
    /// The byte at which a body is cut, stalled, corrupted or ends. Of the body, except for `corrupt_byte`: of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// `drip`: the speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_s: Option<u64>,
    /// `status_word`: the word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// `redirect`: the value of `Location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `refuse_connections`: for how long; until the control origin says so when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// `h2_goaway`: the last stream the frame names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_stream: Option<LastStream>,
    /// Cuts end with a reset instead of an orderly close. What was sent just before may then be lost on the way.
    pub reset: bool,
}

impl Default for Fault {
    fn default() -> Self {
        Self::new(Do::Status)
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Do {
    /// This status with this body; the request is read whole and has no effect.
    Status,
    /// The connection is closed when the head is read (the route is not known before that) and nothing of the body was
    /// taken from it by the service. No effect. With an unread body in its buffers the kernel sends a reset by itself.
    CloseOnAccept,
    /// Reads the request whole, then closes without a byte of answer. No effect: no job exists.
    CutBeforeHeaders,
    /// The request has its effect; status line and headers go out, then the connection closes.
    CutAfterHeaders,
    /// The request has its effect; the connection closes after byte `at` of the body.
    CutBody,
    /// The request has its effect; the connection closes in the middle of the status line (HTTP/1.1).
    HalfStatusLine,
    /// The request has its effect; the body stops at byte `at`, and the connection stays open.
    Stall,
    /// The request has its effect; the body comes at `bytes_per_s`.
    Drip,
    /// The request has its effect (a submit makes a job); no answer, the connection stays open.
    ReadAndNeverAnswer,
    /// The request has its effect (a submit makes a job); the connection closes without an answer.
    ReadAndClose,
    /// A poll is answered with `word` as the status. It does not move the job on.
    StatusWord,
    /// A completed job is shown without its results.
    CompletedWithoutOutputs,
    /// A submit makes a job and is answered 202 without its id.
    NoId,
    /// Status 200 with a page of HTML, as captive portals do. No effect.
    #[serde(rename = "html_200")]
    Html200,
    /// The Content-Range of a 206 names other bytes than it carries.
    WrongContentRange,
    /// The object is replaced by another version with other bytes, before this request is answered.
    ChangedEtag,
    /// Byte `at` of the object is flipped in this answer, if it is part of it.
    CorruptByte,
    /// Every URL of this object signed so far has expired; freshly signed ones work.
    ExpiredUrl,
    /// A 404 as a proxy would write it: no envelope, no request id.
    NotFoundWithoutEnvelope,
    /// `status` (307) to `to`.
    Redirect,
    /// The answer ends, consistently, after `at` bytes of its body: Content-Length says so too.
    TruncatedLength,
    /// A ranged request is answered 200 with everything.
    IgnoreRange,
    /// The connection is closed, and the origin refuses new ones for `for_ms`.
    RefuseConnections,
    /// HTTP/2: GOAWAY naming `last_stream`, then the connection closes. No effect.
    H2Goaway,
    /// HTTP/2: RST_STREAM with REFUSED_STREAM. No effect. On HTTP/1.1 the connection is closed.
    H2RefusedStream,
}

/// The last stream named in a GOAWAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastStream {
    /// The request's own stream: it may have been processed.
    Ours,
    /// Stream 0: proof that it was not.
    Zero,
}

/// A header value that a programme may write as a number or as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Whole.
    Integer(i64),
    /// With a fraction.
    Float(f64),
    /// Anything, such as an HTTP date.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl Fault {
    /// A fault of this kind, once; the route is given when it is pushed.
    pub fn new(what: Do) -> Self {
        Self {
            route: String::new(),
            times: 1,
            skip: 0,
            only_range: false,
            r#do: what,
            status: None,
            body: None,
            json: None,
            envelope: None,
            headers: BTreeMap::new(),
            retry_after: None,
            request_id: None,
            at: None,
            bytes_per_s: None,
            word: None,
            to: None,
            for_ms: None,
            last_stream: None,
            reset: false,
        }
    }

    /// Answers this status, with the envelope that belongs to it.
    pub fn status(status: u16) -> Self {
        Self {
            status: Some(status),
            ..Self::new(Do::Status)
        }
    }

    /// A fault of this kind at byte `at`.
    pub fn at(what: Do, at: u64) -> Self {
        Self {
            at: Some(at),
            ..Self::new(what)
        }
    }

    /// Happens this often; 0 is always.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Sends this `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        self.retry_after = Some(Scalar::Text(value.into()));
        self
    }

    /// Sends this text as the body.
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.body = Some(text.into());
        self
    }

    /// Refuses fields that would have no effect, and missing ones that the kind needs.
    pub(crate) fn check(&self) -> Result<(), ProgrammeError> {
        let what = self.r#do;
        let bad = |text: String| Err(ProgrammeError(format!("fault on {:?}: {text}", self.route)));
        let route = self.route.split(':').next().unwrap_or_default();
        if !matches!(route, "submit" | "poll" | "slot" | "put" | "download" | "*") {
            return bad("the route is none of submit, poll, slot, put, download, *".to_owned());
        }
        let given = [
            (
                "status",
                self.status.is_some(),
                matches!(what, Do::Status | Do::Redirect),
            ),
            ("body", self.body.is_some(), what == Do::Status),
            ("json", self.json.is_some(), what == Do::Status),
            ("envelope", self.envelope.is_some(), what == Do::Status),
            ("headers", !self.headers.is_empty(), what == Do::Status),
            ("retry_after", self.retry_after.is_some(), what == Do::Status),
            ("request_id", self.request_id.is_some(), what == Do::Status),
            (
                "at",
                self.at.is_some(),
                matches!(what, Do::CutBody | Do::Stall | Do::CorruptByte | Do::TruncatedLength),
            ),
            ("bytes_per_s", self.bytes_per_s.is_some(), what == Do::Drip),
            ("word", self.word.is_some(), what == Do::StatusWord),
            ("to", self.to.is_some(), what == Do::Redirect),
            ("for_ms", self.for_ms.is_some(), what == Do::RefuseConnections),
            ("last_stream", self.last_stream.is_some(), what == Do::H2Goaway),
        ];
        for (name, given, allowed) in given {
            if given && !allowed {
                return bad(format!("{name} means nothing for {what:?}"));
            }
        }
        let needed = match what {
            Do::Status => ("status", self.status.is_some()),
            Do::CutBody | Do::Stall | Do::CorruptByte | Do::TruncatedLength => ("at", self.at.is_some()),
            Do::Drip => ("bytes_per_s", self.bytes_per_s.is_some_and(|speed| speed > 0)),
            Do::StatusWord => ("word", self.word.is_some()),
            Do::Redirect => ("to", self.to.is_some()),
            _ => ("", true),
        };
        if !needed.1 {
            return bad(format!("{what:?} needs {}", needed.0));
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return bad("status must be 200 to 599".to_owned());
        }
        Ok(())
    }
}

/// What a request is, as far as faults are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) detail: Option<String>,
}

impl Route {
    pub(crate) fn new(name: &'static str, detail: Option<String>) -> Self {
        Self { name, detail }
    }

    fn is_matched_by(&self, pattern: &str) -> bool {
        match pattern.split_once(':') {
            None => pattern == "*" || pattern == self.name,
            Some((name, detail)) => name == self.name && self.detail.as_deref() == Some(detail),
        }
    }
}

/// The faults not used up yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Vec<Fault>,
}

impl Queue {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self {
            waiting: faults.to_vec(),
        }
    }

    pub(crate) fn push(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    /// The fault that meets this request: the first one left whose route fits. While that one still lets requests pass,
    /// this request passes, whatever comes after it in the list.
    pub(crate) fn take(&mut self, route: &Route, ranged: bool) -> Option<Fault> {
        let index = self
            .waiting
            .iter()
            .position(|fault| (ranged || !fault.only_range) && route.is_matched_by(&fault.route))?;
        let fault = self.waiting.get_mut(index)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let fired = fault.clone();
        match fault.times {
            0 => {}
            1 => {
                self.waiting.remove(index);
            }
            _ => fault.times -= 1,
        }
        Some(fired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(route: &str, fault: Fault) -> Fault {
        Fault {
            route: route.to_owned(),
            ..fault
        }
    }

    #[test]
    fn faults_are_consumed_in_order_and_per_route() {
        let mut queue = Queue::new(&[
            on("poll", Fault::status(500).times(2)),
            on("submit", Fault::status(503)),
            on("poll", Fault::status(429).skip(1)),
        ]);
        let (submit, poll) = (Route::new("submit", None), Route::new("poll", None));
        let mut statuses = |route: &Route| queue.take(route, false).and_then(|fault| fault.status);
        assert_eq!(statuses(&poll), Some(500));
        assert_eq!(statuses(&submit), Some(503));
        assert_eq!(statuses(&submit), None);
        assert_eq!(statuses(&poll), Some(500));
        assert_eq!(statuses(&poll), None, "the skipped one passes");
        assert_eq!(statuses(&poll), Some(429));
        assert_eq!(statuses(&poll), None);
    }

    #[test]
    fn details_and_ranges_narrow_a_route() {
        let mut queue = Queue::new(&[
            on("download:video_url", Fault::status(500).times(0)),
            Fault {
                only_range: true,
                ..on("*", Fault::status(501))
            },
        ]);
        let video = Route::new("download", Some("video_url".to_owned()));
        let other = Route::new("download", Some("exr_frames_url".to_owned()));
        assert_eq!(queue.take(&video, false).and_then(|fault| fault.status), Some(500));
        assert_eq!(queue.take(&other, false), None);
        assert_eq!(queue.take(&other, true).and_then(|fault| fault.status), Some(501));
        assert_eq!(
            queue.take(&video, true).and_then(|fault| fault.status),
            Some(500),
            "0 is always"
        );
    }

    #[test]
    fn a_field_without_effect_is_refused() {
        let cases = [
            (on("poll", Fault::new(Do::Status)), "needs status"),
            (on("poll", Fault::new(Do::CutBody)), "needs at"),
            (on("pol", Fault::status(500)), "route"),
            (
                on(
                    "poll",
                    Fault {
                        word: Some("x".to_owned()),
                        ..Fault::status(500)
                    },
                ),
                "word means nothing",
            ),
            (on("poll", Fault::status(42)), "200 to 599"),
        ];
        for (fault, expected) in cases {
            let error = fault.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        on("download", Fault::at(Do::CorruptByte, 0)).check().unwrap();
    }
}
