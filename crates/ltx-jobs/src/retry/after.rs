//! `Retry-After`: seconds (whole or fractional) or an HTTP date, corrected by the answer's own `Date`, capped.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// Longest wait obeyed. A server that asks for more is believed to mean "not soon".
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What the headers ask for. `now` is used only when a date comes without the answer's own `Date`.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        if !seconds.is_finite() || seconds < 0.0 {
            return None;
        }
        return Some(Duration::from_secs_f64(seconds.min(LONGEST_WAIT.as_secs_f64())));
    }
    let until = http_date(text)?;
    let from = server_date(headers).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or(Duration::ZERO).min(LONGEST_WAIT))
}

/// The answer's `Date` header.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<SystemTime> {
    http_date(headers.get(http::header::DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<SystemTime> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(SystemTime::from(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn seconds_fractions_zero_and_dates_are_understood() {
        let epoch = SystemTime::UNIX_EPOCH;
        type Case<'a> = (&'a [(&'static str, &'a str)], Option<f64>);
        let cases: &[Case<'_>] = &[
            (&[], None),
            (&[("retry-after", "3")], Some(3.0)),
            (&[("retry-after", "0")], Some(0.0)),
            (&[("retry-after", "0.25")], Some(0.25)),
            (&[("retry-after", "99999")], Some(300.0)),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "Thu, 01 Jan 1970 00:00:10 GMT")], Some(10.0)),
            (
                &[
                    ("retry-after", "Mon, 23 Nov 2026 10:00:07 GMT"),
                    ("date", "Mon, 23 Nov 2026 10:00:00 GMT"),
                ],
                Some(7.0),
            ),
            (
                &[
                    ("retry-after", "Mon, 23 Nov 2026 10:00:00 GMT"),
                    ("date", "Mon, 23 Nov 2026 10:00:07 GMT"),
                ],
                Some(0.0),
            ),
            // A date far ahead is capped like a number, whether the server's clock is known or ours has to do.
            (
                &[
                    ("retry-after", "Mon, 23 Nov 2026 11:00:00 GMT"),
                    ("date", "Mon, 23 Nov 2026 10:00:00 GMT"),
                ],
                Some(300.0),
            ),
            (&[("retry-after", "Thu, 31 Dec 2099 23:59:59 GMT")], Some(300.0)),
            (&[("retry-after", " 7 ")], Some(7.0)),
            (&[("retry-after", "1e300")], Some(300.0)),
            (&[("retry-after", "Mon, 23 Nov 2026")], None),
        ];
        for (pairs, expected) in cases {
            let found = retry_after(&headers(pairs), epoch).map(|wait| wait.as_secs_f64());
            assert_eq!(found, *expected, "{pairs:?}");
        }
    }
}
