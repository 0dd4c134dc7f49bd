//! Saving the outputs of a job: what each of them is, where it lands, and in what way it gets there.
//!
//! The first request of every output is a ranged GET, never HEAD (URLs signed for GET answer HEAD with 403): its answer tells length, version, hashes
//! and, by the first bytes, the kind. An archive of EXR frames is unpacked by ranges; anything else becomes one verified file.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tempfile::TempDir;
use tracing::Instrument as _;

use crate::archive::directory::{Directory, FIRST_TAIL};
use crate::archive::extract::{Extraction, extract};
use crate::archive::fetch::Store;
use crate::archive::frame::FramePattern;
use crate::archive::name::{folded, stem_of_label};
use crate::archive::open::{
    FirstTail, collect, looks_like_archive, open_tail, read_local_directory, read_remote_directory,
};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::{Phase, ProgressSink};
use crate::secret::SignedUrl;
use crate::telemetry::TRANSFER;
use crate::transfer::integrity::{Running, Verify};
use crate::transfer::kind::{ContentKind, HEAD, extension};
use crate::transfer::plan::Facts;
use crate::transfer::publish::{Outcome, digest, directory_of, exists, publish, stage, sync_directory};
use crate::transfer::sink::{FileSink, Written, joined};
use crate::transfer::source::{Renew, Source};
use crate::transfer::stream::{Flow, HealingStream};
use crate::transfer::{ArchiveMode, DownloadOptions, Saved, SavedFile, TransferContext};
use crate::transport::ByteRange;

/// Times a file is begun anew because its bytes were not what the storage said: one bad transfer is believed to be one.
const INTEGRITY_RESTARTS: u32 = 1;

/// Times a file is begun anew because the storage had another version, or could not prove that it had the same.
const CHANGE_RESTARTS: u32 = 3;

/// Saves `outputs` (label, URL, and how to get a new URL) under `dest`.
pub(crate) async fn save_outputs(
    context: &TransferContext,
    outputs: Vec<(String, SignedUrl, Arc<dyn Renew>)>,
    dest: &Path,
    options: &DownloadOptions,
) -> Result<Saved> {
    save_all(&context.flow(), &context.progress, outputs, dest, options).await
}

async fn save_all(
    flow: &Flow,
    progress: &ProgressSink,
    outputs: Vec<(String, SignedUrl, Arc<dyn Renew>)>,
    dest: &Path,
    options: &DownloadOptions,
) -> Result<Saved> {
    let began = Instant::now();
    let pattern = options.frame_name.as_deref().map(FramePattern::parse).transpose()?;
    let chosen = choose(outputs, options.only.as_deref())?;
    progress.set_phase(Phase::Downloading);
    let download = Download {
        flow,
        progress,
        dest,
        options,
        pattern,
    };
    let mut files = Vec::new();
    for (stem, source) in chosen {
        let span = tracing::info_span!(target: TRANSFER, "output", label = %source.label);
        files.extend(download.save(&stem, &source).instrument(span).await?);
    }
    Ok(Saved::new(files, began.elapsed()))
}

/// The outputs that are wanted, each with the stem of its name on disk.
fn choose(
    outputs: Vec<(String, SignedUrl, Arc<dyn Renew>)>,
    only: Option<&[String]>,
) -> Result<Vec<(String, Arc<Source>)>> {
    let fits = |label: &str, wish: &str| label == wish || label.strip_suffix("_url") == Some(wish);
    for wish in only.unwrap_or_default() {
        if !outputs.iter().any(|(label, ..)| fits(label, wish)) {
            let there: Vec<&str> = outputs.iter().map(|(label, ..)| label.as_str()).collect();
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("the job has no output {wish:?}, only: {}", there.join(", ")),
            ));
        }
    }
    let mut taken = HashSet::new();
    let mut chosen = Vec::new();
    for (label, url, renew) in outputs {
        if only.is_some_and(|only| !only.iter().any(|wish| fits(&label, wish))) {
            continue;
        }
        // Labels are the service's words: two of them could become one name.
        let plain = stem_of_label(&label);
        let mut stem = plain.clone();
        let mut number = 2;
        while !taken.insert(folded(&stem)) {
            stem = format!("{plain}_{number}");
            number += 1;
        }
        chosen.push((stem, Arc::new(Source::new(label, url, renew))));
    }
    Ok(chosen)
}

