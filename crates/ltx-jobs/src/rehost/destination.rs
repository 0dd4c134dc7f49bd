//! Where outputs go in a store, and how: for those who say it before there is a job.

use std::fmt;

use super::check_place;
use super::store::StoreOptions;
use crate::archive::frame::FramePattern;
use crate::error::Result;
use crate::transfer::{ArchiveMode, DownloadOptions};

/// A place in an object store for the outputs of a job, and how they are copied there; see [`BatchItem::rehost`](crate::BatchItem::rehost). A URL is one
/// with the defaults.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreDestination {
    /// `s3://bucket/prefix/`, `gs://`, `az://` or `abfss://`, `file://`; without credentials.
    pub url: String,
    /// Labels of the outputs that are wanted; all of them when `None`.
    pub only: Option<Vec<String>>,
    /// What becomes of an archive of frames; by default every frame is an object.
    pub archive: ArchiveMode,
    /// Names for frames, as [`DownloadOptions::frame_name`].
    pub frame_name: Option<String>,
    /// The number of the first frame, as [`DownloadOptions::first_frame`].
    pub first_frame: Option<u64>,
    pub(crate) store: StoreOptions,
}

impl StoreDestination {
    /// Outputs are copied below `url` with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            only: None,
            archive: ArchiveMode::default(),
            frame_name: None,
            first_frame: None,
            store: StoreOptions::new(),
        }
    }

    /// Wants only the outputs with these labels.
    pub fn only(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// What to do with an archive of frames.
    pub fn archive(mut self, mode: ArchiveMode) -> Self {
        self.archive = mode;
        self
    }

    /// Names frames by a pattern with `{frame}` or `{frame:04}`.
    pub fn frame_name(mut self, pattern: impl Into<String>) -> Self {
        self.frame_name = Some(pattern.into());
        self
    }

    /// The number of the first frame in such names.
    pub fn first_frame(mut self, number: u64) -> Self {
        self.first_frame = Some(number);
        self
    }

    /// Options of the store, as [`Rehost::options`](crate::Rehost::options). Their values are never shown.
    pub fn options(mut self, options: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let options = options.into_iter().map(|(key, value)| (key.into(), value.into()));
        self.store.extend(options);
        self
    }

    /// How the outputs are taken.
    pub(crate) fn how(&self) -> DownloadOptions {
        let mut options = DownloadOptions::new();
        options.only.clone_from(&self.only);
        options.archive = self.archive;
        options.frame_name.clone_from(&self.frame_name);
        options.first_frame = self.first_frame;
        options
    }

    /// Refuses a URL that is no place of a store, and names of frames that are none.
    pub(crate) fn check(&self) -> Result<()> {
        check_place(&self.url)?;
        self.frame_name.as_deref().map(FramePattern::parse).transpose()?;
        Ok(())
    }
}

impl fmt::Debug for StoreDestination {
    /// Without the values of options, which may be credentials; and without a URL that may have one in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreDestination")
            .field("url", &check_place(&self.url).is_ok().then_some(&self.url))
            .field("how", &self.how())
            .finish_non_exhaustive()
    }
}

impl From<&str> for StoreDestination {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for StoreDestination {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}
