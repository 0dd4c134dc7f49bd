//! The bytes of an archive as the worker reads them, from a file or as the network brings them; and the file it writes a frame to.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The bytes of an archive, read forwards.
pub(crate) trait ArchiveReader: Read + Send {
    /// Goes to `offset`, which is never behind the place reached.
    fn seek_to(&mut self, offset: u64) -> io::Result<()>;
}

/// Remembers that the input itself failed, which is not the member's fault.
pub(crate) struct Watched {
    pub(crate) inner: Box<dyn ArchiveReader>,
    pub(crate) broken: Option<io::Error>,
}

impl Read for Watched {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner
            .read(into)
            .inspect_err(|error| self.broken = Some(io::Error::new(error.kind(), error.to_string())))
    }
}

/// An archive in a file; fails once the caller has cancelled.
pub(crate) struct FileReader {
    pub(crate) file: File,
    pub(crate) cancel: CancellationToken,
}

impl Read for FileReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        self.file.read(into)
    }
}

impl ArchiveReader for FileReader {
    fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset)).map(drop)
    }
}

/// Bytes of the archive from `offset` on.
pub(crate) struct Portion {
    pub(crate) offset: u64,
    pub(crate) size: usize,
    pub(crate) pieces: VecDeque<Bytes>,
}

impl Portion {
    /// Nothing yet, of the bytes from `offset` on.
    pub(crate) fn at(offset: u64) -> Self {
        Self {
            offset,
            size: 0,
            pieces: VecDeque::new(),
        }
    }
}

/// The bytes that the network side hands over, as a reader.
pub(crate) struct PortionReader {
    received: mpsc::Receiver<Portion>,
    pieces: VecDeque<Bytes>,
    position: u64,
}

impl PortionReader {
    pub(crate) fn new(received: mpsc::Receiver<Portion>) -> Self {
        Self {
            received,
            pieces: VecDeque::new(),
            position: 0,
        }
    }

    /// Waits for bytes. An end is a failure: the worker is never asked for more than was promised to it.
    fn more(&mut self) -> io::Result<()> {
        let portion = self
            .received
            .blocking_recv()
            .ok_or_else(|| io::Error::new(io::ErrorKind::ConnectionAborted, "the transfer ended early"))?;
        self.position = portion.offset;
        self.pieces = portion.pieces;
        Ok(())
    }

    fn drop_front(&mut self, count: usize) {
        self.position += count as u64;
        if let Some(front) = self.pieces.front_mut() {
            front.advance(count);
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

impl Read for PortionReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.pieces.is_empty() {
            let expected = self.position;
            self.more()?;
            if self.position != expected {
                return Err(io::Error::other("a gap in the transfer"));
            }
        }
        let front = self.pieces.front().map(Bytes::as_ref).unwrap_or_default();
        let count = front.len().min(into.len());
        into[..count].copy_from_slice(&front[..count]);
        self.drop_front(count);
        Ok(count)
    }
}

impl ArchiveReader for PortionReader {
    fn seek_to(&mut self, offset: u64) -> io::Result<()> {
        while self.position < offset || self.pieces.is_empty() {
            match self.pieces.front() {
                Some(front) => {
                    let rest = usize::try_from(offset.saturating_sub(self.position)).unwrap_or(usize::MAX);
                    let count = front.len().min(rest);
                    self.drop_front(count);
                }
                None => self.more()?,
            }
        }
        if self.position == offset {
            Ok(())
        } else {
            Err(io::Error::other("bytes of the archive that were passed already"))
        }
    }
}

/// Writes, and keeps the crc32c that `Saved` tells.
pub(crate) struct Output<'a> {
    pub(crate) file: &'a mut File,
    pub(crate) crc32c: u32,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
