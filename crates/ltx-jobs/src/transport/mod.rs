//! The wire: three lanes that never mix, and what can be seen on each.
//!
//! * *billed*: the paid POST. A fresh connection for every request, no redirects, no retries, a body that knows whether it was ever pulled.
//! * *api*: polls and upload slots, pooled connections, HTTP/2 where offered.
//! * *storage*: signed URLs. This lane never sees the API key; https only, at most three redirects, no Referer, no decompression.
//!
//! With the feature `rehost` there is a fourth, *stores*, for object stores that the caller names: no API key either, and no redirects.
//!
//! `http` is the only file of the crate that names the HTTP library; `route` tells which way a request takes, by the same rules. Nothing here decides about
//! retries or money.

mod answer;
mod failure;
mod http;
#[cfg(feature = "rehost")]
mod near;
#[cfg(feature = "rehost")]
mod pace;
mod probe;
mod route;
mod span;
mod tls;

pub(crate) use answer::{Answer, Envelope};
pub(crate) use failure::{Failure, FailureKind};
#[cfg(feature = "rehost")]
pub(crate) use http::StoreBody;
pub(crate) use http::Transport;
#[cfg(feature = "rehost")]
pub(crate) use near::is_loopback_uri;
pub(crate) use probe::BodyGate;
pub(crate) use route::{Route, Routes};
pub(crate) use tls::{PROVIDER as CRYPTO_PROVIDER, Trust};

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;

/// The body of an upload: chunks in order, as many bytes as were announced.
pub(crate) type UploadBody = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A part of a remote object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// From `start` up to, and without, `end`; to the end of the object when `None`.
    Span { start: u64, end: Option<u64> },
    /// The last so many bytes.
    Suffix(u64),
}

impl ByteRange {
    /// The value of the `Range` header.
    pub(crate) fn header(self) -> String {
        match self {
            Self::Span { start, end: None } => format!("bytes={start}-"),
            Self::Span { start, end: Some(end) } => format!("bytes={start}-{}", end.saturating_sub(1)),
            Self::Suffix(length) => format!("bytes=-{length}"),
        }
    }
}
