//! The endpoints, their fields, and what is wrong with a body: one table and one pure function.
//!
//! Fields nobody knows pass: the service has been seen to ignore them. A message always names the field.

use serde_json::{Map, Value};

use super::media::Class;

/// One endpoint of the service.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// What no single field can tell.
    across: fn(&Map<String, Value>) -> Result<(), String>,
}

/// One field of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    required: bool,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A reference to a file.
    Media(Class),
    /// Text of 1 to 5000 characters.
    Prompt,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these integers.
    Choice(&'static [i64]),
    /// An integer in these bounds, or null.
    IntegerOrNull(i64, i64),
    /// A number in these bounds.
    Number(f64, f64),
    /// true or false.
    Switch,
    /// An object, looked at by the endpoint.
    Object,
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

const CAMERA: Kind = Kind::Word(&[
    "dolly_in",
    "dolly_out",
    "dolly_left",
    "dolly_right",
    "jib_up",
    "jib_down",
    "static",
    "focus_shift",
]);
const MODELS: Kind = Kind::Word(&["ltx-2-3-fast", "ltx-2-3-pro", "ltx-2-5-fast", "ltx-2-5-pro"]);
const AUDIO_MODELS: Kind = Kind::Word(&["ltx-2-3-pro", "ltx-2-5-fast", "ltx-2-5-pro"]);
const EDIT_MODELS: Kind = Kind::Word(&["ltx-2-3-pro"]);
const FPS: Kind = Kind::Choice(&[24, 25, 48, 50]);
const SIZES: Kind = Kind::Word(&[
    "1280x720",
    "720x1280",
    "1920x1080",
    "1080x1920",
    "2560x1440",
    "1440x2560",
    "3840x2160",
    "2160x3840",
]);
const REFRAME_SIZES: Kind = Kind::Word(&[
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
const ANCHORS: [&str; 9] = [
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
const VIDEO: Kind = Kind::Media(Class::Video);
const IMAGE: Kind = Kind::Media(Class::Image);

/// Every endpoint the service has.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "text-to-video",
        fields: &[
            required("prompt", Kind::Prompt),
            required("model", MODELS),
            required("duration", Kind::IntegerOrNull(2, 20)),
            required("resolution", SIZES),
            optional("fps", FPS),
            optional("generate_audio", Kind::Switch),
            optional("camera_motion", CAMERA),
        ],
        across: generation,
    },
    Endpoint {
        name: "image-to-video",
        fields: &[
            required("image_uri", IMAGE),
            optional("last_frame_uri", IMAGE),
            required("prompt", Kind::Prompt),
            required("model", MODELS),
            required("duration", Kind::IntegerOrNull(2, 20)),
            required("resolution", SIZES),
            optional("fps", FPS),
            optional("generate_audio", Kind::Switch),
            optional("camera_motion", CAMERA),
        ],
        across: generation,
    },
    Endpoint {
        name: "audio-to-video",
        fields: &[
            required("audio_uri", Kind::Media(Class::Audio)),
            optional("image_uri", IMAGE),
            optional("last_frame_uri", IMAGE),
            optional("prompt", Kind::Prompt),
            optional("model", AUDIO_MODELS),
            optional("resolution", SIZES),
            optional("fps", FPS),
            optional("camera_motion", CAMERA),
            optional("guidance_scale", Kind::Number(0.0, 100.0)),
        ],
        across: |body| {
            if !has(body, "image_uri") && !has(body, "prompt") {
                return Err("image_uri or prompt is required".to_owned());
            }
            if has(body, "last_frame_uri") && !has(body, "image_uri") {
                return Err("last_frame_uri requires image_uri".to_owned());
            }
            Ok(())
        },
    },
    Endpoint {
        name: "retake",
        fields: &[
            required("video_uri", VIDEO),
            required("start_time", Kind::Number(0.0, f64::MAX)),
            required("duration", Kind::Number(2.0, f64::MAX)),
            optional("prompt", Kind::Prompt),
            optional(
                "mode",
                Kind::Word(&["replace_audio", "replace_video", "replace_audio_and_video"]),
            ),
            optional("resolution", Kind::Word(&["1920x1080", "1080x1920"])),
            optional("model", EDIT_MODELS),
        ],
        across: |_| Ok(()),
    },
    Endpoint {
        name: "extend",
        fields: &[
            required("video_uri", VIDEO),
            required("duration", Kind::Number(2.0, 20.0)),
            optional("prompt", Kind::Prompt),
            optional("mode", Kind::Word(&["end", "start"])),
            optional("model", EDIT_MODELS),
            optional("context", Kind::Number(1.0, 20.0)),
        ],
        across: |body| {
            // The frame rate is the clip's, which is not looked at: 24 is the lowest the service makes.
            let seconds = |name| body.get(name).and_then(Value::as_f64).unwrap_or_default();
            if (seconds("context") + seconds("duration")) * 24.0 > 505.0 {
                return Err("context and duration together must not exceed 505 frames".to_owned());
            }
            Ok(())
        },
    },
    Endpoint {
        name: "video-to-video-hdr",
        fields: &[
            required("video_uri", VIDEO),
            optional(
                "output_colorspace",
                Kind::Word(&["acescg", "acescct", "srgb_linear", "aces2065-1"]),
            ),
        ],
        across: |_| Ok(()),
    },
    Endpoint {
        name: "video-to-video-reframe",
        fields: &[
            required("video_uri", VIDEO),
            required("resolution", REFRAME_SIZES),
            optional("placement", Kind::Object),
            optional("model", EDIT_MODELS),
        ],
        across: placement,
    },
    Endpoint {
        name: "video-upscale",
        fields: &[
            required("video_uri", VIDEO),
            required("resolution", Kind::Word(&["1080p", "4k", "8k"])),
        ],
        across: |_| Ok(()),
    },
    Endpoint {
        name: "video-alpha-gen",
        fields: &[required("video_uri", VIDEO)],
        across: |_| Ok(()),
    },
];

/// The endpoint of this name.
pub(crate) fn endpoint(name: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.name == name)
}

/// The first thing wrong with a body.
pub(crate) fn check(endpoint: &Endpoint, body: &Map<String, Value>) -> Result<(), String> {
    for field in endpoint.fields {
        match (body.get(field.name), field.kind) {
            (None, _) if field.required => return Err(format!("{} is required", field.name)),
            (Some(Value::Null), kind) if field.required && !matches!(kind, Kind::IntegerOrNull(..)) => {
                return Err(format!("{} is required", field.name));
            }
            (None | Some(Value::Null), _) => {}
            (Some(value), kind) => value_fits(kind, value).map_err(|what| format!("{} {what}", field.name))?,
        }
    }
    (endpoint.across)(body)
}

fn value_fits(kind: Kind, value: &Value) -> Result<(), String> {
    let text = || value.as_str().ok_or_else(|| "must be a string".to_owned());
    match kind {
        Kind::Media(_) => text().map(drop),
        Kind::Prompt => match text()?.chars().count() {
            0 => Err("must not be empty".to_owned()),
            count if count > 5_000 => Err(format!("must have at most 5000 characters, has {count}")),
            _ if text()?.trim().is_empty() => Err("must not be empty".to_owned()),
            _ => Ok(()),
        },
        Kind::Word(words) => {
            let word = text()?;
            if words.contains(&word) {
                Ok(())
            } else {
                Err(format!("must be one of {}, not {word:?}", words.join(", ")))
            }
        }
        Kind::Choice(numbers) => {
            let number = value.as_i64().ok_or("must be an integer")?;
            if numbers.contains(&number) {
                Ok(())
            } else {
                Err(format!("must be one of {numbers:?}, not {number}"))
            }
        }
        Kind::IntegerOrNull(least, most) => {
            let number = value.as_i64().ok_or("must be an integer or null")?;
            if (least..=most).contains(&number) {
                Ok(())
            } else {
                Err(format!("must be {least} to {most}, not {number}"))
            }
        }
        Kind::Number(least, most) => {
            let number = value.as_f64().ok_or("must be a number")?;
            if number < least {
                Err(format!("must be at least {least}, not {number}"))
            } else if number > most {
                Err(format!("must be at most {most}, not {number}"))
            } else {
                Ok(())
            }
        }
        Kind::Switch => value
            .as_bool()
            .map(drop)
            .ok_or_else(|| "must be true or false".to_owned()),
        Kind::Object => value
            .as_object()
            .map(drop)
            .ok_or_else(|| "must be an object".to_owned()),
    }
}

fn has(body: &Map<String, Value>, name: &str) -> bool {
    body.get(name).is_some_and(|value| !value.is_null())
}

/// Model, size, speed and length have to fit together.
fn generation(body: &Map<String, Value>) -> Result<(), String> {
    let word = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (model, resolution) = (word("model"), word("resolution"));
    let fps = body.get("fps").and_then(Value::as_i64).unwrap_or(24);
    let Some(duration) = body.get("duration").and_then(Value::as_i64) else {
        if !model.starts_with("ltx-2-5-") {
            return Err(format!("duration must be given for model {model}"));
        }
        if has(body, "last_frame_uri") {
            return Err("last_frame_uri cannot be used with automatic duration".to_owned());
        }
        return Ok(());
    };
    let small = matches!(resolution, "1280x720" | "720x1280" | "1920x1080" | "1080x1920");
    let long = model.ends_with("-fast") && small && fps <= 25;
    // 2 to 5 seconds are in no table, but the service takes them.
    let fits = match duration {
        2..=5 | 6 | 8 | 10 => true,
        12 | 14 | 16 | 18 | 20 => long,
        _ => false,
    };
    if !fits {
        return Err(format!(
            "duration {duration} is not supported by model {model} at resolution {resolution} and fps {fps}"
        ));
    }
    Ok(())
}

/// Either an anchor, or a place with one size or two.
fn placement(body: &Map<String, Value>) -> Result<(), String> {
    let Some(Value::Object(placement)) = body.get("placement") else {
        return Ok(());
    };
    if let Some(anchor) = placement.get("anchor") {
        if placement.len() > 1 {
            return Err("placement takes either anchor or x and y".to_owned());
        }
        return match anchor.as_str() {
            Some(anchor) if ANCHORS.contains(&anchor) => Ok(()),
            _ => Err(format!("placement.anchor must be one of {}", ANCHORS.join(", "))),
        };
    }
    for name in ["x", "y"] {
        match placement.get(name).map(Value::as_f64) {
            Some(Some(fraction)) if (0.0..1.0).contains(&fraction) => {}
            Some(_) => return Err(format!("placement.{name} must be a number from 0 to below 1")),
            None => return Err(format!("placement.{name} is required without placement.anchor")),
        }
    }
    if !placement.contains_key("width") && !placement.contains_key("height") {
        return Err("placement.width or placement.height is required".to_owned());
    }
    for name in ["width", "height"] {
        if let Some(size) = placement.get(name)
            && !size.as_f64().is_some_and(|size| size > 0.0)
        {
            return Err(format!("placement.{name} must be a number above 0"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
