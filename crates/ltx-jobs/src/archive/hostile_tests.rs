//! Archives made to do harm, or broken: refused with an error that says why, nothing written outside the target directory, nothing half published.

use std::path::Path;

use super::*;
use crate::archive::forged::{Ends, Entry, build, deflated, stored};
use crate::archive::open::{FirstTail, open_tail, read_local_directory};
use crate::transfer::fake::FakeStorage;
use crate::transfer::source::Source;

/// How many there are, so that none is dropped unnoticed.
const CASES: usize = 79;

/// What an archive is, the kind of the refusal, and words of its reason.
type Case = (String, Vec<u8>, ErrorKind, &'static str);

fn with(entry: Entry) -> Vec<u8> {
    build(&[stored("good.exr"), entry], &Ends::default())
}

fn names() -> Vec<Case> {
    let (long, deep) = ("x".repeat(252) + ".exr", "a/".repeat(9) + "x.exr");
    let table: &[(&[u8], &str)] = &[
        (b"../x.exr", "leave the target"),
        (b"a/../../x.exr", "leave the target"),
        (b"..\\x.exr", "leave the target"),
        (b"a/..", "leave the target"),
        (b"/x.exr", "absolute"),
        (b"\\x.exr", "absolute"),
        (b"/etc/passwd", "absolute"),
        (b"//host/share/x.exr", "absolute"),
        (b"\\\\host\\share\\x.exr", "absolute"),
        (b"\\\\?\\C:\\x.exr", "absolute"),
        (b"C:\\x.exr", "colon"),
        (b"C:x.exr", "colon"),
        (b"x.exr:stream", "colon"),
        (b"nul.exr", "device"),
        (b"a/CON/x.exr", "device"),
        (b"com1.exr", "device"),
        ("lpt\u{b9}.exr".as_bytes(), "device"),
        (b"conin$", "device"),
        (b"a\0.exr", "control"),
        (b"x.exr\0.txt", "control"),
        (b"a\n.exr", "control"),
        (b"a\x1b[2J.exr", "control"),
        (b"x.exr.", "dot"),
        (b"x.exr ", "space"),
        (b"a//x.exr", "empty part"),
        (b"./x.exr", "part `.`"),
        (b"", "empty name"),
        (b"/", "empty name"),
        (b"a?.exr", "Windows"),
        (b"a|b.exr", "Windows"),
        (long.as_bytes(), "255"),
        (deep.as_bytes(), "deep"),
    ];
    let mut cases: Vec<Case> = table
        .iter()
        .map(|(name, why)| {
            let what = format!("the name {}", String::from_utf8_lossy(name));
            (what, with(stored(name)), ErrorKind::UnsafeName, *why)
        })
        .collect();
    let mut add = |what: &str, bytes, why| cases.push((what.to_owned(), bytes, ErrorKind::UnsafeName, why));
    add(
        "a member that is no frame escapes",
        with(stored("../../.bashrc")),
        "leave the target",
    );
    add("twins where case does not count", with(stored("GOOD.EXR")), "case");
    add("twins in two folders", with(stored("out/good.exr")), "both be saved");
    let link = Entry {
        attributes: 0o120_777 << 16,
        data: b"/etc/passwd".to_vec(),
        packed: 11,
        size: 11,
        crc: crc32fast::hash(b"/etc/passwd"),
        ..stored("link.exr")
    };
    add("a link", with(link.clone()), "symbolic link");
    let named = Entry {
        name: b"folder".to_vec(),
        ..link
    };
    add("a link that is no frame", with(named), "symbolic link");
    cases
}

fn members() -> Vec<Case> {
    let base = stored("bad.exr");
    let packed = deflated("bad.exr");
    let first_local = 30 + b"good.exr".len() as u64;
    let end_of_first = first_local + 3000;
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |what: &str, entry: Entry, kind, why| cases.push((what.to_owned(), with(entry), kind, why));
    let archive = ErrorKind::Archive;
    add("a duplicate", stored("good.exr"), archive, "same name");
    let at = |offset| Entry {
        offset: Some(offset),
        ..base.clone()
    };
    add("an overlap of the whole", at(0), archive, "share");
    add("an overlap of a part", at(first_local), archive, "share");
    add("an overlap of one byte", at(end_of_first - 1), archive, "share");
    add(
        "a member in the directory",
        at(end_of_first + 30 + 7 + 2999),
        archive,
        "outside",
    );
    add("a member behind the end", at(1 << 30), archive, "outside");
    let sizes = |packed, size| Entry {
        packed,
        size,
        ..base.clone()
    };
    add("stored in two sizes", sizes(3000, 2999), archive, "two different sizes");
    add("longer than the archive", sizes(1 << 20, 1 << 20), archive, "outside");
    let zip64 = |fields| Entry {
        zip64: Some(fields),
        ..base.clone()
    };
    add(
        "a ZIP64 size that overflows",
        zip64([3000, u64::MAX, end_of_first]),
        archive,
        "",
    );
    add(
        "a ZIP64 offset outside",
        zip64([3000, 3000, 1 << 40]),
        archive,
        "outside",
    );
    add(
        "a ZIP64 offset that overflows",
        zip64([3000, 3000, u64::MAX - 5]),
        archive,
        "",
    );
    let local = |entry: Entry| entry;
    add(
        "another name in the local header",
        local(Entry {
            local_name: Some(b"cad.exr".to_vec()),
            ..base.clone()
        }),
        archive,
        "another name",
    );
    add(
        "another method in the local header",
        local(Entry {
            local_method: Some(8),
            ..base.clone()
        }),
        archive,
        "how it is stored",
    );
    add(
        "another size in the local header",
        local(Entry {
            local_size: Some(2000),
            ..base.clone()
        }),
        archive,
        "sizes",
    );
    add(
        "encrypted in the local header",
        local(Entry {
            local_flags: Some(1),
            ..base.clone()
        }),
        archive,
        "how it is stored",
    );
    add(
        "no local header",
        local(Entry {
            signature: *b"PK\x03\x05",
            ..base.clone()
        }),
        archive,
        "no local header",
    );

    let damaged = ErrorKind::Integrity;
    add(
        "a wrong CRC-32",
        Entry {
            crc: !base.crc,
            ..base.clone()
        },
        damaged,
        "CRC-32",
    );
    add(
        "more than it says",
        Entry {
            size: 2999,
            ..packed.clone()
        },
        damaged,
        "larger",
    );
    add(
        "less than it says",
        Entry {
            size: 3001,
            ..packed.clone()
        },
        damaged,
        "3001",
    );
    add(
        "a stream with bytes behind its end",
        Entry {
            packed: packed.packed + 9,
            data: [packed.data.clone(), vec![0; 9]].concat(),
            ..packed.clone()
        },
        damaged,
        "before they should",
    );
    add(
        "a stream that is cut",
        Entry {
            packed: packed.packed - 9,
            data: packed.data[..packed.data.len() - 9].to_vec(),
            ..packed.clone()
        },
        damaged,
        "",
    );
    add(
        "no stream at all",
        Entry {
            data: vec![0xff; packed.data.len()],
            ..packed.clone()
        },
        damaged,
        "cannot be read",
    );

    let limit = ErrorKind::LimitExceeded;
    add(
        "a bomb by its ratio",
        Entry {
            size: 1 << 29,
            ..packed.clone()
        },
        limit,
        "1032",
    );
    add(
        "a bomb by its size",
        Entry {
            zip64: Some([2 << 30, packed.packed, end_of_first]),
            ..packed.clone()
        },
        limit,
        "bytes in",
    );
    let unsupported = ErrorKind::Unsupported;
    add(
        "an encrypted member",
        Entry {
            flags: 1,
            ..base.clone()
        },
        unsupported,
        "encrypted",
    );
    add(
        "AES",
        Entry {
            flags: 1,
            method: 99,
            ..base.clone()
        },
        unsupported,
        "",
    );
    add(
        "an unknown method",
        Entry {
            method: 97,
            ..base.clone()
        },
        unsupported,
        "compressed in a way",
    );
    add(
        "zstd",
        Entry {
            method: 93,
            ..base.clone()
        },
        unsupported,
        "compressed in a way",
    );
    cases
}

fn ends() -> Vec<Case> {
    let entries = [stored("good.exr"), stored("other.exr")];
    let good = build(&entries, &Ends::default());
    let directory = good.len() - 22 - 2 * 46 - 8 - 9;
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>, kind, why| cases.push((what.to_owned(), bytes, kind, why));
    let archive = ErrorKind::Archive;
    let lie = |ends: Ends| build(&entries, &ends);
    add("cut in the end", good[..good.len() - 1].to_vec(), archive, "cut off");
    add("cut in the directory", good[..good.len() - 60].to_vec(), archive, "");
    add("bytes behind", [&good[..], b"more"].concat(), archive, "behind its end");
    add("bytes in front", [b"junk", &good[..]].concat(), archive, "directory");
    add(
        "an archive in an archive's comment",
        lie(Ends {
            comment: good.clone(),
            ..Ends::default()
        }),
        archive,
        "",
    );
    add(
        "fewer members than there are",
        lie(Ends {
            count: Some(1),
            ..Ends::default()
        }),
        archive,
        "more than the members",
    );
    add(
        "more members than there are",
        lie(Ends {
            count: Some(3),
            ..Ends::default()
        }),
        archive,
        "",
    );
    add(
        "a directory of another size",
        lie(Ends {
            size: Some(10),
            ..Ends::default()
        }),
        archive,
        "directory",
    );
    add(
        "a directory elsewhere",
        lie(Ends {
            start: Some(directory as u32 - 46),
            ..Ends::default()
        }),
        archive,
        "directory",
    );
    add(
        "one of several disks",
        lie(Ends {
            disk: 1,
            ..Ends::default()
        }),
        archive,
        "several",
    );
    let wide = |fields| {
        lie(Ends {
            zip64: Some(fields),
            ..Ends::default()
        })
    };
    add(
        "ZIP64 and the old end contradict",
        wide([Some(1), None, None, None]),
        archive,
        "contradict",
    );
    add(
        "the ZIP64 record elsewhere",
        wide([None, None, None, Some(7)]),
        archive,
        "",
    );
    let open = |fields| {
        lie(Ends {
            count: Some(u16::MAX),
            size: Some(u32::MAX),
            start: Some(u32::MAX),
            zip64: Some(fields),
            ..Ends::default()
        })
    };
    let limit = ErrorKind::LimitExceeded;
    add(
        "a billion members",
        open([Some(1 << 30), None, None, None]),
        limit,
        "members",
    );
    cases.push((
        "100,001 members".to_owned(),
        build(
            &(0..100_001)
                .map(|number| Entry {
                    data: Vec::new(),
                    packed: 0,
                    size: 0,
                    crc: 0,
                    ..stored(format!("{number}.exr"))
                })
                .collect::<Vec<_>>(),
            &Ends {
                zip64: Some([None; 4]),
                ..Ends::default()
            },
        ),
        limit,
        "members",
    ));
    cases
}

/// Every file under a directory, by its path from there.
fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}

