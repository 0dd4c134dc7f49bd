//! Frames of an archive as single objects, each proven by its CRC-32 before it is one.
//!
//! As when they are saved: everything that can be refused is refused before the first byte is sent, what is there already is not fetched, the others
//! are fetched in the order of their bytes by as few streams as their places allow, into one worker that inflates and proves them. A damaged one is
//! fetched once more by its own range; then its name is in the error.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::sink::{Budget, Store, Stored, Target, Writer, exists, part_size, patiently};
use super::there::{Expected, Found, look};
use super::{Copying, Object};
use crate::archive::directory::{Directory, Member};
use crate::archive::frame::target_names;
use crate::archive::member::{BLOCK, Fault, unpack};
use crate::archive::name::{broken_rule, refuse_twins};
use crate::archive::reader::{ArchiveReader, FileReader, Portion, PortionReader, Watched};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::telemetry::TRANSFER;
use crate::transfer::kind::ContentKind;
use crate::transfer::plan::{Facts, coalesce};
use crate::transfer::sink::{gone, joined};
use crate::transfer::source::Source;
use crate::transfer::stream::HealingStream;
use crate::transport::ByteRange;

/// Unwanted bytes between two members that are fetched and dropped rather than asked around.
const GAP: u64 = 1 << 20;

/// Bytes handed to the worker at once, and how many such hands may wait.
const PORTION: usize = 512 << 10;
const PORTIONS: usize = 4;

/// Objects asked about, and objects on their way, at once.
const AT_ONCE: usize = 16;

/// Where the archive lies.
pub(super) enum Archive {
    /// On the service's storage, which answers ranges.
    Remote { source: Arc<Source>, facts: Facts },
    /// In a file of ours.
    Local { path: PathBuf },
}

/// One frame to be made.
#[derive(Clone)]
struct Frame {
    member: Member,
    target: Target,
}

/// An object with its place in the archive to sort by.
type Placed = (u64, Object);

