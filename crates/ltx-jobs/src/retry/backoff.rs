//! Exponential back-off with full jitter: each delay is drawn evenly from zero to a ceiling that doubles.
//!
//! A wait that the service asks for (`Retry-After`) is a lower bound, never shortened by the jitter.

use std::time::Duration;

/// The delays of one operation. Cheap; make a new one, or [`reset`](Self::reset), after progress.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap: cap.max(base),
            failures: 0,
        }
    }

    /// How long to wait before the next try, having failed once more.
    pub(crate) fn next_delay(&mut self, server_asks: Option<Duration>) -> Duration {
        let drawn = self.delay_for(fastrand::f64());
        match server_asks {
            Some(asked) => asked.max(drawn.min(self.base)),
            None => drawn,
        }
    }

    /// Something moved: the next failure is a first one again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The decision with its randomness handed in: `draw` is in `0..1`.
    fn delay_for(&mut self, draw: f64) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(2u32.saturating_pow(self.failures.min(24)))
            .min(self.cap);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(draw.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap_and_starts_anew_after_progress() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let ceilings: Vec<u64> = (0..5).map(|_| backoff.delay_for(1.0).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.delay_for(1.0), Duration::from_secs(1));
    }

    #[test]
    fn jitter_is_full() {
        let mut backoff = Backoff::new(Duration::from_secs(4), Duration::from_secs(5));
        assert_eq!(backoff.delay_for(0.0), Duration::ZERO);
    }

    #[test]
    fn delays_are_drawn_evenly_below_the_ceiling() {
        let ceiling = Duration::from_secs(1);
        let mut backoff = Backoff::new(ceiling, ceiling);
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            let delay = backoff.next_delay(None);
            assert!(delay <= ceiling);
            tenths[(delay.as_millis() / 100).min(9) as usize] += 1;
        }
        // A thousand are expected in each; eight standard deviations are 240.
        assert!(tenths.iter().all(|count| (760..1240).contains(count)), "{tenths:?}");
    }

    #[test]
    fn what_the_service_asks_for_is_never_shortened() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(20));
        assert!(backoff.next_delay(Some(Duration::from_secs(3))) >= Duration::from_secs(3));
    }

    #[test]
    fn thousands_of_failures_do_not_overflow() {
        let mut backoff = Backoff::new(LONG, LONG);
        for _ in 0..5000 {
            assert!(backoff.delay_for(1.0) <= LONG);
        }
    }

    const LONG: Duration = Duration::from_secs(3600);
}
