//! An answer of the API with its whole (small) body, and the question whether the service itself spoke.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::retry::{after, classify};
use crate::secret::redact_in;

/// Status, headers and body. `cut` when the connection broke inside the body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) cut: bool,
}

/// The service's error: `{"type":"error","error":{"type":..,"message":..}}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Without the queries of addresses in it: services like to repeat the one they could not fetch, and it may be signed.
    #[serde(default, deserialize_with = "without_queries")]
    pub(crate) message: String,
}

fn without_queries<'de, D: serde::Deserializer<'de>>(text: D) -> std::result::Result<String, D::Error> {
    String::deserialize(text).map(|text| redact_in(&text))
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The service's `x-request-id`, at most 128 visible characters of it.
    pub(crate) fn request_id(&self) -> Option<String> {
        let id = self.header("x-request-id")?;
        let fits = !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| id.to_owned())
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        after::retry_after(&self.headers, SystemTime::now())
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn is_json(&self) -> bool {
        !self.cut && serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok()
    }

    pub(crate) fn envelope(&self) -> Option<Envelope> {
        #[derive(Deserialize)]
        struct Outer {
            error: Envelope,
        }
        self.json::<Outer>().map(|outer| outer.error)
    }

    /// Whether the service itself answered: the error envelope and the request id are both there. A proxy has neither.
    pub(crate) fn is_ours(&self) -> bool {
        self.request_id().is_some() && self.envelope().is_some()
    }

    /// Whether the service itself says that the key is not accepted.
    pub(crate) fn refuses_the_key(&self) -> bool {
        matches!(self.status, 401 | 403) && self.is_ours()
    }

    /// The error for an answer that is not what was hoped for. `what` says which request.
    ///
    /// An answer that is not the service's own becomes `Gateway`, whatever its status says.
    pub(crate) fn to_error(&self, what: &str) -> Error {
        let envelope = self.envelope().filter(|_| self.request_id().is_some());
        let Some(envelope) = envelope else {
            return Error::new(
                ErrorKind::Gateway,
                format!(
                    "{what}: something between here and the service answered {}{}",
                    self.status,
                    self.excerpt()
                ),
            )
            .with_http_status(self.status)
            .with_retry_after(self.retry_after())
            .with_request_id(self.request_id())
            .with_retryable(self.status >= 500 || self.status == 408 || self.status == 429)
            .with_advice("look at the proxy or firewall between here and the service");
        };
        let kind = classify::service_error(Some(self.status), &envelope.kind).unwrap_or(ErrorKind::Protocol);
        let error = Error::new(
            kind,
            format!(
                "{what}: the service answered {} {}: {}",
                self.status, envelope.kind, envelope.message
            ),
        )
        .with_http_status(self.status)
        .with_retry_after(self.retry_after())
        .with_request_id(self.request_id())
        .with_api(envelope.kind, envelope.message);
        match classify::advice(kind) {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }

    /// The beginning of a foreign body, for people: one line, printable, without anything that looks like a URL's query.
    pub(crate) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(self.body.get(..self.body.len().min(400)).unwrap_or_default());
        let mut line = String::new();
        for word in text.split_whitespace() {
            let word = word.split('?').next().unwrap_or_default();
            if line.len() + word.len() > 120 {
                break;
            }
            line.push(' ');
            line.extend(word.chars().filter(|c| !c.is_control()));
        }
        if line.is_empty() {
            String::new()
        } else {
            format!(" (\"{}\")", line.trim())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, request_id: Option<&str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(id) = request_id {
            headers.insert("x-request-id", id.parse().unwrap());
        }
        Answer {
            status,
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
            cut: false,
        }
    }

    #[test]
    fn only_envelope_and_request_id_together_are_ours() {
        let envelope = r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#;
        assert!(answer(500, Some("abc"), envelope).is_ours());
        assert!(!answer(500, None, envelope).is_ours());
        assert!(!answer(500, Some("abc"), "<html>").is_ours());
        assert!(!answer(500, Some("abc"), r#"{"error":"unauthorized"}"#).is_ours());
    }

    #[test]
    fn a_foreign_answer_is_a_gateway_error_whatever_its_status() {
        for status in [400, 401, 403, 404, 500, 502] {
            let error = answer(
                status,
                None,
                "<html>Blocked by http://proxy.example/x?token=canary</html>",
            )
            .to_error("polling");
            assert_eq!(error.kind(), ErrorKind::Gateway, "{status}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn an_address_that_the_service_repeats_loses_its_query() {
        let body = r#"{"error":{"type":"invalid_request_error","message":"Cannot fetch https://cdn.example/a.mp4?X-Amz-Signature=canary&x=1 (403)"}}"#;
        let error = answer(400, Some("r1"), body).to_error("submit");
        assert_eq!(
            error.api_message(),
            Some("Cannot fetch https://cdn.example/a.mp4?... (403)")
        );
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn the_services_words_pass_through() {
        let error = answer(
            402,
            Some("r1"),
            r#"{"type":"error","error":{"type":"insufficient_funds_error","message":"Required: 36 cents"}}"#,
        )
        .to_error("submit");
        assert_eq!(error.kind(), ErrorKind::InsufficientFunds);
        assert_eq!(
            (error.api_message(), error.request_id(), error.http_status()),
            (Some("Required: 36 cents"), Some("r1"), Some(402))
        );
    }
}
