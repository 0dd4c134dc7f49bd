//! The places of `max_concurrent_jobs`: at most so many jobs of one key at once, for all clients of that key in this process, in the order they asked.
//!
//! A place is taken before the POST and given back when the job ends, or with the proof that there is none. A job of before that somebody waits for holds one
//! too, also beyond the limit: it runs. The place of a submit of unknown outcome, and
//! that of a job nobody watches any more, ages out instead: a job runs for minutes, and a place that is never given back would stop everything.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// When a place of which nothing more is heard is free again.
const AGED: Duration = Duration::from_secs(15 * 60);

/// All keys in use in this process. Never locked for longer than a look.
static KEYS: Mutex<Vec<(String, Weak<Places>)>> = Mutex::new(Vec::new());

#[derive(Default)]
pub(crate) struct Places {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    tickets: u64,
    queue: VecDeque<u64>,
    held: Vec<Held>,
}

struct Held {
    ticket: u64,
    name: String,
    until: Option<Instant>,
}

impl Places {
    /// The places of a key at one service; `key` is a fingerprint.
    pub(crate) fn of(origin: &str, key: &str) -> Arc<Self> {
        let name = format!("{origin} {key}");
        // In a forked child the lock may be held for ever, by a thread that does not exist there: then this client is alone.
        for _ in 0..1000 {
            match KEYS.try_lock() {
                Ok(mut keys) => return Self::find(&mut keys, name),
                Err(TryLockError::Poisoned(keys)) => return Self::find(&mut keys.into_inner(), name),
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
        Arc::default()
    }

    fn find(keys: &mut Vec<(String, Weak<Self>)>, name: String) -> Arc<Self> {
        keys.retain(|(_, places)| places.strong_count() > 0);
        if let Some(places) = keys
            .iter()
            .find(|(known, _)| *known == name)
            .and_then(|(_, places)| places.upgrade())
        {
            return places;
        }
        let places = Arc::<Self>::default();
        keys.push((name, Arc::downgrade(&places)));
        places
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until fewer than `limit` places are held and everybody who asked before has one. Dropping the future gives up the turn.
    pub(crate) async fn take(self: &Arc<Self>, limit: usize, name: String) -> Place {
        let turn = Turn::new(self);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on nothing is missed.
            changed.as_mut().enable();
            let free_at = match self.try_take(&turn, limit, &name) {
                Ok(place) => return place,
                Err(free_at) => free_at,
            };
            let aged = async {
                match free_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = aged => {}
            }
        }
    }

    /// A place for a job that runs already, whatever the limit; `None` when somebody holds one for it.
    pub(crate) fn hold(self: &Arc<Self>, name: String) -> Option<Place> {
        let mut state = self.lock();
        let ticket = match state.held.iter_mut().find(|held| held.name == name) {
            // It was left to age, and is heard of again.
            Some(left) => left.until.take().map(|_| left.ticket)?,
            None => {
                state.tickets += 1;
                let ticket = state.tickets;
                state.held.push(Held {
                    ticket,
                    name,
                    until: None,
                });
                ticket
            }
        };
        drop(state);
        Some(Place {
            places: Arc::clone(self),
            ticket,
        })
    }

    /// A place, or the moment when the next one ages out.
    fn try_take(self: &Arc<Self>, turn: &Turn<'_>, limit: usize, name: &str) -> Result<Place, Option<Instant>> {
        let mut state = self.lock();
        let now = Instant::now();
        state.held.retain(|held| held.until.is_none_or(|until| until > now));
        if state.queue.front() != Some(&turn.ticket) || state.held.len() >= limit {
            return Err(state.held.iter().filter_map(|held| held.until).min());
        }
        state.queue.pop_front();
        state.held.push(Held {
            ticket: turn.ticket,
            name: name.to_owned(),
            until: None,
        });
        drop(state);
        // The next in the queue may find a place too.
        self.changed.notify_waiters();
        Ok(Place {
            places: Arc::clone(self),
            ticket: turn.ticket,
        })
    }

    /// Who holds the places, for people.
    pub(crate) fn holders(&self) -> Vec<String> {
        self.lock().held.iter().map(|held| held.name.clone()).collect()
    }
}

/// A place in the queue.
struct Turn<'a> {
    places: &'a Places,
    ticket: u64,
}

impl<'a> Turn<'a> {
    fn new(places: &'a Places) -> Self {
        let mut state = places.lock();
        state.tickets += 1;
        let ticket = state.tickets;
        state.queue.push_back(ticket);
        Self { places, ticket }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        let before = state.queue.len();
        state.queue.retain(|ticket| *ticket != self.ticket);
        if state.queue.len() != before {
            drop(state);
            self.places.changed.notify_waiters();
        }
    }
}

/// One place. Free again when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    ticket: u64,
}

