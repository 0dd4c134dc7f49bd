//! Files between the storage and this machine.
//!
//! `download` decides what an output is and where it lands; `stream` brings its bytes however often the line breaks, believing only what `plan` says
//! is the same object from the same `source`; `sink` writes, `integrity` proves, `publish` gives the name. `upload` goes the other way, with `input` as
//! its body; `kind` knows a file by its first bytes. A file under its final name is complete and verified: whole or absent.

pub(crate) mod download;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod input;
pub(crate) mod integrity;
pub(crate) mod kind;
pub(crate) mod plan;
pub(crate) mod publish;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod upload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(crate) use self::download::save_outputs;
pub use self::integrity::Verify;
pub(crate) use self::source::Renew;
use self::source::Storage;
use self::stream::Flow;
pub(crate) use self::upload::{check_input, upload_bytes, upload_file};
use crate::config::Settings;
use crate::progress::ProgressSink;
use crate::transport::Transport;

/// What a transfer works with.
#[derive(Clone)]
pub(crate) struct TransferContext {
    pub(crate) transport: Transport,
    pub(crate) settings: Settings,
    pub(crate) progress: ProgressSink,
    pub(crate) cancel: CancellationToken,
}

impl TransferContext {
    pub(crate) fn flow(&self) -> Flow {
        Flow {
            storage: Arc::new(self.transport.clone()) as Arc<dyn Storage>,
            stall_timeout: self.settings.stall_timeout,
            backoff_base: self.settings.backoff_base,
            backoff_cap: self.settings.backoff_cap,
            cancel: self.cancel.clone(),
        }
    }
}

/// What becomes of an archive of EXR frames. Archives without frames are always kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ArchiveMode {
    /// The frames are saved, each as a file; the archive itself never touches the disk where the storage answers ranges.
    #[default]
    Unpack,
    /// The archive is saved as one file.
    Keep,
    /// The archive is saved, and its frames too.
    Both,
}

/// How outputs are saved.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// Labels to save, as the service gives them (`exr_frames_url`) or without `_url`; all of them when `None`.
    pub only: Option<Vec<String>>,
    /// What becomes of an archive of frames.
    pub archive: ArchiveMode,
    /// Replace different files that are there. Equal ones are kept and count as saved.
    pub overwrite: bool,
    /// What must be proven about a file before it gets its name.
    pub verify: Verify,
    /// Names for frames: one `{frame}`, `{frame:04}` or `{frame:04d}` in it, as in `sh010.{frame:04}.exr`. The archive's own names when `None`.
    pub frame_name: Option<String>,
    /// The number of the first frame; the archive's own numbers when `None`.
    pub first_frame: Option<u64>,
}

impl DownloadOptions {
    /// All outputs, archives of frames unpacked, nothing overwritten.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The files, those of one output together, frames in the order of their numbers. Files that were there already are among them.
    pub paths: Vec<PathBuf>,
    /// The crc32c of each file, in the order of `paths`.
    pub crc32c: Vec<u32>,
    /// Bytes of all the files.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Saved {
    pub(crate) fn new(files: Vec<SavedFile>, elapsed: Duration) -> Self {
        Self {
            bytes: files.iter().map(|file| file.bytes).sum(),
            crc32c: files.iter().map(|file| file.crc32c).collect(),
            paths: files.into_iter().map(|file| file.path).collect(),
            elapsed,
        }
    }
}

/// One file under its final name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedFile {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) crc32c: u32,
}
