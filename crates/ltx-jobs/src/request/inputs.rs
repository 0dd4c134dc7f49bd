//! What the inside of a local input means for a request. Pure, by the vendor's input rules.
//!
//! Refused is only what the service is documented to refuse: another kind of file than the field takes, ProRes, DNx, plain PCM, HE-AAC, a file that is
//! too large. The message gives the command that mends it. Lengths and sizes beyond the documented caps are warnings: caps have grown before.

use super::probe::{AudioCodec, MediaFacts, VideoCodec, VideoTrack};
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::kind::MediaClass;

const MEBIBYTE: u64 = 1 << 20;

/// Most bytes of a video that is to be extended (the vendor's field reference). Other inputs have the limits of the upload.
const LARGEST_TO_EXTEND: u64 = 100 * MEBIBYTE;

/// Fewest frames that can be retaken or extended (the vendor's field reference).
const FEWEST_TO_EDIT: u64 = 73;

/// Frames of an HDR input by its pixels: what the July and the November documents of 2026 say.
const HDR_CAPS: &[(u64, u64, u64)] = &[(2_073_600, 181, 273), (3_686_400, 101, 193), (8_294_400, 41, 65)];

/// Frames of an input to upscale, by the `resolution` asked for (partner's reference, autumn 2026).
const UPSCALE_CAPS: &[(&str, u64)] = &[("1080p", 2401), ("4k", 601), ("8k", 241)];

/// Which input of which request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) field: &'a str,
    /// The request's `resolution`, where it is text.
    pub(crate) resolution: Option<&'a str>,
}

/// What a field of this name takes; `None` for a name this library does not know.
fn wanted(field: &str) -> Option<(MediaClass, &'static str)> {
    match field {
        "video_uri" => Some((MediaClass::Video, "a video (MP4, MOV or MKV with H.264 or H.265)")),
        "image_uri" | "last_frame_uri" => Some((MediaClass::Image, "an image (PNG, JPEG or WEBP)")),
        "audio_uri" => Some((
            MediaClass::Audio,
            "an audio file (M4A, MP3, OGG, or WAV with a compressed codec)",
        )),
        _ => None,
    }
}

/// Gives warnings, or the reason to refuse. `what` names the input: a path, or "the bytes".
pub(crate) fn judge(place: Option<Place<'_>>, what: &str, facts: &MediaFacts) -> Result<Vec<String>> {
    let name = place.map_or_else(
        || what.to_owned(),
        |place| format!("{}: {} = {what}", place.endpoint, place.field),
    );
    let taken = place.and_then(|place| wanted(place.field));
    if let (Some((class, takes)), Some(found)) = (taken, facts.kind.class())
        && class != found
        // Audio in a container that may also hold video, and does not.
        && !(class == MediaClass::Audio && found == MediaClass::Video && facts.video.is_none())
    {
        return Err(refuse(
            format!("{name} is a .{} file; the field takes {takes}", facts.kind.extension()),
            None,
        ));
    }
    if let Some(video) = &facts.video {
        refuse_video(&name, what, video)?;
    }
    let is_audio = taken.map_or(facts.video.is_none(), |(class, _)| class == MediaClass::Audio);
    if let Some(audio) = facts.audio.as_ref().filter(|_| is_audio) {
        refuse_audio(&name, what, &audio.codec)?;
    }
    let Some(place) = place else { return Ok(Vec::new()) };
    if place.endpoint == super::Extend::ENDPOINT && place.field == "video_uri" && facts.bytes > LARGEST_TO_EXTEND {
        return Err(Error::new(
            ErrorKind::RequestTooLarge,
            format!(
                "{name} has {} bytes; a video to be extended may have {LARGEST_TO_EXTEND} ({} MiB)",
                facts.bytes,
                LARGEST_TO_EXTEND / MEBIBYTE
            ),
        ));
    }
    Ok(warnings(place, &name, facts))
}

fn refuse(text: String, advice: Option<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, text).with_advice(advice.unwrap_or_else(|| "give another file".to_owned()))
}

