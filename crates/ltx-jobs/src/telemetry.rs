//! What can be observed: spans and events in [`tracing`](https://docs.rs/tracing), and counters.
//!
//! # Spans
//!
//! The library opens spans and writes nothing: a subscriber of the program decides what becomes of them. Without one a span costs a look at a number. Names
//! and attributes are OpenTelemetry's where it has any, so that `tracing-opentelemetry` exports them as they are; the package `examples/rust/telemetry` does
//! that. Attributes of our own begin with `ltx.`.
//!
//! | span | level | target | attributes |
//! |---|---|---|---|
//! | `submit` | info | `ltx_jobs::submit` | `ltx.intent`, `ltx.endpoint`, `ltx.label`, `ltx.job` once there is one |
//! | `job.submit` | info | `ltx_jobs::submit` | one attempt, inside `submit`: `ltx.attempt`, `ltx.evidence` (the status, or what broke), `ltx.verdict` (`created`, `refused`, `unknown`, `id_lost`) |
//! | `job` | info | `ltx_jobs::poll` | from the moment the client follows a job to its end: `ltx.job`, `ltx.endpoint`, `ltx.label`, `ltx.status`. A trace of its own that follows from the `submit`, which is over long before |
//! | `job.poll` | debug | `ltx_jobs::poll` | one question, inside `job`: `ltx.status` |
//! | `wait`, `poll` | info | `ltx_jobs::poll` | `ltx.job` |
//! | `download`, `rehost`, `frames` | info | `ltx_jobs::transfer` | `ltx.job`; `frames` also `ltx.action` |
//! | `upload` | info | `ltx_jobs::transfer` | |
//! | `transfer` | info | `ltx_jobs::transfer` | one output or input, inside those and inside `submit`: `ltx.mode` (`download`, `rehost`, `upload`), `ltx.output`, and when it is done `ltx.bytes`, `ltx.files` |
//! | `batch` | info | `ltx_jobs::submit` | `ltx.batch` |
//! | `check` | info | `ltx_jobs::poll` | |
//! | `estimate`, `journal` | debug | `ltx_jobs::submit` | |
//! | `http` | debug | `ltx_jobs::http` | one request: `http.request.method`, `url.full` (without its query), `url.template`, `server.address`, `server.port`, `http.response.status_code`, `network.protocol.version`, `http.request.resend_count`, `error.type` |
//!
//! A span that ends with an error has `error.type`, the kind of the error or the status, and `otel.status_code` is `ERROR`. `http` also has `otel.kind` and
//! `otel.name`, such as `POST /v2/text-to-video`: the three are told to the exporter, not to people.
//!
//! No attribute and no event has the API key, the query of an address, a prompt, or a body.
//!
//! # Counters
//!
//! [`Client::counters`](crate::Client::counters) is what a client has done, from memory. To a metrics library they are observable counters: read when it
//! asks, not pushed.
//!
//! ```
//! # fn register(name: String, read: impl Fn() -> u64 + 'static) {}
//! # let client = ltx_jobs::Client::builder().api_key("key").build().unwrap();
//! for (name, _) in client.counters().items() {
//!     let client = client.clone();
//!     let read = move || client.counters().items().find(|(other, _)| *other == name).map_or(0, |(_, value)| value);
//!     register(format!("ltx_{name}_total"), read);
//! }
//! ```

/// Submits: attempts, verdicts, waits before the next try.
pub(crate) const SUBMIT: &str = "ltx_jobs::submit";
/// Polls: what the service said, and that it cannot be reached.
pub(crate) const POLL: &str = "ltx_jobs::poll";
/// Uploads, downloads and copies to stores: cuts, resumptions, renewals.
pub(crate) const TRANSFER: &str = "ltx_jobs::transfer";
/// Single requests.
pub(crate) const HTTP: &str = "ltx_jobs::http";

