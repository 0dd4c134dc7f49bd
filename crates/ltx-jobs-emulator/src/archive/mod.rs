//! The archive of EXR frames, served at any byte without ever being held.
//!
//! [`Archive::build`] walks all frames once and keeps sizes, CRCs and offsets. From then on the archive is a list of pieces:
//! small ones (ZIP records, the bytes all frames share) are kept, the rest is made anew whenever a range touches it. With
//! uncompressed frames a piece made anew is some rows of pixels, so gigabytes are produced at the speed of memory.

mod frames;
mod zip;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

pub(crate) use frames::{Frames, Seed};

use crate::lock;
use crate::programme::{ArchiveShape, EvilKind, Method, ProgrammeError};
use zip::{Entry, ZipWriter};

/// Where the bytes of one piece come from.
#[derive(Debug, Clone)]
enum Source {
    /// Kept.
    Kept(Bytes),
    /// The rows that differ from frame to frame.
    Band(u32),
    /// A whole frame, compressed inside.
    Frame(u32),
    /// A frame as a deflated member.
    Deflated(u32),
}

#[derive(Debug, Clone)]
struct Piece {
    start: u64,
    len: u64,
    source: Source,
}

/// A member, as the artifact list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) len: u64,
    pub(crate) crc32: u32,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Frame(u32),
    Kept(Bytes),
    Zeros,
}

/// The plan of an archive.
#[derive(Debug)]
pub(crate) struct Archive {
    frames: Frames,
    pieces: Vec<Piece>,
    len: u64,
    members: Vec<Member>,
    /// The few frames made last.
    recent: Mutex<VecDeque<((u32, bool), Bytes)>>,
}

/// How many frames are kept beside those being sent.
const RECENT: usize = 2;

/// Up to this length a piece is made faster than handed to another thread.
const QUICK: u64 = 16 << 10;

/// Pieces above this length are worth remembering the checksum of.
const COMBINE: usize = 1 << 10;

impl Archive {
    /// Walks all frames once. Takes long for large archives: not for an async thread.
    pub(crate) fn build(shape: &ArchiveShape, colorspace: &str, seed: Seed) -> Result<Self, ProgrammeError> {
        let failed = |error: exr::error::Error| ProgrammeError(format!("cannot make a frame: {error}"));
        let frames = Frames::new(shape, colorspace, seed).map_err(failed)?;
        let mut archive = Self {
            frames,
            pieces: Vec::new(),
            len: 0,
            members: Vec::new(),
            recent: Mutex::new(VecDeque::with_capacity(RECENT)),
        };
        let mut zip = ZipWriter::new(shape.descriptors, shape.zip64);
        for index in 0..shape.frames {
            let number = shape.first_index.saturating_add(index);
            let name = shape.member_name(number)?;
            archive
                .add_frame(&mut zip, name, number, shape.method)
                .map_err(failed)?;
        }
        for name in &shape.extra_members {
            let text = format!("{name}: frames made by the emulator of the service.\n");
            archive.add_kept(&mut zip, &Entry::file(name), Bytes::from(text));
        }
        for evil in &shape.evil_members {
            let entry = Entry {
                evil: Some(evil.kind),
                ..Entry::file(&evil.name)
            };
            match evil.kind {
                EvilKind::Symlink => {
                    let target = evil.target.clone().unwrap_or_else(|| "/etc/passwd".to_owned());
                    archive.add_kept(&mut zip, &entry, Bytes::from(target));
                }
                EvilKind::Directory => archive.add_kept(&mut zip, &entry, Bytes::new()),
                EvilKind::Bomb => archive.add_bomb(&mut zip, &entry, evil.size.unwrap_or(64 << 20)),
                EvilKind::Overlap => zip.repeat_first(&evil.name),
                EvilKind::Longer => {
                    let bytes = Bytes::from_static(b"made to do harm\n");
                    let packed = zip::deflate(std::slice::from_ref(&bytes));
                    let entry = Entry {
                        deflated: true,
                        ..entry
                    };
                    archive.add_packed(&mut zip, &entry, bytes, packed);
                }
                EvilKind::File
                | EvilKind::Encrypted
                | EvilKind::BadCrc
                | EvilKind::UnknownMethod
                | EvilKind::OtherLocalName
                | EvilKind::OtherLocalSize
                | EvilKind::Outside => {
                    archive.add_kept(&mut zip, &entry, Bytes::from_static(b"made to do harm\n"));
                }
            }
        }
        let end = zip.finish(archive.len, shape.end);
        archive.push(Source::Kept(end));
        Ok(archive)
    }

    fn push(&mut self, source: Source) {
        let len = match &source {
            Source::Kept(bytes) => bytes.len() as u64,
            Source::Band(_) => self.frames.band_len() as u64,
            Source::Frame(_) | Source::Deflated(_) => 0,
        };
        self.push_sized(source, len);
    }

    fn push_sized(&mut self, source: Source, len: u64) {
        if len > 0 {
            self.pieces.push(Piece {
                start: self.len,
                len,
                source,
            });
            self.len += len;
        }
    }

