//! The caller's limit on the speed of an operation, shared by all its connections.
//!
//! A bucket of tokens, one for each byte, that fills at the rate of the limit and holds a tenth of a second. Bytes that arrived are paid for before the
//! next are read, so the limit reaches the server through the connection's own flow control.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// See the module's first lines.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    /// Bytes per second.
    rate: u64,
    /// When everything that was taken will have been paid for.
    paid: Mutex<Instant>,
}

/// What may be taken at once after a pause.
const BURST: Duration = Duration::from_millis(100);

impl Bandwidth {
    pub(crate) fn new(rate: u64) -> Self {
        Self {
            rate: rate.max(1),
            paid: Mutex::new(Instant::now()),
        }
    }

    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// Pays for bytes that were read: waits until they are due.
    pub(crate) async fn pay(&self, bytes: u64) {
        tokio::time::sleep_until(self.due(Instant::now(), bytes)).await;
    }

    fn due(&self, now: Instant, bytes: u64) -> Instant {
        #[allow(clippy::cast_precision_loss)]
        let cost = Duration::try_from_secs_f64(bytes as f64 / self.rate as f64).unwrap_or(Duration::MAX);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *paid = (*paid).max(earliest).checked_add(cost).unwrap_or(*paid);
        *paid
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_connections_together_keep_the_limit() {
        let bandwidth = Arc::new(Bandwidth::new(1_000_000));
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let bandwidth = Arc::clone(&bandwidth);
            tasks.spawn(async move {
                for _ in 0..100 {
                    bandwidth.pay(5_000).await;
                }
            });
        }
        tasks.join_all().await;
        let seconds = began.elapsed().as_secs_f64();
        assert!((3.8..4.1).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_saved_up() {
        let bandwidth = Bandwidth::new(1_000);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        bandwidth.pay(5_000).await;
        assert!(began.elapsed() > Duration::from_millis(4_800), "{:?}", began.elapsed());
    }
}
