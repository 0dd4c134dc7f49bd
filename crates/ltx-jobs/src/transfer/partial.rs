//! An unfinished file that a later call goes on with.
//!
//! Beside the bytes lies a small document: which object they are of, and which runs of them are there, each with its crc32c. It is written after the bytes
//! are on the disk, and believed only as far as the bytes agree with it; which version of the object the storage has now, the next request proves. It holds
//! no URL, no query and no key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempPath};

use crate::error::{Error, Result};
use crate::telemetry::TRANSFER;
use crate::transfer::claim::Before;
use crate::transfer::extents::{Extent, Extents};
use crate::transfer::integrity::Hashes;
use crate::transfer::place::Place;
use crate::transfer::plan::Facts;
use crate::transfer::sink::Sink;

/// The form of the document. Another one is not read: the download begins anew.
const FORMAT: u32 = 1;

/// No document of ours is longer: 16 MiB a run make 65,536 runs of a terabyte.
const LONGEST: u64 = 8 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    format: u32,
    /// The name of the file with the bytes, in the same directory.
    part: String,
    /// The target's extension, known from the first bytes.
    extension: String,
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crc32c: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<[u8; 16]>,
    done: Vec<Extent>,
}

impl Document {
    fn facts(&self) -> Facts {
        Facts {
            length: Some(self.length),
            etag: self.etag.clone(),
            generation: self.generation.clone(),
            modified: self.modified.clone(),
            hashes: Hashes {
                crc32c: self.crc32c,
                md5: self.md5,
            },
            content_type: None,
            ranges: true,
        }
    }

    /// Writes it beside the bytes it is about, which are to be on the disk.
    fn write(&self, place: &Place) -> io::Result<()> {
        // Named after the place and an owner, so that it is known for what it is should its writer be killed now.
        let owner = place.owner_of(&self.part).map_or("", |(owner, _)| owner);
        let mut temp = tempfile::Builder::new()
            .prefix(&place.unnamed_sidecar(owner))
            .suffix(".json")
            .tempfile_in(place.directory())?;
        temp.write_all(&serde_json::to_vec(self)?)?;
        temp.persist(place.sidecar()).map_err(|error| error.error)?;
        Ok(())
    }

    /// Reads the document of a place; `None` when there is none that can be used.
    fn read(place: &Place) -> Option<Self> {
        let mut text = Vec::new();
        let file = File::open(place.sidecar()).ok()?;
        file.take(LONGEST).read_to_end(&mut text).ok()?;
        let document: Self = serde_json::from_slice(&text).ok()?;
        // It becomes a part of a name.
        let plain =
            !document.extension.is_empty() && document.extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (document.format == FORMAT && plain && place.is_part(&document.part)).then_some(document)
    }
}

/// The extension of what an earlier call left in this place. Blocks.
pub(crate) fn extension(place: &Place) -> Option<String> {
    Document::read(place).map(|document| document.extension)
}

/// The file that the bytes of a download go to. Removed when dropped, unless a document is about it.
#[derive(Debug)]
pub(crate) struct Part {
    temp: Option<NamedTempFile>,
    recorded: Arc<AtomicBool>,
}

impl Part {
    /// A new file. As any program would create it: readable by whom the umask allows.
    pub(crate) fn create(place: &Place, owner: &str) -> Result<Self> {
        let path = place.part(owner);
        let failed = |error| {
            Error::io(
                format!("cannot create a file in {}", place.directory().display()),
                error,
            )
        };
        // One of an earlier try of this owner: writes to it may still be on their way, so it is not used again.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(failed)?;
        Self::of(file, &path).map_err(failed)
    }

    fn of(file: File, path: &Path) -> io::Result<Self> {
        Ok(Self {
            temp: Some(NamedTempFile::from_parts(file, TempPath::try_from_path(path)?)),
            recorded: Arc::default(),
        })
    }

    /// Another handle on the file.
    pub(crate) fn file(&self) -> Result<File> {
        let file = self.temp.as_ref().map(|temp| temp.as_file().try_clone());
        file.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
            .map_err(|error| Error::io("cannot write the download", error))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.temp
            .as_ref()
            .map(|temp| temp.path().to_owned())
            .unwrap_or_default()
    }

    /// The file, to be given its name.
    pub(crate) fn into_temp(mut self) -> Option<NamedTempFile> {
        self.temp.take()
    }

    /// Removes the file, also when its document was written.
    pub(crate) fn discard(mut self) {
        drop(self.temp.take());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(temp) = &mut self.temp {
            temp.disable_cleanup(self.recorded.load(Ordering::Acquire));
        }
    }
}

/// Writes down what is there of a file.
#[derive(Debug)]
pub(crate) struct Keeper {
    sink: Arc<Sink>,
    place: Place,
    document: Document,
    recorded: Arc<AtomicBool>,
    /// Whether nothing is to be written down any more.
    closed: Mutex<bool>,
}

impl Keeper {
    pub(crate) fn new(place: &Place, part: &Part, sink: &Arc<Sink>, facts: &Facts, extension: &str) -> Arc<Self> {
        Arc::new(Self {
            sink: Arc::clone(sink),
            place: place.clone(),
            document: Document {
                format: FORMAT,
                part: name_of(part),
                extension: extension.to_owned(),
                length: facts.length.unwrap_or_default(),
                etag: facts.etag.clone(),
                generation: facts.generation.clone(),
                modified: facts.modified.clone(),
                crc32c: facts.hashes.crc32c,
                md5: facts.hashes.md5,
                done: Vec::new(),
            },
            recorded: Arc::clone(&part.recorded),
            closed: Mutex::new(false),
        })
    }

