//! From an archive to frames on disk, one by one.
//!
//! Everything that can be refused is refused before the first byte is written. Then the wanted members are fetched in the order of their bytes, as few
//! healing streams as their places allow, into one worker that inflates, proves and publishes each frame the moment it is whole. A frame that is there
//! already with the right size and CRC-32 is not fetched. A damaged one is fetched once more by its own range; then its name is in the error.
//!
//! The archive itself never touches the disk, unless the storage has no ranges: then it is read from the file it was saved to.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::archive::directory::{Directory, Member};
use crate::archive::frame::{FramePattern, target_names};
use crate::archive::member::{BLOCK, Fault, unpack};
use crate::archive::name::{broken_rule, refuse_twins};
use crate::archive::reader::{ArchiveReader, FileReader, Output, Portion, PortionReader, Watched};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::transfer::SavedFile;
use crate::transfer::plan::{Facts, coalesce};
use crate::transfer::publish::{Digest, digest, exists, publish, stage, sync_directory};
use crate::transfer::sink::{gone, joined};
use crate::transfer::source::Source;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transport::ByteRange;

/// Unwanted bytes between two members that are fetched and dropped rather than asked around.
const GAP: u64 = 1 << 20;

/// Bytes handed to the worker at once, and how many such hands may wait.
const PORTION: usize = 512 << 10;
const PORTIONS: usize = 4;

/// Where the archive lies.
#[derive(Clone)]
pub(crate) enum Store {
    /// On the storage, which answers ranges.
    Remote { source: Arc<Source>, facts: Facts },
    /// In a file of ours.
    Local { path: PathBuf },
}

/// How frames are named and treated.
pub(crate) struct Extraction {
    pub(crate) directory: PathBuf,
    pub(crate) pattern: Option<FramePattern>,
    pub(crate) first_frame: Option<u64>,
    pub(crate) overwrite: bool,
}

/// One frame to be made.
#[derive(Debug, Clone)]
struct Frame {
    member: Member,
    target: PathBuf,
}

/// Makes the frames. Gives them in the order of their bytes in the archive.
pub(crate) async fn extract(
    flow: &Flow,
    progress: &ProgressSink,
    store: &Store,
    members: Directory,
    how: Extraction,
) -> Result<Vec<SavedFile>> {
    let frames = plan(members, &how)?;
    let total = frames.len() as u64;
    let (mut there, todo) = missing(flow, frames, how.overwrite).await?;
    progress.set_frames(there.len() as u64, Some(total));
    let mut pass = Pass {
        flow,
        store,
        progress,
        overwrite: how.overwrite,
        total,
        done: there.len() as u64,
    };
    let first = pass.run(todo, &mut there).await?;
    let damaged: Vec<Frame> = first.into_iter().map(|(frame, why)| {
        tracing::warn!(target: crate::telemetry::TRANSFER, frame = %frame.member.name, why = %why_of(&why), "a frame arrived damaged; fetching it once more");
        frame
    }).collect();
    let mut again = pass.run(damaged, &mut there).await?;
    if !again.is_empty() {
        let (frame, fault) = again.swap_remove(0);
        return Err(named(&frame, &fault));
    }
    let directory = how.directory.clone();
    joined(
        tokio::task::spawn_blocking(move || {
            if directory.exists() {
                sync_directory(&directory)
            } else {
                Ok(())
            }
        })
        .await,
    )?;
    there.sort_by_key(|(place, _)| *place);
    Ok(there.into_iter().map(|(_, saved)| saved).collect())
}

/// Names every frame's file.
fn plan(members: Directory, how: &Extraction) -> Result<Vec<Frame>> {
    let names: Vec<&str> = members.frames.iter().map(|member| member.name.as_str()).collect();
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
    let frames = members.frames.into_iter().zip(targets);
    Ok(frames
        .map(|(member, target)| Frame {
            target: how.directory.join(target),
            member,
        })
        .collect())
}

/// A saved frame, with its place in the archive to sort by.
type Placed = (u64, SavedFile);

