//! The example as a user runs it, against the emulator and a collector in this process.

use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use ltx_jobs_emulator::{Emulator, Programme};
use serde_json::{Value, json};

const PLATE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../crates/ltx-jobs-cli/assets/plate.mp4"
);

type Received = Arc<Mutex<Vec<Value>>>;

/// A collector: keeps what is exported to it.
async fn collector(received: &Received) -> String {
    let take = |kind: &'static str, received: Received| {
        post(async move |Json(body): Json<Value>| {
            received.lock().unwrap().push(json!({kind: body}));
            Json(json!({}))
        })
    };
    let router = Router::new()
        .route("/v1/traces", take("traces", Arc::clone(received)))
        .route("/v1/metrics", take("metrics", Arc::clone(received)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Every object under this name, wherever it is.
fn find<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == name {
                    found.extend(value.as_array().into_iter().flatten());
                }
                find(value, name, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find(item, name, found)),
        _ => {}
    }
}

fn attribute<'a>(span: &'a Value, name: &str) -> Option<&'a Value> {
    let attributes = span["attributes"].as_array()?;
    let attribute = attributes.iter().find(|attribute| attribute["key"] == name)?;
    attribute["value"].as_object()?.values().next()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_and_counters_arrive_at_a_collector_with_the_names_of_the_conventions() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let received = Received::default();
    let endpoint = collector(&received).await;
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_ltx-jobs-example-telemetry"));
    program
        .arg(PLATE)
        .arg(folder.path().join("shots"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("LTXV_API_KEY", emulator.api_key())
        .env("LTX_BASE_URL", emulator.api_url())
        .env("LTX_POLL_INTERVAL", "50ms");
    let output = tokio::task::spawn_blocking(move || program.output())
        .await
        .unwrap()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let received = Value::Array(received.lock().unwrap().clone());
    let (mut spans, mut metrics) = (Vec::new(), Vec::new());
    find(&received, "spans", &mut spans);
    find(&received, "metrics", &mut metrics);
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let post = named("POST /v2/video-to-video-hdr");
    assert_eq!(
        post.len(),
        emulator.count("POST", "/v2/video-to-video-hdr"),
        "{spans:#?}"
    );
    assert_eq!(attribute(post[0], "http.request.method").unwrap(), "POST");
    assert_eq!(attribute(post[0], "url.template").unwrap(), "/v2/video-to-video-hdr");
    // A client's span, in OTLP's numbers.
    assert_eq!(post[0]["kind"], 3);
    let attempt = named("job.submit");
    assert_eq!(post[0]["parentSpanId"], attempt[0]["spanId"]);
    assert_eq!(attempt[0]["parentSpanId"], named("submit")[0]["spanId"]);
    assert_eq!(named("job.poll").len(), emulator.count("GET", "/v2/*"));
    let job = named("job");
    assert_eq!(job[0]["links"][0]["spanId"], named("submit")[0]["spanId"]);
    for name in ["wait", "download", "transfer"] {
        assert!(!named(name).is_empty(), "{name}");
    }
    let counter = |name: &str| metrics.iter().find(|metric| metric["name"] == name);
    assert!(
        counter("ltx.posts").is_some() && counter("ltx.bytes_downloaded").is_some(),
        "{metrics:#?}"
    );
    let text = received.to_string();
    assert!(!text.contains(&emulator.api_key()));
    assert!(emulator.signatures().iter().all(|signature| !text.contains(signature)));
}
