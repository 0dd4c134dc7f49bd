//! Members of an archive on their way: asked for in frame order, over as many connections as pay or were asked for, each handed to a worker that makes
//! something of it.
//!
//! What becomes of a member is the outlet's business: a file, or bytes in memory. A member that arrives damaged is fetched once more by its own range;
//! then the outlet is told, and the others go on. Bounded: each lane (see `lanes`) holds a few hands of bytes and one buffer, whatever the size of the
//! archive.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::task::TaskTracker;

use crate::archive::batch::{Batch, GAP, Wanted, batches};
use crate::archive::lanes::Lanes;
use crate::archive::member::Fault;
use crate::error::{Error, Result};
use crate::progress::ProgressSink;
use crate::transfer::connections::Controller;
use crate::transfer::number::{self, Number};
use crate::transfer::plan::Facts;
use crate::transfer::source::Source;
use crate::transfer::stream::Flow;

/// Longest wait for workers that were told to stop: a caller who cancels is to be back within 100 ms, however slow the disk is.
const MOMENT: Duration = Duration::from_millis(50);

/// Connections at first where as many as pay are to be found: while one waits for its next answer, the other brings bytes.
const AT_FIRST: usize = 2;

/// A few requests for each connection there may be, and no request for less than this, were it possible: one costs what so many bytes do.
const SHARES: u64 = 4 * number::MOST as u64;
const LEAST: u64 = 1 << 20;

/// Workers that read an archive in a file of ours at the same time.
const READERS: usize = 4;

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
        let number = self.number();
        let most = match number.get() {
            1 if matches!(number, Number::Asked(_)) => most,
            _ => most.min(fair_share(&wanted)),
        };
        let batches = batches(wanted, GAP, most);
        if self.counts() {
            self.progress.add_total(batches.iter().map(bytes_of).sum());
        }
        let outcome = Lanes::new(self, outlet, &workers, &number).drive(batches, number).await;
        // The lanes are gone by now, and workers end without their input.
        workers.close();
        let _ = tokio::time::timeout(MOMENT, workers.wait()).await;
        outcome
    }

    /// Whether the bytes of members are progress.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.store, Store::Remote { .. }) || self.reading_counts
    }

    fn number(&self) -> Number {
        match (&self.store, self.flow.connections) {
            (Store::Local { .. }, _) => Number::asked(READERS),
            (Store::Remote { .. }, Some(asked)) => Number::asked(asked),
            (Store::Remote { .. }, None) => {
                let limit = self.flow.bandwidth.as_ref().map(|bandwidth| bandwidth.rate());
                Number::Measured(Controller::new(number::MOST, limit).beginning_with(AT_FIRST))
            }
        }
    }
}

/// Bytes that a request for a batch brings.
pub(crate) fn bytes_of(batch: &Batch) -> u64 {
    let span = batch.span();
    span.end - span.start
}

/// Bytes to be asked for at once, so that all connections that may pay have their part of little, and none is the last by far.
fn fair_share(wanted: &[Wanted]) -> u64 {
    let bytes = |wanted: &Wanted| wanted.member.span.end - wanted.member.span.start;
    let all: u64 = wanted.iter().map(bytes).sum();
    (all / SHARES).max(LEAST)
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
