//! Where the outputs of a job are meant to go: said at submit, written down, and used by whoever brings them home.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::frame::FramePattern;
use crate::error::Result;
use crate::transfer::{ArchiveMode, DownloadOptions};

/// A directory for the outputs of a job, and how they are saved there; see [`Submit::dest`](crate::Submit::dest). A path is one with the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Destination {
    /// The directory.
    pub dir: PathBuf,
    /// Labels of the outputs that are wanted; all of them when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// What becomes of an archive of frames.
    #[serde(default, skip_serializing_if = "is_default")]
    pub archive: ArchiveMode,
    /// Names for frames, as [`DownloadOptions::frame_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_name: Option<String>,
    /// The number of the first frame, as [`DownloadOptions::first_frame`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_frame: Option<u64>,
}

fn is_default(mode: &ArchiveMode) -> bool {
    *mode == ArchiveMode::default()
}

impl Destination {
    /// Outputs go to `dir` as a download with the defaults saves them.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            only: None,
            archive: ArchiveMode::default(),
            frame_name: None,
            first_frame: None,
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

    /// The options of the download that brings the outputs there.
    pub fn options(&self) -> DownloadOptions {
        let mut options = DownloadOptions::new();
        options.only.clone_from(&self.only);
        options.archive = self.archive;
        options.frame_name.clone_from(&self.frame_name);
        options.first_frame = self.first_frame;
        options
    }

    /// Refuses names of frames that are none.
    pub(crate) fn check(&self) -> Result<()> {
        self.frame_name.as_deref().map(FramePattern::parse).transpose()?;
        Ok(())
    }

    /// The same place from wherever a program runs. A path that is no UTF-8 cannot be written down.
    pub(crate) fn absolute(mut self) -> Option<Self> {
        self.dir = PathBuf::from(crate::journal::absolute(&self.dir)?);
        Some(self)
    }
}

impl From<PathBuf> for Destination {
    fn from(dir: PathBuf) -> Self {
        Self::new(dir)
    }
}

impl From<&Path> for Destination {
    fn from(dir: &Path) -> Self {
        Self::new(dir)
    }
}

impl From<&str> for Destination {
    fn from(dir: &str) -> Self {
        Self::new(dir)
    }
}

impl From<String> for Destination {
    fn from(dir: String) -> Self {
        Self::new(dir)
    }
}
