//! How fast a transfer goes and how long it still takes, as shown to people.
//!
//! Pure: it is told the time. The speed is that of the last seconds, so it neither leaps with every packet nor counts what an earlier run had fetched.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What the speed is the average of.
const WINDOW: Duration = Duration::from_secs(8);
/// What must have passed before a speed is told.
const SHORTEST: Duration = Duration::from_millis(300);
/// Between two places that are remembered.
const STEP: Duration = Duration::from_millis(90);

/// The places of the last seconds in one phase of an operation.
#[derive(Debug, Default)]
pub(crate) struct Speed(VecDeque<(Instant, u64)>);

impl Speed {
    /// So many bytes are there now. Fewer than before are those of another phase.
    pub(crate) fn at(&mut self, now: Instant, bytes: u64) {
        match self.0.back() {
            Some((_, before)) if bytes < *before => self.0.clear(),
            Some((then, _)) if now.duration_since(*then) < STEP => return,
            _ => {}
        }
        self.0.push_back((now, bytes));
        // One that is older than the window is kept, to measure from.
        while self
            .0
            .get(1)
            .is_some_and(|(then, _)| now.duration_since(*then) >= WINDOW)
        {
            self.0.pop_front();
        }
    }

    /// Bytes per second, once something can be told.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn bytes_per_second(&self) -> Option<f64> {
        let ((began, first), (ended, last)) = (self.0.front()?, self.0.back()?);
        let time = ended.duration_since(*began);
        (time >= SHORTEST).then(|| (last - first) as f64 / time.as_secs_f64())
    }

    /// How long the rest takes at this speed; not told when hardly anything moves.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn left(&self, total: Option<u64>) -> Option<Duration> {
        let (_, done) = self.0.back()?;
        let speed = self.bytes_per_second()?;
        let rest = total?.checked_sub(*done)?;
        Duration::try_from_secs_f64(rest as f64 / speed)
            .ok()
            .filter(|left| *left < Duration::from_secs(100 * 3600))
    }
}

/// `0:07`, `12:34`, `1:02:03`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(places: &[(u64, u64)]) -> Speed {
        let began = Instant::now();
        let mut speed = Speed::default();
        for (milliseconds, bytes) in places {
            speed.at(began + Duration::from_millis(*milliseconds), *bytes);
        }
        speed
    }

    #[test]
    fn the_speed_is_that_of_the_last_seconds() {
        // 100 MB were there from an earlier run; then one megabyte a second, then three.
        let mut places = vec![(0, 100_000_000)];
        places.extend((1..=10).map(|second| (second * 1000, 100_000_000 + second * 1_000_000)));
        assert_eq!(after(&places).bytes_per_second(), Some(1e6));
        places.extend((11..=20).map(|second| (second * 1000, 110_000_000 + (second - 10) * 3_000_000)));
        let speed = after(&places);
        assert_eq!(speed.bytes_per_second(), Some(3e6));
        assert_eq!(speed.left(Some(200_000_000)), Some(Duration::from_secs(20)));
        assert_eq!(speed.left(None), None);
    }

    #[test]
    fn nothing_is_told_before_there_is_something_to_tell() {
        assert_eq!(after(&[]).bytes_per_second(), None);
        assert_eq!(after(&[(0, 0), (200, 9)]).bytes_per_second(), None);
        let stalled = after(&[(0, 5), (10_000, 5)]);
        assert_eq!((stalled.bytes_per_second(), stalled.left(Some(10))), (Some(0.0), None));
        // Another phase begins anew.
        assert_eq!(after(&[(0, 0), (1000, 9_000_000), (2000, 10)]).bytes_per_second(), None);
    }

    #[test]
    fn the_time_left_is_a_clock() {
        for (seconds, text) in [(0.0, "0:00"), (6.2, "0:07"), (754.0, "12:34"), (3723.0, "1:02:03")] {
            assert_eq!(clock(Duration::from_secs_f64(seconds)), text);
        }
    }
}
