//! `video-to-video-hdr`: a clip becomes HDR, as a ZIP of half-float OpenEXR frames and, since autumn 2026, an HLG video.
//!
//! Billed per second of the input, by its pixel count (vendor's price list: USD 0.20 at 1080p, 0.40 at 1440p, 0.80 at 4K).

use serde_json::Value;

use super::{Media, Request};

/// Colour space of the EXR frames.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Colorspace {
    /// ACEScg (AP1 primaries, linear): the service's default.
    AcesCg,
    /// ACEScct (AP1 primaries, logarithmic).
    AcesCct,
    /// Linear with Rec. 709 primaries.
    SrgbLinear,
    /// ACES 2065-1 (AP0 primaries, linear).
    Aces2065_1,
    /// A word this library does not know, passed on as it is.
    Other(String),
}

impl Colorspace {
    /// The documented words.
    pub(super) const WORDS: &'static [&'static str] = &["acescg", "acescct", "srgb_linear", "aces2065-1"];

    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::AcesCg => "acescg",
            Self::AcesCct => "acescct",
            Self::SrgbLinear => "srgb_linear",
            Self::Aces2065_1 => "aces2065-1",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Colorspace {
    fn from(word: &str) -> Self {
        match word {
            "acescg" => Self::AcesCg,
            "acescct" => Self::AcesCct,
            "srgb_linear" => Self::SrgbLinear,
            "aces2065-1" => Self::Aces2065_1,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A request for HDR frames from a clip. Input: MP4, MOV or MKV with H.264 or H.265, at most 3840x2160 and 200 MB.
#[derive(Debug, Clone)]
pub struct VideoToVideoHdr {
    request: Request,
}

impl VideoToVideoHdr {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "video-to-video-hdr";

    /// Asks for HDR frames of this clip.
    pub fn new(video_uri: impl Into<Media>) -> Self {
        Self {
            request: Request::typed(Self::ENDPOINT).media("video_uri", video_uri.into()),
        }
    }

    /// The colour space of the EXR frames; the service's default is ACEScg. The video, if there is one, is not affected.
    #[must_use]
    pub fn output_colorspace(mut self, colorspace: impl Into<Colorspace>) -> Self {
        self.request.set("output_colorspace", colorspace.into().as_str());
        self
    }

    /// Sets any other parameter by the service's name.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.set(key, value);
        self
    }
}

impl From<VideoToVideoHdr> for Request {
    fn from(typed: VideoToVideoHdr) -> Self {
        typed.request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_uses_the_services_names() {
        let request: Request = VideoToVideoHdr::new(Media::uploaded("ltx://uploads/x"))
            .output_colorspace(Colorspace::Aces2065_1)
            .extra("seed", 7)
            .into();
        assert_eq!(request.endpoint(), "video-to-video-hdr");
        assert_eq!(
            serde_json::to_string(request.params()).unwrap(),
            r#"{"output_colorspace":"aces2065-1","seed":7}"#
        );
        request.check().unwrap();
    }

    #[test]
    fn a_colour_space_of_next_year_passes_through() {
        assert_eq!(Colorspace::from("acescg").as_str(), "acescg");
        assert_eq!(Colorspace::from("acescg2").as_str(), "acescg2");
    }
}
