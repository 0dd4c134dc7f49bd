//! Spans have the names and attributes that `ltx_jobs::telemetry` promises, and no secret.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use ltx_jobs::{ErrorKind, Media, VideoToVideoHdr};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::{CLIP, SUBMITS, client, emulator, shot};

/// One span, as an exporter would see it.
#[derive(Debug, Clone)]
struct Span {
    thread: ThreadId,
    name: &'static str,
    target: &'static str,
    parent: Option<u64>,
    follows: Option<u64>,
    attributes: BTreeMap<&'static str, String>,
    closed: bool,
}

impl Span {
    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Keeps all spans of this library, in the order they were opened.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(u64, Span)>>>);

/// For the whole process: what one thread asks for only for itself, another may have switched off before (`tracing` remembers it for all).
static COLLECTOR: LazyLock<Collector> = LazyLock::new(|| {
    let collector = Collector::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(collector.clone())).unwrap();
    collector
});

impl Collector {
    fn change(&self, id: &Id, change: impl FnOnce(&mut Span)) {
        let mut spans = self.0.lock().unwrap();
        // Ids are used again once a span is closed.
        if let Some((_, span)) = spans.iter_mut().rev().find(|(known, _)| *known == id.into_u64()) {
            change(span);
        }
    }

    /// Those of this thread, which a test has for itself, with places in the list instead of ids.
    fn spans(&self) -> Vec<Span> {
        let mut spans = self.0.lock().unwrap().clone();
        spans.retain(|(_, span)| span.thread == std::thread::current().id());
        let place = |before: usize, id: u64| {
            let before = spans.iter().take(before).enumerate();
            before
                .rev()
                .find(|(_, (known, _))| *known == id)
                .map(|(place, _)| place as u64)
        };
        let resolved = spans.iter().enumerate().map(|(at, (_, span))| Span {
            parent: span.parent.and_then(|id| place(at, id)),
            follows: span.follows.and_then(|id| place(at, id)),
            ..span.clone()
        });
        resolved.collect()
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("ltx_jobs::")
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut span = Span {
            name: attributes.metadata().name(),
            target: attributes.metadata().target(),
            parent: context
                .span(id)
                .and_then(|span| span.parent())
                .map(|parent| parent.id().into_u64()),
            thread: std::thread::current().id(),
            follows: None,
            attributes: BTreeMap::new(),
            closed: false,
        };
        attributes.record(&mut Fields(&mut span.attributes));
        self.0.lock().unwrap().push((id.into_u64(), span));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.change(id, |span| values.record(&mut Fields(&mut span.attributes)));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        self.change(id, |span| span.follows = Some(follows.into_u64()));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.change(&id, |span| span.closed = true);
    }
}

/// The spans of one name whose parent has another name; `""` for those without one.
fn inside<'a>(spans: &'a [Span], parent: &str, name: &str) -> Vec<&'a Span> {
    let parent_of = |span: &Span| {
        let parent = span.parent.and_then(|place| spans.get(usize::try_from(place).unwrap()));
        parent.map_or("", |parent| parent.name)
    };
    let found = spans
        .iter()
        .filter(|span| span.name == name && parent_of(span) == parent);
    found.collect()
}

