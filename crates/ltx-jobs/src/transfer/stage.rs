//! A file while it is written: hidden beside its target, and locked by its writer until it has its name or is gone.
//!
//! A writer that is killed cannot remove its file, but its lock goes with it: by that the next call knows what was left from what somebody is writing. A
//! file is removed only when its name is one that [`stage`] gives for a target of the caller's, and its lock can be had. Where the file system has no
//! locks, nothing is removed. On some network file systems a lock is seen by its own host only, so the name tells the host, and what another host wrote has
//! to be old as well.
//!
//! All functions block: they belong on the blocking pool.

use std::collections::HashSet;
use std::fs::{self, DirEntry, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::publish::directory_of;
use crate::error::{Error, Result};
use crate::journal::host;
use crate::telemetry::TRANSFER;

/// Characters of the target's name: it may already be as long as the file system takes.
const SHOWN: usize = 40;

/// Characters that tell files of one target apart.
const RANDOM: usize = 6;

/// How long a file of another host has to have been left alone. A frame is written in moments, and a connection that brings nothing ends long before.
const OLD: Duration = Duration::from_secs(3600);

/// Files that are made before it is given up: each but the first because a sweep took the one before for a file that was left.
const TRIES: u32 = 100;

/// A temporary file beside `target`, on the same file system, with the directories it needs. It is removed unless published.
pub(crate) fn stage(target: &Path) -> Result<NamedTempFile> {
    let directory = directory_of(target);
    fs::create_dir_all(directory)
        .map_err(|error| Error::io(format!("cannot create {}", directory.display()), error))?;
    let failed = |error| Error::io(format!("cannot create a file in {}", directory.display()), error);
    let prefix = format!(".{}.{}.", shown(target), host_mark());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).rand_bytes(RANDOM).suffix(".part");
    // As any program would create it: readable by whom the umask allows. The default of a temporary file, owner only, would stay after the rename.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    for _ in 0..TRIES {
        let temp = builder.tempfile_in(directory).map_err(failed)?;
        match temp.as_file().try_lock() {
            // Still there: nobody else makes a file of this name, so it is this one, and from now on nobody removes it.
            Ok(()) if fs::symlink_metadata(temp.path()).is_ok() => return Ok(temp),
            // A sweep found it between its creation and its lock.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                tracing::trace!(target: TRANSFER, %error, "the file system has no locks; what a killed process leaves stays");
                return Ok(temp);
            }
        }
    }
    Err(failed(io::Error::other("it is removed as soon as it is made")))
}

/// Removes what killed writers left in `directory` of these targets, which lie in it. What is being written, here or by another process, stays.
pub(crate) fn sweep(directory: &Path, targets: &[PathBuf]) {
    let Ok(entries) = fs::read_dir(directory) else {
        // Nothing was written yet, as a rule.
        return;
    };
    let shown: HashSet<String> = targets.iter().map(|target| shown(target)).collect();
    let mark = host_mark();
    for entry in entries.flatten() {
        let name = entry.file_name();
        if let Some((of, host)) = name.to_str().and_then(parts_of)
            && shown.contains(of)
        {
            remove_left(&entry, host == mark);
        }
    }
}

/// Removes a file whose writer is gone.
fn remove_left(entry: &DirEntry, of_this_host: bool) {
    let path = entry.path();
    let Ok(about) = fs::symlink_metadata(&path) else { return };
    let age = about.modified().ok().and_then(|written| written.elapsed().ok());
    if !about.is_file() || !(of_this_host || age.is_some_and(|age| age >= OLD)) {
        return;
    }
    // To write: network file systems give no exclusive lock on what is open for reading only.
    let Ok(file) = OpenOptions::new().write(true).open(&path) else {
        return;
    };
    // Held until the file is gone: should its writer only be about to lock it, it sees that, or that its file has gone.
    if file.try_lock().is_ok() && fs::remove_file(&path).is_ok() {
        tracing::debug!(target: TRANSFER, file = %path.display(), "removed what a killed download left");
    }
}

/// The beginning of the target's name and the mark of the writer's host, of a name that [`stage`] gives.
fn parts_of(name: &str) -> Option<(&str, &str)> {
    let (rest, random) = name.strip_prefix('.')?.strip_suffix(".part")?.rsplit_once('.')?;
    let (of, host) = rest.rsplit_once('.')?;
    let is_mark = host.len() == 8 && host.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_random = random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_mark && is_random).then_some((of, host))
}