/// Parts the frames into those that are there already and those to be made.
async fn missing(flow: &Flow, frames: Vec<Frame>, overwrite: bool) -> Result<(Vec<Placed>, Vec<Frame>)> {
    let cancel = flow.cancel.clone();
    let work = move || {
        let go_on = || {
            if cancel.is_cancelled() {
                Err(cancelled("the download"))
            } else {
                Ok(())
            }
        };
        let (mut there, mut todo) = (Vec::new(), Vec::new());
        for frame in frames {
            go_on()?;
            let length = std::fs::metadata(&frame.target).map(|found| found.len()).ok();
            let found = match length {
                None => None,
                // Another length is answer enough.
                Some(length) if length != frame.member.size => Some(Digest {
                    length,
                    crc32: 0,
                    crc32c: 0,
                }),
                Some(_) => digest(&frame.target, go_on)?,
            };
            match found {
                Some(found) if found.length == frame.member.size && found.crc32 == frame.member.crc32 => {
                    there.push((
                        frame.member.span.start,
                        SavedFile {
                            path: frame.target,
                            bytes: found.length,
                            crc32c: found.crc32c,
                        },
                    ));
                }
                Some(_) if !overwrite => return Err(exists(&frame.target)),
                _ => todo.push(frame),
            }
        }
        Ok((there, todo))
    };
    joined(tokio::task::spawn_blocking(work).await)
}

/// One way through the archive.
struct Pass<'a> {
    flow: &'a Flow,
    store: &'a Store,
    progress: &'a ProgressSink,
    overwrite: bool,
    total: u64,
    done: u64,
}

impl Pass<'_> {
    /// Makes `frames`; adds the whole ones to `saved` and gives the damaged ones back.
    async fn run(&mut self, frames: Vec<Frame>, saved: &mut Vec<Placed>) -> Result<Vec<(Frame, Fault)>> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let spans: Vec<Range<u64>> = frames.iter().map(|frame| frame.member.span.clone()).collect();
        let outcome = match self.store {
            Store::Remote { source, facts } => {
                let runs: Vec<Range<u64>> = coalesce(&spans, GAP)
                    .into_iter()
                    .filter_map(|run| Some(spans.get(run.start)?.start..spans.get(run.end.checked_sub(1)?)?.end))
                    .collect();
                self.progress
                    .add_total(runs.iter().map(|run| run.end - run.start).sum());
                let (portions, received) = mpsc::channel(PORTIONS);
                let worker = self.spawn(frames, Box::new(PortionReader::new(received)));
                let fetched = self.fetch(source, facts, runs, portions).await;
                match fetched {
                    Err(error) => {
                        // The worker ends by itself without its input, and would only complain about that.
                        gone(worker).await;
                        return Err(error);
                    }
                    Ok(()) => joined(worker.await)?,
                }
            }
            Store::Local { path } => {
                let file =
                    File::open(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
                let mut worker = self.spawn(
                    frames,
                    Box::new(FileReader {
                        file,
                        cancel: self.flow.cancel.clone(),
                    }),
                );
                tokio::select! {
                    biased;
                    () = self.flow.cancel.cancelled() => {
                        gone(worker).await;
                        return Err(cancelled("the download"));
                    }
                    outcome = &mut worker => joined(outcome)?,
                }
            }
        };
        self.done += outcome.saved.len() as u64;
        saved.extend(outcome.saved);
        Ok(outcome.damaged)
    }

    fn spawn(&self, frames: Vec<Frame>, input: Box<dyn ArchiveReader>) -> tokio::task::JoinHandle<Result<Made>> {
        let maker = Maker {
            overwrite: self.overwrite,
            progress: self.progress.clone(),
            done: self.done,
            total: self.total,
            cancel: self.flow.cancel.clone(),
        };
        tokio::task::spawn_blocking(move || maker.make(frames, input))
    }

    /// Moves the bytes of `runs` into the worker. Ends early, without an error, when the worker has ended: it tells why.
    async fn fetch(
        &self,
        source: &Arc<Source>,
        facts: &Facts,
        runs: Vec<Range<u64>>,
        portions: mpsc::Sender<Portion>,
    ) -> Result<()> {
        for run in runs {
            let asked = ByteRange::Span {
                start: run.start,
                end: Some(run.end),
            };
            let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(source), asked, Some(facts.clone()))
                .content_is_proven_later();
            let mut portion = Portion {
                offset: run.start,
                size: 0,
                pieces: VecDeque::new(),
            };
            while let Some(bytes) = stream.next().await? {
                self.progress.add_bytes(bytes.len() as u64);
                portion.size += bytes.len();
                portion.pieces.push_back(bytes);
                if portion.size >= PORTION {
                    let next = Portion {
                        offset: stream.position(),
                        size: 0,
                        pieces: VecDeque::new(),
                    };
                    if !self.hand_over(&portions, std::mem::replace(&mut portion, next)).await? {
                        return Ok(());
                    }
                }
            }
            if portion.size > 0 && !self.hand_over(&portions, portion).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn hand_over(&self, portions: &mpsc::Sender<Portion>, portion: Portion) -> Result<bool> {
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => Err(cancelled("the download")),
            sent = portions.send(portion) => Ok(sent.is_ok()),
        }
    }
}

