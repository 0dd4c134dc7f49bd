//! The central directory of an archive that lies elsewhere: parsed from its last bytes only.
//!
//! Pure: takes the tail of the archive, gives the list of members or says from which byte on more of it is needed. `end` says where the directory is; its
//! parsing is the `zip` crate's; what it found is checked here against the archive's own length, so that every member lies where no other member and no
//! directory does.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use crate::archive::end::{self, End, Found};
use crate::archive::frame::{number_of, sort_in_frame_order};
use crate::archive::limits::Limits;
use crate::archive::name::{checked_base_name, refuse_twins};
use crate::error::{Error, ErrorKind, Result};

/// The first request for an archive: enough for the directory of some 3,000 frames.
pub(crate) const FIRST_TAIL: u64 = 256 << 10;

/// The fixed part of a local header.
pub(crate) const LOCAL_HEADER: u64 = 30;

/// The last bytes of an archive of known length.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    length: u64,
    bytes: Bytes,
}

impl Tail {
    /// `bytes` are the last ones of an archive of `length` bytes; none when there are more of them than that.
    pub(crate) fn new(length: u64, bytes: Bytes) -> Option<Self> {
        (bytes.len() as u64 <= length).then_some(Self { length, bytes })
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The place in the archive of its first byte.
    pub(crate) fn start(&self) -> u64 {
        self.length - self.bytes.len() as u64
    }

    fn from(&self, at: u64) -> &[u8] {
        at.checked_sub(self.start())
            .and_then(|at| self.bytes.get(usize::try_from(at).ok()?..))
            .unwrap_or_default()
    }

    pub(crate) fn starts_with(&self, at: u64, signature: &[u8]) -> bool {
        self.from(at).starts_with(signature)
    }

    /// A record of `length` bytes.
    ///
    /// # Errors
    /// `Archive` when it reaches beyond the end.
    pub(crate) fn fields(&self, at: u64, length: u64) -> Result<Fields<'_>> {
        usize::try_from(length)
            .ok()
            .and_then(|length| self.from(at).get(..length))
            .map(Fields)
            .ok_or_else(|| damaged(format!("a record at {at} lies outside of it")))
    }
}

/// The numbers of a record, by their place in it; 0 beyond its end.
pub(crate) struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .unwrap_or([0; N])
    }

    pub(crate) fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    pub(crate) fn long(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(crate) fn wide(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflated,
}

/// One member, as the directory describes it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The last segment of its name: safe on every system.
    pub(crate) name: String,
    /// The number in its name; see `frame`.
    pub(crate) number: Option<u64>,
    /// The name as it stands in the archive; the local header must repeat it.
    pub(crate) raw_name: Vec<u8>,
    pub(crate) method: Method,
    pub(crate) crc32: u32,
    pub(crate) packed: u64,
    pub(crate) size: u64,
    /// From its local header to the next record: the bytes that are fetched for it.
    pub(crate) span: Range<u64>,
}

/// What an archive holds.
#[derive(Debug)]
pub(crate) struct Directory {
    /// The EXR members, in frame order; see `frame`.
    pub(crate) frames: Vec<Member>,
}

/// What came out of a tail.
#[derive(Debug)]
pub(crate) enum Parsed {
    Directory(Directory),
    /// The directory begins before the tail: fetch from here on.
    Need(u64),
}

