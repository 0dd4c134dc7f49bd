//! The life of a job as seen from here: a pure state machine from what a poll saw to what is known and when to ask next.
//!
//! It never ends a job on doubt. Only an answer that is the service's own can end a wait: a terminal status, a refused key, or a 404 that was confirmed.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::JobRef;
use crate::error::{Error, ErrorKind};
use crate::model::{Polled, Status, Time};
use crate::retry::classify;
use crate::secret::SignedUrl;
use crate::transport::{Answer, Failure};

/// A 404 for a job that was seen alive counts only when it came this often ...
const NOT_FOUND_TIMES: u32 = 3;
/// ... over this many intervals; as long is asked again for outputs that are missing from a completed job.
const PATIENCE_INTERVALS: u32 = 12;
/// A job seen alive longer ago than this may well be past the service's retention: one confirmation is enough.
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// What is known of a job, from memory. A copy; see [`Job::snapshot`](crate::Job::snapshot).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// The last status the service gave; `None` when it was never asked.
    pub status: Option<Status>,
    /// When the service accepted the job, by its clock.
    pub created_at: Option<SystemTime>,
    /// When the service last answered, by this machine's clock.
    pub last_contact: Option<SystemTime>,
    /// What the last poll met, if it was not the service's answer.
    pub last_error: Option<Error>,
    /// Since when the service cannot be reached.
    pub unreachable_since: Option<SystemTime>,
    /// What is odd but harmless, for people.
    pub warnings: Vec<String>,
    pub(crate) ending: Option<Ending>,
    /// Why polling is paused until a new key comes.
    pub(crate) paused: Option<Error>,
}

impl Snapshot {
    pub(crate) fn new(created_at: Option<SystemTime>) -> Self {
        Self {
            status: None,
            created_at,
            last_contact: None,
            last_error: None,
            unreachable_since: None,
            warnings: Vec::new(),
            ending: None,
            paused: None,
        }
    }

    /// Whether the job is over and nothing more will be learned.
    pub fn is_ended(&self) -> bool {
        self.ending.is_some()
    }
}

/// How a job ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Completed(Results),
    /// Failed, gone, or completed without outputs.
    Error(Error),
}

/// What a completed job left.
#[derive(Clone)]
pub(crate) struct Results {
    pub(crate) outputs: BTreeMap<String, SignedUrl>,
    pub(crate) completed_at: Option<SystemTime>,
    pub(crate) raw: Value,
}

impl std::fmt::Debug for Results {
    /// Without the raw answer, which holds signed URLs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Results")
            .field("outputs", &self.outputs)
            .field("completed_at", &self.completed_at)
            .finish_non_exhaustive()
    }
}

/// When to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// After the usual interval.
    Interval,
    /// Something in between failed: after a back-off, and not before the service wants it.
    Backoff(Option<Duration>),
    /// The key is refused, or none can be had: for this job and all others of the key, not before there is a new one.
    PauseKey,
    /// Never again.
    End,
}

/// What one poll saw.
#[derive(Debug)]
pub(crate) enum Observation {
    Answer(Answer),
    Failure(Failure),
    /// Nobody was asked: no key can be had.
    NoKey(Error),
}

/// The memory of the machine beside the snapshot.
#[derive(Debug)]
pub(crate) struct Life {
    reference: JobRef,
    /// The last time the service showed that it knows the job: the 202, or a 200. Monotonic milliseconds of the caller's choosing.
    alive_at: Option<Duration>,
    /// Whether it was submitted through this client, so that it surely existed once.
    existed: bool,
    not_found: Option<Streak>,
    without_outputs_since: Option<Duration>,
    warned_word: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Streak {
    since: Duration,
    times: u32,
}

impl Life {
    /// `now` is any monotonic clock, as time since its start.
    pub(crate) fn new(reference: JobRef, submitted_now: bool, now: Duration) -> Self {
        Self {
            reference,
            alive_at: submitted_now.then_some(now),
            existed: submitted_now,
            not_found: None,
            without_outputs_since: None,
            warned_word: None,
        }
    }

