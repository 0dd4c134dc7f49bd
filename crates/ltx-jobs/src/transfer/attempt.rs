//! The tries it takes to have an output's bytes, whole and proven, in a part file: on from what was left, or from the beginning, and anew where that can
//! help.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::progress::FileProgress;
use crate::telemetry::TRANSFER;
use crate::transfer::SavedFile;
use crate::transfer::claim::Claim;
use crate::transfer::extents::Extents;
use crate::transfer::integrity::{Found, needs_md5};
use crate::transfer::parallel::{First, Parallel};
use crate::transfer::partial::{self, Adopted, Keeper, Part};
use crate::transfer::place::Place;
use crate::transfer::plan::{Facts, Same};
use crate::transfer::publish::md5_of;
use crate::transfer::sink::{Sink, Writer, blocking, gone};
use crate::transfer::space::ensure_space;
use crate::transfer::stream::HealingStream;
use crate::transfer::whole::{Begun, Whole, go_on};
use crate::transport::ByteRange;

/// Times a file is begun anew because its bytes were not what the storage said: one bad transfer is believed to be one.
const INTEGRITY_RESTARTS: u32 = 1;

/// Times a file is begun anew because the storage had another version, or could not prove that it had the same.
const CHANGE_RESTARTS: u32 = 3;

/// One try: where its bytes come from, where they go, and what is known of the object.
struct Try {
    first: First,
    facts: Facts,
    extension: String,
    part: Part,
    there: Extents,
}

/// What came of the tries.
pub(super) enum Unclaimed {
    /// An equal file was there.
    WasThere(SavedFile),
    Fetched {
        part: Part,
        target: PathBuf,
        found: Found,
        keeper: Option<Arc<Keeper>>,
    },
}

impl Whole<'_> {
    /// Fetches and proves, beginning anew where that can help.
    pub(super) async fn fetch(
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
            self.flow.tally.transfers_restarted.one();
            tracing::warn!(target: TRANSFER, label = %self.source.label, error = error.message(), "fetching the file anew");
            // What the last try left is to be gone before the next makes a file of the same name.
            let done = async { Ok(claim.until_done().await) };
            drop(self.until_cancelled(done).await?);
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
                return self.go_on(place, adopted).await;
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
    async fn go_on(&self, place: &Place, adopted: Adopted) -> Result<Try> {
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
                self.drop_part(place, part).await?;
            }
            return Err(error);
        }
        let directory = self.dest.to_owned();
        let needed = length.saturating_sub(there.bytes());
        blocking(move || ensure_space(&directory, needed)).await?;
        self.flow.tally.transfers_resumed.one();
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
                let keeper = keeper.filter(|_| is_worth_keeping(error.kind()));
                let (place, done) = (place.clone(), claim.until_done().await);
                let leaving = tokio::task::spawn_blocking(move || {
                    // Writes of connections that were dropped may still be on their way.
                    sink.close();
                    match keeper.filter(|_| sink.there().bytes() > 0) {
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