impl Copying<'_> {
    /// Makes the frames of an archive under `stem/`. Gives them in the order of their bytes in the archive.
    pub(super) async fn copy_frames(&self, stem: &str, archive: &Archive, members: Directory) -> Result<Vec<Object>> {
        let frames = self.plan(stem, members)?;
        let total = frames.len() as u64;
        let (mut made, todo) = self.missing(frames).await?;
        let done = Arc::new(AtomicU64::new(made.len() as u64));
        self.progress.set_frames(made.len() as u64, Some(total));
        let damaged = self.pass(archive, todo, &mut made, &done, total).await?;
        let again = damaged.into_iter().map(|(frame, why)| {
            tracing::warn!(target: TRANSFER, frame = %frame.member.name, %why, "a frame arrived damaged; fetching it once more");
            frame
        });
        let mut again = self.pass(archive, again.collect(), &mut made, &done, total).await?;
        if !again.is_empty() {
            let (frame, damage) = again.swap_remove(0);
            return Err(damage.into_error(&frame.member.name));
        }
        made.sort_by_key(|(place, _)| *place);
        Ok(made.into_iter().map(|(_, object)| object).collect())
    }

    /// Names every frame's object.
    fn plan(&self, stem: &str, members: Directory) -> Result<Vec<Frame>> {
        let names: Vec<&str> = members.frames.iter().map(|member| member.name.as_str()).collect();
        let targets = target_names(&names, self.reader.pattern.as_ref(), self.reader.options.first_frame)?;
        refuse_twins(targets.iter().map(String::as_str))?;
        let frames = members.frames.into_iter().zip(targets);
        frames
            .map(|(member, name)| {
                if let Some(rule) = broken_rule(&name) {
                    return Err(Error::new(
                        ErrorKind::UnsafeName,
                        format!("the frame name {name:?} {rule}"),
                    ));
                }
                let (key, url) = self.store.place.object(&format!("{stem}/{name}"))?;
                let target = Target {
                    key,
                    url,
                    kind: Some(ContentKind::Exr),
                    expected: Expected {
                        length: Some(member.size),
                        crc32: Some(member.crc32),
                        ..Expected::default()
                    },
                };
                Ok(Frame { member, target })
            })
            .collect()
    }

    /// Parts the frames into those that are there already and those to be made.
    async fn missing(&self, frames: Vec<Frame>) -> Result<(Vec<Placed>, Vec<Frame>)> {
        let looks = stream::iter(frames).map(|frame| async move {
            let found = look(&self.store, &frame.target).await?;
            Ok::<_, Error>((frame, found))
        });
        let mut looks = looks.buffered(AT_ONCE);
        let (mut there, mut todo) = (Vec::new(), Vec::new());
        while let Some((frame, found)) = looks.try_next().await? {
            match found {
                Found::Equal { bytes, crc32c, e_tag } => {
                    let object = Object::new(frame.target.url, bytes, crc32c, e_tag);
                    there.push((frame.member.span.start, object));
                }
                Found::Other if !self.store.overwrite => return Err(exists(&frame.target)),
                Found::Other | Found::Nothing | Found::Undecided | Found::NoAccess => todo.push(frame),
            }
        }
        Ok((there, todo))
    }

    /// One way through the archive: makes `frames`, adds the whole ones to `made` and gives the damaged ones back.
    async fn pass(
        &self,
        archive: &Archive,
        frames: Vec<Frame>,
        made: &mut Vec<Placed>,
        done: &Arc<AtomicU64>,
        total: u64,
    ) -> Result<Vec<(Frame, Damage)>> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let spans: Vec<Range<u64>> = frames.iter().map(|frame| frame.member.span.clone()).collect();
        let uploads = Uploads::new(&self.store, self.progress, Arc::clone(done), total);
        let maker = Maker {
            uploads: uploads.clone(),
            budget: Budget::for_parts_of(part_size(None)),
            runtime: Handle::current(),
        };
        let outcome = match archive {
            Archive::Remote { source, facts } => {
                let runs: Vec<Range<u64>> = coalesce(&spans, GAP)
                    .into_iter()
                    .filter_map(|run| Some(spans.get(run.start)?.start..spans.get(run.end.checked_sub(1)?)?.end))
                    .collect();
                self.progress
                    .add_total(runs.iter().map(|run| run.end - run.start).sum());
                let (portions, received) = mpsc::channel(PORTIONS);
                let input = Box::new(PortionReader::new(received));
                let worker = tokio::task::spawn_blocking(move || maker.make(frames, input));
                match self.fetch(source, facts, runs, portions, &uploads.stop).await {
                    Err(error) => {
                        gone(worker).await;
                        Err(error)
                    }
                    Ok(()) => joined(worker.await),
                }
            }
            Archive::Local { path } => {
                let file =
                    File::open(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
                let input = Box::new(FileReader {
                    file,
                    cancel: uploads.stop.clone(),
                });
                let mut worker = tokio::task::spawn_blocking(move || maker.make(frames, input));
                tokio::select! {
                    biased;
                    () = self.store.cancel.cancelled() => {
                        gone(worker).await;
                        Err(cancelled("the copy"))
                    }
                    outcome = &mut worker => joined(outcome),
                }
            }
        };
        match outcome {
            Ok(damaged) => {
                made.extend(uploads.all().await?);
                Ok(damaged)
            }
            Err(error) => Err(uploads.give_up(error).await),
        }
    }

    /// Moves the bytes of `runs` into the worker. Ends early, without an error, when the worker has ended: it tells why.
    async fn fetch(
        &self,
        source: &Arc<Source>,
        facts: &Facts,
        runs: Vec<Range<u64>>,
        portions: mpsc::Sender<Portion>,
        stop: &CancellationToken,
    ) -> Result<()> {
        for run in runs {
            let asked = ByteRange::Span {
                start: run.start,
                end: Some(run.end),
            };
            let mut stream =
                HealingStream::new(self.reader.flow.clone(), Arc::clone(source), asked, Some(facts.clone()))
                    .content_is_proven_later();
            let mut at = run.start;
            let (mut pieces, mut size) = (VecDeque::new(), 0);
            loop {
                let bytes = tokio::select! {
                    biased;
                    () = stop.cancelled() => return Err(cancelled("the copy")),
                    bytes = stream.next() => bytes?,
                };
                let is_last = bytes.is_none();
                if let Some(bytes) = bytes {
                    self.progress.add_bytes(bytes.len() as u64);
                    size += bytes.len();
                    pieces.push_back(bytes);
                }
                if size >= PORTION || (is_last && size > 0) {
                    let portion = Portion {
                        offset: at,
                        size,
                        pieces: std::mem::take(&mut pieces),
                    };
                    at = stream.position();
                    size = 0;
                    let sent = tokio::select! {
                        biased;
                        () = stop.cancelled() => return Err(cancelled("the copy")),
                        sent = portions.send(portion) => sent,
                    };
                    if sent.is_err() {
                        return Ok(());
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The uploads of one pass.
#[derive(Clone)]
struct Uploads {
    store: Store,
    progress: ProgressSink,
    done: Arc<AtomicU64>,
    total: u64,
    tasks: Arc<Mutex<JoinSet<Result<Option<Placed>>>>>,
    /// The caller's wish to stop.
    caller: CancellationToken,
    /// That, or one upload has failed: then nothing more needs to be fetched.
    stop: CancellationToken,
    places: Arc<tokio::sync::Semaphore>,
}

impl Uploads {
    fn new(store: &Store, progress: &ProgressSink, done: Arc<AtomicU64>, total: u64) -> Self {
        let stop = store.cancel.child_token();
        Self {
            store: Store {
                cancel: stop.clone(),
                ..store.clone()
            },
            progress: progress.clone(),
            done,
            total,
            tasks: Arc::default(),
            caller: store.cancel.clone(),
            stop,
            places: Arc::new(tokio::sync::Semaphore::new(AT_ONCE)),
        }
    }

    /// Begins the object of a frame. The sender takes the frame's crc32c when it is proven.
    fn begin(&self, frame: &Frame, place: OwnedSemaphorePermit, runtime: &Handle) -> (Writer, Arc<Mutex<Option<u32>>>) {
        let (writer, making) = self.store.begin(frame.target.clone());
        let crc32c = Arc::new(Mutex::new(None));
        let (uploads, known) = (self.clone(), Arc::clone(&crc32c));
        let (start, bytes, url) = (frame.member.span.start, frame.member.size, frame.target.url.clone());
        let work = async move {
            let _place = place;
            let outcome = making.await;
            if outcome.is_err() {
                uploads.stop.cancel();
            }
            let Some(Stored { e_tag }) = outcome? else {
                return Ok(None);
            };
            let done = uploads.done.fetch_add(1, Ordering::Relaxed) + 1;
            uploads.progress.set_frames(done, Some(uploads.total));
            let crc32c = *known.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Some((start, Object::new(url, bytes, crc32c, e_tag))))
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn_on(work, runtime);
        (writer, crc32c)
    }

    fn take(&self) -> JoinSet<Result<Option<Placed>>> {
        std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for all objects.
    async fn all(self) -> Result<Vec<Placed>> {
        let mut tasks = self.take();
        let mut made = Vec::new();
        let ending = async {
            while let Some(ended) = tasks.join_next().await {
                made.extend(joined(ended)?);
            }
            Ok(())
        };
        let outcome = patiently(&self.caller, ending).await;
        match outcome {
            Some(Ok(())) => Ok(made),
            Some(Err(error)) => Err(self.settle(tasks, error).await),
            None => Err(self.settle(tasks, cancelled("the copy")).await),
        }
    }

    /// Ends what was begun, after a failure elsewhere.
    async fn give_up(self, error: Error) -> Error {
        self.stop.cancel();
        let tasks = self.take();
        self.settle(tasks, error).await
    }

    /// Lets uploads abort, and lets go of them when the caller cannot wait. The upload that failed first knows better what went wrong than what it stopped.
    async fn settle(&self, mut tasks: JoinSet<Result<Option<Placed>>>, error: Error) -> Error {
        let mut kept = error;
        let ending = async {
            while let Some(ended) = tasks.join_next().await {
                match joined(ended) {
                    Err(error) if kept.kind() == ErrorKind::Cancelled => kept = error,
                    _ => {}
                }
            }
        };
        patiently(&self.caller, ending).await;
        tasks.detach_all();
        kept
    }
}

/// Why a frame did not come out.
enum Damage {
    Damaged(String),
    Inconsistent(String),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(why) | Self::Inconsistent(why) => f.write_str(why),
        }
    }
}

impl Damage {
    fn into_error(self, name: &str) -> Error {
        match self {
            Self::Inconsistent(why) => Error::new(
                ErrorKind::Archive,
                format!("the frame {name:?} of the archive is not usable: {why}"),
            ),
            Self::Damaged(why) => Error::new(
                ErrorKind::Integrity,
                format!("the frame {name:?} arrived damaged twice: {why}"),
            )
            .with_advice("the other frames are whole; copy again to fetch only what is missing"),
        }
    }
}

/// The worker: runs on the blocking pool, alone with its input.
struct Maker {
    uploads: Uploads,
    budget: Budget,
    runtime: Handle,
}

impl Maker {
    fn make(self, frames: Vec<Frame>, input: Box<dyn ArchiveReader>) -> Result<Vec<(Frame, Damage)>> {
        let mut damaged = Vec::new();
        let mut input = Watched {
            inner: input,
            broken: None,
        };
        let mut buffer = vec![0; BLOCK];
        for frame in frames {
            let span = frame.member.span.clone();
            input.inner.seek_to(span.start).map_err(|error| self.broken(error))?;
            let place = self.wait(async {
                Arc::clone(&self.uploads.places)
                    .acquire_owned()
                    .await
                    .map_err(|_| cancelled("the copy"))
            })?;
            let (writer, crc32c) = self.uploads.begin(&frame, place, &self.runtime);
            let mut output = ObjectOutput {
                maker: &self,
                writer,
                rest: frame.member.size,
                gathered: Vec::new(),
                room: None,
                crc32c: 0,
                sent: false,
            };
            // A member that reads on into its neighbour is damaged, wherever its neighbour is.
            let mut bounded = input.by_ref().take(span.end - span.start);
            let outcome = unpack(&frame.member, &mut bounded, &mut output, &mut buffer);
            if let Some(error) = input.broken.take() {
                return Err(self.broken(error));
            }
            match outcome {
                Ok(()) => {
                    *crc32c.lock().unwrap_or_else(PoisonError::into_inner) = Some(output.crc32c);
                    output.finish().map_err(|error| self.broken(error))?;
                }
                // The upload has failed, or was told to stop; its task knows why.
                Err(Fault::Output(error)) => return Err(self.broken(error)),
                Err(Fault::Damaged(why)) => damaged.push((frame, Damage::Damaged(why))),
                Err(Fault::Inconsistent(why)) => damaged.push((frame, Damage::Inconsistent(why))),
            }
        }
        Ok(damaged)
    }

    /// Waits on this thread, which may block, and no longer than anybody wants the result.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.uploads.stop.cancelled() => Err(cancelled("the copy")),
                outcome = work => outcome,
            }
        })
    }

    fn broken(&self, error: io::Error) -> Error {
        if self.uploads.stop.is_cancelled() {
            cancelled("the copy")
        } else {
            Error::io("cannot read the archive", error)
        }
    }
}

