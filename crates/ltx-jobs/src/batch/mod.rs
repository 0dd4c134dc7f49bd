//! Many requests as one piece of work: submitted as the service allows, waited for, saved, and told one by one.
//!
//! A batch has a name, and each item a key in it: started again, in another process or on another day, it goes on with the jobs that are there. `item` is
//! one request, `outcome` what became of it, `handover` a job that somebody else waits for or brings home; `desk` is what the lanes of `run` share, `ranked` and
//! `trouble` its pure decisions.

mod desk;
mod handover;
mod item;
mod news;
mod outcome;
mod ranked;
mod run;
mod transfers;
mod trouble;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::handover::{Handover, HandoverPlace, SaveHandover, WaitHandover};
pub use self::item::BatchItem;
pub use self::outcome::{BatchOutcome, BatchProgress, BatchState};
pub use self::transfers::BatchTransfer;

use self::desk::Desk;
use self::item::Keep;
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Destination;
use crate::money::Usd;
use crate::operation::Operation;
#[cfg(feature = "rehost")]
use crate::rehost::StoreDestination;
use crate::submit::OnUnknown;
use crate::telemetry::{SUBMIT, ltx, operation_span};
use crate::transfer::check_line;

/// Submits that are prepared and sent at the same time.
const SUBMITS: usize = 4;

/// Jobs that are saved at the same time; each of them over as many connections as pay.
const SAVES: usize = 2;

/// Items that may wait to be submitted before `push` waits.
const QUEUE: usize = 256;

/// Most lanes of one kind.
const MOST: usize = 64;

/// Most jobs that are handed over at the same time.
const MOST_HANDED_OVER: usize = 256;

/// A batch being prepared; see [`Client::batch`].
#[must_use = "nothing happens before it is started"]
#[derive(Debug, Clone)]
pub struct Batch {
    client: Client,
    options: Options,
}

#[derive(Debug, Clone)]
struct Options {
    name: String,
    keep: Option<Keep>,
    overwrite: bool,
    resume: bool,
    bandwidth: Option<u64>,
    lock_timeout: Option<Duration>,
    count_costs: bool,
    max_cost: Option<Usd>,
    spend_limit: Option<Usd>,
    on_unknown: OnUnknown,
    submits_at_once: usize,
    saves_at_once: usize,
    /// Somebody else saves.
    hand_over: bool,
    /// Jobs that somebody else waits for at the same time.
    hand_over_waits: usize,
    queue: usize,
}

impl Options {
    fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "the name of a batch is empty"));
        }
        if let Some(keep) = &self.keep {
            keep.check()?;
        }
        check_line(None, self.bandwidth)
    }

    /// The `once` key of an item.
    fn once(&self, key: &str) -> String {
        // A name with a slash and a key without one are not a name without and a key with one.
        let name = self.name.replace('%', "%25").replace('/', "%2F");
        format!("batch:{name}/{key}")
    }
}

impl Client {
    /// A batch of requests under a name. **Every item is billed** if its job succeeds.
    ///
    /// Each item is submitted under a [`once`](crate::Submit::once) key made of both names. So a batch that was killed, stopped or paused is simply started
    /// again with the same items: what is saved is skipped, what runs is waited for, what was not billed is submitted again, and what is unknown is told
    /// and never submitted again without consent.
    ///
    /// ```no_run
    /// # use ltx_jobs::{BatchItem, Client, Media, VideoToVideoHdr};
    /// # async fn film(client: Client) -> ltx_jobs::Result<()> {
    /// let batch = client.batch("reel 2").dest("shots").start();
    /// for shot in ["sh010", "sh020"] {
    ///     let request = VideoToVideoHdr::new(Media::file(format!("plates/{shot}.mp4")));
    ///     batch.push(BatchItem::new(shot, request)).await?;
    /// }
    /// batch.finish();
    /// while let Some(outcome) = batch.next().await {
    ///     println!("{}: {}", outcome.key, outcome.state);
    /// }
    /// println!("{}", batch.snapshot());
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch(&self, name: impl Into<String>) -> Batch {
        Batch {
            client: self.clone(),
            options: Options {
                name: name.into(),
                keep: None,
                overwrite: false,
                resume: true,
                bandwidth: None,
                lock_timeout: None,
                count_costs: false,
                max_cost: None,
                spend_limit: None,
                on_unknown: OnUnknown::default(),
                submits_at_once: SUBMITS,
                saves_at_once: SAVES,
                hand_over: false,
                hand_over_waits: 0,
                queue: QUEUE,
            },
        }
    }
}

impl Batch {
    /// Saves the outputs of every item that has no destination of its own into a directory named after its key, below this one. Without, such items are
    /// waited for and not saved. `{key}` in the names of frames becomes the last part of the key: `{key}.{frame:04}.exr`.
    pub fn dest(mut self, dest: impl Into<Destination>) -> Self {
        self.options.keep = Some(Keep::Directory(dest.into()));
        self
    }