/// What became of an output that was to be kept aside; see [`spool`].
pub(crate) enum Spooled {
    /// The archive, in a directory that goes with it.
    File(PathBuf, TempDir),
    /// It is no archive, or none was to be kept.
    NoArchive,
    NoDirectory,
}

/// Brings an archive from a storage without ranges into a temporary directory in `directory`, which nobody else uses. `opened` is the output from its
/// first byte on.
pub(crate) async fn spool(
    flow: &Flow,
    progress: &ProgressSink,
    source: &Arc<Source>,
    opened: (HealingStream, Facts),
    directory: Option<&Path>,
) -> Result<Spooled> {
    let options = DownloadOptions::new();
    let mut download = Download {
        flow,
        progress,
        dest: Path::new(""),
        options: &options,
        pattern: None,
    };
    let begun = download.look(source, opened.0, opened.1).await?;
    let directory = match (begun.kind, directory) {
        (Some(ContentKind::Zip), Some(directory)) => directory.to_owned(),
        (Some(ContentKind::Zip), None) => return Ok(Spooled::NoDirectory),
        _ => return Ok(Spooled::NoArchive),
    };
    let own = joined(tokio::task::spawn_blocking(move || aside(&directory)).await)?;
    download.dest = own.path();
    let saved = download
        .save_whole(&stem_of_label(&source.label), source, begun)
        .await?;
    Ok(Spooled::File(saved.path, own))
}

/// A directory of our own in `directory`, removed when dropped.
fn aside(directory: &Path) -> Result<TempDir> {
    std::fs::create_dir_all(directory)
        .and_then(|()| {
            tempfile::Builder::new()
                .prefix(".ltx-jobs-frames.")
                .tempdir_in(directory)
        })
        .map_err(|error| Error::io(format!("cannot create a directory in {}", directory.display()), error))
}

struct Download<'a> {
    flow: &'a Flow,
    progress: &'a ProgressSink,
    dest: &'a Path,
    options: &'a DownloadOptions,
    pattern: Option<FramePattern>,
}

/// A file that is being read from its beginning.
struct Begun {
    stream: HealingStream,
    facts: Facts,
    /// What was read of it, to see what it is.
    head: VecDeque<Bytes>,
    kind: Option<ContentKind>,
    extension: String,
}

