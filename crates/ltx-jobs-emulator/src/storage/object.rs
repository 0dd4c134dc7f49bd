//! Result objects: what they are made of, their versions and their hashes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use md5::Md5;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::archive::{Archive, Seed, SharedArchive};
use crate::clock::Millis;
use crate::lock;
use crate::programme::ArchiveShape;
use crate::service::hex;

const RESULT_MP4: &[u8] = include_bytes!("../../assets/result.mp4");
const CUTOUT_MOV: &[u8] = include_bytes!("../../assets/cutout.mov");

/// What an object is made from.
#[derive(Debug, Clone)]
pub(crate) enum Recipe {
    /// A small MP4.
    Mp4,
    /// A small ProRes 4444 MOV.
    Mov,
    /// Nothing at all.
    Empty,
    /// EXR frames.
    Frames { shape: ArchiveShape, colorspace: String },
}

/// An object under one name; its content has versions.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) path: String,
    pub(crate) job: String,
    pub(crate) label: String,
    pub(crate) content_type: &'static str,
    pub(crate) created: Millis,
    recipe: Recipe,
    seed: Seed,
    current: Mutex<Arc<Version>>,
    expired_up_to: AtomicU64,
}

/// One version of an object's content.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) number: u32,
    seed: Seed,
    recipe: Recipe,
    content: OnceCell<Content>,
    crc32c: OnceCell<u32>,
    digests: OnceCell<Digests>,
}

#[derive(Debug, Clone)]
enum Content {
    Kept(Bytes),
    Archive(SharedArchive),
}

/// Hashes that cannot be had without reading everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digests {
    pub(crate) md5: [u8; 16],
    pub(crate) sha256: [u8; 32],
}

/// Hashes of one result object, for tests to compare with what was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artifact {
    /// Id of the job.
    pub job: String,
    /// The service's label, such as `exr_frames_url`.
    pub label: String,
    /// Path on the storage origin, without the signed query.
    pub path: String,
    /// Length in bytes.
    pub length: u64,
    /// CRC-32C, hexadecimal.
    pub crc32c: String,
    /// MD5, hexadecimal.
    pub md5: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// The members of an archive, in the order of its directory.
    pub members: Vec<ArtifactMember>,
}

/// Hashes of one archive member, unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactMember {
    /// Its name.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
    /// CRC-32, hexadecimal.
    pub crc32: String,
    /// SHA-256, hexadecimal; empty for a bomb.
    pub sha256: String,
}

/// A result that cannot be made: a mistake in the programme that shows only now.
pub(crate) type Broken = String;

impl Object {
    pub(crate) fn new(
        path: String,
        job: &str,
        label: &str,
        content_type: &'static str,
        created: Millis,
        recipe: Recipe,
        seed: Seed,
    ) -> Self {
        let first = Arc::new(Version::new(1, seed, recipe.clone()));
        Self {
            path,
            job: job.to_owned(),
            label: label.to_owned(),
            content_type,
            created,
            recipe,
            seed,
            current: Mutex::new(first),
            expired_up_to: AtomicU64::new(0),
        }
    }

    pub(crate) fn current(&self) -> Arc<Version> {
        Arc::clone(&lock(&self.current))
    }

    /// Replaces the content by another version with other bytes.
    pub(crate) fn change(&self) {
        let mut current = lock(&self.current);
        let number = current.number + 1;
        let seed = Sha256::new()
            .chain_update(self.seed)
            .chain_update(number.to_le_bytes())
            .finalize()
            .into();
        *current = Arc::new(Version::new(number, seed, self.recipe.clone()));
    }

    /// Lets every URL signed up to this issue expire.
    pub(crate) fn expire_up_to(&self, issue: u64) {
        self.expired_up_to.fetch_max(issue, Ordering::SeqCst);
    }

    pub(crate) fn is_expired(&self, issue: u64) -> bool {
        issue <= self.expired_up_to.load(Ordering::SeqCst)
    }

    /// All hashes of the current version. Reads it through once.
    pub(crate) async fn artifact(&self) -> Result<Artifact, Broken> {
        let version = self.current();
        let (length, crc32c) = (version.len().await?, version.crc32c().await?);
        let digests = version.digests().await?;
        let members = match version.content().await? {
            Content::Kept(_) => Vec::new(),
            Content::Archive(archive) => blocking(move || Ok(members(&archive))).await?,
        };
        Ok(Artifact {
            job: self.job.clone(),
            label: self.label.clone(),
            path: self.path.clone(),
            length,
            crc32c: format!("{crc32c:08x}"),
            md5: hex(&digests.md5),
            sha256: hex(&digests.sha256),
            members,
        })
    }
}

