//! What is inside a local input: codec, size, frames, length. Reads a file's tables, never its pictures; decodes nothing.
//!
//! A file that cannot be read is no error here: what is not found out stays unknown, and the service is the judge. What the facts mean is decided in
//! [`inputs`](super::inputs).

mod audio;
mod isomp4;
mod matroska;

use std::fmt;
use std::io::{Read, Seek};

use crate::transfer::kind::ContentKind;

/// What is known of a local input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MediaFacts {
    pub(crate) kind: ContentKind,
    pub(crate) bytes: u64,
    pub(crate) video: Option<VideoTrack>,
    pub(crate) audio: Option<AudioTrack>,
    /// Why the inside could not be read, for the log.
    pub(crate) unreadable: Option<String>,
}

/// The first video track.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VideoTrack {
    pub(crate) codec: VideoCodec,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frames: Option<u64>,
    pub(crate) seconds: Option<f64>,
}

impl VideoTrack {
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    pub(crate) fn fps(&self) -> Option<f64> {
        let (frames, seconds) = (self.frames?, self.seconds?);
        (seconds > 0.0).then(|| frames as f64 / seconds)
    }
}

/// The first audio track.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AudioTrack {
    pub(crate) codec: AudioCodec,
    pub(crate) seconds: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VideoCodec {
    H264,
    H265,
    /// Apple ProRes, with the flavour's name.
    ProRes(&'static str),
    /// Avid DNxHD and DNxHR.
    Dnx,
    /// Anything else, as the container names it.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AudioCodec {
    Aac,
    /// AAC with spectral band replication.
    HeAac,
    Mp3,
    Vorbis,
    Opus,
    Flac,
    /// Uncompressed samples.
    Pcm,
    /// Anything else, as the container names it.
    Other(String),
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::H264 => f.write_str("H.264"),
            Self::H265 => f.write_str("H.265"),
            Self::ProRes(flavour) => write!(f, "Apple ProRes {flavour}"),
            Self::Dnx => f.write_str("Avid DNxHD or DNxHR"),
            Self::Other(name) => write!(f, "{name:?}"),
        }
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aac => "AAC",
            Self::HeAac => "HE-AAC",
            Self::Mp3 => "MP3",
            Self::Vorbis => "Vorbis",
            Self::Opus => "Opus",
            Self::Flac => "FLAC",
            Self::Pcm => "plain PCM",
            Self::Other(name) => return write!(f, "{name:?}"),
        })
    }
}

/// What a container's tables say.
#[derive(Debug, Default, PartialEq)]
struct Tracks {
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
}

/// Looks into an input of `bytes` bytes that begins like `kind`. Blocks for some reads of the disk.
pub(crate) fn probe(kind: ContentKind, input: &mut (impl Read + Seek), bytes: u64) -> MediaFacts {
    let tracks = match kind {
        ContentKind::Mp4 | ContentKind::Mov | ContentKind::M4a => isomp4::read(input, bytes),
        ContentKind::Mkv | ContentKind::Webm => matroska::read(input),
        ContentKind::Wav | ContentKind::Mp3 | ContentKind::Ogg | ContentKind::Flac => audio::read(kind, input),
        _ => Ok(Tracks::default()),
    };
    let (tracks, unreadable) = match tracks {
        Ok(tracks) => (tracks, None),
        Err(why) => (Tracks::default(), Some(why)),
    };
    MediaFacts {
        kind,
        bytes,
        video: tracks.video,
        audio: tracks.audio,
        unreadable,
    }
}

/// A length in seconds, when it is one.
fn seconds(units: u64, per_second: u64) -> Option<f64> {
    (units > 0 && per_second > 0).then(|| units as f64 / per_second as f64)
}

#[cfg(test)]
#[path = "../probe_tests.rs"]
mod tests;
