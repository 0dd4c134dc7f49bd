//! Where the callbacks of a client's operations wait until a thread of the host comes for them.
//!
//! * Callbacks run on the threads that call [`Desk::dispatch`], without a lock held, and of one operation one at a time.
//! * The end of an operation is heard once, after all its progress. Progress is looked at, not sent: what lies between two looks is skipped.
//! * After [`Desk::stop`] returned none runs and none will; [`Desk::clear`] destroys those that never came to their end.
//! * Threads of the library only put numbers into the queue; they never call, destroy or drop what belongs to the host.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ltx_jobs::{Error, ErrorKind, Operation, Progress};

use crate::callbacks::Callbacks;
use crate::op::{OpShare, ltx_op};
use crate::signals;
use crate::wake::Wake;

/// Between two calls of an `on_progress`: ten a second at most.
const PAUSE: Duration = Duration::from_millis(100);
/// How often somebody looks whether there is progress.
const LOOK: Duration = Duration::from_millis(50);
/// When nothing changes: so that what `on_progress` gives back can always cancel.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// See the module's first lines.
#[derive(Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entries: HashMap<u64, Entry>,
    last: u64,
    /// Entries with something to tell, each at most once.
    ready: VecDeque<u64>,
    /// Threads that are inside a callback, or destroying some.
    in_flight: usize,
    closed: bool,
    wake: Option<Wake>,
    /// Looks for progress while the host's own loop sleeps.
    ticker: Option<JoinHandle<()>>,
}

/// One operation with callbacks.
struct Entry {
    /// Not here while a callback of it runs.
    party: Option<Party>,
    wants_progress: bool,
    queued: bool,
    ended: bool,
    told: Option<Progress>,
    told_at: Instant,
}

/// Both belong to the host: dropped on its threads only. In this order: the operation outlives `destroy`.
struct Party {
    callbacks: Callbacks,
    op: Option<OpShare>,
}

struct Turn {
    id: u64,
    party: Party,
    ended: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn park<'a>(&self, state: MutexGuard<'a, State>, limit: Option<Duration>) -> MutexGuard<'a, State> {
        match limit {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.changed
                    .wait_timeout(state, limit)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    /// A place for the callbacks of an operation that is about to begin.
    pub(crate) fn seat(self: &Arc<Self>, callbacks: Callbacks) -> Result<Seat, Error> {
        let wants_progress = callbacks.wants_progress();
        let party = Party { callbacks, op: None };
        // Declared after what it refuses, so that the lock is gone before `destroy` is called.
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        self.tick_if(&mut state, wants_progress)?;
        state.last += 1;
        let id = state.last;
        let entry = Entry {
            party: Some(party),
            wants_progress,
            queued: false,
            ended: false,
            told: None,
            told_at: Instant::now(),
        };
        state.entries.insert(id, entry);
        self.changed.notify_all();
        Ok(Seat {
            desk: Arc::clone(self),
            id,
            taken: false,
        })
    }

    /// An operation has ended. On any thread; calls nothing.
    fn ended(&self, id: u64) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.ended = true;
            state.queue(id);
            self.changed.notify_all();
        }
    }

    /// Runs callbacks that are due, at most `max`; waits for the first one. Gives back how many ran.
    pub(crate) fn dispatch(&self, timeout: Option<Duration>, max: usize) -> Result<usize, Error> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut ran = 0;
        let mut state = self.lock();
        loop {
            if state.closed {
                return if ran > 0 { Ok(ran) } else { Err(closed()) };
            }
            state.look_for_progress();
            if let Some(turn) = state.next() {
                drop(state);
                self.run(turn);
                ran += 1;
                if ran == max {
                    return Ok(ran);
                }
                state = self.lock();
                continue;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if ran > 0 || left.is_some_and(|left| left.is_zero()) {
                return Ok(ran);
            }
            let look = state.wants_progress().then_some(LOOK);
            let limit = [left, look].into_iter().flatten().min();
            state = self.park(state, limit);
        }
    }

    fn run(&self, turn: Turn) {
        let _landing = Landing(self);
        let Turn { id, party, ended } = turn;
        let Some(op) = &party.op else { return };
        if ended {
            party.callbacks.complete(op.pointer(), op.outcome());
            self.lock().entries.remove(&id);
            return;
        }
        let (info, mut progress) = op.progress();
        let stop = party.callbacks.progress(op.pointer(), &info);
        if stop {
            op.cancel();
        }
        progress.elapsed = Duration::ZERO;
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.party = Some(party);
            (entry.told, entry.told_at) = (Some(progress), Instant::now());
            entry.wants_progress &= !stop;
            if entry.ended {
                state.queue(id);
                self.changed.notify_all();
            }
        }
    }

    /// The descriptor for a foreign event loop, made at the first call.
    pub(crate) fn event_handle(self: &Arc<Self>) -> Result<i64, Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        if state.wake.is_none() {
            let mut wake = Wake::new()?;
            if !state.ready.is_empty() {
                wake.ring();
            }
            state.wake = Some(wake);
        }
        let wanted = state.wants_progress();
        self.tick_if(&mut state, wanted)?;
        Ok(state.wake.as_ref().map_or(-1, Wake::handle))
    }

    /// A foreign loop sleeps until its descriptor is readable; somebody has to look for progress meanwhile.
    fn tick_if(self: &Arc<Self>, state: &mut State, wanted: bool) -> Result<(), Error> {
        if !wanted || state.wake.is_none() || state.ticker.is_some() {
            return Ok(());
        }
        let desk = Arc::clone(self);
        let ticker = std::thread::Builder::new().name("ltx-tick".to_owned()).spawn(move || {
            signals::block_all();
            desk.tick();
        });
        state.ticker = Some(
            ticker.map_err(|error| Error::from_face(ErrorKind::Io, format!("a thread cannot be started: {error}")))?,
        );
        Ok(())
    }

    fn tick(&self) {
        let mut state = self.lock();
        while !state.closed {
            if state.look_for_progress() {
                self.changed.notify_all();
            }
            let limit = state.wants_progress().then_some(LOOK);
            state = self.park(state, limit);
        }
    }

    /// From now on no callback begins; returns when none runs any more.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.closed = true;
        if let Some(wake) = &mut state.wake {
            wake.ring();
        }
        self.changed.notify_all();
        while state.in_flight > 0 {
            state = self.park(state, None);
        }
    }

    /// After [`Desk::stop`], when the operations were stopped too: destroys what is left, and joins the thread.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        let left: Vec<Entry> = state.entries.drain().map(|(_, entry)| entry).collect();
        state.ready.clear();
        state.in_flight += 1;
        let ticker = state.ticker.take();
        drop(state);
        let landing = Landing(self);
        drop(left);
        if let Some(ticker) = ticker {
            // It never panics but for a defect, and then there is nothing to be learned here.
            let _ = ticker.join();
        }
        drop(landing);
        // Another thread that closes at the same time may have taken some.
        let mut state = self.lock();
        while state.in_flight > 0 {
            state = self.park(state, None);
        }
    }
}

