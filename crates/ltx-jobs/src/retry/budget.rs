//! A bucket of retries shared by all operations of a client, so that thousands of jobs failing together cannot become a storm.
//!
//! A retry takes a token; a success gives a part of one back. An operation that finds the bucket empty reports its error instead of trying on.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens are counted in tenths.
const TENTH: u32 = 1;
const WHOLE: u32 = 10 * TENTH;

/// The shared bucket.
#[derive(Debug)]
pub(crate) struct Budget {
    tenths: AtomicU32,
    full: u32,
}

impl Budget {
    pub(crate) fn new(retries: u32) -> Self {
        let full = retries.saturating_mul(WHOLE);
        Self {
            tenths: AtomicU32::new(full),
            full,
        }
    }

    /// Takes one retry out, if there is one.
    pub(crate) fn take(&self) -> bool {
        self.tenths
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| now.checked_sub(WHOLE))
            .is_ok()
    }

    /// A request succeeded: a tenth of a retry comes back.
    pub(crate) fn succeeded(&self) {
        let full = self.full;
        let _ = self.tenths.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            Some(now.saturating_add(TENTH).min(full))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_dry_and_successes_fill_it_slowly_and_never_over_the_brim() {
        let budget = Budget::new(2);
        assert!(budget.take() && budget.take());
        assert!(!budget.take());
        (0..9).for_each(|_| budget.succeeded());
        assert!(!budget.take(), "nine tenths are no retry");
        budget.succeeded();
        assert!(budget.take());
        (0..1000).for_each(|_| budget.succeeded());
        assert!(budget.take() && budget.take());
        assert!(!budget.take());
    }
}
