//! MP4, QuickTime and M4A: walks the boxes down to the tables of each track. Every table is decoded by itself, so that an odd one (a maker's own
//! metadata, an unusual sample entry) hides no other.

use std::io::{Read, Seek, SeekFrom};

use mp4_atom::{Atom, FourCC, Hdlr, Header, Mdhd, ReadFrom as _, Stts, Tkhd};

use super::{AudioCodec, AudioTrack, Tracks, VideoCodec, VideoTrack, audio, seconds};

/// Larger tables than this do not occur in files the service takes (200 MB).
const LARGEST_TABLE: u64 = 8 << 20;

/// A movie with more boxes than this is no movie.
const MOST_BOXES: usize = 10_000;

#[derive(Default)]
struct Track {
    handler: Option<FourCC>,
    width: u32,
    height: u32,
    timescale: u32,
    duration: u64,
    frames: u64,
    codec: Option<FourCC>,
}

pub(super) fn read(input: &mut (impl Read + Seek), length: u64) -> Result<Tracks, String> {
    let mut walk = Walk {
        input,
        tracks: Vec::new(),
        boxes: 0,
    };
    walk.children(0, length).map_err(|error| error.to_string())?;
    let tracks = std::mem::take(&mut walk.tracks);
    let of = |handler: &[u8; 4]| tracks.iter().find(|track| track.handler == Some(FourCC::new(handler)));
    let video = of(b"vide").map(|track| VideoTrack {
        codec: video_codec(track.codec),
        width: track.width,
        height: track.height,
        frames: (track.frames > 0).then_some(track.frames),
        seconds: seconds(track.duration, u64::from(track.timescale)),
    });
    let audio = of(b"soun").map(|track| AudioTrack {
        codec: audio_codec(track.codec, walk.input),
        seconds: seconds(track.duration, u64::from(track.timescale)),
    });
    if video.is_none() && audio.is_none() {
        return Err("no track was found".to_owned());
    }
    Ok(Tracks { video, audio })
}

struct Walk<'a, R> {
    input: &'a mut R,
    tracks: Vec<Track>,
    boxes: usize,
}

impl<R: Read + Seek> Walk<'_, R> {
    /// Looks at the boxes from `from` to `to`.
    fn children(&mut self, from: u64, to: u64) -> Result<(), mp4_atom::Error> {
        let mut at = from;
        while at + 8 <= to {
            self.boxes += 1;
            if self.boxes > MOST_BOXES {
                return Ok(());
            }
            self.input.seek(SeekFrom::Start(at))?;
            let header = Header::read_from(self.input)?;
            let begins = self.input.stream_position()?;
            let ends = header
                .size
                .map_or(to, |size| begins.saturating_add(size as u64))
                .min(to);
            self.one(header.kind, begins, ends)?;
            at = ends.max(begins);
        }
        Ok(())
    }

    fn one(&mut self, kind: FourCC, begins: u64, ends: u64) -> Result<(), mp4_atom::Error> {
        match kind.as_ref() {
            b"moov" | b"mdia" | b"minf" | b"stbl" => self.children(begins, ends)?,
            b"trak" => {
                self.tracks.push(Track::default());
                self.children(begins, ends)?;
            }
            b"hdlr" => {
                // QuickTime has a second one inside `minf`, for the data: the first counts.
                if let Some(hdlr) = self.table::<Hdlr>(begins, ends)
                    && let Some(track) = self.tracks.last_mut()
                {
                    track.handler.get_or_insert(hdlr.handler);
                }
            }
            b"tkhd" => {
                if let Some(tkhd) = self.table::<Tkhd>(begins, ends)
                    && let Some(track) = self.tracks.last_mut()
                {
                    track.width = u32::from(tkhd.width.integer());
                    track.height = u32::from(tkhd.height.integer());
                }
            }
            b"mdhd" => {
                if let Some(mdhd) = self.table::<Mdhd>(begins, ends)
                    && let Some(track) = self.tracks.last_mut()
                {
                    (track.timescale, track.duration) = (mdhd.timescale, mdhd.duration);
                }
            }
            b"stts" => {
                if let Some(stts) = self.table::<Stts>(begins, ends)
                    && let Some(track) = self.tracks.last_mut()
                {
                    track.frames = stts.entries.iter().map(|entry| u64::from(entry.sample_count)).sum();
                }
            }
            b"stsd" if ends - begins >= 16 => {
                // Version, flags and a count; then the first sample entry, whose name is the codec.
                self.input.seek(SeekFrom::Start(begins + 8))?;
                let entry = Header::read_from(self.input)?;
                if let Some(track) = self.tracks.last_mut() {
                    track.codec.get_or_insert(entry.kind);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn table<T: Atom>(&mut self, begins: u64, ends: u64) -> Option<T> {
        let length = ends.checked_sub(begins).filter(|length| *length <= LARGEST_TABLE)?;
        self.input.seek(SeekFrom::Start(begins)).ok()?;
        let mut body = Vec::new();
        self.input.by_ref().take(length).read_to_end(&mut body).ok()?;
        T::decode_body(&mut body.as_slice()).ok()
    }
}

fn named(codec: Option<FourCC>) -> String {
    codec.map_or_else(
        || "unknown".to_owned(),
        |codec| String::from_utf8_lossy(codec.as_ref()).into_owned(),
    )
}

fn video_codec(codec: Option<FourCC>) -> VideoCodec {
    match codec.as_ref().map(AsRef::<[u8; 4]>::as_ref) {
        Some(b"avc1" | b"avc3") => VideoCodec::H264,
        Some(b"hvc1" | b"hev1" | b"dvh1" | b"dvhe") => VideoCodec::H265,
        Some(b"apco") => VideoCodec::ProRes("422 Proxy"),
        Some(b"apcs") => VideoCodec::ProRes("422 LT"),
        Some(b"apcn") => VideoCodec::ProRes("422"),
        Some(b"apch") => VideoCodec::ProRes("422 HQ"),
        Some(b"ap4h") => VideoCodec::ProRes("4444"),
        Some(b"ap4x") => VideoCodec::ProRes("4444 XQ"),
        Some(b"aprn" | b"aprh") => VideoCodec::ProRes("RAW"),
        Some(b"AVdn" | b"AVdh") => VideoCodec::Dnx,
        _ => VideoCodec::Other(named(codec)),
    }
}

fn audio_codec(codec: Option<FourCC>, input: &mut (impl Read + Seek)) -> AudioCodec {
    match codec.as_ref().map(AsRef::<[u8; 4]>::as_ref) {
        // The name is the same for all of MPEG-4 audio: what it is stands deeper.
        Some(b"mp4a") => audio::mpeg4_codec(input).unwrap_or(AudioCodec::Aac),
        Some(b".mp3") => AudioCodec::Mp3,
        Some(b"Opus") => AudioCodec::Opus,
        Some(b"fLaC") => AudioCodec::Flac,
        Some(
            b"sowt" | b"twos" | b"lpcm" | b"in24" | b"in32" | b"fl32" | b"fl64" | b"s16l" | b"ipcm" | b"fpcm" | b"raw ",
        ) => AudioCodec::Pcm,
        _ => AudioCodec::Other(named(codec)),
    }
}
