//! The transfers of many jobs that are under way: as lines below a bar, and as fields of an event. Pure.

use indicatif::HumanBytes;
use ltx_jobs::{BatchTransfer, Progress};
use serde_json::{Value, json};

/// Transfers that get a line of their own.
const LINES: usize = 4;

/// One transfer, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moving {
    /// What people know its job by.
    pub(crate) key: String,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: Option<u64>,
    pub(crate) frames_done: u64,
    pub(crate) frames_total: Option<u64>,
}

impl Moving {
    pub(crate) fn new(key: String, progress: &Progress) -> Self {
        Self {
            key,
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total.filter(|total| *total > 0),
            frames_done: progress.frames_done,
            frames_total: progress.frames_total,
        }
    }

    fn line(&self) -> String {
        let mut line = format!("  {}  {}", self.key, HumanBytes(self.bytes_done));
        if let Some(total) = self.bytes_total {
            line.push_str(&format!(" of {}", HumanBytes(total)));
        }
        if let Some(total) = self.frames_total {
            line.push_str(&format!(", {} of {total} frames", self.frames_done));
        }
        line
    }
}

impl From<BatchTransfer> for Moving {
    fn from(transfer: BatchTransfer) -> Self {
        Self::new(transfer.key, &transfer.progress)
    }
}

/// The first of them, and how many more there are.
pub(crate) fn lines(moving: &[Moving]) -> Vec<String> {
    let mut lines: Vec<String> = moving.iter().take(LINES).map(Moving::line).collect();
    if let Some(more) = moving.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more"));
    }
    lines
}

/// All of them, for an event.
pub(crate) fn fields(moving: &[Moving]) -> Vec<Value> {
    let fields = moving.iter().map(|one| {
        json!({
            "key": one.key,
            "bytes_done": one.bytes_done,
            "bytes_total": one.bytes_total,
            "frames_done": one.frames_done,
            "frames_total": one.frames_total,
        })
    });
    fields.collect()
}