/// Attributes of our own.
pub(crate) mod ltx {
    pub(crate) const JOB: &str = "ltx.job";
    pub(crate) const INTENT: &str = "ltx.intent";
    pub(crate) const ENDPOINT: &str = "ltx.endpoint";
    pub(crate) const LABEL: &str = "ltx.label";
    pub(crate) const BATCH: &str = "ltx.batch";
    pub(crate) const ACTION: &str = "ltx.action";
    pub(crate) const ATTEMPT: &str = "ltx.attempt";
    pub(crate) const EVIDENCE: &str = "ltx.evidence";
    pub(crate) const VERDICT: &str = "ltx.verdict";
    pub(crate) const STATUS: &str = "ltx.status";
    pub(crate) const OUTPUT: &str = "ltx.output";
    pub(crate) const MODE: &str = "ltx.mode";
    pub(crate) const BYTES: &str = "ltx.bytes";
    pub(crate) const FILES: &str = "ltx.files";
}

/// OpenTelemetry's semantic conventions (HTTP client spans and errors, stable since 1.23 of the conventions), and what `tracing-opentelemetry` takes for itself.
pub(crate) mod otel {
    pub(crate) const NAME: &str = "otel.name";
    pub(crate) const KIND: &str = "otel.kind";
    pub(crate) const STATUS: &str = "otel.status_code";
    pub(crate) const ERROR_TYPE: &str = "error.type";
    pub(crate) const METHOD: &str = "http.request.method";
    pub(crate) const RESENT: &str = "http.request.resend_count";
    pub(crate) const STATUS_CODE: &str = "http.response.status_code";
    pub(crate) const PROTOCOL: &str = "network.protocol.version";
    pub(crate) const ADDRESS: &str = "server.address";
    pub(crate) const PORT: &str = "server.port";
    pub(crate) const URL: &str = "url.full";
    pub(crate) const TEMPLATE: &str = "url.template";
}

/// The span of an operation: with the attributes given, and room for an error.
macro_rules! operation_span {
    ($level:ident, $target:expr, $name:literal $(, $($attributes:tt)+)?) => {
        tracing::span!(
            target: $target,
            tracing::Level::$level,
            $name,
            { $crate::telemetry::otel::ERROR_TYPE } = tracing::field::Empty,
            { $crate::telemetry::otel::STATUS } = tracing::field::Empty,
            $($($attributes)+)?
        )
    };
}
pub(crate) use operation_span;

/// The span of one output or input on its way.
pub(crate) struct Moving(tracing::Span);

impl Moving {
    pub(crate) fn begin(mode: &str, output: Option<&str>, bytes: Option<u64>) -> Self {
        Self(operation_span!(
            INFO,
            TRANSFER,
            "transfer",
            { ltx::MODE } = mode,
            { ltx::OUTPUT } = output,
            { ltx::BYTES } = bytes,
            { ltx::FILES } = tracing::field::Empty
        ))
    }

    /// Does it inside the span, and notes how it failed.
    pub(crate) fn over<'a, T>(
        &'a self,
        moving: impl Future<Output = crate::Result<T>> + Send + 'a,
    ) -> impl Future<Output = crate::Result<T>> + Send + 'a {
        // In the heap before anything else: a future that passes through others is in each of them.
        let moving = Box::pin(tracing::Instrument::instrument(moving, self.0.clone()));
        async move {
            let outcome = moving.await;
            if let Err(error) = &outcome {
                failed(&self.0, error.kind().name());
            }
            outcome
        }
    }

    /// It is done: so many files, with so many bytes each.
    pub(crate) fn end(self, files: impl Iterator<Item = u64>) {
        if !self.0.is_disabled() {
            let (count, bytes) = files.fold((0_u64, 0_u64), |(count, bytes), file| (count + 1, bytes + file));
            self.0.record(ltx::FILES, count);
            self.0.record(ltx::BYTES, bytes);
        }
    }
}

/// Notes in a span that it ended with an error, of one of few kinds.
pub(crate) fn failed(span: &tracing::Span, kind: &str) {
    span.record(otel::ERROR_TYPE, kind);
    span.record(otel::STATUS, "ERROR");
}
