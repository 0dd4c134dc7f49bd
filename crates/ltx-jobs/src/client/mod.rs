//! The client: where everything begins. Cheap to clone and to share; opens no socket and starts no thread before the first operation.

mod builder;
mod check;
mod engine;
mod estimate;
pub(crate) mod inputs;
mod recover;
mod upload;
mod uploads;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

pub use builder::ClientBuilder;
pub use check::{Check, Checked, CheckedPart, Finding, FindingState};
pub(crate) use engine::Engine;
pub(crate) use estimate::Commitment;
pub use estimate::Estimating;
pub use recover::{Jobs, JournaledSubmit, Recover, Recovered, Resolve, SubmitState};
pub use upload::Upload;

use crate::config::{Origin, Settings};
use crate::counters::{Counters, Tally};
use crate::error::{Billing, Error, ErrorKind, Result};
use crate::job::{Given, Job, JobCell, JobRef, Snapshot};
use crate::journal::{ChosenJournal, Fate, Journal};
use crate::keys::{Keys, Renewal};
use crate::money::{PriceTable, Spending};
use crate::operation::{Operation, Work, cancelled};
use crate::request::Request;
use crate::retry::Budget;
use crate::runtime::Executor;
use crate::secret::ApiKey;
use crate::submit::{Place, Places, Submit};

/// Retries all operations of a client share; see `retry::budget`.
const RETRIES: u32 = 500;

/// How long a closing client waits for its cancelled operations to end by themselves.
const MOMENT: Duration = Duration::from_millis(80);

/// A client of the service. Clones are the same client; jobs, polls and connections are shared.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    settings: Settings,
    keys: Arc<Keys>,
    executor: Executor,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) budget: Budget,
    /// The caller's table of prices, if there is one.
    prices: Option<Arc<PriceTable>>,
    spending: Arc<Spending>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) uploads: uploads::Uploads,
    /// Those of the key in use, once one was looked for.
    places: Mutex<Option<(String, Arc<Places>)>>,
    engine: Mutex<Option<Engine>>,
    /// Held while an engine is made.
    starting: tokio::sync::Mutex<()>,
    jobs: Mutex<HashMap<JobRef, Arc<JobCell>>>,
    /// Parent of every operation's token.
    stop: CancellationToken,
    /// Paid POSTs on the wire, and what follows until they are written down.
    pub(crate) paid: TaskTracker,
    /// Everything that runs; when closing, its outcomes are waited for a moment, so that each tells the truth about the bill.
    operations: TaskTracker,
    pub(crate) job_ended: Arc<Notify>,
    /// The process that used the client first; 0 before that.
    process: AtomicU32,
}

impl Client {
    /// A builder with the defaults; it reads the environment only when asked to.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// A client as the environment says: the key from `LTXV_API_KEY` or `LTX_API_KEY`, every other setting from its `LTX_` variable.
    ///
    /// # Errors
    /// `Config` when a value cannot be used or no key is set.
    pub fn from_env() -> Result<Self> {
        Self::builder().environment().build()
    }

    pub(crate) fn assemble(settings: Settings, executor: Executor, prices: Option<PriceTable>) -> Self {
        let stop = CancellationToken::new();
        let keys = Arc::new(Keys::new(settings.api_key.clone(), stop.clone()));
        Self(Arc::new(Inner {
            journal: Arc::new(ChosenJournal::new(&settings, Arc::clone(&keys))),
            keys,
            settings,
            executor,
            budget: Budget::new(RETRIES),
            prices: prices.map(Arc::new),
            spending: Arc::default(),
            tally: Arc::default(),
            uploads: uploads::Uploads::default(),
            places: Mutex::default(),
            engine: Mutex::new(None),
            starting: tokio::sync::Mutex::default(),
            jobs: Mutex::default(),
            stop,
            paid: TaskTracker::new(),
            operations: TaskTracker::new(),
            job_ended: Arc::default(),
            process: AtomicU32::new(0),
        }))
    }

    /// Submits a request. **Billed** if the job succeeds.
    ///
    /// The POST is sent again only with proof that no job exists. When nobody can tell, the error is `SubmitUnknown`, and nothing is resent.
    ///
    /// # Cancel safety
    /// Dropping the future withdraws the submit if its body has not left yet; otherwise the attempt is finished in the background and written to the journal.
    ///
    /// # Errors
    /// `InvalidRequest` and friends before any network; the service's refusals; `SubmitUnknown` and `IdLost`, whose `billing()` says what may be owed.
    pub fn submit(&self, request: impl Into<Request>) -> Submit {
        Submit::new(self.clone(), request.into())
    }

