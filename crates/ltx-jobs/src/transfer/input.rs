//! The body of an upload: a local file or bytes in memory, read as the connection takes them, hashed and counted on the way.
//!
//! A file that is not the same from first byte to last is an error, never an upload.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::progress::ProgressSink;
use crate::transfer::kind::HEAD;
use crate::transport::UploadBody;

/// Bytes read from the disk at once, and how many such reads are done ahead of the connection.
const READ: usize = 1 << 20;
const AHEAD: usize = 2;

/// Bytes handed to the connection at once: few, so that a slow line still shows that it moves.
const PIECE: usize = 64 << 10;

/// What is uploaded.
pub(crate) enum Input {
    File(LocalFile),
    Bytes(Bytes),
}

/// A local file, as it was when it was first looked at.
#[derive(Clone)]
pub(crate) struct LocalFile {
    path: PathBuf,
    pub(crate) length: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    /// The file's size and time, and its first bytes.
    pub(crate) fn look(path: PathBuf) -> Result<(Self, Vec<u8>)> {
        let io_error = |error| Error::io(format!("cannot read {}", path.display()), error);
        let file = File::open(&path).map_err(io_error)?;
        let found = file.metadata().map_err(io_error)?;
        if !found.is_file() {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("{} is not a file", path.display()),
            ));
        }
        let mut head = Vec::with_capacity(HEAD);
        file.take(HEAD as u64).read_to_end(&mut head).map_err(io_error)?;
        Ok((
            Self {
                length: found.len(),
                modified: found.modified().ok(),
                path,
            },
            head,
        ))
    }

    /// Reads the file into `blocks`, and makes sure that it is the file that was looked at, from first byte to last.
    fn read(&self, sent: &Sent, blocks: &mpsc::Sender<io::Result<Bytes>>) -> Result<()> {
        let io_error = |error| Error::io(format!("cannot read {}", self.path.display()), error);
        let changed = || {
            Error::new(
                ErrorKind::Io,
                format!("{} changed while it was uploaded", self.path.display()),
            )
        };
        let mut file = File::open(&self.path).map_err(io_error)?;
        let mut left = self.length;
        while left > 0 {
            let most = READ.min(usize::try_from(left).unwrap_or(READ));
            let mut block = Vec::with_capacity(most);
            let count = io::Read::by_ref(&mut file)
                .take(most as u64)
                .read_to_end(&mut block)
                .map_err(io_error)?;
            if count < most {
                return Err(changed());
            }
            left -= block.len() as u64;
            if left == 0 {
                // Before the last bytes go out: an upload that fails is better than one of two versions.
                let now = file.metadata().map_err(io_error)?;
                if now.len() != self.length || now.modified().ok() != self.modified {
                    return Err(changed());
                }
            }
            let block = Bytes::from(block);
            sent.hash(&block);
            if blocks.blocking_send(Ok(block)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Input {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::File(file) => file.length,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// The body of one PUT. Bytes count as sent when the connection takes them.
    pub(crate) fn body(&self, sent: Arc<Sent>, meter: Meter) -> UploadBody {
        match self {
            Self::File(file) => {
                let (blocks, mut received) = mpsc::channel(AHEAD);
                let (file, reader) = (file.clone(), Arc::clone(&sent));
                // Ends when the receiver goes: with the request.
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = file.read(&reader, &blocks) {
                        reader.fail(error);
                        let _ = blocks.blocking_send(Err(io::Error::other("the local file could not be read")));
                    }
                });
                let mut rest = Bytes::new();
                Box::pin(stream::poll_fn(move |context| {
                    if rest.is_empty() {
                        match std::task::ready!(received.poll_recv(context)) {
                            Some(Ok(block)) => rest = block,
                            ended => return std::task::Poll::Ready(ended),
                        }
                    }
                    let piece = rest.split_to(PIECE.min(rest.len()));
                    meter.count(sent.count(piece.len()));
                    std::task::Poll::Ready(Some(Ok(piece)))
                }))
            }
            Self::Bytes(bytes) => {
                let mut rest = bytes.clone();
                sent.hash(&rest);
                Box::pin(stream::poll_fn(move |_| {
                    let piece = rest.split_to(PIECE.min(rest.len()));
                    std::task::Poll::Ready((!piece.is_empty()).then(|| {
                        meter.count(sent.count(piece.len()));
                        Ok(piece)
                    }))
                }))
            }
        }
    }
}

/// What is known of the body of one PUT.
#[derive(Default)]
pub(crate) struct Sent {
    bytes: AtomicU64,
    hashed: AtomicU64,
    crc32c: AtomicU32,
    failure: Mutex<Option<Error>>,
}

impl Sent {
    pub(crate) fn hash(&self, bytes: &[u8]) {
        let crc32c = crc32c::crc32c_append(self.crc32c.load(Ordering::Acquire), bytes);
        self.crc32c.store(crc32c, Ordering::Release);
        self.hashed.fetch_add(bytes.len() as u64, Ordering::AcqRel);
    }

    pub(crate) fn count(&self, bytes: usize) -> u64 {
        self.bytes.fetch_add(bytes as u64, Ordering::AcqRel) + bytes as u64
    }

    pub(crate) fn is_whole(&self, length: u64) -> bool {
        self.hashed.load(Ordering::Acquire) == length
    }

    pub(crate) fn crc32c(&self) -> u32 {
        self.crc32c.load(Ordering::Acquire)
    }

    fn fail(&self, error: Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    pub(crate) fn local_error(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends when nothing has moved for `limit`, or when the answer to the whole body does not come within `answer_limit`.
    pub(crate) async fn stall(&self, length: u64, limit: Duration, answer_limit: Duration) -> Error {
        loop {
            let before = self.bytes.load(Ordering::Acquire);
            let whole = before >= length;
            let wait = if whole { answer_limit.max(limit) } else { limit };
            tokio::time::sleep(wait).await;
            if self.bytes.load(Ordering::Acquire) == before {
                let what = if whole {
                    "the storage does not answer"
                } else {
                    "the storage takes no more bytes"
                };
                return Error::new(ErrorKind::Stalled, format!("uploading the input: {what} ({wait:?})"));
            }
        }
    }
}

/// Progress over several tries: only bytes that no try had sent before are shown.
pub(crate) struct Meter {
    pub(crate) progress: ProgressSink,
    pub(crate) shown: Arc<AtomicU64>,
}

impl Meter {
    fn count(&self, position: u64) {
        let before = self.shown.fetch_max(position, Ordering::AcqRel);
        self.progress.add_bytes(position.saturating_sub(before));
    }
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
