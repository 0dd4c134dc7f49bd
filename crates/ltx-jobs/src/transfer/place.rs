//! Where an output is fetched: the files that belong to it until it has its name, all beside its target, all hidden.

use std::fs;
use std::path::{Path, PathBuf};

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

    /// Whether this is the name of a part of some owner.
    pub(crate) fn is_part(&self, name: &str) -> bool {
        let owner = name
            .strip_prefix('.')
            .and_then(|name| name.strip_prefix(&self.stem))
            .and_then(|name| name.strip_prefix('.'))
            .and_then(|name| name.strip_suffix(".part"));
        owner.is_some_and(|owner| owner.len() == OWNER && owner.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// Whether anything lies here that a call left or is writing.
    pub(crate) fn is_used(&self) -> bool {
        let parts = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut names = parts.filter_map(|entry| entry.file_name().into_string().ok());
        self.sidecar().exists() || names.any(|name| self.is_part(&name))
    }

    /// Removes the parts of owners that are gone, all but `kept`. Only for who has claimed the place.
    pub(crate) fn sweep(&self, kept: Option<&Path>) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            let is_part = entry.file_name().to_str().is_some_and(|name| self.is_part(name));
            if is_part && kept.and_then(Path::file_name) != Some(entry.file_name().as_os_str()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// What is known of a part: see `partial`.
    pub(crate) fn sidecar(&self) -> PathBuf {
        self.named("part.json")
    }
}
