//! Seeded mutations of a corpus, for every target: the same on every machine and every day.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::archive::forged::{Ends, Entry, build, deflated, stored};

/// Mutations of each target; together they take a few seconds.
const ROUNDS: usize = 5000;

/// What blows are made of: numbers that lie at a border, signatures, and words that mean something to one parser or another.
const WORDS: &[&[u8]] = &[
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\0\0\0\x80",
    b"\xff\xff\xff\x7f",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"PK\x07\x08",
    b"\x01\0\x18\0",
    b"..",
    b"/",
    b"\\",
    b"C:",
    b"nul",
    b".exr",
    b"\0",
    b"{frame:04}",
    b"{",
    b"}",
    b"18446744073709551615",
    b"-1",
    b"bytes ",
    b"content-range: bytes 0-9/10",
    b"content-encoding: gzip",
    b"x-goog-hash: crc32c=AAAAAA==",
    b"etag: \"a\"",
    b"</Code>",
    b"<Code>",
    b"1e999",
    b"nan",
    b"+00:00",
    b"T",
    b"Z",
    b"?X-Goog-Date=20260101T000000Z&X-Goog-Expires=1",
    b"intent:",
    b"\"",
    b"\n",
    b" ",
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let text = |lines: &[&str]| lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>();
    let wide = Ends {
        zip64: Some([None; 4]),
        ..Ends::default()
    };
    let small = |entry: Entry| Entry {
        packed: 9,
        size: 9,
        crc: crc32fast::hash(b"123456789"),
        data: b"123456789".to_vec(),
        ..entry
    };
    let archives = || {
        vec![
            build(
                &[
                    stored("out/frame_00000.exr"),
                    deflated("out/frame_00001.exr"),
                    stored("notes.txt"),
                ],
                &Ends::default(),
            ),
            build(&[small(stored("a.exr")), deflated("b.exr")], &wide),
            build(&[], &Ends::default()),
            build(
                &[small(stored("Größe 7.exr"))],
                &Ends {
                    comment: b"a comment".to_vec(),
                    ..Ends::default()
                },
            ),
        ]
    };
    match target {
        "archive" => archives(),
        "archive_tail" => archives()
            .iter()
            .flat_map(|bytes| {
                let length = bytes.len() as u64;
                let half = bytes[bytes.len() / 2..].to_vec();
                [
                    [&length.to_le_bytes()[..], bytes].concat(),
                    [&length.to_le_bytes()[..], &half].concat(),
                    [&(length + (5 << 30)).to_le_bytes()[..], bytes].concat(),
                ]
            })
            .collect(),
        "member" => [small(stored("f.exr")), deflated("f.exr")]
            .into_iter()
            .map(|entry| {
                let crc = entry.crc.to_le_bytes();
                let head = [
                    &[u8::from(entry.method == 8)][..],
                    &crc,
                    &(entry.packed as u16).to_le_bytes(),
                    &(entry.size as u16).to_le_bytes(),
                ]
                .concat();
                [head, build(&[entry], &Ends::default())].concat()
            })
            .collect(),
        "names" => text(&[
            "frame_00001.exr",
            "out/frame.exr",
            "..\\..\\x",
            "C:\\x",
            "exr_frames_url",
            "COM\u{b9}.exr",
            "a\u{0301}b",
            "\u{202e}exr.x",
        ]),
        "frame_names" => text(&[
            "sh010.{frame:04}.exr\nframe_00001.exr\nframe_00002.exr",
            "{frame}.exr\né7.exr",
            "x\n99999999999999999999.exr",
        ]),
        "content_range" => text(&[
            "bytes 0-99/1234",
            "bytes 5-5/*",
            "bytes */10",
            "Bytes 0 - 18446744073709551615 / 18446744073709551615",
        ]),
        "storage_answer" => text(&[
            "206 10 20\ncontent-range: bytes 10-19/4300000000\netag: \"abc\"\nx-goog-hash: crc32c=4waSgw==,md5=AAAAAAAAAAAAAAAAAAAAAA==\nx-goog-generation: 7",
            "206 - 262144\ncontent-range: bytes 738000-999999/1000000\nlast-modified: Mon, 01 Jun 2026 00:00:00 GMT",
            "200 0\ncontent-length: 12\ncontent-md5: AAAAAAAAAAAAAAAAAAAAAA==\nx-goog-stored-content-encoding: gzip",
            "429 0\nretry-after: 1.5\ndate: Mon, 01 Jun 2026 00:00:00 GMT",
        ]),
        "error_document" => text(&[
            "<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>no</Message></Error>",
            "<Code></Code>",
        ]),
        "content_kind" => [
            text(&["video/mp4; charset=x\n/o/clip.mxf\n????", "\n/a.b/c\nGIF8"]),
            vec![
                b"\0\0\0\x18ftypisom\0\0\0\0".to_vec(),
                b"\x1a\x45\xdf\xa3\x42\x82webm".to_vec(),
                b"RIFF\0\0\0\0WAVE".to_vec(),
            ],
        ]
        .concat(),
        "times" => text(&[
            "2026-06-01T12:34:56.789Z",
            "2026-06-01T12:34:56+02:00[Europe/Berlin]",
            "Mon, 01 Jun 2026 00:00:00 GMT",
            "120",
            "X-Goog-Date=20260601T000000Z&X-Goog-Expires=3600",
            "x-amz-date=20260601T000000Z&x-amz-expires=4294967295",
        ]),
        "poll_answer" => text(&[
            r#"{"status":"completed","created_at":"2026-06-01T00:00:00Z","result":{"exr_frames_url":"https://s.example/o/1?X-Goog-Signature=0123456789abcdef","note":7}}"#,
            r#"{"status":"failed","completed_at":null,"error":{"type":"content_filtered_error","message":"No."}}"#,
        ]),
        "job_reference" => text(&["video-to-video-hdr/7cee6ecf-0ad8-476f", "intent:0123", "a/b/c", "/"]),
        other => panic!("there is no corpus for {other}"),
    }
}

