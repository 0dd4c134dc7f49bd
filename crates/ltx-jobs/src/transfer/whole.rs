//! One output as one file: claimed, fetched into a part file, proven, published.
//!
//! The first request is already useful: it asks for the object's bytes from the first one on, or, where an earlier call left some, for those that are
//! missing, bound to the version they are of. A version that changed, or bytes that are not what the storage says, begin anew; never is one version's byte
//! put beside another's. What an interruption leaves is kept beside the target for the next call, unless the caller wants no resuming.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::{FileProgress, ProgressSink};
use crate::telemetry::TRANSFER;
use crate::transfer::claim::{Claim, Lease, Place, claim};
use crate::transfer::extents::Extents;
use crate::transfer::integrity::{Found, Verify, needs_md5};
use crate::transfer::kind::{ContentKind, HEAD, extension};
use crate::transfer::parallel::{First, Parallel};
use crate::transfer::partial::{self, Adopted, Keeper, Part};
use crate::transfer::plan::{Facts, Same};
use crate::transfer::publish::{Digest, Outcome, digest, directory_of, exists, md5_of, publish, sync_directory};
use crate::transfer::sink::{Sink, Writer, blocking, gone};
use crate::transfer::source::Source;
use crate::transfer::space::ensure_space;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transfer::{DownloadOptions, SavedFile};
use crate::transport::ByteRange;

/// Times a file is begun anew because its bytes were not what the storage said: one bad transfer is believed to be one.
const INTEGRITY_RESTARTS: u32 = 1;

/// Times a file is begun anew because the storage had another version, or could not prove that it had the same.
const CHANGE_RESTARTS: u32 = 3;

/// A file that is being read from its beginning.
pub(crate) struct Begun {
    pub(crate) stream: HealingStream,
    pub(crate) facts: Facts,
    /// What was read of it, to see what it is.
    head: VecDeque<Bytes>,
    pub(crate) kind: Option<ContentKind>,
    extension: String,
}

/// A file that is whole and proven, not yet under its name. Removed when dropped.
pub(crate) struct Fetched {
    part: Part,
    target: PathBuf,
    found: Found,
    keeper: Option<Arc<Keeper>>,
    claim: Claim,
}

impl Fetched {
    pub(crate) fn path(&self) -> PathBuf {
        self.part.path()
    }

    /// Removes it. Blocks.
    pub(crate) fn discard(self) {
        if let Some(keeper) = &self.keeper {
            keeper.forget();
        }
        self.part.discard();
        self.claim.release();
    }
}

/// What came of fetching an output.
pub(crate) enum Got {
    /// An equal file was there.
    WasThere(SavedFile),
    Fetched(Box<Fetched>),
}

/// An output to be had as one file.
pub(crate) struct Whole<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) progress: &'a ProgressSink,
    pub(crate) dest: &'a Path,
    pub(crate) options: &'a DownloadOptions,
    pub(crate) stem: &'a str,
    pub(crate) source: &'a Arc<Source>,
}

/// One try: where its bytes come from, where they go, and what is known of the object.
struct Try {
    first: First,
    facts: Facts,
    extension: String,
    part: Part,
    there: Extents,
}

