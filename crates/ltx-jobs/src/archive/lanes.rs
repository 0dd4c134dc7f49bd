//! The requests of one fetch: as many at the same time as there are to be connections, each with a worker beside it, and what follows from their ends.
//!
//! What arrived damaged is asked for once more, by itself. A connection that cannot get on leaves its members to the others, and there are fewer from
//! then on; one that is alone is as patient as a single stream.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::archive::batch::{Batch, Wanted};
use crate::archive::fetch::{Fetch, Outlet, Store, bytes_of};
use crate::archive::member::Fault;
use crate::archive::reader::{FileReader, Portion, PortionReader};
use crate::archive::turns::{Turn, Turns};
use crate::archive::worker::Worker;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::telemetry::TRANSFER;
use crate::transfer::connections::Window;
use crate::transfer::number::{Number, is_of_the_line};
use crate::transfer::plan::Facts;
use crate::transfer::sink::joined;
use crate::transfer::source::Source;
use crate::transfer::stream::HealingStream;
use crate::transport::ByteRange;

/// Bytes handed to a worker at once, and how many such hands may wait.
const PORTION: usize = 256 << 10;
const PORTIONS: usize = 4;

/// One request to be made.
struct Task {
    batch: Batch,
    /// What arrived damaged before.
    again: bool,
}

/// How a request ended.
struct Ended {
    lane: u64,
    again: bool,
    /// It had no other beside it when it began, and was as patient as one alone has to be.
    patient: bool,
    outcome: Result<Brought>,
}

/// What a request brought.
#[derive(Default)]
struct Brought {
    damaged: Vec<(Wanted, Fault)>,
    /// What it leaves to others because its connection gave up, why, and bytes that were fetched in vain.
    left: Option<(Batch, Error, u64)>,
}

/// The requests of one fetch.
pub(crate) struct Lanes<'a> {
    fetch: &'a Fetch,
    outlet: &'a Arc<dyn Outlet>,
    workers: &'a TaskTracker,
    turns: Turns,
    /// Bytes that arrived.
    arrived: AtomicU64,
}

impl<'a> Lanes<'a> {
    pub(crate) fn new(
        fetch: &'a Fetch,
        outlet: &'a Arc<dyn Outlet>,
        workers: &'a TaskTracker,
        number: &Number,
    ) -> Self {
        Self {
            fetch,
            outlet,
            workers,
            turns: Turns::new(number.get()),
            arrived: AtomicU64::new(0),
        }
    }

