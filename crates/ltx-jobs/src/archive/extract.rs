//! From an archive to frames on disk, one by one.
//!
//! Everything that can be refused is refused before the first byte is written. Then the wanted members are fetched (see `fetch`), each inflated, proved
//! and published the moment it is whole. A frame that is there already with the right size and CRC-32 is not fetched. One that arrives damaged twice has
//! its name in the error, when all the others are there. What a killed call left of its frames is removed first.
//!
//! The archive itself never touches the disk, unless the storage has no ranges: then it is read from the file it was saved to.

use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::archive::batch::{Batch, MOST, Wanted};
use crate::archive::directory::{Directory, Member};
use crate::archive::fetch::{Fetch, Outlet, Store};
use crate::archive::frame::{FramePattern, target_names};
use crate::archive::member::{Outcome, unpack};
use crate::archive::name::{broken_rule, refuse_twins};
use crate::archive::reader::Output;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::transfer::SavedFile;
use crate::transfer::publish::{Digest, digest, exists, publish, sync_directory};
use crate::transfer::sink::joined;
use crate::transfer::space::ensure_space;
use crate::transfer::stage::{stage, sweep};
use crate::transfer::stream::Flow;

/// How frames are named and treated.
#[derive(Clone)]
pub(crate) struct Extraction {
    pub(crate) directory: PathBuf,
    pub(crate) pattern: Option<FramePattern>,
    pub(crate) first_frame: Option<u64>,
    pub(crate) overwrite: bool,
}

/// Hears of each frame the moment it is under its name: its place in frame order, and the file.
pub(crate) type OnPublished = Arc<dyn Fn(usize, &SavedFile) + Send + Sync>;

/// Makes all frames of an archive. Gives them in frame order.
pub(crate) async fn extract(
    flow: &Flow,
    progress: &ProgressSink,
    store: &Store,
    members: Directory,
    how: Extraction,
) -> Result<Vec<SavedFile>> {
    let fetch = Fetch {
        flow: flow.clone(),
        progress: progress.clone(),
        store: store.clone(),
        reading_counts: false,
        what: "the download",
    };
    let range = 0..members.frames.len();
    extract_range(&fetch, &members.frames, range, how, None).await
}

/// Makes the frames at the places `range` in frame order. Their names are those that they would have among all.
pub(crate) async fn extract_range(
    fetch: &Fetch,
    members: &[Member],
    range: Range<usize>,
    how: Extraction,
    on_published: Option<OnPublished>,
) -> Result<Vec<SavedFile>> {
    let targets = plan(members, &how)?;
    let wanted: Vec<Wanted> = members
        .iter()
        .enumerate()
        .take(range.end)
        .skip(range.start)
        .map(|(index, member)| Wanted {
            index,
            member: member.clone(),
        })
        .collect();
    let total = wanted.len() as u64;
    let targets = Arc::new(targets);
    let (there, todo) = missing(fetch, wanted, &targets, &how).await?;
    fetch.progress.set_frames(there.len() as u64, Some(total));
    let files = Arc::new(Files {
        targets,
        overwrite: how.overwrite,
        total,
        progress: fetch.progress.clone(),
        on_published,
        made: Mutex::new(Made {
            saved: there,
            failed: None,
        }),
    });
    let outlet: Arc<dyn Outlet> = Arc::clone(&files) as Arc<dyn Outlet>;
    fetch.run(todo, MOST, &outlet).await?;
    let directory = how.directory;
    let sync = move || {
        if directory.exists() {
            sync_directory(&directory)
        } else {
            Ok(())
        }
    };
    joined(tokio::task::spawn_blocking(sync).await)?;
    let mut made = files.made.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, error)) = made.failed.take() {
        return Err(error);
    }
    let mut saved = std::mem::take(&mut made.saved);
    saved.sort_by_key(|(index, _)| *index);
    Ok(saved.into_iter().map(|(_, file)| file).collect())
}

/// Names the file of every frame.
fn plan(members: &[Member], how: &Extraction) -> Result<Vec<PathBuf>> {
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let targets = target_names(&names, how.pattern.as_ref(), how.first_frame)?;
    refuse_twins(targets.iter().map(String::as_str))?;
    for target in &targets {
        if let Some(rule) = broken_rule(target) {
            return Err(Error::new(
                ErrorKind::UnsafeName,
                format!("the frame name {target:?} {rule}"),
            ));
        }
    }
    Ok(targets.into_iter().map(|target| how.directory.join(target)).collect())
}

