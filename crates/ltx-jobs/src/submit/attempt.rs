//! One attempt, as a task of the client: whoever asked for it may go, the answer is awaited and written down all the same.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::Holding;
use super::verdict::{Evidence, Verdict, judge};
use crate::client::{Client, Engine};
use crate::error::{Billing, Error, ErrorKind};
use crate::job::{Given, Job, JobRef, Snapshot};
use crate::journal::Fate;
use crate::secret::ApiKey;
use crate::telemetry::{self, SUBMIT, ltx, operation_span};
use crate::transport::{BodyGate, Failure, FailureKind};

/// Everything one attempt needs.
pub(super) struct Posting {
    pub(super) client: Client,
    pub(super) engine: Engine,
    pub(super) path: String,
    pub(super) endpoint: String,
    pub(super) given: Given,
    /// What the local check found odd, for the job's snapshot.
    pub(super) warnings: Vec<String>,
    pub(super) intent: String,
    pub(super) reference: JobRef,
    /// An earlier attempt of this intent has an unknown outcome: no refusal may overwrite that.
    pub(super) in_doubt: bool,
    pub(super) key: ApiKey,
    pub(super) body: Bytes,
    pub(super) holding: Arc<Holding>,
    pub(super) limit: Duration,
    /// Attempts of this submit before this one.
    pub(super) before: u32,
}

/// What came of it, for the one who waits.
pub(super) enum Posted {
    /// Accepted, written down, being polled.
    Job(Job),
    /// Any verdict but `Created`.
    Verdict(Verdict),
    /// The caller cancelled before the body left: proof that no job exists, written down.
    Withdrawn,
    /// The caller cancelled after the body left: the task goes on alone.
    GoesOn,
}

impl Posting {
    pub(super) async fn run(self, cancel: &CancellationToken) -> Posted {
        let gate = BodyGate::default();
        let (reply, mut answer) = oneshot::channel();
        let (client, intent, in_doubt) = (self.client.clone(), self.intent.clone(), self.in_doubt);
        // The caller still listens as long as the receiver lives; an attempt nobody listens to settles its verdict itself.
        let task = client.0.paid.track_future({
            let gate = gate.clone();
            async move {
                let (posted, witness) = self.post(&gate).await;
                match reply.send(posted) {
                    Ok(()) => {}
                    Err(Posted::Verdict(verdict)) => witness.settle_alone(&verdict).await,
                    Err(_) => witness.client.0.tally.jobs_created.one(),
                }
            }
        });
        // In the caller's span, which outlives the caller with it.
        tokio::spawn(task.in_current_span());
        tokio::select! {
            posted = &mut answer => posted.unwrap_or_else(|_| Posted::Verdict(Verdict::Unknown(panicked()))),
            () = cancel.cancelled() => {
                if gate.withdraw() {
                    if !in_doubt
                        && let Err(error) = client.journaled(move |journal| journal.settle(&intent, Fate::Refused)).await
                    {
                        tracing::error!(target: SUBMIT, %error, "a withdrawn submit could not be written down");
                    }
                    Posted::Withdrawn
                } else {
                    // From here on the task settles its verdict itself, unless it has handed it over this very moment.
                    answer.close();
                    answer.try_recv().unwrap_or(Posted::GoesOn)
                }
            }
        }
    }

    async fn post(self, gate: &BodyGate) -> (Posted, Witness) {
        tracing::debug!(target: SUBMIT, intent = %self.reference, endpoint = %self.endpoint, "sending the paid request");
        let span = operation_span!(
            INFO,
            SUBMIT,
            "job.submit",
            { ltx::ATTEMPT } = self.before + 1,
            { ltx::EVIDENCE } = Empty,
            { ltx::VERDICT } = Empty
        );
        let outcome = self
            .engine
            .transport
            .billed_post(&self.path, &self.key, self.body.clone(), self.limit, gate, self.before)
            .instrument(span.clone())
            .await;
        let evidence = match outcome {
            Ok(answer) => Evidence::Answer(answer),
            // Withdrawing is what makes "never pulled" hold for good.
            Err(failure) => Evidence::Broken {
                never_pulled: gate.withdraw(),
                failure,
            },
        };
        let verdict = judge(&evidence);
        note(&span, &evidence, &verdict);
        drop(span);
        let witness = Witness {
            client: self.client.clone(),
            intent: self.intent.clone(),
            reference: self.reference.clone(),
            in_doubt: self.in_doubt,
        };
        let posted = match verdict {
            Verdict::Created {
                id,
                created_at,
                request_id,
            } => self.accept(&id, created_at, request_id).await,
            other => {
                if matches!(other, Verdict::Unknown(_) | Verdict::IdLost(_)) {
                    self.holding.doubtful();
                }
                Posted::Verdict(other)
            }
        };
        (posted, witness)
    }

