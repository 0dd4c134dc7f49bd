//! Drives one submit from its checks to a job or an error: uploads, intent, attempts, pauses. What an attempt proves is decided in `verdict`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::attempt::{Posted, Posting};
use super::places::Place;
use super::verdict::{Again, Verdict};
use super::{Holding, OnUnknown, Options, fingerprint};
use crate::client::inputs::{Digest, LookedInputs};
use crate::client::{Client, Commitment, Engine};
use crate::config::LONGEST;
use crate::error::{Billing, Error, ErrorKind, Result};
use crate::job::{Destination, Given, Job, JobRef};
use crate::journal::{Fate, Intent, Once};
use crate::keys::Renewal;
use crate::model::format_time;
use crate::money::Usd;
use crate::operation::{Work, cancelled};
use crate::progress::Phase;
use crate::request::Request;
use crate::retry::Backoff;
use crate::secret::ApiKey;
use crate::telemetry::SUBMIT;

/// How long transient refusals (no connection, 503) are tried again when the caller sets no time limit. A rate limit is waited out without one.
const PATIENCE: Duration = Duration::from_secs(120);

/// Wait before asking again at a rate limit that names no time, and none of our jobs ends.
const ROOM_CHECK: Duration = Duration::from_secs(15);

pub(super) struct Submitter {
    pub(super) client: Client,
    pub(super) engine: Engine,
    pub(super) request: Request,
    pub(super) options: Options,
    pub(super) intent: String,
    pub(super) reference: JobRef,
    pub(super) work: Work,
    pub(super) began: Instant,
}

/// What is sent, and what goes with it.
struct Ready {
    body: Bytes,
    warnings: Vec<String>,
    looked: LookedInputs,
    holding: Arc<Holding>,
    dest: Option<Destination>,
}

/// The caller cancelled during a pause.
struct Stopped;

/// Who knows how a submit ended.
#[derive(Clone, Copy)]
enum Teller {
    /// The submit itself.
    Outcome,
    /// The journal: it was submitted before.
    Journal,
    /// The attempt that goes on alone.
    Attempt,
}

impl Submitter {
    pub(super) async fn run(self) -> Result<Job> {
        let client = self.client.clone();
        let tally = &client.0.tally;
        tally.submits.one();
        let mut teller = Teller::Outcome;
        let outcome = self.drive(&mut teller).await;
        match (teller, &outcome) {
            (Teller::Journal, _) => tally.submits_known.one(),
            (Teller::Attempt, _) => {}
            (Teller::Outcome, Ok(_)) => tally.jobs_created.one(),
            (Teller::Outcome, Err(error)) if *error.billing() == Billing::NoJob => tally.submits_refused.one(),
            (Teller::Outcome, Err(_)) => tally.submits_unknown.one(),
        }
        outcome
    }

    async fn drive(self, teller: &mut Teller) -> Result<Job> {
        let mut warnings = self.request.check()?;
        // What could not be saved is not paid for.
        self.options.dest.as_ref().map_or(Ok(()), Destination::check)?;
        // Whoever submits once must know the same content again before anything is sent.
        let digest = match self.options.once {
            Some(_) => Digest::Now,
            None => Digest::Later,
        };
        let looked = self.guarded(self.client.look_at_inputs(&self.request, digest)).await?;
        warnings.extend(looked.warnings.iter().cloned());
        for warning in &warnings {
            tracing::warn!(target: SUBMIT, intent = %self.reference, endpoint = self.request.endpoint(), "{warning}");
        }
        let key = self.guarded(self.client.keys().current()).await?;
        let fingerprint = match &self.options.once {
            Some(once) => {
                let fingerprint = fingerprint::of(&self.request, &looked);
                // Looked up before anything is uploaded, and again when the intent is written.
                let (once, same) = (once.clone(), fingerprint.clone());
                let once = self.client.journaled(move |journal| journal.once(&once, &same)).await?;
                if let Some(known) = self.known(once, teller).await? {
                    return Ok(known);
                }
                fingerprint
            }
            None => String::new(),
        };
        // Money before bytes: what may not be spent is not uploaded for.
        let money = self.commit_to_cost(&looked, self.options.max_cost)?;
        let usd = money.usd;
        let holding = Arc::new(Holding::new(money.reservations));
        let dest = self.options.dest.clone().and_then(Destination::absolute);
        let (body, uploaded) = self.guarded(self.body(&looked)).await?;
        if let Some(limit) = self.client.settings().max_concurrent_jobs {
            holding.occupy(self.place(&key, limit).await?);
        }
        let intent = Intent {
            id: self.intent.clone(),
            endpoint: self.request.job_endpoint().to_owned(),
            fingerprint,
            once: self.options.once.clone(),
            label: self.options.label.clone(),
            dest: dest.clone(),
            usd,
            began_at: SystemTime::now(),
        };
        let once = self.client.journaled(move |journal| journal.begin(intent)).await?;
        if let Some(known) = self.known(once, teller).await? {
            return Ok(known);
        }
        // Until this is settled, a closing client waits for it, and a dropped one may have sent it.
        let _paid = self.client.0.paid.token();
        self.work.if_dropped(Billing::Unknown, &self.reference);
        let ready = Ready {
            body,
            warnings,
            looked,
            holding,
            dest,
        };
        let outcome = self.attempts(ready, key, teller).await;
        if let Err(error) = &outcome
            && error.kind() == ErrorKind::InvalidRequest
        {
            // It may have been an upload of before that the service does not know any more.
            uploaded.iter().for_each(|uri| self.client.0.uploads.forget(uri));
        }
        outcome
    }

