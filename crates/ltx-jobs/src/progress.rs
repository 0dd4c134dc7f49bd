//! One progress stream per operation: a snapshot in memory that only moves forward and that anybody may look at, at any rate.
//!
//! Nothing is called and nothing is printed from here; whoever wants to show progress pulls a [`Progress`]. A wait has no percentage, because the
//! service reports none: status and elapsed time are what there is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::Status;

/// What an operation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Checking arguments, looking at local files.
    Preparing,
    /// Sending an input to the storage.
    Uploading,
    /// Waiting for a free place: `max_concurrent_jobs`, or the service's own limit.
    Queued,
    /// The paid POST, or waiting for its next try.
    Submitting,
    /// The job is on the service; see `status`.
    Waiting,
    /// Fetching results.
    Downloading,
    /// Copying results to an object store.
    Rehosting,
}

impl Phase {
    /// The word used in Python, JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Uploading => "uploading",
            Self::Queued => "queued",
            Self::Submitting => "submitting",
            Self::Waiting => "waiting",
            Self::Downloading => "downloading",
            Self::Rehosting => "rehosting",
        }
    }
}

/// How far an operation has come. Numbers never go backwards within a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes moved in this phase.
    pub bytes_done: u64,
    /// Bytes to move in this phase, once known.
    pub bytes_total: Option<u64>,
    /// Frames whole and checked: on disk, in an object store, or in memory where they are read into it.
    pub frames_done: u64,
    /// Frames to come, once known.
    pub frames_total: Option<u64>,
    /// The job's last known status, while waiting.
    pub status: Option<Status>,
    /// How long the service has not been reachable, while waiting.
    pub unreachable: Option<Duration>,
    /// Who else is fetching the file that is waited for (process and host), while that is so.
    pub waiting_for: Option<String>,
    /// Time since the operation began.
    pub elapsed: Duration,
}

/// The writing end. Clones write to the same progress.
#[derive(Debug, Clone)]
pub(crate) struct ProgressSink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    began: Instant,
    now: Mutex<Progress>,
}

impl ProgressSink {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            began: Instant::now(),
            now: Mutex::new(Progress {
                phase: Phase::Preparing,
                bytes_done: 0,
                bytes_total: None,
                frames_done: 0,
                frames_total: None,
                status: None,
                unreachable: None,
                waiting_for: None,
                elapsed: Duration::ZERO,
            }),
        }))
    }

    fn with<R>(&self, change: impl FnOnce(&mut Progress) -> R) -> R {
        change(&mut self.0.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn snapshot(&self) -> Progress {
        let mut progress = self.with(|now| now.clone());
        progress.elapsed = self.0.began.elapsed();
        progress
    }

    /// Begins a phase; byte counts start anew when it is another one.
    pub(crate) fn set_phase(&self, phase: Phase) {
        self.with(|now| {
            if now.phase != phase {
                now.phase = phase;
                now.bytes_done = 0;
                now.bytes_total = None;
            }
        });
    }

    /// The bytes of this phase, when known.
    pub(crate) fn set_total(&self, bytes: Option<u64>) {
        self.with(|now| now.bytes_total = bytes.map(|total| total.max(now.bytes_done)));
    }

    /// More bytes belong to this phase (another file).
    pub(crate) fn add_total(&self, bytes: u64) {
        self.with(|now| now.bytes_total = Some(now.bytes_total.unwrap_or(0).saturating_add(bytes)));
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.with(|now| {
            now.bytes_done = now.bytes_done.saturating_add(bytes);
            now.bytes_total = now.bytes_total.map(|total| total.max(now.bytes_done));
        });
    }

    /// Frames done and to come; a smaller number than before is ignored.
    pub(crate) fn set_frames(&self, done: u64, total: Option<u64>) {
        self.with(|now| {
            now.frames_done = now.frames_done.max(done);
            now.frames_total = total.or(now.frames_total);
        });
    }

    /// A status that is not known leaves the last known one.
    pub(crate) fn set_waiting(&self, status: Option<Status>, unreachable: Option<Duration>) {
        self.with(|now| {
            now.status = status.or(now.status.take());
            now.unreachable = unreachable;
        });
    }

    pub(crate) fn set_waiting_for(&self, whom: Option<String>) {
        self.with(|now| now.waiting_for = whom);
    }
}

/// One file's share of an operation's bytes. A file that is begun anew does not go backwards: it shows again when it is past the old place.
#[derive(Debug)]
pub(crate) struct FileProgress {
    progress: ProgressSink,
    shown: AtomicU64,
    total: AtomicU64,
}

impl FileProgress {
    pub(crate) fn new(progress: ProgressSink) -> Self {
        Self {
            progress,
            shown: AtomicU64::new(0),
            total: AtomicU64::new(0),
        }
    }

    /// The file's length, when known.
    pub(crate) fn set_total(&self, bytes: u64) {
        let before = self.total.fetch_max(bytes, Ordering::AcqRel);
        if bytes > before {
            self.progress.add_total(bytes - before);
        }
    }

    /// So many bytes of the file are there, those of an earlier download among them.
    pub(crate) fn set_done(&self, bytes: u64) {
        let before = self.shown.fetch_max(bytes, Ordering::AcqRel);
        if bytes > before {
            self.progress.add_bytes(bytes - before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_only_grow_within_a_phase() {
        let sink = ProgressSink::new();
        sink.set_phase(Phase::Downloading);
        sink.set_total(Some(10));
        sink.add_bytes(7);
        sink.set_total(Some(5));
        sink.set_frames(3, Some(9));
        sink.set_frames(2, None);
        let progress = sink.snapshot();
        assert_eq!((progress.bytes_done, progress.bytes_total), (7, Some(7)));
        assert_eq!((progress.frames_done, progress.frames_total), (3, Some(9)));
        sink.set_phase(Phase::Waiting);
        assert_eq!(sink.snapshot().bytes_done, 0);
    }

    #[test]
    fn a_file_that_is_begun_anew_or_resumed_never_goes_backwards() {
        let sink = ProgressSink::new();
        sink.set_phase(Phase::Downloading);
        let seen = || {
            let now = sink.snapshot();
            (now.bytes_done, now.bytes_total)
        };
        let first = FileProgress::new(sink.clone());
        first.set_total(100);
        first.set_done(60);
        first.set_total(100);
        first.set_done(10);
        assert_eq!(seen(), (60, Some(100)));
        first.set_done(100);
        let resumed = FileProgress::new(sink.clone());
        resumed.set_total(50);
        resumed.set_done(40);
        assert_eq!(seen(), (140, Some(150)));
        // Begun anew, as a longer version.
        resumed.set_total(70);
        resumed.set_done(5);
        assert_eq!(seen(), (140, Some(170)));
    }
}
