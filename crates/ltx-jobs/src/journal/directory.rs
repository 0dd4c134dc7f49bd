//! A journal in a directory: each client appends to a file of its own, with a lock of the operating system beside it while it lives, and reads the files of
//! all others. Nobody writes into another's file, so several processes, forked children and two copies of this library in one host are safe together, and
//! so are machines that share a network home, but for one thing: a `once` key tried on two machines within the moment for which the file system keeps an
//! old listing of the directory can go through on both.
//!
//! A submit under a `once` key writes its intent first and looks at the others' files after that. Whoever then finds another open intent steps back, so
//! two processes can never both send it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::held::{self, Held};
use super::record::{self, Record};
use super::{Entry, Fate, Intent, Journal, Ledger, Once, Place};
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobRef;
use crate::keys::Keys;
use crate::model::{Status, format_time};

const EXTENSION: &str = "jsonl";

/// A file of another host cannot be asked for its lock; untouched for this long, its writer is taken to be gone.
const FOREIGN_AGE: Duration = Duration::from_secs(24 * 3600);

/// Who writes.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The API's address, without credentials.
    pub(crate) origin: String,
    /// The key in use, which may change.
    pub(crate) keys: Arc<Keys>,
}

impl Identity {
    /// The fingerprint of the key in use.
    fn key(&self) -> String {
        self.keys.current().map(|key| key.fingerprint()).unwrap_or_default()
    }
}

/// See the module's first lines.
pub(crate) struct DirectoryJournal {
    directory: PathBuf,
    identity: Identity,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What this client wrote, in order.
    records: Vec<Record>,
    /// The same as a ledger.
    own: Ledger,
    file: Option<Own>,
}

/// The file of this client. Made with the first record, so that a client that submits nothing leaves nothing.
struct Own {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    length: u64,
    _held: Held,
}

/// Another client's file, as far as it can be read.
struct Foreign {
    records: Vec<Record>,
    orphan: bool,
    same_origin: bool,
}

