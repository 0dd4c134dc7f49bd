//! What the journal knows: jobs to take up again after a crash, and submits whose outcome nobody knows.

use std::future::IntoFuture;
use std::time::SystemTime;

use super::Client;
use crate::error::Result;
use crate::job::{Destination, Given, Job, JobRef};
use crate::journal::{Entry, Fate};
use crate::model::Status;
use crate::money::Usd;
use crate::operation::{Operation, Running};
use crate::telemetry::{SUBMIT, operation_span};

/// What became of a submit, as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitState {
    /// It is on its way, in a process that lives.
    Submitting,
    /// The service holds the job.
    Accepted,
    /// No job was created.
    Refused,
    /// Nobody can tell: a job may exist and be billed.
    Unknown,
    /// A job exists and is billed if it succeeds, but its id did not arrive.
    IdLost,
    /// The job failed and was not billed.
    EndedUnbilled,
}

/// One submit in the journal.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JournaledSubmit {
    /// The intent, `intent:...`.
    pub intent: JobRef,
    /// The job, when its id is known.
    pub job: Option<JobRef>,
    /// The endpoint it was sent to.
    pub endpoint: String,
    /// The label given at submit.
    pub label: Option<String>,
    /// Where the outputs are meant to go, as given at submit.
    pub dest: Option<Destination>,
    /// US dollars it was estimated to cost, if that was looked at: with `max_cost`, `spend_limit` or in a batch.
    pub usd: Option<Usd>,
    /// The `once` key given at submit.
    pub once: Option<String>,
    /// When it began, by this machine's clock.
    pub began_at: SystemTime,
    /// What became of it.
    pub state: SubmitState,
    /// The service's request id, for the vendor's support, where the outcome is unknown or the job's id is lost and the answer had one.
    pub request_id: Option<String>,
    /// Attempts of unknown outcome that nobody has settled: each may have created a job. Beside a known job, or more than one, only where the caller
    /// accepted a double charge.
    pub doubts: u32,
    /// The job's terminal status, when it was seen.
    pub ended: Option<Status>,
    /// Whether its outputs were saved.
    pub saved: bool,
    /// Whether it was submitted with another API key than this client's; such jobs cannot be asked for.
    pub other_key: bool,
}

impl JournaledSubmit {
    fn new(entry: Entry) -> Result<Self> {
        let (state, job, request_id) = match entry.fate {
            Fate::Open => (SubmitState::Submitting, None, None),
            Fate::Accepted(job) => (SubmitState::Accepted, Some(job), None),
            Fate::Refused => (SubmitState::Refused, None, None),
            Fate::Unknown { request_id } => (SubmitState::Unknown, None, request_id),
            Fate::IdLost { request_id } => (SubmitState::IdLost, None, request_id),
            Fate::EndedUnbilled(job) => (SubmitState::EndedUnbilled, Some(job), None),
        };
        Ok(Self {
            intent: JobRef::intent(entry.intent.id)?,
            job,
            endpoint: entry.intent.endpoint,
            label: entry.intent.label,
            dest: entry.intent.dest,
            usd: entry.intent.usd,
            once: entry.intent.once,
            began_at: entry.intent.began_at,
            state,
            request_id,
            doubts: entry.doubts,
            ended: entry.ended,
            saved: entry.saved,
            other_key: entry.other_key,
        })
    }
}

impl JournaledSubmit {
    fn given(&self) -> Given {
        Given {
            label: self.label.clone(),
            dest: self.dest.clone(),
        }
    }
}

/// What is to be done after a crash. See [`Client::recover`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// Jobs of this key that exist and whose outputs were not saved, oldest first. Wait for them, then download.
    pub jobs: Vec<Job>,
    /// Submits whose outcome nobody knows, and those whose job exists without a known id. Look at the account, then settle each with [`Client::resolve`].
    pub unknown: Vec<JournaledSubmit>,
    /// Jobs that were submitted with another key, and cannot be asked for with this one.
    pub other_key: Vec<JournaledSubmit>,
}

impl Client {
    /// Every submit to this service that the journal knows, oldest first. Asks nobody.
    ///
    /// # Errors
    /// `Journal` when a file of it is damaged or cannot be read; the message names file and line.
    pub fn jobs(&self) -> Jobs {
        Jobs { client: self.clone() }
    }

    /// What an earlier run left behind: jobs to wait for and to fetch, and submits whose outcome or job id is unknown. Asks nobody and bills nothing.
    ///
    /// # Errors
    /// As [`jobs`](Self::jobs).
    pub fn recover(&self) -> Recover {
        Recover { client: self.clone() }
    }

    /// Settles a submit whose outcome, or whose job's id, was unknown, after a look at the account: with the job it became, or with `None` when there is none. Its `once` key is
    /// free again in the second case.
    ///
    /// # Errors
    /// `Journal`; `NotFound` when the journal does not know the intent; `InvalidState` when its outcome is not unknown; `InvalidRequest` when `intent` is no
    /// intent, or `job` no job of the same endpoint.
    pub fn resolve(&self, intent: JobRef, job: Option<JobRef>) -> Resolve {
        Resolve {
            client: self.clone(),
            intent,
            job,
        }
    }
}

