//! ZIP records, written by hand so that every variant a reader may meet can be made.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::DeflateEncoder;

use crate::programme::{ArchiveEnd, EvilKind};

const U32: u64 = 0xffff_ffff;
/// 1 January 2026, midnight, as MS-DOS writes it: the same input gives the same bytes.
const DOS_TIME: u16 = 0;
const DOS_DATE: u16 = (46 << 9) | (1 << 5) | 1;
/// A compression method that no version of the format has given a meaning.
const UNKNOWN_METHOD: u16 = 60;
/// Farther than the end of any small archive.
const OUTSIDE: u64 = 1 << 30;
const SYMLINK: u32 = 0o120_777 << 16;
const REGULAR: u32 = 0o100_644 << 16;
const FOLDER: u32 = (0o040_755 << 16) | 0x10;

/// What is written about a member.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) deflated: bool,
    pub(crate) evil: Option<EvilKind>,
}

impl<'a> Entry<'a> {
    pub(crate) fn file(name: &'a str) -> Self {
        Self {
            name,
            deflated: false,
            evil: None,
        }
    }
}

#[derive(Debug, Clone)]
struct Central {
    name: String,
    flags: u16,
    method: u16,
    crc32: u32,
    packed: u64,
    len: u64,
    offset: u64,
    attributes: u32,
}

/// Writes the records of one archive; the data of the members goes between them.
#[derive(Debug)]
pub(crate) struct ZipWriter {
    descriptors: bool,
    zip64: bool,
    entries: Vec<Central>,
    descriptor: Bytes,
}

impl ZipWriter {
    pub(crate) fn new(descriptors: bool, zip64: bool) -> Self {
        Self {
            descriptors,
            zip64,
            entries: Vec::new(),
            descriptor: Bytes::new(),
        }
    }

    /// The local header of a member at `offset`.
    pub(crate) fn begin(&mut self, entry: &Entry<'_>, offset: u64, len: u64, packed: u64, crc32: u32) -> Bytes {
        let folder = entry.evil == Some(EvilKind::Directory);
        let descriptor = self.descriptors && !folder;
        let mut flags = 0;
        if descriptor {
            flags |= 1 << 3;
        }
        if !entry.name.is_ascii() {
            flags |= 1 << 11;
        }
        if entry.evil == Some(EvilKind::Encrypted) {
            flags |= 1;
        }
        let method = match entry.evil {
            Some(EvilKind::UnknownMethod) => UNKNOWN_METHOD,
            _ if entry.deflated => 8,
            _ => 0,
        };
        let told_len = match entry.evil {
            Some(EvilKind::Longer) => len.saturating_sub(1),
            _ => len,
        };
        let local_len = match entry.evil {
            Some(EvilKind::OtherLocalSize) => told_len + 1,
            _ => told_len,
        };
        let local_name = match entry.evil {
            Some(EvilKind::OtherLocalName) => entry.name.to_ascii_uppercase(),
            _ => entry.name.to_owned(),
        };
        let wide = self.zip64 || len >= U32 || packed >= U32;

        let mut head = Vec::with_capacity(64 + entry.name.len());
        head.extend(0x0403_4b50_u32.to_le_bytes());
        for field in [if wide { 45_u16 } else { 20 }, flags, method, DOS_TIME, DOS_DATE] {
            head.extend(field.to_le_bytes());
        }
        head.extend(if descriptor { 0 } else { crc32 }.to_le_bytes());
        for size in [packed, local_len] {
            let size = if wide {
                0xffff_ffff
            } else if descriptor {
                0
            } else {
                low(size)
            };
            head.extend(size.to_le_bytes());
        }
        head.extend(short(entry.name.len()).to_le_bytes());
        head.extend(if wide { 20_u16 } else { 0 }.to_le_bytes());
        head.extend(local_name.as_bytes());
        if wide {
            head.extend(1_u16.to_le_bytes());
            head.extend(16_u16.to_le_bytes());
            for size in [local_len, packed] {
                head.extend(if descriptor { 0 } else { size }.to_le_bytes());
            }
        }

        self.descriptor = if descriptor {
            descriptor_record(crc32, packed, len, wide)
        } else {
            Bytes::new()
        };
        self.entries.push(Central {
            name: entry.name.to_owned(),
            flags,
            method,
            crc32: if entry.evil == Some(EvilKind::BadCrc) {
                !crc32
            } else {
                crc32
            },
            packed,
            len: told_len,
            offset: match entry.evil {
                Some(EvilKind::Outside) => offset + OUTSIDE,
                _ => offset,
            },
            attributes: match entry.evil {
                Some(EvilKind::Symlink) => SYMLINK,
                Some(EvilKind::Directory) => FOLDER,
                _ => REGULAR,
            },
        });
        Bytes::from(head)
    }

    /// What follows the data of the member begun last: its descriptor, or nothing.
    pub(crate) fn end(&mut self) -> Bytes {
        std::mem::take(&mut self.descriptor)
    }

    /// One more directory entry for the bytes of the first member.
    pub(crate) fn repeat_first(&mut self, name: &str) {
        if let Some(first) = self.entries.first().cloned() {
            self.entries.push(Central {
                name: name.to_owned(),
                ..first
            });
        }
    }

