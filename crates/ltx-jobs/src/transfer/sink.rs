//! Bytes on their way into a file: gathered to large blocks, checked and written at their place on the blocking pool.
//!
//! Any number of connections write to one file, each through a writer of its own with at most three blocks in memory (one gathered, two being written),
//! so a slow disk slows the download instead of filling memory. No thread is held while nothing is to be written. Bytes count as there, with their
//! crc32c, once the system has taken them.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::transfer::extents::{Extent, Extents};

/// Bytes written at once.
pub(crate) const BLOCK: usize = 1 << 20;

/// Pieces of one block at most: each may be a small slice of the connection's buffers.
const PIECES: usize = 256;

/// Bytes on a slow line are written after this time, however few: what an interruption costs.
const OLDEST: Duration = Duration::from_millis(500);

/// Blocks of one writer on their way to the disk.
const WRITES: usize = 2;

/// A file that is being written, and what is there of it.
#[derive(Debug)]
pub(crate) struct Sink {
    file: File,
    there: Mutex<Extents>,
    /// Whether nothing is to be written any more. Held by the one that writes: the system lets only one write to a file at a time, and has the others
    /// wait for it spinning.
    closed: Mutex<bool>,
}

impl Sink {
    /// Writes to `file`, of which `there` is there already.
    pub(crate) fn new(file: File, there: Extents) -> Arc<Self> {
        Arc::new(Self {
            file,
            there: Mutex::new(there),
            closed: Mutex::new(false),
        })
    }

    /// Waits for the writes that are on their way, and lets none come after them: whoever takes the file over is then alone with it. Blocks.
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// What is there now.
    pub(crate) fn there(&self) -> Extents {
        self.there.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Blocks: belongs on the blocking pool.
    fn put(&self, at: u64, block: &[Bytes]) -> Result<()> {
        let mut extent = Extent {
            start: at,
            end: at,
            crc32c: 0,
        };
        for piece in block {
            extent.crc32c = crc32c::crc32c_append(extent.crc32c, piece);
            extent.end += piece.len() as u64;
        }
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(cancelled("the download"));
        }
        write_all_at(&self.file, at, block).map_err(|error| Error::io("cannot write the download", error))?;
        if self.there.lock().unwrap_or_else(PoisonError::into_inner).add(extent) {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Internal,
                format!("bytes {at} to {} of a download were written twice", extent.end),
            ))
        }
    }
}

/// One connection's way into the file: bytes in order, from some place on.
#[derive(Debug)]
pub(crate) struct Writer {
    sink: Arc<Sink>,
    /// Where the gathered block goes.
    at: u64,
    gathered: Vec<Bytes>,
    size: usize,
    /// When the first gathered byte came.
    since: Option<Instant>,
    writes: VecDeque<JoinHandle<Result<()>>>,
}

impl Writer {
    pub(crate) fn new(sink: &Arc<Sink>, at: u64) -> Self {
        Self {
            sink: Arc::clone(sink),
            at,
            gathered: Vec::new(),
            size: 0,
            since: None,
            writes: VecDeque::new(),
        }
    }

    /// Takes bytes; waits when the disk is behind.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len();
        self.gathered.push(bytes);
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.size >= BLOCK || self.gathered.len() >= PIECES || since.elapsed() >= OLDEST {
            self.flush().await?;
        }
        Ok(())
    }

    /// Waits until all is written.
    pub(crate) async fn finish(mut self) -> Result<()> {
        self.flush().await?;
        while let Some(write) = self.writes.pop_front() {
            joined(write.await)?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        while self.writes.len() >= WRITES {
            if let Some(write) = self.writes.front_mut() {
                let outcome = joined(write.await);
                self.writes.pop_front();
                outcome?;
            }
        }
        let (sink, at, block) = (Arc::clone(&self.sink), self.at, std::mem::take(&mut self.gathered));
        self.at += self.size as u64;
        (self.size, self.since) = (0, None);
        self.writes
            .push_back(tokio::task::spawn_blocking(move || sink.put(at, &block)));
        Ok(())
    }
}