/// See [`Client::jobs`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Jobs {
    client: Client,
}

impl Jobs {
    /// Starts reading the journal on the runtime.
    pub fn start(self) -> Operation<Vec<JournaledSubmit>> {
        let client = self.client.clone();
        client.run(operation_span!(DEBUG, SUBMIT, "journal"), move |_, work| async move {
            // It tells which submits are of another one.
            self.client.key(&work.cancel).await?;
            self.client
                .journaled(|journal| journal.entries()?.into_iter().map(JournaledSubmit::new).collect())
                .await
        })
    }
}

impl IntoFuture for Jobs {
    type Output = Result<Vec<JournaledSubmit>>;
    type IntoFuture = Running<Vec<JournaledSubmit>>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

/// See [`Client::recover`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Recover {
    client: Client,
}

impl Recover {
    /// Starts reading the journal on the runtime.
    pub fn start(self) -> Operation<Recovered> {
        let client = self.client.clone();
        client.run(operation_span!(DEBUG, SUBMIT, "journal"), move |_, work| async move {
            // Before the other operation, which does not hear of a cancellation of this one.
            self.client.key(&work.cancel).await?;
            let mut recovered = Recovered::default();
            for submit in self.client.jobs().await? {
                match (&submit.state, &submit.job) {
                    (SubmitState::Unknown | SubmitState::IdLost, _) => recovered.unknown.push(submit),
                    (SubmitState::Accepted, Some(_)) if submit.saved => {}
                    // The service said that it no longer knows the job: nothing is left to fetch.
                    (SubmitState::Accepted, Some(_)) if matches!(submit.ended, Some(Status::Other(_))) => {}
                    (SubmitState::Accepted, Some(_)) if submit.other_key => recovered.other_key.push(submit),
                    (SubmitState::Accepted, Some(job)) => {
                        let cell = self.client.cell(job.clone(), submit.given(), false, None);
                        recovered.jobs.push(Job::new(self.client.clone(), cell));
                    }
                    _ => {}
                }
            }
            Ok(recovered)
        })
    }
}

impl IntoFuture for Recover {
    type Output = Result<Recovered>;
    type IntoFuture = Running<Recovered>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

/// See [`Client::resolve`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Resolve {
    client: Client,
    intent: JobRef,
    job: Option<JobRef>,
}

impl Resolve {
    /// Starts writing to the journal on the runtime.
    pub fn start(self) -> Operation<()> {
        let client = self.client.clone();
        client.run(operation_span!(DEBUG, SUBMIT, "journal"), move |_, work| async move {
            let refuse = |kind, text: String| Err(crate::Error::new(kind, text).with_job(&self.intent));
            let Some(id) = self.intent.intent_id().map(str::to_owned) else {
                return refuse(
                    crate::ErrorKind::InvalidRequest,
                    format!("{} is no intent", self.intent),
                );
            };
            if let Some(job) = self.job.as_ref().filter(|job| job.is_intent()) {
                return refuse(crate::ErrorKind::InvalidRequest, format!("{job} is no job"));
            }
            self.client.key(&work.cancel).await?;
            let asked = id.clone();
            let known = self
                .client
                .journaled(move |journal| Ok(journal.entries()?.into_iter().find(|entry| entry.intent.id == asked)))
                .await?;
            match known {
                None => refuse(
                    crate::ErrorKind::NotFound,
                    format!("the journal does not know {}", self.intent),
                ),
                Some(Entry {
                    fate: Fate::Unknown { .. } | Fate::IdLost { .. },
                    intent,
                    ..
                }) => match self.job {
                    Some(job) if job.endpoint() != Some(intent.endpoint.as_str()) => {
                        let text = format!(
                            "{} was submitted to {}, and {job} is a job of another endpoint",
                            self.intent, intent.endpoint
                        );
                        refuse(crate::ErrorKind::InvalidRequest, text)
                    }
                    job => self.client.journaled(move |journal| journal.resolve(&id, job)).await,
                },
                Some(entry) => refuse(
                    crate::ErrorKind::InvalidState,
                    format!("the outcome of {} is not unknown: {}", self.intent, words(&entry.fate)),
                ),
            }
        })
    }
}

fn words(fate: &Fate) -> String {
    match fate {
        Fate::Open => "it is being submitted".to_owned(),
        Fate::Accepted(job) | Fate::EndedUnbilled(job) => format!("it became {job}"),
        Fate::Refused => "it was refused".to_owned(),
        Fate::Unknown { .. } => "unknown".to_owned(),
        Fate::IdLost { .. } => "its job's id is lost".to_owned(),
    }
}

impl IntoFuture for Resolve {
    type Output = Result<()>;
    type IntoFuture = Running<()>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}
