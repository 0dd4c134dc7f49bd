//! What this process holds, as the system tells it. Where the system has no such files, nothing is told.

use serde::{Deserialize, Serialize};

/// At one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) rss_kib: u64,
    pub(crate) threads: u64,
    pub(crate) files: u64,
}

impl Usage {
    pub(crate) fn now() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            rss_kib: number("VmRSS:")?,
            threads: number("Threads:")?,
            files: std::fs::read_dir("/proc/self/fd").ok()?.count().try_into().ok()?,
        })
    }

    /// The most of each.
    pub(crate) fn most(samples: &[Self]) -> Option<Self> {
        samples.iter().copied().reduce(|one, other| Self {
            rss_kib: one.rss_kib.max(other.rss_kib),
            threads: one.threads.max(other.threads),
            files: one.files.max(other.files),
        })
    }
}
