//! The LTX video generation service on loopback, with states and faults under the test's control.
//!
//! Two origins, as with the real service: the API, which takes jobs and answers polls, and the storage, which takes uploads
//! and gives results by signed URLs. A third, the control origin, is for tests that run in another process.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use ltx_jobs_emulator::{Emulator, Fault, Programme};
//!
//! let programme = Programme::default().with_fault("submit", Fault::status(503));
//! let emulator = Emulator::start(programme).await?;
//! // ... a client talks to emulator.api_url() with emulator.api_key() ...
//! assert_eq!(emulator.count("POST", "/v2/video-to-video-hdr"), 0);
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It shares no code with the client library, so that one mistake cannot hide on both sides of the wire.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod archive;
mod ca;
mod child;
mod clock;
mod control;
mod emulator;
mod faults;
mod front;
mod h2_frames;
mod link;
mod listen;
pub mod programme;
mod record;
mod service;
mod storage;

pub use child::{Addresses, serve_as_child};
pub use emulator::{Builder, Emulator, Origin};
pub use faults::{Do, Fault, LastStream, Scalar};
pub use programme::{Programme, ProgrammeError};
pub use record::Received;
pub use service::JobRecord;
pub use storage::object::{Artifact, ArtifactMember};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a thread that panicked while it held the lock left nothing half done that matters to a test.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