    /// As [`dest`](Self::dest), to an object store instead of the disk: below this URL, under the key of each item.
    #[cfg(feature = "rehost")]
    pub fn rehost(mut self, dest: impl Into<StoreDestination>) -> Self {
        self.options.keep = Some(Keep::Store(dest.into()));
        self
    }

    /// Whether downloads go on with what an interrupted one left, as [`Download::resume`](crate::Download::resume); the default does.
    pub fn resume(mut self, resume: bool) -> Self {
        self.options.resume = resume;
        self
    }

    /// A limit in bytes per second, for everything the batch saves together.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.options.bandwidth = Some(bytes_per_second);
        self
    }

    /// How long to wait for a file that somebody else is fetching to the same place, as [`Download::lock_timeout`](crate::Download::lock_timeout).
    pub fn lock_timeout(mut self, limit: Duration) -> Self {
        self.options.lock_timeout = Some(limit);
        self
    }

    /// Estimates what its jobs cost also where nothing is limited, for [`BatchProgress::committed`]. What cannot be estimated is not counted.
    pub fn count_costs(mut self, count: bool) -> Self {
        self.options.count_costs = count;
        self
    }

    /// Replaces different files that are there.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.options.overwrite = overwrite;
        self
    }

    /// As [`Submit::max_cost`](crate::Submit::max_cost), for every item without one of its own.
    pub fn max_cost(mut self, limit: Usd) -> Self {
        self.options.max_cost = Some(limit);
        self
    }

    /// Refuses items whose estimate would bring the batch above this amount, counting what runs of before have submitted: they end as
    /// [`NotSubmitted`](BatchState::NotSubmitted), and so do items of which no estimate can be made.
    pub fn spend_limit(mut self, limit: Usd) -> Self {
        self.options.spend_limit = Some(limit);
        self
    }

    /// What to do when the outcome of an attempt is unknown; the default stops that item.
    pub fn on_unknown(mut self, on_unknown: OnUnknown) -> Self {
        self.options.on_unknown = on_unknown;
        self
    }

    /// Submits that are prepared (hashed, uploaded for) and sent at the same time, 1 to 64; 4 by default. How many jobs run is for the service to say, or for
    /// the client's `max_concurrent_jobs`.
    pub fn submits_at_once(mut self, number: usize) -> Self {
        self.options.submits_at_once = number.clamp(1, MOST);
        self
    }

    /// Jobs whose outputs are saved at the same time, 1 to 64; 2 by default. What expires first is saved first.
    pub fn saves_at_once(mut self, number: usize) -> Self {
        self.options.saves_at_once = number.clamp(1, MOST);
        self
    }

    /// Leaves it to the caller to bring the outputs home, on other machines for example: completed jobs whose outputs are to be saved come by
    /// [`BatchRun::handed_over`], what expires first at first, and at most `at_once` (1 to 256) are out at the same time. Each is answered once, and counts
    /// as being saved until then. Limits of speed and the like are then the caller's. Everything else is as ever: an item whose files a run before has saved
    /// is not handed over again while they are there.
    pub fn hand_over(mut self, at_once: usize) -> Self {
        self.options.hand_over = true;
        self.options.saves_at_once = at_once.clamp(1, MOST_HANDED_OVER);
        self
    }

    /// Leaves it to the caller to wait for its jobs too, on other machines for example: each that the service says runs comes by [`BatchRun::handed_over`], and
    /// at most `at_once` (0 to 256) are out at the same time; the others are waited for as ever.
    ///
    /// Until one is [`ended`](WaitHandover::ended) or dropped, the client itself asks for it at every twelfth interval only, once a minute with the usual one and
    /// at least once an hour, so that no end is missed when whoever waits dies, and places of `max_concurrent_jobs` become free. Once it is, the client asks at
    /// once. Whoever waits elsewhere asks the service by itself: a `Retry-After` and the limit of polls in flight are for each process.
    pub fn hand_over_waits(mut self, at_once: usize) -> Self {
        self.options.hand_over_waits = at_once.min(MOST_HANDED_OVER);
        self
    }

    /// Refuses what the batch would not take, or could not save, before anything is submitted: a request that can never be right, a key, a store's URL or a
    /// pattern for frames that is none, and a key that names no directory below that of the batch. Gives what is odd and allowed. Looks at nothing outside.
    ///
    /// # Errors
    /// `InvalidRequest`, and `UnsafeName` for a key that names no directory.
    pub fn check(&self, item: &BatchItem) -> Result<Vec<String>> {
        let warnings = item.check()?;
        item.kept(self.options.keep.as_ref())?;
        Ok(warnings)
    }

    /// Refuses options that can never be right, as the first item would be refused: no name, a store's URL or a pattern for frames that is none, a limit of
    /// nothing. Looks at nothing outside.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn check_options(&self) -> Result<()> {
        self.options.check()
    }

    /// Starts it on the runtime. It submits what is pushed, from the first item on.
    pub fn start(self) -> BatchRun {
        let Self { client, options } = self;
        let span = operation_span!(INFO, SUBMIT, "batch", { ltx::BATCH } = %options.name);
        let stop = client.stop_token().child_token();
        let desk = Arc::new(Desk::new(client.clone(), options, stop));
        let shared = Arc::clone(&desk);
        let operation = client.run(span, move |_, work| async move {
            shared.options.check()?;
            // A cancelled operation is a stopped batch.
            let (stop, cancelled) = (shared.stop.clone(), work.cancel.clone());
            let watching = tokio::spawn(async move {
                cancelled.cancelled().await;
                stop.cancel();
            });
            let account = run::run(shared).await;
            watching.abort();
            account
        });
        let at_end = Arc::clone(&desk);
        operation.on_end(move || at_end.news.end());
        BatchRun(Arc::new(Handle { desk, operation }))
    }
}

