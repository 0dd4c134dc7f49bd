//! What is missing of an object, fetched over as many connections as pay.
//!
//! One connection begins; others join by taking half of the longest share (`shares`), as many as the controller (`connections`) finds to help or the
//! caller asked for. Each is a healing stream with a writer of its own. One that joined and cannot get on leaves its share to the others; the last one
//! left is as patient as a single stream.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::FileProgress;
use crate::telemetry::TRANSFER;
use crate::transfer::connections::{Controller, Window};
use crate::transfer::number::{MOST, Number, is_of_the_line};
use crate::transfer::partial::Keeper;
use crate::transfer::plan::Facts;
use crate::transfer::shares::Shares;
use crate::transfer::sink::{BLOCK, Sink, Writer};
use crate::transfer::source::Source;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transport::ByteRange;

/// Objects with less than this to fetch have one stream.
const SMALL: u64 = 12 << 20;

/// No share is split into less: about so much comes over one connection in the time a request needs, and the last bytes of an object are not to wait for
/// one connection longer than that. A caller who asks for a number means it.
const SHORTEST: u64 = 256 << 10;
const SHORTEST_ASKED: u64 = 64 << 10;

/// A connection that is silent while others bring bytes leaves its share to them after this, at first; it doubles each time, for storages that take long
/// to answer.
const QUIET: Duration = Duration::from_secs(2);

/// Time between two records of what is there, and how much longer than the last record took.
const RECORD: Duration = Duration::from_millis(500);
const RECORD_PAUSE: u32 = 10;

/// A stream that was opened already, at the first byte that is missing, and what was read of it.
pub(crate) struct First {
    pub(crate) stream: HealingStream,
    pub(crate) head: VecDeque<Bytes>,
}

/// See the module's first lines.
pub(crate) struct Parallel<'a> {
    flow: &'a Flow,
    source: &'a Arc<Source>,
    facts: &'a Facts,
    sink: &'a Arc<Sink>,
    keeper: Option<&'a Arc<Keeper>>,
    progress: &'a FileProgress,
    /// Bytes of the object that are there or on their way to the disk.
    done: AtomicU64,
    shares: Mutex<Shares>,
    moved: Mutex<Moved>,
}

/// When something was last brought.
#[derive(Default)]
struct Moved {
    by: BTreeMap<u64, Instant>,
    by_any: Option<Instant>,
}

impl Moved {
    /// Connections that have been silent for so long, and were silent already when another brought something.
    fn silent(&self, now: Instant, quiet: Duration) -> impl Iterator<Item = u64> + '_ {
        let is_silent = move |at: &Instant| {
            now.saturating_duration_since(*at) > quiet && self.by_any.is_some_and(|last| last > *at)
        };
        self.by.iter().filter(move |(_, at)| is_silent(at)).map(|(id, _)| *id)
    }
}

/// How a connection ended that did not fail.
enum Ended {
    Done,
    /// The storage sent the object from its beginning instead of the part that was asked for.
    WithoutRanges,
}

