//! One object on its way into a store: parts in, an object out, or nothing.
//!
//! Each object has a task of its own that outlives a caller who goes away, so that an upload that was begun is completed or aborted, never left. A writer
//! that is dropped before it said that the content is proven takes the upload with it. An object of one part is put by one request, and only once it is
//! proven; a larger one is a multipart upload that becomes visible when it is completed, as a whole.
//!
//! Every part holds its room in the budget until the store has it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::place::{Kind, Place};
use super::refusal::{knows_no_condition, told};
use super::there::{Expected, Found, look};
use crate::counters::Tally;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::telemetry::TRANSFER;
use crate::transfer::kind::ContentKind;

/// The smallest part: S3 wants 5 MiB, R2 wants all but the last equal.
const SMALLEST_PART: u64 = 8 << 20;

/// Parts of one object: S3 allows 10,000.
const MOST_PARTS: u64 = 9_000;

/// Longest time to tell the store that an upload is given up.
const ABORT_LIMIT: Duration = Duration::from_secs(20);

/// The names under which checksums are kept with an object. Azure takes only letters, digits and underscores.
pub(super) const CRC32C: &str = "ltxcrc32c";
pub(super) const CRC32: &str = "ltxcrc32";

/// The size of the parts of an object.
pub(super) fn part_size(length: Option<u64>) -> u64 {
    SMALLEST_PART.max(length.unwrap_or(0).div_ceil(MOST_PARTS))
}

/// A store, and how objects are put into it.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) place: Place,
    pub(super) overwrite: bool,
    pub(super) cancel: CancellationToken,
    /// Held by every upload, so that closing the client gives it time to tidy up.
    pub(super) finishing: TaskTrackerToken,
    pub(super) tally: Arc<Tally>,
}

/// An object to be made.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) key: Path,
    pub(super) url: String,
    pub(super) kind: Option<ContentKind>,
    pub(super) expected: Expected,
}

/// An object that is whole in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) crc32c: u32,
    pub(super) e_tag: Option<String>,
}

/// What a writer hands to its object's task.
enum Block {
    Part(PutPayload, OwnedSemaphorePermit),
    /// All parts are there, and are what they should be; with the crc32c of all of them.
    Proven(u32),
}

/// The writing end. Dropped without [`finish`](Self::finish), it leaves no object behind.
pub(super) struct Writer {
    blocks: mpsc::Sender<Block>,
}

/// The object's task ended; its outcome says why.
#[derive(Debug)]
pub(super) struct Ended;

impl Writer {
    pub(super) async fn part(&self, pieces: Vec<Bytes>, room: OwnedSemaphorePermit) -> std::result::Result<(), Ended> {
        let block = Block::Part(PutPayload::from_iter(pieces), room);
        self.blocks.send(block).await.map_err(|_| Ended)
    }

    /// As [`part`](Self::part), from a thread that may block.
    pub(super) fn blocking_part(
        &self,
        pieces: Vec<Bytes>,
        room: OwnedSemaphorePermit,
    ) -> std::result::Result<(), Ended> {
        let block = Block::Part(PutPayload::from_iter(pieces), room);
        self.blocks.blocking_send(block).map_err(|_| Ended)
    }

    /// Says that all parts are there and proven, and what their crc32c is.
    pub(super) async fn finish(self, crc32c: u32) {
        // A task that is gone has an error to tell.
        let _ = self.blocks.send(Block::Proven(crc32c)).await;
    }

    /// As [`finish`](Self::finish), from a thread that may block.
    pub(super) fn blocking_finish(self, crc32c: u32) {
        let _ = self.blocks.blocking_send(Block::Proven(crc32c));
    }
}

impl Store {
    /// A writer for `target` and the work that makes the object; the work is to be spawned. It gives `None` when the writer gave up.
    pub(super) fn begin(
        &self,
        target: Target,
    ) -> (Writer, impl Future<Output = Result<Option<Stored>>> + Send + 'static) {
        let (blocks, received) = mpsc::channel(1);
        let making = Making {
            what: format!("storing {}", target.url),
            store: self.clone(),
            target,
        };
        (Writer { blocks }, making.run(received))
    }

    fn attributes(&self, target: &Target) -> Attributes {
        let mut attributes = Attributes::new();
        // Files have none.
        if self.place.kind == Kind::Directory {
            return attributes;
        }
        if let Some(kind) = target.kind {
            attributes.insert(Attribute::ContentType, kind.content_type().into());
        }
        let sums = [(CRC32C, target.expected.crc32c), (CRC32, target.expected.crc32)];
        for (name, sum) in sums {
            if let Some(sum) = sum {
                attributes.insert(Attribute::Metadata(name.into()), format!("{sum:08x}").into());
            }
        }
        attributes
    }
}

