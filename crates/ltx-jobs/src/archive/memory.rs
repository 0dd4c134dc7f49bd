//! Frames as bytes in memory: one that was asked for, or one after the other under a budget.
//!
//! [`Line`] is where frames wait for their reader, in frame order. A frame is asked for only when there is room for it beside those that wait; the first
//! that the reader wants always has room, so a budget smaller than a frame slows down and never stops.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::archive::batch::{Batch, Wanted};
use crate::archive::directory::Member;
use crate::archive::fetch::Outlet;
use crate::archive::member::{Fault, Outcome, unpack};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::ProgressSink;

/// What one permit of the budget stands for.
const UNIT: u64 = 1 << 10;

/// Reserved at once for a frame. A directory may lie about sizes: the rest is taken as the bytes arrive.
const RESERVED: u64 = 64 << 20;

/// Reads one member into memory.
fn read(member: &Member, input: &mut dyn Read, buffer: &mut [u8]) -> Result<std::result::Result<Bytes, Fault>> {
    let mut kept = Kept(Vec::new());
    let reserved = usize::try_from(member.size.min(RESERVED)).unwrap_or(0);
    let outcome = kept
        .0
        .try_reserve_exact(reserved)
        .map_err(io::Error::other)
        .and_then(|()| unpack(member, input, &mut kept, buffer));
    match outcome {
        Ok(outcome) => Ok(outcome.map(|()| Bytes::from(kept.0))),
        Err(_) => Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "there is no memory for the {} bytes of the frame {:?}",
                member.size, member.name
            ),
        )),
    }
}

