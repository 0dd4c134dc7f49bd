//! What the service says, as it says it. Every list is open: a word that is new to us passes through with its text.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use crate::secret::SignedUrl;
use crate::transport::Envelope;

/// The state of a job as the service words it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Queued.
    Pending,
    /// Running.
    Processing,
    /// Done; its outputs can be fetched.
    Completed,
    /// Given up by the service, and not billed.
    Failed,
    /// A word this library does not know. Not known to be terminal, so the job goes on.
    Other(String),
}

impl Status {
    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// Whether the job is over.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl From<&str> for Status {
    fn from(word: &str) -> Self {
        match word {
            "pending" => Self::Pending,
            "processing" => Self::Processing,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            other => Self::Other(other.chars().filter(|c| !c.is_control()).take(64).collect()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The answer to a submit. The id is an opaque word.
#[derive(Debug, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) created_at: Option<Time>,
}

/// The answer to a poll.
#[derive(Debug, Deserialize)]
pub(crate) struct Polled {
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) created_at: Option<Time>,
    #[serde(default)]
    pub(crate) completed_at: Option<Time>,
    #[serde(default)]
    pub(crate) result: Option<Value>,
    #[serde(default)]
    pub(crate) error: Option<Value>,
}

impl Polled {
    /// The signed URLs of the result, by the service's labels. What is no URL stays in the raw answer only.
    pub(crate) fn outputs(&self) -> BTreeMap<String, SignedUrl> {
        let Some(Value::Object(map)) = &self.result else {
            return BTreeMap::new();
        };
        map.iter()
            .filter_map(|(label, value)| {
                let url = Url::parse(value.as_str()?).ok()?;
                matches!(url.scheme(), "https" | "http").then(|| (label.clone(), SignedUrl::new(url)))
            })
            .collect()
    }

    pub(crate) fn failure(&self) -> Option<Envelope> {
        self.error
            .as_ref()
            .and_then(|error| serde_json::from_value(error.clone()).ok())
    }
}

/// A point in time as the service writes it (RFC 3339). One that cannot be read is no reason to lose a job: it is as if it were not there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Option<SystemTime>);

impl Time {
    pub(crate) fn get(time: Option<Self>) -> Option<SystemTime> {
        time.and_then(|time| time.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self(value.as_str().and_then(parse_time)))
    }
}

pub(crate) fn parse_time(text: &str) -> Option<SystemTime> {
    jiff::Timestamp::from_str(text).ok().map(SystemTime::from)
}

/// RFC 3339 in UTC, for logs and records.
pub(crate) fn format_time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| "out of range".to_owned(), |stamp| format!("{stamp:.3}"))
}

/// When the URL signed by the storage stops working, from its own query (`X-Goog-Date` and `X-Goog-Expires`, or Amazon's names).
pub(crate) fn url_expiry(url: &SignedUrl) -> Option<SystemTime> {
    let mut date = None;
    let mut lifetime = None;
    for (name, value) in url.url().query_pairs() {
        match name.to_ascii_lowercase().as_str() {
            "x-goog-date" | "x-amz-date" => {
                date = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", value.as_bytes())
                    .and_then(|parsed| parsed.to_datetime())
                    .and_then(|parsed| parsed.to_zoned(jiff::tz::TimeZone::UTC))
                    .ok();
            }
            "x-goog-expires" | "x-amz-expires" => lifetime = value.parse::<u32>().ok(),
            _ => {}
        }
    }
    let begins = SystemTime::from(date?.timestamp());
    begins.checked_add(std::time::Duration::from_secs(u64::from(lifetime?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn new_words_pass_through() {
        let status = Status::from("queued_for_gpu");
        assert_eq!(status.as_str(), "queued_for_gpu");
        assert!(!status.is_terminal());
    }

    #[test]
    fn odd_answers_lose_nothing_but_what_is_odd() {
        let polled: Polled = serde_json::from_str(
            r#"{"status":"completed","created_at":17,"completed_at":"2026-11-23T10:00:00.000Z","result":{"video_url":"https://s.example/v?sig=1","note":"n/a","n":3},"new":{}}"#,
        )
        .unwrap();
        assert!(Time::get(polled.created_at).is_none());
        assert_eq!(
            format_time(Time::get(polled.completed_at).unwrap()),
            "2026-11-23T10:00:00.000Z"
        );
        assert_eq!(polled.outputs().keys().collect::<Vec<_>>(), ["video_url"]);
    }

    #[test]
    fn a_signed_url_says_when_it_expires() {
        let url = |text: &str| SignedUrl::new(Url::parse(text).unwrap());
        let expiry = url_expiry(&url(
            "https://s.example/o?X-Goog-Date=20261123T100000Z&X-Goog-Expires=3600&X-Goog-Signature=x",
        ))
        .unwrap();
        assert_eq!(
            expiry,
            parse_time("2026-11-23T10:00:00Z").unwrap() + Duration::from_secs(3600)
        );
        for text in [
            "https://s.example/o",
            "https://s.example/o?X-Goog-Date=yesterday&X-Goog-Expires=1",
            "https://s.example/o?X-Goog-Date=20261123T100000Z",
        ] {
            assert!(url_expiry(&url(text)).is_none(), "{text}");
        }
    }
}
