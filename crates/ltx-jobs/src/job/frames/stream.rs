//! Frames in memory, one after the other.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use super::wishes::Wishes;
use super::{Frames, bounds};
use crate::archive::batch::MOST;
use crate::archive::fetch::Outlet;
use crate::archive::memory::Line;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Operation;
use crate::progress::Progress;

/// Bytes of frames that may wait for their reader, or be on their way, unless told otherwise: two of 1080p in half floats, uncompressed. With what connections
/// and the allocator take beside them it stays well under 64 MiB.
const BUDGET: u64 = 24 << 20;

/// Requests that shall find room in the budget at the same time: one for each connection there may be.
const SHARES: u64 = crate::transfer::number::MOST as u64;

/// One frame, whole and checked, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Its place in the list of [`Frames`].
    pub index: usize,
    /// Its name in the archive, without folders.
    pub name: String,
    /// The number in its name, if there is one.
    pub number: Option<u64>,
    /// The EXR file.
    pub bytes: Bytes,
}

/// Frames about to be streamed; see [`Frames::stream`].
#[must_use = "nothing happens before it is started"]
#[derive(Debug, Clone)]
pub struct StreamFrames {
    frames: Frames,
    range: Option<(Bound<usize>, Bound<usize>)>,
    budget: u64,
    wishes: Wishes,
}

impl StreamFrames {
    pub(super) fn new(frames: Frames) -> Self {
        Self {
            frames,
            range: None,
            budget: BUDGET,
            wishes: Wishes::default(),
        }
    }

    /// Only the frames at these places, such as `10..20`; or from one on, to go on behind a frame that could not be had.
    pub fn range(mut self, range: impl RangeBounds<usize>) -> Self {
        self.range = Some(bounds(range));
        self
    }

    /// Bytes of frames that may wait or be on their way at the same time, 24 MiB by default; a larger frame comes alone. Frames that were taken do not count.
    pub fn budget(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self
    }

    /// Connections, 1 to 64. The default is the client's setting `connections`: as many as are found to help, at most 8. The budget may allow fewer.
    pub fn connections(mut self, number: usize) -> Self {
        self.wishes.connections = Some(number);
        self
    }

    /// A limit in bytes per second, for all connections together.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.wishes.bandwidth = Some(bytes_per_second);
        self
    }

    /// Calls `tell` with the progress in bytes and frames, as [`Download::on_progress`](crate::Download::on_progress) does. A frame
    /// counts when it is ready to be taken.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.wishes.watch.tell(tell);
        self
    }

    /// Cancels the stream when this future is ready; [`FrameStream::cancel`] and dropping the stream do so as well.
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.wishes.watch.cancel(when);
        self
    }

    /// Starts fetching on the runtime.
    pub fn start(self) -> FrameStream {
        let Self {
            frames,
            range,
            budget,
            wishes,
        } = self;
        let checked = frames.checked(&range);
        let range = checked.as_ref().cloned().unwrap_or(0..1);
        let line = Arc::new(Line::new(range.clone(), budget));
        let outlet: Arc<dyn Outlet> = Arc::clone(&line) as Arc<dyn Outlet>;
        let started = Arc::clone(&line);
        let work = frames.run(
            "stream frames",
            "streaming the frames",
            wishes,
            move |frames, fetch| async move {
                checked?;
                started.show_in(&fetch.progress);
                let most = MOST.min((budget / SHARES).max(1));
                fetch.run(frames.wanted(range), most, &outlet).await
            },
        );
        let (ending, at_end) = (Arc::clone(&line), work.clone());
        work.on_end(move || ending.end(at_end.error()));
        FrameStream { frames, line, work }
    }
}

/// Frames that come one after the other, in order. Dropping it ends the fetching.
///
/// For async code it is a [`Stream`]; a thread asks [`wait`](Self::wait) and [`take`](Self::take). After an error nothing more comes; what is behind the
/// frame in the error can be had by another stream with a [`range`](StreamFrames::range).
///
/// # Errors
/// `Integrity` or `Archive` with the frame's name, when one arrived damaged twice; `ObjectChanged`, `ResultExpired`, `Stalled`, `Cancelled`, `InvalidRequest`
/// for a range that is not there, and those of the network.
#[must_use = "frames are fetched ahead only as far as the budget goes"]
pub struct FrameStream {
    frames: Frames,
    line: Arc<Line>,
    work: Operation<()>,
}

impl FrameStream {
    /// The next frame; `None` when all were taken, or behind an error.
    pub async fn next(&mut self) -> Option<Result<Frame>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The next frame if it is there: `None` when it is not there yet, `Some(None)` when all were taken. Never blocks. Several threads may take frames, each
    /// of which goes to one of them.
    pub fn take(&self) -> Option<Option<Result<Frame>>> {
        match self.line.take() {
            Poll::Pending => None,
            Poll::Ready(taken) => Some(self.named(taken)),
        }
    }

    /// Parks the calling thread until [`take`](Self::take) has something to give, an end too, or the time is up; `None` has no limit, zero only looks.
    /// False when the time was up first. Not for async code.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.line.wait(timeout)
    }

    /// How far the fetching is, from memory.
    pub fn snapshot(&self) -> Progress {
        self.work.snapshot()
    }

    /// Ends the fetching, from any thread; the reader finds the frames that wait, then `Cancelled`.
    pub fn cancel(&self) {
        self.work.cancel();
    }

    fn named(&self, taken: Option<Result<(usize, Bytes)>>) -> Option<Result<Frame>> {
        match taken? {
            Ok((index, bytes)) => Some(self.frames.0.directory.frames.get(index).map_or_else(
                || Err(Error::new(ErrorKind::Internal, "a frame that is not in the list")),
                |member| {
                    Ok(Frame {
                        index,
                        name: member.name.clone(),
                        number: member.number,
                        bytes,
                    })
                },
            )),
            Err(error) => {
                self.work.cancel();
                Some(Err(error.about_job(self.frames.0.completed.job().reference())))
            }
        }
    }
}

impl Stream for FrameStream {
    type Item = Result<Frame>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let taken = std::task::ready!(self.line.poll_take(context));
        Poll::Ready(self.named(taken))
    }
}

impl Drop for FrameStream {
    fn drop(&mut self) {
        self.work.cancel();
    }
}

impl fmt::Debug for FrameStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameStream")
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}
