//! Archives as they come: made by the `zip` crate, and bent by hand.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::archive::member::{Fault, unpack};

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::DEFLATE)
}

fn content(number: usize) -> Vec<u8> {
    (0..5000 + number)
        .map(|at| ((at * 31 + number * 7) % 251) as u8)
        .collect()
}

fn archive(members: &[(&str, SimpleFileOptions)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (number, (name, options)) in members.iter().enumerate() {
        writer.start_file(*name, *options).unwrap();
        writer.write_all(&content(number)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn parse_all(bytes: &[u8]) -> Result<Directory> {
    let tail = Tail::new(bytes.len() as u64, Bytes::copy_from_slice(bytes)).unwrap();
    match parse(&tail, &Limits::default())? {
        Parsed::Directory(directory) => Ok(directory),
        Parsed::Need(from) => panic!("asked for byte {from} of a whole archive"),
    }
}

fn unpacked(bytes: &[u8], member: &Member) -> std::result::Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let span = member.span.start as usize..member.span.end as usize;
    match unpack(member, &mut &bytes[span], &mut out, &mut [0; 997]).unwrap() {
        Ok(()) => Ok(out),
        Err(Fault::Damaged(why) | Fault::Inconsistent(why)) => Err(why),
    }
}

/// Replaces every occurrence of `from`, in local headers and directory alike.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|&at| bytes[at..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// Where the record of the directory with this number begins.
fn record(bytes: &[u8], number: usize) -> usize {
    (0..bytes.len() - 4)
        .filter(|&at| bytes[at..].starts_with(b"PK\x01\x02"))
        .nth(number)
        .unwrap()
}

#[test]
fn every_frame_comes_out_as_it_went_in_whatever_its_shape() {
    for options in [
        stored(),
        deflated(),
        stored().large_file(true),
        deflated().large_file(true),
    ] {
        let bytes = archive(&[
            ("out/frame_00000.exr", options),
            ("out/frame_00001.EXR", options),
            ("readme.txt", options),
        ]);
        let directory = parse_all(&bytes).unwrap();
        let names: Vec<_> = directory.frames.iter().map(|frame| frame.name.as_str()).collect();
        assert_eq!(names, ["frame_00000.exr", "frame_00001.EXR"]);
        for (number, frame) in directory.frames.iter().enumerate() {
            assert_eq!(unpacked(&bytes, frame).unwrap(), content(number));
        }
    }
}

#[test]
fn members_with_data_descriptors_come_out_too() {
    for options in [stored(), deflated()] {
        let mut writer = ZipWriter::new_stream(Vec::new());
        for number in 0..3 {
            writer.start_file(format!("f_{number}.exr"), options).unwrap();
            writer.write_all(&content(number)).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        assert_ne!(bytes[6] & 8, 0, "the writer made no data descriptors");
        for (number, frame) in parse_all(&bytes).unwrap().frames.iter().enumerate() {
            assert_eq!(unpacked(&bytes, frame).unwrap(), content(number));
        }
    }
}

#[test]
fn a_tail_that_is_too_short_says_from_where_more_is_needed() {
    let names: Vec<String> = (0..2000).map(|number| format!("frame_{number:05}.exr")).collect();
    let members: Vec<_> = names.iter().map(|name| (name.as_str(), stored())).collect();
    let bytes = archive(&members);
    let first = record(&bytes, 0);
    let tail = |from: usize| Tail::new(bytes.len() as u64, Bytes::copy_from_slice(&bytes[from..])).unwrap();
    let Parsed::Need(from) = parse(&tail(bytes.len() - 70_000), &Limits::default()).unwrap() else {
        panic!("a directory out of nothing")
    };
    assert_eq!(from, first as u64);
    let Parsed::Directory(directory) = parse(&tail(first), &Limits::default()).unwrap() else {
        panic!("still not enough")
    };
    assert_eq!(directory.frames.len(), 2000);
}

#[test]
fn a_directory_too_large_to_hold_is_refused_before_it_is_fetched() {
    let mut bytes = archive(&[("a.exr", stored())]);
    let start = record(&bytes, 0);
    let size = (20_u32 << 20) + (bytes.len() - 22 - start) as u32;
    bytes.splice(start..start, std::iter::repeat_n(0, 20 << 20));
    let end = bytes.len() - 22;
    bytes[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    let tail = Tail::new(
        bytes.len() as u64,
        Bytes::copy_from_slice(&bytes[bytes.len() - 70_000..]),
    )
    .unwrap();
    assert_eq!(
        parse(&tail, &Limits::default()).unwrap_err().kind(),
        ErrorKind::LimitExceeded
    );
}

#[test]
fn names_that_are_not_safe_refuse_the_whole_archive() {
    let bytes = archive(&[("aaaaaaaa.exr", stored()), ("b.exr", stored())]);
    for name in [
        "../../aa.exr",
        "/aaaaaaa.exr",
        "C:/aaaaa.exr",
        "a/../aaa.exr",
        "aaaa\0aaa.exr",
    ] {
        let hostile = replaced(bytes.clone(), b"aaaaaaaa.exr", name.as_bytes());
        assert_eq!(
            parse_all(&hostile).unwrap_err().kind(),
            ErrorKind::UnsafeName,
            "{name:?}"
        );
    }
    let not_a_frame = replaced(
        archive(&[("xaaaaa.txt", stored()), ("b.exr", stored())]),
        b"xaaaaa.txt",
        b"../../.txt",
    );
    assert_eq!(parse_all(&not_a_frame).unwrap_err().kind(), ErrorKind::UnsafeName);
    let twins = archive(&[("x.exr", stored()), ("X.exr", stored())]);
    assert_eq!(parse_all(&twins).unwrap_err().kind(), ErrorKind::UnsafeName);
    let flattened = archive(&[("1/x.exr", stored()), ("2/x.exr", stored())]);
    assert_eq!(parse_all(&flattened).unwrap_err().kind(), ErrorKind::UnsafeName);
}

#[test]
fn two_members_of_one_name_are_refused() {
    let bytes = replaced(archive(&[("a.exr", stored()), ("b.exr", stored())]), b"b.exr", b"a.exr");
    assert_eq!(parse_all(&bytes).unwrap_err().kind(), ErrorKind::Archive);
}

#[test]
fn links_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("a.exr", "/etc/passwd", stored()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(parse_all(&bytes).unwrap_err().kind(), ErrorKind::UnsafeName);
}

#[test]
fn members_that_share_bytes_or_lie_outside_are_refused() {
    let bytes = archive(&[("a.exr", stored()), ("b.exr", stored())]);
    let second = record(&bytes, 1);
    for offset in [0_u32, 10, u32::MAX - 1, bytes.len() as u32, record(&bytes, 0) as u32] {
        let mut hostile = bytes.clone();
        hostile[second + 42..second + 46].copy_from_slice(&offset.to_le_bytes());
        assert_eq!(parse_all(&hostile).unwrap_err().kind(), ErrorKind::Archive, "{offset}");
    }
}

#[test]
fn a_bomb_is_refused_by_its_own_figures() {
    let mut bytes = archive(&[("a.exr", deflated())]);
    let only = record(&bytes, 0);
    bytes[only + 24..only + 28].copy_from_slice(&(1_u32 << 29).to_le_bytes());
    assert_eq!(parse_all(&bytes).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn encrypted_frames_and_unknown_compressions_are_unsupported() {
    let bytes = archive(&[("a.exr", stored())]);
    let only = record(&bytes, 0);
    let mut encrypted = bytes.clone();
    encrypted[only + 8] |= 1;
    assert_eq!(parse_all(&encrypted).unwrap_err().kind(), ErrorKind::Unsupported);
    let mut odd = bytes;
    odd[only + 10] = 97;
    assert_eq!(parse_all(&odd).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn an_archive_cut_short_or_followed_by_other_bytes_is_refused() {
    let bytes = archive(&[("a.exr", stored())]);
    for cut in [0, 1, 21, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(
            parse_all(&bytes[..cut]).unwrap_err().kind(),
            ErrorKind::Archive,
            "cut at {cut}"
        );
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"more");
    assert_eq!(parse_all(&longer).unwrap_err().kind(), ErrorKind::Archive);
    let mut before = bytes;
    before.splice(0..0, *b"junk");
    assert_eq!(parse_all(&before).unwrap_err().kind(), ErrorKind::Archive);
}

#[test]
fn a_corrupt_byte_anywhere_in_a_member_is_found() {
    for options in [stored(), deflated()] {
        let bytes = archive(&[("a.exr", options)]);
        let frame = parse_all(&bytes).unwrap().frames.remove(0);
        // Time and date (10 to 13), "version needed" (4, 5) and harmless flags say nothing about the content.
        let plain = |at: usize| matches!(at, 4..=7 | 10..=13);
        for at in (0..frame.span.end as usize).filter(|at| !plain(*at)) {
            let mut bent = bytes.clone();
            bent[at] ^= 0x55;
            let outcome = unpacked(&bent, &frame);
            assert!(outcome.is_err(), "byte {at} of {:?}", frame.method);
        }
    }
}

/// Seeded: whatever the bytes are, the parser answers; and what it lets pass stays inside the archive.
#[test]
fn no_mutation_makes_the_parser_panic_or_name_a_place_outside() {
    let corpus = [
        archive(&[
            ("out/frame_00000.exr", stored()),
            ("out/frame_00001.exr", deflated()),
            ("notes.txt", stored()),
        ]),
        archive(&[
            ("a.exr", stored().large_file(true)),
            ("b.exr", deflated().large_file(true)),
        ]),
        archive(&[]),
    ];
    let mut random = fastrand::Rng::with_seed(0x1e57);
    for round in 0..6000 {
        let mut bytes = corpus[round % corpus.len()].clone();
        // The structures lie at the end: most of the blows fall there.
        let lowest = if random.u8(..4) == 0 {
            0
        } else {
            bytes.len().saturating_sub(400)
        };
        for _ in 0..random.usize(1..6) {
            let at = random.usize(lowest..bytes.len());
            match random.u8(..4) {
                0 => bytes[at] = random.u8(..),
                1 => bytes[at] = 0xff,
                2 => bytes[at] ^= 1 << random.u8(..8),
                _ => {
                    let other = random.usize(lowest..bytes.len());
                    bytes.swap(at, other);
                }
            }
        }
        if random.u8(..8) == 0 {
            bytes.truncate(random.usize(0..bytes.len()));
        }
        let tail = Tail::new(bytes.len() as u64, Bytes::copy_from_slice(&bytes)).unwrap();
        if let Ok(Parsed::Directory(directory)) = parse(&tail, &Limits::default()) {
            for frame in &directory.frames {
                assert!(
                    frame.span.start < frame.span.end && frame.span.end <= bytes.len() as u64,
                    "round {round}: {frame:?}"
                );
                // Never a panic either; whether it comes out is another matter.
                let _ = unpacked(&bytes, frame);
            }
        }
    }
}
