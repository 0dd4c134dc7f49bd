//! The handle to a remote job.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::{Completed, Destination, Ending, JobCell, JobRef, Snapshot};
use crate::client::{Client, Engine};
use crate::config::LONGEST;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Status;
use crate::operation::{Operation, Running, Work, cancelled};
use crate::progress::Phase;
use crate::submit::Place;
use crate::telemetry::{POLL, ltx, operation_span};

/// A job on the service. Cheap to clone; dropping it changes nothing: a job submitted through the client is polled on.
///
/// There is no way to cancel a job on the service; whatever happens here, it goes on there and is billed if it succeeds.
#[derive(Clone)]
pub struct Job {
    client: Client,
    cell: Arc<JobCell>,
}

impl Job {
    pub(crate) fn new(client: Client, cell: Arc<JobCell>) -> Self {
        Self { client, cell }
    }

    /// The job's name, to be kept in a project file; [`Client::job`] makes a handle from it again.
    pub fn reference(&self) -> &JobRef {
        &self.cell.reference
    }

    /// The endpoint it was submitted to.
    pub fn endpoint(&self) -> &str {
        self.cell.reference.endpoint().unwrap_or_default()
    }

    /// The service's id.
    pub fn id(&self) -> &str {
        self.cell.reference.id().unwrap_or_default()
    }

    /// The label given at submit.
    pub fn label(&self) -> Option<&str> {
        self.cell.given.label.as_deref()
    }

    /// Where its outputs are meant to go, as given at submit; see [`Submit::dest`](crate::Submit::dest). Known of jobs that this client submitted or recovered.
    pub fn dest(&self) -> Option<&Destination> {
        self.cell.given.dest.as_ref()
    }

    /// When the service accepted it, by the service's clock, if that is known.
    pub fn created_at(&self) -> Option<SystemTime> {
        self.cell.snapshot().created_at
    }

    /// What is known, from memory: never blocks, never asks the service.
    pub fn snapshot(&self) -> Snapshot {
        self.cell.snapshot()
    }

    /// The last known status, from memory.
    pub fn status(&self) -> Option<Status> {
        self.cell.snapshot().status
    }

    /// Asks the service once and reports what it saw, errors of the network included. Merged with other polls of this job to one per interval.
    ///
    /// # Errors
    /// `NotFound` and `Expired` only when they are confirmed; what the network and the service answer otherwise. None of them means that the job ended.
    pub fn poll(&self) -> Poll {
        Poll { job: self.clone() }
    }

    /// Waits for the job's end.
    ///
    /// Only the end, the caller's time limit, cancellation or a refused key end a wait; whatever else goes wrong is asked again. After a time limit the
    /// job goes on, and the handle is as good as before.
    ///
    /// # Errors
    /// `WaitTimeout` when the time is up. `JobFailed`, or the kind the service gives as reason (`ContentFiltered`, ...), with `job_ended()` true, when it
    /// failed; failed jobs are not billed. `Unauthenticated` and `PermissionDenied` when the key is refused: the job goes on, see
    /// [`Client::set_api_key`]; `Config` when no key can be had, with the same meaning. `NotFound`, `Expired`, `Cancelled`, `Closed`.
    pub fn wait(&self) -> Wait {
        Wait {
            job: self.clone(),
            timeout: None,
        }
    }

    /// The results, if it is known to be completed.
    ///
    /// # Errors
    /// The error with which the job ended.
    pub fn completed(&self) -> Option<Result<Completed>> {
        self.ending(&self.cell.snapshot())
    }

    /// Until the service has said that it runs; for ever when it says that it has ended.
    pub(crate) async fn seen_running(&self) {
        let mut watch = self.cell.watch();
        let seen = watch
            .wait_for(|known| known.status.is_some() && !known.is_ended())
            .await;
        // Only without the cell, which is held here.
        drop(seen);
    }

    /// Another process waits for it, in the place of one who waits here: until that is over it is asked for rarely, and then at once.
    pub(crate) fn watched_elsewhere(&self) -> WatchedElsewhere {
        self.cell.watch_elsewhere();
        WatchedElsewhere(Arc::new(Watching {
            job: self.clone(),
            over: AtomicBool::new(false),
        }))
    }

    fn ending(&self, snapshot: &Snapshot) -> Option<Result<Completed>> {
        Some(match snapshot.ending.as_ref()? {
            Ending::Completed(results) => Ok(Completed::new(
                self.client.clone(),
                self.clone(),
                snapshot.created_at,
                results.clone(),
            )),
            Ending::Error(error) => Err(error.clone()),
        })
    }

