//! Copying outputs to an object store of the caller: S3 and what speaks like it, Google Cloud Storage, Azure, or a directory.
//!
//! Nothing is held in memory as a whole and nothing touches the disk, apart from an archive on a storage without ranges. What becomes visible under its
//! key is complete and proven against the service's checksum (a frame: against the archive's CRC-32); what was begun and cannot be completed is aborted.
//! An object that is there already and equal counts as done.
//!
//! `place` reads the URL, `store` opens what it names with `connector`, our HTTP client; `profile` reads Amazon's own files. `whole` and `frames` bring the
//! bytes, `sink` makes an object of them within a `budget`, `there` looks at what lies under its key, `refusal` says what went wrong.

mod budget;
mod connector;
mod destination;
mod frames;
mod place;
mod profile;
mod refusal;
mod sink;
mod store;
mod there;
mod whole;

use std::fmt;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use self::destination::StoreDestination;

use self::connector::Connector;
use self::place::Place;
use self::sink::Store;
use self::store::StoreOptions;
use crate::archive::directory::{Directory, FIRST_TAIL};
use crate::archive::fetch;
use crate::archive::frame::FramePattern;
use crate::archive::open::{
    FirstTail, collect, looks_like_archive, open_tail, read_local_directory, read_remote_directory,
};
use crate::client::Engine;
use crate::error::{Error, Result};
use crate::job::Completed;
use crate::journal::SavedTo;
use crate::operation::{Operation, Running, Watch, Work};
use crate::progress::{Phase, Progress, ProgressSink};
use crate::secret::SignedUrl;
use crate::telemetry::{Moving, TRANSFER, ltx, operation_span};
use crate::transfer::download::choose;
use crate::transfer::kind::ContentKind;
use crate::transfer::plan::Facts;
use crate::transfer::sink::blocking;
use crate::transfer::source::{Renew, Source};
use crate::transfer::stream::{Flow, HealingStream};
use crate::transfer::whole::{Begun, Whole};
use crate::transfer::{ArchiveMode, DownloadOptions, TransferContext};
use crate::transport::ByteRange;

/// Times an output is begun anew because its bytes were not what the storage said: one bad transfer is believed to be one.
const INTEGRITY_RESTARTS: u32 = 1;

/// Times an output is begun anew because the storage had another version, or could not prove that it had the same.
const CHANGE_RESTARTS: u32 = 3;

/// One object in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its URL, in the way the place was given: `s3://bucket/prefix/video.mp4`. No secret is in it.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// Its crc32c. Unknown only of a frame that was there already, which is compared by the CRC-32 of the archive.
    pub crc32c: Option<u32>,
    /// The store's tag for this version of it, as the store writes it.
    pub e_tag: Option<String>,
}