fn shown(target: &Path) -> String {
    let name = target.file_name().map(|name| name.to_string_lossy());
    name.unwrap_or_default().chars().take(SHOWN).collect()
}

/// Tells hosts apart in the names of files.
fn host_mark() -> String {
    format!("{:08x}", crc32c::crc32c(host().as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::SystemTime;

    use super::super::publish::{Outcome, publish};
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What a killed writer leaves.
    fn left(target: &Path) -> PathBuf {
        let (file, path) = stage(target).unwrap().into_parts();
        drop(file);
        path.keep().unwrap()
    }

    #[test]
    fn what_a_killed_writer_left_goes_and_what_is_being_written_stays() {
        let directory = tempfile::tempdir().unwrap();
        let targets = ["a.exr", "b.exr", &"ü".repeat(100)].map(|name| directory.path().join(name));
        for target in &targets {
            left(target);
        }
        let live = stage(&targets[0]).unwrap();
        sweep(directory.path(), &targets);
        let name = live.path().file_name().unwrap().to_str().unwrap();
        assert_eq!(names(directory.path()), [name]);
        assert_eq!(publish(live, &targets[0], false).unwrap(), Outcome::Published);
        sweep(directory.path(), &targets);
        assert_eq!(names(directory.path()), ["a.exr"]);
    }

    #[test]
    fn nothing_goes_whose_name_is_not_that_of_a_file_for_one_of_the_targets() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.exr");
        let mark = host_mark();
        let mut kept = vec![
            ".a.exr.part".to_owned(),
            ".a.exr.AbCdEf.part".to_owned(),
            format!(".a.exr.{mark}.AbCdE.part"),
            format!(".a.exr.{mark}.AbCd-f.part"),
            format!(".a.exr.{mark}.AbCdEf.parts"),
            format!("a.exr.{mark}.AbCdEf.part"),
            format!(".xa.exr.{mark}.AbCdEf.part"),
            format!(".a.exr.{}g.AbCdEf.part", &mark[1..]),
        ];
        for name in &kept {
            fs::write(directory.path().join(name), "mine").unwrap();
        }
        let folder = format!(".a.exr.{mark}.FOLDER.part");
        fs::create_dir(directory.path().join(&folder)).unwrap();
        kept.push(folder);
        kept.push(
            left(&directory.path().join("other.exr"))
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned(),
        );
        kept.sort();
        left(&target);
        sweep(directory.path(), &[target]);
        assert_eq!(names(directory.path()), kept);
    }

    #[test]
    fn what_another_host_wrote_goes_when_it_was_left_alone_for_an_hour() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("a.exr");
        let other = format!("{:08x}", !crc32c::crc32c(host().as_bytes()));
        let path = directory.path().join(format!(".a.exr.{other}.AbCdEf.part"));
        fs::write(&path, "theirs").unwrap();
        sweep(directory.path(), std::slice::from_ref(&target));
        assert!(path.exists());
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - OLD - Duration::from_secs(1))
            .unwrap();
        file.lock().unwrap();
        sweep(directory.path(), std::slice::from_ref(&target));
        assert!(path.exists(), "its lock is held");
        drop(file);
        sweep(directory.path(), &[target]);
        assert!(!path.exists());
    }

    #[test]
    fn a_sweep_at_every_moment_takes_no_file_from_under_its_writer() {
        let directory = tempfile::tempdir().unwrap();
        let targets: Vec<_> = (0..4).map(|at| directory.path().join(format!("{at}.exr"))).collect();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sweeper = scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    sweep(directory.path(), &targets);
                }
            });
            let writers: Vec<_> = targets
                .iter()
                .map(|target| {
                    scope.spawn(move || {
                        for _ in 0..300 {
                            publish(stage(target).unwrap(), target, true).unwrap();
                        }
                    })
                })
                .collect();
            let outcomes: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
            done.store(true, Ordering::Release);
            sweeper.join().unwrap();
            assert!(outcomes.iter().all(std::result::Result::is_ok));
        });
        assert_eq!(names(directory.path()).len(), 4);
    }
}
