//! What the emulated service is told to do: sizes, lifetimes, switches and faults.
//!
//! Read from TOML or JSON. Every field may be missing; a field nobody knows is an error, so that a typing mistake cannot
//! quietly make a test meaningless.
//!
//! ```
//! let programme = ltx_jobs_emulator::Programme::from_toml(r#"
//!     retention_s = 86400
//!
//!     [job]                     # two polls `pending`, one `processing`, then the end
//!     pending_polls = 2
//!     outcome = "failed"
//!     error = { type = "content_filtered_error", message = "No." }
//!
//!     [archive]                 # 160 frames of 12.4 MB, none of them held in memory
//!     frames = 160
//!     width = 1920
//!     height = 1080
//!     compression = "none"
//!     evil_members = [{ name = "../../evil.exr" }]
//!
//!     [[fault]]                 # the second and third poll meet a server that is overloaded
//!     route = "poll"
//!     skip = 1
//!     times = 2
//!     do = "status"
//!     status = 529
//!
//!     [[fault]]                 # the job exists, its answer is lost
//!     route = "submit"
//!     do = "read_and_close"
//! "#)?;
//! # Ok::<(), ltx_jobs_emulator::ProgrammeError>(())
//! ```

use serde::{Deserialize, Serialize};

pub use crate::faults::{Do, Fault, LastStream, Scalar};

/// A programme that cannot be read, or contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("programme: {0}")]
pub struct ProgrammeError(pub(crate) String);

/// Everything that can be set about the emulated service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Programme {
    /// The one key that is accepted.
    pub api_key: String,
    /// How long a job is known after its terminal state, in seconds.
    pub retention_s: u64,
    /// The life of every job.
    pub job: JobLife,
    /// The archive of EXR frames.
    pub archive: ArchiveShape,
    /// The other results.
    pub video: VideoShape,
    /// The storage origin.
    pub storage: StorageShape,
    /// Upload slots.
    pub upload: UploadShape,
    /// The API origin.
    pub api: ApiShape,
    /// How connections are accepted.
    pub listen: ListenShape,
    /// Faults, consumed in order for each route.
    pub fault: Vec<Fault>,
}

impl Default for Programme {
    fn default() -> Self {
        Self {
            api_key: "emulator-key".to_owned(),
            retention_s: 86_400,
            job: JobLife::default(),
            archive: ArchiveShape::default(),
            video: VideoShape::default(),
            storage: StorageShape::default(),
            upload: UploadShape::default(),
            api: ApiShape::default(),
            listen: ListenShape::default(),
            fault: Vec::new(),
        }
    }
}

impl Programme {
    /// Reads a programme written in TOML.
    pub fn from_toml(text: &str) -> Result<Self, ProgrammeError> {
        let programme: Self = toml::from_str(text).map_err(|error| ProgrammeError(error.to_string()))?;
        programme.check()?;
        Ok(programme)
    }

    /// Reads a programme written in JSON.
    pub fn from_json(text: &str) -> Result<Self, ProgrammeError> {
        let programme: Self = serde_json::from_str(text).map_err(|error| ProgrammeError(error.to_string()))?;
        programme.check()?;
        Ok(programme)
    }

    /// Adds a fault; for programmes built in Rust.
    #[must_use]
    pub fn with_fault(mut self, route: &str, mut fault: Fault) -> Self {
        route.clone_into(&mut fault.route);
        self.fault.push(fault);
        self
    }

    /// Refuses what could not be carried out.
    pub fn check(&self) -> Result<(), ProgrammeError> {
        let archive = &self.archive;
        if archive.width == 0 || archive.height == 0 || archive.width > 16_384 || archive.height > 16_384 {
            return Err(ProgrammeError(
                "archive.width and archive.height must be 1 to 16384".to_owned(),
            ));
        }
        if archive.padding > 256 << 20 {
            return Err(ProgrammeError("archive.padding must be at most 256 MiB".to_owned()));
        }
        if !archive.name.contains('{') {
            return Err(ProgrammeError("archive.name must contain {} or {:0N}".to_owned()));
        }
        archive.member_name(0)?;
        self.fault.iter().try_for_each(Fault::check)
    }
}

/// How a job goes from `pending` to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobLife {
    /// Whether polls or the clock move it on.
    pub advance: Advance,
    /// Polls answered `pending`.
    pub pending_polls: u32,
    /// Polls answered `processing` after that; the next one is terminal.
    pub processing_polls: u32,
    /// With `advance = "clock"`: how long it is `pending`.
    pub pending_ms: u64,
    /// With `advance = "clock"`: how long it is `processing` after that.
    pub processing_ms: u64,
    /// How it ends.
    pub outcome: Outcome,
    /// Why it failed; a content filter when nothing is said.
    pub error: Option<ErrorBody>,
}

impl Default for JobLife {
    fn default() -> Self {
        Self {
            advance: Advance::Polls,
            pending_polls: 1,
            processing_polls: 1,
            pending_ms: 1_000,
            processing_ms: 1_000,
            outcome: Outcome::Completed,
            error: None,
        }
    }
}