    /// A handle to a job by its reference; asks nobody. An `intent:` reference is looked up in the journal; for one of another client, or
    /// one whose outcome is unknown, that reads files on this thread.
    ///
    /// # Errors
    /// For an intent: the outcome of its submit when that is no job (`SubmitUnknown`, `IdLost`), `InvalidState` while it is still on its way, `NotFound` when the
    /// journal does not know it.
    pub fn job(&self, reference: JobRef) -> Result<Job> {
        let Some(intent) = reference.intent_id() else {
            return Ok(Job::new(
                self.clone(),
                self.cell(reference, Given::default(), false, None),
            ));
        };
        let error = match self.0.journal.fate(intent)? {
            Some(Fate::Accepted(job) | Fate::EndedUnbilled(job)) => {
                return Ok(Job::new(self.clone(), self.cell(job, Given::default(), true, None)));
            }
            Some(Fate::Open) => Error::new(ErrorKind::InvalidState, format!("{reference} is still being submitted"))
                .with_billing(Billing::Unknown)
                .with_retryable(true)
                .with_advice("ask again in a moment"),
            Some(Fate::Refused) => Error::new(ErrorKind::NotFound, format!("{reference} was refused: there is no job")),
            Some(Fate::Unknown { request_id }) => crate::submit::still_unknown(&reference).with_request_id(request_id),
            Some(Fate::IdLost { request_id }) => crate::submit::id_still_lost(&reference).with_request_id(request_id),
            None => Error::new(ErrorKind::NotFound, format!("the journal does not know {reference}")),
        };
        Err(error.with_job(&reference))
    }

