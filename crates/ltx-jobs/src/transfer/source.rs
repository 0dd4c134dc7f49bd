//! Where bytes come from: a signed URL that may run out, and the storage behind it.
//!
//! However many parts of a transfer find that the URL has expired, or is about to, the job is asked once for a new one. When it expires is known from its
//! own query, and what time it is from the storage's answers, whose clock is the one that counts.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use tokio::time::Instant;

use crate::error::Result;
use crate::model::url_expiry;
use crate::retry::after::server_date;
use crate::secret::SignedUrl;
use crate::telemetry::TRANSFER;
use crate::transport::{ByteRange, Failure, Transport};

/// A URL is renewed when it has so long to live: a request on its way is not to come too late.
const MARGIN: Duration = Duration::from_secs(10);

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

/// The storage, as far as a download needs it: `resent` is how many requests for the same bytes failed before. A trait, so that every way of failing can be played without a socket.
pub(crate) trait Storage: Send + Sync {
    fn open<'a>(
        &'a self,
        url: &'a SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&'a str>,
        resent: u32,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>>;
}

impl Storage for Transport {
    fn open<'a>(
        &'a self,
        url: &'a SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&'a str>,
        resent: u32,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>> {
        Box::pin(async move {
            let answer = self.storage_get(url, range, if_range, resent).await?;
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
    /// The storage's time in its last answer, and when that came.
    time: Mutex<Option<(SystemTime, Instant)>>,
    /// Set when a new URL was asked for early, and that was of no use.
    renew_late: AtomicBool,
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
            time: Mutex::new(None),
            renew_late: AtomicBool::new(false),
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

    /// Learns the storage's time from an answer.
    pub(crate) fn heard(&self, headers: &HeaderMap) {
        if let Some(time) = server_date(headers) {
            *self.time.lock().unwrap_or_else(PoisonError::into_inner) = Some((time, Instant::now()));
        }
    }

    /// Gets a new URL before the storage refuses URL number `seen`, if that is about to happen. Whatever goes wrong with it shows when it is refused.
    pub(crate) async fn renew_before(&self, seen: u64) {
        if !self.is_about_to_expire() || self.renew_late.load(Ordering::Acquire) {
            return;
        }
        tracing::debug!(target: TRANSFER, label = %self.label, "the URL is about to expire; asking the job for a new one");
        let renewed = self.renew_after(seen).await;
        if renewed.is_err() || self.is_about_to_expire() {
            self.renew_late.store(true, Ordering::Release);
        }
    }

    /// Not before the storage has told its time: ours may be wrong by years.
    fn is_about_to_expire(&self) -> bool {
        let time = *self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let now = time.and_then(|(time, at)| time.checked_add(at.elapsed() + MARGIN));
        match (url_expiry(&self.url().1), now) {
            (Some(expiry), Some(now)) => expiry <= now,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use url::Url;

    use super::*;
    use crate::error::{Error, ErrorKind};

    /// Signs URLs of a minute at noon plus so many seconds.
    struct Service {
        asked: AtomicU64,
        signs_at: fn(u64) -> Option<u64>,
    }

    fn signed(second: u64) -> SignedUrl {
        let date = format!("20261123T12{:02}{:02}Z", second / 60, second % 60);
        SignedUrl::new(Url::parse(&format!("https://s.example/o?X-Goog-Date={date}&X-Goog-Expires=60")).unwrap())
    }

    impl Renew for Service {
        fn renew(&self) -> BoxFuture<'_, Result<SignedUrl>> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst);
            let url = (self.signs_at)(asked).map(signed);
            Box::pin(async move { url.ok_or_else(|| Error::new(ErrorKind::Unavailable, "played")) })
        }
    }

    fn hear(source: &Source, second: u64) {
        let date = format!("Mon, 23 Nov 2026 12:{:02}:{:02} GMT", second / 60, second % 60);
        source.heard(&HeaderMap::from_iter([(http::header::DATE, date.parse().unwrap())]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_is_renewed_a_moment_before_it_expires_by_the_clock_of_the_storage() {
        let service = Arc::new(Service {
            asked: AtomicU64::new(0),
            signs_at: |_| Some(45),
        });
        let source = Source::new("o".to_owned(), signed(0), Arc::clone(&service) as Arc<dyn Renew>);
        source.renew_before(0).await;
        assert_eq!(source.url().0, 0, "nobody knows what time it is");
        hear(&source, 30);
        source.renew_before(0).await;
        assert_eq!(source.url().0, 0, "there is time");
        tokio::time::advance(Duration::from_secs(21)).await;
        futures_util::future::join_all((0..8).map(|_| source.renew_before(0))).await;
        assert_eq!(source.url().0, 1);
        assert_eq!(service.asked.load(Ordering::SeqCst), 1, "once for all");
    }

    #[tokio::test(start_paused = true)]
    async fn where_asking_early_is_of_no_use_the_refusal_is_waited_for() {
        for signs_at in [|_| Some(0), |_| None] as [fn(u64) -> Option<u64>; 2] {
            let service = Arc::new(Service {
                asked: AtomicU64::new(0),
                signs_at,
            });
            let source = Source::new("o".to_owned(), signed(0), Arc::clone(&service) as Arc<dyn Renew>);
            hear(&source, 55);
            for _ in 0..3 {
                source.renew_before(source.url().0).await;
            }
            assert_eq!(service.asked.load(Ordering::SeqCst), 1);
        }
    }
}