    /// Central directory and end records of an archive whose directory starts at `offset`.
    pub(crate) fn finish(&self, offset: u64, ending: ArchiveEnd) -> Bytes {
        let mut end = Vec::new();
        for entry in &self.entries {
            self.central(&mut end, entry);
        }
        let size = end.len() as u64;
        let there = self.entries.len() as u64;
        let (count, offset) = match ending {
            ArchiveEnd::WrongCount => (there.saturating_sub(1), offset),
            ArchiveEnd::WrongOffset => (there, offset + 1),
            ArchiveEnd::Zip64Count => (u64::MAX / 2, offset),
            ArchiveEnd::Whole | ArchiveEnd::Truncated | ArchiveEnd::TrailingBytes => (there, offset),
        };
        let wide = self.zip64 || count >= 0xffff || size >= U32 || offset >= U32;
        if wide {
            let record = offset + size;
            end.extend(0x0606_4b50_u32.to_le_bytes());
            end.extend(44_u64.to_le_bytes());
            end.extend((45_u16 | 3 << 8).to_le_bytes());
            end.extend(45_u16.to_le_bytes());
            end.extend(0_u64.to_le_bytes());
            for field in [count, count, size, offset] {
                end.extend(field.to_le_bytes());
            }
            end.extend(0x0706_4b50_u32.to_le_bytes());
            end.extend(0_u32.to_le_bytes());
            end.extend(record.to_le_bytes());
            end.extend(1_u32.to_le_bytes());
        }
        end.extend(0x0605_4b50_u32.to_le_bytes());
        end.extend(0_u32.to_le_bytes());
        let short_count = if self.zip64 {
            0xffff
        } else {
            u16::try_from(count).unwrap_or(0xffff)
        };
        end.extend(short_count.to_le_bytes());
        end.extend(short_count.to_le_bytes());
        for field in [size, offset] {
            end.extend(if self.zip64 { 0xffff_ffff } else { low(field) }.to_le_bytes());
        }
        end.extend(0_u16.to_le_bytes());
        match ending {
            ArchiveEnd::Truncated => end.truncate(end.len() / 2),
            ArchiveEnd::TrailingBytes => end.extend(b"bytes behind the end"),
            _ => {}
        }
        Bytes::from(end)
    }

    fn central(&self, out: &mut Vec<u8>, entry: &Central) {
        let wide: Vec<u64> = [entry.len, entry.packed, entry.offset]
            .into_iter()
            .filter(|value| self.zip64 || *value >= U32)
            .collect();
        let extra = if wide.is_empty() { 0 } else { short(4 + 8 * wide.len()) };
        out.extend(0x0201_4b50_u32.to_le_bytes());
        let needed = if wide.is_empty() { 20_u16 } else { 45 };
        for field in [45 | 3 << 8, needed, entry.flags, entry.method, DOS_TIME, DOS_DATE] {
            out.extend(field.to_le_bytes());
        }
        out.extend(entry.crc32.to_le_bytes());
        for size in [entry.packed, entry.len] {
            out.extend(if self.zip64 { 0xffff_ffff } else { low(size) }.to_le_bytes());
        }
        for field in [short(entry.name.len()), extra, 0, 0, 0] {
            out.extend(field.to_le_bytes());
        }
        out.extend(entry.attributes.to_le_bytes());
        out.extend(if self.zip64 { 0xffff_ffff } else { low(entry.offset) }.to_le_bytes());
        out.extend(entry.name.as_bytes());
        if extra > 0 {
            out.extend(1_u16.to_le_bytes());
            out.extend((extra - 4).to_le_bytes());
            for value in wide {
                out.extend(value.to_le_bytes());
            }
        }
    }
}

fn descriptor_record(crc32: u32, packed: u64, len: u64, wide: bool) -> Bytes {
    let mut record = Vec::with_capacity(24);
    record.extend(0x0807_4b50_u32.to_le_bytes());
    record.extend(crc32.to_le_bytes());
    for size in [packed, len] {
        if wide {
            record.extend(size.to_le_bytes());
        } else {
            record.extend(low(size).to_le_bytes());
        }
    }
    Bytes::from(record)
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(0xffff_ffff)
}

fn short(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// Deflates `parts` as one stream. Writing into memory does not fail; were it to, the member would be empty.
pub(crate) fn deflate(parts: &[Bytes]) -> Bytes {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    for part in parts {
        if encoder.write_all(part).is_err() {
            return Bytes::new();
        }
    }
    encoder.finish().map(Bytes::from).unwrap_or_default()
}

/// Deflated zeros and the CRC-32 of what they unpack to.
pub(crate) fn zeros(len: u64) -> (Bytes, u32) {
    let block = vec![0; 1 << 16];
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let mut crc = crc32fast::Hasher::new();
    let mut left = len;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        let part = block.get(..count).unwrap_or_default();
        crc.update(part);
        if encoder.write_all(part).is_err() {
            break;
        }
        left -= count as u64;
    }
    (encoder.finish().map(Bytes::from).unwrap_or_default(), crc.finalize())
}
