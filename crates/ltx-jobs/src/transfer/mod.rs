//! Files between the storage and this machine.
//!
//! `download` decides what an output is and where it lands; `whole` makes one file of it, in as many tries (`attempt`) as that takes. There `claim`
//! keeps others away from its `place`, `partial` knows what an earlier call left, `parallel` fetches what is missing over as many connections as were
//! asked for or `connections` finds to pay (`number`), each with its share of it (`shares`) and a `stream` that brings its bytes however often the line
//! breaks, believing only what `plan` says is the same object from the same `source`; `sink` writes, `extents` knows what is there, `integrity` proves,
//! `publish` gives the name, which a frame gets from a hidden file of its own (`stage`). `upload` goes the other way, with `input` as its body; `kind` knows
//! a file by its first bytes. A file under its final name is complete and verified: whole or absent.

mod attempt;
pub(crate) mod bandwidth;
pub(crate) mod claim;
pub(crate) mod connections;
pub(crate) mod download;
pub(crate) mod extents;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod floor;
mod holder;
pub(crate) mod input;
pub(crate) mod integrity;
pub(crate) mod kind;
pub(crate) mod number;
pub(crate) mod parallel;
pub(crate) mod partial;
pub(crate) mod place;
pub(crate) mod plan;
pub(crate) mod publish;
mod rate;
pub(crate) mod shares;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod space;
pub(crate) mod stage;
pub(crate) mod stream;
pub(crate) mod upload;
pub(crate) mod whole;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::bandwidth::Bandwidth;
pub(crate) use self::download::save_outputs;
pub use self::integrity::Verify;
pub use self::rate::BytesPerSecond;
pub(crate) use self::source::Renew;
use self::source::Storage;
use self::stream::Flow;
pub(crate) use self::upload::{check_input, upload_bytes, upload_file};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};
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
    /// What every stream of a download shares. The caller's own wishes, which were checked, go before the client's settings.
    pub(crate) fn flow(&self, connections: Option<usize>, bandwidth: Option<Arc<Bandwidth>>) -> Flow {
        Flow {
            storage: Arc::new(self.transport.clone()) as Arc<dyn Storage>,
            stall_timeout: self.settings.stall_timeout,
            backoff_base: self.settings.backoff_base,
            backoff_cap: self.settings.backoff_cap,
            cancel: self.cancel.clone(),
            connections: connections.or(self.settings.connections),
            bandwidth,
            tally: Arc::clone(self.transport.tally()),
        }
    }
}

/// What becomes of an archive of EXR frames. Archives without frames are always kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone)]
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
    /// Connections for one file, 1 to 64. `None` is the client's setting `connections`: by default as many as are found to help, at most 8.
    pub connections: Option<usize>,
    /// Go on with what an interrupted download left beside its target, and leave such for the next. Without, every download begins anew and leaves nothing.
    pub resume: bool,
    /// Bytes per second, for all connections of this download together; no limit when `None`.
    pub bandwidth: Option<u64>,
    /// How long to wait for a file that another process, or another download of this one, is fetching; zero does not wait, `None` has no limit. When it has
    /// passed, the error is `Locked`.
    pub lock_timeout: Option<Duration>,
    /// A limit that several downloads keep together; goes before `bandwidth`.
    pub(crate) shared_bandwidth: Option<Arc<Bandwidth>>,
}

impl DownloadOptions {
    /// All outputs, archives of frames unpacked, nothing overwritten, interrupted downloads resumed.
    pub fn new() -> Self {
        Self {
            only: None,
            archive: ArchiveMode::default(),
            overwrite: false,
            verify: Verify::default(),
            frame_name: None,
            first_frame: None,
            connections: None,
            resume: true,
            bandwidth: None,
            lock_timeout: None,
            shared_bandwidth: None,
        }
    }

    /// The limit of speed, if there is one.
    pub(crate) fn limit(&self) -> Option<Arc<Bandwidth>> {
        let own = || self.bandwidth.map(|rate| Arc::new(Bandwidth::new(rate)));
        self.shared_bandwidth.clone().or_else(own)
    }

    /// Refuses numbers that cannot be meant.
    pub(crate) fn check(&self) -> Result<()> {
        check_line(self.connections, self.bandwidth)
    }
}

/// Refuses a number of connections or bytes per second that cannot be meant.
pub(crate) fn check_line(connections: Option<usize>, bandwidth: Option<u64>) -> Result<()> {
    let invalid = |why: &str| Err(Error::new(ErrorKind::InvalidRequest, why));
    if connections.is_some_and(|number| !(1..=MOST_CONNECTIONS).contains(&number)) {
        return invalid("connections must be 1 to 64");
    }
    if bandwidth == Some(0) {
        return invalid("bandwidth must be above zero bytes per second");
    }
    Ok(())
}

/// Connections that a caller may ask for.
pub(crate) const MOST_CONNECTIONS: usize = 64;

impl Default for DownloadOptions {
    fn default() -> Self {
        Self::new()
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
