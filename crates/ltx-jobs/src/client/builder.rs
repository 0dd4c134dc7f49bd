//! Builds a client: typed methods for Rust, [`ClientBuilder::set`] with text for everybody else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Client;
use crate::config::{JournalSetting, KeySource, LONGEST, Origin, Settings, parse_base_url};
use crate::error::{Error, ErrorKind, Result};
use crate::money::{PriceTable, Usd};
use crate::runtime::{Executor, OwnedRuntime, RuntimeOptions};
use crate::secret::ApiKey;

/// See [`Client::builder`]. Errors are kept and told by [`build`](Self::build).
#[must_use = "a builder does nothing until build()"]
#[derive(Debug)]
pub struct ClientBuilder {
    settings: Settings,
    runtime: Option<RuntimeOptions>,
    error: Option<Error>,
}

impl ClientBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings::default(),
            runtime: None,
            error: None,
        }
    }

    fn note(mut self, key: &'static str, change: impl FnOnce(&mut Settings) -> Result<()>) -> Self {
        match change(&mut self.settings) {
            Ok(()) => self.settings.note_origin(key, Origin::Argument),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Sets `key` from its text form; the keys are the names of this builder's methods. Durations are seconds, or have a unit (`500ms`, `2m`).
    ///
    /// # Errors
    /// `Config` for a key that does not exist (the message names the nearest) or a value that cannot be used.
    pub fn set(mut self, key: &str, value: &str) -> Result<Self> {
        self.settings.set(key, value, Origin::Argument)?;
        Ok(self)
    }

    /// Takes from the environment what was not set before: `LTXV_API_KEY` or `LTX_API_KEY`, and `LTX_` plus the name of a setting in capitals.
    pub fn environment(mut self) -> Self {
        if let Err(error) = self.settings.read_environment(|name| std::env::var(name).ok()) {
            self.error = self.error.or(Some(error));
        }
        self
    }

    /// The API key.
    pub fn api_key(self, key: impl Into<ApiKey>) -> Self {
        self.note("api_key", |settings| {
            settings.api_key = KeySource::Text(key.into());
            Ok(())
        })
    }

    /// A file that holds the API key; read again after the service refused it.
    pub fn api_key_file(self, path: impl Into<PathBuf>) -> Self {
        self.note("api_key", |settings| {
            settings.api_key = KeySource::File(path.into());
            Ok(())
        })
    }

    /// A function that gives the API key. Called when the key is first needed, and once more after the service refused it: on a thread of the runtime, which it
    /// may block, one call at a time. An error is told as `Config` where there is no key yet, and beside the service's refusal after one.
    ///
    /// Whoever needs the key waits for at most 60 s, and can be cancelled meanwhile. A call that takes longer goes on, and the next one waits for it too.
    pub fn api_key_function(
        self,
        function: impl Fn() -> std::result::Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        self.note("api_key", |settings| {
            settings.api_key = KeySource::Function(Arc::new(function));
            Ok(())
        })
    }

    /// The address of the API; the default is `https://api.ltx.video`. `http` is for loopback, unless [`allow_http`](Self::allow_http).
    pub fn base_url(self, url: &str) -> Self {
        self.note("base_url", |settings| {
            settings.base_url = parse_base_url(url)?;
            Ok(())
        })
    }

    /// The directory where submits are written down. The default is `ltx-jobs/<host>` in the user's state directory, and memory for a loopback address.
    /// A directory given here that cannot be written keeps anything from being submitted; where the default cannot be written, there is one warning.
    pub fn journal(self, directory: impl Into<PathBuf>) -> Self {
        self.note("journal", |settings| {
            settings.journal = JournalSetting::Directory(directory.into());
            Ok(())
        })
    }

    /// Switches the journal off. Then nothing is known of a submit after its error, and `once` cannot be used.
    pub fn without_journal(self) -> Self {
        self.note("journal", |settings| {
            settings.journal = JournalSetting::Off;
            Ok(())
        })
    }

    /// Time between two polls of a job; 5 s, as the service asks. Below 1 s is for loopback only.
    pub fn poll_interval(self, interval: Duration) -> Self {
        self.duration("poll_interval", interval, |settings| &mut settings.poll_interval)
    }

    /// First ceiling of the back-off with full jitter; 1 s.
    pub fn backoff_base(self, base: Duration) -> Self {
        self.duration("backoff_base", base, |settings| &mut settings.backoff_base)
    }

    /// Largest ceiling of the back-off; 30 s.
    pub fn backoff_cap(self, cap: Duration) -> Self {
        self.duration("backoff_cap", cap, |settings| &mut settings.backoff_cap)
    }

    /// Limit for making a connection; 10 s.
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.duration("connect_timeout", limit, |settings| &mut settings.connect_timeout)
    }

    /// Limit for one attempt to submit; 60 s.
    pub fn submit_timeout(self, limit: Duration) -> Self {
        self.duration("submit_timeout", limit, |settings| &mut settings.submit_timeout)
    }

    /// Limit for one poll; 20 s.
    pub fn poll_timeout(self, limit: Duration) -> Self {
        self.duration("poll_timeout", limit, |settings| &mut settings.poll_timeout)
    }

    /// A transfer that does not move for this long is broken off and resumed; 30 s. There is no limit for a transfer as a whole.
    pub fn stall_timeout(self, limit: Duration) -> Self {
        self.duration("stall_timeout", limit, |settings| &mut settings.stall_timeout)
    }

    /// Connections for one file that is downloaded, 1 to 64; by default as many as are found to help, at most 8.
    pub fn connections(mut self, number: usize) -> Self {
        if let Err(error) = self.settings.set("connections", &number.to_string(), Origin::Argument) {
            self.error = self.error.or(Some(error));
        }
        self
    }

    /// A proxy (`http`, `https`, `socks5`, `socks5h`); the default is what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    pub fn proxy(mut self, url: &str) -> Self {
        if let Err(error) = self.settings.set("proxy", url, Origin::Argument) {
            self.error = self.error.or(Some(error));
        }
        self
    }

    /// A PEM file, or a directory of them, with certificates to trust in addition to the system's, for proxies that inspect TLS. The default is what
    /// `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` names. On Linux `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in place of the system's store.
    pub fn ca_bundle(self, path: impl Into<PathBuf>) -> Self {
        self.note("ca_bundle", |settings| {
            settings.ca_bundle = Some(path.into());
            Ok(())
        })
    }

    /// Allows unencrypted addresses beyond loopback. The key can then be read on the way.
    pub fn allow_http(self, allow: bool) -> Self {
        self.note("allow_http", |settings| {
            settings.allow_http = allow;
            Ok(())
        })
    }

    /// Text behind `ltx-jobs/<version>` in the `User-Agent`.
    pub fn user_agent_suffix(mut self, suffix: &str) -> Self {
        if let Err(error) = self.settings.set("user_agent_suffix", suffix, Origin::Argument) {
            self.error = self.error.or(Some(error));
        }
        self
    }

    /// Threads of an own runtime; 2.
    pub fn worker_threads(mut self, threads: usize) -> Self {
        if let Err(error) = self
            .settings
            .set("worker_threads", &threads.to_string(), Origin::Argument)
        {
            self.error = self.error.or(Some(error));
        }
        self
    }

    /// Gives the client a runtime of its own instead of the caller's: for programs without tokio and for faces in other languages. It is made on the
    /// first operation and ended by [`Client::close_blocking`].
    pub fn own_runtime(mut self, options: RuntimeOptions) -> Self {
        self.runtime = Some(options);
        self
    }

    fn duration(self, key: &'static str, value: Duration, field: impl FnOnce(&mut Settings) -> &mut Duration) -> Self {
        self.note(key, |settings| {
            if value.is_zero() {
                return Err(Error::new(ErrorKind::Config, format!("{key} must be above zero")));
            }
            *field(settings) = value.min(LONGEST);
            Ok(())
        })
    }

    /// Most jobs at once, for all clients of this key in this process; the default is none: the service is the judge. A submit beyond it waits for its
    /// turn, in order, before it is sent. Jobs that were only attached do not count, and a submit of unknown outcome does so for 15 minutes.
    pub fn max_concurrent_jobs(self, jobs: usize) -> Self {
        self.note("max_concurrent_jobs", |settings| {
            settings.max_concurrent_jobs = Some(jobs).filter(|jobs| *jobs > 0);
            Ok(())
        })
    }

    /// Refuses a submit (`CostLimit`, before anything is sent) whose estimate, together with what this client committed itself to, is above this amount,
    /// or for which no estimate can be made. What is refused, and what fails without a bill, is given back.
    pub fn spend_limit(self, limit: Usd) -> Self {
        self.note("spend_limit", |settings| {
            settings.spend_limit = Some(limit);
            Ok(())
        })
    }

    /// A file with prices to estimate by, instead of the vendor's public lists of autumn 2026. The form is that of the built-in table, `prices.json` in
    /// the sources of this crate.
    pub fn prices(self, path: impl Into<PathBuf>) -> Self {
        self.note("prices", |settings| {
            settings.prices = Some(path.into());
            Ok(())
        })
    }

    /// Makes the client. Opens no socket, starts no thread, reads no file but those of the key and of prices; the journal is opened with the first submit.
    ///
    /// # Errors
    /// `Config` when a value cannot be used, or no key is set.
    pub fn build(self) -> Result<Client> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let settings = self.settings;
        settings.check()?;
        if !matches!(settings.api_key, KeySource::Function(_)) {
            // Said now rather than at the first submit; a function may be slow and is asked later.
            settings.api_key.read()?;
        }
        let executor = match self.runtime {
            Some(options) => Executor::Owned(OwnedRuntime::new(options, settings.worker_threads)),
            None => Executor::Ambient,
        };
        let prices = settings.prices.as_deref().map(PriceTable::read).transpose()?;
        Ok(Client::assemble(settings, executor, prices))
    }
}
