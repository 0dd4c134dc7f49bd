//! The frames of a completed job as a list: looked at without fetching them, read one by one, streamed in order, or extracted to files.

mod extract;
mod open;
mod stream;
pub(super) mod wishes;

use std::collections::HashMap;
use std::fmt;
use std::future::IntoFuture;
use std::ops::{Bound, Range, RangeBounds};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

pub use self::extract::{ExtractFrames, PublishedFrame};
pub use self::open::OpenFrames;
pub use self::stream::{Frame, FrameStream, StreamFrames};
use self::wishes::Wishes;
use super::Completed;
use crate::archive::batch::{MOST, Wanted};
use crate::archive::directory::Directory;
use crate::archive::fetch::{Fetch, Outlet, Store};
use crate::archive::memory::Line;
use crate::client::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Operation, Running, Work};
use crate::progress::{Phase, Progress};
use crate::telemetry::{TRANSFER, ltx, operation_span};
use crate::transfer::bandwidth::Bandwidth;
use crate::transfer::source::Source;
use crate::transfer::stream::Flow;
use crate::transfer::{TransferContext, check_line};

/// The frames of one archive on the storage. Cheap to clone; clones are the same list, and all of it may be used from any thread.
///
/// Made by [`Completed::frames`], which fetches the archive's directory and nothing else. The order of the list is the order of the frame numbers (the order
/// in the archive where frames have none of their own); an index is a place in it, from 0 on. Signed URLs that expire while the list is held are renewed
/// as they are needed, as long as the service keeps the job. Nothing here is billed.
#[derive(Clone)]
pub struct Frames(Arc<Inner>);

struct Inner {
    completed: Completed,
    label: String,
    store: Store,
    directory: Directory,
    by_number: HashMap<u64, usize>,
    /// Where the archive is, when the storage had no ranges; it goes with the last clone of the list.
    _spooled: Option<TempDir>,
}

impl Frames {
    /// The service's label of the output they come from, such as `exr_frames_url`.
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.0.directory.frames.len()
    }

    /// Whether the archive holds no frames.
    pub fn is_empty(&self) -> bool {
        self.0.directory.frames.is_empty()
    }

    /// The names of all frames, without folders, as [`extract`](Self::extract) saves them when it is not told otherwise.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.directory.frames.iter().map(|frame| frame.name.as_str())
    }

    /// The name of one frame (`frame_00042.exr`); `None` beyond the end.
    pub fn name(&self, index: usize) -> Option<&str> {
        Some(self.0.directory.frames.get(index)?.name.as_str())
    }

    /// The number in a frame's name: the last digits before the extension. `None` when it has none.
    pub fn number(&self, index: usize) -> Option<u64> {
        self.0.directory.frames.get(index)?.number
    }

    /// Bytes of one frame, unpacked.
    pub fn size(&self, index: usize) -> Option<u64> {
        Some(self.0.directory.frames.get(index)?.size)
    }

    /// The index of the frame with this number; of the first one, should several have it.
    pub fn by_number(&self, number: u64) -> Option<usize> {
        self.0.by_number.get(&number).copied()
    }

    /// Reads one frame into memory: one ranged request for its bytes and, at most, some 128 KiB beside them; its CRC-32 is
    /// checked.
    ///
    /// # Errors
    /// `InvalidRequest` when there is no such frame. `Integrity` or `Archive`, with the frame's name, when it arrived damaged twice; `ObjectChanged` when
    /// the storage has another archive by now; `ResultExpired`, `Stalled`, `Cancelled`, and those of the network.
    pub fn read(&self, index: usize) -> ReadFrame {
        ReadFrame {
            frames: self.clone(),
            index,
            wishes: Wishes::default(),
        }
    }

    /// Brings frames into memory one after the other, in order, fetched ahead over several connections under a budget of bytes.
    pub fn stream(&self) -> StreamFrames {
        StreamFrames::new(self.clone())
    }

    /// Saves frames as files in the directory `dest`, which is created if needed: in order, over several connections, each under its final name the moment
    /// it is whole and checked. A frame that is there already, with the right size and CRC-32, is not fetched.
    ///
    /// # Errors
    /// Before anything is written: `Exists` when another file has a frame's name, `InvalidRequest`, `UnsafeName`. `Integrity` or `Archive` with the name of
    /// the first frame that arrived damaged twice, when all the others are there. `NoSpace`, `Io`, `ObjectChanged`, `ResultExpired`, `Stalled`,
    /// `Cancelled`, and those of the network.
    pub fn extract(&self, dest: impl Into<PathBuf>) -> ExtractFrames {
        ExtractFrames::new(self.clone(), dest.into())
    }

    fn wanted(&self, range: Range<usize>) -> Vec<Wanted> {
        let frames = self.0.directory.frames.iter().enumerate();
        frames
            .take(range.end)
            .skip(range.start)
            .map(|(index, member)| Wanted {
                index,
                member: member.clone(),
            })
            .collect()
    }

    /// The places that `range` names.
    fn checked(&self, range: &Option<(Bound<usize>, Bound<usize>)>) -> Result<Range<usize>> {
        let Some((start, end)) = range else {
            return Ok(0..self.len());
        };
        let start = match start {
            Bound::Included(start) => *start,
            Bound::Excluded(start) => start.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match end {
            Bound::Included(end) => end.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len(),
        };
        if start <= end && end <= self.len() {
            return Ok(start..end);
        }
        Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "there are {} frames, and those from {start} to {end} were asked for",
                self.len()
            ),
        ))
    }

    /// Runs `work` on these frames as an operation.
    fn run<T, F, W>(&self, name: &'static str, what: &'static str, wishes: Wishes, work: W) -> Operation<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Self, Fetch) -> F + Send + 'static,
    {
        let frames = self.clone();
        self.0.completed.run(name, wishes, move |flow, handed| async move {
            let fetch = Fetch {
                flow,
                progress: handed.progress,
                store: frames.0.store.clone(),
                reading_counts: true,
                what,
            };
            work(frames, fetch).await
        })
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames")
            .field("label", &self.0.label)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

fn bounds(range: impl RangeBounds<usize>) -> (Bound<usize>, Bound<usize>) {
    (range.start_bound().cloned(), range.end_bound().cloned())
}

/// A frame being read; see [`Frames::read`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct ReadFrame {
    frames: Frames,
    index: usize,
    wishes: Wishes,
}

