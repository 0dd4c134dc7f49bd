//! The emulator's clock: the machine's, plus what the test has added.
//!
//! Expiry, retention and clock-driven states read this clock and no other, so a test moves a day on without waiting for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

/// A clock that only a test moves ahead of the machine's.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
}

impl Clock {
    /// The emulator's present.
    pub(crate) fn now(&self) -> Millis {
        Timestamp::now()
            .as_millisecond()
            .saturating_add(self.ahead.load(Ordering::SeqCst))
    }

    /// Moves the clock on.
    pub(crate) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.ahead.fetch_add(by, Ordering::SeqCst);
    }

    /// Back to the machine's time.
    pub(crate) fn reset(&self) {
        self.ahead.store(0, Ordering::SeqCst);
    }
}

fn format(at: Millis, pattern: &str) -> String {
    Timestamp::from_millisecond(at)
        .unwrap_or(Timestamp::MAX)
        .strftime(pattern)
        .to_string()
}

/// ISO 8601 as in the service's examples: whole seconds, written with `.000Z`.
pub(crate) fn iso(at: Millis) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S.000Z")
}

/// An HTTP date.
pub(crate) fn http_date(at: Millis) -> String {
    format(at, "%a, %d %b %Y %H:%M:%S GMT")
}

/// The compact form of `X-Goog-Date`.
pub(crate) fn goog_date(at: Millis) -> String {
    format(at, "%Y%m%dT%H%M%SZ")
}

/// Reads [`goog_date`] back.
pub(crate) fn parse_goog_date(text: &str) -> Option<Millis> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(
        time.to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_millisecond(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_service_and_the_storage_write_them() {
        let at = 1_795_455_845_678;
        assert_eq!(iso(at), "2026-11-23T17:44:05.000Z");
        assert_eq!(http_date(at), "Mon, 23 Nov 2026 17:44:05 GMT");
        assert_eq!(goog_date(at), "20261123T174405Z");
        assert_eq!(parse_goog_date("20261123T174405Z"), Some(1_795_455_845_000));
        assert_eq!(parse_goog_date("yesterday"), None);
    }

    #[test]
    fn the_clock_moves_only_ahead_of_the_machine() {
        let clock = Clock::default();
        let before = clock.now();
        clock.advance(Duration::from_secs(86_400));
        assert!(clock.now() >= before + 86_400_000);
        clock.reset();
        assert!(clock.now() < before + 86_400_000);
    }
}
