//! Client library for the LTX video generation service: submit a paid job, wait for it, bring its results home.
//!
//! * **Never paid twice.** A submit is sent again only with proof that no job exists; otherwise the error is
//!   [`SubmitUnknown`](ErrorKind::SubmitUnknown), never a silent resend.
//! * **Waiting survives.** Only the job's end, your time limit, cancellation or a refused key end a wait. A time limit is not a failure.
//! * **Whole or absent.** A file under its final name is complete and verified. EXR frames appear one by one while the archive is still arriving.
//! * **Flat memory.** No file and no archive is ever held in memory.
//! * **Secrets stay.** The key goes to the API's origin only; neither it nor a signed URL's query is in any error, log or `Debug`.
//!
//! ```no_run
//! use std::time::Duration;
//! use ltx_jobs::{Client, Colorspace, Media, VideoToVideoHdr};
//!
//! # async fn example() -> ltx_jobs::Result<()> {
//! let client = Client::from_env()?; // LTXV_API_KEY
//! let request = VideoToVideoHdr::new(Media::file("plate.mp4")).output_colorspace(Colorspace::AcesCg);
//! let job = client.submit(request).once("sh010_v003").await?;
//! let done = job.wait().timeout(Duration::from_secs(1800)).await?;
//! let saved = done.download("shots/010").await?; // EXR frames unpacked, MP4 saved
//! println!("{} files, {} bytes", saved.paths.len(), saved.bytes);
//! # Ok(())
//! # }
//! ```
//!
//! Every operation is a builder: await it, or [`start`](Wait::start) it and look at the running [`Operation`] from any thread.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod archive;
mod batch;
mod client;
mod config;
mod counters;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod job;
mod journal;
mod keys;
mod model;
mod money;
mod operation;
mod progress;
#[cfg(feature = "rehost")]
mod rehost;
mod request;
mod retry;
mod runtime;
mod schedule;
mod secret;
mod submit;
pub mod telemetry;
mod transfer;
mod transport;

pub use batch::{
    Batch, BatchItem, BatchOutcome, BatchProgress, BatchRun, BatchState, BatchTransfer, Handover, HandoverPlace,
    SaveHandover, WaitHandover,
};
pub use bytes::Bytes;
pub use client::{
    Check, Checked, CheckedPart, Client, ClientBuilder, Estimating, Finding, FindingState, Jobs, JournaledSubmit,
    Recover, Recovered, Resolve, SubmitState, Upload,
};
pub use config::Origin;
pub use counters::Counters;
pub use error::{Billing, Error, ErrorKind, Result};
pub use job::{
    Completed, Destination, Download, ExtractFrames, Frame, FrameStream, Frames, Job, JobRef, OpenFrames, OpenOutput,
    Output, Poll, PublishedFrame, ReadFrame, ReadRange, RemoteFile, Snapshot, StreamFrames, Wait,
};
pub use model::Status;
pub use money::{Estimate, Usd};
pub use operation::{Operation, Running};
pub use progress::{Phase, Progress};
#[cfg(feature = "rehost")]
pub use rehost::{Object, Rehost, Rehosted, StoreDestination};
pub use request::{
    Anchor, AudioToVideo, CameraMotion, Colorspace, Extend, ExtendMode, ImageToVideo, Media, Placement, Request,
    Retake, RetakeMode, TextToVideo, VideoAlphaGen, VideoToVideoHdr, VideoToVideoReframe, VideoUpscale,
};
pub use runtime::RuntimeOptions;
pub use secret::{ApiKey, SignedUrl};
pub use submit::{OnUnknown, Submit, Submitting};
pub use transfer::{ArchiveMode, BytesPerSecond, DownloadOptions, Saved, Verify};

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The crypto provider of this build: `aws-lc` or `ring`.
pub const CRYPTO_PROVIDER: &str = transport::CRYPTO_PROVIDER;

/// The README's Rust program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