/// What moves a job on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// The number of polls answered.
    Polls,
    /// The emulator's clock.
    Clock,
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With results.
    Completed,
    /// With an error, unbilled.
    Failed,
}

/// The inner object of the error envelope, which is also the `error` of a failed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorBody {
    /// Such as `content_filtered_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    pub message: String,
}

/// The archive of `video-to-video-hdr`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveShape {
    /// Number of frames.
    pub frames: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Number of the first frame.
    pub first_index: u32,
    /// Pattern of the member names: `{}` or `{:0N}` stands for the number.
    pub name: String,
    /// How members are packed.
    pub method: Method,
    /// How the pixels inside a frame are packed. `none` is what makes archives of gigabytes cheap.
    pub compression: Compression,
    /// Sizes and CRC after the data instead of before it.
    pub descriptors: bool,
    /// ZIP64 records even where the numbers would fit; where they do not, ZIP64 comes by itself.
    pub zip64: bool,
    /// A folder in front of every frame, such as `exr/`.
    pub folder: String,
    /// Harmless further members.
    pub extra_members: Vec<String>,
    /// Members made to do harm.
    pub evil_members: Vec<EvilMember>,
    /// Incompressible bytes in an attribute of every frame.
    pub padding: u32,
    /// How it ends.
    pub end: ArchiveEnd,
}

impl Default for ArchiveShape {
    fn default() -> Self {
        Self {
            frames: 3,
            width: 64,
            height: 36,
            first_index: 1,
            name: "frame_{:05}.exr".to_owned(),
            method: Method::Stored,
            compression: Compression::Zip,
            descriptors: false,
            zip64: false,
            folder: String::new(),
            extra_members: Vec::new(),
            evil_members: Vec::new(),
            padding: 0,
            end: ArchiveEnd::Whole,
        }
    }
}

impl ArchiveShape {
    /// The name of the member that holds frame `number`.
    pub(crate) fn member_name(&self, number: u32) -> Result<String, ProgrammeError> {
        let bad = || {
            ProgrammeError(format!(
                "archive.name {:?}: the number is written {{}} or {{:05}}",
                self.name
            ))
        };
        let (before, rest) = self.name.split_once('{').ok_or_else(bad)?;
        let (spec, after) = rest.split_once('}').ok_or_else(bad)?;
        let width = match spec {
            "" => 0,
            _ => spec
                .strip_prefix(":0")
                .and_then(|width| width.parse::<usize>().ok())
                .ok_or_else(bad)?,
        };
        Ok(format!("{}{before}{number:0width$}{after}", self.folder))
    }
}

/// How archive members are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// As they are.
    Stored,
    /// With deflate.
    Deflated,
}

/// How the pixels inside an EXR frame are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Uncompressed scan lines.
    None,
    /// OpenEXR `zip` in blocks of 16 lines, as the service writes it.
    Zip,
}

/// An archive member made to do harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvilMember {
    /// The name exactly as it goes into the archive.
    pub name: String,
    /// What is wrong with it; by default only the name.
    #[serde(default)]
    pub kind: EvilKind,
    /// Where a symlink points, or how many zeros a bomb unpacks to.
    #[serde(default)]
    pub target: Option<String>,
    /// Unpacked size of a bomb; 64 MiB when nothing is said.
    #[serde(default)]
    pub size: Option<u64>,
}

/// What is wrong with an evil member.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvilKind {
    /// A plain file; the name is the harm (escaping, absolute, a device, a duplicate).
    #[default]
    File,
    /// A symbolic link to `target` (`/etc/passwd` when nothing is said).
    Symlink,
    /// A folder entry.
    Directory,
    /// Zeros that unpack to `size` bytes from very few.
    Bomb,
    /// A directory entry that points at the first member's bytes.
    Overlap,
    /// Marked as encrypted.
    Encrypted,
    /// The CRC-32 in the directory is wrong.
    BadCrc,
    /// Deflated, and unpacks to one byte more than the directory says.
    Longer,
    /// Compressed in a way that nobody knows.
    UnknownMethod,
    /// Its own header has another name than the directory.
    OtherLocalName,
    /// Its own header has another size than the directory.
    OtherLocalSize,
    /// The directory says that it lies behind the end of the archive.
    Outside,
}

/// How the archive ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveEnd {
    /// As it should.
    #[default]
    Whole,
    /// In the middle of its directory.
    Truncated,
    /// With bytes behind its end record.
    TrailingBytes,
    /// The end record says that the directory begins one byte later than it does.
    WrongOffset,
    /// The end record counts one member less than the directory holds.
    WrongCount,
    /// The ZIP64 end record counts more members than fit into any archive.
    Zip64Count,
}

/// Results beside the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VideoShape {
    /// Whether `video-to-video-hdr` has a `video_url` beside the frames.
    pub enabled: bool,
    /// The two labels of `video-alpha-gen`, which the service has not documented: the cutout, then the matte.
    pub alpha_labels: [String; 2],
    /// Further labels on every job, each with an MP4 behind it.
    pub extra_labels: Vec<String>,
    /// The MP4 is an empty file.
    pub empty: bool,
}