    async fn wait_on(self, engine: Engine, timeout: Option<Duration>, work: Work) -> Result<Completed> {
        let limit = timeout.map(|timeout| tokio::time::Instant::now() + timeout.min(LONGEST));
        let _waiter = self.cell.wait_here();
        work.progress.set_phase(Phase::Waiting);
        let mut watch = self.cell.watch();
        // Both may call for the key, and a function that gives it may take its time.
        let ready = async {
            self.client.resume_with_new_key(&engine, &self.cell).await;
            match self.cell.snapshot().paused {
                // The function has just been asked.
                Some(error) if timeout != Some(Duration::ZERO) => Err(error),
                _ => Ok(Counted::new(&self.client, &self.cell).await),
            }
        };
        let _counted = tokio::select! {
            biased;
            () = work.cancel.cancelled() => return Err(self.stopped()),
            counted = ready => counted?,
            () = until(limit.filter(|_| timeout != Some(Duration::ZERO))) => {
                return Err(self.timed_out(timeout.unwrap_or_default(), &self.cell.snapshot()));
            }
        };
        engine.schedule.track(Arc::clone(&self.cell), false);
        if timeout == Some(Duration::ZERO) && !self.cell.is_ended() {
            // "Only look", for a handle that may know nothing yet: one look at the service.
            tokio::select! {
                _ = engine.schedule.poll_once(Arc::clone(&self.cell)) => {}
                () = work.cancel.cancelled() => return Err(self.stopped()),
            }
        }
        loop {
            let snapshot = watch.borrow_and_update().clone();
            let unreachable = snapshot
                .unreachable_since
                .map(|since| SystemTime::now().duration_since(since).unwrap_or_default());
            work.progress.set_waiting(snapshot.status.clone(), unreachable);
            if let Some(ending) = self.ending(&snapshot) {
                return ending;
            }
            if let Some(error) = snapshot.paused {
                return Err(error);
            }
            tokio::select! {
                changed = watch.changed() => if changed.is_err() {
                    return Err(self.stopped());
                },
                () = work.cancel.cancelled() => return Err(self.stopped()),
                () = until(limit) => return Err(self.timed_out(timeout.unwrap_or_default(), &self.cell.snapshot())),
            }
        }
    }

    fn stopped(&self) -> Error {
        let error = if self.client.is_closed() {
            Error::new(ErrorKind::Closed, "the client was closed during a wait")
        } else {
            cancelled("the wait")
        };
        error
            .about_job(self.reference())
            .with_advice("the job goes on; attach to it again by its reference")
    }

    fn timed_out(&self, timeout: Duration, snapshot: &Snapshot) -> Error {
        let status = snapshot.status.as_ref().map_or("not known yet", Status::as_str);
        let mut text = format!(
            "the time limit of {} s is over, the job is {status}",
            timeout.as_secs_f64()
        );
        if let Some(error) = snapshot
            .last_error
            .as_ref()
            .filter(|_| snapshot.unreachable_since.is_some())
        {
            text.push_str(&format!(" (the service cannot be reached: {})", error.message()));
        }
        Error::new(ErrorKind::WaitTimeout, text)
            .about_job(self.reference())
            .with_advice("it goes on; wait again when you like")
    }
}

/// That another process waits for a job; see [`Job::watched_elsewhere`]. Clones are the same one.
#[derive(Clone)]
pub(crate) struct WatchedElsewhere(Arc<Watching>);

struct Watching {
    job: Job,
    over: AtomicBool,
}

impl WatchedElsewhere {
    pub(crate) fn job(&self) -> &Job {
        &self.0.job
    }

    /// There is word from there, or nobody here waits for one any more. Once.
    pub(crate) fn end(&self) {
        if !self.0.over.swap(true, Ordering::AcqRel) {
            let Job { client, cell } = &self.0.job;
            cell.no_longer_elsewhere();
            client.ask_now(cell);
        }
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.reference() == other.reference()
    }
}

impl Eq for Job {}

impl std::hash::Hash for Job {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.reference().hash(state);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Job({}, {})",
            self.reference(),
            self.status()
                .map_or_else(|| "not asked yet".to_owned(), |status| status.to_string())
        )
    }
}

/// A wait being prepared; see [`Job::wait`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Wait {
    job: Job,
    timeout: Option<Duration>,
}

impl Wait {
    /// Gives up waiting after this time; the job goes on. Zero looks once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Starts the wait on the runtime, for callers that look at it from elsewhere.
    pub fn start(self) -> Operation<Completed> {
        let Self { job, timeout } = self;
        let client = job.client.clone();
        let span = operation_span!(INFO, POLL, "wait", { ltx::JOB } = %job.reference());
        let reference = job.reference().clone();
        client.run_about(&reference, span, move |engine, work| job.wait_on(engine, timeout, work))
    }
}

impl IntoFuture for Wait {
    type Output = Result<Completed>;
    type IntoFuture = Running<Completed>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

/// A poll being prepared; see [`Job::poll`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Poll {
    job: Job,
}

impl Poll {
    /// Starts the poll on the runtime.
    pub fn start(self) -> Operation<Snapshot> {
        let Job { client, cell } = self.job;
        let span = operation_span!(INFO, POLL, "poll", { ltx::JOB } = %cell.reference);
        let reference = cell.reference.clone();
        client.run_about(&reference, span, move |engine, work| async move {
            work.progress.set_phase(Phase::Waiting);
            let polled = tokio::select! {
                polled = engine.schedule.poll_once(Arc::clone(&cell)) => polled,
                () = work.cancel.cancelled() => Err(cancelled("the poll")),
            };
            // What the service says of a job it does not know is no claim that there is one.
            polled.map_err(|error| match error.kind() {
                ErrorKind::NotFound => error,
                _ => error.about_job(&cell.reference),
            })
        })
    }
}

impl IntoFuture for Poll {
    type Output = Result<Snapshot>;
    type IntoFuture = Running<Snapshot>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

/// The place that a job of before takes while it is waited for: free when the job has ended, else left to age.
struct Counted<'a> {
    cell: &'a JobCell,
    place: Option<Place>,
}

impl<'a> Counted<'a> {
    async fn new(client: &Client, cell: &'a JobCell) -> Self {
        let place = match cell.is_ended() {
            false => client.place_of_running(&cell.reference).await,
            true => None,
        };
        Self { cell, place }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take().filter(|_| !self.cell.is_ended()) {
            place.leave();
        }
    }
}

async fn until(limit: Option<tokio::time::Instant>) {
    match limit {
        Some(limit) => tokio::time::sleep_until(limit).await,
        None => std::future::pending().await,
    }
}
