//! An output copied as it is: streamed from the service's storage into the store, and proven before it becomes an object.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use super::Copying;
use super::budget::Budget;
use super::sink::{Ended, Stored, Target, Writer, exists, part_size, patiently};
use super::there::{Expected, Found, look};
use super::{CHANGE_RESTARTS, INTEGRITY_RESTARTS, Object};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::telemetry::TRANSFER;
use crate::transfer::integrity::{Found as Proof, Hashes, Verify, needs_md5};
use crate::transfer::plan::Facts;
use crate::transfer::sink::joined;
use crate::transfer::source::Source;
use crate::transfer::whole::Begun;

/// What is known of an output before its bytes are.
pub(super) fn expected(facts: &Facts) -> Expected {
    Expected {
        length: facts.length,
        crc32c: facts.hashes.crc32c,
        crc32: None,
        md5: facts.hashes.md5,
    }
}

impl Copying<'_> {
    /// Copies a whole output under `stem` and the extension of its content.
    pub(super) async fn copy_whole(&self, stem: &str, source: &Arc<Source>, begun: Begun) -> Result<Object> {
        let (key, url) = self.store.place.object(&format!("{stem}.{}", begun.extension))?;
        let mut target = Target {
            key,
            url,
            kind: begun.kind,
            expected: expected(&begun.facts),
        };
        let mut begun = Some(begun);
        match look(&self.store, &target).await? {
            Found::Equal { bytes, crc32c, e_tag } => return Ok(Object::new(target.url, bytes, crc32c, e_tag)),
            Found::Other if !self.store.overwrite => return Err(exists(&target)),
            Found::Undecided if !self.store.overwrite => {
                // The storage tells no checksum, so the bytes have to.
                if let Some(begun) = begun.take() {
                    target.expected.crc32c = Some(self.checksum(source, begun).await?);
                }
                return match look(&self.store, &target).await? {
                    Found::Equal { bytes, crc32c, e_tag } => Ok(Object::new(target.url, bytes, crc32c, e_tag)),
                    _ => Err(exists(&target)),
                };
            }
            Found::Nothing | Found::Other | Found::Undecided | Found::NoAccess => {}
        }
        let (mut damaged, mut changed) = (0, 0);
        loop {
            let attempt = match begun.take() {
                Some(begun) => begun,
                None => self.whole(stem, source).begin().await?,
            };
            target.expected = expected(&attempt.facts);
            let error = match self.copy_once(&target, source, attempt).await {
                Ok(object) => return Ok(object),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Integrity if damaged < INTEGRITY_RESTARTS => damaged += 1,
                ErrorKind::ObjectChanged if changed < CHANGE_RESTARTS => changed += 1,
                _ => return Err(error),
            }
            self.flow.tally.transfers_restarted.one();
            tracing::warn!(target: TRANSFER, label = %source.label, error = error.message(), "copying the output anew");
        }
    }

    async fn copy_once(&self, target: &Target, source: &Arc<Source>, mut begun: Begun) -> Result<Object> {
        if let Some(length) = begun.facts.length {
            self.progress.add_total(length);
        }
        let (writer, making) = self.store.begin(target.clone());
        let mut task = tokio::spawn(making.in_current_span());
        match self.pour(source, &mut begun, writer).await {
            Ok(bytes) => {
                let stored = self.outcome(&mut task).await?;
                let Stored { crc32c, e_tag } =
                    stored.ok_or_else(|| Error::new(ErrorKind::Internal, "a proven object was not stored"))?;
                Ok(Object::new(target.url.clone(), bytes, Some(crc32c), e_tag))
            }
            Err(Poured::Ended(Ended)) => match self.outcome(&mut task).await {
                Err(error) => Err(error),
                Ok(_) => Err(Error::new(
                    ErrorKind::Internal,
                    "an object was finished before its last byte",
                )),
            },
            Err(Poured::Failed(error)) => {
                // The writer is gone, so the task gives up.
                patiently(&self.store.cancel, task).await;
                Err(error)
            }
        }
    }

    /// Moves all bytes of an output into `writer`, in parts of equal size, and proves them. Gives their number.
    async fn pour(&self, source: &Arc<Source>, begun: &mut Begun, writer: Writer) -> std::result::Result<u64, Poured> {
        let size = part_size(begun.facts.length);
        let budget = Budget::for_parts_of(size);
        let facts = begun.facts.clone();
        let mut running = Running::new(&facts.hashes);
        let mut waiting = VecDeque::new();
        loop {
            let rest = facts.length.map(|length| length.saturating_sub(running.length));
            let room = self
                .until_cancelled(budget.room(rest.map_or(size, |rest| rest.min(size))))
                .await?;
            let (mut pieces, mut gathered) = (Vec::new(), 0);
            while gathered < size {
                let Some(mut bytes) = self.next(begun, &mut waiting).await? else {
                    break;
                };
                let missing = usize::try_from(size - gathered).unwrap_or(usize::MAX);
                if bytes.len() > missing {
                    waiting.push_back(bytes.split_off(missing));
                }
                running.update(&bytes);
                gathered += bytes.len() as u64;
                pieces.push(bytes);
            }
            let is_last = gathered < size;
            // An output whose length is a multiple of a part's ends with no part of its own.
            if gathered > 0 || running.length == 0 {
                self.until_cancelled(async { Ok(writer.part(pieces, room).await) })
                    .await??;
            }
            if is_last {
                break;
            }
        }
        let proof = running.proven(&facts, source)?;
        writer.finish(proof.crc32c).await;
        Ok(proof.length)
    }

    async fn next(&self, begun: &mut Begun, waiting: &mut VecDeque<Bytes>) -> Result<Option<Bytes>> {
        if let Some(bytes) = waiting.pop_front() {
            return Ok(Some(bytes));
        }
        let bytes = match begun.head.pop_front() {
            Some(bytes) => Some(bytes),
            None => begun.stream.next().await?,
        };
        if let Some(bytes) = &bytes {
            self.progress.add_bytes(bytes.len() as u64);
        }
        Ok(bytes)
    }

    /// The crc32c of an output, which is read for nothing else.
    async fn checksum(&self, source: &Arc<Source>, mut begun: Begun) -> Result<u32> {
        let mut running = Running::new(&begun.facts.hashes);
        let mut waiting = VecDeque::new();
        while let Some(bytes) = self.next(&mut begun, &mut waiting).await? {
            running.update(&bytes);
        }
        Ok(running.proven(&begun.facts, source)?.crc32c)
    }

    /// How an object's task ended.
    async fn outcome(&self, task: &mut JoinHandle<Result<Option<Stored>>>) -> Result<Option<Stored>> {
        match patiently(&self.store.cancel, task).await {
            Some(outcome) => joined(outcome),
            None => Err(cancelled("the copy")),
        }
    }

    pub(super) async fn until_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.store.cancel.cancelled() => Err(cancelled("the copy")),
            outcome = work => outcome,
        }
    }
}

/// Checksums that grow with the bytes.
struct Running {
    length: u64,
    crc32c: u32,
    md5: Option<Md5>,
}

impl Running {
    fn new(expected: &Hashes) -> Self {
        Self {
            length: 0,
            crc32c: 0,
            md5: needs_md5(expected, Verify::WhenOffered).then(Md5::new),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
    }

    /// What all the bytes were, if that is what the storage said.
    fn proven(self, facts: &Facts, source: &Source) -> Result<Proof> {
        let proof = Proof {
            length: self.length,
            crc32c: self.crc32c,
            md5: self.md5.map(|md5| md5.finalize().into()),
        };
        let what = format!("the output {}", source.label);
        proof.prove(&facts.hashes, facts.length, Verify::WhenOffered, &what)?;
        Ok(proof)
    }
}

/// Why not all bytes went into a writer.
enum Poured {
    Failed(Error),
    Ended(Ended),
}

impl From<Error> for Poured {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Ended> for Poured {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}
