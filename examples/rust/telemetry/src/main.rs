//! A job whose spans and counters go to an OpenTelemetry collector.
//!
//!     LTXV_API_KEY=... OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run -- plate.mp4 shots/010
//!
//! Any collector that takes OTLP over HTTP will do. The names are those of `ltx_jobs::telemetry`.

use std::error::Error;
use std::time::Duration;

use ltx_jobs::{Client, Colorspace, Media, VideoToVideoHdr};
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let plate = arguments.next().ok_or("which clip?")?;
    let dest = arguments.next().unwrap_or_else(|| "shots".to_owned());

    // For the exporter's HTTP client, which takes the process's; ltx-jobs has its own. An error says that there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let resource = Resource::builder().with_service_name("hdr-conversion").build();
    let spans = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(SpanExporter::builder().with_http().build()?)
        .build();
    let metrics = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(MetricExporter::builder().with_http().build()?)
        .build();
    // `info` is the life of jobs and files; `debug` adds every request and poll. What the libraries below say is not asked for.
    let wanted = Targets::new().with_target("ltx_jobs", LevelFilter::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("ltx-jobs"));
    tracing_subscriber::registry().with(layer.with_filter(wanted)).init();

    let client = Client::from_env()?;
    observe(&client, &metrics.meter("ltx-jobs"));
    // The exporters block their own threads when they are shut down, which no thread of the runtime may wait for.
    let done = tokio::runtime::Runtime::new()?.block_on(convert(&client, &plate, &dest));
    spans.shutdown()?;
    metrics.shutdown()?;
    done
}

/// Every counter of the client as an observable one: read when the exporter asks.
fn observe(client: &Client, meter: &Meter) {
    for (name, _) in client.counters().items() {
        let client = client.clone();
        meter
            .u64_observable_counter(format!("ltx.{name}"))
            .with_callback(move |observer| {
                let value = client.counters().items().find(|(other, _)| *other == name);
                observer.observe(value.map_or(0, |(_, value)| value), &[]);
            })
            .build();
    }
}

async fn convert(client: &Client, plate: &str, dest: &str) -> Result<(), Box<dyn Error>> {
    let request = VideoToVideoHdr::new(Media::file(plate)).output_colorspace(Colorspace::AcesCg);
    let job = client.submit(request).once(format!("{dest}_v001")).await?;
    let done = job.wait().timeout(Duration::from_secs(1800)).await?;
    let saved = done.download(dest).await?;
    println!("{} files, {} bytes", saved.paths.len(), saved.bytes);
    // Its job's span ends, and with it the trace.
    client.close(Duration::from_secs(5)).await;
    Ok(())
}