    /// Writes down what is there now, after it is on the disk. Blocks: belongs on the blocking pool.
    pub(crate) fn save(&self) -> Result<()> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Ok(());
        }
        let failed = |error| Error::io("cannot write down how far a download has come", error);
        let there = self.sink.there();
        self.sink.file().sync_data().map_err(failed)?;
        let document = Document {
            done: there.runs().to_vec(),
            ..self.document.clone()
        };
        document.write(&self.place).map_err(failed)?;
        self.recorded.store(true, Ordering::Release);
        Ok(())
    }

    /// Removes the document; nothing is written down from now on. Blocks.
    pub(crate) fn forget(&self) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = true;
        self.recorded.store(false, Ordering::Release);
        let _ = fs::remove_file(self.place.sidecar());
    }
}

/// What an earlier call left, found to be what it is said to be.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) part: Part,
    pub(crate) there: Extents,
    pub(crate) facts: Facts,
    pub(crate) extension: String,
}

/// Takes over what an earlier call left in a place that `owner` has claimed; every run is read and compared first. Removes what cannot be used. `go_on` is
/// asked between blocks. Blocks.
pub(crate) fn adopt(
    place: &Place,
    owner: &str,
    before: Before,
    mut go_on: impl FnMut() -> Result<()>,
) -> Result<Option<Adopted>> {
    let found = match Document::read(place) {
        Some(document) => take(place, owner, before, &document, &mut go_on)?.map(|(part, there)| Adopted {
            part,
            there,
            facts: document.facts(),
            extension: document.extension,
        }),
        None => None,
    };
    if found.is_none() {
        discard(place);
    }
    place.sweep(owner, before, found.as_ref().map(|found| found.part.path()).as_deref());
    Ok(found)
}

/// Removes all that earlier calls left in a place that `owner` has claimed. What an owner that is only silent may come back for stays. Blocks.
pub(crate) fn clear(place: &Place, owner: &str, before: Before) {
    if before != Before::Silent {
        discard(place);
        place.sweep(owner, before, None);
    }
}

/// Removes what an earlier call left and wrote down.
pub(crate) fn discard(place: &Place) {
    if let Some(document) = Document::read(place) {
        let _ = fs::remove_file(place.directory().join(document.part));
    }
    let _ = fs::remove_file(place.sidecar());
}

fn take(
    place: &Place,
    owner: &str,
    before: Before,
    document: &Document,
    go_on: &mut impl FnMut() -> Result<()>,
) -> Result<Option<(Part, Extents)>> {
    let old = place.directory().join(&document.part);
    let failed = |error| Error::io(format!("cannot go on with {}", old.display()), error);
    // A link somebody put there is not followed.
    if !fs::symlink_metadata(&old).is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(&old) else {
        return Ok(None);
    };
    // An owner that is only silent may come back and write: its file is left to it, and what is good of it copied.
    let mut copy = match before {
        Before::Silent => Some(Part::create(place, owner)?),
        Before::Free | Before::Dead => None,
    };
    let mut there = Extents::default();
    for run in &document.done {
        if run.start >= run.end || run.end > document.length {
            continue;
        }
        let target = copy
            .as_mut()
            .and_then(|part| part.temp.as_mut())
            .map(NamedTempFile::as_file_mut);
        match check_run(&mut file, *run, target, go_on) {
            Ok(true) => {
                there.add(*run);
            }
            Ok(false) => {
                tracing::warn!(target: TRANSFER, start = run.start, end = run.end, "a run of an unfinished download is damaged and is fetched again");
            }
            Err(Unreadable::Stop(error)) => return Err(error),
            Err(Unreadable::Disk(error)) => return Err(failed(error)),
        }
    }
    if there.bytes() == 0 {
        return Ok(None);
    }
    let part = match copy {
        Some(part) => {
            let copied = Document {
                part: name_of(&part),
                done: there.runs().to_vec(),
                ..document.clone()
            };
            let written = part.file()?.sync_data().and_then(|()| copied.write(place));
            written.map_err(failed)?;
            let _ = fs::remove_file(&old);
            part
        }
        // It keeps its name, so the document is about it at every moment.
        None => Part::of(file, &old).map_err(failed)?,
    };
    part.recorded.store(true, Ordering::Release);
    Ok(Some((part, there)))
}

fn name_of(part: &Part) -> String {
    let path = part.path();
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

enum Unreadable {
    Stop(Error),
    Disk(io::Error),
}

/// Whether a run's bytes are what the document says; copies them on the way.
fn check_run(
    file: &mut File,
    run: Extent,
    mut target: Option<&mut File>,
    go_on: &mut impl FnMut() -> Result<()>,
) -> std::result::Result<bool, Unreadable> {
    file.seek(SeekFrom::Start(run.start)).map_err(Unreadable::Disk)?;
    if let Some(target) = &mut target {
        target.seek(SeekFrom::Start(run.start)).map_err(Unreadable::Disk)?;
    }
    let mut buffer = vec![0; 256 << 10];
    let (mut left, mut crc32c) = (run.end - run.start, 0);
    while left > 0 {
        go_on().map_err(Unreadable::Stop)?;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let block = buffer.get_mut(..most).unwrap_or_default();
        match file.read(block) {
            // Shorter than it was said to be.
            Ok(0) => return Ok(false),
            Ok(count) => {
                let block = block.get(..count).unwrap_or_default();
                crc32c = crc32c::crc32c_append(crc32c, block);
                if let Some(target) = &mut target {
                    target.write_all(block).map_err(Unreadable::Disk)?;
                }
                left -= count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Unreadable::Disk(error)),
        }
    }
    Ok(crc32c == run.crc32c)
}

#[cfg(test)]
#[path = "partial_tests.rs"]
mod tests;