fn members(archive: &Archive) -> Vec<ArtifactMember> {
    let describe = |member: &crate::archive::Member| ArtifactMember {
        name: member.name.clone(),
        length: member.len,
        crc32: format!("{:08x}", member.crc32),
        sha256: archive
            .unpack(member)
            .map(|parts| {
                let mut hash = Sha256::new();
                parts.iter().for_each(|part| hash.update(part));
                hex(&hash.finalize())
            })
            .unwrap_or_default(),
    };
    archive.members().iter().map(describe).collect()
}

impl Version {
    fn new(number: u32, seed: Seed, recipe: Recipe) -> Self {
        Self {
            number,
            seed,
            recipe,
            content: OnceCell::new(),
            crc32c: OnceCell::new(),
            digests: OnceCell::new(),
        }
    }

    /// Opaque, strong, and of this version only.
    pub(crate) fn etag(&self) -> String {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(self.seed)
            .chain_update(b"etag")
            .finalize()
            .into();
        format!("\"{}\"", hex(hash.get(..16).unwrap_or_default()))
    }

    async fn content(&self) -> Result<Content, Broken> {
        self.content.get_or_try_init(|| self.make()).await.cloned()
    }

    async fn make(&self) -> Result<Content, Broken> {
        match &self.recipe {
            Recipe::Mp4 => Ok(Content::Kept(self.versioned(RESULT_MP4))),
            Recipe::Mov => Ok(Content::Kept(self.versioned(CUTOUT_MOV))),
            Recipe::Empty => Ok(Content::Kept(Bytes::new())),
            Recipe::Frames { shape, colorspace } => {
                let (shape, colorspace, seed) = (shape.clone(), colorspace.clone(), self.seed);
                let archive =
                    blocking(move || Archive::build(&shape, &colorspace, seed).map_err(|error| error.to_string()))
                        .await?;
                Ok(Content::Archive(Arc::new(archive)))
            }
        }
    }

    /// Later versions carry one more box, which players skip: other bytes, same film.
    fn versioned(&self, asset: &'static [u8]) -> Bytes {
        if self.number == 1 {
            return Bytes::from_static(asset);
        }
        let mut bytes = asset.to_vec();
        bytes.extend(12_u32.to_be_bytes());
        bytes.extend(b"free");
        bytes.extend(self.number.to_be_bytes());
        Bytes::from(bytes)
    }

    pub(crate) async fn len(&self) -> Result<u64, Broken> {
        Ok(match self.content().await? {
            Content::Kept(bytes) => bytes.len() as u64,
            Content::Archive(archive) => archive.len(),
        })
    }

    /// The bytes from `at` to some later point; never empty before the end.
    pub(crate) async fn read_at(&self, at: u64) -> Result<Bytes, Broken> {
        match self.content().await? {
            Content::Kept(bytes) => Ok(bytes.slice(usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len())..)),
            Content::Archive(archive) if archive.is_slow_at(at) => {
                blocking(move || archive.piece_at(at).map_err(|error| error.to_string())).await
            }
            Content::Archive(archive) => archive.piece_at(at).map_err(|error| error.to_string()),
        }
    }

    /// CRC-32C of everything; found at the first request that wants it, then kept.
    pub(crate) async fn crc32c(&self) -> Result<u32, Broken> {
        let make = || async {
            let content = self.content().await?;
            blocking(move || match content {
                Content::Kept(bytes) => Ok(crc32c::crc32c(&bytes)),
                Content::Archive(archive) => archive.crc32c().map_err(|error| error.to_string()),
            })
            .await
        };
        self.crc32c.get_or_try_init(make).await.copied()
    }

    /// MD5 and SHA-256 of everything; found when first asked for, then kept.
    pub(crate) async fn digests(&self) -> Result<Digests, Broken> {
        let make = || async {
            let content = self.content().await?;
            blocking(move || {
                let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
                walk(&content, |bytes| {
                    md5.update(bytes);
                    sha256.update(bytes);
                })?;
                Ok(Digests {
                    md5: md5.finalize().into(),
                    sha256: sha256.finalize().into(),
                })
            })
            .await
        };
        self.digests.get_or_try_init(make).await.copied()
    }
}

fn walk(content: &Content, mut take: impl FnMut(&[u8])) -> Result<(), Broken> {
    match content {
        Content::Kept(bytes) => take(bytes),
        Content::Archive(archive) => {
            let mut at = 0;
            while at < archive.len() {
                let bytes = archive.piece_at(at).map_err(|error| error.to_string())?;
                take(&bytes);
                at += bytes.len() as u64;
            }
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Broken> + Send + 'static) -> Result<T, Broken> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| error.to_string())?
}
