//! One output as one file: claimed, fetched into a part file, proven, published.
//!
//! The first request is already useful: it asks for the object's bytes from the first one on, or, where an earlier call left some, for those that are
//! missing, bound to the version they are of. A version that changed, or bytes that are not what the storage says, begin anew; never is one version's byte
//! put beside another's. What an interruption leaves is kept beside the target for the next call, unless the caller wants no resuming.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::ProgressSink;
use crate::transfer::attempt::Unclaimed;
use crate::transfer::claim::{Claim, Lease, claim};
use crate::transfer::integrity::{Found, Verify};
use crate::transfer::kind::{ContentKind, HEAD, extension};
use crate::transfer::partial::{self, Adopted, Keeper, Part};
use crate::transfer::place::Place;
use crate::transfer::plan::Facts;
use crate::transfer::publish::{Digest, Outcome, digest, directory_of, exists, md5_of, publish, sync_directory};
use crate::transfer::sink::{blocking, gone, joined};
use crate::transfer::source::Source;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transfer::{DownloadOptions, SavedFile};
use crate::transport::ByteRange;

/// How long to wait for a call that was given up to leave the place, before what lies there is left as it is.
pub(crate) const CLEARING: Duration = Duration::from_millis(500);

/// A file that is being read from its beginning.
pub(crate) struct Begun {
    pub(crate) stream: HealingStream,
    pub(crate) facts: Facts,
    /// What was read of it, to see what it is.
    pub(crate) head: VecDeque<Bytes>,
    pub(crate) kind: Option<ContentKind>,
    pub(crate) extension: String,
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

impl Whole<'_> {
    /// The extension of what an earlier call left of it, when it did and it is of use.
    pub(crate) async fn left(&self) -> Result<Option<String>> {
        if !self.options.resume {
            return Ok(None);
        }
        let place = Place::new(self.dest, self.stem);
        blocking(move || Ok(partial::extension(&place))).await
    }

    /// Removes what earlier calls left of the file, now that its content has come in another way or is there. What somebody else is at work on stays, and is
    /// waited for no longer than `limit`.
    pub(crate) async fn clear(&self, limit: Duration) {
        let place = Place::new(self.dest, self.stem);
        let looked = place.clone();
        if !blocking(move || Ok(looked.is_used())).await.unwrap_or_default() {
            return;
        }
        let claimed = claim(&place, Some(limit), Lease::USUAL, self.progress, &self.flow.cancel).await;
        let Ok(claim) = claimed else { return };
        self.clear_claimed(&place, &claim).await;
        released(claim).await;
    }

    async fn clear_claimed(&self, place: &Place, claim: &Claim) {
        let (place, owner, before) = (place.clone(), claim.owner().to_owned(), claim.before);
        let done = claim.until_done().await;
        let cleared = blocking(move || {
            let _done = done;
            partial::clear(&place, &owner, before);
            Ok(())
        });
        let _ = cleared.await;
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

    pub(super) fn target(&self, extension: &str) -> PathBuf {
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
        let begun = match begun {
            None if self.left().await?.is_none() => Some(self.begin().await?),
            begun => begun,
        };
        if look_first && let Some(saved) = self.was_there(known(begun.as_ref())).await? {
            // A call that was killed when it had just given the file its name could not tidy up.
            self.clear(Duration::ZERO).await;
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
        let lost = claim.lost.clone();
        let fetched = tokio::select! {
            biased;
            () = lost.cancelled() => Err(claim.lost_error()),
            fetched = Box::pin(self.claimed(&place, &claim, begun, look_first)) => fetched,
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

    /// Fetches the file, now that no other owner does.
    async fn claimed(
        &self,
        place: &Place,
        claim: &Claim,
        mut begun: Option<Begun>,
        look_first: bool,
    ) -> Result<Unclaimed> {
        if claim.waited {
            // What the other one made is there now, or what it could not make.
            begun = Some(self.begin().await?);
            if look_first && let Some(saved) = self.was_there(known(begun.as_ref())).await? {
                self.clear_claimed(place, claim).await;
                return Ok(Unclaimed::WasThere(saved));
            }
        }
        let adopted = self.adopt(place, claim).await?;
        self.fetch(place, claim, begun, adopted, look_first).await
    }

    /// What an earlier call left.
    async fn adopt(&self, place: &Place, claim: &Claim) -> Result<Option<Adopted>> {
        let (place, owner, before) = (place.clone(), claim.owner().to_owned(), claim.before);
        let (resume, cancel) = (self.options.resume, self.flow.cancel.clone());
        let done = claim.until_done().await;
        self.until_cancelled(blocking(move || {
            let _done = done;
            if !resume {
                partial::discard(&place);
                place.sweep(&owner, before, None);
                return Ok(None);
            }
            partial::adopt(&place, &owner, before, || go_on(&cancel))
        }))
        .await
    }

    async fn was_there(&self, known: Option<(String, Facts)>) -> Result<Option<SavedFile>> {
        match known {
            Some((extension, facts)) => self.already_there(&self.target(&extension), &facts).await,
            None => Ok(None),
        }
    }

    /// A file that is there and provably equal is done; one that is provably different ends it before its bytes are fetched for nothing.
    pub(super) async fn already_there(&self, target: &Path, facts: &Facts) -> Result<Option<SavedFile>> {
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
            // An answer cut short by something in between tells a wrong length and the right checksum. Before a file is called different, that is asked;
            // who replaces it anyway need not wait for the answer.
            let equal = match found.is_file() && comparable && !(another_length && overwrite) {
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
            // Whoever finds the file by its name is to find nothing beside it.
            claim.release();
            if outcome? == Outcome::Published {
                sync_directory(directory_of(&target))?;
            }
            Ok(SavedFile {
                path: target,
                bytes: found.length,
                crc32c: found.crc32c,
            })
        };
        let mut publishing = tokio::task::spawn_blocking(work);
        tokio::select! {
            biased;
            () = self.flow.cancel.cancelled() => {
                gone(publishing).await;
                Err(cancelled("the download"))
            }
            outcome = &mut publishing => joined(outcome),
        }
    }

    /// A disk may take its time; a caller who cancels does not wait for it.
    pub(super) async fn until_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
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

pub(super) fn go_on(cancel: &tokio_util::sync::CancellationToken) -> Result<()> {
    if cancel.is_cancelled() {
        Err(cancelled("the download"))
    } else {
        Ok(())
    }
}