/// A saved frame, with its place in frame order.
type Placed = (usize, SavedFile);

/// Parts the frames into those that are there already and those to be made, for which there has to be room.
async fn missing(
    fetch: &Fetch,
    wanted: Vec<Wanted>,
    targets: &Arc<Vec<PathBuf>>,
    how: &Extraction,
) -> Result<(Vec<Placed>, Vec<Wanted>)> {
    let (cancel, what) = (fetch.flow.cancel.clone(), fetch.what);
    let (directory, overwrite) = (how.directory.clone(), how.overwrite);
    let targets = Arc::clone(targets);
    let work = move || {
        let go_on = || {
            if cancel.is_cancelled() {
                Err(cancelled(what))
            } else {
                Ok(())
            }
        };
        // Before there is to be room: what killed calls left may be gigabytes.
        sweep(&directory, &targets);
        let (mut there, mut todo) = (Vec::new(), Vec::new());
        let mut needed = 0_u64;
        for wanted in wanted {
            go_on()?;
            let Some(target) = targets.get(wanted.index) else {
                continue;
            };
            let length = std::fs::metadata(target).map(|found| found.len()).ok();
            let found = match length {
                None => None,
                // Another length is answer enough.
                Some(length) if length != wanted.member.size => Some(Digest {
                    length,
                    crc32: 0,
                    crc32c: 0,
                }),
                Some(_) => digest(target, go_on)?,
            };
            match found {
                Some(found) if found.length == wanted.member.size && found.crc32 == wanted.member.crc32 => {
                    there.push((
                        wanted.index,
                        SavedFile {
                            path: target.clone(),
                            bytes: found.length,
                            crc32c: found.crc32c,
                        },
                    ));
                }
                Some(_) if !overwrite => return Err(exists(target)),
                _ => {
                    // What is replaced makes room.
                    needed = needed.saturating_add(wanted.member.size.saturating_sub(length.unwrap_or(0)));
                    todo.push(wanted);
                }
            }
        }
        ensure_space(&directory, needed)?;
        Ok((there, todo))
    };
    joined(tokio::task::spawn_blocking(work).await)
}

/// Frames become files.
struct Files {
    /// By place in frame order.
    targets: Arc<Vec<PathBuf>>,
    overwrite: bool,
    total: u64,
    progress: ProgressSink,
    on_published: Option<OnPublished>,
    made: Mutex<Made>,
}

struct Made {
    saved: Vec<Placed>,
    /// The first in frame order that could not be had.
    failed: Option<(usize, Error)>,
}

impl Outlet for Files {
    fn admit<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, ()> {
        std::future::ready(()).boxed()
    }

    fn take(&self, wanted: &Wanted, input: &mut dyn Read, buffer: &mut [u8]) -> Result<Outcome> {
        let Some(target) = self.targets.get(wanted.index) else {
            return Err(Error::new(ErrorKind::Internal, "a frame without a name"));
        };
        let mut temp = stage(target)?;
        let mut output = Output {
            file: temp.as_file_mut(),
            crc32c: 0,
        };
        let outcome = unpack(&wanted.member, input, &mut output, buffer)
            .map_err(|error| Error::io(format!("cannot write {}", target.display()), error))?;
        let crc32c = output.crc32c;
        if outcome.is_err() {
            return Ok(outcome);
        }
        publish(temp, target, self.overwrite)?;
        let file = SavedFile {
            path: target.clone(),
            bytes: wanted.member.size,
            crc32c,
        };
        if let Some(on_published) = &self.on_published {
            on_published(wanted.index, &file);
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.saved.push((wanted.index, file));
        self.progress.set_frames(made.saved.len() as u64, Some(self.total));
        Ok(Ok(()))
    }

    fn give_up(&self, wanted: &Wanted, error: Error) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.failed.as_ref().is_none_or(|(index, _)| *index > wanted.index) {
            made.failed = Some((wanted.index, error));
        }
    }
}

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile;