    /// The job that is already there under a `once` key.
    async fn known(&self, once: Once, teller: &mut Teller) -> Result<Option<Job>> {
        if let Once::Same { intent, .. } = &once {
            // Whoever kept this submit's own reference finds the job by it too.
            let (own, other) = (self.intent.clone(), intent.clone());
            if let Err(error) = self.client.journaled(move |journal| journal.same(&own, &other)).await {
                tracing::warn!(target: SUBMIT, intent = %self.reference, %error, "that it stands for another submit could not be written down");
            }
        }
        match once {
            Once::Free => Ok(None),
            Once::Same { intent, .. } => match self.client.job(JobRef::intent(intent)?) {
                // Two clients tried at the same moment, and the other one stepped back as well.
                Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::new(
                    ErrorKind::InvalidState,
                    "another client submitted under the same `once` key at the same moment, and neither was sent",
                )
                .with_retryable(true)
                .with_advice("submit again")),
                known => {
                    *teller = Teller::Journal;
                    known.map(Some)
                }
            },
            Once::Other { intent } => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "another request was submitted under once = {:?}: intent:{} to {}{}, at {}",
                    self.options.once.as_deref().unwrap_or_default(),
                    intent.id,
                    intent.endpoint,
                    intent
                        .label
                        .as_ref()
                        .map(|label| format!(" ({label:?})"))
                        .unwrap_or_default(),
                    format_time(intent.began_at),
                ),
            )
            .with_advice("use another key for another request")),
        }
    }

    /// A place of `max_concurrent_jobs`, in turn.
    async fn place(&self, key: &ApiKey, limit: usize) -> Result<Place> {
        let places = self.client.places(key);
        let name = self.options.label.clone().unwrap_or_else(|| self.reference.to_string());
        let taken = places.take(limit, name);
        tokio::pin!(taken);
        // Most of the time there is room, and nobody has to hear of a wait.
        if let Some(place) = taken.as_mut().now_or_never() {
            return Ok(place);
        }
        self.work.progress.set_phase(Phase::Queued);
        tracing::info!(target: SUBMIT, intent = %self.reference, max_concurrent_jobs = limit, held_by = %few(&places.holders()), "waiting for a place");
        let time_is_up = async {
            match self.time_left() {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            place = &mut taken => Ok(place),
            () = self.work.cancel.cancelled() => Err(self.stopped()),
            () = time_is_up => Err(Error::new(
                ErrorKind::ConcurrencyLimited,
                format!(
                    "the time limit of the submit passed while max_concurrent_jobs = {limit} had no free place; they are held by {}",
                    few(&places.holders())
                ),
            )
            .with_job(&self.reference)),
        }
    }

    /// The JSON to send, with uploaded inputs in it, and the addresses of those.
    async fn body(&self, looked: &LookedInputs) -> Result<(Bytes, Vec<String>)> {
        let mut params = self.request.params().clone();
        let mut uploaded = Vec::new();
        for (field, media) in self.request.media_inputs() {
            let found = looked.get(field);
            let uri = self
                .client
                .resolve_media(&self.engine, media, found, &self.work)
                .await?;
            if found.is_some() {
                uploaded.push(uri.clone());
            }
            params.insert(field.clone(), Value::String(uri));
        }
        serde_json::to_vec(&Value::Object(params))
            .map(|body| (Bytes::from(body), uploaded))
            .map_err(|error| {
                Error::new(
                    ErrorKind::InvalidRequest,
                    format!("the request cannot be written as JSON: {error}"),
                )
            })
    }

    async fn attempts(&self, ready: Ready, mut key: ApiKey, teller: &mut Teller) -> Result<Job> {
        let settings = self.client.settings();
        let mut backoff = Backoff::new(settings.backoff_base, settings.backoff_cap);
        let mut resent_at_once = false;
        let mut key_renewed = false;
        // An earlier attempt of unknown outcome. Whatever becomes of later ones, the job it may have created stays possible.
        let mut doubt: Option<Error> = None;
        // Why the attempt before was refused.
        let mut reason: Option<Error> = None;
        let mut before = 0;
        loop {
            let limit = settings
                .submit_timeout
                .min(self.time_left().unwrap_or(LONGEST))
                .max(Duration::from_millis(1));
            let posting = Posting {
                client: self.client.clone(),
                engine: self.engine.clone(),
                path: self.request.submit_path(),
                endpoint: self.request.job_endpoint().to_owned(),
                given: Given {
                    label: self.options.label.clone(),
                    dest: ready.dest.clone(),
                },
                warnings: ready.warnings.clone(),
                intent: self.intent.clone(),
                reference: self.reference.clone(),
                in_doubt: doubt.is_some(),
                key: key.clone(),
                body: ready.body.clone(),
                holding: Arc::clone(&ready.holding),
                limit,
                before,
            };
            self.work.progress.set_phase(Phase::Submitting);
            before += 1;
            let sent = Instant::now();
            match posting.run(&self.work.cancel).await {
                Posted::Job(job) => return Ok(job),
                Posted::Withdrawn => return Err(self.given_up(self.stopped(), doubt)),
                Posted::GoesOn => {
                    *teller = Teller::Attempt;
                    return Err(self.left_behind());
                }
                Posted::Verdict(Verdict::Refused { mut error, again }) => {
                    if error.kind() == ErrorKind::Unauthenticated && !key_renewed {
                        key_renewed = true;
                        match self.renewed(&key, sent).await {
                            Ok(Renewal::Key(another)) => {
                                key = another;
                                continue;
                            }
                            Ok(other) => error = other.explain(error),
                            Err(Stopped) => return Err(self.refused(self.stopped(), doubt).await),
                        }
                    }
                    // An attempt that only the caller's time limit cut short says nothing; the one before it does.
                    let cut_short = error.kind() == ErrorKind::RequestTimeout && limit < settings.submit_timeout;
                    let error = reason.take().filter(|_| cut_short).unwrap_or(error);
                    match self.pause_before_next(again, &error, &mut backoff, &mut resent_at_once) {
                        Some(pause) => {
                            tracing::debug!(target: SUBMIT, intent = %self.reference, error = %error.message(), wait_s = pause.as_secs_f64(), "refused, will be sent again");
                            if self.pause(pause, again).await.is_err() {
                                return Err(self.refused(self.stopped(), doubt).await);
                            }
                            reason = Some(error);
                        }
                        None => return Err(self.refused(error, doubt).await),
                    }
                }
                Posted::Verdict(Verdict::Unknown(error)) => {
                    let error = error.with_job(&self.reference);
                    self.settle_or_say(Fate::Unknown {
                        request_id: error.request_id().map(str::to_owned),
                    })
                    .await;
                    let pause = match self.options.on_unknown {
                        OnUnknown::Stop => None,
                        OnUnknown::AcceptDoubleCharge => {
                            self.pause_before_next(Again::Later(None), &error, &mut backoff, &mut resent_at_once)
                        }
                    };
                    let Some(pause) = pause else { return Err(error) };
                    tracing::warn!(target: SUBMIT, intent = %self.reference, "outcome unknown; sent again, as the caller accepts a double charge");
                    // What may be billed twice is counted twice.
                    match self.commit_to_cost(&ready.looked, None) {
                        Ok(money) => ready.holding.again(money.reservations),
                        Err(refused) => return Err(error.with_source(refused)),
                    }
                    doubt.get_or_insert(error);
                    if self.pause(pause, Again::Later(None)).await.is_err() {
                        return Err(self.given_up(self.stopped(), doubt));
                    }
                }
                Posted::Verdict(Verdict::IdLost(error)) => {
                    self.settle_or_say(Fate::IdLost {
                        request_id: error.request_id().map(str::to_owned),
                    })
                    .await;
                    return Err(error.with_job(&self.reference));
                }
                Posted::Verdict(Verdict::Created { .. }) => {
                    return Err(
                        Error::new(ErrorKind::Internal, "an accepted submit came back without its job")
                            .with_billing(Billing::JobExists(None)),
                    );
                }
            }
        }
    }

    /// Whether there is another key after this one was refused; within the submit's time limit.
    async fn renewed(&self, refused: &ApiKey, sent: Instant) -> std::result::Result<Renewal, Stopped> {
        let time_is_up = async {
            match self.time_left() {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.work.cancel.cancelled() => Err(Stopped),
            renewal = self.client.keys().renewed_since(Some(refused), sent) => Ok(renewal),
            () = time_is_up => Ok(Renewal::Same),
        }
    }

    /// How long to wait before the next attempt; `None` when there will be none.
    fn pause_before_next(
        &self,
        again: Again,
        error: &Error,
        backoff: &mut Backoff,
        resent_at_once: &mut bool,
    ) -> Option<Duration> {
        let limit = self.options.timeout;
        let pause = match again {
            Again::Never => return None,
            Again::Once if *resent_at_once => return None,
            Again::Once => {
                *resent_at_once = true;
                return Some(Duration::ZERO);
            }
            // With jitter on top, so that a `Retry-After: 0` does not become a hammer.
            Again::WhenThereIsRoom(asked) => backoff.next_delay(Some(
                asked.unwrap_or(ROOM_CHECK.min(self.client.settings().backoff_cap)),
            )),
            Again::Later(asked) => {
                if limit.is_none() && self.began.elapsed() >= PATIENCE {
                    return None;
                }
                if !self.client.0.budget.take() {
                    tracing::warn!(target: SUBMIT, error = %error.message(), "the client's retry budget is used up");
                    return None;
                }
                backoff.next_delay(asked)
            }
        };
        match self.time_left() {
            Some(left) if left <= pause => None,
            _ => Some(pause),
        }
    }

    /// Waits for the next attempt.
    async fn pause(&self, pause: Duration, again: Again) -> std::result::Result<(), Stopped> {
        if let Again::WhenThereIsRoom(_) = again {
            let live: Vec<String> = self.client.live_jobs().iter().map(ToString::to_string).collect();
            tracing::info!(target: SUBMIT, intent = %self.reference, wait_s = pause.as_secs_f64(), held_by = %few(&live), "the service has no room; waiting for it");
            self.work.progress.set_phase(Phase::Queued);
        }
        let room = async {
            match again {
                Again::WhenThereIsRoom(_) => self.client.0.job_ended.notified().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = room => Ok(()),
            () = self.work.cancel.cancelled() => Err(Stopped),
        }
    }

    /// Ends with a refusal: written down as one, unless an earlier attempt may have created a job.
    async fn refused(&self, error: Error, doubt: Option<Error>) -> Error {
        if doubt.is_none()
            && let Err(journal) = self.settle(Fate::Refused).await
        {
            return journal.with_source(error);
        }
        self.given_up(error, doubt)
    }

    /// The error to end with: an earlier doubt outweighs whatever came later.
    fn given_up(&self, error: Error, doubt: Option<Error>) -> Error {
        match doubt {
            Some(doubt) => doubt.with_source(error),
            None => error,
        }
    }

    fn commit_to_cost(&self, looked: &LookedInputs, max_cost: Option<Usd>) -> Result<Commitment> {
        self.client
            .commit_to_cost(&self.request, looked, max_cost, self.options.purse.as_ref())
    }

    fn time_left(&self) -> Option<Duration> {
        self.options
            .timeout
            .map(|limit| limit.saturating_sub(self.began.elapsed()))
    }

    /// Runs something that comes before the intent: cancellation and the time limit end it without a trace.
    async fn guarded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = async {
            match self.time_left() {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = work => done,
            () = self.work.cancel.cancelled() => Err(self.stopped()),
            () = limit => Err(Error::new(ErrorKind::RequestTimeout, "the time limit of the submit passed before it was sent").with_job(&self.reference)),
        }
    }

    async fn settle(&self, fate: Fate) -> Result<()> {
        let intent = self.intent.clone();
        self.client
            .journaled(move |journal| journal.settle(&intent, fate))
            .await
    }

    /// For outcomes whose own error matters more than the journal's.
    async fn settle_or_say(&self, fate: Fate) {
        if let Err(error) = self.settle(fate).await {
            tracing::error!(target: SUBMIT, intent = %self.reference, %error, "an outcome could not be written down");
        }
    }

    fn stopped(&self) -> Error {
        self.client
            .closed_instead(cancelled("the submit"))
            .with_job(&self.reference)
    }

    /// The caller went while the body was on the wire.
    fn left_behind(&self) -> Error {
        self.client
            .closed_instead(Error::new(ErrorKind::Cancelled, "the submit was cancelled after its request had been sent; the answer is still awaited and written down"))
            .with_billing(Billing::Unknown)
            .with_job(&self.reference)
            .with_advice("ask for the reference later to see what became of it")
    }
}

/// The first few of a list, for a log line.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "jobs this process does not know".to_owned(),
        count if count > SHOWN => format!(
            "{} and {} more",
            names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "),
            count - SHOWN
        ),
        _ => names.join(", "),
    }
}
