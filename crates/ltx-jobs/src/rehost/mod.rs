//! Copying outputs to an object store of the caller: S3 and what speaks like it, Google Cloud Storage, Azure, or a directory.
//!
//! Nothing is held in memory as a whole and nothing touches the disk, apart from an archive on a storage without ranges. What becomes visible under its
//! key is complete and proven against the service's checksum (a frame: against the archive's CRC-32); what was begun and cannot be completed is aborted.
//! An object that is there already and equal counts as done.
//!
//! `place` reads the URL, `store` opens what it names with `connector`, our HTTP client; `profile` reads Amazon's own files. `whole` and `frames` bring the
//! bytes, `sink` makes an object of them, `there` looks at what lies under its key, `refusal` says what went wrong.

mod connector;
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
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Instrument as _;

use self::connector::Connector;
use self::frames::Archive;
use self::place::Place;
use self::sink::Store;
use self::store::StoreOptions;
use crate::archive::directory::{Directory, FIRST_TAIL};
use crate::archive::frame::FramePattern;
use crate::archive::open::{read_local_directory, read_remote_directory};
use crate::error::{Billing, Result};
use crate::job::Completed;
use crate::operation::{Operation, Running};
use crate::progress::{Phase, ProgressSink};
use crate::secret::SignedUrl;
use crate::telemetry::TRANSFER;
use crate::transfer::download::{Begun, Download, FirstTail, choose, collect, looks_like_archive};
use crate::transfer::integrity::{Running as Sums, Verify};
use crate::transfer::kind::ContentKind;
use crate::transfer::plan::Facts;
use crate::transfer::sink::{FileSink, joined};
use crate::transfer::source::{Renew, Source};
use crate::transfer::stream::HealingStream;
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
    /// The objects, those of one output together, frames in the order of the archive. Objects that were there already are among them.
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

