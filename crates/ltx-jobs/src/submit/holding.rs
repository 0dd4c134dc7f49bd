//! What a submit holds while nobody knows its end: a place of `max_concurrent_jobs`, and money of `spend_limit`.
//!
//! Dropping it gives both back, which is right as long as there is no job. From the moment there may be one, the place is kept until the job's end or
//! until it ages out, and the money until the job failed without a bill.

use std::sync::{Mutex, PoisonError};

use super::places::Place;
use crate::money::Reservation;

#[derive(Default)]
pub(crate) struct Holding(Mutex<State>);

#[derive(Default)]
struct State {
    place: Option<Place>,
    money: Vec<Reservation>,
    /// The money may be owed.
    committed: bool,
    /// An attempt of before may have made a job.
    in_doubt: bool,
}

impl Holding {
    pub(super) fn new(money: Vec<Reservation>) -> Self {
        Self(Mutex::new(State {
            place: None,
            money,
            committed: false,
            in_doubt: false,
        }))
    }

    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds a place from now on.
    pub(super) fn occupy(&self, place: Place) {
        self.with(|state| state.place = Some(place));
    }

    /// There is a job.
    pub(super) fn accepted(&self, job: &crate::job::JobRef) {
        self.with(|state| {
            state.committed = true;
            if let Some(place) = &state.place {
                place.name(job.to_string());
            }
        });
    }

    /// There may be a job, and nobody can tell.
    pub(super) fn doubtful(&self) {
        self.with(|state| {
            state.committed = true;
            state.in_doubt = true;
        });
    }

    /// It is sent once more: what was set aside for the job in doubt stays spent, and this is for the next one.
    pub(super) fn again(&self, money: Vec<Reservation>) {
        self.with(|state| {
            state.money = money;
            state.committed = false;
        });
    }

    /// The job has ended.
    pub(crate) fn ended(&self, billed: bool) {
        let (place, money) = self.with(|state| (state.place.take(), std::mem::take(&mut state.money)));
        drop(place);
        if !billed {
            money.into_iter().for_each(Reservation::refund);
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        match (state.place.take(), state.committed || state.in_doubt) {
            (Some(place), true) => place.leave(),
            (place, _) => drop(place),
        }
        if !state.committed {
            std::mem::take(&mut state.money)
                .into_iter()
                .for_each(Reservation::refund);
        }
    }
}

impl std::fmt::Debug for Holding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holding").finish_non_exhaustive()
    }
}
