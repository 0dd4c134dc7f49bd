//! Settings of a client, collected as text before it is made.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

use ltx_jobs::{Client, ClientBuilder, Error};

use crate::error::ltx_error;
use crate::guard::{self, look};
use crate::handle::{self, Handle};
use crate::status::ltx_status;
use crate::text;

/// Settings of a client. For one thread at a time; a client takes a copy.
pub struct ltx_config {
    _opaque: [u8; 0],
}

#[derive(Default)]
pub(crate) struct Settings(Mutex<Vec<(String, String)>>);

impl Settings {
    /// A builder with what was set, later values of a key over earlier ones.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Error> {
        let set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter()
            .try_fold(Client::builder(), |builder, (key, value)| builder.set(key, value))
    }
}

impl Handle for ltx_config {
    type Value = Settings;
    const MAGIC: u64 = handle::magic(b"ltxconfg");
    const NAME: &'static str = "ltx_config";
}

/// New settings, all at their defaults. Freed with ltx_config_free().
#[unsafe(no_mangle)]
pub extern "C" fn ltx_config_new() -> *mut ltx_config {
    guard::value(std::ptr::null_mut(), || Ok(handle::give(Settings::default())))
}

/// Sets one setting from its text.
///
/// Keys: `api_key`, `base_url`, `journal` (a directory, `memory` or `off`; the user's directory for state when not set, and `memory` for an address of this
/// machine), `poll_interval`, `backoff_base`, `backoff_cap`, `connect_timeout`, `submit_timeout`,
/// `poll_timeout`, `stall_timeout`, `connections` (of one download: `auto`, or 1 to 64), `proxy`, `ca_bundle`, `allow_http`, `worker_threads`,
/// `user_agent_suffix`. Durations are seconds (`5`) or have a unit (`20ms`, `2m`).
///
/// Limits, all of which are `none` when not set: `max_concurrent_jobs` (so many jobs at once, counted over all clients of one key in this process; further
/// submits wait for a place in the order they came, see `LTX_PHASE_QUEUED`), `spend_limit` (US dollars as a decimal; a submit whose estimate goes beyond it,
/// or for which there is none, ends with LTX_COST_LIMIT before it is sent). `prices` is a file of prices to estimate by, in place of the vendor's lists.
///
/// @return LTX_OK, or LTX_CONFIG for a key that does not exist (the message names the nearest) or a value that cannot be used
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_config_set(
    config: *mut ltx_config,
    key: *const c_char,
    value: *const c_char,
    err: *mut *mut ltx_error,
) -> ltx_status {
    guard::done(err, || {
        let settings = look!(config)?;
        let (key, value) = (text::given(key, "key")?, text::given(value, "value")?);
        // Told now, not when the client is made.
        let _builder = Client::builder().set(key, value)?;
        settings
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((key.to_owned(), value.to_owned()));
        Ok(())
    })
}

/// Frees settings. NULL is fine. Clients made of them go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ltx_config_free(config: *mut ltx_config) {
    guard::value((), || {
        // SAFETY: the header's contract: NULL, or a handle that is freed once.
        unsafe { handle::end(config) };
        Ok(())
    });
}
