//! An output where it lies, read by ranges: for readers that seek, such as those of ZIP archives and of video containers.

use std::fmt;
use std::future::IntoFuture;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::Completed;
use super::frames::wishes::Wishes;
use crate::archive::open::collect;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Operation, Running};
use crate::progress::Progress;
use crate::transfer::plan::Facts;
use crate::transfer::source::Source;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transport::ByteRange;

/// The end of the file, which tells its length and is kept: readers of archives begin there.
const TAIL: u64 = 64 << 10;

/// An output about to be opened; see [`Completed::open`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct OpenOutput {
    completed: Completed,
    label: String,
    wishes: Wishes,
}

impl OpenOutput {
    pub(super) fn new(completed: Completed, label: String) -> Self {
        Self {
            completed,
            label,
            wishes: Wishes::default(),
        }
    }

    /// Cancels the opening when this future is ready; [`Operation::cancel`] and dropping the awaited future do so as well.
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.wishes.watch.cancel(when);
        self
    }

    /// Starts opening on the runtime.
    pub fn start(self) -> Operation<RemoteFile> {
        let Self {
            completed,
            label,
            wishes,
        } = self;
        let opened = completed.clone();
        completed.run("open an output", wishes, move |flow, _| async move {
            let source = opened.named_source(&label)?;
            let (facts, length, tail) = look(&flow, &source).await?;
            Ok(RemoteFile(Arc::new(Inner {
                completed: opened,
                source,
                facts,
                length,
                tail,
            })))
        })
    }
}

impl IntoFuture for OpenOutput {
    type Output = Result<RemoteFile>;
    type IntoFuture = Running<RemoteFile>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

/// What the storage has, its length, and its last bytes.
async fn look(flow: &Flow, source: &Arc<Source>) -> Result<(Facts, u64, Bytes)> {
    let mut stream = HealingStream::new(flow.clone(), Arc::clone(source), ByteRange::Suffix(TAIL), None);
    match stream.open().await {
        Ok(facts) => match facts.length {
            Some(0) => return Ok((facts, 0, Bytes::new())),
            Some(length) if facts.ranges => return Ok((facts, length, collect(&mut stream).await?)),
            _ => {}
        },
        Err(error) if error.kind() == ErrorKind::Protocol => {}
        Err(error) => return Err(error),
    }
    drop(stream);
    // Some storages know ranges, but not that of the end.
    let all = ByteRange::Span { start: 0, end: None };
    let facts = HealingStream::new(flow.clone(), Arc::clone(source), all, None)
        .open()
        .await?;
    match facts.length {
        Some(length) if facts.ranges => Ok((facts, length, Bytes::new())),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the storage answers no ranges for the output {}: it can only be had as a whole",
                source.label
            ),
        )
        .with_advice("download the output")),
    }
}

/// A file on the storage. Cheap to clone; it may be used from any thread.
///
/// Made by [`Completed::open`]. All reads are of the same version of the file. Signed URLs that expire meanwhile are renewed as long as the service keeps the
/// job. Nothing here is billed.
#[derive(Clone)]
pub struct RemoteFile(Arc<Inner>);

struct Inner {
    completed: Completed,
    source: Arc<Source>,
    facts: Facts,
    length: u64,
    tail: Bytes,
}

impl RemoteFile {
    /// The service's label of the output.
    pub fn label(&self) -> &str {
        &self.0.source.label
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.0.length
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// Reads the bytes at these offsets with one ranged request, or from memory where they are the last of the file. They are those of the object that was
    /// opened; a checksum of a part is not to be had.
    ///
    /// # Errors
    /// `InvalidRequest` for a range beyond the end, `LimitExceeded` when there is no memory for it, `ObjectChanged` when the storage has another version by
    /// now; `ResultExpired`, `Stalled`, `Cancelled`, and those of the network.
    pub fn read(&self, range: Range<u64>) -> ReadRange {
        ReadRange {
            file: self.clone(),
            range,
            wishes: Wishes::default(),
        }
    }
}

impl fmt::Debug for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFile")
            .field("label", &self.label())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A part of a file being read; see [`RemoteFile::read`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct ReadRange {
    file: RemoteFile,
    range: Range<u64>,
    wishes: Wishes,
}

impl ReadRange {
    /// A limit in bytes per second.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.wishes.bandwidth = Some(bytes_per_second);
        self
    }

    /// Calls `tell` with the progress, as [`Download::on_progress`](super::Download::on_progress) does.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.wishes.watch.tell(tell);
        self
    }

    /// Cancels the reading when this future is ready; [`Operation::cancel`] and dropping the awaited future do so as well.
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.wishes.watch.cancel(when);
        self
    }

    /// Starts reading on the runtime.
    pub fn start(self) -> Operation<Bytes> {
        let Self { file, range, wishes } = self;
        let completed = file.0.completed.clone();
        completed.run("read a part", wishes, move |flow, work| async move {
            let Inner {
                source,
                facts,
                length,
                tail,
                ..
            } = &*file.0;
            if range.start > range.end || range.end > *length {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!(
                        "the output {} has {length} bytes, and those from {} to {} were asked for",
                        source.label, range.start, range.end
                    ),
                ));
            }
            let size = range.end - range.start;
            work.progress.set_total(Some(size));
            let in_tail = range.start.checked_sub(length - tail.len() as u64);
            if let Some(start) = in_tail.and_then(|start| usize::try_from(start).ok())
                && let Ok(size) = usize::try_from(size)
            {
                work.progress.add_bytes(size as u64);
                return Ok(tail.slice(start..start + size));
            }
            if size == 0 {
                return Ok(Bytes::new());
            }
            let mut bytes = Vec::new();
            let reserved = usize::try_from(size).ok().map(|size| bytes.try_reserve_exact(size));
            if !matches!(reserved, Some(Ok(()))) {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("there is no memory for {size} bytes of the output {}", source.label),
                ));
            }
            let span = ByteRange::Span {
                start: range.start,
                end: Some(range.end),
            };
            let mut stream = HealingStream::new(flow, Arc::clone(source), span, Some(facts.clone()));
            while let Some(piece) = stream.next().await? {
                bytes.extend_from_slice(&piece);
                work.progress.add_bytes(piece.len() as u64);
            }
            Ok(Bytes::from(bytes))
        })
    }
}

impl IntoFuture for ReadRange {
    type Output = Result<Bytes>;
    type IntoFuture = Running<Bytes>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}
