//! Bytes on their way into a file: gathered to large blocks, written and hashed on the blocking pool.
//!
//! At most four blocks exist at once (one gathered, two queued, one being written), so a slow disk slows the download instead of filling memory. A sink
//! that is dropped before it was finished takes its temporary file with it.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::time::Duration;

use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::transfer::integrity::Running;

/// Bytes written at once.
pub(crate) const BLOCK: usize = 1 << 20;

/// Pieces of one block at most: each may be a small slice of the connection's buffers.
const PIECES: usize = 256;

enum Order {
    Write(Vec<Bytes>),
    Finish,
}

/// A file that is whole and closed for writing, not yet under its name.
pub(crate) struct Written {
    pub(crate) temp: NamedTempFile,
    pub(crate) running: Running,
}

/// See the module's first lines.
pub(crate) struct FileSink {
    orders: mpsc::Sender<Order>,
    gathered: Vec<Bytes>,
    size: usize,
    worker: JoinHandle<Result<Written>>,
}

impl FileSink {
    /// Writes to `temp` from its beginning; must be called on a runtime.
    pub(crate) fn new(temp: NamedTempFile, running: Running) -> Self {
        let (orders, received) = mpsc::channel(2);
        let worker = tokio::task::spawn_blocking(move || work(temp, running, received));
        Self {
            orders,
            gathered: Vec::new(),
            size: 0,
            worker,
        }
    }

    /// Takes bytes; waits when the disk is behind.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len();
        self.gathered.push(bytes);
        if self.size >= BLOCK || self.gathered.len() >= PIECES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Waits until all is written.
    pub(crate) async fn finish(mut self) -> Result<Written> {
        if !self.gathered.is_empty() {
            self.flush().await?;
        }
        // A worker that is gone has an error to tell, and tells it below.
        let _ = self.orders.send(Order::Finish).await;
        joined(self.worker.await)
    }

    /// Gives the file up, and waits a moment until it is gone: a process that ends right after should leave nothing behind.
    pub(crate) async fn abandon(self) {
        let Self { orders, worker, .. } = self;
        drop(orders);
        gone(worker).await;
    }

    async fn flush(&mut self) -> Result<()> {
        self.size = 0;
        let block = std::mem::take(&mut self.gathered);
        if self.orders.send(Order::Write(block)).await.is_ok() {
            return Ok(());
        }
        match joined((&mut self.worker).await) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::new(
                ErrorKind::Internal,
                "a file was finished before its last byte",
            )),
        }
    }
}

/// Longest wait for a worker that was told to stop: a caller who cancels is to be back within 100 ms, however slow the disk is.
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

fn work(mut temp: NamedTempFile, mut running: Running, mut orders: mpsc::Receiver<Order>) -> Result<Written> {
    loop {
        match orders.blocking_recv() {
            Some(Order::Write(block)) => {
                for piece in &block {
                    running.update(piece);
                }
                write_all(temp.as_file_mut(), &block).map_err(|error| Error::io("cannot write the download", error))?;
            }
            Some(Order::Finish) => return Ok(Written { temp, running }),
            None => return Err(cancelled("the download")),
        }
    }
}

/// Writes all pieces with as few calls as the system allows.
fn write_all(file: &mut File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::integrity::{Hashes, Verify};

    fn temp(directory: &std::path::Path) -> NamedTempFile {
        tempfile::Builder::new().tempfile_in(directory).unwrap()
    }

    #[tokio::test]
    async fn what_goes_in_is_what_the_file_holds() {
        let directory = tempfile::tempdir().unwrap();
        let mut sink = FileSink::new(
            temp(directory.path()),
            Running::new(&Hashes::default(), Verify::WhenOffered),
        );
        let mut expected = Vec::new();
        for round in 0..2000_usize {
            let piece = vec![round as u8; round % 3001];
            expected.extend_from_slice(&piece);
            sink.write(Bytes::from(piece)).await.unwrap();
        }
        let written = sink.finish().await.unwrap();
        assert_eq!(std::fs::read(written.temp.path()).unwrap(), expected);
        assert_eq!(
            (written.running.length, written.running.crc32c),
            (expected.len() as u64, crc32c::crc32c(&expected))
        );
    }

    #[tokio::test]
    async fn an_abandoned_sink_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut sink = FileSink::new(
            temp(directory.path()),
            Running::new(&Hashes::default(), Verify::WhenOffered),
        );
        sink.write(Bytes::from(vec![1; 3 << 20])).await.unwrap();
        sink.abandon().await;
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
