//! The floor under the speed of a stream. Pure.
//!
//! A limit on silence alone lets a line live for ever that sends a byte just before it. So the bytes of a window are counted as well, a window being
//! that much time spent waiting for the network: time in which the disk, or the caller's own limit, was waited for says nothing about the line.

use std::time::Duration;

/// Bytes per second below which a line counts as not moving.
const LEAST_RATE: u64 = 512;

/// What a stream has done in its present window.
#[derive(Debug)]
pub(crate) struct Floor {
    window: Duration,
    waited: Duration,
    bytes: u64,
    /// Windows below the floor since the last one above it.
    slow: u32,
}

impl Floor {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            waited: Duration::ZERO,
            bytes: 0,
            slow: 0,
        }
    }

    /// What is left of the window: the longest to wait for the next bytes.
    pub(crate) fn patience(&self) -> Duration {
        self.window.saturating_sub(self.waited).max(Duration::from_millis(1))
    }

    /// Counts a wait, and the bytes it ended with; zero bytes at the end of the patience. True when the line is to be given up.
    pub(crate) fn after(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited = self.waited.saturating_add(waited);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= self.least() {
            self.slow = 0;
            self.begin();
            return false;
        }
        if self.waited < self.window {
            return false;
        }
        self.slow += 1;
        self.begin();
        true
    }

    /// How many windows in a row were too slow.
    pub(crate) fn slow(&self) -> u32 {
        self.slow
    }

    fn begin(&mut self) {
        self.waited = Duration::ZERO;
        self.bytes = 0;
    }

    fn least(&self) -> u64 {
        let millis = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        (millis.saturating_mul(LEAST_RATE) / 1000).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_byte_every_29_seconds_does_not_live() {
        let mut floor = Floor::new(30 * SECOND);
        assert!(!floor.after(29 * SECOND, 1));
        assert_eq!(floor.patience(), SECOND);
        assert!(floor.after(SECOND, 0));
        assert_eq!((floor.slow(), floor.patience()), (1, 30 * SECOND));
        assert!(!floor.after(29 * SECOND, 1));
        assert!(floor.after(SECOND, 1));
        assert_eq!(floor.slow(), 2);
    }

    #[test]
    fn a_slow_line_that_moves_lives() {
        let mut floor = Floor::new(30 * SECOND);
        for _ in 0..1000 {
            assert!(!floor.after(SECOND, 600));
        }
        assert_eq!(floor.slow(), 0);
    }

    #[test]
    fn enough_in_time_begins_the_window_anew_and_forgives() {
        let mut floor = Floor::new(2 * SECOND);
        assert!(floor.after(2 * SECOND, 0));
        assert!(!floor.after(SECOND, 1024));
        assert_eq!((floor.slow(), floor.patience()), (0, 2 * SECOND));
    }
}
