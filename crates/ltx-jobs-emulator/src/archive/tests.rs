//! The archive against other readers: the `zip` crate, Python's zipfile and the `exr` crate.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};
use std::time::Instant;

use exr::prelude::*;

use super::*;
use crate::programme::{ArchiveEnd, Compression, EvilMember};

const SEED: Seed = [3; 32];

fn build(shape: &ArchiveShape) -> Archive {
    Archive::build(shape, "acescg", SEED).unwrap()
}

fn whole(archive: &Archive) -> Vec<u8> {
    from(archive, 0)
}

fn from(archive: &Archive, mut at: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while at < archive.len() {
        let piece = archive.piece_at(at).unwrap();
        assert!(!piece.is_empty());
        at += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    bytes
}

fn shapes() -> Vec<ArchiveShape> {
    let mut shapes = Vec::new();
    for method in [Method::Stored, Method::Deflated] {
        for compression in [Compression::None, Compression::Zip] {
            for (descriptors, zip64) in [(false, false), (true, false), (false, true), (true, true)] {
                shapes.push(ArchiveShape {
                    method,
                    compression,
                    descriptors,
                    zip64,
                    extra_members: vec!["README.txt".to_owned()],
                    folder: if zip64 { "exr/".to_owned() } else { String::new() },
                    first_index: u32::from(descriptors),
                    padding: if descriptors { 1_000 } else { 0 },
                    ..ArchiveShape::default()
                });
            }
        }
    }
    shapes
}

fn pixels(file: &[u8], width: usize, height: usize) -> Vec<Vec<[f32; 3]>> {
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .rgb_channels(
            move |_, _| vec![vec![[0.0_f32; 3]; width]; height],
            |pixels: &mut Vec<Vec<[f32; 3]>>, at, (red, green, blue): (f16, f16, f16)| {
                pixels[at.y()][at.x()] = [red.to_f32(), green.to_f32(), blue.to_f32()];
            },
        )
        .first_valid_layer()
        .all_attributes()
        .from_buffered(Cursor::new(file))
        .unwrap();
    image.layer_data.channel_data.pixels
}

/// Reads the digits a person would read, from the middle of the blocks.
fn number_shown(pixels: &[Vec<[f32; 3]>]) -> u32 {
    let (width, height) = (pixels[0].len(), pixels.len());
    let scale = (width / 20).min(height / 9).clamp(1, 24);
    let (left, top) = ((width - 19 * scale) / 2, (height - 5 * scale) / 2);
    let seen = |column: usize, row: usize| {
        pixels[top + row * scale + scale / 2][left + column * scale + scale / 2][0] == frames::LIT
    };
    let fits = |number: &u32| (0..19).all(|x| (0..5).all(|y| seen(x, y) == frames::is_lit(*number, x, y)));
    (0..100_000).find(fits).unwrap()
}

#[test]
fn every_variant_is_read_by_the_zip_crate_with_names_sizes_and_checksums_right() {
    for shape in shapes() {
        let archive = build(&shape);
        let bytes = whole(&archive);
        assert_eq!(bytes.len() as u64, archive.len());
        let mut zip = ::zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(zip.len(), 4, "{shape:?}");
        for (index, member) in archive.members().iter().enumerate() {
            let mut file = zip.by_index(index).unwrap();
            assert_eq!(file.name().unwrap(), member.name);
            assert_eq!((file.size(), file.crc32()), (member.len, member.crc32));
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, archive.unpack(member).unwrap().concat(), "{shape:?}");
        }
    }
}

#[test]
fn every_variant_is_accepted_by_pythons_zipfile() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("python3");
    command.args(["-c", "import sys, zipfile\nfor p in sys.argv[1:]:\n  z = zipfile.ZipFile(p); assert z.testzip() is None, p; assert len(z.infolist()) == 4"]);
    for (index, shape) in shapes().iter().enumerate() {
        let path = folder.path().join(format!("{index}.zip"));
        std::fs::write(&path, whole(&build(shape))).unwrap();
        command.arg(path);
    }
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("not checked: python3 does not start: {error}"),
    }
}

