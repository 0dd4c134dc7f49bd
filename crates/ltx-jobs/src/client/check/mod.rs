//! A free look at everything that has to work before a job can be submitted: the way to the service, its certificate, the key, the clock, the journal, the
//! storage. Two requests that cost nothing: one GET of a job that cannot exist, and one upload slot that stays unused.
//!
//! One part that does not work hides no other: each is a [`Finding`]. `judge` decides what was seen, pure.

mod finding;
mod judge;

use std::future::IntoFuture;
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use serde::Deserialize;
use url::Url;

pub use self::finding::{Checked, CheckedPart, Finding, FindingState};
use self::judge::{Asked, Reached, StorageSaid};
use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Operation, Running, cancelled};
use crate::secret::{ApiKey, SignedUrl};
use crate::telemetry::{POLL, operation_span};
use crate::transport::{Answer, ByteRange, Failure, FailureKind, Transport};

/// A job that no service has.
const IMPOSSIBLE: &str = "/v2/video-to-video-hdr/00000000-0000-0000-0000-000000000000";

/// As much of a refusal as is needed to know whose it is.
const REFUSAL: usize = 2048;

impl Client {
    /// Looks whether everything works that a submit needs, for nothing: proxy, certificates, address, key, clock, journal and storage.
    ///
    /// Asks the service for a job that cannot exist and for an upload slot, and the storage for something it refuses. Nothing is uploaded.
    ///
    /// # Errors
    /// What keeps jobs from being submitted or waited for: `Unauthenticated` when the key is refused, `Journal` when the journal cannot be used, `Gateway`
    /// when something else answered, and those of the network. A storage that cannot be reached and a clock that is wrong are findings. With
    /// [`keep_failures`](Check::keep_failures) everything is a finding.
    pub fn check(&self) -> Check {
        Check {
            client: self.clone(),
            keep_failures: false,
        }
    }
}

/// A check being prepared; see [`Client::check`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Check {
    client: Client,
    keep_failures: bool,
}

impl Check {
    /// Gives the whole report also when the service or the journal cannot be used, instead of the error; [`Checked::failure`] then tells what failed.
    pub fn keep_failures(mut self, keep: bool) -> Self {
        self.keep_failures = keep;
        self
    }

    /// Starts the check on the runtime.
    pub fn start(self) -> Operation<Checked> {
        let Self { client, keep_failures } = self;
        let runner = client.clone();
        runner.run(
            operation_span!(INFO, POLL, "check"),
            move |engine, work| async move {
                let looking = look(&client, &engine.transport);
                let checked = tokio::select! {
                    checked = looking => checked,
                    () = work.cancel.cancelled() => return Err(client.closed_instead(cancelled("the check"))),
                };
                for finding in &checked.findings {
                    tracing::debug!(target: POLL, what = finding.what.name(), state = finding.state.name(), detail = finding.detail, "checked");
                }
                match checked.error().filter(|_| !keep_failures) {
                    Some(error) => Err(error.clone()),
                    None => Ok(checked),
                }
            },
        )
    }
}