impl Object {
    fn new(url: String, bytes: u64, crc32c: Option<u32>, e_tag: Option<String>) -> Self {
        Self {
            url,
            bytes,
            crc32c,
            e_tag,
        }
    }
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rehosted {
    /// The objects, those of one output together, frames in the order of their numbers. Objects that were there already are among them.
    pub objects: Vec<Object>,
    /// Bytes of all the objects.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// A copy to an object store being prepared; see [`Completed::rehost`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Clone)]
pub struct Rehost {
    completed: Completed,
    url: String,
    options: DownloadOptions,
    store: StoreOptions,
    watch: Watch,
}

impl fmt::Debug for Rehost {
    /// Without the values of options, which may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehost")
            .field("completed", &self.completed)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Refuses what is no place of a store; asks nobody.
pub(crate) fn check_place(url: &str) -> Result<()> {
    Place::parse(url).map(drop)
}

impl Rehost {
    pub(crate) fn new(completed: Completed, url: String) -> Self {
        Self {
            completed,
            url,
            options: DownloadOptions::default(),
            store: StoreOptions::new(),
            watch: Watch::default(),
        }
    }

    /// With everything that was said of the place, and how the outputs are taken.
    pub(crate) fn as_said(mut self, options: DownloadOptions, dest: &StoreDestination) -> Self {
        self.options = options;
        self.store.clone_from(&dest.store);
        self
    }

    /// Copies only the outputs with these labels; an unknown label is an error before any transfer.
    pub fn only(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.only = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// What to do with an archive of frames; the default copies its frames as single objects.
    pub fn archive(mut self, mode: ArchiveMode) -> Self {
        self.options.archive = mode;
        self
    }

    /// Names frames by a pattern with `{frame}` or `{frame:04}`, for example `sh010.{frame:04}.exr`.
    pub fn frame_name(mut self, pattern: impl Into<String>) -> Self {
        self.options.frame_name = Some(pattern.into());
        self
    }

    /// The number of the first frame in such names; the default keeps the archive's numbers.
    pub fn first_frame(mut self, number: u64) -> Self {
        self.options.first_frame = Some(number);
        self
    }

    /// Replaces another object that is there; the default is the error `Exists`. An equal one counts as copied in either case.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.options.overwrite = overwrite;
        self
    }

    /// Options of the store, by the names of its own variables with or without their prefix: `region`, `endpoint`, `account_name`, `google_base_url`, ...
    ///
    /// They come before the environment. The connection is not among them: proxy, certificates and time limits are settings of the client.
    pub fn options(mut self, options: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let options = options.into_iter().map(|(key, value)| (key.into(), value.into()));
        self.store.extend(options);
        self
    }

    /// Calls `tell` with the progress, at most ten times a second and only when there is news, and once more at the end. It runs on a thread of the
    /// runtime and must not block; a panic in it ends the copy as `Internal`. Without it, [`Operation::snapshot`] tells the same.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.watch.tell(tell);
        self
    }

    /// Cancels the copy when this future is ready; [`Operation::cancel`] and dropping the awaited future do so as well. Objects that are whole stay, and
    /// uploads that were begun are aborted.
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.watch.cancel(when);
        self
    }

    /// Starts the copy on the runtime.
    pub fn start(self) -> Operation<Rehosted> {
        let Self {
            completed,
            url,
            options,
            store,
            watch,
        } = self;
        let client = completed.client().clone();
        let span = operation_span!(INFO, TRANSFER, "rehost", { ltx::JOB } = %completed.job().reference());
        let reference = completed.job().reference().clone();
        client.run_about(&reference, span, move |engine, work| async move {
            work.progress.set_phase(Phase::Rehosting);
            let copying = Box::pin(copy(&completed, &engine, &work, &url, &options, store));
            watch.over(&work, copying).await
        })
    }
}

/// Copies the outputs, and writes down that they are home when it was all of them.
async fn copy(
    completed: &Completed,
    engine: &Engine,
    work: &Work,
    url: &str,
    options: &DownloadOptions,
    store: StoreOptions,
) -> Result<Rehosted> {
    let (client, reference) = (completed.client(), completed.job().reference());
    let context = TransferContext {
        transport: engine.transport.clone(),
        settings: client.settings().clone(),
        progress: work.progress.clone(),
        cancel: work.cancel.clone(),
    };
    let copied = async {
        let place = Place::parse(url)?;
        let connector = Connector::new(engine.transport.clone(), context.settings.allow_http);
        let store = store::open(&place, store, connector, &context.settings);
        let store = Store {
            store: until_cancelled(&context, store).await?,
            place,
            overwrite: options.overwrite,
            cancel: context.cancel.clone(),
            finishing: client.finishing(),
            tally: Arc::clone(engine.transport.tally()),
        };
        copy_outputs(&context, store, completed.signed_outputs(), options).await
    };
    let copied = copied
        .await
        .map_err(|error| client.closed_instead(error).about_job(reference))?;
    if options.only.is_none() {
        let (job, to) = (reference.clone(), SavedTo::store(url, options));
        if let Err(error) = client.journaled(move |journal| journal.saved(&job, Some(to))).await {
            tracing::warn!(target: TRANSFER, %error, "what was copied could not be written down");
        }
    }
    Ok(copied)
}

impl IntoFuture for Rehost {
    type Output = Result<Rehosted>;
    type IntoFuture = Running<Rehosted>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

async fn until_cancelled<T>(context: &TransferContext, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(crate::operation::cancelled("the copy")),
        outcome = work => outcome,
    }
}

/// Copies `outputs` (label, URL, and how to get a new URL) into `store`.
async fn copy_outputs(
    context: &TransferContext,
    store: Store,
    outputs: Vec<(String, SignedUrl, Arc<dyn Renew>)>,
    options: &DownloadOptions,
) -> Result<Rehosted> {
    let began = Instant::now();
    let copying = Copying {
        flow: &context.flow(options.connections, options.limit()),
        progress: &context.progress,
        options,
        pattern: options.frame_name.as_deref().map(FramePattern::parse).transpose()?,
        store,
    };
    let mut objects = Vec::new();
    for (stem, source) in choose(outputs, options.only.as_deref())? {
        let moved = Moving::begin("rehost", Some(&source.label), None);
        let copied = moved.over(copying.copy(&stem, &source)).await?;
        moved.end(copied.iter().map(|object| object.bytes));
        objects.extend(copied);
    }
    Ok(Rehosted {
        bytes: objects.iter().map(|object| object.bytes).sum(),
        objects,
        elapsed: began.elapsed(),
    })
}

/// A copy of one job's outputs.
struct Copying<'a> {
    flow: &'a Flow,
    progress: &'a ProgressSink,
    options: &'a DownloadOptions,
    pattern: Option<FramePattern>,
    store: Store,
}

