//! Where outputs are meant to go, as a tuple: directory, labels, what becomes of an archive, names of frames, number of the first.

use std::ffi::OsString;
use std::path::PathBuf;

use ltx_jobs::{ArchiveMode, Destination, Result};

use crate::job::archive_mode;

/// As Python gives it.
pub(crate) type Given = (PathBuf, Option<Vec<String>>, String, Option<String>, Option<u64>);
/// As Python gets it.
pub(crate) type Told = (OsString, Option<Vec<String>>, &'static str, Option<String>, Option<u64>);

/// The destination that was given.
pub(crate) fn read((dir, only, archive, frame_name, first_frame): Given) -> Result<Destination> {
    let mut dest = Destination::new(dir).archive(archive_mode(&archive)?);
    dest.only = only;
    dest.frame_name = frame_name;
    dest.first_frame = first_frame;
    Ok(dest)
}

/// The destination for Python.
pub(crate) fn told(dest: &Destination) -> Told {
    (
        dest.dir.clone().into_os_string(),
        dest.only.clone(),
        word(dest.archive),
        dest.frame_name.clone(),
        dest.first_frame,
    )
}

/// What becomes of an archive, as a word.
pub(crate) fn word(mode: ArchiveMode) -> &'static str {
    match mode {
        ArchiveMode::Keep => "keep",
        ArchiveMode::Both => "both",
        _ => "unpack",
    }
}
