//! What a failed or odd answer to the paid POST proves about the bill.
//!
//! Pure: takes what was seen, gives a [`Verdict`]. Only [`Verdict::Refused`] may ever be sent again.

use std::time::{Duration, SystemTime};

use url::Url;

use crate::error::{Billing, Error, ErrorKind};
use crate::job::check_segment;
use crate::model::{Accepted, Time};
use crate::transport::{Answer, Failure, FailureKind};

/// The vendor's advice to retry 503 and 529 is documentation, not proof. If billing ever shows doubles, this is the switch.
const DOCUMENTED_RETRIES_ARE_SAFE: bool = true;

/// What was seen of one attempt.
#[derive(Debug)]
pub(crate) enum Evidence {
    Answer(Answer),
    /// No answer. `never_pulled`: the body surely never left this machine.
    Broken {
        failure: Failure,
        never_pulled: bool,
    },
}

/// The outcome of one attempt to submit.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The service holds a job, and bills it if it succeeds.
    Created {
        id: String,
        created_at: Option<SystemTime>,
        request_id: Option<String>,
    },
    /// The service holds a job, but its id did not arrive.
    IdLost(Error),
    /// Proof that no job exists.
    Refused { error: Error, again: Again },
    /// Nobody can tell. Never sent again on our own account.
    Unknown(Error),
}

/// Whether, after the proof that no job exists, another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    /// After a back-off, not before what the service asks for; costs retry budget.
    Later(Option<Duration>),
    /// When the service says, or when one of our own jobs ends; costs no budget.
    WhenThereIsRoom(Option<Duration>),
    /// Once, at once.
    Once,
}

const WHAT: &str = "submit";

/// First match wins.
pub(crate) fn judge(evidence: &Evidence) -> Verdict {
    match evidence {
        Evidence::Answer(answer) => judge_answer(answer),
        Evidence::Broken { failure, never_pulled } => judge_break(failure, *never_pulled),
    }
}

fn judge_break(failure: &Failure, never_pulled: bool) -> Verdict {
    let error = failure.clone().into_error(WHAT);
    match failure.kind {
        FailureKind::Build => Verdict::Refused {
            error,
            again: Again::Never,
        },
        FailureKind::NeverProcessed => Verdict::Refused {
            error,
            again: Again::Once,
        },
        _ if never_pulled => Verdict::Refused {
            error,
            again: if failure.is_transient() {
                Again::Later(None)
            } else {
                Again::Never
            },
        },
        _ => Verdict::Unknown(unknown(format!("{WHAT}: {failure}, after the request was sent"))),
    }
}

fn judge_answer(answer: &Answer) -> Verdict {
    match answer.status {
        200..=299 => accepted(answer),
        300..=399 => Verdict::Refused {
            error: redirected(answer),
            again: Again::Never,
        },
        413 if !answer.is_ours() => {
            let error = Error::new(
                ErrorKind::RequestTooLarge,
                format!("{WHAT}: the front of the service answered 413, the request is too large"),
            )
            .with_http_status(413)
            .with_request_id(answer.request_id())
            .with_advice("upload inputs instead of inlining them");
            Verdict::Refused {
                error,
                again: Again::Never,
            }
        }
        400 | 401 | 402 | 403 | 404 | 405 | 413 | 415 | 422 => {
            let mut error = answer.to_error(WHAT);
            if error.kind() == ErrorKind::NotFound {
                error = error.with_advice(
                    "the service has no such endpoint under this address; check base_url and the endpoint's name",
                );
            }
            Verdict::Refused {
                error,
                again: Again::Never,
            }
        }
        // A rate limiter in front answers before it forwards, so its word is as good as the service's own.
        429 => {
            let error = answer.to_error(WHAT);
            let error = if error.kind() == ErrorKind::Gateway {
                limited_in_front(answer)
            } else {
                error
            };
            Verdict::Refused {
                error,
                again: Again::WhenThereIsRoom(answer.retry_after()),
            }
        }
        503 | 529 if answer.is_ours() && DOCUMENTED_RETRIES_ARE_SAFE => Verdict::Refused {
            error: answer.to_error(WHAT),
            again: Again::Later(answer.retry_after()),
        },
        status => {
            let who = if answer.is_ours() {
                "the service"
            } else {
                "something between here and the service"
            };
            let mut error = unknown(format!("{WHAT}: {who} answered {status}{}", answer.excerpt()))
                .with_http_status(status)
                .with_request_id(answer.request_id());
            if let Some(envelope) = answer.envelope() {
                error = error.with_api(envelope.kind, envelope.message);
            }
            Verdict::Unknown(error)
        }
    }
}

fn accepted(answer: &Answer) -> Verdict {
    let body: Option<Accepted> = answer.json();
    if let Some(body) = body.filter(|body| check_segment("job id", &body.id).is_ok()) {
        return Verdict::Created {
            id: body.id,
            created_at: Time::get(body.created_at),
            request_id: answer.request_id(),
        };
    }
    let json = answer.is_json() || answer.header("content-type").is_some_and(|kind| kind.contains("json"));
    if json || answer.request_id().is_some() {
        let error = Error::new(
            ErrorKind::IdLost,
            format!(
                "{WHAT}: the service accepted the job ({}), but its answer holds no id",
                answer.status
            ),
        )
        .with_billing(Billing::JobExists(None))
        .with_http_status(answer.status)
        .with_request_id(answer.request_id())
        .with_advice("ask the vendor for the job, with the request id; do not submit again");
        return Verdict::IdLost(error);
    }
    let text = format!(
        "{WHAT}: an answer {} came that is not the service's{}",
        answer.status,
        answer.excerpt()
    );
    Verdict::Unknown(unknown(text).with_http_status(answer.status))
}

fn unknown(text: String) -> Error {
    Error::new(ErrorKind::SubmitUnknown, text)
        .with_billing(Billing::Unknown)
        .with_advice("look at the account before you submit again")
}

fn redirected(answer: &Answer) -> Error {
    let host = answer
        .header("location")
        .and_then(|location| Url::parse(location).ok())
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "the same host".to_owned());
    Error::new(
        ErrorKind::Config,
        format!(
            "{WHAT}: the address redirects to {host} (status {}); a paid request is never redirected",
            answer.status
        ),
    )
    .with_http_status(answer.status)
    .with_request_id(answer.request_id())
    .with_advice("set base_url to the service's own address")
}

fn limited_in_front(answer: &Answer) -> Error {
    Error::new(
        ErrorKind::RateLimited,
        format!("{WHAT}: a rate limiter in front of the service answered 429"),
    )
    .with_http_status(429)
    .with_retry_after(answer.retry_after())
    .with_request_id(answer.request_id())
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
