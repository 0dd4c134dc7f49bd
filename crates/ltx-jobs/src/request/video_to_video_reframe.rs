//! `video-to-video-reframe`: a clip gets another shape, and what is missing around it is made.
//!
//! Billed per second of the input, by the size of the output (vendor's price list: USD 0.10 at 720p, 0.20 at 1080p).

use serde_json::{Map, Value};

use super::{Media, Request, number};

/// The edge or corner of the frame at which the clip is placed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anchor {
    /// The middle.
    Center,
    /// The middle of the upper edge.
    Top,
    /// The middle of the lower edge.
    Bottom,
    /// The middle of the left edge.
    Left,
    /// The middle of the right edge.
    Right,
    /// The upper left corner.
    TopLeft,
    /// The upper right corner.
    TopRight,
    /// The lower left corner.
    BottomLeft,
    /// The lower right corner.
    BottomRight,
    /// A word this library does not know, passed on as it is.
    Other(String),
}

impl Anchor {
    /// The documented words.
    pub(super) const WORDS: &'static [&'static str] = &[
        "center",
        "top",
        "bottom",
        "left",
        "right",
        "top_left",
        "top_right",
        "bottom_left",
        "bottom_right",
    ];

    /// The service's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Center => "center",
            Self::Top => "top",
            Self::Bottom => "bottom",
            Self::Left => "left",
            Self::Right => "right",
            Self::TopLeft => "top_left",
            Self::TopRight => "top_right",
            Self::BottomLeft => "bottom_left",
            Self::BottomRight => "bottom_right",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Anchor {
    fn from(word: &str) -> Self {
        match word {
            "center" => Self::Center,
            "top" => Self::Top,
            "bottom" => Self::Bottom,
            "left" => Self::Left,
            "right" => Self::Right,
            "top_left" => Self::TopLeft,
            "top_right" => Self::TopRight,
            "bottom_left" => Self::BottomLeft,
            "bottom_right" => Self::BottomRight,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// Where the clip stands in the new frame: at an edge in the largest size that fits, or at a place in a size.
///
/// Places and sizes are fractions of the new frame: `x` and `width` of its width, `y` and `height` of its height. `x` and `y`, from 0 to below 1, are the
/// clip's left and upper edge. Partners of the vendor say that the clip has to stay inside the frame and is enlarged twofold at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    value: Map<String, Value>,
}

impl Placement {
    /// At an edge, in a corner or in the middle, in the largest size that fits.
    pub fn anchor(anchor: impl Into<Anchor>) -> Self {
        Self {
            value: Map::from_iter([("anchor".to_owned(), Value::from(anchor.into().as_str()))]),
        }
    }

    /// At a place, this wide; the height follows.
    pub fn by_width(x: f64, y: f64, width: f64) -> Self {
        Self::at(x, y, &[("width", width)])
    }

    /// At a place, this high; the width follows.
    pub fn by_height(x: f64, y: f64, height: f64) -> Self {
        Self::at(x, y, &[("height", height)])
    }

    /// At a place, this wide and this high.
    pub fn by_size(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self::at(x, y, &[("width", width), ("height", height)])
    }

    fn at(x: f64, y: f64, size: &[(&str, f64)]) -> Self {
        let place = [("x", x), ("y", y)];
        Self {
            value: place
                .iter()
                .chain(size)
                .map(|(key, fraction)| ((*key).to_owned(), number(*fraction)))
                .collect(),
        }
    }
}

impl From<Anchor> for Placement {
    fn from(anchor: Anchor) -> Self {
        Self::anchor(anchor)
    }
}

/// A request for a clip in another shape. Result: `video_url`, an MP4.
///
/// Input: MP4, MOV or MKV with H.264 or H.265, at most 60 s, 1800 frames and 200 MB, sides from 64 to 4096.
///
/// ```
/// use ltx_jobs::{Anchor, Media, Placement, VideoToVideoReframe};
///
/// let request = VideoToVideoReframe::new(Media::file("wide.mp4"), "1080x1920").placement(Anchor::Top);
/// let placed = VideoToVideoReframe::new(Media::file("wide.mp4"), "1080x1920").placement(Placement::by_width(0.1, 0.25, 0.8));
/// ```
#[derive(Debug, Clone)]
pub struct VideoToVideoReframe {
    request: Request,
}

impl VideoToVideoReframe {
    /// The endpoint's name.
    pub const ENDPOINT: &'static str = "video-to-video-reframe";

    /// Asks for the clip in this size: `720x720`, `1080x1080`, `720x900`, `1080x1350`, `900x720`, `1350x1080`, `720x1280`, `1080x1920`, `1280x720` or
    /// `1920x1080` (vendor's field reference).
    pub fn new(video_uri: impl Into<Media>, resolution: impl Into<String>) -> Self {
        let request = Request::typed(Self::ENDPOINT)
            .media("video_uri", video_uri.into())
            .extra("resolution", resolution.into());
        Self { request }
    }

    /// Where the clip stands in the new frame; the service's default is the middle. In use since autumn 2026, known from partners of the vendor.
    #[must_use]
    pub fn placement(mut self, placement: impl Into<Placement>) -> Self {
        self.request.set("placement", placement.into().value);
        self
    }

    /// The model, `ltx-2-3-pro`. Required in July 2026, ignored by the service since September.
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

impl From<VideoToVideoReframe> for Request {
    fn from(typed: VideoToVideoReframe) -> Self {
        typed.request
    }
}
