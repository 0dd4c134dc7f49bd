//! Saving the outputs of a job: what each of them is, where it lands, and in what way it gets there.
//!
//! The first request of every output is a ranged GET, never HEAD (URLs signed for GET answer HEAD with 403): its answer tells length, version, hashes
//! and, by the first bytes, the kind. An archive of EXR frames is unpacked by ranges; anything else becomes one verified file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;

use crate::archive::directory::{Directory, FIRST_TAIL};
use crate::archive::extract::{Extraction, extract};
use crate::archive::fetch::Store;
use crate::archive::frame::FramePattern;
use crate::archive::name::{folded, stem_of_label};
use crate::archive::open::{
    FirstTail, collect, looks_like_archive, open_tail, read_local_directory, read_remote_directory,
};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Phase, ProgressSink};
use crate::secret::SignedUrl;
use crate::telemetry::Moving;
use crate::transfer::kind::ContentKind;
use crate::transfer::plan::Facts;
use crate::transfer::sink::blocking;
use crate::transfer::source::{Renew, Source};
use crate::transfer::stream::{Flow, HealingStream};
use crate::transfer::whole::{Begun, CLEARING, Fetched, Got, Whole};
use crate::transfer::{ArchiveMode, DownloadOptions, Saved, SavedFile, TransferContext};
use crate::transport::ByteRange;

/// Saves `outputs` (label, URL, and how to get a new URL) under `dest`.
pub(crate) async fn save_outputs(
    context: &TransferContext,
    outputs: Vec<(String, SignedUrl, Arc<dyn Renew>)>,
    dest: &Path,
    options: &DownloadOptions,
) -> Result<Saved> {
    save_all(
        &context.flow(options.connections, options.limit()),
        &context.progress,
        outputs,
        dest,
        options,
    )
    .await
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
        let moved = Moving::begin("download", Some(&source.label), None);
        let saved = moved.over(download.save(&stem, &source)).await?;
        moved.end(saved.iter().map(|file| file.bytes));
        files.extend(saved);
    }
    Ok(Saved::new(files, began.elapsed()))
}

/// The outputs that are wanted, each with the stem of its name on disk.
pub(crate) fn choose(
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
    let (options, stem) = (DownloadOptions::new(), stem_of_label(&source.label));
    let mut whole = Whole {
        flow,
        progress,
        dest: Path::new(""),
        options: &options,
        stem: &stem,
        source,
    };
    let begun = whole.look(opened.0, opened.1).await?;
    let directory = match (begun.kind, directory) {
        (Some(ContentKind::Zip), Some(directory)) => directory.to_owned(),
        (Some(ContentKind::Zip), None) => return Ok(Spooled::NoDirectory),
        _ => return Ok(Spooled::NoArchive),
    };
    let own = blocking(move || aside(&directory)).await?;
    whole.dest = own.path();
    let saved = whole.save(Some(begun)).await?;
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

impl Download<'_> {
    async fn save(&self, stem: &str, source: &Arc<Source>) -> Result<Vec<SavedFile>> {
        let unpack = self.options.archive != ArchiveMode::Keep;
        let whole = self.whole(stem, source);
        if !unpack || whole.left().await?.is_some_and(|extension| extension != "zip") {
            return Ok(vec![whole.save(None).await?]);
        }
        let mut begun = None;
        if looks_like_archive(source) {
            match open_tail(self.flow, source).await? {
                FirstTail::Archive(facts, directory) => return self.save_archive(stem, source, facts, directory).await,
                FirstTail::Whole(stream, facts) => begun = Some(whole.look(*stream, facts).await?),
                FirstTail::NoArchive => {}
            }
        }
        let begun = match begun {
            Some(begun) => begun,
            None => whole.begin().await?,
        };
        if begun.kind != Some(ContentKind::Zip) {
            return Ok(vec![whole.save(Some(begun)).await?]);
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

    /// The output as one file.
    fn whole<'a>(&'a self, stem: &'a str, source: &'a Arc<Source>) -> Whole<'a> {
        Whole {
            flow: self.flow,
            progress: self.progress,
            dest: self.dest,
            options: self.options,
            stem,
            source,
        }
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
            files.push(self.whole(stem, source).save(None).await?);
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
        // A call before may have met a storage without ranges, and kept the archive aside.
        self.whole(stem, source).clear(CLEARING).await;
        Ok(files)
    }

    /// An archive that can only be had from its beginning: to disk first, then frames from there, and no archive stays unless asked for.
    async fn save_archive_without_ranges(
        &self,
        stem: &str,
        source: &Arc<Source>,
        begun: Begun,
    ) -> Result<Vec<SavedFile>> {
        let whole = self.whole(stem, source);
        let fetched = match whole.get(Some(begun), false).await? {
            Got::Fetched(fetched) => *fetched,
            Got::WasThere(saved) => return Ok(vec![saved]),
        };
        let directory = match read_local_directory(&fetched.path()).await {
            Ok(directory) => directory,
            Err(error) => {
                discarded(fetched).await?;
                return Err(error);
            }
        };
        if directory.frames.is_empty() {
            return Ok(vec![whole.publish(fetched).await?]);
        }
        if self.options.archive == ArchiveMode::Both {
            let archive = whole.publish(fetched).await?;
            let store = Store::Local {
                path: archive.path.clone(),
            };
            let mut files = vec![archive];
            files.extend(self.unpack(stem, &store, directory).await?);
            return Ok(files);
        }
        let store = Store::Local { path: fetched.path() };
        let files = self.unpack(stem, &store, directory).await;
        discarded(fetched).await?;
        files
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
}

/// Removes a file that was fetched and is not wanted under a name.
async fn discarded(fetched: Fetched) -> Result<()> {
    blocking(move || {
        fetched.discard();
        Ok(())
    })
    .await
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
