//! Frames as files.

use std::fmt;
use std::future::IntoFuture;
use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::wishes::Wishes;
use super::{Frames, bounds};
use crate::archive::extract::{Extraction, OnPublished, extract_range};
use crate::archive::frame::FramePattern;
use crate::error::Result;
use crate::operation::{Operation, Running};
use crate::progress::Progress;
use crate::transfer::{Saved, SavedFile};

/// One frame under its final name, whole and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedFrame {
    /// Its place in the list of [`Frames`].
    pub index: usize,
    /// The file.
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// Its crc32c.
    pub crc32c: u32,
}

/// Frames being saved; see [`Frames::extract`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Clone)]
pub struct ExtractFrames {
    frames: Frames,
    dest: PathBuf,
    range: Option<(Bound<usize>, Bound<usize>)>,
    frame_name: Option<String>,
    first_frame: Option<u64>,
    overwrite: bool,
    on_frame: Option<Arc<dyn Fn(PublishedFrame) + Send + Sync>>,
    wishes: Wishes,
}

impl ExtractFrames {
    pub(super) fn new(frames: Frames, dest: PathBuf) -> Self {
        Self {
            frames,
            dest,
            range: None,
            frame_name: None,
            first_frame: None,
            overwrite: false,
            on_frame: None,
            wishes: Wishes::default(),
        }
    }

    /// Only the frames at these places, such as `10..20`. Their names and numbers are those they have among all.
    pub fn range(mut self, range: impl RangeBounds<usize>) -> Self {
        self.range = Some(bounds(range));
        self
    }

    /// Names frames by a pattern with `{frame}` or `{frame:04}`, for example `sh010.{frame:04}.exr`.
    pub fn frame_name(mut self, pattern: impl Into<String>) -> Self {
        self.frame_name = Some(pattern.into());
        self
    }

    /// The number of the archive's first frame in the names; the default keeps the archive's numbers.
    pub fn first_frame(mut self, number: u64) -> Self {
        self.first_frame = Some(number);
        self
    }

    /// Replaces a different file that is there; the default is the error `Exists`.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Hears of each frame the moment it is under its name. Not of frames that were there already.
    ///
    /// Called on threads of the runtime, by several at the same time and not strictly in order; what it takes long for holds up the frames behind it.
    pub fn on_frame(mut self, hear: impl Fn(PublishedFrame) + Send + Sync + 'static) -> Self {
        self.on_frame = Some(Arc::new(hear));
        self
    }

    /// Connections, 1 to 64. The default is the client's setting `connections`: as many as are found to help, at most 8.
    pub fn connections(mut self, number: usize) -> Self {
        self.wishes.connections = Some(number);
        self
    }

    /// A limit in bytes per second, for all connections together.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.wishes.bandwidth = Some(bytes_per_second);
        self
    }

    /// Calls `tell` with the progress in bytes and frames, as [`Download::on_progress`](crate::Download::on_progress) does.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.wishes.watch.tell(tell);
        self
    }

    /// Cancels the extraction when this future is ready; [`Operation::cancel`] and dropping the awaited future do so as well. Frames that are there stay,
    /// and the next call fetches the others.
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.wishes.watch.cancel(when);
        self
    }

    /// Starts on the runtime. The outcome lists the frames in order, those that were there already among them.
    pub fn start(self) -> Operation<Saved> {
        let (frames, wishes) = (self.frames.clone(), self.wishes.clone());
        frames.run(
            "extract frames",
            "extracting the frames",
            wishes,
            move |frames, fetch| async move {
                let began = Instant::now();
                let range = frames.checked(&self.range)?;
                let how = Extraction {
                    directory: self.dest,
                    pattern: self.frame_name.as_deref().map(FramePattern::parse).transpose()?,
                    first_frame: self.first_frame,
                    overwrite: self.overwrite,
                };
                let on_published = self.on_frame.map(|hear| {
                    let tell: OnPublished = Arc::new(move |index, file: &SavedFile| {
                        hear(PublishedFrame {
                            index,
                            path: file.path.clone(),
                            bytes: file.bytes,
                            crc32c: file.crc32c,
                        });
                    });
                    tell
                });
                let files = extract_range(&fetch, &frames.0.directory.frames, range, how, on_published).await?;
                Ok(Saved::new(files, began.elapsed()))
            },
        )
    }
}

impl IntoFuture for ExtractFrames {
    type Output = Result<Saved>;
    type IntoFuture = Running<Saved>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

impl fmt::Debug for ExtractFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractFrames")
            .field("frames", &self.frames)
            .field("dest", &self.dest)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
