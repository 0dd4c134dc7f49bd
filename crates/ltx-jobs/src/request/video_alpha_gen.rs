//! `video-alpha-gen`: the foreground of a clip, cut out.
//!
//! Billed per second of the input, by its shorter side (a partner's price list: USD 0.10 at 1080p, 0.25 at 1440p, 1.00 at 4K).

use serde_json::Value;

use super::{Media, Request};

/// A request for the foreground of a clip. Results: a ProRes 4444 MOV with straight alpha, and an MP4 with the matte (white is foreground); their labels
/// are not documented, so go by [`Completed::outputs`](crate::Completed::outputs).
///
/// Input: MP4, MOV or MKV with H.264 or H.265, sides at most 3840 and 2160, not wider than 32:9, at most 200 MB (partners of the vendor).
///
/// The path `/v2/video-alpha-gen` is inferred from the name at partners; no page of the vendor shows it. Should it be another, override it with
/// [`Request::path`].
#[derive(Debug, Clone)]
pub struct VideoAlphaGen {
    request: Request,
}

impl VideoAlphaGen {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "video-alpha-gen";

    /// Asks for the foreground of this clip.
    pub fn new(video_uri: impl Into<Media>) -> Self {
        Self {
            request: Request::typed(Self::ENDPOINT).media("video_uri", video_uri.into()),
        }
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<VideoAlphaGen> for Request {
    fn from(typed: VideoAlphaGen) -> Self {
        typed.request
    }
}