/// Longest wait for work on the disk that was told to stop: a caller who cancels is to be back within 100 ms, however slow the disk is.
const MOMENT: Duration = Duration::from_millis(50);

/// Waits a moment for a worker that has lost its input.
pub(crate) async fn gone<T>(worker: JoinHandle<T>) {
    let _ = tokio::time::timeout(MOMENT, worker).await;
}

/// The outcome of a task on the blocking pool.
pub(crate) fn joined<T>(outcome: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    match outcome {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Err(Error::new(
            ErrorKind::Closed,
            "the runtime was shut down during the transfer",
        )),
        Err(_) => Err(Error::new(ErrorKind::Internal, "a worker of the transfer panicked")),
    }
}

/// Runs work that blocks on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// Writes all pieces one behind the other from `at` on, with as few calls as the system allows.
#[cfg(unix)]
fn write_all_at(file: &File, mut at: u64, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<io::IoSlice<'_>> = pieces.iter().map(|piece| io::IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    io::IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match rustix::io::pwritev(file, rest, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                at += count as u64;
                io::IoSlice::advance_slices(&mut rest, count);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut at: u64, pieces: &[Bytes]) -> io::Result<()> {
    use std::os::windows::fs::FileExt as _;
    for piece in pieces {
        let mut rest: &[u8] = piece;
        while !rest.is_empty() {
            match file.seek_write(rest, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    at += count as u64;
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_in_through_several_writers_is_what_the_file_holds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("part");
        let bytes: Vec<u8> = (0..6_000_000_u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 9) as u8)
            .collect();
        let sink = Sink::new(File::create_new(&path).unwrap(), Extents::default());
        let mut writers = tokio::task::JoinSet::new();
        for start in [0, 1_000_003, 2_500_000, 2_500_001] {
            let end = [1_000_003, 2_500_000, 2_500_001, bytes.len()]
                .into_iter()
                .find(|end| *end > start)
                .unwrap();
            let (mine, mut writer) = (bytes[start..end].to_vec(), Writer::new(&sink, start as u64));
            writers.spawn(async move {
                for piece in mine.chunks(start % 3001 + 4000) {
                    writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
                }
                writer.finish().await.unwrap();
            });
        }
        writers.join_all().await;
        assert!(std::fs::read(&path).unwrap() == bytes);
        let there = sink.there();
        assert_eq!(there.missing(bytes.len() as u64), []);
        assert_eq!(there.crc32c(), Some(crc32c::crc32c(&bytes)));
    }

    #[tokio::test]
    async fn a_disk_that_fails_is_told_by_the_next_write_or_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("part");
        std::fs::write(&path, b"").unwrap();
        let sink = Sink::new(File::open(&path).unwrap(), Extents::default());
        let mut writer = Writer::new(&sink, 0);
        writer.write(Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(writer.finish().await.unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(sink.there().bytes(), 0);
    }

    #[tokio::test]
    async fn after_a_file_was_closed_no_write_reaches_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("part");
        let sink = Sink::new(File::create_new(&path).unwrap(), Extents::default());
        for number in 0..20 {
            // As when a download is dropped in the middle: nobody waits for these.
            let mut writer = Writer::new(&sink, number * BLOCK as u64);
            writer.write(Bytes::from(vec![7; BLOCK])).await.unwrap();
        }
        let closing = Arc::clone(&sink);
        blocking(move || {
            closing.close();
            Ok(())
        })
        .await
        .unwrap();
        let (there, length) = (sink.there(), std::fs::metadata(&path).unwrap().len());
        let mut late = Writer::new(&sink, 0);
        late.write(Bytes::from_static(b"late")).await.unwrap();
        assert_eq!(late.finish().await.unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!((sink.there(), std::fs::metadata(&path).unwrap().len()), (there, length));
    }
}
