//! `extend`: a clip goes on, or begins earlier.
//!
//! Billed per second of extension and context together, at most 505 frames (vendor's price list: USD 0.10).

use serde_json::Value;

use super::{Media, Request, number};

/// Where a clip is extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendMode {
    /// After its end: the service's default.
    End,
    /// Before its start.
    Start,
    /// A word this library does not know, passed on as it is.
    Other(String),
}

impl ExtendMode {
    /// The documented words.
    pub(super) const WORDS: &'static [&'static str] = &["end", "start"];

    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::End => "end",
            Self::Start => "start",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for ExtendMode {
    fn from(word: &str) -> Self {
        match word {
            "end" => Self::End,
            "start" => Self::Start,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A request to extend a clip. Result: `video_url`, an MP4 of the clip's size.
///
/// Input: MP4, MOV or MKV with H.264 or H.265, 16:9 or 9:16, at least 73 frames, at most 3840x2160 and 100 MB.
///
/// ```
/// use ltx_jobs::{Extend, ExtendMode, Media};
///
/// let request = Extend::new(Media::file("take.mp4"), 5.0).mode(ExtendMode::Start).context(3.0);
/// ```
#[derive(Debug, Clone)]
pub struct Extend {
    request: Request,
}

impl Extend {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "extend";

    /// Asks for `duration` more seconds: 2 to 20.
    pub fn new(video_uri: impl Into<Media>, duration: f64) -> Self {
        let request = Request::typed(Self::ENDPOINT)
            .media("video_uri", video_uri.into())
            .extra("duration", number(duration));
        Self { request }
    }

    /// What happens in the new part: 1 to 5000 characters.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.request.set("prompt", prompt.into());
        self
    }

    /// Where the clip is extended; the service's default is its end.
    #[must_use]
    pub fn mode(mut self, mode: impl Into<ExtendMode>) -> Self {
        self.request.set("mode", mode.into().as_str());
        self
    }

    /// The model; the service's default, and the only one documented, is `ltx-2-3-pro`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.request.set("model", model.into());
        self
    }

    /// How many seconds of the clip the model looks at, 1 to 20; they are billed too. Together with the duration at most 505 frames, some 21 s at 24
    /// frames per second. The service's default is as much as fits.
    #[must_use]
    pub fn context(mut self, context: f64) -> Self {
        self.request.set("context", number(context));
        self
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<Extend> for Request {
    fn from(typed: Extend) -> Self {
        typed.request
    }
}