    /// Whether the service has said what is to be confirmed by asking again.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.not_found.is_some() || self.without_outputs_since.is_some()
    }

    /// Takes what a poll saw, changes the snapshot, and says when to ask next.
    pub(crate) fn observe(
        &mut self,
        snapshot: &mut Snapshot,
        seen: Observation,
        interval: Duration,
        now: Duration,
        wall: SystemTime,
    ) -> Next {
        match seen {
            Observation::NoKey(error) => {
                let error = error.about_job(&self.reference);
                snapshot.last_error = Some(error.clone());
                snapshot.paused = Some(error);
                Next::PauseKey
            }
            Observation::Failure(failure) => {
                let error = failure.into_error("polling").about_job(&self.reference);
                Self::not_reached(snapshot, error, None, wall)
            }
            Observation::Answer(answer) => match answer.status {
                200..=299 => match answer.json::<Polled>().filter(|_| !answer.cut) {
                    Some(polled) => self.polled(snapshot, &polled, &answer, interval, now, wall),
                    None => {
                        let error = Error::new(
                            ErrorKind::Protocol,
                            format!(
                                "polling: the answer {} cannot be read{}",
                                answer.status,
                                answer.excerpt()
                            ),
                        )
                        .with_http_status(answer.status)
                        .with_request_id(answer.request_id())
                        .about_job(&self.reference);
                        Self::not_reached(snapshot, error, answer.retry_after(), wall)
                    }
                },
                _ if answer.refuses_the_key() => {
                    self.contact(snapshot, wall);
                    let error = answer
                        .to_error("polling")
                        .about_job(&self.reference)
                        .with_advice("give the client a new key; the job goes on");
                    snapshot.last_error = Some(error.clone());
                    snapshot.paused = Some(error);
                    Next::PauseKey
                }
                404 if answer.is_ours() => self.not_found(snapshot, &answer, interval, now, wall),
                _ => {
                    let error = answer.to_error("polling").about_job(&self.reference);
                    Self::not_reached(snapshot, error, answer.retry_after(), wall)
                }
            },
        }
    }

    fn contact(&mut self, snapshot: &mut Snapshot, wall: SystemTime) {
        snapshot.last_contact = Some(wall);
        snapshot.unreachable_since = None;
        snapshot.last_error = None;
        snapshot.paused = None;
    }

    fn not_reached(snapshot: &mut Snapshot, error: Error, asked: Option<Duration>, wall: SystemTime) -> Next {
        snapshot.unreachable_since.get_or_insert(wall);
        snapshot.last_error = Some(error);
        Next::Backoff(asked)
    }

    fn polled(
        &mut self,
        snapshot: &mut Snapshot,
        polled: &Polled,
        answer: &Answer,
        interval: Duration,
        now: Duration,
        wall: SystemTime,
    ) -> Next {
        self.contact(snapshot, wall);
        self.alive_at = Some(now);
        self.existed = true;
        self.not_found = None;
        let status = Status::from(polled.status.as_str());
        snapshot.created_at = Time::get(polled.created_at).or(snapshot.created_at);
        snapshot.status = Some(status.clone());
        match status {
            Status::Completed => {
                let outputs = polled.outputs();
                if outputs.is_empty() {
                    return self.without_outputs(snapshot, answer, interval, now);
                }
                let raw = answer.json::<Value>().unwrap_or(Value::Null);
                snapshot.ending = Some(Ending::Completed(Results {
                    outputs,
                    completed_at: Time::get(polled.completed_at),
                    raw,
                }));
                Next::End
            }
            Status::Failed => {
                snapshot.ending = Some(Ending::Error(self.failed(polled, answer)));
                Next::End
            }
            Status::Other(word) => {
                if self.warned_word.as_deref() != Some(&word) {
                    snapshot.warnings.push(format!(
                        "the service gave the unknown status {word:?}; the job is taken to be running"
                    ));
                    self.warned_word = Some(word);
                }
                Next::Interval
            }
            Status::Pending | Status::Processing => Next::Interval,
        }
    }

