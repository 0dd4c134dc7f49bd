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
                while let Some(piece) = stream.next().await? {
                    longer.extend_from_slice(&piece);
                }
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