    /// Writes the id down, then lets the poll actor have the job; only then does the caller hear of it.
    async fn accept(self, id: &str, created_at: Option<SystemTime>, request_id: Option<String>) -> Posted {
        let reference = match JobRef::job(&self.endpoint, id) {
            Ok(reference) => reference,
            Err(error) => {
                self.holding.doubtful();
                return Posted::Verdict(Verdict::IdLost(
                    error.with_billing(Billing::JobExists(None)).with_request_id(request_id),
                ));
            }
        };
        self.holding.accepted(&reference);
        self.client.0.budget.succeeded();
        Span::current().record(ltx::JOB, tracing::field::display(&reference));
        tracing::info!(target: SUBMIT, intent = %self.reference, job = %reference, request_id, "accepted");
        let (intent, fate) = (self.intent.clone(), Fate::Accepted(reference.clone()));
        if let Err(error) = self
            .client
            .journaled(move |journal| journal.settle(&intent, fate))
            .await
        {
            // The job exists whatever the journal says: the caller must get it.
            tracing::error!(target: SUBMIT, job = %reference, %error, "an accepted job could not be written down");
        }
        let mut snapshot = Snapshot::new(created_at);
        snapshot.warnings = self.warnings;
        let cell = self.client.cell(reference, self.given, true, Some(snapshot));
        cell.hold(self.holding);
        self.engine.schedule.track(Arc::clone(&cell), true);
        Posted::Job(Job::new(self.client, cell))
    }
}

/// Notes in an attempt's span what was seen, and what that proves.
fn note(span: &Span, evidence: &Evidence, verdict: &Verdict) {
    match evidence {
        Evidence::Answer(answer) => span.record(ltx::EVIDENCE, answer.status.to_string()),
        Evidence::Broken { failure, .. } => span.record(ltx::EVIDENCE, failure.kind.name()),
    };
    let (word, error) = match verdict {
        Verdict::Created { .. } => ("created", None),
        Verdict::Refused { error, .. } => ("refused", Some(error)),
        Verdict::Unknown(error) => ("unknown", Some(error)),
        Verdict::IdLost(error) => ("id_lost", Some(error)),
    };
    span.record(ltx::VERDICT, word);
    if let Some(error) = error {
        telemetry::failed(span, error.kind().name());
    }
}

/// Settles a verdict that nobody listens to any more.
struct Witness {
    client: Client,
    intent: String,
    reference: JobRef,
    in_doubt: bool,
}

impl Witness {
    async fn settle_alone(&self, verdict: &Verdict) {
        let tally = &self.client.0.tally;
        match verdict {
            Verdict::Refused { .. } if !self.in_doubt => tally.submits_refused.one(),
            _ => tally.submits_unknown.one(),
        }
        let fate = match verdict {
            Verdict::Refused { .. } if self.in_doubt => return,
            Verdict::Refused { .. } => Fate::Refused,
            Verdict::Unknown(error) => Fate::Unknown {
                request_id: error.request_id().map(str::to_owned),
            },
            Verdict::IdLost(error) => Fate::IdLost {
                request_id: error.request_id().map(str::to_owned),
            },
            Verdict::Created { .. } => return,
        };
        tracing::warn!(target: SUBMIT, intent = %self.reference, ?fate, "a submit whose caller had gone was settled");
        let intent = self.intent.clone();
        if let Err(error) = self
            .client
            .journaled(move |journal| journal.settle(&intent, fate))
            .await
        {
            tracing::error!(target: SUBMIT, intent = %self.reference, %error, "its outcome could not be written down");
        }
    }
}

fn panicked() -> Error {
    let failure = Failure::new(FailureKind::Lost, "the attempt ended without an outcome");
    Error::new(ErrorKind::SubmitUnknown, format!("submit: {failure}"))
        .with_billing(Billing::Unknown)
        .with_advice("look at the account before you submit again")
}
