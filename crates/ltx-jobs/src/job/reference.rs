//! The name of a job that fits into a project file: `endpoint/id`, or `intent:ID` from the moment of submit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// Names a remote job, or the intent to submit one. Contains no secret; `Display` and `FromStr` are inverse.
///
/// The service knows an id only under the endpoint it was submitted to, so both belong together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobRef(Name);

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Name {
    Job { endpoint: String, id: String },
    Intent(String),
}

impl JobRef {
    /// The job `id` of `endpoint`.
    ///
    /// # Errors
    /// `InvalidRequest` when either is empty or could not be one segment of a URL's path.
    pub fn job(endpoint: impl Into<String>, id: impl Into<String>) -> Result<Self> {
        let (endpoint, id) = (endpoint.into(), id.into());
        check_segment("endpoint", &endpoint)?;
        check_segment("job id", &id)?;
        Ok(Self(Name::Job { endpoint, id }))
    }

    /// The intent `id`: a submit that was begun here.
    ///
    /// # Errors
    /// `InvalidRequest` when it is empty or holds characters that an intent never has.
    pub fn intent(id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        check_segment("intent", &id)?;
        Ok(Self(Name::Intent(id)))
    }

    /// The endpoint, for a job.
    pub fn endpoint(&self) -> Option<&str> {
        match &self.0 {
            Name::Job { endpoint, .. } => Some(endpoint),
            Name::Intent(_) => None,
        }
    }

    /// The service's id, for a job.
    pub fn id(&self) -> Option<&str> {
        match &self.0 {
            Name::Job { id, .. } => Some(id),
            Name::Intent(_) => None,
        }
    }

    /// The id of the intent, for a submit that was begun here.
    pub fn intent_id(&self) -> Option<&str> {
        match &self.0 {
            Name::Intent(id) => Some(id),
            Name::Job { .. } => None,
        }
    }

    /// Whether it names an intent rather than a job.
    pub fn is_intent(&self) -> bool {
        matches!(self.0, Name::Intent(_))
    }
}

/// Ids are opaque words of the service: anything that stays one path segment is taken.
pub(crate) fn check_segment(what: &str, text: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '\\' | '?' | '#' | '%' | '"' | '<' | '>');
    if text.is_empty() || text == "." || text == ".." || text.len() > 512 || !text.chars().all(fits) {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{what} {text:?} is not usable: it must be one segment of a URL's path, of visible ASCII, at most 512 characters"
            ),
        ));
    }
    Ok(())
}

impl fmt::Display for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Job { endpoint, id } => write!(f, "{endpoint}/{id}"),
            Name::Intent(id) => write!(f, "intent:{id}"),
        }
    }
}

impl FromStr for JobRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(id) = text.strip_prefix("intent:") {
            return Self::intent(id);
        }
        match text.split_once('/') {
            Some((endpoint, id)) => Self::job(endpoint, id),
            None => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("{text:?} is no job reference: write `endpoint/id` or `intent:ID`"),
            )),
        }
    }
}

impl Serialize for JobRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_reference_are_inverse() {
        for text in ["video-to-video-hdr/7b1c", "intent:01H", "retake/a:b~c"] {
            let reference: JobRef = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            let json = serde_json::to_string(&reference).unwrap();
            assert_eq!(serde_json::from_str::<JobRef>(&json).unwrap(), reference);
        }
    }

    #[test]
    fn what_could_leave_its_path_segment_is_refused() {
        for text in [
            "",
            "retake",
            "retake/",
            "/x",
            "retake/a/b",
            "retake/..",
            "retake/a?b",
            "retake/a b",
            "intent:",
            "retake/%2e",
        ] {
            assert!(text.parse::<JobRef>().is_err(), "{text:?} was taken");
        }
    }
}
