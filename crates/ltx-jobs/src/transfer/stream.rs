//! A stream of an object's bytes that heals itself.
//!
//! Gives the bytes from its position to its end, each once and in order. A cut, a stall, a transient answer or an expired URL makes it ask for the
//! rest; the rest is taken only when it provably belongs to the same object. The budget of failures starts anew with every byte that arrives, so a long
//! transfer on a bad line ends only when nothing moves any more, or (`floor`) hardly anything for many windows of time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::counters::Tally;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::retry::{Backoff, after};
use crate::secret::SignedUrl;
use crate::telemetry::TRANSFER;
use crate::transfer::bandwidth::Bandwidth;
use crate::transfer::floor::Floor;
use crate::transfer::plan::{Facts, Same, Verdict, error_code, judge};
use crate::transfer::source::{Body, Opened, Source, Storage};
use crate::transport::ByteRange;

/// Failures in a row, without a byte between them, after which a transfer gives up.
const FAILURES_WITHOUT_PROGRESS: u32 = 10;

/// Bytes that are rather fetched again than asked for in another way.
const SKIPPED_GLADLY: u64 = 64 << 10;

/// Bytes of an error document that are looked at.
const ERROR_BODY: usize = 4096;

/// What every stream of a transfer shares.
#[derive(Clone)]
pub(crate) struct Flow {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) stall_timeout: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) cancel: CancellationToken,
    /// Connections for one object; as many as pay when `None`.
    pub(crate) connections: Option<usize>,
    /// The caller's limit for all streams together.
    pub(crate) bandwidth: Option<Arc<Bandwidth>>,
    pub(crate) tally: Arc<Tally>,
}

/// See the module's first lines.
pub(crate) struct HealingStream {
    flow: Flow,
    source: Arc<Source>,
    asked: ByteRange,
    /// Set when the storage has refused a range for an object that has no bytes.
    without_range: bool,
    facts: Option<Facts>,
    /// The next byte to give out; the end, once known.
    position: u64,
    end: Option<u64>,
    begun: bool,
    body: Option<OpenBody>,
    backoff: Backoff,
    failures: u32,
    most_failures: u32,
    floor: Floor,
    renewed: bool,
    /// Whether a rest may be taken that is not proven to be of the same object, because its content is proven later.
    content_is_proven_later: bool,
}

struct OpenBody {
    body: Body,
    /// Bytes to drop: the storage sent the object from its beginning.
    skip: u64,
    /// Where the body says it ends.
    end: Option<u64>,
}

impl HealingStream {
    /// A stream of the part `asked` of the object; nothing is sent before it is opened or read. `known` binds it to an object seen before.
    pub(crate) fn new(flow: Flow, source: Arc<Source>, asked: ByteRange, known: Option<Facts>) -> Self {
        let (position, end) = match asked {
            ByteRange::Span { start, end } => (start, end.or(known.as_ref().and_then(|facts| facts.length))),
            ByteRange::Suffix(_) => (0, None),
        };
        let backoff = Backoff::new(flow.backoff_base, flow.backoff_cap);
        let floor = Floor::new(flow.stall_timeout);
        Self {
            flow,
            source,
            asked,
            without_range: false,
            facts: known,
            position,
            end,
            begun: false,
            body: None,
            backoff,
            failures: 0,
            most_failures: FAILURES_WITHOUT_PROGRESS,
            floor,
            renewed: false,
            content_is_proven_later: false,
        }
    }

    /// Takes a rest that nothing proves to be of the same object: for members with their own CRC-32, which proves the bytes themselves.
    pub(crate) fn content_is_proven_later(mut self) -> Self {
        self.content_is_proven_later = true;
        self
    }

    /// Gives up soon: for a stream whose part another one will take over.
    pub(crate) fn impatient(mut self) -> Self {
        self.most_failures = 1;
        self
    }

    /// Ends the stream before the end that was asked for, at a byte it has not reached.
    pub(crate) fn end_at(&mut self, end: u64) {
        self.end = Some(self.end.map_or(end, |before| before.min(end)).max(self.position));
    }

    /// Bytes that the storage is about to send again, because it sends the object from its beginning.
    pub(crate) fn sent_again(&self) -> u64 {
        self.body.as_ref().map_or(0, |open| open.skip)
    }

    /// The next byte this stream will give.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Sends the first request, as often as it takes, and tells what its answer says of the object.
    pub(crate) async fn open(&mut self) -> Result<Facts> {
        while !self.begun {
            self.reopen().await?;
        }
        Ok(self.facts.clone().unwrap_or_default())
    }

