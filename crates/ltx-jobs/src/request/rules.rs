//! The vendor's field reference as data: what each endpoint takes, as far as it is documented. [`check`](super::check) judges by it.
//!
//! A list of values here is what is known, never what is allowed: a value that is missing from it is worth a warning and nothing more. Only a type and
//! a lower bound can refuse a request. An endpoint that is missing here is not checked at all.

use super::camera_motion::CameraMotion;
use super::extend::ExtendMode;
use super::retake::RetakeMode;
use super::video_to_video_hdr::Colorspace;
use super::video_to_video_reframe::Anchor;

/// Longest prompt, in characters (the vendor's field reference).
pub(super) const LONGEST_PROMPT: usize = 5000;

/// Most frames of context and extension together (the vendor's field reference).
pub(super) const MOST_EXTENDED_FRAMES: f64 = 505.0;

/// One endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
    /// What no single field can tell.
    pub(super) across: &'static [Across],
}

/// One field of an endpoint.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What a field holds. `null` stands for a field that is not given, except where said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A local file or an address.
    Media,
    /// Text of 1 to [`LONGEST_PROMPT`] characters; empty only where the named field is given as well.
    Prompt { empty_beside: Option<&'static str> },
    /// Text, and the words that are documented.
    Word(&'static [&'static str]),
    /// A whole number, and those that are documented.
    Integer { least: i64, listed: &'static [i64] },
    /// A length in seconds like [`Integer`](Self::Integer); `null` means automatic and has to be said.
    Duration { least: i64, listed: &'static [i64] },
    /// A number, with the documented bounds. More than `most` is worth a warning.
    Number { least: Option<f64>, most: Option<f64> },
    /// true or false.
    Switch,
    /// The object of `video-to-video-reframe`.
    Placement { anchors: &'static [&'static str] },
    /// In use, but not documented: anything.
    Undocumented,
}

/// What several fields say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Across {
    /// Refused: `last_frame_uri` with an automatic length.
    LastFrameNeedsDuration,
    /// Refused: `last_frame_uri` without `image_uri`.
    LastFrameNeedsImage,
    /// Refused: neither `image_uri` nor `prompt`.
    ImageOrPrompt,
    /// Warned about: an automatic length with a model of the first generation.
    AutomaticDuration,
    /// Warned about: a long video that is not listed for the model, the size and the frame rate.
    LongDuration,
    /// Warned about: more than [`MOST_EXTENDED_FRAMES`].
    ContextAndDuration,
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
    }
}

const PROMPT: Kind = Kind::Prompt { empty_beside: None };
const MODEL: Kind = Kind::Word(&["ltx-2-3-fast", "ltx-2-3-pro", "ltx-2-5-fast", "ltx-2-5-pro"]);
const AUDIO_MODEL: Kind = Kind::Word(&["ltx-2-3-pro", "ltx-2-5-fast", "ltx-2-5-pro"]);
const EDIT_MODEL: Kind = Kind::Word(&["ltx-2-3-pro"]);
const CAMERA_MOTION: Kind = Kind::Word(CameraMotion::WORDS);
const FPS: Kind = Kind::Integer {
    least: 1,
    listed: &[24, 25, 48, 50],
};
/// The documented lengths, and 2 to 5 s, which the vendor's own application asks for.
const DURATION: Kind = Kind::Duration {
    least: 1,
    listed: &[2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20],
};
const RESOLUTION: Kind = Kind::Word(&[
    "1280x720",
    "720x1280",
    "1920x1080",
    "1080x1920",
    "2560x1440",
    "1440x2560",
    "3840x2160",
    "2160x3840",
]);
const REFRAME_RESOLUTION: Kind = Kind::Word(&[
    "720x720",
    "1080x1080",
    "720x900",
    "1080x1350",
    "900x720",
    "1350x1080",
    "720x1280",
    "1080x1920",
    "1280x720",
    "1920x1080",
]);

/// Lengths above this are listed only for some models, sizes and frame rates ([`Across::LongDuration`]).
pub(super) const LONGEST_EVERYWHERE: f64 = 10.0;
/// The sizes at which long videos are listed: 720p and 1080p.
pub(super) const LONG_RESOLUTIONS: &[&str] = &["1280x720", "720x1280", "1920x1080", "1080x1920"];
/// The highest frame rate at which long videos are listed.
pub(super) const LONG_FPS: f64 = 25.0;
/// The frame rate when none is given.
pub(super) const DEFAULT_FPS: f64 = 24.0;

