//! Audio files: their properties, no tags and no pictures.

use std::io::{Read, Seek, SeekFrom};

use lofty::config::ParseOptions;
use lofty::file::AudioFile as _;
use lofty::flac::FlacFile;
use lofty::iff::wav::{WavFile, WavFormat};
use lofty::mp4::{AudioObjectType, Mp4Codec, Mp4File};
use lofty::mpeg::MpegFile;
use lofty::ogg::{OpusFile, VorbisFile};

use super::{AudioCodec, AudioTrack, Tracks};
use crate::transfer::kind::ContentKind;

pub(super) fn read(kind: ContentKind, input: &mut (impl Read + Seek)) -> Result<Tracks, String> {
    let (codec, length) = match kind {
        ContentKind::Wav => {
            let file = WavFile::read_from(input, options()).map_err(|error| error.to_string())?;
            (wav_codec(*file.properties().format()), file.properties().duration())
        }
        ContentKind::Mp3 => {
            let file = MpegFile::read_from(input, options()).map_err(|error| error.to_string())?;
            (AudioCodec::Mp3, file.properties().duration())
        }
        ContentKind::Flac => {
            let file = FlacFile::read_from(input, options()).map_err(|error| error.to_string())?;
            (AudioCodec::Flac, file.properties().duration())
        }
        // Two codecs share one container; the first packet tells.
        _ => match VorbisFile::read_from(input, options()) {
            Ok(file) => (AudioCodec::Vorbis, file.properties().duration()),
            Err(_) => {
                input.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
                let file = OpusFile::read_from(input, options()).map_err(|error| error.to_string())?;
                (AudioCodec::Opus, file.properties().duration())
            }
        },
    };
    let seconds = Some(length.as_secs_f64()).filter(|seconds| *seconds > 0.0);
    Ok(Tracks {
        video: None,
        audio: Some(AudioTrack { codec, seconds }),
    })
}

fn options() -> ParseOptions {
    ParseOptions::new().read_tags(false).read_cover_art(false)
}

fn wav_codec(format: WavFormat) -> AudioCodec {
    match format {
        WavFormat::PCM | WavFormat::IEEE_FLOAT => AudioCodec::Pcm,
        // The registered format tags.
        WavFormat::Other(0x0055) => AudioCodec::Mp3,
        WavFormat::Other(0x00ff | 0x1600 | 0x706d) => AudioCodec::Aac,
        WavFormat::Other(0x1610) => AudioCodec::HeAac,
        WavFormat::Other(0xf1ac) => AudioCodec::Flac,
        WavFormat::Other(0x566f | 0x674f..=0x6751 | 0x676f..=0x6771) => AudioCodec::Vorbis,
        WavFormat::Other(tag) => AudioCodec::Other(format!("WAV format {tag:#06x}")),
    }
}

/// What an MPEG-4 audio track holds.
pub(super) fn mpeg4_codec(input: &mut (impl Read + Seek)) -> Option<AudioCodec> {
    input.seek(SeekFrom::Start(0)).ok()?;
    let file = Mp4File::read_from(input, options()).ok()?;
    Some(match file.properties().codec()? {
        Mp4Codec::AAC => match file.properties().audio_object_type() {
            Some(AudioObjectType::SpectralBandReplication | AudioObjectType::ParametricStereo) => AudioCodec::HeAac,
            _ => AudioCodec::Aac,
        },
        Mp4Codec::ALAC => AudioCodec::Other("ALAC".to_owned()),
        Mp4Codec::MP3 => AudioCodec::Mp3,
        Mp4Codec::FLAC => AudioCodec::Flac,
        _ => return None,
    })
}
