//! One progress stream per operation: a snapshot in memory that only moves forward and that anybody may look at, at any rate.
//!
//! Nothing is called and nothing is printed from here; whoever wants to show progress pulls a [`Progress`]. A wait has no percentage, because the
//! service reports none: status and elapsed time are what there is.

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
    /// The paid POST, or waiting for its next try.
    Submitting,
    /// The job is on the service; see `status`.
    Waiting,
    /// Fetching results.
    Downloading,
}

impl Phase {
    /// The word used in Python, JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Uploading => "uploading",
            Self::Submitting => "submitting",
            Self::Waiting => "waiting",
            Self::Downloading => "downloading",
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
    /// Frames whole on disk.
    pub frames_done: u64,
    /// Frames to come, once known.
    pub frames_total: Option<u64>,
    /// The job's last known status, while waiting.
    pub status: Option<Status>,
    /// How long the service has not been reachable, while waiting.
    pub unreachable: Option<Duration>,
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
}