/// Grows as long as there is memory, and fails where a `Vec` would end the process.
struct Kept(Vec<u8>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(io::Error::other)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Frames that wait for their reader.
pub(crate) struct Line {
    budget: Arc<Semaphore>,
    most: u32,
    total: u64,
    state: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    /// The place in frame order of the frame that is to be taken next, and the end.
    next: usize,
    end: usize,
    ready: BTreeMap<usize, (Result<Bytes>, Option<OwnedSemaphorePermit>)>,
    /// Room that was admitted for frames which are on their way.
    admitted: BTreeMap<usize, OwnedSemaphorePermit>,
    done: u64,
    /// Where frames are counted, once the work has begun.
    progress: Option<ProgressSink>,
    ended: Option<Error>,
    waker: Option<Waker>,
}

impl Line {
    /// A line for the frames at the places `range`, holding about `budget` bytes at most.
    pub(crate) fn new(range: Range<usize>, budget: u64) -> Self {
        let most = u32::try_from((budget / UNIT).clamp(1, Semaphore::MAX_PERMITS as u64)).unwrap_or(u32::MAX);
        let total = range.len() as u64;
        Self {
            budget: Arc::new(Semaphore::new(most as usize)),
            most,
            total,
            state: Mutex::new(Waiting {
                next: range.start,
                end: range.end,
                ready: BTreeMap::new(),
                admitted: BTreeMap::new(),
                done: 0,
                progress: None,
                ended: None,
                waker: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Counts frames in `progress` from now on.
    pub(crate) fn show_in(&self, progress: &ProgressSink) {
        progress.set_frames(0, Some(self.total));
        self.lock().progress = Some(progress.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .clamp(1, self.most)
    }

    fn put(&self, index: usize, outcome: Result<Bytes>) {
        let mut state = self.lock();
        let permit = state.admitted.remove(&index);
        if outcome.is_ok() {
            state.done += 1;
            if let Some(progress) = &state.progress {
                progress.set_frames(state.done, Some(self.total));
            }
        }
        state.ready.insert(index, (outcome, permit));
        self.wake(state);
    }

    /// No more frames come; those that wait can still be taken.
    pub(crate) fn end(&self, error: Option<Error>) {
        let mut state = self.lock();
        // Without an error everything was put in line.
        state.ended = error;
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, Waiting>) {
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next frame with its place in frame order, if it is there; `None` inside when all were taken. After an error nothing more comes.
    pub(crate) fn take(&self) -> Poll<Option<Result<(usize, Bytes)>>> {
        Self::take_from(&mut self.lock())
    }

    fn take_from(state: &mut Waiting) -> Poll<Option<Result<(usize, Bytes)>>> {
        let index = state.next;
        if index >= state.end {
            return Poll::Ready(None);
        }
        let outcome = match state.ready.remove(&index) {
            Some((outcome, _room)) => outcome,
            None => match state.ended.take() {
                Some(error) => Err(error),
                None => return Poll::Pending,
            },
        };
        if outcome.is_ok() {
            state.next = index + 1;
        } else {
            state.next = state.end;
            state.ready.clear();
        }
        Poll::Ready(Some(outcome.map(|bytes| (index, bytes))))
    }

    /// As [`take`](Self::take), for async code.
    pub(crate) fn poll_take(&self, context: &mut Context<'_>) -> Poll<Option<Result<(usize, Bytes)>>> {
        let mut state = self.lock();
        let taken = Self::take_from(&mut state);
        if taken.is_pending() {
            state.waker = Some(context.waker().clone());
        }
        taken
    }

    /// Parks the thread until [`take`](Self::take) has something to say or the time is up; false when it is.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> bool {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.lock();
        loop {
            let something = state.next >= state.end || state.ended.is_some() || state.ready.contains_key(&state.next);
            if something {
                return true;
            }
            state = match until {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Outlet for Line {
    fn admit<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, ()> {
        async move {
            let units = self.units(batch.size());
            let Ok(mut room) = Arc::clone(&self.budget).acquire_many_owned(units).await else {
                // Never closed.
                return;
            };
            let mut state = self.lock();
            for wanted in &batch.wanted {
                let part = self.units(wanted.member.size) as usize;
                let part = room.num_permits().min(part);
                if let Some(part) = room.split(part) {
                    state.admitted.insert(wanted.index, part);
                }
            }
        }
        .boxed()
    }

    fn take(&self, wanted: &Wanted, input: &mut dyn Read, buffer: &mut [u8]) -> Result<Outcome> {
        match read(&wanted.member, input, buffer)? {
            Ok(bytes) => {
                self.put(wanted.index, Ok(bytes));
                Ok(Ok(()))
            }
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn give_up(&self, wanted: &Wanted, error: Error) {
        self.put(wanted.index, Err(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::directory::Method;

    const SIZE: u64 = 10 << 10;

    fn wanted(index: usize) -> Wanted {
        let content = vec![index as u8; SIZE as usize];
        Wanted {
            index,
            member: Member {
                name: format!("f_{index}.exr"),
                number: Some(index as u64),
                raw_name: b"f".to_vec(),
                method: Method::Stored,
                crc32: crc32fast::hash(&content),
                packed: SIZE,
                size: SIZE,
                span: 0..0,
            },
        }
    }

    fn batch(indices: Range<usize>) -> Batch {
        Batch {
            wanted: indices.map(wanted).collect(),
        }
    }

    /// A member as it stands in an archive.
    fn stored(index: usize) -> Vec<u8> {
        let crc = wanted(index).member.crc32;
        let mut bytes = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(crc.to_le_bytes());
        bytes.extend((SIZE as u32).to_le_bytes());
        bytes.extend((SIZE as u32).to_le_bytes());
        bytes.extend(b"\x01\0\0\0f");
        bytes.extend(vec![index as u8; SIZE as usize]);
        bytes
    }

    fn arrive(line: &Line, index: usize) {
        let outcome = line.take_member(index, &stored(index));
        assert!(outcome.unwrap().is_ok());
    }

    impl Line {
        fn take_member(&self, index: usize, bytes: &[u8]) -> Result<Outcome> {
            Outlet::take(self, &wanted(index), &mut &*bytes, &mut [0; 500])
        }
    }

    fn taken(line: &Line) -> Option<usize> {
        match line.take() {
            Poll::Ready(Some(Ok((index, bytes)))) => {
                assert_eq!(bytes, vec![index as u8; SIZE as usize]);
                Some(index)
            }
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn frames_leave_in_order_however_they_arrive() {
        let line = Line::new(3..6, 1 << 20);
        line.admit(&batch(3..6)).await;
        arrive(&line, 5);
        arrive(&line, 4);
        assert_eq!(taken(&line), None);
        assert!(!line.wait(Some(Duration::ZERO)));
        arrive(&line, 3);
        assert!(line.wait(Some(Duration::ZERO)));
        assert_eq!([taken(&line), taken(&line), taken(&line)], [Some(3), Some(4), Some(5)]);
        assert!(matches!(line.take(), Poll::Ready(None)));
        assert!(line.wait(None), "an end is something to say");
    }

    #[tokio::test]
    async fn what_is_fetched_ahead_stays_under_the_budget_until_frames_are_taken() {
        let line = Line::new(0..3, 2 * SIZE);
        line.admit(&batch(0..1)).await;
        line.admit(&batch(1..2)).await;
        let third = batch(2..3);
        let mut third = line.admit(&third);
        assert!((&mut third).now_or_never().is_none(), "there is no room");
        arrive(&line, 0);
        assert!((&mut third).now_or_never().is_none(), "it waits, and takes its room");
        assert_eq!(taken(&line), Some(0));
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_frame_larger_than_the_budget_comes_alone() {
        let line = Line::new(0..2, SIZE / 4);
        line.admit(&batch(0..1)).await;
        let second = batch(1..2);
        assert!(line.admit(&second).now_or_never().is_none());
        arrive(&line, 0);
        assert_eq!(taken(&line), Some(0));
        assert!(line.admit(&second).now_or_never().is_some());
    }

    #[tokio::test]
    async fn an_error_comes_in_its_place_and_ends_the_line() {
        let error = |kind| Error::new(kind, "played");
        let line = Line::new(0..3, 1 << 20);
        arrive(&line, 0);
        line.give_up(&wanted(1), error(ErrorKind::Integrity));
        arrive(&line, 2);
        line.end(Some(error(ErrorKind::Cancelled)));
        assert_eq!(taken(&line), Some(0));
        let Poll::Ready(Some(Err(found))) = line.take() else {
            panic!("no error")
        };
        assert_eq!(found.kind(), ErrorKind::Integrity);
        assert!(matches!(line.take(), Poll::Ready(None)));

        let line = Line::new(0..3, 1 << 20);
        arrive(&line, 0);
        line.end(Some(error(ErrorKind::ConnectionLost)));
        assert_eq!(taken(&line), Some(0), "what is there can be had");
        assert!(matches!(line.take(), Poll::Ready(Some(Err(_)))));
    }

    #[test]
    fn a_waiting_thread_wakes_when_its_frame_arrives() {
        let line = Arc::new(Line::new(0..1, 1 << 20));
        let waiter = std::thread::spawn({
            let line = Arc::clone(&line);
            move || line.wait(None)
        });
        arrive(&line, 0);
        assert!(waiter.join().unwrap());
    }
}
