//! Whether a disk has room, asked before the first byte is fetched for it.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Refuses to begin what cannot fit: `needed` bytes in the file system of `directory`, which need not be there yet. Blocks: belongs on the blocking pool.
///
/// # Errors
/// `NoSpace`, with what is needed and what is there. A system that cannot tell refuses nothing: writing will.
pub(crate) fn ensure_space(directory: &Path, needed: u64) -> Result<()> {
    match available(directory) {
        Some(available) if available < needed => Err(Error::new(
            ErrorKind::NoSpace,
            format!(
                "{} needs {needed} bytes, and {available} are available",
                directory.display()
            ),
        )
        .with_advice("free some space or choose another directory, then call again")),
        _ => Ok(()),
    }
}

/// Bytes that an ordinary user may still write.
#[cfg(unix)]
fn available(directory: &Path) -> Option<u64> {
    // What is not there yet will be in the file system of the nearest directory that is.
    let there = directory
        .ancestors()
        .map(|path| {
            if path.as_os_str().is_empty() {
                Path::new(".")
            } else {
                path
            }
        })
        .find(|path| path.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    // Some network and pseudo file systems know no sizes at all.
    (found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}

/// Windows tells free space only through calls that are `unsafe`, which this crate forbids: there the write itself will fail.
#[cfg(not(unix))]
fn available(_: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
#[path = "space_tests.rs"]
mod tests;