    /// The next bytes, never empty; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.begun && self.end == Some(self.position) {
                self.body = None;
                return Ok(None);
            }
            if self.floor.slow() > self.most_failures {
                return Err(self.stalled());
            }
            let Some(open) = &mut self.body else {
                self.reopen().await?;
                continue;
            };
            let asked = tokio::time::Instant::now();
            let read = tokio::select! {
                biased;
                () = self.flow.cancel.cancelled() => return Err(cancelled("the download")),
                read = tokio::time::timeout(self.floor.patience(), open.body.next()) => read,
            };
            let body_end = open.end;
            let count = match &read {
                Ok(Some(Ok(bytes))) => bytes.len() as u64,
                _ => 0,
            };
            let too_slow = self.floor.after(asked.elapsed(), count);
            match read {
                Ok(Some(Ok(bytes))) => {
                    self.pay(count).await?;
                    let bytes = self.accept(bytes);
                    if too_slow {
                        // Another connection may be better off.
                        self.body = None;
                    }
                    if bytes.is_some() {
                        return Ok(bytes);
                    }
                }
                Ok(None) => {
                    self.body = None;
                    match (self.end, body_end) {
                        // The length was never told: where the body ends properly, the object ends.
                        (None, None) => self.end = Some(self.position),
                        // As much as it promised, and less than was asked for: go on.
                        (Some(_), Some(end)) if end == self.position => {}
                        _ => {
                            let error = self.error(
                                ErrorKind::ConnectionLost,
                                format!("the connection ended at byte {}", self.position),
                            );
                            self.stumble(error, None).await?;
                        }
                    }
                }
                Ok(Some(Err(failure))) => {
                    let transient = failure.is_transient();
                    let error = failure.into_error(&format!("downloading {}", self.source.label));
                    self.body = None;
                    if !transient {
                        return Err(error);
                    }
                    self.stumble(error, None).await?;
                }
                Err(_) => {
                    self.body = None;
                    let error = self.stalled();
                    self.stumble(error, None).await?;
                }
            }
        }
    }

    /// Keeps the caller's limit.
    async fn pay(&mut self, bytes: u64) -> Result<()> {
        let Some(bandwidth) = &self.flow.bandwidth else {
            return Ok(());
        };
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => Err(cancelled("the download")),
            () = bandwidth.pay(bytes) => Ok(()),
        }
    }

    /// Drops what was had before, cuts what was not asked for, and counts the rest as progress.
    fn accept(&mut self, mut bytes: Bytes) -> Option<Bytes> {
        let open = self.body.as_mut()?;
        let skipped = open.skip.min(bytes.len() as u64);
        open.skip -= skipped;
        let _ = bytes.split_to(usize::try_from(skipped).unwrap_or(bytes.len()));
        if let Some(end) = self.end {
            let rest = usize::try_from(end - self.position).unwrap_or(usize::MAX);
            bytes.truncate(rest);
        }
        if bytes.is_empty() {
            return None;
        }
        self.position += bytes.len() as u64;
        self.failures = 0;
        self.renewed = false;
        self.backoff.reset();
        Some(bytes)
    }

    /// One request for what is still missing, and what follows from its answer.
    async fn reopen(&mut self) -> Result<()> {
        let source = Arc::clone(&self.source);
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => return Err(cancelled("the download")),
            () = source.renew_before(source.url().0) => {}
        }
        let (number, url) = self.source.url();
        let asked = if self.begun {
            ByteRange::Span {
                start: self.position,
                end: self.end,
            }
        } else {
            self.asked
        };
        let if_range = self
            .facts
            .as_ref()
            .filter(|_| self.source.heeds_if_range())
            .and_then(Facts::validator)
            .map(str::to_owned);
        let range = (!self.without_range).then_some(asked);
        let Opened { status, headers, body } = match self.request(&url, range, if_range.as_deref()).await? {
            Some(opened) => opened,
            None => return Ok(()),
        };
        self.source.heard(&headers);
        let (code, body) = if matches!(status, 200 | 206) {
            (None, Some(body))
        } else {
            (self.read_code(body).await?, None)
        };
        let wait = after::retry_after(&headers, SystemTime::now());
        match judge(asked, self.facts.as_ref(), status, &headers, code.as_deref(), wait) {
            Verdict::Body {
                start,
                end,
                same,
                facts,
            } => {
                let Some(body) = body else { return Ok(()) };
                let sent_again = self.position.saturating_sub(start);
                if self.bound() && same == Same::Yes && if_range.is_some() && sent_again > SKIPPED_GLADLY {
                    // Some storages answer any If-Range with the whole object, also when it is the same: asked without one, what comes is compared.
                    self.source.ignore_if_range();
                    return Ok(());
                }
                self.take_body(body, start, end, same, facts)
            }
            Verdict::Expired(why) => self.renew(number, status, why).await,
            Verdict::Again { kind, why, after } => {
                let error = self.error(kind, why).with_http_status(status).with_retry_after(after);
                self.stumble(error, after).await
            }
            Verdict::Changed(why) => Err(self.error(ErrorKind::ObjectChanged, why)),
            // An object without bytes has no ranges either.
            Verdict::NoSuchRange if !self.without_range && (!self.begun || self.position == 0) => {
                self.without_range = true;
                Ok(())
            }
            Verdict::NoSuchRange => Err(self
                .error(
                    ErrorKind::ObjectChanged,
                    "the storage has a shorter version of the file now",
                )
                .with_http_status(416)),
            Verdict::Final { kind, why } => Err(self.error(kind, why).with_http_status(status)),
        }
    }

    /// Whether it is known which object the bytes must belong to.
    fn bound(&self) -> bool {
        self.begun || self.facts.is_some()
    }

    fn take_body(&mut self, body: Body, start: u64, end: Option<u64>, same: Same, facts: Facts) -> Result<()> {
        if self.bound() && same == Same::Unproven && self.position > 0 && !self.content_is_proven_later {
            return Err(self.error(
                ErrorKind::ObjectChanged,
                "the connection broke, and nothing proves that the rest is of the same file",
            ));
        }
        if !self.begun {
            self.begun = true;
            match self.asked {
                ByteRange::Suffix(_) => {
                    self.position = start;
                    self.end = end;
                }
                ByteRange::Span { end: asked_end, .. } => self.end = asked_end.or(facts.length).or(end),
            }
        }
        self.end = self.end.or(facts.length);
        if self.facts.is_none() {
            self.facts = Some(facts);
        }
        self.body = Some(OpenBody {
            body,
            skip: self.position.saturating_sub(start),
            end,
        });
        Ok(())
    }

    /// Sends one request. `None` when it failed in a way that may pass, and the wait for the next try is over.
    async fn request(
        &mut self,
        url: &SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&str>,
    ) -> Result<Option<Opened>> {
        let resent = self.failures + u32::from(self.renewed);
        let sent = tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => return Err(cancelled("the download")),
            sent = tokio::time::timeout(self.flow.stall_timeout, self.flow.storage.open(url, range, if_range, resent)) => sent,
        };
        let error = match sent {
            Ok(Ok(opened)) => return Ok(Some(opened)),
            Ok(Err(failure)) => {
                let transient = failure.is_transient();
                let error = failure.into_error(&format!("downloading {}", self.source.label));
                if !transient {
                    return Err(error);
                }
                error
            }
            Err(_) => self.stalled(),
        };
        self.stumble(error, None).await?;
        Ok(None)
    }

    /// The storage's error code, from a body that is small or not read to its end.
    async fn read_code(&mut self, mut body: Body) -> Result<Option<String>> {
        let mut document = Vec::new();
        let read = async {
            while document.len() < ERROR_BODY {
                match body.next().await {
                    Some(Ok(bytes)) => document.extend_from_slice(&bytes),
                    Some(Err(_)) | None => break,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => return Err(cancelled("the download")),
            _ = tokio::time::timeout(self.flow.stall_timeout, read) => {}
        }
        document.truncate(ERROR_BODY);
        Ok(error_code(&document))
    }

    /// A new URL, once per progress: a second refusal in a row means that the output is gone.
    async fn renew(&mut self, number: u64, status: u16, why: String) -> Result<()> {
        let gone = |stream: &Self, more: String| {
            stream
                .error(
                    ErrorKind::ResultExpired,
                    format!("the storage refuses the URL ({why}){more}"),
                )
                .with_http_status(status)
                .with_advice("the service keeps outputs for a limited time; run the job again if it is over")
        };
        if self.renewed {
            return Err(gone(self, ", and refuses the renewed one too".to_owned()));
        }
        tracing::debug!(target: TRANSFER, label = %self.source.label, position = self.position, status, "the URL has expired; asking the job for a new one");
        let source = Arc::clone(&self.source);
        let renewed = tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => return Err(cancelled("the download")),
            renewed = source.renew_after(number) => renewed,
        };
        match renewed {
            Ok(()) => {
                self.renewed = true;
                Ok(())
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::ResultExpired
                ) =>
            {
                Err(gone(self, format!(", and a new one cannot be had: {}", error.message())).with_source(error))
            }
            Err(error) if error.is_retryable() => {
                let after = error.retry_after();
                self.stumble(error, after).await
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a failure and waits for the next try, or gives up with its error.
    async fn stumble(&mut self, error: Error, after: Option<Duration>) -> Result<()> {
        self.failures += 1;
        if self.failures > self.most_failures {
            return Err(error);
        }
        let delay = self.backoff.next_delay(after);
        tracing::debug!(target: TRANSFER, label = %self.source.label, position = self.position, ?delay, error = error.message(), "asking for the rest");
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => Err(cancelled("the download")),
            () = tokio::time::sleep(delay) => Ok(()),
        }
    }

    fn stalled(&self) -> Error {
        self.error(
            ErrorKind::Stalled,
            format!(
                "next to nothing arrived for {:?} at byte {}",
                self.flow.stall_timeout, self.position
            ),
        )
    }

    fn error(&self, kind: ErrorKind, why: impl std::fmt::Display) -> Error {
        Error::new(kind, format!("downloading {}: {why}", self.source.label))
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
