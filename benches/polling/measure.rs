//! One client with all the jobs, measured for some time.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ltx_jobs::{Client, Request};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::service::Service;
use crate::{Load, process};

/// Submits at the same time while the jobs are made.
const SUBMITS_AT_ONCE: usize = 32;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    polls: usize,
    seconds: f64,
    processor_seconds: f64,
    late_ms: [u64; 3],
    /// Before the first job, with all of them, and when the time was over.
    resident_mib: [f64; 3],
    connections: usize,
}

impl Measured {
    pub(crate) fn row(&self, line: &str, load: &Load) -> String {
        let name = if line == "tls" {
            "TLS, HTTP/2"
        } else {
            "plain, HTTP/1.1"
        };
        let polls = self.polls as f64;
        let due = load.jobs as f64 / load.interval * self.seconds;
        let [p50, p99, latest] = self.late_ms;
        let [before, with_jobs, end] = self.resident_mib;
        format!(
            "| {name} | {:.0} | {:.1} % | {p50} ms | {p99} ms | {latest} ms | {:.3} | {before:.0}, {with_jobs:.0}, {end:.0} MiB | {} |\n",
            polls / self.seconds,
            100.0 * polls / due,
            1000.0 * self.processor_seconds / polls,
            self.connections,
        )
    }
}

/// Takes `late_ms` out of the event of each poll.
#[derive(Clone, Default)]
struct Lateness(Arc<Mutex<Vec<u64>>>);

impl Lateness {
    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lateness {
    fn enabled(&self, about: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        about.is_event() && about.target() == "ltx_jobs::poll" && about.fields().field("late_ms").is_some()
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut Late(self));
    }
}

struct Late<'a>(&'a Lateness);

impl Visit for Late<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "late_ms" {
            self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Measures one line.
pub(crate) fn run(tls: bool, load: &Load) -> Result<Measured, Box<dyn Error>> {
    let service = Service::start(tls)?;
    let lateness = Lateness::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lateness.clone()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(&service, &lateness, load))
}

async fn measure(service: &Service, lateness: &Lateness, load: &Load) -> Result<Measured, Box<dyn Error>> {
    let mut builder = Client::builder()
        .base_url(&service.addresses.api_url)
        .api_key(service.addresses.api_key.as_str())
        .poll_interval(Duration::from_secs_f64(load.interval));
    if let Some(bundle) = &service.addresses.ca_bundle {
        builder = builder.ca_bundle(bundle);
    }
    let client = builder.build()?;
    client.check().await?;
    let before = process::resident_mib();

    submit(&client, load.jobs).await?;
    // One interval, until each job has its own place in it.
    tokio::time::sleep(Duration::from_secs_f64(load.interval * 1.2)).await;
    lateness.take();

    let with_jobs = process::resident_mib();
    let (began, used) = (Instant::now(), process::processor_time());
    let (mut connections, end) = (0, began + Duration::from_secs_f64(load.seconds));
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1).min(end.saturating_duration_since(Instant::now()))).await;
        connections = connections.max(process::connections());
    }
    let (seconds, processor_seconds) = (
        began.elapsed().as_secs_f64(),
        (process::processor_time() - used).as_secs_f64(),
    );
    let mut late = lateness.take();
    late.sort_unstable();
    let at = |share: f64| -> u64 {
        let index = (late.len() as f64 * share) as usize;
        late.get(index.min(late.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    let measured = Measured {
        polls: late.len(),
        seconds,
        processor_seconds,
        late_ms: [at(0.5), at(0.99), at(1.0)],
        resident_mib: [before, with_jobs, process::resident_mib()],
        connections,
    };
    client.close(Duration::ZERO).await;
    Ok(measured)
}

/// Makes the jobs. Their handles are thrown away: the client polls them all the same.
async fn submit(client: &Client, jobs: usize) -> Result<(), Box<dyn Error>> {
    let mut running = JoinSet::new();
    for number in 0..jobs {
        if running.len() == SUBMITS_AT_ONCE
            && let Some(done) = running.join_next().await
        {
            done??;
        }
        let request = Request::raw(
            "text-to-video",
            serde_json::json!({"prompt": format!("shot {number}"), "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"}),
        )?;
        let client = client.clone();
        running.spawn(async move { client.submit(request).await.map(drop) });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}