async fn unpack_all(bytes: &[u8], ranges: bool, sandbox: &Path) -> Result<Vec<SavedFile>> {
    let mut storage = FakeStorage::new(bytes, []);
    storage.ranges = ranges;
    storage.hash = false;
    let storage = Arc::new(storage);
    let flow = storage.flow();
    let (label, url, renew) = storage.output("exr_frames_url", "frames.zip");
    let source = Arc::new(Source::new(label, url, renew));
    let how = Extraction {
        directory: sandbox.join("deep/dest"),
        pattern: None,
        first_frame: None,
        overwrite: false,
    };
    let (store, directory) = if ranges {
        match open_tail(&flow, &source).await? {
            FirstTail::Archive(facts, directory) => (Store::Remote { source, facts }, directory),
            _ => return Err(Error::new(ErrorKind::Archive, "not taken for an archive")),
        }
    } else {
        let path = sandbox.join("archive.zip");
        std::fs::write(&path, bytes).unwrap();
        let directory = read_local_directory(&path).await;
        if directory.is_err() {
            std::fs::remove_file(&path).unwrap();
        }
        (Store::Local { path }, directory?)
    };
    let outcome = extract(&flow, &ProgressSink::new(), &store, directory, how).await;
    let _ = std::fs::remove_file(sandbox.join("archive.zip"));
    outcome
}