impl DirectoryJournal {
    /// Makes the directory if needed, and tries whether it can be written. Files that are old and settled go.
    pub(crate) fn open(directory: PathBuf, identity: Identity) -> Result<Self> {
        try_out(&directory)?;
        let journal = Self {
            directory,
            identity,
            state: Mutex::default(),
        };
        journal.clean_up();
        Ok(journal)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a record to the own file; `sync` waits until it is on the disk.
    fn append(&self, state: &mut State, record: &Record, sync: bool) -> Result<()> {
        let own = match &mut state.file {
            Some(own) => own,
            empty => empty.insert(self.create()?),
        };
        let line = record.line().map_err(|error| {
            Error::new(
                ErrorKind::Journal,
                format!("a journal record cannot be written: {error}"),
            )
        })?;
        let written = own
            .file
            .write_all(&line)
            .and_then(|()| if sync { own.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => {
                own.length += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                let error = cannot("write", &own.path, error);
                // Half a line may have been written (a full disk). It must not be in the middle of a file: cut it off, or go on in another file.
                if own.file.set_len(own.length).is_err() {
                    state.file = None;
                }
                Err(error)
            }
        }
    }

    fn create(&self) -> Result<Own> {
        let process = std::process::id();
        let name = format!("{}-{process}-{:08x}", host(), fastrand::u32(..));
        let path = self.directory.join(format!("{name}.{EXTENSION}"));
        // The lock has a file of its own, because a lock keeps others from reading on some systems. Held before there is anything to read.
        let held = Held::new(&path, process).map_err(|error| cannot("make", &path, error))?;
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&path).map_err(|error| cannot("make", &path, error))?;
        let opened = Record::Opened {
            at: format_time(SystemTime::now()),
            host: host(),
            process,
            origin: self.identity.origin.clone(),
            key: self.identity.key(),
            version: crate::VERSION.to_owned(),
        };
        let line = opened
            .line()
            .map_err(|error| Error::new(ErrorKind::Journal, error.to_string()))?;
        file.write_all(&line)
            .and_then(|()| file.sync_data())
            .map_err(|error| cannot("write", &path, error))?;
        #[cfg(unix)]
        if let Err(error) = File::open(&self.directory).and_then(|directory| directory.sync_all()) {
            tracing::debug!(%error, "the journal directory cannot be synced");
        }
        Ok(Own {
            file,
            path,
            length: line.len() as u64,
            _held: held,
        })
    }

    /// Reads every other file.
    ///
    /// # Errors
    /// `Journal` naming file and line when one is damaged before its last line.
    fn others(&self, state: &State) -> Result<Vec<Foreign>> {
        let own = state.file.as_ref().map(|own| own.path.as_path());
        let mut others = Vec::new();
        for path in self.files()? {
            if own == Some(path.as_path()) {
                continue;
            }
            match self.read_foreign(&path) {
                Ok(Some(foreign)) => others.push(foreign),
                Ok(None) => {}
                // Removed by another's clean-up since it was listed.
                Err(error) if error.os_error().is_some() && !path.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(others)
    }

    /// All journal files, by name.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let unreadable = |error| cannot("read", &self.directory, error);
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn read_foreign(&self, path: &Path) -> Result<Option<Foreign>> {
        let unreadable = |error| cannot("read", path, error);
        let mut file = File::open(path).map_err(unreadable)?;
        // Asked before reading: a writer that goes after this is seen as alive once more, never the other way round.
        let held = held::is_held(path);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let content = record::read(&bytes);
        if let Some(line) = content.damaged {
            return Err(Error::new(
                ErrorKind::Journal,
                format!("the journal {} is damaged in line {line}", path.display()),
            )
            .with_advice("nothing was changed; move the file away once its jobs are settled"));
        }
        let Some(Record::Opened {
            host: writer, origin, ..
        }) = content.records.first()
        else {
            return Ok(None);
        };
        let age = file
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        let old = age.is_some_and(|age| age > FOREIGN_AGE);
        let orphan = match held.filter(|_| *writer == host()) {
            Some(held) => !held,
            // Another host's lock, or a file system without locks.
            None => old,
        };
        let same_origin = *origin == self.identity.origin;
        Ok(Some(Foreign {
            records: content.records,
            orphan,
            same_origin,
        }))
    }

    /// Removes files that are old and have nothing left to tell. What cannot be judged stays.
    fn clean_up(&self) {
        let mut files = Vec::new();
        for path in self.files().unwrap_or_default() {
            let modified = fs::metadata(&path).and_then(|meta| meta.modified()).ok();
            let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok());
            if let (Some(age), Ok(Some(foreign))) = (age, self.read_foreign(&path)) {
                files.push((path, age, foreign));
            }
        }
        for (path, age, foreign) in &files {
            let told_of_others = files
                .iter()
                .any(|(other, _, begun)| other != path && record::tells_of(&foreign.records, &begun.records));
            if !foreign.orphan || told_of_others || !record::is_settled(&record::ledger(&foreign.records), *age) {
                continue;
            }
            match fs::remove_file(path) {
                Ok(()) => drop(fs::remove_file(held::path_for(path))),
                Err(error) => tracing::debug!(%error, path = %path.display(), "an old journal file cannot be removed"),
            }
        }
    }

    /// Everything that is known of this service's submits, from all files. Ends, saves and settlements may stand in another file than the intent.
    fn view(&self, state: &State) -> Result<Ledger> {
        let others = self.others(state)?;
        let mut ledger = Ledger::default();
        let mut later: Vec<&Record> = Vec::new();
        let here = (state.records.as_slice(), false);
        let there = others
            .iter()
            .filter(|other| other.same_origin)
            .map(|other| (other.records.as_slice(), other.orphan));
        let own_key = self.identity.key();
        for (records, orphan) in std::iter::once(here).chain(there) {
            for record in records {
                if let Record::Intent { key, .. } = record {
                    record::apply(&mut ledger, record);
                    if let Some(entry) = ledger.entries.last_mut() {
                        (entry.orphan, entry.other_key) = (orphan, *key != own_key);
                    }
                } else {
                    later.push(record);
                }
            }
        }
        later.sort_by_key(|record| (record.rank(), record.at()));
        later.into_iter().for_each(|record| record::apply(&mut ledger, record));
        for entry in ledger
            .entries
            .iter_mut()
            .filter(|entry| entry.orphan && entry.fate == Fate::Open)
        {
            // Whoever began it is gone, and left no outcome: nobody can tell.
            entry.fate = Fate::Unknown { request_id: None };
        }
        ledger.entries.sort_by_key(|entry| entry.intent.began_at);
        Ok(ledger)
    }

    /// Writes a record and keeps it.
    fn note(&self, state: &mut State, record: Record, sync: bool) -> Result<()> {
        self.append(state, &record, sync)?;
        record::apply(&mut state.own, &record);
        state.records.push(record);
        Ok(())
    }
}

impl Journal for DirectoryJournal {
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once> {
        Ok(self.view(&self.lock())?.once(key, fingerprint, None))
    }

    fn begin(&self, intent: Intent) -> Result<Once> {
        let mut state = self.lock();
        let Some(key) = intent.once.clone() else {
            return self
                .note(&mut state, Record::intent(&intent, self.identity.key()), true)
                .map(|()| Once::Free);
        };
        let known = self.view(&state)?.once(&key, &intent.fingerprint, None);
        if known != Once::Free {
            return Ok(known);
        }
        self.note(&mut state, Record::intent(&intent, self.identity.key()), true)?;
        // Another process may have written its intent between the look and the write. It, or both, step back; never do both go on.
        let known = self
            .view(&state)
            .map(|view| view.once(&key, &intent.fingerprint, Some(&intent.id)));
        if !matches!(known, Ok(Once::Free)) {
            self.note(
                &mut state,
                Record::Refused {
                    intent: intent.id,
                    at: format_time(SystemTime::now()),
                },
                true,
            )?;
        }
        known
    }

    fn settle(&self, intent: &str, fate: Fate) -> Result<()> {
        match Record::fate(intent, &fate, SystemTime::now()) {
            Some(record) => self.note(&mut self.lock(), record, true),
            None => Ok(()),
        }
    }

    fn fate(&self, intent: &str) -> Result<Option<Fate>> {
        let state = self.lock();
        if let Some(entry) = state.own.find(intent) {
            return Ok(Some(entry.fate.clone()));
        }
        Ok(self.view(&state)?.find(intent).map(|entry| entry.fate.clone()))
    }

    fn ended(&self, job: &JobRef, status: &Status) -> Result<()> {
        let record = Record::Ended {
            job: job.clone(),
            status: status.as_str().to_owned(),
            at: format_time(SystemTime::now()),
        };
        self.note(&mut self.lock(), record, false)
    }

    fn saved(&self, job: &JobRef) -> Result<()> {
        self.note(
            &mut self.lock(),
            Record::Saved {
                job: job.clone(),
                at: format_time(SystemTime::now()),
            },
            false,
        )
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        Ok(self.view(&self.lock())?.entries)
    }

    fn place(&self) -> Result<Place> {
        try_out(&self.directory)?;
        Ok(Place::Directory(self.directory.clone()))
    }
}

/// Makes the directory if needed, and a file in it that goes at once.
fn try_out(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| cannot("make", directory, error))?;
    tempfile::Builder::new()
        .prefix(".try")
        .tempfile_in(directory)
        .map(drop)
        .map_err(|error| cannot("write into", directory, error))
}

/// This machine's name, as far as it fits into a file name.
pub(crate) fn host() -> String {
    let name = host_name().unwrap_or_else(|| "localhost".to_owned());
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    name.chars().map(|c| if fits(c) { c } else { '_' }).take(64).collect()
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    let made = Error::io(format_args!("cannot {what} the journal {}", path.display()), error);
    if made.kind() == ErrorKind::NoSpace {
        made
    } else {
        Error::into_journal(made)
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
