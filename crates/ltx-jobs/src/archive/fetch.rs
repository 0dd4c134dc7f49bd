//! Members of an archive on their way: asked for in frame order, over several connections, each handed to a worker that makes something of it.
//!
//! What becomes of a member is the outlet's business: a file, or bytes in memory. A member that arrives damaged is fetched once more by its own range;
//! then the outlet is told, and the others go on. Bounded: each lane holds a few hands of bytes and one buffer, whatever the size of the archive.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::archive::batch::{Batch, GAP, Wanted, batches};
use crate::archive::member::{BLOCK, Fault};
use crate::archive::reader::{ArchiveReader, FileReader, Portion, PortionReader, Watched};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::transfer::plan::Facts;
use crate::transfer::sink::joined;
use crate::transfer::source::Source;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transport::ByteRange;

/// Bytes handed to a worker at once, and how many such hands may wait.
const PORTION: usize = 256 << 10;
const PORTIONS: usize = 4;

/// Longest wait for workers that were told to stop: a caller who cancels is to be back within 100 ms, however slow the disk is.
const MOMENT: Duration = Duration::from_millis(50);

/// How many connections a fetch may use at once. Asked before each request, so that whoever knows the line better may answer differently over time.
pub(crate) type Width = Arc<dyn Fn() -> usize + Send + Sync>;

/// Connections where nobody knows better: enough for a line that limits each of them, and no burden for one that does not.
const CONNECTIONS: usize = 4;

/// As many as the caller or the settings say.
pub(crate) fn usual_width(flow: &Flow) -> Width {
    let most = flow.connections.unwrap_or(CONNECTIONS);
    Arc::new(move || most)
}

/// Where the archive lies.
#[derive(Clone)]
pub(crate) enum Store {
    /// On the storage, which answers ranges.
    Remote { source: Arc<Source>, facts: Facts },
    /// In a file of ours.
    Local { path: PathBuf },
}

/// What becomes of the members. Called on the blocking pool, by several workers at the same time.
pub(crate) trait Outlet: Send + Sync + 'static {
    /// Waits until there is room for the members of a batch. Asked in frame order, for one batch at a time.
    fn admit<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, ()>;

    /// Makes something of one member. `input` stands at its local header and ends where the next member may begin; `buffer` is working space.
    ///
    /// # Errors
    /// What ends the whole fetch. A fault of the member alone is given back as such.
    fn take(&self, wanted: &Wanted, input: &mut dyn Read, buffer: &mut [u8]) -> Result<std::result::Result<(), Fault>>;

    /// The member arrived damaged twice.
    fn give_up(&self, wanted: &Wanted, error: Error);
}

/// See the module's first lines.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) flow: Flow,
    pub(crate) progress: ProgressSink,
    pub(crate) store: Store,
    pub(crate) width: Width,
    /// Whether reading a file of ours is progress too. Not where its bytes were told of as they arrived, by the same operation.
    pub(crate) reading_counts: bool,
    /// What is being done, for the error of a cancelled one.
    pub(crate) what: &'static str,
}

impl Fetch {
    /// Brings `wanted`, which is in frame order, to `outlet`; asks for at most `most` bytes at once.
    ///
    /// # Errors
    /// The first error that ends it all. On return no worker runs any more, but for one that hangs in a disk.
    pub(crate) async fn run(&self, wanted: Vec<Wanted>, most: u64, outlet: &Arc<dyn Outlet>) -> Result<()> {
        let workers = TaskTracker::new();
        let outcome = self.drive(batches(wanted, GAP, most), outlet, &workers).await;
        // The lanes are gone by now, and workers end without their input.
        workers.close();
        let _ = tokio::time::timeout(MOMENT, workers.wait()).await;
        outcome
    }

    /// Whether the bytes of members are progress.
    fn counts(&self) -> bool {
        matches!(self.store, Store::Remote { .. }) || self.reading_counts
    }

