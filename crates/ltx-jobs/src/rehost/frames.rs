//! Frames of an archive as single objects, each proven by its CRC-32 before it is one.
//!
//! As when they are saved: everything that can be refused is refused before the first byte is sent, what is there already is not fetched, and the others
//! come over several connections (see `archive::fetch`). Each worker inflates and proves one frame while its object's task sends what is ready of it.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::budget::{Budget, Buffer};
use super::sink::{Store, Stored, Target, Writer, exists, part_size, patiently};
use super::there::{Expected, Found, look};
use super::{Copying, Object};
use crate::archive::batch::{Batch, MOST, Wanted};
use crate::archive::directory::{Directory, Member};
use crate::archive::fetch::{self, Fetch, Outlet};
use crate::archive::frame::target_names;
use crate::archive::member::{Outcome, unpack};
use crate::archive::name::{broken_rule, refuse_twins};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::transfer::kind::ContentKind;

/// Objects asked about, and objects on their way, at once.
const AT_ONCE: usize = 16;

/// Connections to the archive, where the caller does not ask for another number.
const CONNECTIONS: usize = 4;

/// An object, with its place in frame order.
type Placed = (usize, Object);

impl Copying<'_> {
    /// Makes the frames of an archive under `stem/`. Gives them in frame order.
    pub(super) async fn copy_frames(
        &self,
        stem: &str,
        archive: fetch::Store,
        members: Directory,
    ) -> Result<Vec<Object>> {
        let targets = self.plan(stem, &members.frames)?;
        let total = targets.len() as u64;
        let wanted = members
            .frames
            .into_iter()
            .enumerate()
            .map(|(index, member)| Wanted { index, member });
        let (there, todo) = self.missing(wanted.collect(), &targets).await?;
        self.progress.set_frames(there.len() as u64, Some(total));
        // The caller's wish to stop, or a failure: then nothing more needs to be fetched.
        let stop = self.store.cancel.child_token();
        let objects = Arc::new(Objects {
            store: Store {
                cancel: stop.clone(),
                ..self.store.clone()
            },
            targets,
            budget: Budget::for_parts_of(part_size(None)),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            runtime: Handle::current(),
            total,
            progress: self.progress.clone(),
            stop: stop.clone(),
            tasks: Mutex::default(),
            made: Mutex::new(Made { there, failed: None }),
        });
        let mut flow = self.flow.clone();
        flow.cancel = stop;
        // The store is the narrow end, and there is room for so many parts: more connections would only wait for it, and one that rests would hold it.
        flow.connections.get_or_insert(CONNECTIONS);
        let fetch = Fetch {
            flow,
            progress: self.progress.clone(),
            store: archive,
            reading_counts: false,
            what: "the copy",
        };
        let outlet: Arc<dyn Outlet> = Arc::new(ObjectOutlet(Arc::clone(&objects)));
        let fetched = fetch.run(todo, MOST, &outlet).await;
        objects.settle(fetched, &self.store.cancel).await?;
        let mut made = objects.made();
        if let Some((_, error)) = made.failed.take() {
            return Err(error);
        }
        let mut there = std::mem::take(&mut made.there);
        there.sort_by_key(|(index, _)| *index);
        Ok(there.into_iter().map(|(_, object)| object).collect())
    }

    /// Names every frame's object.
    fn plan(&self, stem: &str, members: &[Member]) -> Result<Vec<Target>> {
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        let targets = target_names(&names, self.pattern.as_ref(), self.options.first_frame)?;
        refuse_twins(targets.iter().map(String::as_str))?;
        let target = |(member, name): (&Member, String)| {
            if let Some(rule) = broken_rule(&name) {
                return Err(Error::new(
                    ErrorKind::UnsafeName,
                    format!("the frame name {name:?} {rule}"),
                ));
            }
            let (key, url) = self.store.place.object(&format!("{stem}/{name}"))?;
            Ok(Target {
                key,
                url,
                kind: Some(ContentKind::Exr),
                expected: Expected {
                    length: Some(member.size),
                    crc32: Some(member.crc32),
                    ..Expected::default()
                },
            })
        };
        members.iter().zip(targets).map(target).collect()
    }

    /// Parts the frames into those that are there already and those to be made.
    async fn missing(&self, wanted: Vec<Wanted>, targets: &[Target]) -> Result<(Vec<Placed>, Vec<Wanted>)> {
        let targets: Vec<Target> = targets.to_vec();
        let looks = stream::iter(wanted.into_iter().zip(targets)).map(|(wanted, target)| async move {
            let found = look(&self.store, &target).await?;
            Ok::<_, Error>((wanted, target, found))
        });
        let mut looks = looks.buffered(AT_ONCE);
        let (mut there, mut todo) = (Vec::new(), Vec::new());
        while let Some((wanted, target, found)) = looks.try_next().await? {
            match found {
                Found::Equal { bytes, crc32c, e_tag } => {
                    there.push((wanted.index, Object::new(target.url, bytes, crc32c, e_tag)));
                }
                Found::Other if !self.store.overwrite => return Err(exists(&target)),
                Found::Other | Found::Nothing | Found::Undecided | Found::NoAccess => todo.push(wanted),
            }
        }
        Ok((there, todo))
    }
}

/// Frames become objects.
struct Objects {
    store: Store,
    /// By place in frame order.
    targets: Vec<Target>,
    budget: Budget,
    at_once: Arc<Semaphore>,
    runtime: Handle,
    total: u64,
    progress: ProgressSink,
    stop: CancellationToken,
    tasks: Mutex<JoinSet<Result<()>>>,
    made: Mutex<Made>,
}

struct Made {
    there: Vec<Placed>,
    /// The first in frame order that could not be had.
    failed: Option<(usize, Error)>,
}

