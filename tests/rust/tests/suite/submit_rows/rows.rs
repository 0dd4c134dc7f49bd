//! The rows: what is seen of the paid POST, and what must come of it.

use ltx_jobs::ErrorKind::{self, *};
use ltx_jobs_emulator::{Do, Fault, LastStream};

use super::wire::{Habit, Manner};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Plain,
    Tls1,
    Tls2,
}

impl Line {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls1 => "tls/1.1",
            Self::Tls2 => "tls/2",
        }
    }
}

const EVERY: &[Line] = &[Line::Plain, Line::Tls1, Line::Tls2];
const HTTP1: &[Line] = &[Line::Plain, Line::Tls1];
const HTTP2: &[Line] = &[Line::Tls2];
const PLAIN: &[Line] = &[Line::Plain];
const TLS: &[Line] = &[Line::Tls1, Line::Tls2];

/// Who is at the other end of the wire.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// The service, with these faults.
    Service(Vec<Fault>),
    /// Nobody: the port is closed.
    Nobody,
    /// A name that nothing resolves.
    NoName,
    /// The service with a certificate that nobody trusts.
    Untrusted,
    /// A listener that is no service.
    Listener(Habit),
    /// A proxy in front of the service.
    Proxy(Manner),
    /// A proxy whose port is closed.
    NoProxy,
}

pub(super) struct Row {
    pub(super) seen: &'static str,
    pub(super) end: End,
    pub(super) lines: &'static [Line],
    /// The kinds that may be heard, their billing and whether the same call may be made again; `None` when it is accepted in the end.
    pub(super) heard: Option<(&'static [ErrorKind], &'static str, bool)>,
    /// POSTs read whole, by whoever is at the other end of the wire, a proxy included.
    pub(super) posts: usize,
    pub(super) jobs: usize,
}

type Heard = Option<(&'static [ErrorKind], &'static str, bool)>;

fn row(seen: &'static str, end: End, lines: &'static [Line], heard: Heard, posts: usize, jobs: usize) -> Row {
    Row {
        seen,
        end,
        lines,
        heard,
        posts,
        jobs,
    }
}

fn foreign(status: u16) -> Fault {
    Fault {
        request_id: Some(false),
        ..Fault::status(status).body("<html>not the service</html>")
    }
}

fn reset(what: Do) -> Fault {
    Fault {
        reset: true,
        ..Fault::new(what)
    }
}

fn goaway(last: LastStream) -> Fault {
    Fault {
        last_stream: Some(last),
        ..Fault::new(Do::H2Goaway)
    }
}

const UNKNOWN: Heard = Some((&[SubmitUnknown], "unknown", false));
const LOST: Heard = Some((&[IdLost], "job_exists", false));

/// No job exists, and the same call may be made again.
const fn later(kinds: &'static [ErrorKind]) -> Heard {
    Some((kinds, "no_job", true))
}

/// No job exists, and the same call would end the same way.
const fn never(kinds: &'static [ErrorKind]) -> Heard {
    Some((kinds, "no_job", false))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = before_the_request();
    rows.extend(refusals());
    rows.extend(in_between());
    rows.extend(broken_answers());
    rows.extend(http2());
    rows
}

