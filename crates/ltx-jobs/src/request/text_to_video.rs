//! `text-to-video`: a video from a description.
//!
//! Billed per second of the output, by model and size (vendor's price list: USD 0.03 at 720p with `ltx-2-3-fast` to 0.39 at 4K with `ltx-2-5-pro`).

use serde_json::Value;

use super::{CameraMotion, Request};

/// A request for a video from a description. Result: `video_url`, an MP4.
///
/// ```
/// use ltx_jobs::{CameraMotion, TextToVideo};
///
/// let request = TextToVideo::new("A lighthouse at dusk", "ltx-2-5-pro", Some(8), "1920x1080").camera_motion(CameraMotion::DollyIn);
/// ```
#[derive(Debug, Clone)]
pub struct TextToVideo {
    request: Request,
}

impl TextToVideo {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "text-to-video";

    /// Asks for a video (values by the vendor's field reference):
    ///
    /// * `prompt`: 1 to 5000 characters.
    /// * `model`: `ltx-2-5-fast`, `ltx-2-5-pro`, `ltx-2-3-fast` or `ltx-2-3-pro`.
    /// * `duration`: seconds; 6, 8 or 10, with the fast models at 720p and 1080p with 24 or 25 frames per second also 12 to 20 in even numbers. The service
    ///   has been seen to take 2 to 5 as well. `None` lets the service choose; documented for the `ltx-2-5` models only.
    /// * `resolution`: `1280x720`, `1920x1080`, `2560x1440`, `3840x2160`, or one of these turned to portrait.
    pub fn new(
        prompt: impl Into<String>,
        model: impl Into<String>,
        duration: Option<u32>,
        resolution: impl Into<String>,
    ) -> Self {
        let request = Request::typed(Self::ENDPOINT)
            .extra("prompt", prompt.into())
            .extra("model", model.into())
            .extra("duration", duration)
            .extra("resolution", resolution.into());
        Self { request }
    }

    /// Frames per second: 24 (the service's default), 25, 48 or 50.
    #[must_use]
    pub fn fps(mut self, fps: u32) -> Self {
        self.request.set("fps", fps);
        self
    }

    /// Whether the video gets a sound track; the service's default is true.
    #[must_use]
    pub fn generate_audio(mut self, generate_audio: bool) -> Self {
        self.request.set("generate_audio", generate_audio);
        self
    }

    /// How the camera moves. The vendor's reference allows it for all models; the vendor's own application offers it for the pro models only.
    #[must_use]
    pub fn camera_motion(mut self, motion: impl Into<CameraMotion>) -> Self {
        self.request.set("camera_motion", motion.into().as_str());
        self
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<TextToVideo> for Request {
    fn from(typed: TextToVideo) -> Self {
        typed.request
    }
}
