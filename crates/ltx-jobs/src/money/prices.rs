//! The table of prices: data, from `prices.json` beside this file or from a file of the caller's with the same form.
//!
//! One row prices one endpoint, and one model of it where prices differ by model. `seconds` says what is billed, `tier` what the price goes by.

use std::collections::BTreeMap;
use std::path::Path;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

/// Prices of the vendor's lists, autumn 2026.
const BUILT_IN: &str = include_str!("prices.json");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceTable {
    /// The day of the lists.
    pub(super) as_of: String,
    pub(super) prices: Vec<Price>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    pub(super) endpoint: String,
    /// Every model when absent.
    pub(super) model: Option<String>,
    /// Whether this is the model of a request that names none.
    #[serde(default)]
    pub(super) default_model: bool,
    pub(super) seconds: Seconds,
    pub(super) tier: TierBy,
    /// The tier of a request that does not say.
    pub(super) default_tier: Option<String>,
    /// Who says so.
    pub(super) source: String,
    #[serde(deserialize_with = "amounts")]
    pub(super) usd_per_second: BTreeMap<String, Decimal>,
}

/// What is billed by the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seconds {
    /// The length that is asked for.
    Duration,
    /// The whole input.
    VideoUri,
    /// The whole input.
    AudioUri,
    /// The new part and what of the old one it is made from, at most 505 frames.
    ExtensionAndContext,
}

/// What the price goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TierBy {
    /// One price (`any`).
    None,
    /// The request's `resolution`, `WxH` or a label.
    Resolution,
    /// The input's count of pixels.
    VideoPixels,
    /// The input's shorter side.
    VideoShortSide,
}

impl PriceTable {
    pub(crate) fn built_in() -> Result<Self> {
        Self::parse(BUILT_IN)
    }

    /// A table of the caller's.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let unusable = |why: String| {
            Error::new(
                ErrorKind::Config,
                format!("prices = {:?}: {why}", path.display().to_string()),
            )
        };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
        Self::parse(&text).map_err(|error| unusable(error.message().to_owned()))
    }

    fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::new(ErrorKind::Config, format!("this is no table of prices: {error}")))
    }

    /// The row for an endpoint and the model that is asked for.
    pub(super) fn find(&self, endpoint: &str, model: Option<&str>) -> Option<&Price> {
        self.prices
            .iter()
            .filter(|price| price.endpoint == endpoint)
            .find(|price| match (&price.model, model) {
                (None, _) => true,
                (Some(listed), Some(asked)) => listed == asked,
                (Some(_), None) => price.default_model,
            })
    }

    pub(super) fn knows(&self, endpoint: &str) -> bool {
        self.prices.iter().any(|price| price.endpoint == endpoint)
    }
}

fn amounts<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, Decimal>, D::Error> {
    use serde::de::Error as _;
    BTreeMap::<String, String>::deserialize(deserializer)?
        .into_iter()
        .map(|(tier, text)| match text.parse::<super::Usd>() {
            Ok(amount) => Ok((tier.to_ascii_lowercase(), amount.0)),
            Err(error) => Err(D::Error::custom(format!("{tier}: {}", error.message()))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_prices_every_endpoint_of_this_library() {
        let table = PriceTable::built_in().unwrap();
        for endpoint in crate::request::endpoint_names() {
            assert!(table.knows(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn a_table_that_cannot_be_used_is_told_with_its_name_and_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.json");
        assert!(PriceTable::read(&path).unwrap_err().to_string().contains("prices.json"));
        let row = |seconds: &str, amount: &str| {
            format!(
                r#"{{"as_of": "x", "prices": [{{"endpoint": "e", "seconds": "{seconds}", "tier": "none", "source": "s", "usd_per_second": {{"any": "{amount}"}}}}]}}"#
            )
        };
        for (text, words) in [
            ("{}".to_owned(), "missing field"),
            (row("minutes", "0.1"), "unknown variant"),
            (row("duration", "-0.1"), "no amount"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = PriceTable::read(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(words), "{error}");
        }
        std::fs::write(&path, row("duration", "0.5")).unwrap();
        assert!(PriceTable::read(&path).unwrap().find("e", Some("any model")).is_some());
    }
}