    /// Brings the batches, which are in frame order.
    ///
    /// # Errors
    /// The first that ends it all.
    pub(crate) async fn drive(&self, batches: Vec<Batch>, mut number: Number) -> Result<()> {
        let total: u64 = batches.iter().map(bytes_of).sum();
        let cancel = &self.fetch.flow.cancel;
        let mut batches = VecDeque::from(batches);
        // What has to be fetched once more. There was room for it in the outlet, and still is.
        let mut again: VecDeque<Task> = VecDeque::new();
        let mut lanes = FuturesUnordered::new();
        let (mut began, mut from) = (Instant::now(), 0);
        loop {
            while lanes.len() < number.get()
                && let Some(task) = again.pop_front()
            {
                let patient = lanes.is_empty();
                lanes.push(self.lane(task, patient).boxed());
            }
            let next = batches.front().filter(|_| lanes.len() < number.get());
            if next.is_none() && lanes.is_empty() {
                return Ok(());
            }
            let held = next.is_some();
            let admission = async {
                match next {
                    Some(batch) => self.outlet.admit(batch).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(cancelled(self.fetch.what)),
                Some(ended) = lanes.next(), if !lanes.is_empty() => {
                    self.turns.end(ended.lane);
                    let others = lanes.len();
                    self.settle(ended, others, &mut number, &mut again)?;
                }
                () = admission => {
                    if let Some(batch) = batches.pop_front() {
                        let patient = lanes.is_empty();
                        lanes.push(self.lane(Task { batch, again: false }, patient).boxed());
                    }
                }
                () = tokio::time::sleep_until(began + number.window()) => {
                    let (now, arrived) = (Instant::now(), self.arrived.load(Ordering::Acquire));
                    // Before the first bytes, where the outlet has no room, and where little is left to ask for, a window says nothing of the line.
                    if from > 0 && !held && lanes.len() >= number.get() {
                        let window = Window {
                            length: now - began,
                            bytes: arrived.saturating_sub(from),
                            left: total.saturating_sub(arrived),
                        };
                        if let Some((before, wanted)) = number.after(window) {
                            tracing::debug!(target: TRANSFER, before, wanted, "another number of connections");
                        }
                    }
                    (began, from) = (now, arrived);
                }
            }
            self.turns.set(number.get());
        }
    }

    /// What follows from the end of a request, beside `others`.
    fn settle(&self, ended: Ended, others: usize, number: &mut Number, again: &mut VecDeque<Task>) -> Result<()> {
        let Brought { damaged, left } = ended.outcome?;
        if let Some((batch, error, in_vain)) = left {
            if ended.patient || !is_of_the_line(error.kind()) {
                return Err(error);
            }
            tracing::debug!(target: TRANSFER, connections = others, error = error.message(), "going on with fewer connections");
            number.refused_beyond(others);
            self.more_to_come(in_vain);
            again.push_front(Task {
                batch,
                again: ended.again,
            });
        }
        // The first in frame order is the first to be asked for.
        for (wanted, fault) in damaged.into_iter().rev() {
            let name = &wanted.member.name;
            if ended.again {
                self.outlet.give_up(&wanted, named(wanted.index, name, &fault));
                continue;
            }
            self.fetch.flow.tally.transfers_restarted.one();
            tracing::warn!(target: TRANSFER, frame = %name, why = %why_of(&fault), "a frame arrived damaged; fetching it once more");
            let batch = Batch { wanted: vec![wanted] };
            self.more_to_come(bytes_of(&batch));
            again.push_front(Task { batch, again: true });
        }
        Ok(())
    }

    fn more_to_come(&self, bytes: u64) {
        if self.fetch.counts() {
            self.fetch.progress.add_total(bytes);
        }
    }

    /// One request and its worker.
    async fn lane(&self, task: Task, patient: bool) -> Ended {
        let Task { batch, again } = task;
        let mut turn = self.turns.begin();
        let outcome = match &self.fetch.store {
            Store::Remote { source, facts } => self.remote(source, facts, batch, &mut turn, patient).await,
            Store::Local { path } => self.local(path.clone(), batch).await,
        };
        Ended {
            lane: turn.lane,
            again,
            patient,
            outcome,
        }
    }

    fn worker(&self) -> Worker {
        Worker {
            outlet: Arc::clone(self.outlet),
            cancel: self.fetch.flow.cancel.clone(),
            what: self.fetch.what,
        }
    }

    async fn local(&self, path: PathBuf, batch: Batch) -> Result<Brought> {
        let bytes = bytes_of(&batch);
        let worker = self.worker();
        let work = move || {
            let file =
                File::open(&path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
            let cancel = worker.cancel.clone();
            let worked = worker.work(batch.wanted, Box::new(FileReader { file, cancel }))?;
            match worked.broken {
                Some(error) => Err(worker.input_error(error)),
                None => Ok(worked.damaged),
            }
        };
        let damaged = joined(self.workers.spawn_blocking(work).await)?;
        if self.fetch.reading_counts {
            self.fetch.progress.add_bytes(bytes);
        }
        Ok(Brought { damaged, left: None })
    }

    async fn remote(
        &self,
        source: &Arc<Source>,
        facts: &Facts,
        batch: Batch,
        turn: &mut Turn,
        patient: bool,
    ) -> Result<Brought> {
        let span = batch.span();
        let asked = ByteRange::Span {
            start: span.start,
            end: Some(span.end),
        };
        let mut stream = HealingStream::new(self.fetch.flow.clone(), Arc::clone(source), asked, Some(facts.clone()))
            .content_is_proven_later();
        if !patient {
            stream = stream.impatient();
        }
        let starts = batch.wanted.iter().map(|wanted| wanted.member.span.start).collect();
        let (portions, received) = mpsc::channel(PORTIONS);
        let input = Box::new(PortionReader::new(received));
        let (worker, wanted) = (self.worker(), batch.wanted);
        let working = self.workers.spawn_blocking(move || {
            let worked = worker.work(wanted, input);
            (worker, worked)
        });
        let brought = self.bring(&mut stream, starts, portions, turn).await;
        let (worker, worked) = joined(working.await.map(Ok))?;
        let worked = worked?;
        let left = match (brought, worked.broken) {
            (Ok(()), None) => None,
            (Ok(()), Some(broken)) => return Err(worker.input_error(broken)),
            (Err(_), _) if worked.left.is_empty() => None,
            (Err(error), _) => {
                let batch = Batch { wanted: worked.left };
                let in_vain = stream.position().saturating_sub(batch.span().start);
                Some((batch, error, in_vain))
            }
        };
        Ok(Brought {
            damaged: worked.damaged,
            left,
        })
    }

    /// Moves the bytes of a stream into a worker. Ends early, without an error, when the worker has ended: it tells why. `starts` are where members
    /// begin.
    async fn bring(
        &self,
        stream: &mut HealingStream,
        mut starts: VecDeque<u64>,
        portions: mpsc::Sender<Portion>,
        turn: &mut Turn,
    ) -> Result<()> {
        let mut portion = Portion::at(stream.position());
        loop {
            let mut at_start = false;
            while starts.front().is_some_and(|start| *start <= stream.position()) {
                starts.pop_front();
                at_start = true;
            }
            let rests = !turn.is_here();
            if at_start || rests {
                // The member before is there, and is not to wait for this one.
                let last = std::mem::replace(&mut portion, Portion::at(stream.position()));
                if last.size > 0 && portions.send(last).await.is_err() {
                    return Ok(());
                }
            }
            if rests {
                turn.come().await;
            }
            let Some(bytes) = stream.next().await? else { break };
            self.arrived.fetch_add(bytes.len() as u64, Ordering::AcqRel);
            self.fetch.progress.add_bytes(bytes.len() as u64);
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

/// The error for a frame that arrived damaged twice.
fn named(index: usize, name: &str, fault: &Fault) -> Error {
    match fault {
        Fault::Inconsistent(why) => Error::new(
            ErrorKind::Archive,
            format!("the frame {name:?} (index {index}) of the archive is not usable: {why}"),
        ),
        Fault::Damaged(why) => Error::new(
            ErrorKind::Integrity,
            format!("the frame {name:?} (index {index}) arrived damaged twice: {why}"),
        )
        .with_advice("the other frames are not touched by it; ask again to fetch only what is missing"),
    }
}

fn why_of(fault: &Fault) -> &str {
    match fault {
        Fault::Damaged(why) | Fault::Inconsistent(why) => why,
    }
}