/// A few blows to `bytes`; most of them near the end, where an archive has its structures.
fn mutate(mut bytes: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
    for _ in 0..random.usize(1..6) {
        let lowest = if random.bool() {
            0
        } else {
            bytes.len().saturating_sub(200)
        };
        let at = random.usize(lowest..=bytes.len());
        let word = WORDS[random.usize(..WORDS.len())];
        match random.u8(..10) {
            0 if at < bytes.len() => bytes[at] = random.u8(..),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            2 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add([1, 255][random.usize(..2)]),
            3 => {
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word.iter().copied());
            }
            4 => {
                bytes.splice(at..at, word.iter().copied());
            }
            5 => {
                let end = (at + random.usize(..20)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 => {
                let part = bytes[at..(at + random.usize(..60)).min(bytes.len())].to_vec();
                let to = random.usize(..=bytes.len());
                bytes.splice(to..to, part);
            }
            7 if random.u8(..4) == 0 => bytes.truncate(at),
            // A figure of one record in another.
            8 => {
                let size = [2, 4, 8][random.usize(..3)];
                let from = random.usize(lowest..=bytes.len());
                if from + size <= bytes.len() && at + size <= bytes.len() {
                    bytes.copy_within(from..from + size, at);
                }
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn nothing_from_outside_breaks_a_parser_or_what_is_built_on_it() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        for round in 0..ROUNDS {
            let seed = crc32fast::hash(name.as_bytes()) as u64 + ((round as u64) << 32);
            let mut random = fastrand::Rng::with_seed(seed);
            let kind = &corpus[round % corpus.len()];
            // The corpus itself comes first.
            let bytes = if round < corpus.len() {
                kind.clone()
            } else {
                mutate(kind.clone(), &mut random)
            };
            if catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
                panic!("target {name}, round {round}: {:?}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}

#[test]
fn the_archives_of_the_corpus_are_good_until_they_are_mutated() {
    for bytes in corpus("archive") {
        let tail = Tail::new(bytes.len() as u64, Bytes::from(bytes)).unwrap();
        assert!(matches!(parse(&tail, &Limits::default()), Ok(Parsed::Directory(_))));
    }
}

#[test]
fn every_target_has_its_program_for_cargo_fuzz() {
    let manifest = include_str!("../../../fuzz/Cargo.toml");
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "fuzz/Cargo.toml does not know {name}"
        );
    }
}