impl Place {
    /// Names the job that holds it.
    pub(crate) fn name(&self, name: String) {
        if let Some(held) = self
            .places
            .lock()
            .held
            .iter_mut()
            .find(|held| held.ticket == self.ticket)
        {
            held.name = name;
        }
    }

    /// Leaves it held until it ages out.
    pub(crate) fn leave(self) {
        if let Some(held) = self
            .places
            .lock()
            .held
            .iter_mut()
            .find(|held| held.ticket == self.ticket)
        {
            held.until = Some(Instant::now() + AGED);
        }
        // Those who wait learn when.
        self.places.changed.notify_waiters();
        // Dropping would free it.
        std::mem::forget(self);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().held.retain(|held| held.ticket != self.ticket);
        self.places.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        future.now_or_never()
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_given_in_the_order_they_were_asked_for() {
        let places = Places::of("test", "order");
        let first = places.take(1, "first".into()).await;
        let mut second = Box::pin(places.take(1, "second".into()));
        let mut third = Box::pin(places.take(1, "third".into()));
        assert!(now(&mut third).is_none() && now(&mut second).is_none());
        // The third asked first for a look, but the second has the earlier turn only if it was polled first: turns are taken at the first poll.
        drop(first);
        let got = now(&mut third).expect("the one whose turn began first");
        assert!(now(&mut second).is_none());
        drop(got);
        assert!(now(&mut second).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_its_turn_lets_the_next_one_through() {
        let places = Places::of("test", "giving up");
        let held = places.take(1, "held".into()).await;
        let mut impatient = Box::pin(places.take(1, "impatient".into()));
        assert!(now(&mut impatient).is_none());
        let patient = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(1, "patient".into()).await }
        });
        tokio::task::yield_now().await;
        drop(impatient);
        drop(held);
        drop(patient.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_of_which_nothing_more_is_heard_ages_out() {
        let places = Places::of("test", "age");
        places.take(1, "doubtful".into()).await.leave();
        let began = Instant::now();
        let place = places.take(1, "next".into()).await;
        assert_eq!(began.elapsed().as_secs(), AGED.as_secs());
        place.name("job".into());
        assert_eq!(places.holders(), ["job"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_runs_already_holds_one_place_beyond_any_limit() {
        let places = Places::of("test", "running");
        let _new = places.take(1, "new".into()).await;
        let running = places.hold("retake/1".into()).expect("one that was not counted");
        assert!(places.hold("retake/1".into()).is_none());
        running.leave();
        let running = places.hold("retake/1".into()).expect("one that was left to age");
        assert!(now(places.take(2, "next".into())).is_none());
        drop(running);
        assert!(now(places.take(2, "next".into())).is_some());
    }

    #[tokio::test]
    async fn clients_of_one_key_share_their_places_and_others_do_not() {
        let one = Places::of("test", "shared");
        let same = Places::of("test", "shared");
        let other = Places::of("test", "not shared");
        let _held = one.take(1, "held".into()).await;
        assert!(now(same.take(1, "no".into())).is_none());
        assert!(now(other.take(1, "yes".into())).is_some());
        assert!(now(same.take(2, "a higher limit".into())).is_some());
    }
}