/// What the worker made.
struct Made {
    saved: Vec<Placed>,
    damaged: Vec<(Frame, Fault)>,
}

/// The worker: runs on the blocking pool, alone with its input.
struct Maker {
    overwrite: bool,
    progress: ProgressSink,
    done: u64,
    total: u64,
    cancel: CancellationToken,
}

impl Maker {
    fn make(mut self, frames: Vec<Frame>, input: Box<dyn ArchiveReader>) -> Result<Made> {
        let mut made = Made {
            saved: Vec::new(),
            damaged: Vec::new(),
        };
        let mut input = Watched {
            inner: input,
            broken: None,
        };
        let mut buffer = vec![0; BLOCK];
        for frame in frames {
            if self.cancel.is_cancelled() {
                return Err(cancelled("the download"));
            }
            let span = frame.member.span.clone();
            input
                .inner
                .seek_to(span.start)
                .map_err(|error| self.input_error(error))?;
            let mut temp = stage(&frame.target)?;
            let mut output = Output {
                file: temp.as_file_mut(),
                crc32c: 0,
            };
            // A member that reads on into its neighbour is damaged, wherever its neighbour is.
            let outcome = unpack(
                &frame.member,
                &mut input.by_ref().take(span.end - span.start),
                &mut output,
                &mut buffer,
            );
            let crc32c = output.crc32c;
            if let Some(error) = input.broken.take() {
                return Err(self.input_error(error));
            }
            match outcome {
                Ok(()) => {
                    publish(temp, &frame.target, self.overwrite)?;
                    self.done += 1;
                    self.progress.set_frames(self.done, Some(self.total));
                    made.saved.push((
                        span.start,
                        SavedFile {
                            path: frame.target,
                            bytes: frame.member.size,
                            crc32c,
                        },
                    ));
                }
                Err(Fault::Output(error)) => {
                    return Err(Error::io(format!("cannot write {}", frame.target.display()), error));
                }
                Err(fault) => made.damaged.push((frame, fault)),
            }
        }
        Ok(made)
    }

    fn input_error(&self, error: io::Error) -> Error {
        if self.cancel.is_cancelled() {
            cancelled("the download")
        } else {
            Error::io("cannot read the archive", error)
        }
    }
}

/// The error for a frame that arrived damaged twice.
fn named(frame: &Frame, fault: &Fault) -> Error {
    let name = &frame.member.name;
    match fault {
        Fault::Inconsistent(why) => Error::new(
            ErrorKind::Archive,
            format!("the frame {name:?} of the archive is not usable: {why}"),
        ),
        fault => Error::new(
            ErrorKind::Integrity,
            format!("the frame {name:?} arrived damaged twice: {}", why_of(fault)),
        )
        .with_advice("the other frames are whole; download again to fetch only what is missing"),
    }
}

fn why_of(fault: &Fault) -> String {
    match fault {
        Fault::Damaged(why) | Fault::Inconsistent(why) => why.clone(),
        Fault::Output(error) => error.to_string(),
    }
}