/// What an output is.
enum Opened {
    /// An archive on a storage that answers ranges.
    Archive(Facts, Directory),
    /// An archive that can only be had from its beginning.
    ArchiveWithoutRanges(Begun),
    /// Anything else, or an archive that nobody wants to be looked into.
    Plain(Begun),
}

impl Copying<'_> {
    async fn copy(&self, stem: &str, source: &Arc<Source>) -> Result<Vec<Object>> {
        let (archive, directory, _kept) = match self.open(stem, source).await? {
            Opened::Plain(begun) => return Ok(vec![self.copy_whole(stem, source, begun).await?]),
            Opened::Archive(facts, directory) => {
                let source = Arc::clone(source);
                (fetch::Store::Remote { source, facts }, directory, None)
            }
            Opened::ArchiveWithoutRanges(begun) => {
                let (path, own) = self.to_disk(stem, source, begun).await?;
                let directory = read_local_directory(&path).await?;
                (fetch::Store::Local { path }, directory, Some(own))
            }
        };
        let mut objects = Vec::new();
        if directory.frames.is_empty() || self.options.archive == ArchiveMode::Both {
            let begun = self.whole(stem, source).begin().await?;
            objects.push(self.copy_whole(stem, source, begun).await?);
        }
        if !directory.frames.is_empty() {
            objects.extend(self.copy_frames(stem, archive, directory).await?);
        }
        Ok(objects)
    }

    async fn open(&self, stem: &str, source: &Arc<Source>) -> Result<Opened> {
        let (unpack, whole) = (self.options.archive != ArchiveMode::Keep, self.whole(stem, source));
        let mut begun = None;
        if unpack && looks_like_archive(source) {
            match open_tail(self.flow, source).await? {
                FirstTail::Archive(facts, directory) => return Ok(Opened::Archive(facts, directory)),
                FirstTail::Whole(stream, facts) => begun = Some(whole.look(*stream, facts).await?),
                FirstTail::NoArchive => {}
            }
        }
        let begun = match begun {
            Some(begun) => begun,
            None => whole.begin().await?,
        };
        if !(unpack && begun.kind == Some(ContentKind::Zip)) {
            return Ok(Opened::Plain(begun));
        }
        let (true, Some(length)) = (begun.facts.ranges, begun.facts.length) else {
            return Ok(Opened::ArchiveWithoutRanges(begun));
        };
        let facts = begun.facts.clone();
        drop(begun);
        let asked = ByteRange::Span {
            start: length.saturating_sub(FIRST_TAIL),
            end: Some(length),
        };
        let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(source), asked, Some(facts.clone()));
        let tail = collect(&mut stream).await?;
        let directory = read_remote_directory(self.flow, source, &facts, tail).await?;
        Ok(Opened::Archive(facts, directory))
    }

    /// The output as one file; nothing is saved by it unless `dest` is set.
    fn whole<'a>(&'a self, stem: &'a str, source: &'a Arc<Source>) -> Whole<'a> {
        Whole {
            flow: self.flow,
            progress: self.progress,
            dest: Path::new(""),
            options: self.options,
            stem,
            source,
        }
    }

    /// An archive in a directory of its own that goes with it, proven.
    async fn to_disk(&self, stem: &str, source: &Arc<Source>, begun: Begun) -> Result<(PathBuf, TempDir)> {
        let own = blocking(|| {
            tempfile::tempdir().map_err(|error| Error::io("cannot make a temporary directory for the archive", error))
        })
        .await?;
        let whole = Whole {
            dest: own.path(),
            ..self.whole(stem, source)
        };
        let saved = whole.save(Some(begun)).await?;
        Ok((saved.path, own))
    }
}
