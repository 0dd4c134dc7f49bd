//! Values of settings as text: reading, refusing, showing.

use std::time::Duration;

use url::Url;

use super::LONGEST;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::redact;

pub(crate) fn parse_base_url(text: &str) -> Result<Url> {
    let mut url = Url::parse(text).map_err(|error| {
        // What cannot be read cannot be taken apart, and may hold a password.
        let shown = if text.contains(['@', '?']) { "***" } else { text };
        invalid("base_url", shown, &format!("not a URL: {error}"))
    })?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(invalid("base_url", &redact(&url), "must be an https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("base_url", &redact(&url), "must be scheme, host and path only"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

pub(super) fn set_duration(target: &mut Duration, key: &str, text: &str) -> Result<()> {
    *target = parse_duration(key, text)?;
    Ok(())
}

/// Reads `5`, `0.5`, `500ms`, `5s`, `2m` or `1h`; a bare number is seconds.
pub(super) fn parse_duration(key: &str, text: &str) -> Result<Duration> {
    let text = text.trim();
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(invalid(key, text, "must be seconds, or a number with ms, s, m or h")),
    };
    let value: f64 = number
        .parse()
        .map_err(|_| invalid(key, text, "must be seconds, or a number with ms, s, m or h"))?;
    let seconds = value * scale;
    if !seconds.is_finite() || seconds <= 0.0 || seconds > LONGEST.as_secs_f64() {
        return Err(invalid(key, text, "must be above zero and at most a year"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

pub(super) fn show_duration(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

pub(super) fn parse_bool(key: &str, text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(invalid(key, text, "must be true or false")),
    }
}

/// The error for a value that breaks `rule`.
pub(super) fn invalid(key: &str, value: &str, rule: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{key} = {value:?}: {rule}"))
}

/// Levenshtein distance, for the nearest key.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            let best = (above + 1).min(left + 1).min(diagonal + usize::from(x != *y));
            diagonal = above;
            left = best;
            *cell = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_limits() {
        for (text, millis) in [
            ("5", 5000),
            ("0.5", 500),
            ("20ms", 20),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(
                parse_duration("poll_interval", text).unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
        for text in ["", "x", "0", "-1", "5 days", "1e400", "400000h", "nan"] {
            assert!(parse_duration("poll_interval", text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn the_distance_counts_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("poll_interval", "pol_interval", 1),
            ("proxy", "proxies", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
