//! What the library logs, kept for a host that is not written in Rust until that host comes for it.
//!
//! A Rust program brings a `tracing` subscriber of its own. A C or Python host cannot: a shared library has its own copy of `tracing`, which nobody outside
//! can reach. So the faces listen to their own copy, and hand on what they hear:
//!
//! * Off until [`set_level`] says otherwise; then a line costs what it takes to write it down, and nothing is called: no host, no interpreter.
//! * Lines wait in a queue of limited size. What does not fit is dropped and counted, so that a host that never comes costs some megabytes and no more.
//! * A forked child begins with an empty queue of its own, and keeps nothing until its own [`set_level`].
//! * The levels up to `Debug` are this library's own words; `Trace` adds what the HTTP and TLS libraries inside say.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod listen;
mod per_process;
mod queue;
mod record;

pub use listen::set_level;
pub use per_process::PerProcess;
pub use queue::{drain, wait, wake};
pub use record::{Level, Record, Span, Value};