impl Download<'_> {
    async fn save(&self, stem: &str, source: &Arc<Source>) -> Result<Vec<SavedFile>> {
        let unpack = self.options.archive != ArchiveMode::Keep;
        let mut begun = None;
        if unpack && looks_like_archive(source) {
            match open_tail(self.flow, source).await? {
                FirstTail::Archive(facts, directory) => return self.save_archive(stem, source, facts, directory).await,
                FirstTail::Whole(stream, facts) => begun = Some(self.look(source, *stream, facts).await?),
                FirstTail::NoArchive => {}
            }
        }
        let begun = match begun {
            Some(begun) => begun,
            None => self.begin(source).await?,
        };
        if !(unpack && begun.kind == Some(ContentKind::Zip)) {
            return Ok(vec![self.save_whole(stem, source, begun).await?]);
        }
        match (begun.facts.ranges, begun.facts.length) {
            (true, Some(length)) => {
                let facts = begun.facts.clone();
                drop(begun);
                let from = length.saturating_sub(FIRST_TAIL);
                let asked = ByteRange::Span {
                    start: from,
                    end: Some(length),
                };
                let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(source), asked, Some(facts.clone()));
                let tail = collect(&mut stream).await?;
                let directory = read_remote_directory(self.flow, source, &facts, tail).await?;
                self.save_archive(stem, source, facts, directory).await
            }
            _ => self.save_archive_without_ranges(stem, source, begun).await,
        }
    }

    /// Begins to read a file from its first byte.
    async fn begin(&self, source: &Arc<Source>) -> Result<Begun> {
        let asked = ByteRange::Span { start: 0, end: None };
        let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(source), asked, None);
        let facts = stream.open().await?;
        self.look(source, stream, facts).await
    }

    async fn look(&self, source: &Arc<Source>, mut stream: HealingStream, facts: Facts) -> Result<Begun> {
        let mut head = VecDeque::new();
        let mut first = Vec::new();
        while first.len() < HEAD {
            let Some(bytes) = stream.next().await? else { break };
            first.extend_from_slice(bytes.get(..bytes.len().min(HEAD)).unwrap_or_default());
            head.push_back(bytes);
        }
        if first.is_empty() {
            return Err(Error::new(
                ErrorKind::Integrity,
                format!("the output {} is an empty file on the storage", source.label),
            ));
        }
        let extension = extension(&first, facts.content_type.as_deref(), source.url().1.url());
        Ok(Begun {
            stream,
            facts,
            head,
            kind: ContentKind::of(&first),
            extension,
        })
    }

    /// An archive on a storage that answers ranges.
    async fn save_archive(
        &self,
        stem: &str,
        source: &Arc<Source>,
        facts: Facts,
        directory: Directory,
    ) -> Result<Vec<SavedFile>> {
        let mut files = Vec::new();
        if directory.frames.is_empty() || self.options.archive == ArchiveMode::Both {
            let begun = self.begin(source).await?;
            files.push(self.save_whole(stem, source, begun).await?);
        }
        if directory.frames.is_empty() {
            return Ok(files);
        }
        let store = match files.first() {
            Some(file) => Store::Local {
                path: file.path.clone(),
            },
            None => Store::Remote {
                source: Arc::clone(source),
                facts,
            },
        };
        files.extend(self.unpack(stem, &store, directory).await?);
        Ok(files)
    }

    /// An archive that can only be had from its beginning: to disk first, then frames from there, and no archive stays unless asked for.
    async fn save_archive_without_ranges(
        &self,
        stem: &str,
        source: &Arc<Source>,
        begun: Begun,
    ) -> Result<Vec<SavedFile>> {
        let target = self.target(stem, &begun);
        let written = self.fetch(source, &target, begun).await?;
        let directory = read_local_directory(written.temp.path()).await?;
        if directory.frames.is_empty() {
            return Ok(vec![self.publish(written, target).await?]);
        }
        let mut files = Vec::new();
        if self.options.archive == ArchiveMode::Both {
            files.push(self.publish(written, target.clone()).await?);
            files.extend(self.unpack(stem, &Store::Local { path: target }, directory).await?);
        } else {
            let store = Store::Local {
                path: written.temp.path().to_owned(),
            };
            files.extend(self.unpack(stem, &store, directory).await?);
            drop(written);
        }
        Ok(files)
    }

    async fn unpack(&self, stem: &str, store: &Store, directory: Directory) -> Result<Vec<SavedFile>> {
        let how = Extraction {
            directory: self.dest.join(stem),
            pattern: self.pattern.clone(),
            first_frame: self.options.first_frame,
            overwrite: self.options.overwrite,
        };
        extract(self.flow, self.progress, store, directory, how).await
    }

    fn target(&self, stem: &str, begun: &Begun) -> PathBuf {
        self.dest.join(format!("{stem}.{}", begun.extension))
    }

    /// One file, as it is.
    async fn save_whole(&self, stem: &str, source: &Arc<Source>, begun: Begun) -> Result<SavedFile> {
        let target = self.target(stem, &begun);
        if let Some(there) = self.already_there(&target, &begun.facts).await? {
            return Ok(there);
        }
        let written = self.fetch(source, &target, begun).await?;
        self.publish(written, target).await
    }

    /// A file that is there and provably equal is done; one that is provably different ends it before its bytes are fetched for nothing.
    async fn already_there(&self, target: &Path, facts: &Facts) -> Result<Option<SavedFile>> {
        let (path, facts, options) = (
            target.to_owned(),
            facts.clone(),
            (self.options.overwrite, self.options.verify),
        );
        let cancel = self.flow.cancel.clone();
        let work = move || {
            let (overwrite, verify) = options;
            let Ok(found) = std::fs::metadata(&path) else {
                return Ok(None);
            };
            let another_length = facts.length.is_some_and(|length| length != found.len());
            let expected = facts.hashes.crc32c.filter(|_| verify != Verify::Off);
            let equal = match expected {
                Some(expected) if !another_length => {
                    let go_on = || {
                        if cancel.is_cancelled() {
                            Err(cancelled("the download"))
                        } else {
                            Ok(())
                        }
                    };
                    digest(&path, go_on)?.is_some_and(|digest| digest.crc32c == expected)
                }
                // Nothing to compare with yet: the bytes will tell.
                None if !another_length => return Ok(None),
                _ => false,
            };
            match (equal, expected) {
                (true, Some(crc32c)) => Ok(Some(SavedFile {
                    path,
                    bytes: found.len(),
                    crc32c,
                })),
                _ if overwrite => Ok(None),
                _ => Err(exists(&path)),
            }
        };
        joined(tokio::task::spawn_blocking(work).await)
    }

    /// Fetches a file into a temporary one beside `target`, and proves it.
    async fn fetch(&self, source: &Arc<Source>, target: &Path, begun: Begun) -> Result<Written> {
        let (mut damaged, mut changed) = (0, 0);
        let mut begun = Some(begun);
        loop {
            let attempt = match begun.take() {
                Some(begun) => begun,
                None => self.begin(source).await?,
            };
            let error = match self.fetch_once(source, target, attempt).await {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Integrity if damaged < INTEGRITY_RESTARTS => damaged += 1,
                ErrorKind::ObjectChanged if changed < CHANGE_RESTARTS => changed += 1,
                _ => return Err(error),
            }
            tracing::warn!(target: TRANSFER, label = %source.label, error = error.message(), "fetching the file anew");
        }
    }

    async fn fetch_once(&self, source: &Arc<Source>, target: &Path, begun: Begun) -> Result<Written> {
        let Begun {
            mut stream,
            facts,
            mut head,
            ..
        } = begun;
        if let Some(length) = facts.length {
            self.progress.add_total(length);
        }
        let beside = target.to_owned();
        let temp = joined(tokio::task::spawn_blocking(move || stage(&beside)).await)?;
        let mut sink = FileSink::new(temp, Running::new(&facts.hashes, self.options.verify));
        if let Err(error) = self.pour(&mut head, &mut stream, &mut sink).await {
            sink.abandon().await;
            return Err(error);
        }
        let written = self.until_cancelled(sink.finish()).await?;
        let what = format!("the output {}", source.label);
        written
            .running
            .clone()
            .prove(&facts.hashes, facts.length, self.options.verify, &what)?;
        Ok(written)
    }

    /// Moves all bytes of a file into its sink.
    async fn pour(&self, head: &mut VecDeque<Bytes>, stream: &mut HealingStream, sink: &mut FileSink) -> Result<()> {
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
    }

    async fn publish(&self, written: Written, target: PathBuf) -> Result<SavedFile> {
        let Written { temp, running } = written;
        let overwrite = self.options.overwrite;
        let work = move || {
            if publish(temp, &target, overwrite)? == Outcome::Published {
                sync_directory(directory_of(&target))?;
            }
            Ok(SavedFile {
                path: target,
                bytes: running.length,
                crc32c: running.crc32c,
            })
        };
        self.until_cancelled(async { joined(tokio::task::spawn_blocking(work).await) })
            .await
    }

    /// A disk may take its time; a caller who cancels does not wait for it.
    async fn until_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => Err(cancelled("the download")),
            outcome = work => outcome,
        }
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
