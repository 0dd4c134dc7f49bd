//! The endpoints as the command offers them: one table of names, aliases and fields, from which the flags are made.
//!
//! Pure data, in the service's own words (the vendor's field reference of September 2026, and what its newer partners show). It only helps with
//! typing: which values are right is judged by the core and by the service, and what is not listed here goes through `--param` and `submit`.

/// One endpoint of the service.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// The service's name, which is also the subcommand.
    pub(crate) name: &'static str,
    /// A shorter name of the subcommand; only ours.
    pub(crate) alias: Option<&'static str>,
    pub(crate) about: &'static str,
    /// The media input that can be given without a flag.
    pub(crate) input: Option<&'static str>,
    pub(crate) fields: &'static [Field],
}

/// One field of a request.
#[derive(Debug)]
pub(crate) struct Field {
    /// The service's name; the flag is the same with dashes.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// What stands for the value in the help.
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
}

/// How the text of a flag becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A local file, which is uploaded, or an address.
    Media,
    Text,
    Number,
    /// A number, or `auto`, which is sent as null.
    NumberOrAuto,
    Switch,
    Object,
}

impl Field {
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

const fn field(name: &'static str, kind: Kind, value: &'static str, help: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        value,
        help,
    }
}

const PROMPT: Field = field("prompt", Kind::Text, "TEXT", "What to show; at most 5000 characters");
const MODEL: Field = field(
    "model",
    Kind::Text,
    "NAME",
    "ltx-2-3-fast, ltx-2-3-pro, ltx-2-5-fast, ltx-2-5-pro, or a newer one",
);
const EDIT_MODEL: Field = MODEL.help("ltx-2-3-pro, or a newer one");
const DURATION: Field = field(
    "duration",
    Kind::NumberOrAuto,
    "SECONDS",
    "Length of the video, or auto (ltx-2-5 models)",
);
const RESOLUTION: Field = field(
    "resolution",
    Kind::Text,
    "WxH",
    "1280x720, 1920x1080, 2560x1440, 3840x2160, or one of these upright",
);
const FPS: Field = field("fps", Kind::Number, "NUMBER", "Frames per second: 24, 25, 48 or 50");
const GENERATE_AUDIO: Field = field(
    "generate_audio",
    Kind::Switch,
    "true|false",
    "Whether to make sound as well; the service does by default",
);
const CAMERA_MOTION: Field = field(
    "camera_motion",
    Kind::Text,
    "NAME",
    "dolly_in, dolly_out, dolly_left, dolly_right, jib_up, jib_down, static, focus_shift",
);
const IMAGE: Field = field("image_uri", Kind::Media, "IMAGE", "The picture to begin with");
const LAST_FRAME: Field = field("last_frame_uri", Kind::Media, "IMAGE", "The picture to end with");
const AUDIO: Field = field("audio_uri", Kind::Media, "AUDIO", "The sound the video is made for").required();
const VIDEO: Field = field("video_uri", Kind::Media, "VIDEO", "The clip").required();