/// Reads the directory out of `tail`.
///
/// # Errors
/// `Archive` for what is damaged or contradicts itself, `UnsafeName`, `LimitExceeded`, `Unsupported` (encrypted or another compression).
pub(crate) fn parse(tail: &Tail, limits: &Limits) -> Result<Parsed> {
    let end = match end::find(tail, limits)? {
        Found::End(end) if end.directory.start >= tail.start() => end,
        Found::End(end) => return Ok(Parsed::Need(end.directory.start)),
        Found::Need(from) => return Ok(Parsed::Need(from)),
    };
    let missing = Cell::new(None);
    let reader = TailReader {
        tail,
        position: 0,
        missing: &missing,
    };
    let opened = ZipArchive::with_config(
        Config {
            archive_offset: ArchiveOffset::Known(0),
        },
        reader,
    );
    if let Some(from) = missing.get() {
        // Whatever the parser made of it: it looked at bytes that are not here yet.
        limits.check_directory(tail.length - from)?;
        return if from < tail.start() {
            Ok(Parsed::Need(from))
        } else {
            Err(damaged("its directory points to itself"))
        };
    }
    let archive = opened.map_err(|error| damaged(format!("its directory cannot be read: {error}")))?;
    if archive.has_duplicate_names() {
        return Err(damaged("two of its members have the same name"));
    }
    let directory_start = end.directory.start;
    let same_end = archive.central_directory_start() == directory_start
        && archive.len() as u64 == end.members
        && archive.comment().len() as u64 == end.comment;
    if !same_end {
        return Err(damaged("it can be read in two ways"));
    }
    check_directory_end(tail, &archive, &end)?;

    let mut spans = Vec::with_capacity(archive.len());
    let mut frames = Vec::new();
    for index in 0..archive.len() {
        let entry = archive
            .by_index_data(index)
            .map_err(|error| damaged(format!("member {index} cannot be read: {error}")))?;
        let name = entry
            .name()
            .map_err(|error| damaged(format!("the name of member {index} cannot be read: {error}")))?;
        // Also for members that are not unpacked: one such name says enough about where the archive comes from.
        let base = checked_base_name(&name)?;
        if entry.is_symlink() {
            return Err(Error::new(
                ErrorKind::UnsafeName,
                format!("the archive's member {name:?} is a symbolic link"),
            ));
        }
        let start = entry.header_start();
        let least = LOCAL_HEADER + entry.name_raw().len() as u64;
        let end = start
            .checked_add(least)
            .and_then(|at| at.checked_add(entry.compressed_size()));
        match end {
            Some(end) if end <= directory_start => spans.push((start, end)),
            _ => return Err(damaged(format!("its member {name:?} lies outside of it"))),
        }
        if entry.is_dir() || !is_frame(base) {
            continue;
        }
        let refuse = |why: &str| {
            Err(Error::new(
                ErrorKind::Unsupported,
                format!("the archive's member {name:?} {why}"),
            ))
        };
        if entry.encrypted() {
            return refuse("is encrypted");
        }
        let method = match entry.compression() {
            CompressionMethod::Stored => Method::Stored,
            other if other == CompressionMethod::DEFLATE => Method::Deflated,
            other => return refuse(&format!("is compressed in a way that is not supported ({other})")),
        };
        if method == Method::Stored && entry.size() != entry.compressed_size() {
            return Err(damaged(format!(
                "its member {name:?} is stored, yet has two different sizes"
            )));
        }
        limits.check_member(&name, entry.size(), entry.compressed_size())?;
        frames.push(Member {
            name: base.to_owned(),
            number: number_of(base).map(|(_, number)| number),
            raw_name: entry.name_raw().to_vec(),
            method,
            crc32: entry.crc32(),
            packed: entry.compressed_size(),
            size: entry.size(),
            span: start..directory_start,
        });
    }
    let total = frames
        .iter()
        .try_fold(0_u64, |sum, frame| sum.checked_add(frame.size))
        .unwrap_or(u64::MAX);
    limits.check_total(total)?;
    refuse_twins(frames.iter().map(|frame| frame.name.as_str()))?;
    refuse_overlaps(&mut spans)?;
    for frame in &mut frames {
        // Header, name, extra field, data and descriptor end where the next record begins, at the latest.
        let next = spans.partition_point(|(start, _)| *start <= frame.span.start);
        let most = frame.span.start + LOCAL_HEADER + 2 * 65_535 + frame.packed;
        frame.span.end = spans.get(next).map_or(directory_start, |(start, _)| *start).min(most);
    }
    sort_in_frame_order(&mut frames);
    Ok(Parsed::Directory(Directory { frames }))
}

fn is_frame(base_name: &str) -> bool {
    base_name
        .rsplit_once('.')
        .is_some_and(|(stem, extension)| !stem.is_empty() && extension.eq_ignore_ascii_case("exr"))
}

/// Refuses a directory that goes on behind the last member that was counted: another reader would find more members.
fn check_directory_end<R: Read + Seek>(tail: &Tail, archive: &ZipArchive<R>, end: &End) -> Result<()> {
    const ENTRY: u64 = 46;
    let mut at = end.directory.start;
    for index in 0..archive.len() {
        let entry = archive
            .by_index_data(index)
            .map_err(|error| damaged(format!("member {index} cannot be read: {error}")))?;
        let start = entry.central_header_start();
        let fields = tail.fields(start, ENTRY)?;
        let variable = [28, 30, 32].map(|at| u64::from(fields.short(at))).iter().sum::<u64>();
        at = at.max(start + ENTRY + variable);
    }
    if at == end.directory.end {
        Ok(())
    } else {
        Err(damaged("its directory holds more than the members that it counts"))
    }
}

fn refuse_overlaps(spans: &mut [(u64, u64)]) -> Result<()> {
    spans.sort_unstable();
    for pair in spans.windows(2) {
        if let [(_, end), (start, _)] = pair
            && end > start
        {
            return Err(damaged(format!("two of its members share the bytes at {start}")));
        }
    }
    Ok(())
}

pub(crate) fn damaged(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Archive, format!("the archive is not usable: {why}"))
}

/// Reads the archive where its bytes are here, and notes the first place where they are not.
struct TailReader<'a> {
    tail: &'a Tail,
    position: u64,
    missing: &'a Cell<Option<u64>>,
}

impl Read for TailReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let start = self.tail.start();
        if self.position >= self.tail.length || into.is_empty() {
            return Ok(0);
        }
        if self.position < start {
            if self.missing.get().is_none() {
                self.missing.set(Some(self.position));
            }
            return Err(io::Error::other("not here yet"));
        }
        let rest = usize::try_from(self.position - start)
            .ok()
            .and_then(|at| self.tail.bytes.get(at..))
            .unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for TailReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.tail.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