    async fn drive(&self, batches: Vec<Batch>, outlet: &Arc<dyn Outlet>, workers: &TaskTracker) -> Result<()> {
        if self.counts() {
            self.progress.add_total(batches.iter().map(bytes_of).sum());
        }
        let mut batches = VecDeque::from(batches);
        let mut lanes = FuturesUnordered::new();
        loop {
            let next = batches.front().filter(|_| lanes.len() < (self.width)().max(1));
            if next.is_none() && lanes.is_empty() {
                return Ok(());
            }
            let admission = async {
                match next {
                    Some(batch) => outlet.admit(batch).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.flow.cancel.cancelled() => return Err(cancelled(self.what)),
                Some(done) = lanes.next(), if !lanes.is_empty() => done?,
                () = admission => {
                    if let Some(batch) = batches.pop_front() {
                        lanes.push(self.lane(batch, outlet, workers).boxed());
                    }
                }
            }
        }
    }

    /// One batch, and what was damaged of it once more.
    async fn lane(&self, batch: Batch, outlet: &Arc<dyn Outlet>, workers: &TaskTracker) -> Result<()> {
        for (wanted, fault) in self.once(batch, outlet, workers).await? {
            tracing::warn!(target: crate::telemetry::TRANSFER, frame = %wanted.member.name, why = %why_of(&fault), "a frame arrived damaged; fetching it once more");
            let alone = Batch { wanted: vec![wanted] };
            if self.counts() {
                self.progress.add_total(bytes_of(&alone));
            }
            for (wanted, fault) in self.once(alone, outlet, workers).await? {
                outlet.give_up(&wanted, named(&wanted.member.name, &fault));
            }
        }
        Ok(())
    }

    /// One request and its worker. Gives back what arrived damaged.
    async fn once(
        &self,
        batch: Batch,
        outlet: &Arc<dyn Outlet>,
        workers: &TaskTracker,
    ) -> Result<Vec<(Wanted, Fault)>> {
        let span = batch.span();
        let mut worker = Worker {
            outlet: Arc::clone(outlet),
            cancel: self.flow.cancel.clone(),
            what: self.what,
        };
        match &self.store {
            Store::Remote { source, facts } => {
                let (portions, received) = mpsc::channel(PORTIONS);
                let input = Box::new(PortionReader::new(received));
                let working = workers.spawn_blocking(move || worker.work(batch.wanted, input));
                self.bring(source, facts, span, portions).await?;
                joined(working.await)
            }
            Store::Local { path } => {
                let (path, cancel) = (path.clone(), self.flow.cancel.clone());
                let working = workers.spawn_blocking(move || {
                    let file = File::open(&path)
                        .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
                    worker.work(batch.wanted, Box::new(FileReader { file, cancel }))
                });
                let damaged = joined(working.await)?;
                if self.reading_counts {
                    self.progress.add_bytes(span.end - span.start);
                }
                Ok(damaged)
            }
        }
    }

    /// Moves the bytes of `span` into a worker. Ends early, without an error, when the worker has ended: it tells why.
    async fn bring(
        &self,
        source: &Arc<Source>,
        facts: &Facts,
        span: std::ops::Range<u64>,
        portions: mpsc::Sender<Portion>,
    ) -> Result<()> {
        let asked = ByteRange::Span {
            start: span.start,
            end: Some(span.end),
        };
        let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(source), asked, Some(facts.clone()))
            .content_is_proven_later();
        let mut portion = Portion::at(span.start);
        while let Some(bytes) = stream.next().await? {
            self.progress.add_bytes(bytes.len() as u64);
            portion.size += bytes.len();
            portion.pieces.push_back(bytes);
            if portion.size >= PORTION {
                let full = std::mem::replace(&mut portion, Portion::at(stream.position()));
                if portions.send(full).await.is_err() {
                    return Ok(());
                }
            }
        }
        if portion.size > 0 {
            let _ = portions.send(portion).await;
        }
        Ok(())
    }
}

fn bytes_of(batch: &Batch) -> u64 {
    let span = batch.span();
    span.end - span.start
}

/// Runs on the blocking pool, alone with its input.
struct Worker {
    outlet: Arc<dyn Outlet>,
    cancel: CancellationToken,
    what: &'static str,
}

impl Worker {
    fn work(&mut self, batch: Vec<Wanted>, input: Box<dyn ArchiveReader>) -> Result<Vec<(Wanted, Fault)>> {
        let mut damaged = Vec::new();
        let mut input = Watched {
            inner: input,
            broken: None,
        };
        let mut buffer = vec![0; BLOCK];
        for wanted in batch {
            if self.cancel.is_cancelled() {
                return Err(cancelled(self.what));
            }
            let span = wanted.member.span.clone();
            input
                .inner
                .seek_to(span.start)
                .map_err(|error| self.input_error(error))?;
            // A member that reads on into its neighbour is damaged, wherever its neighbour is.
            let mut own = Read::by_ref(&mut input).take(span.end - span.start);
            let outcome = self.outlet.take(&wanted, &mut own, &mut buffer);
            if let Some(error) = input.broken.take() {
                return Err(self.input_error(error));
            }
            if let Err(fault) = outcome? {
                damaged.push((wanted, fault));
            }
        }
        Ok(damaged)
    }

    fn input_error(&self, error: io::Error) -> Error {
        if self.cancel.is_cancelled() {
            cancelled(self.what)
        } else {
            Error::io("cannot read the archive", error)
        }
    }
}

/// The error for a frame that arrived damaged twice.
fn named(name: &str, fault: &Fault) -> Error {
    match fault {
        Fault::Inconsistent(why) => Error::new(
            ErrorKind::Archive,
            format!("the frame {name:?} of the archive is not usable: {why}"),
        ),
        Fault::Damaged(why) => Error::new(
            ErrorKind::Integrity,
            format!("the frame {name:?} arrived damaged twice: {why}"),
        )
        .with_advice("the other frames are not touched by it; ask again to fetch only what is missing"),
    }
}

fn why_of(fault: &Fault) -> &str {
    match fault {
        Fault::Damaged(why) | Fault::Inconsistent(why) => why,
    }
}