impl Default for VideoShape {
    fn default() -> Self {
        Self {
            enabled: true,
            alpha_labels: ["cutout_url".to_owned(), "matte_url".to_owned()],
            extra_labels: Vec::new(),
            empty: false,
        }
    }
}

/// What the storage origin can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageShape {
    /// Answers `Range`; else always 200 with everything.
    pub ranges: bool,
    /// Answers `bytes=-N`; else as if there had been no range.
    pub suffix_ranges: bool,
    /// Heeds `If-Range`; else a range is answered whatever its validator says.
    pub if_range: bool,
    /// Answers everything to a range with `If-Range`, also when the validator is right, as some caches do.
    pub if_range_whole: bool,
    /// Refuses a signature that is wrong, missing or expired; else every URL of a result works for ever.
    pub signatures: bool,
    /// Sends a strong ETag.
    pub etag: bool,
    /// Which hashes `x-goog-hash` carries.
    pub goog_hash: GoogHash,
    /// Sends `x-goog-generation`.
    pub generation: bool,
    /// Sends `Last-Modified`.
    pub last_modified: bool,
    /// How long a signed URL of a result works, in seconds.
    pub url_lifetime_s: u64,
    /// Bytes per second and connection; 0 is no limit.
    pub rate: u64,
    /// Delay before every answer.
    pub latency_ms: u64,
}

impl Default for StorageShape {
    fn default() -> Self {
        Self {
            ranges: true,
            suffix_ranges: true,
            if_range: true,
            if_range_whole: false,
            signatures: true,
            etag: true,
            goog_hash: GoogHash::Switch(true),
            generation: true,
            last_modified: true,
            url_lifetime_s: 86_400,
            rate: 0,
            latency_ms: 0,
        }
    }
}

/// The contents of `x-goog-hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GoogHash {
    /// `true`: crc32c, and MD5 up to 64 MiB (above that the real storage holds composite objects, which have none).
    /// `false`: no header.
    Switch(bool),
    /// One of them, whatever the size.
    Only(HashName),
}

/// The name of one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashName {
    /// CRC-32C.
    Crc32c,
    /// MD5.
    Md5,
}

/// What upload slots allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadShape {
    /// How long the signed PUT works, in seconds.
    pub slot_lifetime_s: u64,
    /// How long an uploaded file can be used, in seconds.
    pub file_lifetime_s: u64,
    /// Upper end of the length range.
    pub max_bytes: u64,
    /// Headers the PUT must carry beside the usual two.
    pub extra_required_headers: std::collections::BTreeMap<String, String>,
}

impl Default for UploadShape {
    fn default() -> Self {
        Self {
            slot_lifetime_s: 3_600,
            file_lifetime_s: 86_400,
            max_bytes: 209_715_200,
            extra_required_headers: std::collections::BTreeMap::new(),
        }
    }
}

/// What the API origin does beside its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiShape {
    /// Delay before every answer.
    pub latency_ms: u64,
    /// Larger bodies are answered 413.
    pub max_body_bytes: u64,
    /// The status of an accepted submit: 202, tolerated: 200.
    pub accepted_status: u16,
    /// With so many jobs not ended yet, a submit is answered 429 `concurrency_limit_error`; 0 is no limit.
    pub max_running_jobs: u32,
    /// Endpoints that are in no documentation yet: they take any JSON object and give a `video_url`.
    pub further_endpoints: Vec<String>,
}

impl Default for ApiShape {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            max_body_bytes: 33_554_432,
            accepted_status: 202,
            max_running_jobs: 0,
            further_endpoints: Vec::new(),
        }
    }
}

/// How connections are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenShape {
    /// The API resets this many first connections before reading a byte.
    pub reset_first_connections: u32,
    /// The storage resets this many first connections before reading a byte.
    pub storage_reset_first_connections: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_programme_is_the_default() {
        assert_eq!(Programme::from_toml("").unwrap(), Programme::default());
        assert_eq!(Programme::from_json("{}").unwrap(), Programme::default());
    }

    #[test]
    fn a_programme_survives_the_way_through_json() {
        let programme = Programme::default().with_fault("poll", Fault::status(503));
        let text = serde_json::to_string(&programme).unwrap();
        assert_eq!(Programme::from_json(&text).unwrap(), programme);
    }

    #[test]
    fn a_typing_mistake_is_an_error_that_names_the_word() {
        for text in [
            "retentions = 1",
            "[job]\npendingpolls = 2",
            "[archive]\nheigth = 2",
            "[[fault]]\nroute='poll'\ndo='status'\nstatsu=3",
        ] {
            let error = Programme::from_toml(text).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{text}: {error}");
        }
    }

    #[test]
    fn member_names_follow_the_pattern() {
        let mut shape = ArchiveShape::default();
        assert_eq!(shape.member_name(7).unwrap(), "frame_00007.exr");
        shape.folder = "exr/".to_owned();
        shape.name = "{}.exr".to_owned();
        assert_eq!(shape.member_name(7).unwrap(), "exr/7.exr");
        shape.name = "{:x}".to_owned();
        shape.member_name(7).unwrap_err();
    }
}
