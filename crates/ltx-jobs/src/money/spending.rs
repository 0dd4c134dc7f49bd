//! What a client has committed itself to, against its `spend_limit`.
//!
//! An estimate is set aside before the POST. It comes back when the submit is refused or its job fails without a bill; it stays counted when the job
//! exists, and when nobody can tell.

use std::sync::{Arc, Mutex, PoisonError};

use rust_decimal::Decimal;

use super::Usd;

#[derive(Debug, Default)]
pub(crate) struct Spending(Mutex<Decimal>);

/// An account beside the client's own, that of a batch: with its limit, or only to know the sum.
#[derive(Debug, Clone)]
pub(crate) struct Purse {
    pub(crate) spending: Arc<Spending>,
    pub(crate) limit: Option<Usd>,
}

impl Spending {
    /// Sets `amount` aside, unless that went beyond `limit`: then gives what is set aside already.
    pub(crate) fn reserve(self: &Arc<Self>, amount: Usd, limit: Option<Usd>) -> Result<Reservation, Usd> {
        let mut committed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match committed.checked_add(amount.0) {
            Some(sum) if limit.is_none_or(|limit| sum <= limit.0) => *committed = sum,
            _ => return Err(Usd(*committed)),
        }
        drop(committed);
        Ok(Reservation {
            spending: Arc::clone(self),
            amount,
        })
    }

    /// Counts what was spent before, whatever the limit.
    pub(crate) fn count(&self, amount: Usd) {
        let mut committed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *committed = committed.saturating_add(amount.0);
    }

    /// What is set aside and spent.
    pub(crate) fn committed(&self) -> Usd {
        Usd(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An amount that is set aside. Dropping it keeps it counted: only [`refund`](Self::refund) gives it back.
#[derive(Debug)]
pub(crate) struct Reservation {
    spending: Arc<Spending>,
    amount: Usd,
}

impl Reservation {
    pub(crate) fn refund(self) {
        let mut committed = self.spending.0.lock().unwrap_or_else(PoisonError::into_inner);
        *committed = committed.saturating_sub(self.amount.0).max(Decimal::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refunded_can_be_spent_again_and_nothing_else() {
        let spending = Arc::new(Spending::default());
        let limit = Some(Usd::from_cents(100));
        let first = spending.reserve(Usd::from_cents(60), limit).unwrap();
        assert_eq!(
            spending.reserve(Usd::from_cents(41), limit).unwrap_err(),
            Usd::from_cents(60)
        );
        drop(spending.reserve(Usd::from_cents(40), limit).unwrap());
        assert_eq!(spending.committed(), Usd::from_cents(100));
        first.refund();
        assert_eq!(spending.committed(), Usd::from_cents(40));
        spending.reserve(Usd::from_cents(60), limit).unwrap();
    }

    #[test]
    fn without_a_limit_everything_is_counted_and_nothing_refused() {
        let spending = Arc::new(Spending::default());
        drop(spending.reserve(Usd::from_cents(60), None).unwrap());
        spending.reserve(Usd::from_cents(60), None).unwrap().refund();
        assert_eq!(spending.committed(), Usd::from_cents(60));
    }
}