/// A frame's bytes on their way to its object, in parts.
struct ObjectOutput<'a> {
    maker: &'a Maker,
    writer: Writer,
    /// Bytes that are still to come.
    rest: u64,
    gathered: Vec<u8>,
    room: Option<OwnedSemaphorePermit>,
    crc32c: u32,
    sent: bool,
}

impl ObjectOutput<'_> {
    fn send(&mut self) -> io::Result<()> {
        let Some(room) = self.room.take() else { return Ok(()) };
        self.sent = true;
        let bytes = std::mem::take(&mut self.gathered);
        self.writer
            .blocking_part(bytes, room)
            .map_err(|_| io::Error::other("the upload has ended"))
    }

    fn take_room(&mut self) -> io::Result<usize> {
        let size = self.rest.min(part_size(None));
        let room = self.maker.wait(self.maker.budget.room(size));
        self.room = Some(room.map_err(|_| io::Error::other("the upload was stopped"))?);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.gathered.reserve_exact(size);
        Ok(size)
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.sent && self.room.is_none() {
            // A frame of no bytes is an object nevertheless.
            self.take_room()?;
        }
        self.send()?;
        self.writer.blocking_finish(self.crc32c);
        Ok(())
    }
}

impl Write for ObjectOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room.is_none() {
            self.take_room()?;
        }
        let size = usize::try_from(part_size(None)).unwrap_or(usize::MAX);
        let count = bytes.len().min(size - self.gathered.len());
        let bytes = bytes.get(..count).unwrap_or_default();
        self.gathered.extend_from_slice(bytes);
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.rest = self.rest.saturating_sub(count as u64);
        if self.gathered.len() == size {
            self.send()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