impl ReadFrame {
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
        let Self { frames, index, wishes } = self;
        let (name, what) = ("read a frame", "reading the frame");
        frames.run(name, what, wishes, move |frames, fetch| async move {
            if index >= frames.len() {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!(
                        "there is no frame {index}: they are counted from 0, and there are {}",
                        frames.len()
                    ),
                ));
            }
            let wanted = frames.wanted(index..index + 1);
            let line = Arc::new(Line::new(index..index + 1, u64::MAX));
            line.show_in(&fetch.progress);
            let outlet: Arc<dyn Outlet> = Arc::clone(&line) as Arc<dyn Outlet>;
            fetch.run(wanted, MOST, &outlet).await?;
            match line.take() {
                std::task::Poll::Ready(Some(outcome)) => outcome.map(|(_, bytes)| bytes),
                _ => Err(Error::new(ErrorKind::Internal, "a frame was fetched and is not there")),
            }
        })
    }
}

impl IntoFuture for ReadFrame {
    type Output = Result<Bytes>;
    type IntoFuture = Running<Bytes>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

impl Completed {
    /// Every output as something to fetch from, its URL renewed as needed.
    fn sources(&self) -> Vec<Arc<Source>> {
        self.outputs()
            .values()
            .map(|output| {
                let renew = self.source(output.label());
                Arc::new(Source::new(output.label().to_owned(), output.url().clone(), renew))
            })
            .collect()
    }

    /// The output with this label, `_url` at its end or not.
    pub(super) fn named_source(&self, label: &str) -> Result<Arc<Source>> {
        let sources = self.sources();
        let fits = |source: &&Arc<Source>| source.label == label || source.label.strip_suffix("_url") == Some(label);
        sources.iter().find(fits).cloned().ok_or_else(|| {
            let labels: Vec<&str> = sources.iter().map(|source| source.label.as_str()).collect();
            Error::new(
                ErrorKind::InvalidRequest,
                format!("the job has no output {label:?}, only: {}", labels.join(", ")),
            )
        })
    }

    fn flow(&self, engine: &Engine, work: &Work, wishes: &Wishes) -> Flow {
        TransferContext {
            transport: engine.transport.clone(),
            settings: self.client.settings().clone(),
            progress: work.progress.clone(),
            cancel: work.cancel.clone(),
        }
        .flow(
            wishes.connections,
            wishes.bandwidth.map(|rate| Arc::new(Bandwidth::new(rate))),
        )
    }

    /// Runs `work` as an operation on this job's outputs.
    pub(super) fn run<T, F, W>(&self, name: &'static str, wishes: Wishes, work: W) -> Operation<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        W: FnOnce(Flow, Work) -> F + Send + 'static,
    {
        let completed = self.clone();
        let span =
            operation_span!(INFO, TRANSFER, "frames", { ltx::JOB } = %self.job().reference(), { ltx::ACTION } = name);
        self.client
            .run_about(self.job().reference(), span, move |engine, handed| async move {
                handed.progress.set_phase(Phase::Downloading);
                let reference = completed.job().reference();
                let checked = check_line(wishes.connections, wishes.bandwidth);
                checked.map_err(|error| error.about_job(reference))?;
                let flow = completed.flow(&engine, &handed, &wishes);
                let working = Box::pin(work(flow, handed.clone()));
                wishes
                    .watch
                    .over(&handed, working)
                    .await
                    .map_err(|error| completed.client.closed_instead(error).about_job(reference))
            })
    }
}
