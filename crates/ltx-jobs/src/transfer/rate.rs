//! A limit of speed as people write it. Pure.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// Bytes per second, read from a text: `20MB/s`, `500 kB/s`, `2.5MiB/s`, `100Mbit/s`, or a bare number of bytes. `/s` may be left out.
///
/// ```
/// # fn main() -> ltx_jobs::Result<()> {
/// let limit: ltx_jobs::BytesPerSecond = "20MB/s".parse()?;
/// assert_eq!(limit.get(), 20_000_000);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BytesPerSecond(u64);

impl BytesPerSecond {
    /// The number, never zero.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for BytesPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B/s", self.0)
    }
}

impl FromStr for BytesPerSecond {
    type Err = Error;

    /// # Errors
    /// `InvalidRequest` for what is no speed, and for zero. `MB` and `Mbit` are told apart by their letters, so a lone `M` or a `Mb` is refused.
    fn from_str(text: &str) -> Result<Self> {
        const WORDS: &str =
            "must be bytes per second, or a number with kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s or Mbit/s";
        let invalid = |why: &str| Error::new(ErrorKind::InvalidRequest, format!("bandwidth = {text:?}: {why}"));
        let trimmed = text.trim();
        let split = trimmed
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let unit = unit.trim();
        let scale = match unit.strip_suffix("/s").unwrap_or(unit) {
            "" | "B" => 1.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "KiB" => 1024.0,
            "MiB" => 1_048_576.0,
            "GiB" => 1_073_741_824.0,
            "kbit" | "Kbit" => 125.0,
            "Mbit" => 125e3,
            "Gbit" => 125e6,
            _ => return Err(invalid(WORDS)),
        };
        let value = number.parse::<f64>().map_err(|_| invalid(WORDS))? * scale;
        if value < 1.0 {
            return Err(invalid("must be above zero bytes per second"));
        }
        // Beyond what a number of 64 bits holds is as good as no limit.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Self(value as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_read_as_people_write_it() {
        for (text, bytes) in [
            ("1500", 1_500),
            ("20MB/s", 20_000_000),
            (" 500 kB/s ", 500_000),
            ("2.5MiB", 2_621_440),
            ("1GiB/s", 1 << 30),
            ("100Mbit/s", 12_500_000),
            ("99999999999999999999GB/s", u64::MAX),
        ] {
            assert_eq!(text.parse::<BytesPerSecond>().unwrap().get(), bytes, "{text}");
        }
        for text in [
            "", "fast", "0", "0.2", "-5", "20M", "20Mb/s", "20MB/h", "MB/s", "1.2.3MB",
        ] {
            let error = text.parse::<BytesPerSecond>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{text:?}");
            assert!(error.message().contains("bandwidth"), "{error}");
        }
    }
}
