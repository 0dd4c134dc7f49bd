//! A look at the local inputs of a request before anything is sent: what they are, what is in them, and a digest by which the same content is known again.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::request::{InputPlace, Media, MediaFacts, MediaSource, Request, judge_input, probe};
use crate::transfer::check_input;
use crate::transfer::input::LocalFile;
use crate::transfer::kind::HEAD;

/// A local input that was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    pub(crate) facts: MediaFacts,
    /// SHA-256 of the content, hexadecimal, where that was asked for.
    pub(crate) sha256: Option<String>,
    version: Option<Version>,
}

/// By which a file that was changed is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    length: u64,
    modified: Option<SystemTime>,
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            length: found.len(),
            modified: found.modified().ok(),
        })
    }
}

/// Whether the digest of an input is computed with the look at it: it takes as long as reading all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    Now,
    /// Only if somebody asks; see [`digest_of`].
    Later,
}

impl Looked {
    /// Whether the file is still the one that was looked at.
    pub(crate) fn is_current(&self, media: &Media) -> bool {
        match media.source() {
            MediaSource::File(path) => Version::of(path) == self.version,
            MediaSource::Bytes(_) | MediaSource::Ready(_) => true,
        }
    }
}

/// What was found in the inputs of a request.
#[derive(Debug, Default)]
pub(crate) struct LookedInputs {
    by_field: Vec<(String, Looked)>,
    /// What is odd, but may be right.
    pub(crate) warnings: Vec<String>,
}

impl LookedInputs {
    pub(crate) fn get(&self, field: &str) -> Option<&Looked> {
        self.by_field
            .iter()
            .find(|(known, _)| known == field)
            .map(|(_, looked)| looked)
    }
}

enum Content {
    File(PathBuf),
    Bytes(Bytes),
}

impl Client {
    /// Looks at every local input, on the blocking pool.
    ///
    /// # Errors
    /// `Io` for a file that cannot be read, `InvalidRequest` and `RequestTooLarge` for what the service refuses.
    pub(crate) async fn look_at_inputs(&self, request: &Request, digest: Digest) -> Result<LookedInputs> {
        let mut looked = LookedInputs::default();
        let resolution = request.params().get("resolution").and_then(Value::as_str);
        for (field, media) in request.media_inputs() {
            let place = InputPlace {
                endpoint: request.endpoint(),
                field,
                resolution,
            };
            if let Some((found, warnings)) = look(Some(place), media, digest).await? {
                looked.warnings.extend(warnings);
                looked.by_field.push((field.clone(), found));
            }
        }
        Ok(looked)
    }
}

/// Looks at one input; `None` for one that is not local.
pub(crate) async fn look(
    place: Option<InputPlace<'_>>,
    media: &Media,
    digest: Digest,
) -> Result<Option<(Looked, Vec<String>)>> {
    let Some((content, what)) = local(media) else {
        return Ok(None);
    };
    let name = what.clone();
    let looked = blocking(&what, move || read(content, &name, digest)).await?;
    if let Some(why) = &looked.facts.unreadable {
        tracing::debug!(input = what, why, "the inside of an input could not be read");
    }
    let warnings = judge_input(place, &what, &looked.facts)?;
    Ok(Some((looked, warnings)))
}

/// The SHA-256 of a local input, hexadecimal, computed on the blocking pool.
pub(crate) async fn digest_of(media: &Media) -> Result<String> {
    let Some((content, what)) = local(media) else {
        return Err(Error::new(
            ErrorKind::Internal,
            "an input that is not here has no digest",
        ));
    };
    let name = what.clone();
    blocking(&what, move || match content {
        Content::Bytes(bytes) => Ok(hex(&Sha256::digest(&bytes))),
        Content::File(path) => File::open(path)
            .and_then(|mut file| digest_all(&mut file))
            .map_err(|error| Error::io(format!("cannot read {name}"), error)),
    })
    .await
}

/// The content of a local input, and what people call it.
fn local(media: &Media) -> Option<(Content, String)> {
    match media.source() {
        MediaSource::Ready(_) => None,
        MediaSource::File(path) => Some((Content::File(path.to_owned()), path.display().to_string())),
        MediaSource::Bytes(bytes) => Some((Content::Bytes(bytes.clone()), "the input".to_owned())),
    }
}

async fn blocking<T: Send + 'static>(what: &str, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, format!("{what} could not be looked at: {error}")))?
}

fn read(content: Content, what: &str, digest: Digest) -> Result<Looked> {
    match content {
        Content::Bytes(bytes) => {
            let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
            let length = bytes.len() as u64;
            let kind = check_input(what, head, length)?;
            Ok(Looked {
                facts: probe(kind, &mut Cursor::new(&bytes), length),
                sha256: (digest == Digest::Now).then(|| hex(&Sha256::digest(&bytes))),
                version: None,
            })
        }
        Content::File(path) => {
            let io_error = |error| Error::io(format!("cannot read {what}"), error);
            let version = Version::of(&path);
            let (file, head) = LocalFile::look(path.clone())?;
            let kind = check_input(what, &head, file.length)?;
            let mut input = BufReader::new(File::open(&path).map_err(io_error)?);
            let facts = probe(kind, &mut input, file.length);
            let sha256 = match digest {
                Digest::Now => {
                    input.seek(SeekFrom::Start(0)).map_err(io_error)?;
                    Some(digest_all(&mut input.into_inner()).map_err(io_error)?)
                }
                Digest::Later => None,
            };
            Ok(Looked { facts, sha256, version })
        }
    }
}

fn digest_all(input: &mut impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