    fn add_frame(
        &mut self,
        zip: &mut ZipWriter,
        name: String,
        number: u32,
        method: Method,
    ) -> Result<(), exr::error::Error> {
        let (len, crc32) = self.frames.measure(number)?;
        let entry = Entry {
            deflated: method == Method::Deflated,
            ..Entry::file(&name)
        };
        match method {
            Method::Stored => {
                let head = zip.begin(&entry, self.len, len, len, crc32);
                self.push(Source::Kept(head));
                match self.frames.shared() {
                    Some((before, after)) => {
                        self.push(Source::Kept(before));
                        self.push(Source::Band(number));
                        self.push(Source::Kept(after));
                    }
                    None => self.push_sized(Source::Frame(number), len),
                }
            }
            Method::Deflated => {
                let packed = zip::deflate(&self.frames.parts(number)?).len() as u64;
                let head = zip.begin(&entry, self.len, len, packed, crc32);
                self.push(Source::Kept(head));
                self.push_sized(Source::Deflated(number), packed);
            }
        }
        self.push(Source::Kept(zip.end()));
        self.members.push(Member {
            name,
            len,
            crc32,
            content: Content::Frame(number),
        });
        Ok(())
    }

    fn add_kept(&mut self, zip: &mut ZipWriter, entry: &Entry<'_>, bytes: Bytes) {
        self.add_packed(zip, entry, bytes.clone(), bytes);
    }

    fn add_packed(&mut self, zip: &mut ZipWriter, entry: &Entry<'_>, bytes: Bytes, packed: Bytes) {
        let (len, crc32) = (bytes.len() as u64, crc32fast::hash(&bytes));
        let head = zip.begin(entry, self.len, len, packed.len() as u64, crc32);
        self.push(Source::Kept(head));
        self.push(Source::Kept(packed));
        self.push(Source::Kept(zip.end()));
        self.members.push(Member {
            name: entry.name.to_owned(),
            len,
            crc32,
            content: Content::Kept(bytes),
        });
    }

    fn add_bomb(&mut self, zip: &mut ZipWriter, entry: &Entry<'_>, len: u64) {
        let (packed, crc32) = zip::zeros(len);
        let entry = Entry {
            deflated: true,
            ..entry.clone()
        };
        let head = zip.begin(&entry, self.len, len, packed.len() as u64, crc32);
        self.push(Source::Kept(head));
        self.push(Source::Kept(packed));
        self.push(Source::Kept(zip.end()));
        self.members.push(Member {
            name: entry.name.to_owned(),
            len,
            crc32,
            content: Content::Zeros,
        });
    }

    /// Length of the archive.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The members, in the order of the central directory.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The bytes of one member, unpacked, in pieces. `None` for a bomb.
    pub(crate) fn unpack(&self, member: &Member) -> Option<Vec<Bytes>> {
        match &member.content {
            Content::Frame(number) => self.frames.parts(*number).ok(),
            Content::Kept(bytes) => Some(vec![bytes.clone()]),
            Content::Zeros => None,
        }
    }

    /// The bytes from `at` to the end of the piece they lie in; empty at the end of the archive.
    pub(crate) fn piece_at(&self, at: u64) -> Result<Bytes, exr::error::Error> {
        let index = self.pieces.partition_point(|piece| piece.start + piece.len <= at);
        let Some(piece) = self.pieces.get(index) else {
            return Ok(Bytes::new());
        };
        let bytes = match &piece.source {
            Source::Kept(bytes) => bytes.clone(),
            Source::Band(number) => self.recent((*number, false), || Ok(self.frames.band(*number)))?,
            Source::Frame(number) => self.recent((*number, false), || self.frames.whole(*number))?,
            Source::Deflated(number) => {
                self.recent((*number, true), || Ok(zip::deflate(&self.frames.parts(*number)?)))?
            }
        };
        let skip = usize::try_from(at - piece.start).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.slice(skip..))
    }

    /// CRC-32C of the archive. What all frames share is read once and its checksum put together with the rest.
    pub(crate) fn crc32c(&self) -> Result<u32, exr::error::Error> {
        let mut known: HashMap<(*const u8, usize), u32> = HashMap::new();
        let mut crc = 0;
        for piece in &self.pieces {
            let bytes = self.piece_at(piece.start)?;
            crc = match &piece.source {
                Source::Kept(kept) if kept.len() > COMBINE => {
                    let part = *known
                        .entry((kept.as_ptr(), kept.len()))
                        .or_insert_with(|| crc32c::crc32c(kept));
                    crc32c::crc32c_combine(crc, part, kept.len())
                }
                _ => crc32c::crc32c_append(crc, &bytes),
            };
        }
        Ok(crc)
    }

    /// Whether making the piece at `at` is work that should not hold up other connections.
    pub(crate) fn is_slow_at(&self, at: u64) -> bool {
        let index = self.pieces.partition_point(|piece| piece.start + piece.len <= at);
        self.pieces
            .get(index)
            .is_some_and(|piece| piece.len > QUICK && !matches!(piece.source, Source::Kept(_)))
    }

    fn recent(
        &self,
        key: (u32, bool),
        make: impl FnOnce() -> Result<Bytes, exr::error::Error>,
    ) -> Result<Bytes, exr::error::Error> {
        if let Some((_, bytes)) = lock(&self.recent).iter().find(|(found, _)| *found == key) {
            return Ok(bytes.clone());
        }
        let bytes = make()?;
        let mut recent = lock(&self.recent);
        if recent.len() >= RECENT {
            recent.pop_front();
        }
        recent.push_back((key, bytes.clone()));
        Ok(bytes)
    }
}

/// An archive shared by the requests that read it.
pub(crate) type SharedArchive = Arc<Archive>;

#[cfg(test)]
mod tests;