/// A batch that runs. Clones are handles to the same one; when the last is dropped, it is stopped.
#[derive(Clone)]
pub struct BatchRun(Arc<Handle>);

struct Handle {
    desk: Arc<Desk>,
    operation: Operation<BatchProgress>,
}

impl BatchRun {
    /// Adds an item. Waits while as many wait to be submitted as the batch holds (256), and while the outputs of many completed jobs wait to be saved.
    ///
    /// # Errors
    /// `InvalidRequest` for a request that can never be right, and for a key that is there already; `InvalidState` after [`finish`](Self::finish).
    pub async fn push(&self, item: BatchItem) -> Result<()> {
        tokio::select! {
            () = self.0.desk.room() => {}
            () = self.0.desk.stop.cancelled() => {}
        }
        self.push_now(item)
    }

    /// As [`push`](Self::push), for threads: adds it at once. Ask [`has_room`](Self::has_room) before.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_now(&self, item: BatchItem) -> Result<()> {
        if let Some(error) = self.error() {
            return Err(error);
        }
        self.0.desk.push(item)
    }

    /// Whether [`push`](Self::push) would not wait.
    pub fn has_room(&self) -> bool {
        self.0.desk.has_room()
    }

    /// Says that no more items come.
    pub fn finish(&self) {
        self.0.desk.finish();
    }

    /// The next outcome, in the order they happen; `None` when every item has one and [`finish`](Self::finish) or [`stop`](Self::stop) was called.
    pub async fn next(&self) -> Option<BatchOutcome> {
        self.0.desk.news.next().await
    }

    /// The next outcome if there is one: `None` when not yet, `Some(None)` when there will be none. Never blocks.
    pub fn take(&self) -> Option<Option<BatchOutcome>> {
        self.0.desk.news.take()
    }

    /// Parks the calling thread until [`take`](Self::take) has something to give or the time is up; `None` has no limit. False when the time was up first.
    /// Not for async code.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.0.desk.news.wait(timeout)
    }

    /// The next job to wait for or to bring home, of a batch with [`Batch::hand_over`] or [`Batch::hand_over_waits`]; `None` when there will be none.
    pub async fn handed_over(&self) -> Option<Handover> {
        self.0.desk.news.handed_over().await
    }

    /// As [`handed_over`](Self::handed_over), for threads: parks the calling one. `None` when the time was up first, `Some(None)` when there will be none; no
    /// time has no limit.
    pub fn wait_handed_over(&self, timeout: Option<Duration>) -> Option<Option<Handover>> {
        self.0.desk.news.wait_handed_over(timeout)
    }

    /// The numbers, from memory.
    pub fn snapshot(&self) -> BatchProgress {
        self.0.desk.progress()
    }

    /// What is being saved right now, from memory.
    pub fn transfers(&self) -> Vec<BatchTransfer> {
        self.0.desk.transfers.look()
    }

    /// Submits nothing more, and says why in [`BatchProgress::paused`](BatchProgress): a paid POST that is on the wire is finished and written down, other
    /// items that are left end as [`NotSubmitted`](BatchState::NotSubmitted), what runs is waited for and saved. Returns at once. Started again, the batch
    /// goes on.
    pub fn pause(&self, why: impl Into<String>) {
        self.0.desk.pause(why.into());
    }

    /// Stops it: nothing more is submitted, a paid POST that is on the wire is finished and written down, waits and transfers end. Returns at once; the
    /// outcomes of what is left come as usual. Started again, the batch goes on.
    pub fn stop(&self) {
        self.0.desk.stop.cancel();
    }

    /// Whether it has ended: every item has its outcome.
    pub fn is_ended(&self) -> bool {
        self.0.operation.is_ended()
    }

    /// The error with which the whole batch ended, if it could not be run: the client was closed, or belongs to another process.
    pub fn error(&self) -> Option<Error> {
        self.0.operation.error()
    }
}

impl fmt::Debug for BatchRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRun")
            .field("name", &self.0.desk.options.name)
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.desk.stop.cancel();
    }
}
