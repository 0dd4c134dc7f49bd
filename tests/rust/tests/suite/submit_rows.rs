//! The table of verdicts, row by row over real sockets: what is seen of the paid POST, what the caller hears, how many POSTs the service read whole, and
//! how many jobs exist. The count of POSTs is the promise: a job is never paid twice.

use std::time::Duration;

use ltx_jobs::ErrorKind::{self, *};
use ltx_jobs_emulator::{Do, Emulator, Fault, LastStream, Origin, Programme};

use crate::{ROUTE, builder, request};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Plain,
    Tls1,
    Tls2,
}

const EVERY: &[Line] = &[Line::Plain, Line::Tls1, Line::Tls2];
const HTTP1: &[Line] = &[Line::Plain, Line::Tls1];
const HTTP2: &[Line] = &[Line::Tls2];

struct Row {
    seen: &'static str,
    faults: Vec<Fault>,
    lines: &'static [Line],
    /// Kind, billing; `None` when it is accepted in the end.
    heard: Option<(ErrorKind, &'static str)>,
    /// POSTs read whole. `None` where the wire does not tell.
    posts: Option<usize>,
    jobs: usize,
}

fn row(seen: &'static str, fault: Fault, heard: Option<(ErrorKind, &'static str)>, posts: usize, jobs: usize) -> Row {
    Row {
        seen,
        faults: vec![fault],
        lines: EVERY,
        heard,
        posts: Some(posts),
        jobs,
    }
}

fn foreign(status: u16) -> Fault {
    Fault {
        request_id: Some(false),
        ..Fault::status(status).body("<html>not the service</html>")
    }
}

fn rows() -> Vec<Row> {
    let refused = |kind| Some((kind, "no_job"));
    let unknown = Some((SubmitUnknown, "unknown"));
    let lost = Some((IdLost, "job_exists"));
    let mut rows = vec![
        row("202", Fault::status(599).skip(99), None, 1, 1),
        row("400", Fault::status(400), refused(InvalidRequest), 1, 0),
        row("401", Fault::status(401), refused(Unauthenticated), 1, 0),
        row("402", Fault::status(402), refused(InsufficientFunds), 1, 0),
        row("403", Fault::status(403), refused(PermissionDenied), 1, 0),
        row("404", Fault::status(404), refused(NotFound), 1, 0),
        row("405", Fault::status(405), refused(InvalidRequest), 1, 0),
        row("413", Fault::status(413), refused(RequestTooLarge), 1, 0),
        row("415", Fault::status(415), refused(InvalidRequest), 1, 0),
        row("422", Fault::status(422), refused(ContentFiltered), 1, 0),
        row("413 of the front", foreign(413), refused(RequestTooLarge), 1, 0),
        row("429 then 202", Fault::status(429).retry_after("0.01"), None, 2, 1),
        row(
            "429 of a limiter in front, then 202",
            Fault {
                retry_after: None,
                ..foreign(429)
            }
            .retry_after("0.01"),
            None,
            2,
            1,
        ),
        row("503 then 202", Fault::status(503).times(2), None, 3, 1),
        row("529 then 202", Fault::status(529), None, 2, 1),
        row("500", Fault::status(500), unknown, 1, 0),
        row("502", Fault::status(502), unknown, 1, 0),
        row("504", Fault::status(504), unknown, 1, 0),
        row("408", Fault::status(408), unknown, 1, 0),
        row("507", Fault::status(507), unknown, 1, 0),
        row("418", Fault::status(418), unknown, 1, 0),
        row("503 not ours", foreign(503), unknown, 1, 0),
        row("529 not ours", foreign(529), unknown, 1, 0),
        row("HTML 200", Fault::new(Do::Html200), unknown, 1, 0),
        row("202 without an id", Fault::new(Do::NoId), lost, 1, 1),
        row("202 cut in its body", Fault::at(Do::CutBody, 9), lost, 1, 1),
        row("202 cut after its headers", Fault::new(Do::CutAfterHeaders), lost, 1, 1),
        row(
            "202 that ends early and says so",
            Fault::at(Do::TruncatedLength, 9),
            lost,
            1,
            1,
        ),
        row("202 that stalls in its body", Fault::at(Do::Stall, 9), lost, 1, 1),
        row("read, then closed", Fault::new(Do::ReadAndClose), unknown, 1, 1),
        row(
            "read, then reset",
            Fault {
                reset: true,
                ..Fault::new(Do::ReadAndClose)
            },
            unknown,
            1,
            1,
        ),
        row(
            "read, nothing done, closed",
            Fault::new(Do::CutBeforeHeaders),
            unknown,
            1,
            0,
        ),
        row(
            "read and never answered",
            Fault::new(Do::ReadAndNeverAnswer),
            unknown,
            1,
            1,
        ),
        Row {
            posts: None,
            ..row(
                "closed with the body unread",
                Fault::new(Do::CloseOnAccept),
                unknown,
                0,
                0,
            )
        },
        Row {
            lines: HTTP1,
            ..row("half a status line", Fault::new(Do::HalfStatusLine), unknown, 1, 1)
        },
        Row {
            lines: HTTP2,
            ..row("REFUSED_STREAM, then 202", Fault::new(Do::H2RefusedStream), None, 2, 1)
        },
        Row {
            lines: HTTP2,
            ..row(
                "REFUSED_STREAM twice",
                Fault::new(Do::H2RefusedStream).times(2),
                refused(ConnectionLost),
                2,
                0,
            )
        },
        Row {
            lines: HTTP2,
            ..row(
                "GOAWAY below our stream, then 202",
                Fault {
                    last_stream: Some(LastStream::Zero),
                    ..Fault::new(Do::H2Goaway)
                },
                None,
                2,
                1,
            )
        },
        Row {
            lines: HTTP2,
            ..row(
                "GOAWAY with our stream in it",
                Fault {
                    last_stream: Some(LastStream::Ours),
                    ..Fault::new(Do::H2Goaway)
                },
                unknown,
                1,
                0,
            )
        },
    ];
    for status in [400, 401, 402, 403, 404, 405, 415, 422] {
        rows.push(row(
            "a refusal of something in between",
            foreign(status),
            refused(Gateway),
            1,
            0,
        ));
    }
    for status in [301, 302, 303, 307, 308] {
        let fault = Fault {
            status: Some(status),
            to: Some("https://elsewhere.example.com/".to_owned()),
            ..Fault::new(Do::Redirect)
        };
        rows.push(row("a redirect", fault, refused(Config), 1, 0));
    }
    rows
}

