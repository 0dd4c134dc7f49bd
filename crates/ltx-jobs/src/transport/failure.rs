//! A request that got no whole answer: what broke, in words without secrets.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// What broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The request could not even be built.
    Build,
    Dns,
    Connect,
    Tls,
    /// The server's certificate is not trusted: the same a moment later.
    Certificate,
    Proxy,
    /// The request's time limit passed. Alone it proves nothing about how far the request came.
    Timeout,
    /// The connection broke. Alone it proves nothing either.
    Lost,
    /// HTTP/2 says that the server never looked at the request: REFUSED_STREAM, or GOAWAY with a last stream below ours (RFC 9113, 8.7).
    NeverProcessed,
    /// The bytes are no HTTP.
    Protocol,
    /// The service gave an address for a file that is not fit to be used.
    Address,
    /// The redirect rule of the storage lane refused to go on.
    Redirect,
}

impl FailureKind {
    /// The word for it, as an attribute of spans.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Proxy => "proxy",
            Self::Timeout => "timeout",
            Self::Lost => "connection_lost",
            Self::NeverProcessed => "never_processed",
            Self::Protocol => "protocol",
            Self::Address => "address",
            Self::Redirect => "redirect",
        }
    }
}

/// See the module's first lines.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// The chain of causes in words, without URLs.
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// The kind of error a caller sees when this failure ends the operation.
    pub(crate) fn error_kind(&self) -> ErrorKind {
        match self.kind {
            FailureKind::Build => ErrorKind::InvalidRequest,
            FailureKind::Dns => ErrorKind::Dns,
            FailureKind::Connect => ErrorKind::Connect,
            FailureKind::Tls | FailureKind::Certificate => ErrorKind::Tls,
            FailureKind::Proxy => ErrorKind::Proxy,
            FailureKind::Timeout => ErrorKind::RequestTimeout,
            FailureKind::Lost | FailureKind::NeverProcessed => ErrorKind::ConnectionLost,
            FailureKind::Protocol | FailureKind::Redirect | FailureKind::Address => ErrorKind::Protocol,
        }
    }

    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self.kind {
            FailureKind::Dns
            | FailureKind::Connect
            | FailureKind::Tls
            | FailureKind::Proxy
            | FailureKind::Timeout
            | FailureKind::Lost
            | FailureKind::NeverProcessed
            | FailureKind::Protocol => true,
            FailureKind::Certificate | FailureKind::Build | FailureKind::Address | FailureKind::Redirect => false,
        }
    }

    /// The error for a caller: `what` says which request ("asking for an upload slot").
    pub(crate) fn into_error(self, what: &str) -> Error {
        let kind = self.error_kind();
        let error = Error::new(kind, format!("{what}: {self}"));
        match kind {
            ErrorKind::Dns => error.with_advice("check the host name and the network"),
            ErrorKind::Connect => error.with_advice("check the network and the firewall"),
            ErrorKind::Tls => error
                .with_retryable(self.is_transient())
                .with_advice(
                    "a proxy that inspects TLS needs its CA in the setting `ca_bundle`, or in SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE",
                ),
            ErrorKind::Proxy => error.with_advice("check HTTPS_PROXY, ALL_PROXY, NO_PROXY or the setting `proxy`"),
            _ => error,
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FailureKind::Build => "the request cannot be built",
            FailureKind::Dns => "the host name was not resolved",
            FailureKind::Connect => "no connection",
            FailureKind::Tls => "the TLS handshake failed",
            FailureKind::Certificate => "the server's certificate is not trusted",
            FailureKind::Proxy => "the proxy refused",
            FailureKind::Timeout => "the time limit of the request passed",
            FailureKind::Lost => "the connection broke",
            FailureKind::NeverProcessed => "the server refused the request before looking at it",
            FailureKind::Protocol => "the answer is no HTTP",
            FailureKind::Address => "the address is not fit to be used",
            FailureKind::Redirect => "the redirect was refused",
        };
        if self.detail.is_empty() {
            f.write_str(what)
        } else {
            write!(f, "{what} ({})", self.detail)
        }
    }
}
