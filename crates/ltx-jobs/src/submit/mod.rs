//! The paid POST, from a request to a job: checks, inputs, intent, attempts, verdict.
//!
//! * Nothing is sent before the request was checked and the intent written down.
//! * An attempt whose body may be on the wire belongs to the client, not to the caller: dropping or cancelling the submit loses nothing.
//! * Only the verdict *refused* is ever followed by another attempt (or an unknown outcome, when the caller accepts a double charge in so many words).

mod attempt;
mod fingerprint;
mod holding;
mod places;
mod submitter;
mod verdict;

use std::fmt;
use std::future::IntoFuture;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::field::Empty;

pub(crate) use self::holding::Holding;
pub(crate) use self::places::{Place, Places};
use self::submitter::Submitter;
use crate::client::Client;
use crate::config::LONGEST;
use crate::error::{Billing, Error, ErrorKind, Result};
use crate::job::{Destination, Job, JobRef};
use crate::money::{Purse, Usd};
use crate::operation::{Operation, Running};
use crate::request::Request;
use crate::telemetry::{SUBMIT, ltx, operation_span};

/// What to do when nobody can tell whether the service got the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnUnknown {
    /// Stop with `SubmitUnknown`, and never send it again.
    #[default]
    Stop,
    /// Send it again. **May create, and bill, the job twice.**
    AcceptDoubleCharge,
}

/// A submit being prepared; see [`Client::submit`].
#[must_use = "nothing is submitted before it is awaited or started"]
pub struct Submit {
    client: Client,
    request: Request,
    options: Options,
}

#[derive(Debug, Clone, Default)]
struct Options {
    once: Option<String>,
    label: Option<String>,
    dest: Option<Destination>,
    timeout: Option<Duration>,
    max_cost: Option<Usd>,
    on_unknown: OnUnknown,
    purse: Option<Purse>,
}

impl Submit {
    pub(crate) fn new(client: Client, request: Request) -> Self {
        Self {
            client,
            request,
            options: Options::default(),
        }
    }

    /// A key under which this is submitted only once: the same request under the same key gives the job that is there, also when its outcome is unknown
    /// (then the error `SubmitUnknown` again, without a POST). Another request under the key is an error before any network. A key whose submit was
    /// refused, or whose job failed without a bill, is free again.
    ///
    /// Known as long as the journal is kept, also by other processes that use the same one.
    pub fn once(mut self, key: impl Into<String>) -> Self {
        self.options.once = Some(key.into());
        self
    }

    /// A name for people, in the job's handle and the journal.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.options.label = Some(label.into());
        self
    }

    /// Where the outputs are meant to go. Nothing is saved there by the submit: it is written into the journal, so that whoever finds the job after a crash
    /// knows; see [`Job::dest`](crate::Job::dest) and [`JournaledSubmit::dest`](crate::JournaledSubmit::dest).
    pub fn dest(mut self, dest: impl Into<Destination>) -> Self {
        self.options.dest = Some(dest.into());
        self
    }

    /// Gives up after this time, uploads included. An attempt that is on the wire then ends as `SubmitUnknown`.
    ///
    /// Without a limit, transient refusals are tried for two minutes, and rate limits are waited out.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout.min(LONGEST));
        self
    }

    /// Refuses the submit (`CostLimit`, before anything is uploaded or sent) when its estimate is above this amount, or when no estimate can be made.
    /// A job that is there already under the `once` key costs nothing and is not refused.
    pub fn max_cost(mut self, limit: Usd) -> Self {
        self.options.max_cost = Some(limit);
        self
    }

    /// Counts it in an account of its own too.
    pub(crate) fn purse(mut self, purse: Option<Purse>) -> Self {
        self.options.purse = purse;
        self
    }

    /// What to do when the outcome of an attempt is unknown; the default stops.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.options.on_unknown = on_unknown;
        self
    }

    /// Starts the submit on the runtime. The reference `intent:...` is there at once, so that a project saved before the answer can go on later.
    pub fn start(self) -> Submitting {
        let intent = new_intent_id();
        let reference = match JobRef::intent(intent.clone()) {
            Ok(reference) => reference,
            Err(error) => {
                return Submitting {
                    reference: None,
                    operation: Operation::ended(Err(error)),
                };
            }
        };
        let Self {
            client,
            request,
            options,
        } = self;
        let name = reference.clone();
        let span = operation_span!(INFO, SUBMIT, "submit",
            { ltx::INTENT } = %name, { ltx::ENDPOINT } = request.endpoint(), { ltx::LABEL } = options.label.as_deref(), { ltx::JOB } = Empty);
        let operation = client.clone().run(span, move |engine, work| async move {
            let submitter = Submitter {
                client,
                engine,
                request,
                options,
                intent,
                reference: name,
                work,
                began: Instant::now(),
            };
            submitter.run().await
        });
        Submitting {
            reference: Some(reference),
            operation,
        }
    }
}

impl IntoFuture for Submit {
    type Output = Result<Job>;
    type IntoFuture = Running<Job>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().operation.into_future()
    }
}

impl fmt::Debug for Submit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submit")
            .field("request", &self.request)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A submit that runs.
#[derive(Debug, Clone)]
pub struct Submitting {
    reference: Option<JobRef>,
    operation: Operation<Job>,
}

impl Submitting {
    /// The intent's reference, `intent:...`.
    pub fn reference(&self) -> Option<&JobRef> {
        self.reference.as_ref()
    }

    /// The operation that ends with the job.
    pub fn operation(&self) -> &Operation<Job> {
        &self.operation
    }
}

/// The error for an intent whose outcome is unknown, when somebody asks for it again.
pub(crate) fn still_unknown(reference: &JobRef) -> Error {
    Error::new(
        ErrorKind::SubmitUnknown,
        format!("the outcome of {reference} is unknown"),
    )
    .with_billing(Billing::Unknown)
    .with_job(reference)
    .with_advice("look at the account before you submit again")
}

/// The error for an intent whose job has no known id, when somebody asks for it again.
pub(crate) fn id_still_lost(reference: &JobRef) -> Error {
    Error::new(
        ErrorKind::IdLost,
        format!("the service accepted the job of {reference}, but its id never arrived"),
    )
    .with_billing(Billing::JobExists(None))
    .with_job(reference)
    .with_advice("ask the vendor for the job, with the request id; do not submit again")
}

fn new_intent_id() -> String {
    let millis = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    format!("{millis:012x}{:016x}", fastrand::u64(..))
}
