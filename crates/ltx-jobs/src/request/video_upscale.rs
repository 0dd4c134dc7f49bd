//! `video-upscale`: a clip in a higher resolution.
//!
//! Billed per second of the input, by the size of the output (a partner's price list: USD 0.08 at 1080p, 0.30 at 4K, 1.20 at 8K).

use serde_json::Value;

use super::{Media, Request};

/// A request for a clip in a higher resolution. Result: `video_url`, an MP4 with the clip's sound and shape.
///
/// Input: MP4, MOV or MKV with H.264 or H.265, at least 2 frames, the shorter side at least 480, at most 7680x4320 and 200 MB. At most 2401 frames to 1080p,
/// 601 to 4K, 241 to 8K (partners of the vendor).
///
/// The path `/v2/video-upscale` is inferred from the names at partners; no page of the vendor shows it. Should it be another, override it:
///
/// ```
/// use ltx_jobs::{Media, Request, VideoUpscale};
///
/// let request = Request::from(VideoUpscale::new(Media::file("plate.mp4"), "4k")).path("/v2/video-to-video-upscale");
/// ```
#[derive(Debug, Clone)]
pub struct VideoUpscale {
    request: Request,
}

impl VideoUpscale {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "video-upscale";

    /// Asks for the clip in this resolution, a label: `1080p`, `4k` or `8k`. The clip is fitted into 1920x1080, 3840x2160 or 7680x4320, turned for portrait.
    pub fn new(video_uri: impl Into<Media>, resolution: impl Into<String>) -> Self {
        let request = Request::typed(Self::ENDPOINT)
            .media("video_uri", video_uri.into())
            .extra("resolution", resolution.into());
        Self { request }
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<VideoUpscale> for Request {
    fn from(typed: VideoUpscale) -> Self {
        typed.request
    }
}