fn refuse_video(name: &str, what: &str, video: &VideoTrack) -> Result<()> {
    let mend = match &video.codec {
        // Ten bits, as these have: eight would band.
        VideoCodec::ProRes(_) | VideoCodec::Dnx => {
            "-c:v libx265 -crf 10 -pix_fmt yuv420p10le -tag:v hvc1 -c:a aac -movflags +faststart"
        }
        VideoCodec::H264 | VideoCodec::H265 | VideoCodec::Other(_) => return Ok(()),
    };
    Err(refuse(
        format!(
            "{name} holds {}, which the service refuses; it takes H.264 and H.265",
            video.codec
        ),
        Some(format!(
            "encode it first: ffmpeg -i {} {mend} {}",
            quoted(what),
            renamed(what, "mp4")
        )),
    ))
}

fn refuse_audio(name: &str, what: &str, codec: &AudioCodec) -> Result<()> {
    if !matches!(codec, AudioCodec::Pcm | AudioCodec::HeAac) {
        return Ok(());
    }
    Err(refuse(
        format!("{name} holds {codec}, which the service refuses; it takes AAC-LC, MP3, Vorbis, Opus and FLAC"),
        Some(format!(
            "encode it first: ffmpeg -i {} -vn -c:a aac -profile:a aac_low -b:a 256k {}",
            quoted(what),
            renamed(what, "m4a")
        )),
    ))
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:\\".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// The name for the mended file, beside the original.
fn renamed(path: &str, extension: &str) -> String {
    let stem = match path.rsplit_once('.') {
        Some((stem, last)) if !stem.is_empty() && !last.contains(['/', '\\']) => stem,
        _ => path,
    };
    quoted(&format!("{stem}_ltx.{extension}"))
}

fn warnings(place: Place<'_>, name: &str, facts: &MediaFacts) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |text: String| warnings.push(format!("{name} {text}; sent as it is"));
    if let Some(video) = facts.video.as_ref().filter(|_| place.field == "video_uri") {
        if let VideoCodec::Other(codec) = &video.codec {
            warn(format!(
                "holds the video codec {codec:?}; documented are H.264 and H.265"
            ));
        }
        let (long, short) = (video.width.max(video.height), video.width.min(video.height));
        let (most_long, most_short) = if place.endpoint == super::VideoUpscale::ENDPOINT {
            (7680, 4320)
        } else {
            (3840, 2160)
        };
        if long > most_long || short > most_short {
            warn(format!(
                "is {}x{}; documented is at most {most_long}x{most_short} in either orientation",
                video.width, video.height
            ));
        }
        if let Some(text) = frames(place, video) {
            warn(text);
        }
    }
    if let Some(audio) = facts.audio.as_ref().filter(|_| place.field == "audio_uri") {
        if let AudioCodec::Other(codec) = &audio.codec {
            warn(format!(
                "holds the audio codec {codec:?}; documented are AAC-LC, MP3, Vorbis, Opus and FLAC"
            ));
        }
        match audio.seconds {
            Some(seconds) if seconds < 2.0 => warn(format!("is {seconds:.2} s long; documented is at least 2 s")),
            Some(seconds) if seconds > 20.0 => warn(format!("is {seconds:.2} s long; documented is at most 20 s")),
            _ => {}
        }
    }
    warnings
}

/// What the count of frames is at odds with.
fn frames(place: Place<'_>, video: &VideoTrack) -> Option<String> {
    let frames = video.frames?;
    let over = |most: u64| frames > most;
    match place.endpoint {
        super::Retake::ENDPOINT | super::Extend::ENDPOINT if frames < FEWEST_TO_EDIT => {
            Some(format!("has {frames} frames; documented is at least {FEWEST_TO_EDIT}"))
        }
        super::VideoToVideoHdr::ENDPOINT => {
            let (_, july, november) = HDR_CAPS.iter().find(|(pixels, ..)| video.pixels() <= *pixels)?;
            over(*july).then(|| {
                format!(
                    "has {frames} frames; at {}x{} the service was documented to take {july} (July 2026), later {november} (November 2026)",
                    video.width, video.height
                )
            })
        }
        super::VideoToVideoReframe::ENDPOINT if over(1800) || video.seconds.is_some_and(|seconds| seconds > 60.0) => {
            Some(format!(
                "has {frames} frames; documented are at most 1800 frames and 60 s"
            ))
        }
        super::VideoUpscale::ENDPOINT => {
            let (label, most) = UPSCALE_CAPS
                .iter()
                .find(|(label, _)| place.resolution == Some(*label))?;
            over(*most).then(|| format!("has {frames} frames; for {label} documented are at most {most}"))
        }
        super::VideoAlphaGen::ENDPOINT if over(3072) => {
            Some(format!("has {frames} frames; documented are at most 3072"))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
