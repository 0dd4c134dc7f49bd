//! Runs the command as a user does, against an emulator in this process.
// Clippy's leave for tests does not reach the functions they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod batch;
mod check;
mod completions;
mod demo;
mod emulate;
mod endpoints;
mod exit_codes;
mod fetch;
mod frames;
mod hdr;
#[cfg(unix)]
mod interrupt;
mod journal;
mod log;
#[cfg(unix)]
mod manual;
mod money;
mod recover;
mod resume;
mod schema;
mod secrets;
mod stage;
#[cfg(unix)]
mod terminal;
mod usage;
#[cfg(unix)]
mod view;