    fn failed(&self, polled: &Polled, answer: &Answer) -> Error {
        let envelope = polled.failure();
        let (api_type, api_message) = match &envelope {
            Some(envelope) => (envelope.kind.as_str(), envelope.message.as_str()),
            None => ("", ""),
        };
        let kind = classify::service_error(None, api_type).unwrap_or(ErrorKind::JobFailed);
        let text = match &envelope {
            Some(_) => format!("the job failed: {api_type}: {api_message}"),
            None => "the job failed without a reason".to_owned(),
        };
        let mut error = Error::new(kind, text)
            .with_request_id(answer.request_id())
            .job_is_over(&self.reference);
        if envelope.is_some() {
            error = error.with_api(api_type, api_message);
        }
        match classify::advice(kind) {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }

    fn without_outputs(&mut self, snapshot: &mut Snapshot, answer: &Answer, interval: Duration, now: Duration) -> Next {
        let since = *self.without_outputs_since.get_or_insert(now);
        if now.saturating_sub(since) < interval.saturating_mul(PATIENCE_INTERVALS) {
            return Next::Interval;
        }
        snapshot.ending = Some(Ending::Error(
            Error::new(
                ErrorKind::Protocol,
                "the job is completed, but the service gives no outputs",
            )
            .with_request_id(answer.request_id())
            .with_retryable(false)
            .about_job(&self.reference)
            .with_advice("ask the vendor, with the request id"),
        ));
        Next::End
    }

    fn not_found(
        &mut self,
        snapshot: &mut Snapshot,
        answer: &Answer,
        interval: Duration,
        now: Duration,
        wall: SystemTime,
    ) -> Next {
        let streak = self.not_found.get_or_insert(Streak { since: now, times: 0 });
        streak.times = streak.times.saturating_add(1);
        let streak = *streak;
        let lately_alive = self.alive_at.is_some_and(|alive| now.saturating_sub(alive) < RETENTION);
        let confirmed = if lately_alive {
            streak.times >= NOT_FOUND_TIMES
                && now.saturating_sub(streak.since) >= interval.saturating_mul(PATIENCE_INTERVALS)
        } else {
            streak.times >= 2
        };
        let error = self.not_found_error(answer);
        snapshot.last_contact = Some(wall);
        snapshot.unreachable_since = None;
        snapshot.last_error = Some(error.clone());
        if confirmed {
            snapshot.ending = Some(Ending::Error(error));
            return Next::End;
        }
        Next::Interval
    }

    /// The error a confirmed 404 means; also what a one-shot poll reports.
    fn not_found_error(&self, answer: &Answer) -> Error {
        let seen = answer.to_error("polling");
        let mut error = Error::new(
            ErrorKind::NotFound,
            "the service does not know this job; an id is known only under the endpoint it was submitted to",
        )
        .with_http_status(404)
        .with_request_id(answer.request_id())
        .with_job(&self.reference)
        .with_advice("check endpoint and id");
        if let (Some(api_type), Some(message)) = (seen.api_type(), seen.api_message()) {
            error = error.with_api(api_type, message);
        }
        if self.existed {
            expired(&self.reference, &error)
        } else {
            error
        }
    }
}

/// What `NotFound` means for a job that surely existed.
pub(crate) fn expired(job: &JobRef, not_found: &Error) -> Error {
    let mut error = Error::new(
        ErrorKind::Expired,
        "the service no longer knows this job; it keeps a record for at most 24 h after the end",
    )
    .with_http_status(404)
    .with_request_id(not_found.request_id().map(str::to_owned))
    .about_job(job);
    if let (Some(api_type), Some(message)) = (not_found.api_type(), not_found.api_message()) {
        error = error.with_api(api_type, message);
    }
    error
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
