//! Matroska and WebM: the header's tables, without looking at a single block.

use std::io::{Read, Seek};

use matroska_demuxer::{MatroskaFile, TrackType};

use super::{AudioCodec, AudioTrack, Tracks, VideoCodec, VideoTrack};

pub(super) fn read(input: &mut (impl Read + Seek)) -> Result<Tracks, String> {
    let file = MatroskaFile::open(input).map_err(|error| error.to_string())?;
    let info = file.info();
    let seconds = info
        .duration()
        .map(|units| units * info.timestamp_scale().get() as f64 / 1e9)
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    let first = |kind| file.tracks().iter().find(move |track| track.track_type() == kind);
    let video = first(TrackType::Video).and_then(|track| {
        let size = track.video()?;
        // The header names no count of frames, only how long each of them is shown.
        let frames = track
            .default_duration()
            .zip(seconds)
            .map(|(nanoseconds, seconds)| (seconds * 1e9 / nanoseconds.get() as f64).round() as u64);
        Some(VideoTrack {
            codec: video_codec(track.codec_id()),
            width: u32::try_from(size.pixel_width().get()).unwrap_or(u32::MAX),
            height: u32::try_from(size.pixel_height().get()).unwrap_or(u32::MAX),
            frames,
            seconds,
        })
    });
    let audio = first(TrackType::Audio).map(|track| AudioTrack {
        codec: audio_codec(track.codec_id()),
        seconds,
    });
    if video.is_none() && audio.is_none() {
        return Err("no track was found".to_owned());
    }
    Ok(Tracks { video, audio })
}

fn video_codec(id: &str) -> VideoCodec {
    match id {
        "V_MPEG4/ISO/AVC" => VideoCodec::H264,
        "V_MPEGH/ISO/HEVC" => VideoCodec::H265,
        "V_PRORES" => VideoCodec::ProRes("422 or 4444"),
        other => VideoCodec::Other(other.chars().take(40).collect()),
    }
}

fn audio_codec(id: &str) -> AudioCodec {
    match id {
        "A_AAC/MPEG2/LC/SBR" | "A_AAC/MPEG4/LC/SBR" => AudioCodec::HeAac,
        id if id.starts_with("A_AAC") => AudioCodec::Aac,
        "A_MPEG/L3" => AudioCodec::Mp3,
        "A_VORBIS" => AudioCodec::Vorbis,
        "A_OPUS" => AudioCodec::Opus,
        "A_FLAC" => AudioCodec::Flac,
        id if id.starts_with("A_PCM") => AudioCodec::Pcm,
        other => AudioCodec::Other(other.chars().take(40).collect()),
    }
}