#[tokio::test]
async fn a_job_with_trouble_leaves_spans_by_the_conventions_and_without_secrets() {
    let collector = &*COLLECTOR;
    let emulator = emulator(
        r#"
        [[fault]]
        route = "slot"
        do = "status"
        status = 502
        [[fault]]
        route = "submit"
        do = "status"
        status = 503
        [[fault]]
        route = "poll"
        do = "read_and_close"
        [[fault]]
        route = "download:video_url"
        do = "cut_body"
        at = 1000
        "#,
    )
    .await;
    let client = client(&emulator);
    let request = VideoToVideoHdr::new(Media::bytes(CLIP));
    let job = client.submit(request).label("sh010").await.unwrap();
    let done = job.wait().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = done.download(folder.path()).await.unwrap();
    client.close(Duration::from_secs(5)).await;
    let spans = collector.spans();
    let reference = job.reference().to_string();
    let server = url::Url::parse(emulator.api_url()).unwrap();

    // The submit: one operation, its upload, its attempts, each with its request.
    let [submit] = inside(&spans, "", "submit")[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!(submit.target, "ltx_jobs::submit");
    assert_eq!(submit.get("ltx.endpoint"), "video-to-video-hdr");
    assert_eq!(submit.get("ltx.label"), "sh010");
    assert_eq!(submit.get("ltx.job"), reference);
    assert!(submit.get("ltx.intent").starts_with("intent:"));
    let [upload] = inside(&spans, "submit", "transfer")[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!(
        (upload.get("ltx.mode"), upload.get("ltx.bytes")),
        ("upload", CLIP.len().to_string().as_str())
    );
    let [first, second] = inside(&spans, "submit", "job.submit")[..] else {
        panic!("{spans:#?}")
    };
    let told = |span: &Span| {
        ["ltx.attempt", "ltx.evidence", "ltx.verdict", "error.type"].map(|name| span.get(name).to_owned())
    };
    assert_eq!(told(first), ["1", "503", "refused", "Unavailable"]);
    assert_eq!(told(second), ["2", "202", "created", ""]);
    let posts = inside(&spans, "job.submit", "http");
    assert_eq!(posts.len(), 2);
    for post in &posts {
        assert_eq!(post.target, "ltx_jobs::http");
        assert_eq!(post.get("http.request.method"), "POST");
        assert_eq!(post.get("url.template"), "/v2/video-to-video-hdr");
        assert_eq!(
            post.get("url.full"),
            format!("{}v2/video-to-video-hdr", server.as_str())
        );
        assert_eq!(post.get("server.address"), "127.0.0.1");
        assert_eq!(post.get("server.port"), server.port().unwrap().to_string());
        assert_eq!(post.get("network.protocol.version"), "1.1");
        assert_eq!(
            (post.get("otel.kind"), post.get("otel.name")),
            ("client", "POST /v2/video-to-video-hdr")
        );
    }
    let told = |span: &Span| {
        [
            "http.response.status_code",
            "http.request.resend_count",
            "error.type",
            "otel.status_code",
        ]
        .map(|name| span.get(name).to_owned())
    };
    assert_eq!(told(posts[0]), ["503", "", "503", "ERROR"]);
    assert_eq!(told(posts[1]), ["202", "1", "", ""]);

    // The job: a trace of its own, from its acceptance to its end, with a span for every question.
    let [life] = inside(&spans, "", "job")[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!(
        (life.get("ltx.job"), life.get("ltx.label")),
        (reference.as_str(), "sh010")
    );
    assert_eq!(life.get("ltx.status"), "completed");
    let cause = &spans[usize::try_from(life.follows.unwrap()).unwrap()];
    assert_eq!(cause.name, "submit");
    let polls = inside(&spans, "job", "job.poll");
    let asked = inside(&spans, "job.poll", "http");
    assert_eq!(polls.len(), emulator.count("GET", "/v2/video-to-video-hdr/*"));
    assert_eq!(asked.len(), polls.len());
    assert_eq!(polls.last().unwrap().get("ltx.status"), "completed");
    assert_eq!(asked[0].get("error.type"), "connection_lost");
    assert_eq!(asked[1].get("http.request.resend_count"), "1");
    assert!(
        asked
            .iter()
            .all(|poll| poll.get("url.template") == "/v2/{endpoint}/{id}")
    );
    assert_eq!(inside(&spans, "", "wait").len(), 1);

    // The transfers: both directions, each request inside.
    let transfers = inside(&spans, "download", "transfer");
    let outputs: Vec<_> = transfers.iter().map(|span| span.get("ltx.output")).collect();
    assert_eq!(outputs, ["exr_frames_url", "video_url"]);
    let files: usize = transfers
        .iter()
        .map(|span| span.get("ltx.files").parse::<usize>().unwrap())
        .sum();
    let bytes: u64 = transfers
        .iter()
        .map(|span| span.get("ltx.bytes").parse::<u64>().unwrap())
        .sum();
    assert_eq!((files, bytes), (saved.paths.len(), saved.bytes));
    let moved = inside(&spans, "transfer", "http");
    let to_storage = emulator
        .requests()
        .iter()
        .filter(|request| request.origin == "storage")
        .count();
    let slots = emulator.count("POST", "/v1/upload");
    assert_eq!((moved.len(), slots), (to_storage + slots, 2));
    assert!(
        moved.iter().any(|span| span.get("error.type") == "connection_lost"),
        "{moved:#?}"
    );

    // Nothing is left open, and nothing opens anything.
    assert!(
        spans.iter().all(|span| span.closed),
        "{:#?}",
        spans.iter().filter(|span| !span.closed).collect::<Vec<_>>()
    );
    let signatures = emulator.signatures();
    assert!(!signatures.is_empty());
    for span in &spans {
        for value in span.attributes.values() {
            assert!(
                !value.contains('?') && !value.contains(&emulator.api_key()),
                "{span:#?}"
            );
            assert!(
                !signatures.iter().any(|signature| value.contains(signature)),
                "{span:#?}"
            );
        }
    }
}

#[tokio::test]
async fn an_operation_that_fails_says_how_in_its_span() {
    let collector = &*COLLECTOR;
    let emulator = emulator("[[fault]]\nroute = \"submit\"\ndo = \"read_and_close\"").await;
    let error = client(&emulator).submit(shot()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SubmitUnknown);
    assert_eq!(emulator.count("POST", SUBMITS), 1);
    let spans = collector.spans();
    let submit = inside(&spans, "", "submit")[0];
    assert_eq!(
        (submit.get("error.type"), submit.get("otel.status_code")),
        ("SubmitUnknown", "ERROR")
    );
    let attempt = inside(&spans, "submit", "job.submit")[0];
    assert_eq!(
        (attempt.get("ltx.evidence"), attempt.get("ltx.verdict")),
        ("connection_lost", "unknown")
    );
}
