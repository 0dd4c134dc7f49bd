//! The span of one request, by OpenTelemetry's conventions for HTTP clients.

use http::{Uri, Version};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use url::Url;

use super::Failure;
use crate::secret::redact;
use crate::telemetry::{self, HTTP, otel};

/// The span of one request, from before it is sent until its answer has been read.
#[derive(Clone)]
pub(super) struct HttpSpan(Span);

impl HttpSpan {
    /// `template` is the path with placeholders for what differs from request to request; `resent` how often it was sent before.
    pub(super) fn new(method: &str, url: &Url, template: Option<&str>, resent: u32) -> Self {
        Self(tracing::debug_span!(
            target: HTTP,
            "http",
            { otel::NAME } = name(method, template),
            { otel::KIND } = "client",
            { otel::METHOD } = method,
            { otel::URL } = redact(url),
            { otel::TEMPLATE } = template,
            { otel::ADDRESS } = url.host_str(),
            { otel::PORT } = url.port_or_known_default(),
            { otel::RESENT } = (resent > 0).then_some(resent),
            { otel::STATUS_CODE } = Empty,
            { otel::PROTOCOL } = Empty,
            { otel::ERROR_TYPE } = Empty,
            { otel::STATUS } = Empty,
        ))
    }

    /// Of a request whose address is known as it goes over the wire. Its query may be what opens it.
    #[cfg_attr(not(feature = "rehost"), allow(dead_code))]
    pub(super) fn of_uri(method: &str, uri: &Uri) -> Self {
        match Url::parse(&uri.to_string()) {
            Ok(url) => Self::new(method, &url, None, 0),
            Err(_) => Self(Span::none()),
        }
    }

    /// Runs what sends the request and gives its answer, whose status and protocol `seen` tells.
    pub(super) async fn over<T>(
        &self,
        sending: impl Future<Output = Result<T, Failure>>,
        seen: impl FnOnce(&T) -> (u16, Version),
    ) -> Result<T, Failure> {
        let outcome = sending.instrument(self.0.clone()).await;
        if self.0.is_disabled() {
            return outcome;
        }
        match &outcome {
            Ok(answer) => {
                let (status, version) = seen(answer);
                self.0.record(otel::STATUS_CODE, status);
                self.0.record(otel::PROTOCOL, protocol(version));
                if status >= 400 {
                    telemetry::failed(&self.0, &status.to_string());
                }
            }
            Err(failure) => self.failed(failure),
        }
        outcome
    }

    /// The request failed, or its answer broke off.
    pub(super) fn failed(&self, failure: &Failure) {
        telemetry::failed(&self.0, failure.kind.name());
    }
}

fn name(method: &str, template: Option<&str>) -> String {
    match template {
        Some(template) => format!("{method} {template}"),
        None => method.to_owned(),
    }
}

fn protocol(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}