/// Nothing of the body ever left: proof that no job exists. These end with the caller's time limit.
fn before_the_request() -> Vec<Row> {
    let mut rows = vec![
        row("connection refused", End::Nobody, EVERY, later(&[Connect]), 0, 0),
        row("name not resolved", End::NoName, PLAIN, later(&[Dns]), 0, 0),
        // A resolver that asks far away may take longer than this test does, or than a connection may.
        row(
            "name not resolved",
            End::NoName,
            TLS,
            later(&[Dns, Connect, RequestTimeout]),
            0,
            0,
        ),
        row("unknown certificate", End::Untrusted, TLS, never(&[Tls]), 0, 0),
        row(
            "nonsense instead of TLS",
            End::Listener(Habit::AnswerTlsWithNonsense),
            TLS,
            later(&[Tls]),
            0,
            0,
        ),
        row(
            "closed on accept, before the handshake",
            End::Listener(Habit::CloseAtOnce),
            TLS,
            later(&[Tls, Connect]),
            0,
            0,
        ),
        row(
            "accepted, and no handshake in time",
            End::Listener(Habit::StaySilent),
            TLS,
            later(&[Connect]),
            0,
            0,
        ),
        row(
            "proxy answers CONNECT with 403",
            End::Proxy(Manner::Page(403)),
            TLS,
            later(&[Proxy]),
            0,
            0,
        ),
        row(
            "proxy answers CONNECT with 502",
            End::Proxy(Manner::Page(502)),
            TLS,
            later(&[Proxy]),
            0,
            0,
        ),
        row(
            "proxy answers CONNECT with 407",
            End::Proxy(Manner::Page(407)),
            TLS,
            later(&[Proxy]),
            0,
            0,
        ),
        row(
            "proxy closes at CONNECT",
            End::Proxy(Manner::Close),
            TLS,
            later(&[Proxy]),
            0,
            0,
        ),
        row("proxy not there", End::NoProxy, EVERY, later(&[Connect, Proxy]), 0, 0),
    ];
    #[cfg(target_os = "linux")]
    rows.push(row(
        "black hole: no answer to the connection",
        End::Listener(Habit::BlackHole),
        EVERY,
        later(&[Connect]),
        0,
        0,
    ));
    rows
}

/// The service's own words.
fn refusals() -> Vec<Row> {
    let said = |seen, fault: Fault, heard, posts, jobs| row(seen, End::Service(vec![fault]), EVERY, heard, posts, jobs);
    vec![
        row("202", End::Service(Vec::new()), EVERY, None, 1, 1),
        row(
            "202 after an idle connection was closed",
            End::Listener(Habit::CloseIdle),
            PLAIN,
            None,
            2,
            0,
        ),
        row("202 through a proxy", End::Proxy(Manner::PassOn), EVERY, None, 1, 1),
        said("400", Fault::status(400), never(&[InvalidRequest]), 1, 0),
        said("401", Fault::status(401), never(&[Unauthenticated]), 1, 0),
        said("402", Fault::status(402), never(&[InsufficientFunds]), 1, 0),
        said("403", Fault::status(403), never(&[PermissionDenied]), 1, 0),
        said("404", Fault::status(404), never(&[NotFound]), 1, 0),
        said("405", Fault::status(405), never(&[InvalidRequest]), 1, 0),
        said("413", Fault::status(413), never(&[RequestTooLarge]), 1, 0),
        said("415", Fault::status(415), never(&[InvalidRequest]), 1, 0),
        said("422", Fault::status(422), never(&[ContentFiltered]), 1, 0),
        said("429, then 202", Fault::status(429).retry_after("0.01"), None, 2, 1),
        said("503 twice, then 202", Fault::status(503).times(2), None, 3, 1),
        said("529, then 202", Fault::status(529), None, 2, 1),
        said("500", Fault::status(500), UNKNOWN, 1, 0),
        said("502", Fault::status(502), UNKNOWN, 1, 0),
        said("504", Fault::status(504), UNKNOWN, 1, 0),
        said("408", Fault::status(408), UNKNOWN, 1, 0),
        said("507", Fault::status(507), UNKNOWN, 1, 0),
        said("418", Fault::status(418), UNKNOWN, 1, 0),
    ]
}

/// Somebody else's words: no envelope, no request id.
fn in_between() -> Vec<Row> {
    let said = |seen, fault: Fault, heard, posts, jobs| row(seen, End::Service(vec![fault]), EVERY, heard, posts, jobs);
    let mut rows = vec![
        said("413 of the front", foreign(413), never(&[RequestTooLarge]), 1, 0),
        said(
            "429 of a limiter in front, then 202",
            foreign(429).retry_after("0.01"),
            None,
            2,
            1,
        ),
        said("503 not the service's", foreign(503), UNKNOWN, 1, 0),
        said("529 not the service's", foreign(529), UNKNOWN, 1, 0),
        said("HTML 200 of a captive portal", Fault::new(Do::Html200), UNKNOWN, 1, 0),
        row(
            "403 page of a plain proxy",
            End::Proxy(Manner::Page(403)),
            PLAIN,
            never(&[Gateway]),
            1,
            0,
        ),
        row(
            "502 page of a plain proxy",
            End::Proxy(Manner::Page(502)),
            PLAIN,
            UNKNOWN,
            1,
            0,
        ),
        row(
            "plain proxy reads, then closes",
            End::Proxy(Manner::Close),
            PLAIN,
            UNKNOWN,
            1,
            0,
        ),
    ];
    let pages = [
        (400, "400 not the service's"),
        (401, "401 not the service's"),
        (402, "402 not the service's"),
        (403, "403 not the service's"),
        (404, "404 not the service's"),
        (405, "405 not the service's"),
        (415, "415 not the service's"),
        (422, "422 not the service's"),
    ];
    rows.extend(pages.map(|(status, seen)| said(seen, foreign(status), never(&[Gateway]), 1, 0)));
    let redirects = [
        (301, "301 elsewhere"),
        (302, "302 elsewhere"),
        (303, "303 elsewhere"),
        (307, "307 elsewhere"),
        (308, "308 elsewhere"),
    ];
    rows.extend(redirects.map(|(status, seen)| {
        let fault = Fault {
            status: Some(status),
            to: Some("https://elsewhere.example.com/".to_owned()),
            ..Fault::new(Do::Redirect)
        };
        said(seen, fault, never(&[Config]), 1, 0)
    }));
    rows
}

