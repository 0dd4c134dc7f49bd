//! Finding the directory of an archive: by ranges on the storage, or in a file.
//!
//! Only the archive's last bytes are read, and of those no more than the limits allow.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::archive::directory::{Directory, FIRST_TAIL, Parsed, Tail, parse};
use crate::archive::limits::Limits;
use crate::error::{Error, ErrorKind, Result};
use crate::transfer::plan::Facts;
use crate::transfer::sink::joined;
use crate::transfer::source::Source;
use crate::transfer::stream::{Flow, HealingStream};
use crate::transport::ByteRange;

/// Rounds of "more of the directory is needed": one for a directory larger than the first tail, one to spare.
const DIRECTORY_ROUNDS: usize = 4;

/// Whether it is worth asking for the end of the file first. A guess: the content decides.
pub(crate) fn looks_like_archive(source: &Source) -> bool {
    let path = source.url().1.url().path().to_ascii_lowercase();
    path.ends_with(".zip") || source.label.to_ascii_lowercase().contains("frames")
}

/// What the request for the end of a file brought.
pub(crate) enum FirstTail {
    Archive(Facts, Directory),
    /// The storage has no ranges and sends the file from its beginning.
    Whole(Box<HealingStream>, Facts),
    /// It is something else, or the storage does not know this way of asking.
    NoArchive,
}

/// Asks for the end of the file: where an archive's directory is.
pub(crate) async fn open_tail(flow: &Flow, source: &Arc<Source>) -> Result<FirstTail> {
    let mut stream = HealingStream::new(flow.clone(), Arc::clone(source), ByteRange::Suffix(FIRST_TAIL), None);
    let facts = match stream.open().await {
        Ok(facts) => facts,
        // A storage that does not know suffix ranges; the plain way will tell what else may be wrong.
        Err(error) if error.kind() == ErrorKind::Protocol => return Ok(FirstTail::NoArchive),
        Err(error) => return Err(error),
    };
    if let (true, Some(_)) = (facts.ranges, facts.length) {
        let tail = collect(&mut stream).await?;
        return directory_in(flow, source, facts, tail).await;
    }
    if stream.position() != 0 {
        return Ok(FirstTail::NoArchive);
    }
    // Some storages know ranges, but not the suffix form, and answer it with the whole.
    if let Some(length) = facts.length.filter(|length| *length > 0) {
        let asked = ByteRange::Span {
            start: length.saturating_sub(FIRST_TAIL),
            end: Some(length),
        };
        let mut plain = HealingStream::new(flow.clone(), Arc::clone(source), asked, None);
        if let Ok(plain_facts) = plain.open().await
            && plain_facts.ranges
            && plain_facts.length == Some(length)
        {
            let tail = collect(&mut plain).await?;
            return directory_in(flow, source, plain_facts, tail).await;
        }
    }
    Ok(FirstTail::Whole(Box::new(stream), facts))
}

async fn directory_in(flow: &Flow, source: &Arc<Source>, facts: Facts, tail: Bytes) -> Result<FirstTail> {
    if !tail.windows(4).any(|window| window == b"PK\x05\x06") {
        return Ok(FirstTail::NoArchive);
    }
    let directory = read_remote_directory(flow, source, &facts, tail).await?;
    Ok(FirstTail::Archive(facts, directory))
}

/// The rest of a stream, which is known to be small.
pub(crate) async fn collect(stream: &mut HealingStream) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Fetches the last bytes of a remote archive until its directory is in them.
pub(crate) async fn read_remote_directory(
    flow: &Flow,
    source: &Arc<Source>,
    facts: &Facts,
    tail: Bytes,
) -> Result<Directory> {
    let limits = Limits::default();
    let length = facts.length.ok_or_else(|| {
        Error::new(
            ErrorKind::Archive,
            "the storage does not tell the length of the archive",
        )
    })?;
    let mut bytes = tail;
    for _ in 0..DIRECTORY_ROUNDS {
        match parse_on_pool(length, bytes.clone(), limits).await? {
            Parsed::Directory(directory) => return Ok(directory),
            Parsed::Need(from) => {
                let until = length - bytes.len() as u64;
                let asked = ByteRange::Span {
                    start: from,
                    end: Some(until),
                };
                let mut stream = HealingStream::new(flow.clone(), Arc::clone(source), asked, Some(facts.clone()));
                let mut longer = BytesMut::with_capacity(usize::try_from(length - from).unwrap_or(0));
                longer.extend_from_slice(&collect(&mut stream).await?);
                longer.extend_from_slice(&bytes);
                bytes = longer.freeze();
            }
        }
    }
    Err(Error::new(
        ErrorKind::Archive,
        "the archive is not usable: its directory points to itself",
    ))
}

/// Reads the directory of an archive in a file.
pub(crate) async fn read_local_directory(path: &Path) -> Result<Directory> {
    let path = path.to_owned();
    let work = move || {
        let limits = Limits::default();
        let io_error = |error| Error::io(format!("cannot read {}", path.display()), error);
        let mut file = File::open(&path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let mut from = length.saturating_sub(FIRST_TAIL);
        for _ in 0..DIRECTORY_ROUNDS {
            file.seek(SeekFrom::Start(from)).map_err(io_error)?;
            let mut bytes = Vec::new();
            Read::by_ref(&mut file)
                .take(length - from)
                .read_to_end(&mut bytes)
                .map_err(io_error)?;
            match parse_tail(length, Bytes::from(bytes), &limits)? {
                Parsed::Directory(directory) => return Ok(directory),
                Parsed::Need(earlier) => from = earlier,
            }
        }
        Err(Error::new(
            ErrorKind::Archive,
            "the archive is not usable: its directory points to itself",
        ))
    };
    joined(tokio::task::spawn_blocking(work).await)
}

/// A large directory takes milliseconds to parse: not on the threads that move bytes.
async fn parse_on_pool(length: u64, bytes: Bytes, limits: Limits) -> Result<Parsed> {
    joined(tokio::task::spawn_blocking(move || parse_tail(length, bytes, &limits)).await)
}

fn parse_tail(length: u64, bytes: Bytes, limits: &Limits) -> Result<Parsed> {
    let tail = Tail::new(length, bytes)
        .ok_or_else(|| Error::new(ErrorKind::Archive, "the archive is shorter than its own end"))?;
    parse(&tail, limits)
}