async fn emulator(line: Line, programme: Programme) -> Emulator {
    Emulator::builder()
        .tls(line != Line::Plain)
        .http2(line == Line::Tls2)
        .programme(programme)
        .start()
        .await
        .unwrap()
}

/// Plays one row over one line; what was wrong.
async fn play(row: &Row, line: Line) -> Vec<String> {
    let programme = row.faults.iter().fold(Programme::default(), |programme, fault| {
        programme.with_fault("submit", fault.clone())
    });
    let emulator = emulator(line, programme).await;
    let client = builder(&emulator)
        .submit_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    let outcome = client.submit(request()).await;
    let mut wrong = Vec::new();
    let heard = outcome
        .as_ref()
        .err()
        .map(|error| (error.kind(), error.billing().name()));
    if heard != row.heard {
        wrong.push(format!("heard {heard:?} instead of {:?}: {outcome:?}", row.heard));
    }
    if let Some(error) = outcome
        .as_ref()
        .err()
        .filter(|error| error.billing().name() != "no_job" && error.is_retryable())
    {
        wrong.push(format!("retryable, though a job may exist: {error:?}"));
    }
    if emulator.jobs().len() != row.jobs {
        wrong.push(format!("{} jobs instead of {}", emulator.jobs().len(), row.jobs));
    }
    let posts = emulator.count("POST", ROUTE);
    if row.posts.is_some_and(|expected| expected != posts) {
        wrong.push(format!("{posts} whole POSTs instead of {:?}", row.posts));
    }
    let begun = emulator
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .count();
    if row.heard.is_some_and(|(_, billing)| billing == "unknown") && begun != 1 {
        wrong.push(format!("{begun} POSTs were begun"));
    }
    client.close(Duration::ZERO).await;
    emulator.shutdown().await;
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_of_the_table_holds_on_the_wire_plain_and_over_tls() {
    let mut wrong = Vec::new();
    for row in rows() {
        for line in row.lines {
            let found = play(&row, *line).await;
            wrong.extend(
                found
                    .into_iter()
                    .map(|what| format!("{} ({:?}) over {line:?}: {what}", row.seen, row.faults[0].status)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_is_tried_again_until_it_is_accepted() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    emulator
        .refuse_connections(Origin::Api, Some(Duration::from_millis(150)))
        .await;
    let job = crate::client(&emulator).submit(request()).await.unwrap();
    assert_eq!(emulator.count("POST", ROUTE), 1);
    assert_eq!(emulator.jobs()[0].id, job.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_ends_with_the_callers_time_limit_and_no_job() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    emulator.refuse_connections(Origin::Api, None).await;
    let error = crate::client(&emulator)
        .submit(request())
        .timeout(Duration::from_millis(200))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.billing().name()), (Connect, "no_job"), "{error:?}");
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_reset_before_the_handshake_are_tried_again() {
    let mut programme = Programme::default();
    programme.listen.reset_first_connections = 4;
    let emulator = emulator(Line::Tls2, programme).await;
    crate::client(&emulator).submit(request()).await.unwrap();
    assert_eq!(emulator.count("POST", ROUTE), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_with_an_unknown_certificate_gets_nothing_and_says_so_at_once() {
    let emulator = emulator(Line::Tls2, Programme::default()).await;
    let client = ltx_jobs::Client::builder()
        .base_url(emulator.api_url())
        .api_key("canary")
        .poll_interval(Duration::from_millis(20))
        .build()
        .unwrap();
    let error = client.submit(request()).await.unwrap_err();
    assert_eq!((error.kind(), error.billing().name()), (Tls, "no_job"), "{error:?}");
    assert!(emulator.requests().is_empty());
}