/// The request left, and the answer did not come whole.
fn broken_answers() -> Vec<Row> {
    let cut = |seen, fault: Fault, heard, jobs| row(seen, End::Service(vec![fault]), EVERY, heard, 1, jobs);
    vec![
        row(
            "closed on accept, before the request was read",
            End::Listener(Habit::CloseAtOnce),
            PLAIN,
            UNKNOWN,
            0,
            0,
        ),
        row(
            "reset after the head",
            End::Listener(Habit::ResetAfterHead),
            PLAIN,
            UNKNOWN,
            0,
            0,
        ),
        row(
            "closed with the body unread",
            End::Service(vec![Fault::new(Do::CloseOnAccept)]),
            EVERY,
            UNKNOWN,
            0,
            0,
        ),
        row(
            "reset with the body unread",
            End::Service(vec![reset(Do::CloseOnAccept)]),
            EVERY,
            UNKNOWN,
            0,
            0,
        ),
        row(
            "nonsense instead of HTTP",
            End::Listener(Habit::AnswerHttpWithNonsense),
            PLAIN,
            UNKNOWN,
            1,
            0,
        ),
        cut(
            "read, nothing done, closed",
            Fault::new(Do::CutBeforeHeaders),
            UNKNOWN,
            0,
        ),
        cut("read, then closed", Fault::new(Do::ReadAndClose), UNKNOWN, 1),
        cut("read, then reset", reset(Do::ReadAndClose), UNKNOWN, 1),
        cut(
            "read and never answered",
            Fault::new(Do::ReadAndNeverAnswer),
            UNKNOWN,
            1,
        ),
        Row {
            lines: HTTP1,
            ..cut("half a status line", Fault::new(Do::HalfStatusLine), UNKNOWN, 1)
        },
        cut("202 cut after its headers", Fault::new(Do::CutAfterHeaders), LOST, 1),
        cut("202 cut in its body", Fault::at(Do::CutBody, 9), LOST, 1),
        cut(
            "202 that ends early and says so",
            Fault::at(Do::TruncatedLength, 9),
            LOST,
            1,
        ),
        cut("202 that stalls in its body", Fault::at(Do::Stall, 9), LOST, 1),
        cut("202 without an id", Fault::new(Do::NoId), LOST, 1),
    ]
}

/// HTTP/2's own proofs.
fn http2() -> Vec<Row> {
    let framed =
        |seen, fault: Fault, heard, posts, jobs| row(seen, End::Service(vec![fault]), HTTP2, heard, posts, jobs);
    vec![
        framed("REFUSED_STREAM, then 202", Fault::new(Do::H2RefusedStream), None, 2, 1),
        framed(
            "REFUSED_STREAM twice",
            Fault::new(Do::H2RefusedStream).times(2),
            later(&[ConnectionLost]),
            2,
            0,
        ),
        framed(
            "GOAWAY below our stream, then 202",
            goaway(LastStream::Zero),
            None,
            2,
            1,
        ),
        framed(
            "GOAWAY below our stream twice",
            goaway(LastStream::Zero).times(2),
            later(&[ConnectionLost]),
            2,
            0,
        ),
        framed("GOAWAY with our stream in it", goaway(LastStream::Ours), UNKNOWN, 1, 0),
    ]
}
