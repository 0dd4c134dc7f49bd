//! Our HTTP client in the hands of the store library, so that there is one TLS configuration, one proxy and one CA setting.
//!
//! What the library retries by itself passes through; what it would only wrap into text is given as a [`Refusal`], so that nothing has to be read out of
//! messages that may repeat addresses.

use std::fmt;

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};

use super::refusal::Refusal;
use crate::transfer::plan::error_code;
use crate::transport::{Failure, FailureKind, Transport, is_loopback_uri};

/// Bytes of an error document that are looked at.
const ERROR_BODY: usize = 8 << 10;

/// Headers that carry credentials.
const SECRET_HEADERS: [&str; 4] = [
    "x-amz-security-token",
    "x-aws-ec2-metadata-token",
    "x-amz-server-side-encryption-customer-key",
    "x-ms-encryption-key",
];

/// Connects stores through the client's lane for them.
#[derive(Clone)]
pub(super) struct Connector {
    transport: Transport,
    plain_allowed: bool,
}

impl Connector {
    /// `plain_allowed` by the client's setting `allow_http`; the store's option of that name allows it too.
    pub(super) fn new(transport: Transport, plain_allowed: bool) -> Self {
        Self {
            transport,
            plain_allowed,
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allowed = options.get_config_value(&ClientConfigKey::AllowHttp);
        Ok(HttpClient::new(Self {
            transport: self.transport.clone(),
            plain_allowed: self.plain_allowed || allowed.as_deref() == Some("true"),
        }))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !scheme_fits(request.uri(), self.plain_allowed) {
            let failure = Failure::new(FailureKind::Address, "the store's endpoint is not an https address");
            return Err(given_up(failure));
        }
        hide_secrets(request.headers_mut());
        let response = self.transport.store_call(request).await.map_err(broken)?;
        let (parts, body) = response.into_parts();
        if !is_final(parts.status) {
            return Ok(HttpResponse::from_parts(
                parts,
                HttpResponseBody::new(body.map_err(broken)),
            ));
        }
        Err(given_up(Refusal {
            status: parts.status.as_u16(),
            code: read_code(body).await,
        }))
    }
}

fn scheme_fits(uri: &Uri, plain_allowed: bool) -> bool {
    uri.scheme_str() == Some("https") || plain_allowed || is_loopback_uri(uri)
}

fn hide_secrets(headers: &mut HeaderMap) {
    for name in SECRET_HEADERS.into_iter().chain([AUTHORIZATION.as_str()]) {
        if let Some(value) = headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
}

/// Whether an answer ends the matter: neither a success, nor one that the library asks again after or decides by.
fn is_final(status: StatusCode) -> bool {
    let decided_by = matches!(status.as_u16(), 304 | 404 | 408 | 409 | 412 | 416 | 429);
    let asked_again = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    !(status.is_success() || decided_by || asked_again)
}

async fn read_code(mut body: crate::transport::StoreBody) -> Option<String> {
    let mut document = Vec::new();
    while document.len() < ERROR_BODY && !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) => document.extend_from_slice(frame.data_ref().map(AsRef::as_ref).unwrap_or_default()),
            Some(Err(_)) | None => break,
        }
    }
    document.truncate(ERROR_BODY);
    error_code(&document)
}

fn given_up(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

/// What the library may do after a broken request. A request that came twice is no harm here: what lies under a key is compared.
fn broken(failure: Failure) -> HttpError {
    let kind = match failure.kind {
        FailureKind::Dns | FailureKind::Connect | FailureKind::Tls | FailureKind::Proxy => HttpErrorKind::Connect,
        FailureKind::Lost | FailureKind::NeverProcessed | FailureKind::Protocol => HttpErrorKind::Request,
        FailureKind::Timeout => HttpErrorKind::Timeout,
        FailureKind::Certificate | FailureKind::Build | FailureKind::Address | FailureKind::Redirect => {
            HttpErrorKind::Unknown
        }
    };
    HttpError::new(kind, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_that_nothing_can_follow_are_final() {
        for (status, expected) in [
            (200, false),
            (206, false),
            (301, true),
            (304, false),
            (307, true),
            (400, true),
            (401, true),
            (403, true),
            (404, false),
            (409, false),
            (412, false),
            (429, false),
            (500, false),
            (501, true),
            (503, false),
        ] {
            assert_eq!(is_final(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }

    #[test]
    fn nothing_leaves_the_machine_without_tls_unless_it_is_allowed() {
        for (uri, plain_allowed, fits) in [
            ("https://s3.amazonaws.com/b/k", false, true),
            ("http://s3.amazonaws.com/b/k", false, false),
            ("http://minio.lan:9000/b/k", true, true),
            ("http://127.0.0.1:9000/b/k", false, true),
        ] {
            assert_eq!(scheme_fits(&uri.parse().unwrap(), plain_allowed), fits, "{uri}");
        }
    }
}