impl IntoFuture for Check {
    type Output = Result<Checked>;
    type IntoFuture = Running<Checked>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

async fn look(client: &Client, transport: &Transport) -> Checked {
    let began = Instant::now();
    // Asked for once, and also for the journal: without a key, everything in there would be another's.
    let key = client.keys().current().await;
    let ((reached, clock, storage, request_id), (journal, submits, unknown)) =
        tokio::join!(service(client, transport, key), journal(client));
    Checked {
        request_id,
        elapsed: began.elapsed(),
        submits,
        unknown,
        findings: vec![
            reached.proxy,
            reached.certificates,
            reached.api,
            reached.key,
            clock,
            journal,
            storage,
        ],
        settings: client.describe(),
    }
}

/// Everything that is asked of the network, one after the other.
async fn service(
    client: &Client,
    transport: &Transport,
    key: Result<ApiKey>,
) -> (Reached, Finding, Finding, Option<String>) {
    let settings = client.settings();
    let (route, key_origin) = (transport.route(&settings.base_url), settings.origin("api_key"));
    let asked = |elapsed| Asked {
        base_url: &settings.base_url,
        route: &route,
        trust: transport.trust(),
        key_origin: &key_origin,
        elapsed,
    };
    let unasked = |what| Finding::skipped(what, "the service was not reached");
    let key = match key {
        Ok(key) => key,
        Err(error) => {
            let mut reached = Reached::unasked(&asked(Duration::ZERO));
            reached.key = Finding::failed(CheckedPart::Key, error);
            return (
                reached,
                unasked(CheckedPart::Clock),
                unasked(CheckedPart::Storage),
                None,
            );
        }
    };
    let (before, began) = (SystemTime::now(), Instant::now());
    let outcome = transport
        .api_get(IMPOSSIBLE, IMPOSSIBLE, &key, settings.poll_timeout, 0)
        .await;
    let elapsed = began.elapsed();
    // By the monotonic clock: the other one may be set meanwhile.
    let after = before + elapsed;
    let answer = outcome.as_ref().ok();
    let request_id = answer.and_then(Answer::request_id);
    let reached = judge::reached(&asked(elapsed), outcome.as_ref().map_err(Clone::clone));
    let clock = match answer.filter(|_| reached.is_service) {
        Some(answer) => judge::clock(&answer.headers, before, after),
        None => unasked(CheckedPart::Clock),
    };
    let storage = if reached.key.state == FindingState::Ok {
        storage(client, transport, &key).await
    } else {
        Finding::skipped(
            CheckedPart::Storage,
            "the service gives its address only for a good key",
        )
    };
    (reached, clock, storage, request_id)
}

/// The service's answer to `POST /v1/upload`, as far as it is of interest here.
#[derive(Deserialize)]
struct Slot {
    upload_url: Url,
}

/// Asks for an upload slot, and its host for the slot's path without the signature: a storage refuses that, and has been reached.
async fn storage(client: &Client, transport: &Transport, key: &ApiKey) -> Finding {
    const WHAT: &str = "asking for an upload slot";
    let (settings, began) = (client.settings(), Instant::now());
    let failed = |error| Finding::failed(CheckedPart::Storage, error).after(began.elapsed());
    let slot = match transport
        .api_post_empty("/v1/upload", key, settings.submit_timeout, 0)
        .await
    {
        Err(failure) => return failed(failure.into_error(WHAT)),
        Ok(answer) if !(200..300).contains(&answer.status) => return failed(answer.to_error(WHAT)),
        Ok(answer) => match answer.json::<Slot>() {
            Some(slot) => slot,
            None => {
                let text = format!("{WHAT}: the answer is not what the service documents");
                return failed(Error::new(ErrorKind::Protocol, text).with_request_id(answer.request_id()));
            }
        },
    };
    let mut url = slot.upload_url;
    url.set_query(None);
    let host = url.host_str().unwrap_or_default().to_owned();
    let (route, url) = (transport.route(&url), SignedUrl::new(url));
    let began = Instant::now();
    let said = tokio::time::timeout(settings.poll_timeout, refusal(transport, &url));
    let said = said.await.unwrap_or_else(|_| {
        let limit = format!("{} s", settings.poll_timeout.as_secs_f64());
        Err(Failure::new(FailureKind::Timeout, limit))
    });
    judge::storage(&host, &route, said, began.elapsed())
}

async fn refusal(transport: &Transport, url: &SignedUrl) -> std::result::Result<StorageSaid, Failure> {
    let first = ByteRange::Span { start: 0, end: Some(1) };
    let mut answer = transport.storage_get(url, Some(first), None, 0).await?;
    let mut body = Vec::new();
    // A break in it takes nothing back: the storage has spoken.
    while body.len() < REFUSAL
        && let Ok(Some(chunk)) = answer.next().await
    {
        body.extend_from_slice(chunk.get(..chunk.len().min(REFUSAL)).unwrap_or_default());
    }
    let headers: HeaderMap = std::mem::take(&mut answer.headers);
    Ok(StorageSaid {
        status: answer.status,
        headers,
        body,
    })
}

async fn journal(client: &Client) -> (Finding, usize, usize) {
    let began = Instant::now();
    let found = client
        .journaled(|journal| Ok((journal.place()?, journal.entries()?)))
        .await;
    judge::journal(found, began.elapsed())
}
