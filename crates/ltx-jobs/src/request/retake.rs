//! `retake`: a part of a clip is made anew.
//!
//! Billed per second of the whole input, not of the part (vendor's price list: USD 0.10).

use serde_json::Value;

use super::{Media, Request, number};

/// What is made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetakeMode {
    /// The sound only.
    ReplaceAudio,
    /// The picture only.
    ReplaceVideo,
    /// Both: the service's default.
    ReplaceAudioAndVideo,
    /// A word this library does not know, passed on as it is.
    Other(String),
}

impl RetakeMode {
    /// The documented words.
    pub(super) const WORDS: &'static [&'static str] = &["replace_audio", "replace_video", "replace_audio_and_video"];

    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ReplaceAudio => "replace_audio",
            Self::ReplaceVideo => "replace_video",
            Self::ReplaceAudioAndVideo => "replace_audio_and_video",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for RetakeMode {
    fn from(word: &str) -> Self {
        match word {
            "replace_audio" => Self::ReplaceAudio,
            "replace_video" => Self::ReplaceVideo,
            "replace_audio_and_video" => Self::ReplaceAudioAndVideo,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A request to make a part of a clip anew. Result: `video_url`, an MP4 of the whole clip.
///
/// Input: MP4, MOV or MKV with H.264 or H.265, at least 73 frames, at most 3840x2160 and 200 MB.
///
/// ```
/// use ltx_jobs::{Media, Retake, RetakeMode};
///
/// let request = Retake::new(Media::file("take.mp4"), 1.5, 3.0).prompt("She smiles").mode(RetakeMode::ReplaceVideo);
/// ```
#[derive(Debug, Clone)]
pub struct Retake {
    request: Request,
}

impl Retake {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "retake";

    /// Asks for the part that begins at `start_time` (seconds, 0 or more) and is `duration` long (seconds, at least 2). The service clamps it to the clip.
    pub fn new(video_uri: impl Into<Media>, start_time: f64, duration: f64) -> Self {
        let request = Request::typed(Self::ENDPOINT)
            .media("video_uri", video_uri.into())
            .extra("start_time", number(start_time))
            .extra("duration", number(duration));
        Self { request }
    }

    /// What happens in this part: 1 to 5000 characters.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.request.set("prompt", prompt.into());
        self
    }

    /// What is made anew; the service's default is sound and picture.
    #[must_use]
    pub fn mode(mut self, mode: impl Into<RetakeMode>) -> Self {
        self.request.set("mode", mode.into().as_str());
        self
    }

    /// The size: `1920x1080` or `1080x1920`; the service's default follows the clip's orientation.
    #[must_use]
    pub fn resolution(mut self, resolution: impl Into<String>) -> Self {
        self.request.set("resolution", resolution.into());
        self
    }

    /// The model; the service's default, and the only one documented, is `ltx-2-3-pro`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.request.set("model", model.into());
        self
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<Retake> for Request {
    fn from(typed: Retake) -> Self {
        typed.request
    }
}
