//! When to try again, and when not: pure decisions, no clock and no I/O.

pub(crate) mod after;
pub(crate) mod backoff;
pub(crate) mod budget;
pub(crate) mod classify;

pub(crate) use backoff::Backoff;
pub(crate) use budget::Budget;
