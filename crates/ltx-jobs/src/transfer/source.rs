//! Where bytes come from: a signed URL that may run out, and the storage behind it.
//!
//! However many parts of a transfer find that the URL has expired, the job is asked once for a new one.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;

use crate::error::Result;
use crate::secret::SignedUrl;
use crate::transport::{ByteRange, Failure, Transport};

/// Asks the job for the output's URL again: one poll.
pub(crate) trait Renew: Send + Sync {
    fn renew(&self) -> BoxFuture<'_, Result<SignedUrl>>;
}

/// The body of an answer; ends with `None` only at its proper end.
pub(crate) type Body = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, Failure>> + Send>>;

/// An answer of the storage whose body has not been read.
pub(crate) struct Opened {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// The storage, as far as a download needs it. A trait, so that every way of failing can be played without a socket.
pub(crate) trait Storage: Send + Sync {
    fn open<'a>(
        &'a self,
        url: &'a SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&'a str>,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>>;
}

impl Storage for Transport {
    fn open<'a>(
        &'a self,
        url: &'a SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&'a str>,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>> {
        Box::pin(async move {
            let answer = self.storage_get(url, range, if_range).await?;
            let (status, headers) = (answer.status, answer.headers.clone());
            let body = stream::unfold(answer, |mut answer| async move {
                match answer.next().await {
                    Ok(Some(bytes)) => Some((Ok(bytes), answer)),
                    Ok(None) => None,
                    Err(failure) => Some((Err(failure), answer)),
                }
            });
            Ok(Opened {
                status,
                headers,
                body: body.boxed(),
            })
        })
    }
}

/// One output: its label, its URL of the moment, and how to get another.
pub(crate) struct Source {
    pub(crate) label: String,
    renew: Arc<dyn Renew>,
    /// Counts renewals, so that a part that failed with an older URL does not renew a newer one.
    current: Mutex<(u64, SignedUrl)>,
    gate: tokio::sync::Mutex<()>,
    /// Set when the storage was seen to answer `If-Range` with the whole object although it is the same.
    without_if_range: AtomicBool,
}

impl Source {
    pub(crate) fn new(label: String, url: SignedUrl, renew: Arc<dyn Renew>) -> Self {
        Self {
            label,
            renew,
            current: Mutex::new((0, url)),
            gate: tokio::sync::Mutex::new(()),
            without_if_range: AtomicBool::new(false),
        }
    }

    /// The URL to use now, with its number.
    pub(crate) fn url(&self) -> (u64, SignedUrl) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether `If-Range` is of use with this storage.
    pub(crate) fn heeds_if_range(&self) -> bool {
        !self.without_if_range.load(Ordering::Acquire)
    }

    pub(crate) fn ignore_if_range(&self) {
        self.without_if_range.store(true, Ordering::Release);
    }

    /// Gets a new URL, unless somebody did since URL number `seen`.
    pub(crate) async fn renew_after(&self, seen: u64) -> Result<()> {
        let _alone = self.gate.lock().await;
        if self.url().0 != seen {
            return Ok(());
        }
        let fresh = self.renew.renew().await?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = (seen + 1, fresh);
        Ok(())
    }
}
