//! A journal in a directory: each client appends to a file of its own, with a lock of the operating system beside it while it lives, and reads the files of
//! all others. Nobody writes into another's file, so several processes, forked children and two copies of this library in one host are safe together, and
//! so are machines that share a network home, but for one thing: a `once` key tried on two machines within the moment for which the file system keeps an
//! old listing of the directory can go through on both.
//!
//! A submit under a `once` key writes its intent first and looks at the others' files after that. Whoever then finds another open intent steps back, so
//! two processes can never both send it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::ledger::{Ledger, Source};
use super::others::{Others, Trouble, is_orphan};
use super::own::{OwnFile, Written};
use super::record::{self, Record};
use super::{Entry, Fate, Intent, Journal, Once, Place, SavedTo, held, old};
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobRef;
use crate::keys::Keys;
use crate::model::{Status, format_time};

const EXTENSION: &str = "jsonl";

/// Who writes.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The API's address, without credentials.
    pub(crate) origin: String,
    /// The key in use, which may change.
    pub(crate) keys: Arc<Keys>,
}

impl Identity {
    /// The fingerprint of the key in use. Whoever writes or reads what depends on it has asked for the key before.
    fn key(&self) -> String {
        let key = self.keys.known().ok().flatten();
        key.map(|key| key.fingerprint()).unwrap_or_default()
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
    /// Everything that is known of this service's submits: what this client did, and what was read in the files of others.
    ledger: Ledger,
    others: Others,
    file: Option<OwnFile>,
    /// Files that could not be written any more. Kept, because their locks tell others that this client lives.
    left: Vec<OwnFile>,
    /// What is known, but found no room on the disk: written behind the next record that does.
    unwritten: Vec<Record>,
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

    /// Appends a record to the own file, and behind it those that found no room before. It is not on the disk before [`on_disk`](Self::on_disk).
    fn append(&self, state: &mut State, record: &Record) -> Result<Written> {
        let written = self.write(state, record)?;
        while let Some(late) = state.unwritten.pop() {
            if self.write(state, &late).is_err() {
                state.unwritten.push(late);
                break;
            }
        }
        Ok(written)
    }

    fn write(&self, state: &mut State, record: &Record) -> Result<Written> {
        let line = line(record)?;
        if let Some(given_up) = state.file.take_if(|own| own.is_given_up()) {
            state.left.push(given_up);
        }
        let own = match &mut state.file {
            Some(own) => own,
            empty => empty.insert(self.create()?),
        };
        let error = match own.append(&line) {
            Ok(written) => return Ok(written),
            Err(error) => cannot("write", own.path(), error),
        };
        // Half a line may have been written (a full disk). It must not be in the middle of a file: cut it off, or go on in another file.
        if !own.cut() {
            state.left.extend(state.file.take());
        }
        Err(error)
    }

    /// Waits until what was written is on the disk. Not under the lock, so that those who wait at the same time wait for one sync.
    fn on_disk(&self, written: Written) -> Result<()> {
        written
            .on_disk()
            .map_err(|error| cannot("write", &self.directory, error))
    }

    fn create(&self) -> Result<OwnFile> {
        let process = std::process::id();
        let name = format!("{}-{process}-{:08x}", host(), fastrand::u32(..));
        let path = self.directory.join(format!("{name}.{EXTENSION}"));
        let opened = Record::Opened {
            at: now(),
            host: host(),
            process,
            origin: self.identity.origin.clone(),
            key: self.identity.key(),
            version: crate::VERSION.to_owned(),
        };
        OwnFile::create(path.clone(), &line(&opened)?).map_err(|error| cannot("make", &path, error))
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

    /// Takes in what others have written since the last time.
    ///
    /// # Errors
    /// `Journal` naming file and line when one is damaged before its last line.
    fn refresh(&self, state: &mut State) -> Result<()> {
        let State {
            ledger,
            others,
            file,
            left,
            ..
        } = state;
        let mut files = self.files()?;
        files.retain(|path| !file.iter().chain(&*left).any(|own| own.path() == path));
        others
            .refresh(files, &self.identity.origin, ledger)
            .map_err(|(path, trouble)| match trouble {
                Trouble::Unreadable(error) => cannot("read", &path, error),
                Trouble::Damaged(line) => Error::new(
                    ErrorKind::Journal,
                    format!("the journal {} is damaged in line {line}", path.display()),
                )
                .with_advice("nothing was changed; move the file away once its jobs are settled"),
            })
    }

    /// Removes files that are old and have nothing left to tell. What cannot be judged stays.
    fn clean_up(&self) {
        let aged: Vec<_> = self
            .files()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|path| {
                let changed = fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
                let age = SystemTime::now().duration_since(changed).ok()?;
                Some((path, changed, age))
            })
            .collect();
        // Rarely is there anything to do, and then nothing is read.
        if aged.iter().all(|(_, _, age)| *age < old::KEPT) {
            return;
        }
        let mut files = Vec::new();
        for (path, changed, age) in aged {
            let held = held::is_held(&path);
            let Ok(content) = fs::read(&path).map(|bytes| record::read(&bytes)) else {
                continue;
            };
            if let (None, Some(Record::Opened { host, .. })) = (content.damaged, content.records.first()) {
                let removable = is_orphan(held, host, Some(changed)) && old::is_settled(&content.records, age);
                files.push((path, removable, content.records));
            }
        }
        for (path, _, records) in files.iter().filter(|(_, removable, _)| *removable) {
            let told_of_others = files
                .iter()
                .any(|(other, _, begun)| other != path && old::tells_of(records, begun));
            if told_of_others {
                continue;
            }
            match fs::remove_file(path) {
                Ok(()) => drop(fs::remove_file(held::path_for(path))),
                Err(error) => tracing::debug!(%error, path = %path.display(), "an old journal file cannot be removed"),
            }
        }
    }

    /// Writes down what is known already: what the ledger has learned stays true, whatever becomes of the record.
    fn note(&self, record: Record, learn: impl FnOnce(&mut Ledger)) -> Result<Written> {
        let mut state = self.lock();
        learn(&mut state.ledger);
        let written = self.append(&mut state, &record);
        if written.is_err() {
            state.unwritten.push(record);
        }
        written
    }
}

impl Journal for DirectoryJournal {
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once> {
        let mut state = self.lock();
        self.refresh(&mut state)?;
        Ok(state.ledger.once(key, fingerprint, None))
    }