    /// Does something with the journal off the async threads: it may take as long as a disk takes.
    pub(crate) async fn journaled<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Journal) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let journal = Arc::clone(&self.0.journal);
        match tokio::task::spawn_blocking(move || work(journal.as_ref())).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => {
                Err(Error::new(ErrorKind::Internal, "the journal panicked").with_billing(Billing::Unknown))
            }
            Err(_) => Err(Error::new(ErrorKind::Closed, "the client was closed").with_billing(Billing::Unknown)),
        }
    }

    /// The one cell of a job in this client.
    pub(crate) fn cell(
        &self,
        reference: JobRef,
        given: Given,
        submitted_here: bool,
        snapshot: Option<Snapshot>,
    ) -> Arc<JobCell> {
        let mut jobs = lock(&self.0.jobs);
        // Cells that nobody holds and nothing polls are of no use; swept now and then.
        if jobs.len() % 1024 == 1023 {
            jobs.retain(|_, cell| Arc::strong_count(cell) > 1 || (cell.submitted_here && !cell.is_ended()));
        }
        Arc::clone(jobs.entry(reference.clone()).or_insert_with(|| {
            Arc::new(JobCell::new(
                reference,
                given,
                submitted_here,
                snapshot.unwrap_or_else(|| Snapshot::new(None)),
            ))
        }))
    }

    /// The places of `max_concurrent_jobs` for a key.
    pub(crate) fn places(&self, key: &ApiKey) -> Arc<Places> {
        let key = key.fingerprint();
        let mut places = lock(&self.0.places);
        match &*places {
            Some((known, places)) if *known == key => Arc::clone(places),
            _ => {
                let found = Places::of(self.0.settings.base_url.as_str(), &key);
                *places = Some((key, Arc::clone(&found)));
                found
            }
        }
    }

    /// A place of `max_concurrent_jobs`, if that is set, for a job that is waited for and was not submitted here: it runs too.
    pub(crate) async fn place_of_running(&self, job: &JobRef) -> Option<Place> {
        self.0.settings.max_concurrent_jobs?;
        let key = self.0.keys.current().await.ok()?;
        self.places(&key).hold(job.to_string())
    }

    /// Jobs of this client that have not ended, as far as it knows.
    pub(crate) fn live_jobs(&self) -> Vec<JobRef> {
        let jobs = lock(&self.0.jobs);
        let live = jobs.values().filter(|cell| cell.submitted_here && !cell.is_ended());
        live.map(|cell| cell.reference.clone()).collect()
    }

    /// Uses another key from now on, also for jobs whose polling stopped because the old one was refused.
    pub fn set_api_key(&self, key: impl Into<ApiKey>) {
        self.0.keys.set(key.into());
        // Also when the text is the same: a key that was switched on again at the service. A wait that begins now must not find the old refusal.
        for cell in lock(&self.0.jobs).values() {
            cell.change(|snapshot| snapshot.paused = None);
        }
        if let Some(engine) = &*lock(&self.0.engine) {
            engine.schedule.key_changed();
        }
    }

    /// Before a wait on a job whose polling is paused: if there is another key by now, go on.
    pub(crate) async fn resume_with_new_key(&self, engine: &Engine, cell: &JobCell) {
        let Some(paused) = cell.snapshot().paused else { return };
        let refused = cell.refused_key();
        // Unless it was resumed meanwhile.
        let still_paused = |error: Error| {
            cell.change(|snapshot| snapshot.paused = snapshot.paused.take().map(|_| error));
        };
        match self.0.keys.renewed_since(refused.as_ref(), Instant::now()).await {
            Renewal::Key(_) => {
                cell.change(|snapshot| snapshot.paused = None);
                engine.schedule.key_changed();
            }
            Renewal::Same => {}
            // It may be for another reason now.
            Renewal::Failed(error) if refused.is_none() => {
                still_paused(error.about_job(&cell.reference));
            }
            failed @ Renewal::Failed(_) => {
                still_paused(failed.explain(paused));
            }
        }
    }

    /// The key to send now, unless the caller's work is cancelled first: a function that gives it may take its time.
    pub(crate) async fn key(&self, cancel: &CancellationToken) -> Result<ApiKey> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(self.closed_instead(cancelled("waiting for the API key"))),
            key = self.0.keys.current() => key,
        }
    }

    /// Every setting with its value and where that came from. The key shows as `***`.
    pub fn describe(&self) -> Vec<(&'static str, String, Origin)> {
        self.0.settings.describe()
    }

    /// What this client has done since it was made: submits, jobs, polls, retries, bytes, money. From memory, at any time, also when it is closed; see
    /// [`telemetry`](crate::telemetry).
    pub fn counters(&self) -> Counters {
        self.0.tally.counters(self.0.spending.committed())
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.0.keys
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Begins to close the client, and returns at once: every wait and transfer ends with `Closed`, and nothing begins any more. What is on the wire is
    /// finished as long as the runtime lives; [`close`](Self::close) and [`close_blocking`](Self::close_blocking) wait for it.
    pub fn begin_close(&self) {
        self.0.stop.cancel();
        self.0.paid.close();
    }

    /// Closes the client: every wait and transfer ends at once with `Closed`, and a paid POST that is on the wire gets `grace` to finish and be written
    /// down. Jobs go on at the service. Gives back whether every paid POST was finished.
    pub async fn close(&self, grace: Duration) -> bool {
        self.begin_close();
        tokio::time::timeout(grace.min(crate::config::LONGEST), self.0.paid.wait())
            .await
            .is_ok()
    }

    /// Closes the client from a thread that is not async, and ends its own runtime, if it has one, joining its threads.
    ///
    /// Returns how many threads had to be left behind because they hang in the operating system (a name resolution, for example); 0 is the rule. At most
    /// `grace` for paid POSTs and a moment for the threads. Not to be called from inside the runtime.
    pub fn close_blocking(&self, grace: Duration) -> usize {
        self.begin_close();
        let Executor::Owned(runtime) = &self.0.executor else {
            return 0;
        };
        if self.is_foreign() {
            runtime.forget();
            return 0;
        }
        let began = std::time::Instant::now();
        let grace = grace.min(crate::config::LONGEST);
        // Taken in a statement of its own: the lock must not be held while operations that begin just now want it.
        let engine = lock(&self.0.engine).take();
        if let Some(engine) = engine {
            let (paid, operations) = (self.0.paid.clone(), self.0.operations.clone());
            operations.close();
            let waiting = Operation::spawn(&engine.runtime, &CancellationToken::new(), move |_| async move {
                let _ = tokio::time::timeout(grace, paid.wait()).await;
                let _ = tokio::time::timeout(MOMENT, operations.wait()).await;
                Ok(())
            });
            waiting.wait(Some(grace + MOMENT));
        }
        let left = grace.saturating_sub(began.elapsed());
        runtime.shut_down(left)
    }

    /// Runs `work` on the runtime inside `span`, or ends at once with the reason why it cannot run. Never waits for network or disk.
    pub(crate) fn run<T, F, W>(&self, span: Span, work: W) -> Operation<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Engine, Work) -> F + Send + 'static,
    {
        if let Err(error) = self.usable() {
            return Operation::ended(Err(error));
        }
        let client = self.clone();
        self.run_in(span, move |handed| async move {
            let engine = client.engine().await?;
            work(engine, handed).await
        })
    }

    fn run_in<T, F, W>(&self, span: Span, work: W) -> Operation<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Work) -> F + Send + 'static,
    {
        let runtime = match self.0.executor.handle() {
            Ok(runtime) => runtime,
            Err(error) => return Operation::ended(Err(error)),
        };
        let counted = self.0.operations.token();
        Operation::spawn(&runtime, &self.0.stop, |handed| {
            let running = async move {
                let _counted = counted;
                let outcome = work(handed).await;
                if let Err(error) = &outcome {
                    crate::telemetry::failed(&Span::current(), error.kind().name());
                }
                outcome
            };
            running.instrument(span)
        })
    }

    /// As [`run`](Self::run), for work on a job that exists: whatever keeps the work from being done, the job goes on and is billed if it succeeds.
    pub(crate) fn run_about<T, F, W>(&self, job: &JobRef, span: Span, work: W) -> Operation<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Engine, Work) -> F + Send + 'static,
    {
        if let Err(error) = self.usable() {
            return Operation::ended(Err(error.about_job(job)));
        }
        let (client, job) = (self.clone(), job.clone());
        self.run_in(span, move |handed| async move {
            handed.if_dropped(Billing::JobExists(Some(job.clone())), &job);
            let engine = client.engine().await.map_err(|error| error.about_job(&job))?;
            work(engine, handed).await
        })
    }

    /// Whether an operation may begin: in the process that used the client first, and before it was closed.
    fn usable(&self) -> Result<()> {
        let here = std::process::id();
        let owner = self
            .0
            .process
            .compare_exchange(0, here, Ordering::AcqRel, Ordering::Acquire)
            .unwrap_or_else(|owner| owner);
        if owner != 0 && owner != here {
            return Err(forked(owner));
        }
        if self.is_closed() {
            Err(Error::new(ErrorKind::Closed, "the client was closed"))
        } else {
            Ok(())
        }
    }

    fn present_engine(&self) -> Option<Engine> {
        lock(&self.0.engine)
            .as_ref()
            .filter(|engine| !engine.schedule.is_gone())
            .cloned()
    }

    /// Asks for a job that is waited for out of turn, if anybody asks for it at all.
    pub(crate) fn ask_now(&self, cell: &Arc<JobCell>) {
        if let Some(engine) = self.present_engine() {
            engine.schedule.ask_now(Arc::clone(cell));
        }
    }

    /// The engine of the present runtime, made when there is none or when its runtime is gone.
    pub(crate) async fn engine(&self) -> Result<Engine> {
        if let Some(engine) = self.present_engine() {
            return Ok(engine);
        }
        let _one_at_a_time = self.0.starting.lock().await;
        if let Some(engine) = self.present_engine() {
            return Ok(engine);
        }
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the client was closed"));
        }
        let engine = Engine::start(self).await?;
        // Jobs of a runtime that is gone are polled on in this one.
        for cell in lock(&self.0.jobs).values().filter(|cell| !cell.is_ended()) {
            cell.forget_untold_end();
            if cell.submitted_here {
                engine.schedule.track(Arc::clone(cell), false);
            }
        }
        *lock(&self.0.engine) = Some(engine.clone());
        Ok(engine)
    }

    /// Whether this process is a forked child of the one that used the client.
    fn is_foreign(&self) -> bool {
        let owner = self.0.process.load(Ordering::Acquire);
        owner != 0 && owner != std::process::id()
    }

    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Held by work that must come to its end also after its caller has gone; closing the client gives it the grace of a paid POST.
    #[cfg(feature = "rehost")]
    pub(crate) fn finishing(&self) -> tokio_util::task::task_tracker::TaskTrackerToken {
        self.0.paid.token()
    }

    /// A cancellation that came from closing the client is told as such.
    pub(crate) fn closed_instead(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Cancelled && self.is_closed() {
            Error::new(ErrorKind::Closed, "the client was closed")
        } else {
            error
        }
    }
}

pub(crate) fn forked(owner: u32) -> Error {
    Error::new(
        ErrorKind::Forked,
        format!("this client was used in process {owner} before the fork; it does not work in its child"),
    )
    .with_advice("make a new client in the child")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Executor::Owned(runtime) = &self.executor {
            let owner = self.process.load(Ordering::Acquire);
            if owner != 0 && owner != std::process::id() {
                runtime.forget();
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Client");
        for (key, value, origin) in self.describe() {
            out.field(key, &format_args!("{value} ({origin})"));
        }
        out.finish()
    }
}