/// Every endpoint this version knows, in the order of the help.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "text-to-video",
        alias: Some("t2v"),
        about: "Make a video from a text (billed by its length)",
        input: None,
        fields: &[
            PROMPT.required(),
            MODEL.required(),
            DURATION.required(),
            RESOLUTION.required(),
            FPS,
            GENERATE_AUDIO,
            CAMERA_MOTION,
        ],
    },
    Endpoint {
        name: "image-to-video",
        alias: Some("i2v"),
        about: "Make a video from a picture and a text (billed by its length)",
        input: Some("image_uri"),
        fields: &[
            IMAGE.required(),
            LAST_FRAME,
            PROMPT.required(),
            MODEL.required(),
            DURATION.required(),
            RESOLUTION.required(),
            FPS,
            GENERATE_AUDIO,
            CAMERA_MOTION,
        ],
    },
    Endpoint {
        name: "audio-to-video",
        alias: Some("a2v"),
        about: "Make a video for a sound, with a picture or a text (billed by the sound's length)",
        input: Some("audio_uri"),
        fields: &[
            AUDIO,
            IMAGE,
            LAST_FRAME,
            PROMPT,
            MODEL,
            RESOLUTION,
            FPS,
            CAMERA_MOTION,
            field(
                "guidance_scale",
                Kind::Number,
                "NUMBER",
                "How closely to follow the prompt",
            ),
        ],
    },
    Endpoint {
        name: "retake",
        alias: None,
        about: "Make a part of a clip anew (billed by the whole clip's length)",
        input: Some("video_uri"),
        fields: &[
            VIDEO,
            field("start_time", Kind::Number, "SECONDS", "Where the new part begins").required(),
            field("duration", Kind::Number, "SECONDS", "How long it is; at least 2").required(),
            PROMPT,
            field(
                "mode",
                Kind::Text,
                "NAME",
                "replace_audio, replace_video or replace_audio_and_video",
            ),
            RESOLUTION.help("1920x1080 or 1080x1920; by the clip's orientation if not given"),
            EDIT_MODEL,
        ],
    },
    Endpoint {
        name: "extend",
        alias: None,
        about: "Make a clip longer (billed by the extension and its context)",
        input: Some("video_uri"),
        fields: &[
            VIDEO,
            field("duration", Kind::Number, "SECONDS", "How much longer: 2 to 20").required(),
            PROMPT,
            field("mode", Kind::Text, "NAME", "end or start: where the new part goes"),
            EDIT_MODEL,
            field(
                "context",
                Kind::Number,
                "SECONDS",
                "How much of the clip to go by: 1 to 20",
            ),
        ],
    },
    Endpoint {
        name: "video-to-video-hdr",
        alias: Some("hdr"),
        about: "Turn a clip into HDR: OpenEXR frames and a video (billed by the clip's length)",
        input: Some("video_uri"),
        fields: &[
            VIDEO,
            field(
                "output_colorspace",
                Kind::Text,
                "NAME",
                "Of the EXR frames: acescg, acescct, srgb_linear, aces2065-1, or a newer one",
            ),
        ],
    },
    Endpoint {
        name: "video-to-video-reframe",
        alias: Some("reframe"),
        about: "Give a clip another shape (billed by its length)",
        input: Some("video_uri"),
        fields: &[
            VIDEO,
            RESOLUTION
                .help("720x720, 1080x1080, 720x900, 1080x1350, 720x1280, 1080x1920, or one of these lying")
                .required(),
            field(
                "placement",
                Kind::Object,
                "JSON",
                r#"Where the clip lies in the new frame: {"anchor": "top"}, or {"x": 0.1, "y": 0, "width": 0.5}"#,
            ),
            EDIT_MODEL,
        ],
    },
    Endpoint {
        name: "video-upscale",
        alias: Some("upscale"),
        about: "Give a clip more pixels (billed by its length)",
        input: Some("video_uri"),
        fields: &[VIDEO, RESOLUTION.help("1080p, 4k or 8k").required()],
    },
    Endpoint {
        name: "video-alpha-gen",
        alias: Some("alpha"),
        about: "Cut out what is in the foreground of a clip (billed by its length)",
        input: Some("video_uri"),
        fields: &[VIDEO],
    },
];

/// The endpoint of this name or alias.
pub(crate) fn named(name: &str) -> Option<&'static Endpoint> {
    ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.name == name || endpoint.alias == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::{Asked, Given};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_aliases_are_unique_and_inputs_are_media_fields() {
        let names = || {
            ENDPOINTS
                .iter()
                .flat_map(|one| std::iter::once(one.name).chain(one.alias))
        };
        assert_eq!(names().collect::<BTreeSet<_>>().len(), names().count());
        for endpoint in ENDPOINTS {
            let fields: BTreeSet<&str> = endpoint.fields.iter().map(|field| field.name).collect();
            assert_eq!(fields.len(), endpoint.fields.len(), "{}", endpoint.name);
            let input = endpoint.fields.iter().find(|field| Some(field.name) == endpoint.input);
            assert_eq!(input.is_some(), endpoint.input.is_some(), "{}", endpoint.name);
            if let Some(input) = input {
                assert!(input.required && input.kind == Kind::Media, "{}", endpoint.name);
            }
        }
    }

    #[test]
    fn what_the_help_calls_required_is_what_the_core_refuses_to_do_without() {
        let request = |endpoint: &Endpoint, without: &str| {
            // A last picture asks for a first one, where that is left to choice.
            let given = |field: &&Field| field.name != without && field.name != LAST_FRAME.name;
            let fields = endpoint.fields.iter().filter(given);
            let fields = fields.map(|field| {
                let given = match field.kind {
                    Kind::Media => Given::Address("ltx://uploads/x".to_owned()),
                    Kind::Text => Given::Value(json!("x")),
                    Kind::Number | Kind::NumberOrAuto => Given::Value(json!(8)),
                    Kind::Switch => Given::Value(json!(true)),
                    Kind::Object => Given::Value(json!({"anchor": "top"})),
                };
                (field.name.to_owned(), given)
            });
            Asked::new(endpoint.name, fields.collect()).request().unwrap().check()
        };
        for endpoint in ENDPOINTS {
            request(endpoint, "").unwrap();
            for field in endpoint.fields {
                let refused =
                    request(endpoint, field.name).is_err_and(|error| error.to_string().contains("is missing"));
                assert_eq!(refused, field.required, "{} without {}", endpoint.name, field.name);
            }
        }
    }
}