impl<'a> Parallel<'a> {
    /// Fetches what the sink does not have of the object that `facts` is about, whose length is known.
    pub(crate) fn new(
        flow: &'a Flow,
        source: &'a Arc<Source>,
        facts: &'a Facts,
        sink: &'a Arc<Sink>,
        keeper: Option<&'a Arc<Keeper>>,
        progress: &'a FileProgress,
    ) -> Self {
        let there = sink.there();
        let shortest = flow.connections.map_or(SHORTEST, |_| SHORTEST_ASKED);
        Self {
            flow,
            source,
            facts,
            sink,
            keeper,
            progress,
            done: AtomicU64::new(there.bytes()),
            shares: Mutex::new(Shares::new(there.missing(facts.length.unwrap_or(0)), shortest)),
            moved: Mutex::default(),
        }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self) -> MutexGuard<'_, Moved> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self) -> Number {
        match self.flow.connections {
            Some(asked) => Number::asked(asked),
            None => {
                let most = if self.shares().left() < SMALL { 1 } else { MOST };
                let limit = self.flow.bandwidth.as_ref().map(|bandwidth| bandwidth.rate());
                Number::Measured(Controller::new(most, limit))
            }
        }
    }

    /// Fetches it all. When it ends early, what was written before is in the sink.
    pub(crate) async fn fetch(&self, first: First) -> Result<()> {
        let mut first = Some(first);
        let mut number = self.number();
        let mut lanes = FuturesUnordered::new();
        let mut stops: BTreeMap<u64, CancellationToken> = BTreeMap::new();
        let mut recording = Recording::default();
        let mut quiet = QUIET;
        self.progress.set_done(self.done.load(Ordering::Acquire));
        let (mut began, mut from) = (Instant::now(), self.done.load(Ordering::Acquire));
        loop {
            while lanes.len() < number.get() {
                let Some((id, share)) = self.shares().take() else { break };
                // Whoever is alone has nobody to leave its share to.
                let patient = lanes.is_empty();
                let stop = CancellationToken::new();
                stops.insert(id, stop.clone());
                self.moved().by.insert(id, Instant::now());
                let given = first.take().map(|mut first| {
                    first.stream.end_at(share.end);
                    first
                });
                let given = given.unwrap_or_else(|| First {
                    stream: self.stream(share.clone(), patient),
                    head: VecDeque::new(),
                });
                lanes.push(self.lane(id, share.start, given, stop, patient));
            }
            let ended = tokio::select! {
                biased;
                () = self.flow.cancel.cancelled() => return Err(cancelled("the download")),
                ended = lanes.next() => match ended {
                    Some(ended) => Some(ended),
                    // No connection, and nothing for one to do.
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(began + number.window()) => None,
            };
            match ended {
                Some((id, patient, outcome)) => {
                    stops.remove(&id);
                    self.moved().by.remove(&id);
                    self.shares().leave(id);
                    match outcome {
                        Ok(Ended::Done) => {}
                        Ok(Ended::WithoutRanges) => number.only_one(),
                        Err(error) if !patient && is_of_the_line(error.kind()) => {
                            tracing::debug!(target: TRANSFER, label = %self.source.label, connections = lanes.len(), error = error.message(), "going on with fewer connections");
                            number.refused_beyond(lanes.len());
                        }
                        Err(error) => return Err(error),
                    }
                }
                None => {
                    let (now, done) = (Instant::now(), self.done.load(Ordering::Acquire));
                    let window = Window {
                        length: now - began,
                        bytes: done - from,
                        left: self.shares().left(),
                    };
                    if let Some((before, wanted)) = number.after(window) {
                        tracing::debug!(target: TRANSFER, label = %self.source.label, before, wanted, "another number of connections");
                    }
                    (began, from) = (now, done);
                    self.stop_some(&stops, number.get(), now, &mut quiet);
                    if let Some(keeper) = self.keeper {
                        recording.go_on(keeper, now, done);
                    }
                }
            }
        }
    }

    /// Ends connections beyond the number, the youngest first, and those that are silent while others are not.
    fn stop_some(&self, stops: &BTreeMap<u64, CancellationToken>, number: usize, now: Instant, quiet: &mut Duration) {
        let beyond = stops.len().saturating_sub(number);
        for stop in stops.values().rev().take(beyond) {
            stop.cancel();
        }
        // With a limit of the caller's, it may be the limit that keeps one silent.
        if self.flow.bandwidth.is_some() {
            return;
        }
        let silent: Vec<u64> = self.moved().silent(now, *quiet).collect();
        for stop in silent
            .iter()
            .filter_map(|id| stops.get(id))
            .filter(|stop| !stop.is_cancelled())
        {
            tracing::debug!(target: TRANSFER, label = %self.source.label, "a connection is silent while others are not; another takes its share");
            stop.cancel();
            *quiet *= 2;
        }
    }

    fn stream(&self, share: std::ops::Range<u64>, patient: bool) -> HealingStream {
        let asked = ByteRange::Span {
            start: share.start,
            end: Some(share.end),
        };
        let stream = HealingStream::new(
            self.flow.clone(),
            Arc::clone(self.source),
            asked,
            Some(self.facts.clone()),
        );
        if patient { stream } else { stream.impatient() }
    }

    /// One connection. What it has read is written, however it ends.
    async fn lane(
        &self,
        id: u64,
        at: u64,
        given: First,
        stop: CancellationToken,
        patient: bool,
    ) -> (u64, bool, Result<Ended>) {
        let mut writer = Writer::new(self.sink, at);
        let read = self.read(id, given, &mut writer, &stop, patient).await;
        let written = writer.finish().await;
        (id, patient, written.and(read))
    }

    async fn read(
        &self,
        id: u64,
        given: First,
        writer: &mut Writer,
        stop: &CancellationToken,
        patient: bool,
    ) -> Result<Ended> {
        let First { mut stream, mut head } = given;
        if head.is_empty() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Done),
                opened = stream.open() => opened?,
            };
            if !patient && stream.sent_again() > BLOCK as u64 {
                return Ok(Ended::WithoutRanges);
            }
        }
        while !self.shares().is_done(id) {
            let mut bytes = match head.pop_front() {
                Some(bytes) => bytes,
                None => tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(Ended::Done),
                    next = stream.next() => match next? {
                        Some(bytes) => bytes,
                        None => return Err(Error::new(ErrorKind::Internal, "a stream ended before its share")),
                    },
                },
            };
            {
                let (mut moved, now) = (self.moved(), Instant::now());
                moved.by.insert(id, now);
                moved.by_any = Some(now);
            }
            let own = self.shares().advance(id, bytes.len() as u64);
            bytes.truncate(usize::try_from(own).unwrap_or(usize::MAX));
            let done = self.done.fetch_add(own, Ordering::AcqRel) + own;
            self.progress.set_done(done);
            if !bytes.is_empty() {
                writer.write(bytes).await?;
            }
        }
        Ok(Ended::Done)
    }
}

/// The records of what is there, while a transfer runs.
#[derive(Default)]
struct Recording {
    running: Option<JoinHandle<Duration>>,
    next: Option<Instant>,
    recorded: u64,
}

impl Recording {
    fn go_on(&mut self, keeper: &Arc<Keeper>, now: Instant, done: u64) {
        if let Some(running) = &mut self.running {
            if !running.is_finished() {
                return;
            }
            // Finished: it is ready at once.
            let took = futures_util::FutureExt::now_or_never(running).and_then(std::result::Result::ok);
            self.running = None;
            self.next = Some(now + RECORD.max(took.unwrap_or(RECORD) * RECORD_PAUSE));
        }
        let next = *self.next.get_or_insert(now + RECORD);
        if now < next || done == self.recorded {
            return;
        }
        self.recorded = done;
        let keeper = Arc::clone(keeper);
        self.running = Some(tokio::task::spawn_blocking(move || {
            let began = std::time::Instant::now();
            if let Err(error) = keeper.save() {
                tracing::debug!(target: TRANSFER, error = error.message(), "a download that is interrupted now begins anew");
            }
            began.elapsed()
        }));
    }
}
