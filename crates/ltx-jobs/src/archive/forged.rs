//! Archives written by hand, each figure of them free to lie: for tests.

use std::io::Write as _;

use flate2::write::DeflateEncoder;

/// One member as it is written, each figure free to lie.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) flags: u16,
    pub(crate) local_flags: Option<u16>,
    pub(crate) method: u16,
    pub(crate) local_method: Option<u16>,
    pub(crate) crc: u32,
    pub(crate) packed: u64,
    pub(crate) size: u64,
    pub(crate) local_size: Option<u32>,
    pub(crate) offset: Option<u64>,
    pub(crate) attributes: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) zip64: Option<[u64; 3]>,
    pub(crate) signature: [u8; 4],
}

pub(crate) fn stored(name: impl AsRef<[u8]>) -> Entry {
    let name = name.as_ref().to_vec();
    let data: Vec<u8> = (0..3000_usize).map(|at| (at * 7 + name.len()) as u8).collect();
    Entry {
        crc: crc32fast::hash(&data),
        packed: data.len() as u64,
        size: data.len() as u64,
        name,
        local_name: None,
        flags: 1 << 11,
        local_flags: None,
        method: 0,
        local_method: None,
        local_size: None,
        offset: None,
        attributes: 0o100_644 << 16,
        data,
        zip64: None,
        signature: *b"PK\x03\x04",
    }
}

pub(crate) fn deflated(name: impl AsRef<[u8]>) -> Entry {
    let entry = stored(name);
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&entry.data).unwrap();
    let data = encoder.finish().unwrap();
    Entry {
        method: 8,
        packed: data.len() as u64,
        data,
        ..entry
    }
}

/// The records around the members, each figure free to lie.
#[derive(Default, Clone)]
pub(crate) struct Ends {
    pub(crate) count: Option<u16>,
    pub(crate) size: Option<u32>,
    pub(crate) start: Option<u32>,
    pub(crate) disk: u16,
    /// Count, size, start and the locator's offset of ZIP64 records.
    pub(crate) zip64: Option<[Option<u64>; 4]>,
    pub(crate) comment: Vec<u8>,
}

fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(crate) fn build(entries: &[Entry], ends: &Ends) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = entry.offset.unwrap_or(bytes.len() as u64);
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        bytes.extend(entry.signature);
        for field in [
            20,
            entry.local_flags.unwrap_or(entry.flags),
            entry.local_method.unwrap_or(entry.method),
            0,
            0x21,
        ] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(entry.crc.to_le_bytes());
        bytes.extend(low(entry.packed).to_le_bytes());
        bytes.extend(entry.local_size.unwrap_or(low(entry.size)).to_le_bytes());
        bytes.extend((local_name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(local_name);
        bytes.extend(&entry.data);

        directory.extend(b"PK\x01\x02");
        for field in [3 << 8 | 45_u16, 20, entry.flags, entry.method, 0, 0x21] {
            directory.extend(field.to_le_bytes());
        }
        directory.extend(entry.crc.to_le_bytes());
        let wide = entry.zip64.is_some();
        let told = |value: u64| if wide { u32::MAX } else { low(value) };
        directory.extend(told(entry.packed).to_le_bytes());
        directory.extend(told(entry.size).to_le_bytes());
        directory.extend((entry.name.len() as u16).to_le_bytes());
        directory.extend(if wide { 28_u16 } else { 0 }.to_le_bytes());
        directory.extend([0; 6]);
        directory.extend(entry.attributes.to_le_bytes());
        directory.extend(told(offset).to_le_bytes());
        directory.extend(&entry.name);
        if let Some(fields) = entry.zip64 {
            directory.extend([1, 0, 24, 0]);
            for field in fields {
                directory.extend(field.to_le_bytes());
            }
        }
    }
    let (count, size, start) = (entries.len() as u64, directory.len() as u64, bytes.len() as u64);
    bytes.extend(directory);
    if let Some([count64, size64, start64, at64]) = ends.zip64 {
        let at = at64.unwrap_or(bytes.len() as u64);
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for field in [
            count64.unwrap_or(count),
            count64.unwrap_or(count),
            size64.unwrap_or(size),
            start64.unwrap_or(start),
        ] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(at.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    bytes.extend(b"PK\x05\x06");
    bytes.extend(ends.disk.to_le_bytes());
    bytes.extend(ends.disk.to_le_bytes());
    let count = ends.count.unwrap_or(u16::try_from(count).unwrap_or(u16::MAX));
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(ends.size.unwrap_or(low(size)).to_le_bytes());
    bytes.extend(ends.start.unwrap_or(low(start)).to_le_bytes());
    bytes.extend((ends.comment.len() as u16).to_le_bytes());
    bytes.extend(&ends.comment);
    bytes
}
