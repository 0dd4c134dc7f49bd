//! The estimate of one request. Pure: the request, what is known of its inputs, and the table of prices in; an amount and what it was made of out.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, RoundingStrategy};
use serde_json::{Map, Value};

use super::Usd;
use super::prices::{Price, PriceTable, Seconds, TierBy};
use super::usd::SCALE;
use crate::request::MediaFacts;

/// Most frames of extension and context that are billed (the vendor's price list).
const MOST_EXTENDED_FRAMES: f64 = 505.0;

/// Longest context the service takes, in seconds.
const LONGEST_CONTEXT: f64 = 20.0;

/// What a job will cost, as far as the public price lists tell. Rounded up to a hundredth of a cent; the service's own rounding is not documented.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// The amount.
    pub usd: Usd,
    /// What it was made of, for people: seconds of what, at which price, by whose list.
    pub basis: String,
}

/// What is known of a request.
pub(crate) struct Known<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) params: &'a Map<String, Value>,
    /// Inputs that could be looked into, by field.
    pub(crate) inputs: &'a dyn Fn(&str) -> Option<MediaFacts>,
}

/// The figure without which there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn estimate(known: &Known<'_>, table: &PriceTable) -> Result<Estimate, Missing> {
    let endpoint = known.endpoint;
    let model = known.text("model");
    let price = table.find(endpoint, model).ok_or_else(|| {
        Missing(match model {
            Some(model) if table.knows(endpoint) => format!("no price is listed for {endpoint} with model {model:?}"),
            _ => format!("no price is listed for {endpoint}"),
        })
    })?;
    let (seconds, of) = known.seconds(price.seconds)?;
    let (tier, by) = known.tier(price)?;
    let per_second = price
        .usd_per_second
        .get(&tier)
        .ok_or_else(|| Missing(format!("no price is listed for {endpoint} at {tier}")))?;
    let seconds = Decimal::from_f64(seconds)
        .map(|seconds| seconds.round_dp_with_strategy(3, RoundingStrategy::AwayFromZero))
        .ok_or_else(|| Missing(format!("{of} is no usable length")))?;
    let amount = seconds
        .checked_mul(*per_second)
        .ok_or_else(|| Missing(format!("{of} is no usable length")))?
        .round_dp_with_strategy(SCALE, RoundingStrategy::AwayFromZero);
    Ok(Estimate {
        usd: Usd(amount),
        basis: format!(
            "{} s of {of} at USD {} per second{by}; list of the {}, {}",
            seconds.normalize(),
            Usd(*per_second),
            price.source,
            table.as_of,
        ),
    })
}

impl Known<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.params.get(name).and_then(Value::as_f64)
    }

    fn input(&self, field: &str) -> Result<MediaFacts, Missing> {
        (self.inputs)(field).ok_or_else(|| {
            Missing(format!(
                "{field} is no local file, so its length and size are not known here"
            ))
        })
    }

    fn video(&self) -> Result<crate::request::VideoTrack, Missing> {
        let facts = self.input("video_uri")?;
        let why = facts.unreadable.map(|why| format!(" ({why})")).unwrap_or_default();
        facts
            .video
            .ok_or_else(|| Missing(format!("the video track of video_uri could not be read{why}")))
    }

    /// What is billed, and what it is called.
    fn seconds(&self, of: Seconds) -> Result<(f64, String), Missing> {
        match of {
            Seconds::Duration => match self.params.get("duration") {
                Some(Value::Null) => Err(Missing(
                    "duration is automatic (null): its length is not known here".to_owned(),
                )),
                _ => self
                    .number("duration")
                    .map(|seconds| (seconds, "output".to_owned()))
                    .ok_or_else(|| Missing("duration is not given".to_owned())),
            },
            Seconds::VideoUri => self
                .video()?
                .seconds
                .map(|seconds| (seconds, "video_uri".to_owned()))
                .ok_or_else(|| Missing("the length of video_uri could not be read".to_owned())),
            Seconds::AudioUri => self
                .input("audio_uri")?
                .audio
                .and_then(|audio| audio.seconds)
                .map(|seconds| (seconds, "audio_uri".to_owned()))
                .ok_or_else(|| Missing("the length of audio_uri could not be read".to_owned())),
            Seconds::ExtensionAndContext => self.extension(),
        }
    }

    /// A context that is not given is as long as fits: the input, 20 s, and 505 frames together with the extension.
    fn extension(&self) -> Result<(f64, String), Missing> {
        let duration = self
            .number("duration")
            .ok_or_else(|| Missing("duration is not given".to_owned()))?;
        let video = self.video();
        let cap = video
            .as_ref()
            .ok()
            .and_then(crate::request::VideoTrack::fps)
            .map_or(f64::INFINITY, |fps| MOST_EXTENDED_FRAMES / fps);
        let context = match self.number("context") {
            Some(context) => context,
            None => {
                let missing =
                    || Missing("context is not given, and the length of video_uri could not be read".to_owned());
                video?.seconds.ok_or_else(missing)?.min(LONGEST_CONTEXT)
            }
        };
        Ok(((duration + context).min(cap), "extension and context".to_owned()))
    }

    /// The tier, and how it came about.
    fn tier(&self, price: &Price) -> Result<(String, String), Missing> {
        let (tier, why) = match price.tier {
            TierBy::None => return Ok(("any".to_owned(), String::new())),
            TierBy::Resolution => match (self.text("resolution"), &price.default_tier) {
                (Some(text), _) => (
                    tier_of_resolution(text)
                        .ok_or_else(|| Missing(format!("resolution = {:?} has no tier", short(text))))?,
                    format!("resolution {}", short(text)),
                ),
                (None, Some(default)) => (default.to_ascii_lowercase(), "the default".to_owned()),
                (None, None) => return Err(Missing("resolution is not given".to_owned())),
            },
            TierBy::VideoPixels => {
                let video = self.video()?;
                (
                    tier_of_pixels(video.pixels()).to_owned(),
                    format!("the {}x{} pixels of video_uri", video.width, video.height),
                )
            }
            TierBy::VideoShortSide => {
                let video = self.video()?;
                (
                    tier_of_side(video.width.min(video.height)).to_owned(),
                    format!("the {}x{} pixels of video_uri", video.width, video.height),
                )
            }
        };
        let by = format!(" ({tier} by {why})");
        Ok((tier, by))
    }
}

fn short(text: &str) -> String {
    text.chars().take(20).collect()
}

/// `1920x1080`, or a label such as `4k`.
fn tier_of_resolution(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    match text.split_once('x') {
        Some((width, height)) => {
            let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
            Some(tier_of_side(width.min(height)).to_owned())
        }
        None => (!text.is_empty()).then_some(text),
    }
}

fn tier_of_side(side: u32) -> &'static str {
    match side {
        0..=720 => "720p",
        721..=1080 => "1080p",
        1081..=1440 => "1440p",
        1441..=2160 => "4k",
        _ => "8k",
    }
}

/// The thresholds of the vendor's frame caps: the pixels of 1280x720, 1920x1080, 2560x1440, 3840x2160.
fn tier_of_pixels(pixels: u64) -> &'static str {
    match pixels {
        0..=921_600 => "720p",
        921_601..=2_073_600 => "1080p",
        2_073_601..=3_686_400 => "1440p",
        3_686_401..=8_294_400 => "4k",
        _ => "8k",
    }
}

#[cfg(test)]
#[path = "estimate_tests.rs"]
mod tests;
