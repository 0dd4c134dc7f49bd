//! One member of an archive: its local header checked against the directory, its bytes inflated, its CRC-32 and sizes proven.
//!
//! Works on any reader that stands at the member's local header; knows nothing of networks and files. Never holds more than one buffer.

use std::io::{self, Read, Write};

use flate2::read::DeflateDecoder;

use crate::archive::directory::{LOCAL_HEADER, Member, Method};

/// Bytes written at a time.
pub(crate) const BLOCK: usize = 512 << 10;

/// Why a member did not come out.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The bytes are not what the directory says.
    Damaged(String),
    /// The member's own header tells another story than the directory: two programs would read two different archives.
    Inconsistent(String),
}

/// Whether the member itself came out.
pub(crate) type Outcome = Result<(), Fault>;

/// Reads `member` from `input` and writes it, inflated and proven, to `output`. `buffer` is working space of any size but zero.
///
/// `Damaged` also when `input` fails; the reader knows better why, and should be asked first.
///
/// # Errors
/// Those of `output`.
pub(crate) fn unpack(
    member: &Member,
    input: &mut dyn Read,
    output: &mut dyn Write,
    buffer: &mut [u8],
) -> io::Result<Outcome> {
    if let Err(fault) = read_local_header(member, input) {
        return Ok(Err(fault));
    }
    let packed = input.take(member.packed);
    match member.method {
        Method::Stored => copy(member, packed, output, buffer),
        Method::Deflated => {
            let mut inflater = DeflateDecoder::new(packed);
            let outcome = copy(member, &mut inflater, output, buffer)?;
            if outcome.is_ok() && inflater.total_in() != member.packed {
                return Ok(damaged("its compressed bytes end before they should"));
            }
            Ok(outcome)
        }
    }
}

fn copy(member: &Member, mut input: impl Read, output: &mut dyn Write, buffer: &mut [u8]) -> io::Result<Outcome> {
    let mut crc = crc32fast::Hasher::new();
    let mut size = 0_u64;
    loop {
        let count = match fill(&mut input, buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => return Ok(damaged(format!("it cannot be read: {error}"))),
        };
        let block = buffer.get(..count).unwrap_or_default();
        size += count as u64;
        if size > member.size {
            return Ok(damaged(format!(
                "it is larger than the {} bytes it should have",
                member.size
            )));
        }
        crc.update(block);
        output.write_all(block)?;
    }
    if size != member.size {
        return Ok(damaged(format!("it has {size} bytes and should have {}", member.size)));
    }
    let crc = crc.finalize();
    if crc != member.crc32 {
        return Ok(damaged(format!(
            "its CRC-32 is {crc:08x} and should be {:08x}",
            member.crc32
        )));
    }
    Ok(Ok(()))
}

/// Reads until the buffer is full or the input ends, so that writes are few and large.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A local header that tells another story than the directory means that two programs would read two different archives.
fn read_local_header(member: &Member, input: &mut dyn Read) -> Outcome {
    const ENCRYPTED: u16 = 1;
    const SIZES_FOLLOW: u16 = 8;
    let mut header = [0_u8; LOCAL_HEADER as usize];
    input
        .read_exact(&mut header)
        .map_err(|error| Fault::Damaged(format!("its local header cannot be read: {error}")))?;
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if long(0) != 0x0403_4b50 {
        return inconsistent("there is no local header where it should be");
    }
    let flags = short(6);
    let method = match member.method {
        Method::Stored => 0,
        Method::Deflated => 8,
    };
    if flags & ENCRYPTED != 0 || short(8) != method {
        return inconsistent("its local header does not agree with the directory about how it is stored");
    }
    if flags & SIZES_FOLLOW == 0 {
        let agrees = |said: u32, known: u64| said == u32::MAX || u64::from(said) == known;
        if long(14) != member.crc32 || !agrees(long(18), member.packed) || !agrees(long(22), member.size) {
            return inconsistent("its local header does not agree with the directory about its sizes");
        }
    }
    let mut names = vec![0_u8; usize::from(short(26)) + usize::from(short(28))];
    input
        .read_exact(&mut names)
        .map_err(|error| Fault::Damaged(format!("its local header cannot be read: {error}")))?;
    if names.get(..usize::from(short(26))) != Some(member.raw_name.as_slice()) {
        return inconsistent("its local header has another name");
    }
    Ok(())
}

fn inconsistent(why: &str) -> Outcome {
    Err(Fault::Inconsistent(why.to_owned()))
}

fn damaged(why: impl Into<String>) -> Outcome {
    Err(Fault::Damaged(why.into()))
}
