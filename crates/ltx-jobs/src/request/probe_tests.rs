use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::PathBuf;

use super::*;
use crate::transfer::check_input;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)
}

fn facts(name: &str) -> MediaFacts {
    let bytes = std::fs::read(path(name)).unwrap();
    let kind = ContentKind::of(&bytes[..64]).unwrap_or_else(|| panic!("{name} has no kind"));
    let mut file = BufReader::new(File::open(path(name)).unwrap());
    probe(kind, &mut file, bytes.len() as u64)
}

#[test]
fn codec_size_frames_and_length_of_videos_are_found() {
    let cases = [
        (
            "prores.mov",
            VideoCodec::ProRes("422 Proxy"),
            (64, 64),
            Some(12),
            Some(0.5),
        ),
        ("dnxhr.mov", VideoCodec::Dnx, (256, 120), Some(3), Some(0.125)),
        ("h264-aac.mov", VideoCodec::H264, (64, 64), Some(12), Some(0.5)),
        ("hevc.mp4", VideoCodec::H265, (64, 64), Some(12), Some(0.5)),
        ("h264.mkv", VideoCodec::H264, (64, 64), Some(12), Some(0.5)),
        (
            "mpeg4.mp4",
            VideoCodec::Other("mp4v".into()),
            (64, 64),
            Some(12),
            Some(0.5),
        ),
        // Its tables are spread over the file: what is not found out stays unknown.
        ("fragmented.mp4", VideoCodec::H264, (64, 64), None, None),
    ];
    for (name, codec, size, frames, seconds) in cases {
        let facts = facts(name);
        let video = facts.video.unwrap_or_else(|| panic!("{name}: {:?}", facts.unreadable));
        assert_eq!(video.codec, codec, "{name}");
        assert_eq!((video.width, video.height), size, "{name}");
        assert_eq!(video.frames, frames, "{name}");
        match (video.seconds, seconds) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 0.03, "{name}: {found}"),
            (found, expected) => assert_eq!(found, expected, "{name}"),
        }
    }
}

#[test]
fn codec_and_length_of_audio_are_found() {
    let cases = [
        ("pcm.wav", AudioCodec::Pcm, 0.2),
        ("float.wav", AudioCodec::Pcm, 0.1),
        ("mp3.wav", AudioCodec::Mp3, 2.5),
        ("sine.mp3", AudioCodec::Mp3, 2.5),
        ("aac.m4a", AudioCodec::Aac, 2.5),
        ("he-aac.m4a", AudioCodec::HeAac, 2.5),
        ("vorbis.ogg", AudioCodec::Vorbis, 2.5),
        ("opus.ogg", AudioCodec::Opus, 2.5),
        ("sine.flac", AudioCodec::Flac, 0.1),
        ("pcm-in-mov.mov", AudioCodec::Pcm, 0.1),
        ("h264-aac.mov", AudioCodec::Aac, 0.5),
    ];
    for (name, codec, seconds) in cases {
        let facts = facts(name);
        let audio = facts.audio.unwrap_or_else(|| panic!("{name}: {:?}", facts.unreadable));
        assert_eq!(audio.codec, codec, "{name}");
        let found = audio.seconds.unwrap_or_default();
        assert!((found - seconds).abs() < 0.15, "{name}: {found}");
    }
}

#[test]
fn pictures_have_a_kind_and_no_tracks() {
    for name in ["still.png", "still.jpg"] {
        let facts = facts(name);
        assert_eq!(
            (facts.video, facts.audio, facts.unreadable),
            (None, None, None),
            "{name}"
        );
    }
}

/// Whatever a damaged file says, it is an answer: no panic, no endless walk, no table of gigabytes.
#[test]
fn seeded_damage_is_survived() {
    let names: Vec<_> = std::fs::read_dir(path("."))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "md"))
        .collect();
    assert!(names.len() >= 17);
    let mut random = fastrand::Rng::with_seed(11);
    for path in names {
        let clean = std::fs::read(&path).unwrap();
        let kind = ContentKind::of(&clean[..64]).unwrap();
        for _ in 0..300 {
            let mut bytes = clean.clone();
            for _ in 0..random.usize(1..12) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
            bytes.truncate(random.usize(bytes.len() / 2..=bytes.len()));
            let length = bytes.len() as u64;
            let facts = probe(kind, &mut Cursor::new(&bytes), length);
            let _ = check_input("damaged", &bytes[..64], length);
            let _ = crate::request::judge_input(None, "damaged", &facts);
        }
    }
}
