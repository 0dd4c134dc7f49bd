//! The C library: every function of `include/ltx_jobs.h`, one module for each noun.
//!
//! * Nothing is decided here: arguments are checked, handed to the core, and what comes back is put into C's shape.
//! * No panic crosses the border ([`guard`]), and none aborts the host.
//! * Pointers that come in are NULL, handles of this library, or memory the header says the caller provides; handles are checked by a magic word.
//! * Host threads do no socket I/O, get no signal mask, and never join anything but the threads of [`client`].
//! * There is no global state but the pin, the silent panic hook and the place the log goes to, all of which may be set again.
// Names are those of the header.
#![allow(non_camel_case_types)]
// The contract for pointers is one for the whole header and is said there.
#![allow(clippy::missing_safety_doc)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(improper_ctypes_definitions)]

mod desk;
mod guard;
mod handle;
mod home;
mod options;
mod pin;
mod process;
mod signals;
mod text;
mod wake;

pub mod buffer;
pub mod callbacks;
pub mod checked;
pub mod client;
pub mod config;
pub mod counters;
pub mod dispatch;
pub mod error;
pub mod extract;
pub mod frames;
pub mod job;
pub mod log;
pub mod money;
pub mod op;
pub mod request;
pub mod result;
pub mod saved;
pub mod status;
pub mod stream;
pub mod submits;
pub mod version;

#[cfg(feature = "test-panics")]
pub mod panics;
