//! The file this client appends to, and the wait until what was appended is on the disk.
//!
//! Writing is one thing and waiting for the disk another: whoever has written waits without holding anything up, and submits that wait at the same moment
//! share one sync.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::held::Held;

/// Made with the first record, so that a client that submits nothing leaves nothing.
pub(super) struct OwnFile {
    path: PathBuf,
    disk: Arc<Disk>,
    /// Bytes of whole lines.
    length: u64,
    _held: Held,
}

impl OwnFile {
    /// Makes the file under this name, with its first line on the disk.
    pub(super) fn create(path: PathBuf, first_line: &[u8]) -> io::Result<Self> {
        // The lock has a file of its own, because a lock keeps others from reading on some systems. Held before there is anything to read.
        let held = Held::new(&path, std::process::id())?;
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut own = Self {
            disk: Arc::new(Disk::new(options.open(&path)?)),
            path,
            length: 0,
            _held: held,
        };
        let written = own.append(first_line).and_then(Written::on_disk);
        if let Err(error) = written {
            // Nobody may read half a first line and wonder. What cannot be removed is passed over by readers.
            let _ = std::fs::remove_file(&own.path);
            return Err(error);
        }
        #[cfg(unix)]
        if let Some(Err(error)) = own
            .path
            .parent()
            .map(|parent| File::open(parent).and_then(|parent| parent.sync_all()))
        {
            tracing::debug!(%error, "the journal directory cannot be synced");
        }
        Ok(own)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line. After an error half a line may be there: [`cut`](Self::cut) it off, or write no more.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<Written> {
        (&self.disk.file).write_all(line)?;
        self.length += line.len() as u64;
        self.disk.written.store(self.length, Ordering::Release);
        Ok(Written {
            disk: Arc::clone(&self.disk),
            upto: self.length,
        })
    }

    /// Cuts off what is behind the last whole line. False when that is not possible.
    pub(super) fn cut(&self) -> bool {
        self.disk.file.set_len(self.length).is_ok()
    }

    /// Whether it can no longer be trusted, because a sync failed.
    pub(super) fn is_given_up(&self) -> bool {
        self.disk.lock().failed.is_some()
    }

    /// The same file through another handle: one that cannot be written, for example.
    #[cfg(test)]
    pub(super) fn replace_handle(&mut self, file: File) {
        self.disk = Arc::new(Disk::new(file));
    }
}

struct Disk {
    file: File,
    /// Bytes handed to the operating system.
    written: AtomicU64,
    sync: Mutex<Sync>,
    changed: Condvar,
}

#[derive(Default)]
struct Sync {
    /// Bytes that are on the disk.
    safe: u64,
    running: bool,
    /// The first failure, as the number of the operating system where there is one.
    failed: Option<(Option<i32>, String)>,
}

impl Disk {
    fn new(file: File) -> Self {
        Self {
            file,
            written: AtomicU64::new(0),
            sync: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sync> {
        self.sync.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that was written, and may not be on the disk yet.
#[must_use]
pub(super) struct Written {
    disk: Arc<Disk>,
    upto: u64,
}

impl Written {
    /// Waits until the line is on the disk. One of those who wait does the sync for all that was written by then.
    pub(super) fn on_disk(self) -> io::Result<()> {
        let mut sync = self.disk.lock();
        loop {
            if sync.safe >= self.upto {
                return Ok(());
            }
            if let Some((number, text)) = &sync.failed {
                // Nobody will act on what was written since the last sync: it must not be read as if somebody had.
                let _ = self.disk.file.set_len(sync.safe);
                return Err(number.map_or_else(|| io::Error::other(text.clone()), io::Error::from_raw_os_error));
            }
            if sync.running {
                sync = self.disk.changed.wait(sync).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            sync.running = true;
            drop(sync);
            let upto = self.disk.written.load(Ordering::Acquire);
            let done = self.disk.file.sync_data();
            sync = self.disk.lock();
            sync.running = false;
            match done {
                Ok(()) => sync.safe = sync.safe.max(upto),
                // What the system has dropped after a failed sync is not known: nothing more is trusted to this file.
                Err(error) => sync.failed = Some((error.raw_os_error(), error.to_string())),
            }
            self.disk.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_written_at_the_same_time_are_all_on_the_disk_when_their_writers_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let own = OwnFile::create(directory.path().join("host-1-a.jsonl"), b"first\n").unwrap();
        let path = own.path().to_owned();
        let own = Mutex::new(own);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let written = own.lock().unwrap().append(b"line\n").unwrap();
                        let (disk, upto) = (Arc::clone(&written.disk), written.upto);
                        written.on_disk().unwrap();
                        assert!(disk.lock().safe >= upto);
                    }
                });
            }
        });
        assert_eq!(std::fs::read(path).unwrap().len(), 6 + 8 * 20 * 5);
    }

    #[test]
    fn half_a_line_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let mut own = OwnFile::create(directory.path().join("host-1-a.jsonl"), b"first\n").unwrap();
        (&own.disk.file).write_all(b"hal").unwrap();
        assert!(own.cut());
        own.append(b"second\n").unwrap().on_disk().unwrap();
        assert_eq!(std::fs::read(own.path()).unwrap(), b"first\nsecond\n");
        assert!(!own.is_given_up());
    }
}
