//! Names of spans and fields in `tracing`, once.
//!
//! Targets are `ltx_jobs::submit`, `ltx_jobs::poll` and `ltx_jobs::transfer`. No value of a field is ever the API key, a prompt, or the query of a URL.

//!
//! Every operation runs in a span: `submit` (intent, endpoint, label), `wait` and `poll` (job), `download` and `rehost` (job) with an `output`
//! (label) for each file, `upload` and `check`. Events carry the fields of the spans they happen in.

/// Submits: attempts, verdicts, waits before the next try.
pub(crate) const SUBMIT: &str = "ltx_jobs::submit";
/// Polls: what the service said, and that it cannot be reached.
pub(crate) const POLL: &str = "ltx_jobs::poll";
/// Uploads, downloads and copies to stores: cuts, resumptions, renewals.
pub(crate) const TRANSFER: &str = "ltx_jobs::transfer";