    fn begin(&self, intent: Intent) -> Result<Once> {
        let key = self.identity.key();
        let record = Record::intent(&intent, key.clone());
        let written = {
            let mut state = self.lock();
            if let Some(once) = &intent.once {
                self.refresh(&mut state)?;
                let known = state.ledger.once(once, &intent.fingerprint, None);
                if known != Once::Free {
                    return Ok(known);
                }
            }
            let written = self.append(&mut state, &record)?;
            state.ledger.add(intent.clone(), key, Source::OWN);
            written
        };
        if let Err(error) = self.on_disk(written) {
            // It will not be sent, and must not stand in the way of another try.
            self.lock().ledger.settle(&intent.id, Fate::Refused, &now());
            return Err(error);
        }
        let Some(once) = &intent.once else {
            return Ok(Once::Free);
        };
        // Another process may have written its intent between the look and the write. It, or both, step back; never do both go on.
        let known = {
            let mut state = self.lock();
            self.refresh(&mut state)
                .map(|()| state.ledger.once(once, &intent.fingerprint, Some(&intent.id)))
        };
        if !matches!(known, Ok(Once::Free)) {
            self.settle(&intent.id, Fate::Refused)?;
        }
        known
    }

    fn settle(&self, intent: &str, fate: Fate) -> Result<()> {
        let at = SystemTime::now();
        let Some(record) = Record::fate(intent, &fate, at) else {
            return Ok(());
        };
        let written = self.note(record.clone(), |ledger| {
            ledger.settle(intent, fate, &format_time(at));
        })?;
        let on_disk = self.on_disk(written);
        if on_disk.is_err() {
            self.lock().unwritten.push(record);
        }
        on_disk
    }

    fn same(&self, intent: &str, other: &str) -> Result<()> {
        let (intent, other) = (intent.to_owned(), other.to_owned());
        let record = Record::Same {
            intent: intent.clone(),
            other: other.clone(),
            at: now(),
        };
        self.note(record, |ledger| ledger.same(intent, other)).map(drop)
    }

    fn resolve(&self, intent: &str, job: Option<JobRef>) -> Result<()> {
        let at = now();
        let record = Record::Resolved {
            intent: intent.to_owned(),
            job: job.clone(),
            at: at.clone(),
        };
        // Learned only when it is written: somebody who hears of an error will try again.
        let written = self.append(&mut self.lock(), &record)?;
        self.on_disk(written)?;
        self.lock().ledger.resolve(intent, job, &at);
        Ok(())
    }

    fn fate(&self, intent: &str) -> Result<Option<Fate>> {
        let mut state = self.lock();
        if state.ledger.is_own(intent) {
            match state.ledger.fate(intent) {
                // Somebody may have settled it in another process.
                None | Some(Fate::Unknown { .. } | Fate::IdLost { .. }) => {}
                known => return Ok(known),
            }
        }
        self.refresh(&mut state)?;
        Ok(state.ledger.fate(intent))
    }

    fn ended(&self, job: &JobRef, status: &Status) -> Result<()> {
        let at = now();
        let record = Record::Ended {
            job: job.clone(),
            status: status.as_str().to_owned(),
            at: at.clone(),
        };
        // If this is lost in a power cut, the job is asked for once more.
        self.note(record, |ledger| ledger.ended(job, status, &at)).map(drop)
    }

    fn saved(&self, job: &JobRef, to: Option<SavedTo>) -> Result<()> {
        let record = Record::Saved {
            job: job.clone(),
            at: now(),
            to: to.clone(),
        };
        self.note(record, |ledger| ledger.saved(job, to)).map(drop)
    }

    fn places_saved(&self, job: &JobRef) -> Result<Vec<SavedTo>> {
        let mut state = self.lock();
        self.refresh(&mut state)?;
        Ok(state.ledger.places_saved(job))
    }

    fn knows(&self, job: &JobRef) -> Result<bool> {
        let mut state = self.lock();
        if state.ledger.knows(job) {
            return Ok(true);
        }
        self.refresh(&mut state)?;
        Ok(state.ledger.knows(job))
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        let mut state = self.lock();
        self.refresh(&mut state)?;
        Ok(state.ledger.entries(&self.identity.key()))
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

fn now() -> String {
    format_time(SystemTime::now())
}

fn line(record: &Record) -> Result<Vec<u8>> {
    record.line().map_err(|error| {
        Error::new(
            ErrorKind::Journal,
            format!("a journal record cannot be written: {error}"),
        )
    })
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

#[cfg(test)]
#[path = "directory_others_tests.rs"]
mod others_tests;
