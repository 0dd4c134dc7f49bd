//! `audio-to-video`: pictures to a sound track.
//!
//! Billed per second of the input audio (vendor's price list: USD 0.10 at 1080p with `ltx-2-3-pro`; the rates of the `ltx-2-5` models are a partner's:
//! 0.13 at 1080p for fast, 0.17 for pro).

use serde_json::Value;

use super::{CameraMotion, Media, Request, number};

/// A request for a video to a sound track. Needs a prompt or a picture. Result: `video_url`, an MP4 as long as the audio.
///
/// Audio: MP3, M4A (AAC-LC), OGG (Opus, Vorbis), or WAV with such content, at most 200 MB; plain PCM and HE-AAC are refused by the service. At least
/// 2 s (vendor's specification of July 2026); at most 20 s with `ltx-2-5-fast` and `ltx-2-3-pro` at 720p and 1080p, otherwise 10 s.
///
/// ```
/// use ltx_jobs::{AudioToVideo, Media};
///
/// let request = AudioToVideo::new(Media::file("voice.mp3")).prompt("A woman speaks into a microphone").resolution("1920x1080");
/// ```
#[derive(Debug, Clone)]
pub struct AudioToVideo {
    request: Request,
}

impl AudioToVideo {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "audio-to-video";

    /// Asks for a video to this sound track. Give a [`prompt`](Self::prompt) or an [`image_uri`](Self::image_uri) as well.
    pub fn new(audio_uri: impl Into<Media>) -> Self {
        Self {
            request: Request::typed(Self::ENDPOINT).media("audio_uri", audio_uri.into()),
        }
    }

    /// The picture the video begins with: PNG, JPEG or WEBP, at most 15 MB.
    #[must_use]
    pub fn image_uri(mut self, image: impl Into<Media>) -> Self {
        self.request.set_media("image_uri", image.into());
        self
    }

    /// The picture the video ends with; only together with [`image_uri`](Self::image_uri).
    #[must_use]
    pub fn last_frame_uri(mut self, image: impl Into<Media>) -> Self {
        self.request.set_media("last_frame_uri", image.into());
        self
    }

    /// What is to be seen: at most 5000 characters. May be empty only beside a picture (vendor's specification of July 2026).
    #[must_use]
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.request.set("prompt", prompt.into());
        self
    }

    /// The model: `ltx-2-3-pro` (the service's default), `ltx-2-5-fast` or `ltx-2-5-pro`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.request.set("model", model.into());
        self
    }

    /// The size, as for text-to-video. The service's default is `1920x1080`, or `1080x1920` for a picture in portrait.
    #[must_use]
    pub fn resolution(mut self, resolution: impl Into<String>) -> Self {
        self.request.set("resolution", resolution.into());
        self
    }

    /// Frames per second: 24 (the service's default), 25, 48 or 50.
    #[must_use]
    pub fn fps(mut self, fps: u32) -> Self {
        self.request.set("fps", fps);
        self
    }

    /// How the camera moves.
    #[must_use]
    pub fn camera_motion(mut self, motion: impl Into<CameraMotion>) -> Self {
        self.request.set("camera_motion", motion.into().as_str());
        self
    }

    /// How closely the video follows the prompt; the service's default is 5, or 9 with a picture. Documented in July 2026 only.
    #[must_use]
    pub fn guidance_scale(mut self, scale: f64) -> Self {
        self.request.set("guidance_scale", number(scale));
        self
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<AudioToVideo> for Request {
    fn from(typed: AudioToVideo) -> Self {
        typed.request
    }
}