impl State {
    /// Puts an entry into the queue, unless a thread is with it: that one will.
    fn queue(&mut self, id: u64) {
        if let Some(entry) = self.entries.get_mut(&id)
            && !entry.queued
            && entry.party.is_some()
        {
            entry.queued = true;
            self.ready.push_back(id);
            if let Some(wake) = &mut self.wake {
                wake.ring();
            }
        }
    }

    fn next(&mut self) -> Option<Turn> {
        while let Some(id) = self.ready.pop_front() {
            if self.ready.is_empty()
                && let Some(wake) = &mut self.wake
            {
                wake.silence();
            }
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.queued = false;
                if let Some(party) = entry.party.take() {
                    self.in_flight += 1;
                    return Some(Turn {
                        id,
                        party,
                        ended: entry.ended,
                    });
                }
            }
        }
        None
    }

    fn wants_progress(&self) -> bool {
        self.entries.values().any(|entry| entry.wants_progress && !entry.ended)
    }

    /// Queues the operations that have something new to tell, and those that told nothing for long.
    fn look_for_progress(&mut self) -> bool {
        let due: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.has_progress())
            .map(|(id, _)| *id)
            .collect();
        for id in &due {
            self.queue(*id);
        }
        !due.is_empty()
    }
}

impl Entry {
    fn has_progress(&self) -> bool {
        let since = self.told_at.elapsed();
        if !self.wants_progress || self.ended || self.queued || since < PAUSE {
            return false;
        }
        let Some(op) = self.party.as_ref().and_then(|party| party.op.as_ref()) else {
            return false;
        };
        since >= SIGN_OF_LIFE || {
            let mut progress = op.snapshot();
            progress.elapsed = Duration::ZERO;
            self.told.as_ref() != Some(&progress)
        }
    }
}

fn closed() -> Error {
    Error::from_face(
        ErrorKind::Closed,
        "the client was closed; its callbacks are not called any more",
    )
}

/// A thread that is done with what belongs to the host, also after a panic.
struct Landing<'a>(&'a Desk);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
        self.0.changed.notify_all();
    }
}

/// Callbacks on their way to their operation. Dropped before they got there, they are destroyed.
pub(crate) struct Seat {
    desk: Arc<Desk>,
    id: u64,
    taken: bool,
}

impl Seat {
    /// The operation has begun, and this is its handle.
    pub(crate) fn take<T: Send + 'static>(mut self, op: *mut ltx_op, operation: &Operation<T>) -> Result<(), Error> {
        let share = OpShare::new(op)?;
        let mut state = self.desk.lock();
        let unused = match state.entries.get_mut(&self.id).and_then(|entry| entry.party.as_mut()) {
            Some(party) => party.op.replace(share),
            // Closed meanwhile, and destroyed there.
            None => Some(share),
        };
        drop(state);
        drop(unused);
        self.taken = true;
        // Weak: the operation's thread must not be the last that knows the desk.
        let (desk, id): (Weak<Desk>, u64) = (Arc::downgrade(&self.desk), self.id);
        operation.on_end(move || {
            if let Some(desk) = desk.upgrade() {
                desk.ended(id);
            }
        });
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.taken {
            let entry = self.desk.lock().entries.remove(&self.id);
            drop(entry);
        }
    }
}
