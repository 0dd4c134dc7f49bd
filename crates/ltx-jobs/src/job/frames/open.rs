//! Which output is the archive, and its directory.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::path::PathBuf;
use std::sync::Arc;

use super::wishes::Wishes;
use super::{Frames, Inner};
use crate::archive::fetch::Store;
use crate::archive::open::{FirstTail, looks_like_archive, open_tail, read_local_directory};
use crate::error::{Error, ErrorKind, Result};
use crate::job::Completed;
use crate::operation::{Operation, Running, Work};
use crate::progress::Progress;
use crate::transfer::download::{Spooled, spool};
use crate::transfer::source::Source;
use crate::transfer::stream::Flow;

/// An archive of frames being opened; see [`Completed::frames`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct OpenFrames {
    completed: Completed,
    label: Option<String>,
    spool: Option<PathBuf>,
    wishes: Wishes,
}

impl OpenFrames {
    pub(in crate::job) fn new(completed: Completed) -> Self {
        Self {
            completed,
            label: None,
            spool: None,
            wishes: Wishes::default(),
        }
    }

    /// The output to open, by its label (`exr_frames_url`, or without `_url`). Needed only when several outputs look like archives of frames.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A directory for the archive, should the storage answer no ranges: it is then fetched whole (up to 4 GB and more) into a temporary file there, which
    /// goes with the last clone of the [`Frames`]. Without it, such a storage is the error `Unsupported`: no disk is filled that was not named.
    pub fn spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(directory.into());
        self
    }

    /// A limit in bytes per second; felt where the archive is fetched whole (see [`spool`](Self::spool)).
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.wishes.bandwidth = Some(bytes_per_second);
        self
    }

    /// Calls `tell` with the progress, as [`Download::on_progress`](crate::Download::on_progress) does.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.wishes.watch.tell(tell);
        self
    }

    /// Cancels the opening when this future is ready; [`Operation::cancel`] and dropping the awaited future do so as well.
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.wishes.watch.cancel(when);
        self
    }

    /// Starts opening on the runtime.
    pub fn start(self) -> Operation<Frames> {
        let Self {
            completed,
            label,
            spool: directory,
            wishes,
        } = self;
        let opened = completed.clone();
        completed.run("open frames", wishes, move |flow, work| async move {
            let opening = Opening {
                completed: &opened,
                flow: &flow,
                work: &work,
                directory,
            };
            opening.open(label.as_deref()).await
        })
    }
}

impl IntoFuture for OpenFrames {
    type Output = Result<Frames>;
    type IntoFuture = Running<Frames>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

struct Opening<'a> {
    completed: &'a Completed,
    flow: &'a Flow,
    work: &'a Work,
    directory: Option<PathBuf>,
}

impl Opening<'_> {
    async fn open(&self, label: Option<&str>) -> Result<Frames> {
        let sources = self.completed.sources();
        let labels = || {
            sources
                .iter()
                .map(|source| source.label.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let Some(label) = label {
            let source = self.completed.named_source(label)?;
            return self.open_source(&source).await?.ok_or_else(|| {
                Error::new(
                    ErrorKind::Archive,
                    format!(
                        "the output {} is no archive of frames, or one that is cut off",
                        source.label
                    ),
                )
            });
        }
        let likely: Vec<&Arc<Source>> = sources.iter().filter(|source| looks_like_archive(source)).collect();
        if likely.len() > 1 {
            let labels: Vec<&str> = likely.iter().map(|source| source.label.as_str()).collect();
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "several outputs of the job look like archives of frames: {}",
                    labels.join(", ")
                ),
            )
            .with_advice("name one of them by its label"));
        }
        // Labels are the service's words: where none of them says it, the content does.
        for source in if likely.is_empty() {
            sources.iter().collect()
        } else {
            likely
        } {
            if let Some(frames) = self.open_source(source).await? {
                return Ok(frames);
            }
        }
        Err(Error::new(
            ErrorKind::Archive,
            format!("no output of the job is a whole archive of frames: {}", labels()),
        ))
    }

    /// `None` when the output is something else.
    async fn open_source(&self, source: &Arc<Source>) -> Result<Option<Frames>> {
        let (store, directory, spooled) = match open_tail(self.flow, source).await? {
            FirstTail::Archive(facts, directory) => {
                let source = Arc::clone(source);
                (Store::Remote { source, facts }, directory, None)
            }
            FirstTail::NoArchive => return Ok(None),
            FirstTail::Whole(stream, facts) => {
                let beside = self.directory.as_deref();
                let (path, own) = match spool(self.flow, &self.work.progress, source, (*stream, facts), beside).await? {
                    Spooled::File(path, own) => (path, own),
                    Spooled::NoArchive => return Ok(None),
                    Spooled::NoDirectory => {
                        return Err(Error::new(
                            ErrorKind::Unsupported,
                            format!(
                                "the storage answers no ranges for the output {}: its frames can only be had from the whole archive on disk",
                                source.label
                            ),
                        )
                        .with_advice("name a directory with room for it (spool), or download the output"));
                    }
                };
                let directory = read_local_directory(&path).await?;
                (Store::Local { path }, directory, Some(own))
            }
        };
        let mut by_number = HashMap::new();
        for (index, frame) in directory.frames.iter().enumerate() {
            if let Some(number) = frame.number {
                by_number.entry(number).or_insert(index);
            }
        }
        Ok(Some(Frames(Arc::new(Inner {
            completed: self.completed.clone(),
            label: source.label.clone(),
            store,
            directory,
            by_number,
            _spooled: spooled,
        }))))
    }
}