impl Objects {
    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the object of a frame, whose task takes the place `among` those that are on their way.
    fn begin(self: &Arc<Self>, wanted: &Wanted, target: &Target, among: OwnedSemaphorePermit) -> Writer {
        let (writer, making) = self.store.begin(target.clone());
        let objects = Arc::clone(self);
        let (index, bytes, url) = (wanted.index, wanted.member.size, target.url.clone());
        let work = async move {
            let _among = among;
            match making.await {
                Ok(Some(Stored { crc32c, e_tag })) => {
                    let mut made = objects.made();
                    made.there.push((index, Object::new(url, bytes, Some(crc32c), e_tag)));
                    objects
                        .progress
                        .set_frames(made.there.len() as u64, Some(objects.total));
                    Ok(())
                }
                // It arrived damaged: whoever fetches it knows.
                Ok(None) => Ok(()),
                Err(error) => {
                    objects.stop.cancel();
                    Err(error)
                }
            }
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn_on(work.in_current_span(), &self.runtime);
        writer
    }

    /// Waits until every object that was begun is there or aborted, and lets go of them when the caller cannot wait. An upload that failed knows better
    /// what went wrong than the fetch that it stopped.
    async fn settle(&self, fetched: Result<()>, caller: &CancellationToken) -> Result<()> {
        if fetched.is_err() {
            self.stop.cancel();
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let mut outcome = fetched;
        let ending = async {
            while let Some(ended) = tasks.join_next().await {
                let ended = crate::transfer::sink::joined(ended);
                let knows_less = match &outcome {
                    Ok(()) => true,
                    Err(known) => known.kind() == ErrorKind::Cancelled,
                };
                if ended.is_err() && knows_less {
                    outcome = ended;
                }
            }
        };
        let all = patiently(caller, ending).await;
        tasks.detach_all();
        match all {
            Some(()) => outcome,
            None => Err(cancelled("the copy")),
        }
    }

    /// Waits on a thread that may block, and no longer than anybody wants the result.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(cancelled("the copy")),
                outcome = work => outcome,
            }
        })
    }

    fn copy(self: &Arc<Self>, wanted: &Wanted, input: &mut dyn Read, buffer: &mut [u8]) -> Result<Outcome> {
        let Some(target) = self.targets.get(wanted.index) else {
            return Err(Error::new(ErrorKind::Internal, "a frame without a name"));
        };
        let among = self.wait(async {
            let among = Arc::clone(&self.at_once).acquire_owned().await;
            among.map_err(|_| cancelled("the copy"))
        })?;
        let mut output = ObjectOutput {
            objects: self,
            writer: self.begin(wanted, target, among),
            rest: wanted.member.size,
            gathered: Vec::new(),
            size: 0,
            buffer: None,
            room: None,
            crc32c: 0,
            any: false,
        };
        // The upload has failed, or was told to stop; its task knows why.
        let stopped = |_: io::Error| cancelled("the copy");
        let outcome = unpack(&wanted.member, input, &mut output, buffer).map_err(stopped)?;
        if outcome.is_ok() {
            output.finish().map_err(stopped)?;
        }
        Ok(outcome)
    }
}

/// A handle, because the tasks of the objects share them.
struct ObjectOutlet(Arc<Objects>);

impl Outlet for ObjectOutlet {
    fn admit<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, ()> {
        std::future::ready(()).boxed()
    }

    fn take(&self, wanted: &Wanted, input: &mut dyn Read, buffer: &mut [u8]) -> Result<Outcome> {
        self.0.copy(wanted, input, buffer)
    }

    fn give_up(&self, wanted: &Wanted, error: Error) {
        let mut made = self.0.made();
        if made.failed.as_ref().is_none_or(|(index, _)| *index > wanted.index) {
            made.failed = Some((wanted.index, error));
        }
    }
}

/// A frame's bytes on their way to its object, in parts.
struct ObjectOutput<'a> {
    objects: &'a Objects,
    writer: Writer,
    /// Bytes that are still to come.
    rest: u64,
    /// What is there of the next part: full buffers, their bytes and those of the one being filled, and that one.
    gathered: Vec<Bytes>,
    size: u64,
    buffer: Option<Buffer>,
    room: Option<OwnedSemaphorePermit>,
    crc32c: u32,
    any: bool,
}

impl ObjectOutput<'_> {
    /// Sends what is there as a part.
    fn send(&mut self) -> io::Result<()> {
        let Some(room) = self.room.take() else { return Ok(()) };
        let last = self.buffer.take().map(Buffer::into_bytes);
        self.gathered.extend(last.filter(|bytes| !bytes.is_empty()));
        self.any = true;
        self.size = 0;
        self.writer
            .blocking_part(std::mem::take(&mut self.gathered), room)
            .map_err(|_| io::Error::other("the upload has ended"))
    }

    fn take_room(&mut self) -> io::Result<()> {
        let size = self.rest.min(part_size(None));
        let room = self.objects.wait(self.objects.budget.room(size));
        self.room = Some(room.map_err(|_| io::Error::other("the upload was stopped"))?);
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.any && self.room.is_none() {
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
        let missing = usize::try_from(part_size(None) - self.size).unwrap_or(usize::MAX);
        let bytes = bytes.get(..bytes.len().min(missing)).unwrap_or_default();
        let buffer = self.buffer.get_or_insert_with(|| self.objects.budget.buffer());
        let count = buffer.fill(bytes);
        let is_full = buffer.is_full();
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes.get(..count).unwrap_or_default());
        self.rest = self.rest.saturating_sub(count as u64);
        self.size += count as u64;
        if is_full {
            self.gathered.extend(self.buffer.take().map(Buffer::into_bytes));
        }
        if self.size >= part_size(None) {
            self.send()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
