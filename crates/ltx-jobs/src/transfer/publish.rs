//! Giving a whole and proven file its name: whole or absent, never over another file unless asked.
//!
//! All functions block: they belong on the blocking pool.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use md5::{Digest as _, Md5};
use tempfile::NamedTempFile;

use crate::error::{Error, ErrorKind, Result};

/// How a file came to be under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Published,
    /// An equal file was there.
    WasThere,
}

/// Writes the file's data through to the disk and gives it its name.
///
/// # Errors
/// `Exists` when a different file is there and `overwrite` is not asked for.
pub(crate) fn publish(temp: NamedTempFile, target: &Path, overwrite: bool) -> Result<Outcome> {
    temp.as_file()
        .sync_all()
        .map_err(|error| Error::io(format!("cannot write {}", target.display()), error))?;
    if overwrite {
        return match temp.persist(target) {
            Ok(_) => Ok(Outcome::Published),
            Err(error) => Err(Error::io(format!("cannot replace {}", target.display()), error.error)),
        };
    }
    match temp.persist_noclobber(target) {
        Ok(_) => Ok(Outcome::Published),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            match same_content(error.file.as_file(), target) {
                Ok(true) => Ok(Outcome::WasThere),
                Ok(false) => Err(exists(target)),
                // Not to be able to compare is not to know.
                Err(error) => Err(Error::io(
                    format!("{} is there already and cannot be compared with", target.display()),
                    error,
                )),
            }
        }
        Err(error) => Err(Error::io(
            format!("cannot name a file {}", target.display()),
            error.error,
        )),
    }
}

/// The error for a different file under the name.
pub(crate) fn exists(target: &Path) -> Error {
    Error::new(
        ErrorKind::Exists,
        format!("{} is there already and is a different file", target.display()),
    )
    .with_advice("choose another directory, move it away, or ask for overwrite")
}

/// Makes renames in `directory` last through a power cut, where the system has a way to.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        match synced {
            // Some network file systems cannot; there is nothing better to be done.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
                ) => {}
            other => other.map_err(|error| Error::io(format!("cannot write {}", directory.display()), error))?,
        }
    }
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// The directory a file lies in.
pub(crate) fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Length and checksums of a file that is there; `None` when there is nothing under that name.
///
/// # Errors
/// `Exists` when it is no plain file. `go_on` is asked between blocks.
pub(crate) fn digest(path: &Path, mut go_on: impl FnMut() -> Result<()>) -> Result<Option<Digest>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
    };
    let io_error = |error| Error::io(format!("cannot read {}", path.display()), error);
    if !file.metadata().map_err(io_error)?.is_file() {
        return Err(exists(path));
    }
    let mut digest = Digest {
        length: 0,
        crc32: 0,
        crc32c: 0,
    };
    let mut crc32 = crc32fast::Hasher::new();
    let mut reader = file;
    let mut buffer = vec![0; 256 << 10];
    loop {
        go_on()?;
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(io_error(error)),
        };
        let block = buffer.get(..count).unwrap_or_default();
        crc32.update(block);
        digest.crc32c = crc32c::crc32c_append(digest.crc32c, block);
        digest.length += count as u64;
    }
    digest.crc32 = crc32.finalize();
    Ok(Some(digest))
}

/// The MD5 of a whole file, from its first byte. `go_on` is asked between blocks.
pub(crate) fn md5_of(file: &File, mut go_on: impl FnMut() -> Result<()>) -> Result<[u8; 16]> {
    let io_error = |error| Error::io("cannot read the download", error);
    let mut reader = file;
    reader.seek(SeekFrom::Start(0)).map_err(io_error)?;
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        go_on()?;
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(md5.finalize().into()),
            Ok(count) => md5.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error(error)),
        }
    }
}

/// See [`digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) length: u64,
    pub(crate) crc32: u32,
    pub(crate) crc32c: u32,
}

/// `one` is read through its own handle: on some systems its lock keeps all others from reading it.
fn same_content(mut one: &File, other: &Path) -> io::Result<bool> {
    one.seek(SeekFrom::Start(0))?;
    let mut other = File::open(other)?;
    let (first, second) = (one.metadata()?, other.metadata()?);
    if !second.is_file() || first.len() != second.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 256 << 10], vec![0; 256 << 10]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        let (Some(left), Some(right)) = (left.get(..count), right.get_mut(..count)) else {
            return Ok(false);
        };
        match other.read_exact(right) {
            Ok(()) if left == &*right => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::super::stage::stage;
    use super::*;

    fn staged(target: &Path, content: &[u8]) -> NamedTempFile {
        let mut temp = stage(target).unwrap();
        temp.write_all(content).unwrap();
        temp
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("deep/er/video.mp4");
        let temp = staged(&target, b"abc");
        assert!(!target.exists());
        assert_eq!(publish(temp, &target, false).unwrap(), Outcome::Published);
        assert_eq!(fs::read(&target).unwrap(), b"abc");
        assert_eq!(names(directory_of(&target)), ["video.mp4"]);
        sync_directory(directory_of(&target)).unwrap();
    }

    #[test]
    fn an_equal_file_counts_as_done_and_a_different_one_is_never_touched() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("video.mp4");
        fs::write(&target, b"abc").unwrap();
        assert_eq!(
            publish(staged(&target, b"abc"), &target, false).unwrap(),
            Outcome::WasThere
        );
        for other in [&b"abd"[..], b"ab", b"abcd"] {
            assert_eq!(
                publish(staged(&target, other), &target, false).unwrap_err().kind(),
                ErrorKind::Exists
            );
        }
        assert_eq!(fs::read(&target).unwrap(), b"abc");
        assert_eq!(
            publish(staged(&target, b"new"), &target, true).unwrap(),
            Outcome::Published
        );
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["video.mp4"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_published_file_is_as_readable_as_any_other() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let (ours, plain) = (directory.path().join("ours"), directory.path().join("plain"));
        publish(staged(&ours, b"abc"), &ours, false).unwrap();
        fs::write(&plain, b"abc").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_digest_knows_absence_and_refuses_what_is_no_file() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(digest(&directory.path().join("none"), || Ok(())).unwrap(), None);
        assert_eq!(
            digest(directory.path(), || Ok(())).unwrap_err().kind(),
            ErrorKind::Exists
        );
        let path = directory.path().join("digits");
        fs::write(&path, b"123456789").unwrap();
        let found = digest(&path, || Ok(())).unwrap();
        assert_eq!(
            found,
            Some(Digest {
                length: 9,
                crc32: 0xcbf4_3926,
                crc32c: 0xe306_9283
            })
        );
    }
}