#[test]
fn frames_are_half_rgb_of_the_right_size_and_show_their_number() {
    for compression in [Compression::None, Compression::Zip] {
        for (width, height) in [(64, 36), (320, 180), (1, 1), (8, 3)] {
            let shape = ArchiveShape {
                compression,
                width,
                height,
                first_index: 41_998,
                ..ArchiveShape::default()
            };
            let archive = build(&shape);
            let mut seen = BTreeSet::new();
            for (number, member) in (41_998..42_001).zip(archive.members()) {
                let file = archive.unpack(member).unwrap().concat();
                let pixels = pixels(&file, width as usize, height as usize);
                if width >= 64 {
                    assert_eq!(number_shown(&pixels), number);
                    assert!(
                        pixels.iter().flatten().any(|[red, ..]| *red > 4.0),
                        "highlights above 1.0"
                    );
                }
                assert!(seen.insert(file), "frames differ, however small");
            }
        }
    }
}

#[test]
fn the_header_names_the_colour_space() {
    for (colorspace, red) in [("acescg", 0.713), ("srgb_linear", 0.64), ("aces2065-1", 0.7347)] {
        let shape = ArchiveShape {
            padding: 500,
            ..ArchiveShape::default()
        };
        let frames = Frames::new(&shape, colorspace, SEED).unwrap();
        let meta = MetaData::read_from_buffered(Cursor::new(frames.whole(1).unwrap()), true).unwrap();
        let header = &meta.headers[0];
        assert_eq!(header.compression, exr::compression::Compression::ZIP16);
        assert!(
            header
                .channels
                .list
                .iter()
                .all(|channel| channel.sample_type == SampleType::F16)
        );
        let shared = &header.shared_attributes;
        assert_eq!(shared.chromaticities.unwrap().red.x(), red);
        let named = header.own_attributes.other.get(&Text::from("colorSpace")).unwrap();
        assert_eq!(named, &AttributeValue::Text(Text::from(colorspace)));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_input_others() {
    for shape in shapes() {
        let first = whole(&build(&shape));
        assert_eq!(first, whole(&build(&shape)));
        assert_ne!(first, whole(&Archive::build(&shape, "acescg", [4; 32]).unwrap()));
    }
}

#[test]
fn any_byte_can_be_had_without_the_ones_before() {
    for shape in shapes() {
        let archive = build(&shape);
        let bytes = whole(&archive);
        for at in (0..archive.len()).step_by(997) {
            let piece = archive.piece_at(at).unwrap();
            let at = usize::try_from(at).unwrap();
            assert_eq!(&bytes[at..at + piece.len()], &piece[..], "at {at} of {shape:?}");
        }
        assert!(archive.piece_at(archive.len()).unwrap().is_empty());
    }
}

#[test]
fn the_checksum_put_together_from_pieces_is_that_of_the_whole() {
    for shape in shapes() {
        let archive = build(&shape);
        assert_eq!(archive.crc32c().unwrap(), crc32c::crc32c(&whole(&archive)), "{shape:?}");
    }
}

#[test]
fn evil_members_are_as_evil_as_asked() {
    let evil = |name: &str, kind| EvilMember {
        name: name.to_owned(),
        kind,
        target: None,
        size: None,
    };
    let shape = ArchiveShape {
        evil_members: vec![
            evil("../../evil.exr", EvilKind::File),
            evil("link", EvilKind::Symlink),
            evil("folder/", EvilKind::Directory),
            EvilMember {
                size: Some(8 << 20),
                ..evil("bomb.exr", EvilKind::Bomb)
            },
            evil("twin.exr", EvilKind::Overlap),
            evil("secret.exr", EvilKind::Encrypted),
            evil("wrong.exr", EvilKind::BadCrc),
            evil("longer.exr", EvilKind::Longer),
            evil("odd.exr", EvilKind::UnknownMethod),
            evil("renamed.exr", EvilKind::OtherLocalName),
            evil("resized.exr", EvilKind::OtherLocalSize),
            evil("outside.exr", EvilKind::Outside),
        ],
        extra_members: vec!["README.txt".to_owned()],
        ..ArchiveShape::default()
    };
    let bytes = whole(&build(&shape));
    let mut zip = ::zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(zip.len(), 16);
    assert!(zip.by_index(4).unwrap().enclosed_name().is_none(), "the name escapes");
    assert!(zip.by_index(5).unwrap().is_symlink());
    assert!(zip.by_index(6).unwrap().is_dir());
    let bomb = zip.by_index(7).unwrap();
    assert_eq!(bomb.size(), 8 << 20);
    assert!(bomb.compressed_size() < 20_000);
    drop(bomb);
    let first = zip.by_index(0).unwrap().header_start();
    assert_eq!(zip.by_index(8).unwrap().header_start(), first);
    assert!(zip.by_index_raw(9).unwrap().encrypted());
    zip.by_index(10).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    let mut unpacked = Vec::new();
    let longer = zip.by_index_raw(11).unwrap();
    let told = longer.size();
    drop(longer);
    flate2::read::DeflateDecoder::new(zip.by_index_raw(11).unwrap())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked.len() as u64, told + 1);
    zip.by_index(12).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    for (index, place, expected) in [(13, 30, &b"RENAMED.EXR"[..]), (14, 22, &[17, 0, 0, 0])] {
        let at = usize::try_from(zip.by_index_raw(index).unwrap().header_start()).unwrap() + place;
        assert_eq!(&bytes[at..at + expected.len()], expected);
    }
    let outside = zip.by_index_data(15).unwrap().header_start();
    assert!(outside > bytes.len() as u64);
}

#[test]
fn an_archive_ends_as_badly_as_asked() {
    let ending = |end| {
        whole(&build(&ArchiveShape {
            end,
            ..ArchiveShape::default()
        }))
    };
    let good = ending(ArchiveEnd::Whole);
    let (truncated, trailing) = (ending(ArchiveEnd::Truncated), ending(ArchiveEnd::TrailingBytes));
    assert!(good.starts_with(&truncated) && truncated.len() + 22 < good.len());
    assert!(trailing.starts_with(&good) && trailing.len() > good.len());
    let short = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let end = good.len() - 22;
    let count = ending(ArchiveEnd::WrongCount);
    assert_eq!((short(&good, end + 10), short(&count, end + 10)), (3, 2));
    let offset = ending(ArchiveEnd::WrongOffset);
    assert_eq!(short(&offset, end + 16), short(&good, end + 16) + 1);
    let wide = ending(ArchiveEnd::Zip64Count);
    assert!(wide.windows(4).any(|window| window == b"PK\x06\x06"));
    for bytes in [truncated, wide] {
        assert!(::zip::ZipArchive::new(Cursor::new(bytes)).is_err());
    }
}

#[test]
fn an_archive_beyond_4_gib_takes_zip64_by_itself_and_little_memory() {
    let shape = ArchiveShape {
        frames: 380,
        width: 1920,
        height: 1080,
        compression: Compression::None,
        ..ArchiveShape::default()
    };
    let start = Instant::now();
    let archive = build(&shape);
    assert!(archive.len() > 4 << 30, "{}", archive.len());
    eprintln!("{} bytes planned in {:?}", archive.len(), start.elapsed());
    let kept: usize = archive
        .pieces
        .iter()
        .filter_map(|piece| match &piece.source {
            Source::Kept(bytes) if bytes.len() < 1 << 20 => Some(bytes.len()),
            _ => None,
        })
        .sum();
    assert!(kept < 1 << 20, "beside the template only records are kept: {kept}");

    // The directory, and the last frame's own header, as a reader that works with ranges would see them.
    let tail = from(&archive, archive.len() - (1 << 17));
    assert!(
        tail.windows(4).any(|window| window == b"PK\x06\x06"),
        "a ZIP64 end record"
    );
    let last = archive
        .pieces
        .iter()
        .rev()
        .find(|piece| matches!(piece.source, Source::Band(380)))
        .unwrap();
    assert!(last.start > u64::from(u32::MAX));
    let band = archive.piece_at(last.start + 8).unwrap();
    assert_eq!(band, archive.frames.band(380).slice(8..));
}
