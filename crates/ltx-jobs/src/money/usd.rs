//! An amount of US dollars, exact.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::error::{Error, ErrorKind};

/// Digits behind the point: hundredths of a cent.
pub(super) const SCALE: u32 = 4;

/// An amount of US dollars: a decimal, never a binary fraction. Read and written as text, such as `0.80`.
///
/// ```
/// use ltx_jobs::Usd;
///
/// let limit: Usd = "2.50".parse()?;
/// assert_eq!(limit, Usd::from_cents(250));
/// assert_eq!(limit.to_string(), "2.50");
/// # Ok::<(), ltx_jobs::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(pub(super) Decimal);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// An amount in whole cents.
    pub fn from_cents(cents: u32) -> Self {
        Self(Decimal::new(i64::from(cents), 2))
    }
}

impl std::ops::Add for Usd {
    type Output = Self;

    /// Exact; what no decimal can hold stays at the largest one.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, std::ops::Add::add)
    }
}

impl FromStr for Usd {
    type Err = Error;

    /// # Errors
    /// `InvalidRequest` when the text is no decimal of at least zero and at most a billion with at most six digits behind the point.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let amount = Decimal::from_str(text)
            .ok()
            .filter(|amount| is_plain && amount.normalize().scale() <= 6 && *amount <= Decimal::from(1_000_000_000));
        amount.map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Error::new(
                ErrorKind::InvalidRequest,
                format!("{shown:?} is no amount of US dollars; write it like 2.50"),
            )
        })
    }
}

impl fmt::Display for Usd {
    /// At least two digits behind the point, without a currency sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.0.normalize();
        if amount.scale() < 2 {
            write!(f, "{amount:.2}")
        } else {
            write!(f, "{amount}")
        }
    }
}

impl serde::Serialize for Usd {
    /// As text: a number would become a binary fraction on the way.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Usd({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, shown) in [
            ("2.5", "2.50"),
            ("0", "0.00"),
            (" 10 ", "10.00"),
            ("0.1234", "0.1234"),
            ("0.100000", "0.10"),
            ("1000000000", "1000000000.00"),
        ] {
            assert_eq!(text.parse::<Usd>().unwrap().to_string(), shown, "{text:?}");
        }
        for text in ["", "-1", "1e3", "two", "0.0000001", "1000000001", "NaN", "$2", "1,5"] {
            assert!(text.parse::<Usd>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn amounts_are_added_exactly() {
        let sum: Usd = ["0.1", "0.2", "2.50"]
            .iter()
            .map(|text| text.parse::<Usd>().unwrap())
            .sum();
        assert_eq!(sum.to_string(), "2.80");
        assert_eq!(std::iter::empty::<Usd>().sum::<Usd>(), Usd::ZERO);
    }

    #[test]
    fn amounts_compare_by_their_worth() {
        assert_eq!("0.10".parse::<Usd>().unwrap(), "0.1".parse::<Usd>().unwrap());
        assert!(Usd::from_cents(99) < "1".parse().unwrap());
    }
}