/// The endpoints that are documented, or seen at partners of the vendor.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: super::TextToVideo::ENDPOINT,
        fields: &[
            required("prompt", PROMPT),
            required("model", MODEL),
            required("duration", DURATION),
            required("resolution", RESOLUTION),
            optional("fps", FPS),
            optional("generate_audio", Kind::Switch),
            optional("camera_motion", CAMERA_MOTION),
            optional("enhance_prompt", Kind::Undocumented),
        ],
        across: &[Across::AutomaticDuration, Across::LongDuration],
    },
    Endpoint {
        name: super::ImageToVideo::ENDPOINT,
        fields: &[
            required("image_uri", Kind::Media),
            optional("last_frame_uri", Kind::Media),
            required("prompt", PROMPT),
            required("model", MODEL),
            required("duration", DURATION),
            required("resolution", RESOLUTION),
            optional("fps", FPS),
            optional("generate_audio", Kind::Switch),
            optional("camera_motion", CAMERA_MOTION),
            optional("enhance_prompt", Kind::Undocumented),
        ],
        across: &[
            Across::LastFrameNeedsDuration,
            Across::AutomaticDuration,
            Across::LongDuration,
        ],
    },
    Endpoint {
        name: super::AudioToVideo::ENDPOINT,
        fields: &[
            required("audio_uri", Kind::Media),
            optional("image_uri", Kind::Media),
            optional("last_frame_uri", Kind::Media),
            // "Can be empty string when image_uri is provided" (the vendor's specification of July 2026).
            optional(
                "prompt",
                Kind::Prompt {
                    empty_beside: Some("image_uri"),
                },
            ),
            optional("model", AUDIO_MODEL),
            optional("resolution", RESOLUTION),
            optional("fps", FPS),
            optional("camera_motion", CAMERA_MOTION),
            optional(
                "guidance_scale",
                Kind::Number {
                    least: None,
                    most: None,
                },
            ),
        ],
        across: &[Across::ImageOrPrompt, Across::LastFrameNeedsImage],
    },
    Endpoint {
        name: super::Retake::ENDPOINT,
        fields: &[
            required("video_uri", Kind::Media),
            required(
                "start_time",
                Kind::Number {
                    least: Some(0.0),
                    most: None,
                },
            ),
            required(
                "duration",
                Kind::Number {
                    least: Some(2.0),
                    most: None,
                },
            ),
            optional("prompt", PROMPT),
            optional("mode", Kind::Word(RetakeMode::WORDS)),
            optional("resolution", Kind::Word(&["1920x1080", "1080x1920"])),
            optional("model", EDIT_MODEL),
        ],
        across: &[],
    },
    Endpoint {
        name: super::Extend::ENDPOINT,
        fields: &[
            required("video_uri", Kind::Media),
            required(
                "duration",
                Kind::Number {
                    least: Some(2.0),
                    most: Some(20.0),
                },
            ),
            optional("prompt", PROMPT),
            optional("mode", Kind::Word(ExtendMode::WORDS)),
            optional("model", EDIT_MODEL),
            optional(
                "context",
                Kind::Number {
                    least: Some(1.0),
                    most: Some(20.0),
                },
            ),
        ],
        across: &[Across::ContextAndDuration],
    },
    Endpoint {
        name: super::VideoToVideoHdr::ENDPOINT,
        fields: &[
            required("video_uri", Kind::Media),
            optional("output_colorspace", Kind::Word(Colorspace::WORDS)),
        ],
        across: &[],
    },
    Endpoint {
        name: super::VideoToVideoReframe::ENDPOINT,
        fields: &[
            required("video_uri", Kind::Media),
            required("resolution", REFRAME_RESOLUTION),
            optional("placement", Kind::Placement { anchors: Anchor::WORDS }),
            // Required in July 2026, ignored since September.
            optional("model", EDIT_MODEL),
        ],
        across: &[],
    },
    Endpoint {
        name: super::VideoUpscale::ENDPOINT,
        fields: &[
            required("video_uri", Kind::Media),
            required("resolution", Kind::Word(&["1080p", "4k", "8k"])),
        ],
        across: &[],
    },
    Endpoint {
        name: super::VideoAlphaGen::ENDPOINT,
        fields: &[required("video_uri", Kind::Media)],
        across: &[],
    },
];

/// The endpoint of this name.
pub(super) fn endpoint(name: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.name == name)
}