impl Whole<'_> {
    /// The extension of what an earlier call left of it, when it did and it is of use.
    pub(crate) async fn left(&self) -> Result<Option<String>> {
        if !self.options.resume {
            return Ok(None);
        }
        let place = Place::new(self.dest, self.stem);
        blocking(move || Ok(partial::extension(&place))).await
    }

    /// Begins to read the file from its first byte.
    pub(crate) async fn begin(&self) -> Result<Begun> {
        let asked = ByteRange::Span { start: 0, end: None };
        let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(self.source), asked, None);
        let facts = stream.open().await?;
        self.look(stream, facts).await
    }

    /// Reads as much as tells what the file is.
    pub(crate) async fn look(&self, mut stream: HealingStream, facts: Facts) -> Result<Begun> {
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
                format!("the output {} is an empty file on the storage", self.source.label),
            ));
        }
        let extension = extension(&first, facts.content_type.as_deref(), self.source.url().1.url());
        Ok(Begun {
            stream,
            facts,
            head,
            kind: ContentKind::of(&first),
            extension,
        })
    }

    fn target(&self, extension: &str) -> PathBuf {
        self.dest.join(format!("{}.{extension}", self.stem))
    }

    /// Fetches the file and gives it its name.
    pub(crate) async fn save(&self, begun: Option<Begun>) -> Result<SavedFile> {
        match self.get(begun, true).await? {
            Got::WasThere(saved) => Ok(saved),
            Got::Fetched(fetched) => self.publish(*fetched).await,
        }
    }

    /// Fetches the file, unless `look_first` finds it there.
    pub(crate) async fn get(&self, begun: Option<Begun>, look_first: bool) -> Result<Got> {
        let place = Place::new(self.dest, self.stem);
        let mut begun = match begun {
            None if self.left().await?.is_none() => Some(self.begin().await?),
            begun => begun,
        };
        if look_first && let Some(saved) = self.was_there(known(begun.as_ref())).await? {
            return Ok(Got::WasThere(saved));
        }
        let claim = claim(
            &place,
            self.options.lock_timeout,
            Lease::USUAL,
            self.progress,
            &self.flow.cancel,
        )
        .await?;
        if claim.waited {
            // What the other one made is there now, or what it could not make.
            begun = Some(self.begin().await?);
            if look_first && let Some(saved) = self.was_there(known(begun.as_ref())).await? {
                released(claim).await;
                return Ok(Got::WasThere(saved));
            }
        }
        let adopted = self.adopt(&place, &claim).await?;
        let lost = claim.lost.clone();
        let fetched = tokio::select! {
            biased;
            () = lost.cancelled() => Err(claim.lost_error()),
            fetched = Box::pin(self.fetch(&place, &claim, begun, adopted, look_first)) => fetched,
        };
        match fetched {
            Err(error) => {
                released(claim).await;
                Err(error)
            }
            Ok(Unclaimed::WasThere(saved)) => {
                released(claim).await;
                Ok(Got::WasThere(saved))
            }
            Ok(Unclaimed::Fetched {
                part,
                target,
                found,
                keeper,
            }) => Ok(Got::Fetched(Box::new(Fetched {
                part,
                target,
                found,
                keeper,
                claim,
            }))),
        }
    }

    /// What an earlier call left.
    async fn adopt(&self, place: &Place, claim: &Claim) -> Result<Option<Adopted>> {
        let (place, owner, before) = (place.clone(), claim.owner().to_owned(), claim.before);
        let (resume, cancel) = (self.options.resume, self.flow.cancel.clone());
        self.until_cancelled(blocking(move || {
            if !resume {
                partial::discard(&place);
                return Ok(None);
            }
            partial::adopt(&place, &owner, before, || go_on(&cancel))
        }))
        .await
    }

    /// Fetches and proves, beginning anew where that can help.
    async fn fetch(
        &self,
        place: &Place,
        claim: &Claim,
        mut begun: Option<Begun>,
        mut adopted: Option<Adopted>,
        look_first: bool,
    ) -> Result<Unclaimed> {
        let (mut damaged, mut changed) = (0, 0);
        let progress = FileProgress::new(self.progress.clone());
        // What was begun was looked for before.
        let mut look = look_first && begun.is_none();
        loop {
            let attempt = self.prepare(place, claim, begun.take(), adopted.take()).await;
            let outcome = match attempt {
                Ok(attempt) => {
                    let target = self.target(&attempt.extension);
                    if look && let Some(saved) = self.already_there(&target, &attempt.facts).await? {
                        let place = place.clone();
                        blocking(move || {
                            partial::discard(&place);
                            attempt.part.discard();
                            Ok(())
                        })
                        .await?;
                        return Ok(Unclaimed::WasThere(saved));
                    }
                    self.attempt(place, claim, attempt, target, &progress).await
                }
                Err(error) => Err(error),
            };
            let error = match outcome {
                Ok(fetched) => return Ok(fetched),
                Err(error) => error,
            };
            look = look_first;
            match error.kind() {
                ErrorKind::Integrity if damaged < INTEGRITY_RESTARTS => damaged += 1,
                ErrorKind::ObjectChanged if changed < CHANGE_RESTARTS => changed += 1,
                _ => return Err(error),
            }
            tracing::warn!(target: TRANSFER, label = %self.source.label, error = error.message(), "fetching the file anew");
        }
    }

    /// Opens the way for one try: on from what was left, or from the beginning.
    async fn prepare(
        &self,
        place: &Place,
        claim: &Claim,
        begun: Option<Begun>,
        adopted: Option<Adopted>,
    ) -> Result<Try> {
        if let Some(adopted) = adopted {
            let fits = match &begun {
                None => true,
                Some(begun) => begun.facts.ranges && begun.facts.same_object(&adopted.facts) == Same::Yes,
            };
            if fits {
                return self.go_on(adopted).await;
            }
            self.drop_part(place, adopted.part).await?;
        }
        let begun = match begun {
            Some(begun) => begun,
            None => self.begin().await?,
        };
        let (place, owner, length) = (place.clone(), claim.owner().to_owned(), begun.facts.length);
        let part = blocking(move || {
            ensure_space(place.directory(), length.unwrap_or(0))?;
            Part::create(&place, &owner)
        })
        .await?;
        Ok(Try {
            first: First {
                stream: begun.stream,
                head: begun.head,
            },
            facts: begun.facts,
            extension: begun.extension,
            part,
            there: Extents::default(),
        })
    }

    /// Asks for the first byte that is missing, of the very version that was begun. With none missing, for the last one, to see that it is the same.
    async fn go_on(&self, adopted: Adopted) -> Result<Try> {
        let Adopted {
            part,
            there,
            facts,
            extension,
        } = adopted;
        let length = facts.length.unwrap_or(0);
        let missing = there.missing(length);
        let (start, end) = missing
            .first()
            .map_or((length.saturating_sub(1), length), |gap| (gap.start, gap.end));
        let asked = ByteRange::Span { start, end: Some(end) };
        let mut stream = HealingStream::new(self.flow.clone(), Arc::clone(self.source), asked, Some(facts.clone()));
        if let Err(error) = stream.open().await {
            if error.kind() == ErrorKind::ObjectChanged {
                // Its bytes are of no use any more.
                blocking(move || {
                    part.discard();
                    Ok(())
                })
                .await?;
            }
            return Err(error);
        }
        let directory = self.dest.to_owned();
        let needed = length.saturating_sub(there.bytes());
        blocking(move || ensure_space(&directory, needed)).await?;
        tracing::debug!(target: TRANSFER, label = %self.source.label, there = there.bytes(), of = length, "going on with what an earlier download left");
        Ok(Try {
            first: First {
                stream,
                head: VecDeque::new(),
            },
            facts,
            extension,
            part,
            there,
        })
    }

    async fn drop_part(&self, place: &Place, part: Part) -> Result<()> {
        let place = place.clone();
        blocking(move || {
            partial::discard(&place);
            part.discard();
            Ok(())
        })
        .await
    }

    /// One try. What it leaves when it fails is kept or removed, as the error and the caller want it.
    async fn attempt(
        &self,
        place: &Place,
        claim: &Claim,
        attempt: Try,
        target: PathBuf,
        progress: &FileProgress,
    ) -> Result<Unclaimed> {
        let Try {
            first,
            facts,
            extension,
            part,
            there,
        } = attempt;
        if let Some(length) = facts.length {
            progress.set_total(length);
        }
        let sink = Sink::new(part.file()?, there);
        let in_parts = facts.ranges && facts.length.is_some() && facts.is_provable();
        let keeper = (in_parts && self.options.resume).then(|| Keeper::new(place, &part, &sink, &facts, &extension));
        let outcome = async {
            if in_parts {
                Parallel::new(self.flow, self.source, &facts, &sink, keeper.as_ref(), progress)
                    .fetch(first)
                    .await?;
            } else {
                self.pour(first, &sink, progress).await?;
            }
            self.prove(&sink, &facts).await
        }
        .await;
        match outcome {
            Ok(found) => Ok(Unclaimed::Fetched {
                part,
                target,
                found,
                keeper,
            }),
            Err(error) => {
                let kept = keeper.filter(|_| is_worth_keeping(error.kind()) && sink.there().bytes() > 0);
                let (place, done) = (place.clone(), claim.until_done().await);
                let leaving = tokio::task::spawn_blocking(move || {
                    match kept {
                        Some(keeper) => {
                            if let Err(error) = keeper.save() {
                                tracing::debug!(target: TRANSFER, error = error.message(), "the next download begins anew, or from an earlier record");
                            }
                            drop(part);
                        }
                        None => {
                            partial::discard(&place);
                            part.discard();
                        }
                    }
                    drop(done);
                });
                gone(leaving).await;
                Err(error)
            }
        }
    }

    /// Moves all bytes of an object that can only be read in one go.
    async fn pour(&self, first: First, sink: &Arc<Sink>, progress: &FileProgress) -> Result<()> {
        let First { mut stream, mut head } = first;
        let mut writer = Writer::new(sink, 0);
        let mut done = 0;
        loop {
            let bytes = match head.pop_front() {
                Some(bytes) => bytes,
                None => match stream.next().await? {
                    Some(bytes) => bytes,
                    None => break,
                },
            };
            done += bytes.len() as u64;
            progress.set_done(done);
            self.until_cancelled(writer.write(bytes)).await?;
        }
        self.until_cancelled(writer.finish()).await
    }

    /// Compares what was written with what the storage said of it.
    async fn prove(&self, sink: &Arc<Sink>, facts: &Facts) -> Result<Found> {
        let there = sink.there();
        let crc32c = there.crc32c().unwrap_or_default();
        let md5 = if needs_md5(&facts.hashes, self.options.verify) {
            let (sink, cancel) = (Arc::clone(sink), self.flow.cancel.clone());
            let reading = blocking(move || md5_of(sink.file(), || go_on(&cancel)));
            Some(self.until_cancelled(reading).await?)
        } else {
            None
        };
        let found = Found {
            length: there.bytes(),
            crc32c,
            md5,
        };
        let what = format!("the output {}", self.source.label);
        found.prove(&facts.hashes, facts.length, self.options.verify, &what)?;
        Ok(found)
    }

    async fn was_there(&self, known: Option<(String, Facts)>) -> Result<Option<SavedFile>> {
        match known {
            Some((extension, facts)) => self.already_there(&self.target(&extension), &facts).await,
            None => Ok(None),
        }
    }

    /// A file that is there and provably equal is done; one that is provably different ends it before its bytes are fetched for nothing.
    async fn already_there(&self, target: &Path, facts: &Facts) -> Result<Option<SavedFile>> {
        let (path, facts) = (target.to_owned(), facts.clone());
        let (overwrite, verify) = (self.options.overwrite, self.options.verify);
        let cancel = self.flow.cancel.clone();
        let work = move || {
            let Ok(found) = std::fs::metadata(&path) else {
                return Ok(None);
            };
            let another_length = facts.length.is_some_and(|length| length != found.len());
            let comparable = verify != Verify::Off && (facts.hashes.crc32c.is_some() || facts.hashes.md5.is_some());
            if !another_length && !comparable {
                // Nothing to compare with yet: the bytes will tell.
                return Ok(None);
            }
            let equal = match found.is_file() && !another_length {
                true => equal_digest(&path, &facts, || go_on(&cancel))?,
                false => None,
            };
            match equal {
                Some(digest) => Ok(Some(SavedFile {
                    path,
                    bytes: digest.length,
                    crc32c: digest.crc32c,
                })),
                None if overwrite => Ok(None),
                None => Err(exists(&path)),
            }
        };
        self.until_cancelled(blocking(work)).await
    }

    /// Gives a fetched file its name.
    pub(crate) async fn publish(&self, fetched: Fetched) -> Result<SavedFile> {
        let overwrite = self.options.overwrite;
        let work = move || {
            let Fetched {
                part,
                target,
                found,
                keeper,
                claim,
            } = fetched;
            let Some(temp) = part.into_temp() else {
                return Err(Error::new(ErrorKind::Internal, "a file was published twice"));
            };
            let outcome = publish(temp, &target, overwrite);
            if let Some(keeper) = keeper {
                keeper.forget();
            }
            if outcome? == Outcome::Published {
                sync_directory(directory_of(&target))?;
            }
            claim.release();
            Ok(SavedFile {
                path: target,
                bytes: found.length,
                crc32c: found.crc32c,
            })
        };
        self.until_cancelled(blocking(work)).await
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

/// What a file's beginning told.
fn known(begun: Option<&Begun>) -> Option<(String, Facts)> {
    begun.map(|begun| (begun.extension.clone(), begun.facts.clone()))
}

/// Gives a place free, and waits a moment for it: a process that ends right after should leave things in order.
async fn released(claim: Claim) {
    gone(tokio::task::spawn_blocking(move || claim.release())).await;
}

/// [`Got`], before the claim is handed on with it.
enum Unclaimed {
    WasThere(SavedFile),
    Fetched {
        part: Part,
        target: PathBuf,
        found: Found,
        keeper: Option<Arc<Keeper>>,
    },
}

/// The digest of a file that is what the storage holds.
fn equal_digest(path: &Path, facts: &Facts, go_on: impl Fn() -> Result<()>) -> Result<Option<Digest>> {
    let Some(found) = digest(path, &go_on)? else {
        return Ok(None);
    };
    let equal = match (facts.hashes.crc32c, facts.hashes.md5) {
        (Some(crc32c), _) => crc32c == found.crc32c,
        (None, Some(md5)) => {
            let file = std::fs::File::open(path)
                .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
            md5_of(&file, go_on)? == md5
        }
        (None, None) => false,
    };
    Ok(equal.then_some(found))
}

fn go_on(cancel: &tokio_util::sync::CancellationToken) -> Result<()> {
    if cancel.is_cancelled() {
        Err(cancelled("the download"))
    } else {
        Ok(())
    }
}

/// Whether the bytes that are there are of use for the next call: not when they are wrong, of another version, or of an object that is gone.
fn is_worth_keeping(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::Integrity
            | ErrorKind::ObjectChanged
            | ErrorKind::ResultExpired
            | ErrorKind::NotFound
            | ErrorKind::Exists
    )
}