#[tokio::test]
async fn every_hostile_archive_is_refused_with_a_reason_and_writes_nothing_but_whole_frames() {
    let cases = [names(), members(), ends()].concat();
    assert_eq!(cases.len(), CASES);
    let good = ("deep/dest/good.exr".to_owned(), stored("good.exr").data);
    let mut wrong = Vec::new();
    for (what, bytes, kind, why) in cases {
        for ranges in [true, false] {
            let sandbox = tempfile::tempdir().unwrap();
            let outcome = unpack_all(&bytes, ranges, sandbox.path()).await;
            let found = tree(sandbox.path());
            let Err(error) = outcome else {
                wrong.push(format!("{what} (ranges: {ranges}) was taken"));
                continue;
            };
            // What is refused by the directory is refused before a byte is written. What shows only in a member leaves the others whole.
            let by_member = error.message().contains("the frame \"bad.exr\"");
            let harmless = if by_member {
                found == [good.clone()]
            } else {
                found.is_empty()
            };
            if error.kind() != kind || !error.message().contains(why) || !harmless {
                let names: Vec<_> = found.iter().map(|(name, _)| name).collect();
                wrong.push(format!(
                    "{what} (ranges: {ranges}): {:?}: {error}; {names:?} was written",
                    error.kind()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_archives_these_are_made_from_are_good_themselves() {
    let entries = [stored("good.exr"), deflated("out/other.exr"), stored("readme.txt")];
    let plain = Ends {
        comment: b"made for a test".to_vec(),
        ..Ends::default()
    };
    let wide = Ends {
        zip64: Some([None; 4]),
        ..Ends::default()
    };
    for ends in [plain, wide] {
        for ranges in [true, false] {
            let sandbox = tempfile::tempdir().unwrap();
            let saved = unpack_all(&build(&entries, &ends), ranges, sandbox.path())
                .await
                .unwrap();
            assert_eq!(saved.len(), 2);
            assert_eq!(tree(sandbox.path()).len(), 2);
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_members_are_taken() {
    let entries: Vec<Entry> = (0..100_000)
        .map(|number| {
            let data = vec![number as u8; 3];
            Entry {
                crc: crc32fast::hash(&data),
                packed: 3,
                size: 3,
                data,
                // Most of them no frames, so that the test does not write a hundred thousand files.
                ..stored(format!("{number}.{}", if number % 1000 == 0 { "exr" } else { "txt" }))
            }
        })
        .collect();
    let wide = Ends {
        zip64: Some([None; 4]),
        ..Ends::default()
    };
    let sandbox = tempfile::tempdir().unwrap();
    let saved = unpack_all(&build(&entries, &wide), true, sandbox.path()).await.unwrap();
    assert_eq!(saved.len(), 100);
}

#[tokio::test]
async fn frames_that_lie_in_another_order_come_in_the_order_of_their_numbers() {
    let names = ["f_10.exr", "f_2.exr", "f_3.exr", "f_1.exr"];
    let saved_as = |names: &[&str], expected: &[&str]| {
        let entries: Vec<Entry> = names.iter().map(stored).collect();
        let expected: Vec<String> = expected.iter().map(|&name| name.to_owned()).collect();
        async move {
            let sandbox = tempfile::tempdir().unwrap();
            let saved = unpack_all(&build(&entries, &Ends::default()), true, sandbox.path())
                .await
                .unwrap();
            let names: Vec<String> = saved
                .iter()
                .map(|file| file.path.file_name().unwrap().to_string_lossy().into_owned())
                .collect();
            assert_eq!(names, expected);
        }
    };
    saved_as(&names, &["f_1.exr", "f_2.exr", "f_3.exr", "f_10.exr"]).await;
    // Two eyes with equal numbers: then the archive knows best.
    let eyes = ["right_1.exr", "right_2.exr", "left_1.exr", "left_2.exr"];
    saved_as(&eyes, &eyes).await;
}
