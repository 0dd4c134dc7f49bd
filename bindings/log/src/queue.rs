//! Where lines wait for the host.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::per_process::PerProcess;
use crate::record::Record;

/// Lines that wait at most, and their bytes: minutes of an own conversation, a moment of one at the finest level.
const MOST_LINES: usize = 8192;
const MOST_BYTES: usize = 8 << 20;

static QUEUE: PerProcess<Queue> = PerProcess::new();

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    records: VecDeque<Record>,
    bytes: usize,
    lost: u64,
    woken: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, mut record: Record) {
        let weight = record.weight();
        if self.records.len() >= MOST_LINES || self.bytes + weight > MOST_BYTES {
            self.lost += 1;
            return;
        }
        record.lost = std::mem::take(&mut self.lost);
        self.bytes += weight;
        self.records.push_back(record);
    }

    fn take(&mut self, most: usize) -> Vec<Record> {
        let count = most.min(self.records.len());
        let taken: Vec<Record> = self.records.drain(..count).collect();
        self.bytes = self.bytes.saturating_sub(taken.iter().map(Record::weight).sum());
        taken
    }
}

/// Makes this process's queue; before that, what is logged is kept nowhere.
pub(crate) fn open() {
    QUEUE.here();
}

/// Adds a line. Without a queue of this process it is forgotten.
pub(crate) fn push(record: Record) {
    if let Some(queue) = QUEUE.get() {
        queue.lock().push(record);
        queue.changed.notify_one();
    }
}

/// Takes what waits, oldest first, at most `most` lines. Never blocks.
pub fn drain(most: usize) -> Vec<Record> {
    QUEUE.get().map_or_else(Vec::new, |queue| queue.lock().take(most))
}

/// Parks until a line waits, [`wake`] is called, or the time is up.
pub fn wait(limit: Duration) {
    let queue = QUEUE.here();
    let deadline = Instant::now().checked_add(limit);
    let mut state = queue.lock();
    while state.records.is_empty() && !std::mem::take(&mut state.woken) {
        let left = deadline.map_or(limit, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return;
        }
        state = queue
            .changed
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

/// Ends a [`wait`], the present one or the next.
pub fn wake() {
    let queue = QUEUE.here();
    queue.lock().woken = true;
    queue.changed.notify_all();
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::record::Level;

    fn line(message: String) -> Record {
        Record {
            level: Level::Info,
            at: SystemTime::now(),
            target: "ltx_jobs".into(),
            message,
            fields: Vec::new(),
            spans: Vec::new(),
            lost: 0,
        }
    }

    #[test]
    fn a_host_that_does_not_come_loses_lines_and_is_told_how_many() {
        let mut state = State::default();
        for number in 0..MOST_LINES + 3 {
            state.push(line(number.to_string()));
        }
        let first = state.take(2);
        assert_eq!((first[0].message.as_str(), first[1].message.as_str()), ("0", "1"));
        state.push(line("again".to_owned()));
        let rest = state.take(usize::MAX);
        assert_eq!(rest.len(), MOST_LINES - 1);
        let last = rest.last().unwrap();
        assert_eq!((last.message.as_str(), last.lost), ("again", 3));
        assert_eq!(state.bytes, 0);
    }

    #[test]
    fn long_lines_are_limited_by_their_bytes() {
        let mut state = State::default();
        for _ in 0..1000 {
            state.push(line("x".repeat(16 * 1024)));
        }
        assert!(
            state.bytes <= MOST_BYTES && state.records.len() < 600,
            "{}",
            state.records.len()
        );
    }
}
