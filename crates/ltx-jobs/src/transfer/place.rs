//! Where an output is fetched: the files that belong to it until it has its name, all beside its target, all hidden.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::claim::Before;

/// Hexadecimal digits of the word that tells owners apart.
pub(super) const OWNER: usize = 12;

/// See the module's first lines.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    directory: PathBuf,
    stem: String,
}

impl Place {
    /// `stem` is the name of the output on disk, without its extension: that is known only later.
    pub(crate) fn new(directory: &Path, stem: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            stem: stem.to_owned(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn stem(&self) -> &str {
        &self.stem
    }

    pub(super) fn named(&self, rest: &str) -> PathBuf {
        self.directory.join(format!(".{}.{rest}", self.stem))
    }

    /// Who fetches it.
    pub(super) fn claim(&self) -> PathBuf {
        self.named("claim")
    }

    /// Locked while that owner's process lives. A file of its own, because on some systems a lock keeps others from reading what is locked.
    pub(super) fn lock(&self, owner: &str) -> PathBuf {
        self.named(&format!("{owner}.lock"))
    }

    /// The bytes that owner has fetched.
    pub(crate) fn part(&self, owner: &str) -> PathBuf {
        self.named(&format!("{owner}.part"))
    }

    /// What the names of the files begin with in which that owner writes down what is known of its part, before that has its name.
    pub(super) fn unnamed_sidecar(&self, owner: &str) -> String {
        format!(".{}.{owner}.", self.stem)
    }

    /// Whether this is the name of a part of some owner.
    pub(crate) fn is_part(&self, name: &str) -> bool {
        self.owner_of(name).is_some_and(|(_, rest)| rest == "part")
    }

    /// Whose file this is, and what stands behind the owner in its name.
    pub(super) fn owner_of<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        let (owner, rest) = name
            .strip_prefix('.')?
            .strip_prefix(&self.stem)?
            .strip_prefix('.')?
            .split_once('.')?;
        let is_owner = owner.len() == OWNER && owner.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_owner.then_some((owner, rest))
    }

    /// Whether anything lies here that a call left or is writing.
    pub(crate) fn is_used(&self) -> bool {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let (claim, sidecar) = (self.claim(), self.sidecar());
        let is = |path: &Path, name: &str| path.file_name().is_some_and(|known| known == name);
        names.any(|name| is(&claim, &name) || is(&sidecar, &name) || self.owner_of(&name).is_some())
    }

    /// Removes the files of owners that are gone, all but the part `kept`. Only for `mine`, who has claimed the place; `before` says how it was left. What
    /// belongs to an owner whose lock is held stays.
    pub(crate) fn sweep(&self, mine: &str, before: Before, kept: Option<&Path>) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        let mut found: BTreeMap<String, Vec<(PathBuf, bool)>> = BTreeMap::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some((owner, rest)) = name.to_str().and_then(|name| self.owner_of(name)) else {
                continue;
            };
            let is_part = rest == "part";
            let is_ours = is_part || matches!(rest, "lock" | "claim" | "lapsed") || rest.ends_with(".json");
            if is_ours && owner != mine && kept.and_then(Path::file_name) != Some(name.as_os_str()) {
                found.entry(owner.to_owned()).or_default().push((entry.path(), is_part));
            }
        }
        // Who has no lock file although there are locks is gone. Without locks nobody has one; then it is only known of a place that was taken over.
        let locks = self.lock(mine).exists();
        for (owner, files) in found {
            let lock = match OpenOptions::new().write(true).open(self.lock(&owner)) {
                Ok(lock) if lock.try_lock().is_ok() => Some(lock),
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(_) => continue,
            };
            for (path, is_part) in files {
                if lock.is_some() || locks || (is_part && before != Before::Free) {
                    let _ = fs::remove_file(path);
                }
            }
        }
    }

    /// What is known of a part: see `partial`.
    pub(crate) fn sidecar(&self) -> PathBuf {
        self.named("part.json")
    }
}