struct Making {
    store: Store,
    target: Target,
    what: String,
}

impl Making {
    async fn run(mut self, mut received: mpsc::Receiver<Block>) -> Result<Option<Stored>> {
        let _held = self.store.finishing.clone();
        let Some(Block::Part(first, first_room)) = self.next(&mut received).await? else {
            return Ok(None);
        };
        let mut begun = vec![(first, first_room)];
        // Known to be more than one: nothing is held back, for others may wait for its room.
        let in_parts = self
            .target
            .expected
            .length
            .is_some_and(|length| length > part_size(Some(length)));
        if !in_parts {
            match self.next(&mut received).await? {
                None => return Ok(None),
                Some(Block::Proven(crc32c)) => {
                    self.target.expected.crc32c = Some(crc32c);
                    let mut payload = begun.into_iter().map(|(payload, _room)| payload);
                    let payload = payload.next().unwrap_or_default();
                    let bytes = payload.content_length() as u64;
                    let e_tag = self.put(payload).await?;
                    self.store.tally.bytes_rehosted.add(bytes);
                    return Ok(Some(Stored { crc32c, e_tag }));
                }
                Some(Block::Part(second, second_room)) => begun.push((second, second_room)),
            }
        }
        self.upload(begun, received).await
    }

    async fn next(&self, received: &mut mpsc::Receiver<Block>) -> Result<Option<Block>> {
        tokio::select! {
            biased;
            () = self.store.cancel.cancelled() => Err(cancelled("the copy")),
            block = received.recv() => Ok(block),
        }
    }

    /// One request. What was sent of it when the caller cancels is dropped by the store, for it is not whole.
    async fn put(&self, payload: PutPayload) -> Result<Option<String>> {
        let putting = async {
            let mode = if self.store.overwrite {
                PutMode::Overwrite
            } else {
                PutMode::Create
            };
            let options = |mode| PutOptions {
                mode,
                attributes: self.store.attributes(&self.target),
                ..PutOptions::default()
            };
            let (store, key) = (&self.store.store, &self.target.key);
            let put = store.put_opts(key, payload.clone(), options(mode)).await;
            match put {
                // That nothing is there was looked at before; such a store cannot do better.
                Err(error) if !self.store.overwrite && knows_no_condition(&error) => {
                    store.put_opts(key, payload, options(PutMode::Overwrite)).await
                }
                put => put,
            }
        };
        let put = tokio::select! {
            biased;
            () = self.store.cancel.cancelled() => return Err(cancelled("the copy")),
            put = putting => put,
        };
        match put {
            Ok(result) => Ok(result.e_tag),
            Err(error) => self.or_ours(&error).await,
        }
    }

    /// A multipart upload. Nobody but this task knows its id: whatever happens, it is completed or aborted here.
    async fn upload(
        &mut self,
        begun: Vec<(PutPayload, OwnedSemaphorePermit)>,
        mut received: mpsc::Receiver<Block>,
    ) -> Result<Option<Stored>> {
        let options = PutMultipartOptions {
            attributes: self.store.attributes(&self.target),
            ..PutMultipartOptions::default()
        };
        let mut upload = self
            .store
            .store
            .put_multipart_opts(&self.target.key, options)
            .await
            .map_err(|error| told(&error, &self.what, &self.store.place))?;
        match self.parts(upload.as_mut(), begun, &mut received).await {
            Ok(Some(crc32c)) => {
                self.target.expected.crc32c = Some(crc32c);
                match self.complete(upload.as_mut()).await {
                    Ok(e_tag) => Ok(Some(Stored { crc32c, e_tag })),
                    Err(error) => {
                        self.abort(upload.as_mut()).await;
                        Err(error)
                    }
                }
            }
            outcome => {
                // The bytes that wait are of no use any more; room for others.
                received.close();
                self.abort(upload.as_mut()).await;
                outcome.map(|_| None)
            }
        }
    }

