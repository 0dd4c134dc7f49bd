//! The files of all other clients, read again only where they have grown.
//!
//! Nobody changes what another has written, and a writer only ever cuts off what it could not write safely. So what was read before is known by its last
//! line, and where that is no longer in its place the file is read anew.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::ledger::{Ledger, Source};
use super::record::{self, Record};
use super::{directory::host, held};

/// A file of another host cannot be asked for its lock; untouched for this long, its writer is taken to be gone.
const FOREIGN_AGE: Duration = Duration::from_secs(24 * 3600);

/// See the module's first lines.
#[derive(Default)]
pub(super) struct Others(HashMap<PathBuf, Seen>);

/// Why a file cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The number of the line, from 1.
    Damaged(usize),
    Unreadable(io::Error),
}

/// What was read of one file.
#[derive(Default)]
struct Seen {
    kind: Kind,
    /// Bytes and number of the whole lines that were read, and the last of them.
    whole: u64,
    lines: usize,
    last_line: Vec<u8>,
    damaged: Option<usize>,
    /// Length and time of change when it was read.
    state: Option<(u64, Option<SystemTime>)>,
    /// The writer is gone for good: it will not grow any more.
    finished: bool,
}

#[derive(Default)]
enum Kind {
    /// Its first line is not there yet.
    #[default]
    Begun,
    /// A journal of this service, by a client on `host`.
    Known { source: Source, host: String },
    /// Of another service, or of a form nobody knows here.
    Foreign,
}

impl Others {
    /// Brings the ledger up to date with these files, which are sorted. What a file that is gone had begun is forgotten.
    pub(super) fn refresh(
        &mut self,
        files: Vec<PathBuf>,
        origin: &str,
        ledger: &mut Ledger,
    ) -> Result<(), (PathBuf, Trouble)> {
        self.0.retain(|path, seen| {
            let there = files.binary_search(path).is_ok();
            if !there {
                seen.forget(ledger);
            }
            there
        });
        for path in files {
            let seen = self.0.entry(path.clone()).or_default();
            match seen.refresh(&path, origin, ledger) {
                Ok(()) => {}
                // Removed by another's clean-up since it was listed.
                Err(_) if !path.exists() => {
                    seen.forget(ledger);
                    self.0.remove(&path);
                    continue;
                }
                Err(error) => return Err((path, Trouble::Unreadable(error))),
            }
            if let Some(line) = seen.damaged {
                return Err((path, Trouble::Damaged(line)));
            }
        }
        Ok(())
    }
}

impl Seen {
    fn forget(&self, ledger: &mut Ledger) {
        if let Kind::Known { source, .. } = &self.kind {
            ledger.forget(*source);
        }
    }

    fn refresh(&mut self, path: &Path, origin: &str, ledger: &mut Ledger) -> io::Result<()> {
        if self.finished && self.state == Some(state(&fs::metadata(path)?)) {
            return Ok(());
        }
        // Opened even when nothing seems to have changed: network file systems tell the truth about a file when it is opened.
        let mut file = File::open(path)?;
        // Asked before reading: a writer that goes after this is seen as alive once more, never the other way round.
        let held = held::is_held(path);
        let now = state(&file.metadata()?);
        if self.state != Some(now) {
            self.read(&mut file, origin, ledger)?;
            self.state = Some(now);
        }
        match &self.kind {
            Kind::Begun => {}
            Kind::Foreign => self.finished = true,
            Kind::Known { source, host } => {
                ledger.set_orphan(*source, is_orphan(held, host, now.1));
                self.finished = held == Some(false) && *host == super::directory::host() && self.damaged.is_none();
            }
        }
        Ok(())
    }

    fn read(&mut self, file: &mut File, origin: &str, ledger: &mut Ledger) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.whole - self.last_line.len() as u64))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let Some(added) = bytes.strip_prefix(self.last_line.as_slice()) else {
            self.forget(ledger);
            *self = Self::default();
            return self.read(file, origin, ledger);
        };
        let content = record::read(added);
        self.damaged = content.damaged.map(|line| self.lines + line);
        if let (Kind::Begun, Some(first)) = (&self.kind, content.records.first()) {
            self.kind = match first {
                Record::Opened { host, origin: its, .. } if its == origin => Kind::Known {
                    source: ledger.source(),
                    host: host.clone(),
                },
                _ => Kind::Foreign,
            };
        }
        self.lines += content.records.len();
        self.whole += content.whole as u64;
        if content.whole > 0 {
            self.last_line = added
                .get(content.whole - content.last_line..content.whole)
                .unwrap_or_default()
                .to_vec();
        }
        match &self.kind {
            Kind::Known { source, .. } => {
                for record in content.records {
                    ledger.apply(record, *source);
                }
            }
            Kind::Begun => {}
            // What another service's file holds, whole or not, is none of our business.
            Kind::Foreign => self.damaged = None,
        }
        Ok(())
    }
}

fn state(meta: &fs::Metadata) -> (u64, Option<SystemTime>) {
    (meta.len(), meta.modified().ok())
}

/// Whether the writer of a file is gone. `held` is what its lock says, `writer` the host it ran on, `changed` when the file was changed last.
pub(super) fn is_orphan(held: Option<bool>, writer: &str, changed: Option<SystemTime>) -> bool {
    match held.filter(|_| writer == host()) {
        Some(held) => !held,
        // Another host's lock, or a file system without locks.
        None => changed
            .and_then(|at| SystemTime::now().duration_since(at).ok())
            .is_some_and(|age| age > FOREIGN_AGE),
    }
}