impl Rehost {
    pub(crate) fn new(completed: Completed, url: String) -> Self {
        Self {
            completed,
            url,
            options: DownloadOptions::default(),
            store: StoreOptions::new(),
        }
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

    /// Starts the copy on the runtime.
    pub fn start(self) -> Operation<Rehosted> {
        let Self {
            completed,
            url,
            options,
            store,
        } = self;
        let client = completed.client().clone();
        let span = tracing::info_span!(target: TRANSFER, "rehost", job = %completed.job().reference());
        client.run(span, move |engine, work| async move {
            work.progress.set_phase(Phase::Rehosting);
            let reference = completed.job().reference();
            work.if_dropped(Billing::JobExists(Some(reference.clone())), reference);
            let outputs = completed.sources(&engine);
            let client = completed.client();
            let context = TransferContext {
                transport: engine.transport.clone(),
                settings: client.settings().clone(),
                progress: work.progress,
                cancel: work.cancel,
            };
            let copied = async {
                let place = Place::parse(&url)?;
                let connector = Connector::new(engine.transport.clone(), context.settings.allow_http);
                let store = store::open(&place, store, connector, &context.settings);
                let store = Store {
                    store: until_cancelled(&context, store).await?,
                    place,
                    overwrite: options.overwrite,
                    cancel: context.cancel.clone(),
                    finishing: client.finishing(),
                };
                copy_outputs(&context, store, outputs, &options).await
            };
            let copied = copied
                .await
                .map_err(|error| client.closed_instead(error).about_job(reference))?;
            if options.only.is_none() {
                // It is brought home: nobody has to fetch it after a crash.
                let job = reference.clone();
                if let Err(error) = client.journaled(move |journal| journal.saved(&job)).await {
                    tracing::warn!(target: TRANSFER, %error, "what was copied could not be written down");
                }
            }
            Ok(copied)
        })
    }
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
    let flow = context.flow();
    let copying = Copying {
        reader: Download {
            flow: &flow,
            progress: &context.progress,
            // Nothing is saved by it.
            dest: Path::new(""),
            options,
            pattern: options.frame_name.as_deref().map(FramePattern::parse).transpose()?,
        },
        progress: &context.progress,
        store,
    };
    let mut objects = Vec::new();
    for (stem, source) in choose(outputs, options.only.as_deref())? {
        let span = tracing::info_span!(target: TRANSFER, "output", label = %source.label);
        objects.extend(copying.copy(&stem, &source).instrument(span).await?);
    }
    Ok(Rehosted {
        bytes: objects.iter().map(|object| object.bytes).sum(),
        objects,
        elapsed: began.elapsed(),
    })
}

/// A copy of one job's outputs.
struct Copying<'a> {
    /// Finds out what an output is, as for a download.
    reader: Download<'a>,
    progress: &'a ProgressSink,
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
        let (archive, directory, _temp) = match self.open(source).await? {
            Opened::Plain(begun) => return Ok(vec![self.copy_whole(stem, source, begun).await?]),
            Opened::Archive(facts, directory) => {
                let source = Arc::clone(source);
                (Archive::Remote { source, facts }, directory, None)
            }
            Opened::ArchiveWithoutRanges(begun) => {
                let temp = self.to_disk(source, begun).await?;
                let directory = read_local_directory(temp.path()).await?;
                let path = temp.path().to_owned();
                (Archive::Local { path }, directory, Some(temp))
            }
        };
        let mut objects = Vec::new();
        if directory.frames.is_empty() || self.reader.options.archive == ArchiveMode::Both {
            let begun = self.reader.begin(source).await?;
            objects.push(self.copy_whole(stem, source, begun).await?);
        }
        if !directory.frames.is_empty() {
            objects.extend(self.copy_frames(stem, &archive, directory).await?);
        }
        Ok(objects)
    }

    async fn open(&self, source: &Arc<Source>) -> Result<Opened> {
        let unpack = self.reader.options.archive != ArchiveMode::Keep;
        let mut begun = None;
        if unpack && looks_like_archive(source) {
            match self.reader.open_tail(source).await? {
                FirstTail::Archive(facts, directory) => return Ok(Opened::Archive(facts, directory)),
                FirstTail::Whole(stream, facts) => begun = Some(self.reader.look(source, *stream, facts).await?),
                FirstTail::NoArchive => {}
            }
        }
        let begun = match begun {
            Some(begun) => begun,
            None => self.reader.begin(source).await?,
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
        let flow = self.reader.flow;
        let mut stream = HealingStream::new(flow.clone(), Arc::clone(source), asked, Some(facts.clone()));
        let tail = collect(&mut stream).await?;
        let directory = read_remote_directory(flow, source, &facts, tail).await?;
        Ok(Opened::Archive(facts, directory))
    }

    /// An archive in a temporary file, proven.
    async fn to_disk(&self, source: &Arc<Source>, begun: Begun) -> Result<tempfile::NamedTempFile> {
        let Begun {
            mut stream,
            facts,
            mut head,
            ..
        } = begun;
        let temp = joined(
            tokio::task::spawn_blocking(|| {
                tempfile::NamedTempFile::new()
                    .map_err(|error| crate::error::Error::io("cannot make a temporary file for the archive", error))
            })
            .await,
        )?;
        if let Some(length) = facts.length {
            self.progress.add_total(length);
        }
        let mut sink = FileSink::new(temp, Sums::new(&facts.hashes, Verify::WhenOffered));
        let poured = async {
            loop {
                let bytes = match head.pop_front() {
                    Some(bytes) => bytes,
                    None => match stream.next().await? {
                        Some(bytes) => bytes,
                        None => return Ok(()),
                    },
                };
                self.progress.add_bytes(bytes.len() as u64);
                self.until_cancelled(sink.write(bytes)).await?;
            }
        };
        if let Err(error) = poured.await {
            sink.abandon().await;
            return Err(error);
        }
        let written = self.until_cancelled(sink.finish()).await?;
        let what = format!("the output {}", source.label);
        let running = written.running;
        running.prove(&facts.hashes, facts.length, Verify::WhenOffered, &what)?;
        Ok(written.temp)
    }
}