    /// Sends parts as they come. Gives the content's crc32c when all of them are there and proven.
    async fn parts(
        &self,
        upload: &mut dyn MultipartUpload,
        begun: Vec<(PutPayload, OwnedSemaphorePermit)>,
        received: &mut mpsc::Receiver<Block>,
    ) -> Result<Option<u32>> {
        let mut sending = FuturesUnordered::new();
        let send = |upload: &mut dyn MultipartUpload, payload: PutPayload, room: OwnedSemaphorePermit| {
            let bytes = payload.content_length() as u64;
            let part = upload.put_part(payload);
            async move {
                let sent = part.await;
                drop(room);
                sent.inspect(|()| self.store.tally.bytes_rehosted.add(bytes))
            }
        };
        for (payload, room) in begun {
            sending.push(send(upload, payload, room));
        }
        let mut proven = None;
        while proven.is_none() || !sending.is_empty() {
            tokio::select! {
                biased;
                () = self.store.cancel.cancelled() => return Err(cancelled("the copy")),
                Some(sent) = sending.next(), if !sending.is_empty() => {
                    sent.map_err(|error| told(&error, &self.what, &self.store.place))?;
                }
                block = received.recv(), if proven.is_none() => match block {
                    Some(Block::Part(payload, room)) => sending.push(send(upload, payload, room)),
                    Some(Block::Proven(crc32c)) => proven = Some(crc32c),
                    None => return Ok(None),
                },
            }
        }
        Ok(proven)
    }

    async fn complete(&self, upload: &mut dyn MultipartUpload) -> Result<Option<String>> {
        // Stores complete an upload over whatever is there, so this is looked at as late as can be.
        if !self.store.overwrite
            && let Some(e_tag) = self.taken_meanwhile().await?
        {
            self.abort(upload).await;
            return Ok(e_tag);
        }
        match upload.complete().await {
            Ok(result) => Ok(result.e_tag),
            Err(error) => self.or_ours(&error).await,
        }
    }

    /// What is under the key by now: the same content counts as stored, other content is an error.
    async fn taken_meanwhile(&self) -> Result<Option<Option<String>>> {
        match look(&self.store, &self.target).await? {
            Found::Equal { e_tag, .. } => Ok(Some(e_tag)),
            Found::Other => Err(exists(&self.target)),
            Found::Nothing | Found::Undecided | Found::NoAccess => Ok(None),
        }
    }

    /// An error after which the object may be there all the same: an answer that was lost, and a next try that met its own success.
    async fn or_ours(&self, error: &object_store::Error) -> Result<Option<String>> {
        let met = matches!(
            error,
            object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotFound { .. }
        );
        if met {
            match look(&self.store, &self.target).await? {
                Found::Equal { e_tag, .. } => return Ok(e_tag),
                Found::Other if !self.store.overwrite => return Err(exists(&self.target)),
                _ => {}
            }
        }
        Err(told(error, &self.what, &self.store.place))
    }

    async fn abort(&self, upload: &mut dyn MultipartUpload) {
        match tokio::time::timeout(ABORT_LIMIT, upload.abort()).await {
            Ok(Ok(())) => {}
            // It may be gone already.
            Ok(Err(object_store::Error::NotFound { .. })) => {}
            Ok(Err(error)) => {
                let error = told(&error, "giving up the upload", &self.store.place);
                tracing::warn!(target: TRANSFER, url = %self.target.url, error = error.message(), "an upload could not be aborted; its parts stay until the store's own rules remove them");
            }
            Err(_) => {
                tracing::warn!(target: TRANSFER, url = %self.target.url, "an upload could not be aborted in time; its parts stay until the store's own rules remove them");
            }
        }
    }
}

/// Longest wait for uploads that were told to stop, so that a caller who cancels is back within 100 ms.
const MOMENT: Duration = Duration::from_millis(50);

/// Waits for work that ends by itself; once the caller cancels, only a moment longer. It goes on where it is spawned.
pub(super) async fn patiently<T>(cancel: &CancellationToken, ending: impl Future<Output = T>) -> Option<T> {
    let mut ending = std::pin::pin!(ending);
    tokio::select! {
        biased;
        ended = &mut ending => return Some(ended),
        () = cancel.cancelled() => {}
    }
    tokio::time::timeout(MOMENT, ending).await.ok()
}

/// The error for an object that is another than the one to be stored.
pub(super) fn exists(target: &Target) -> Error {
    Error::new(
        ErrorKind::Exists,
        format!("{} is there already and is another object", target.url),
    )
    .with_advice("copy to another place, or allow overwriting")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_large_enough_for_every_store_and_few_enough_for_the_largest_object() {
        for (length, size) in [
            (None, SMALLEST_PART),
            (Some(0), SMALLEST_PART),
            (Some(1 << 30), SMALLEST_PART),
            (Some(SMALLEST_PART * MOST_PARTS), SMALLEST_PART),
            (Some(SMALLEST_PART * MOST_PARTS + 1), SMALLEST_PART + 1),
        ] {
            assert_eq!(part_size(length), size, "{length:?}");
        }
        let largest = 5 << 40;
        assert!(largest / part_size(Some(largest)) < 10_000);
    }
}
