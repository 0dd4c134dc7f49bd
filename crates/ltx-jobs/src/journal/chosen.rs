//! The journal that the settings ask for, opened when it is first needed.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::directory::{DirectoryJournal, Identity, host};
use super::memory::{MemoryJournal, NoJournal};
use super::{Entry, Fate, Intent, Journal, Once, Place, SavedTo};
use crate::config::{JournalSetting, Settings, is_loopback};
use crate::error::Result;
use crate::job::JobRef;
use crate::keys::Keys;
use crate::model::Status;

/// See the module's first line.
pub(crate) struct ChosenJournal {
    setting: JournalSetting,
    loopback: bool,
    origin: String,
    keys: Arc<Keys>,
    opened: OnceLock<Box<dyn Journal>>,
    /// Why the default directory could not be used.
    trouble: OnceLock<String>,
}

impl ChosenJournal {
    pub(crate) fn new(settings: &Settings, keys: Arc<Keys>) -> Self {
        Self {
            setting: settings.journal.clone(),
            loopback: is_loopback(&settings.base_url),
            origin: settings.base_url.to_string(),
            keys,
            opened: OnceLock::new(),
            trouble: OnceLock::new(),
        }
    }

    fn opened(&self) -> Result<&dyn Journal> {
        if let Some(journal) = self.opened.get() {
            return Ok(journal.as_ref());
        }
        let journal = self.open()?;
        Ok(self.opened.get_or_init(|| journal).as_ref())
    }

    fn open(&self) -> Result<Box<dyn Journal>> {
        let directory = match &self.setting {
            JournalSetting::Off => return Ok(Box::new(NoJournal)),
            JournalSetting::Memory => return Ok(Box::new(MemoryJournal::default())),
            JournalSetting::Default if self.loopback => return Ok(Box::new(MemoryJournal::default())),
            JournalSetting::Directory(directory) => {
                return Ok(Box::new(DirectoryJournal::open(directory.clone(), self.identity()?)?));
            }
            JournalSetting::Default => state_directory(),
        };
        let identity = self.identity()?;
        let opened = match directory {
            Some(directory) => DirectoryJournal::open(directory, identity).map_err(|error| error.message().to_owned()),
            None => Err("the user has no home directory".to_owned()),
        };
        match opened {
            Ok(journal) => Ok(Box::new(journal)),
            Err(why) => {
                tracing::warn!(target: crate::telemetry::SUBMIT, %why, "there is no journal: after a crash, jobs submitted now cannot be found again");
                let _ = self.trouble.set(why);
                Ok(Box::new(MemoryJournal::default()))
            }
        }
    }

    fn identity(&self) -> Result<Identity> {
        // A key that cannot be had is told here, not taken for another one. A function is asked by those who need it, not on this thread.
        self.keys.known()?;
        Ok(Identity {
            origin: self.origin.clone(),
            keys: Arc::clone(&self.keys),
        })
    }
}

impl Journal for ChosenJournal {
    fn once(&self, key: &str, fingerprint: &str) -> Result<Once> {
        self.opened()?.once(key, fingerprint)
    }

    fn begin(&self, intent: Intent) -> Result<Once> {
        self.opened()?.begin(intent)
    }

    fn settle(&self, intent: &str, fate: Fate) -> Result<()> {
        self.opened()?.settle(intent, fate)
    }

    fn same(&self, intent: &str, other: &str) -> Result<()> {
        self.opened()?.same(intent, other)
    }

    fn resolve(&self, intent: &str, job: Option<JobRef>) -> Result<()> {
        self.opened()?.resolve(intent, job)
    }

    fn fate(&self, intent: &str) -> Result<Option<Fate>> {
        self.opened()?.fate(intent)
    }

    fn ended(&self, job: &JobRef, status: &Status) -> Result<()> {
        self.opened()?.ended(job, status)
    }

    fn saved(&self, job: &JobRef, to: Option<SavedTo>) -> Result<()> {
        self.opened()?.saved(job, to)
    }

    fn places_saved(&self, job: &JobRef) -> Result<Vec<SavedTo>> {
        self.opened()?.places_saved(job)
    }

    fn knows(&self, job: &JobRef) -> Result<bool> {
        self.opened()?.knows(job)
    }

    fn entries(&self) -> Result<Vec<Entry>> {
        self.opened()?.entries()
    }

    fn place(&self) -> Result<Place> {
        Ok(match self.opened()?.place()? {
            Place::Memory { .. } => Place::Memory {
                instead_of: self.trouble.get().cloned(),
            },
            place => place,
        })
    }
}

/// Where the journal is kept when nobody says otherwise: the user's directory for state, by the conventions of the system, with this machine's name,
/// because homes are shared. `None` when the user has no home.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")))
    };
    base.map(|base| base.join("ltx-jobs").join(host()))
}
