//! The one table of settings: every key, its default, its text form, and where its value came from.
//!
//! A setting has the same name as builder method, as key of [`ClientBuilder::set`](crate::ClientBuilder::set) (which the C interface, the Python
//! keywords and the command's flags use), and, in capitals behind `LTX_`, as environment variable. Pure: nothing here touches network or disk.

mod table;
mod text;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use self::table::TABLE;
pub(crate) use self::text::parse_base_url;
use self::text::{distance, invalid, show_duration};
use crate::error::{Error, ErrorKind, Result};
use crate::money::Usd;
use crate::secret::{ApiKey, redact};

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// An environment variable, by name.
    Environment(String),
    /// The caller.
    Argument,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Argument => f.write_str("argument"),
        }
    }
}

type KeyFunction = dyn Fn() -> std::result::Result<String, String> + Send + Sync;

/// Where the API key comes from. It is asked again after the service answered 401.
#[derive(Clone)]
pub(crate) enum KeySource {
    Missing,
    Text(ApiKey),
    File(PathBuf),
    Function(Arc<KeyFunction>),
}

impl KeySource {
    /// The key as it is now. A file is read on the calling thread: a few bytes, once per 401. A function may take as long as it likes.
    pub(crate) fn read(&self) -> Result<ApiKey> {
        let key = match self {
            Self::Missing => {
                return Err(Error::new(ErrorKind::Config, "no API key is set")
                    .with_advice("set the environment variable LTXV_API_KEY, or pass api_key"));
            }
            Self::Text(key) => key.clone(),
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => ApiKey::new(text),
                Err(error) => {
                    return Err(Error::new(
                        ErrorKind::Config,
                        format!("the key file {} cannot be read: {error}", path.display()),
                    )
                    .with_source(error));
                }
            },
            Self::Function(function) => {
                let failed = |text: &str| {
                    Error::new(ErrorKind::Config, format!("the API key function failed: {text}")).of_key_function()
                };
                // It is the caller's: a panic in it must not take a task of ours along, such as the one that polls.
                let told = catch_unwind(AssertUnwindSafe(|| function()));
                ApiKey::new(told.map_err(|_| failed("it panicked"))?.map_err(|text| failed(&text))?)
            }
        };
        if key.is_empty() {
            return Err(
                Error::new(ErrorKind::Config, "the API key is empty").with_advice("set LTXV_API_KEY, or pass api_key")
            );
        }
        if !key.is_sendable() {
            return Err(Error::new(
                ErrorKind::Config,
                "the API key holds characters that no HTTP header can carry",
            )
            .with_advice("look for quotes, spaces or a byte order mark in it"));
        }
        Ok(key)
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Text(_) => "***",
            Self::File(_) => "*** (file)",
            Self::Function(_) => "*** (function)",
        })
    }
}

/// All settings with their values. See the field's methods on [`ClientBuilder`](crate::ClientBuilder) for what each means.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) api_key: KeySource,
    pub(crate) base_url: Url,
    pub(crate) journal: JournalSetting,
    pub(crate) max_concurrent_jobs: Option<usize>,
    pub(crate) spend_limit: Option<Usd>,
    pub(crate) prices: Option<PathBuf>,
    pub(crate) poll_interval: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) submit_timeout: Duration,
    pub(crate) poll_timeout: Duration,
    pub(crate) stall_timeout: Duration,
    /// Connections for one file; as many as pay when `None`.
    pub(crate) connections: Option<usize>,
    pub(crate) proxy: Option<Url>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) allow_http: bool,
    pub(crate) worker_threads: usize,
    pub(crate) user_agent_suffix: Option<String>,
    origins: Vec<(&'static str, Origin)>,
}

/// Where submits are written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JournalSetting {
    /// In the user's state directory. For a loopback address in memory: what an emulator did is gone with it.
    Default,
    /// In this directory; nothing is submitted when it cannot be written.
    Directory(PathBuf),
    /// In this client's memory: `once` keys and unknown outcomes are known as long as the client lives.
    Memory,
    /// Nowhere.
    Off,
}

/// The service's address in its public guide.
pub(crate) const DEFAULT_BASE_URL: &str = "https://api.ltx.video";

/// Longest duration taken from a caller: timers and `Instant` overflow far beyond, and nobody waits longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Default for Settings {
    fn default() -> Self {
        // The vendor's guide asks for a poll every 5 s; the other defaults are the usual ones of HTTP clients, and 60 s for the submit because the
        // service's own slots were seen to take over 30 s.
        Self {
            api_key: KeySource::Missing,
            base_url: static_base_url(),
            journal: JournalSetting::Default,
            max_concurrent_jobs: None,
            spend_limit: None,
            prices: None,
            poll_interval: Duration::from_secs(5),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            submit_timeout: Duration::from_secs(60),
            poll_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(30),
            connections: None,
            proxy: None,
            ca_bundle: None,
            allow_http: false,
            worker_threads: 2,
            user_agent_suffix: None,
            origins: Vec::new(),
        }
    }
}

impl fmt::Debug for Settings {
    /// As they are described: an address of a proxy may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Settings");
        for (key, value, origin) in self.describe() {
            out.field(key, &format_args!("{value} ({origin})"));
        }
        out.finish()
    }
}

fn static_base_url() -> Url {
    match Url::parse(DEFAULT_BASE_URL) {
        Ok(url) => url,
        Err(_) => unreachable!("a constant, parsed by a test"),
    }
}

/// Where people's other tools look for certificates: OpenSSL, Python's requests, curl. The first that says something counts.
const CA_BUNDLE_VARIABLES: [&str; 3] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

impl Settings {
    /// Sets `key` from its text form.
    pub(crate) fn set(&mut self, key: &str, text: &str, origin: Origin) -> Result<()> {
        let Some(row) = TABLE.iter().find(|row| row.key == key) else {
            return Err(unknown_key(key));
        };
        (row.apply)(self, text)?;
        self.note_origin(row.key, origin);
        Ok(())
    }

    pub(crate) fn note_origin(&mut self, key: &'static str, origin: Origin) {
        self.origins.retain(|(known, _)| *known != key);
        self.origins.push((key, origin));
    }

    pub(crate) fn origin(&self, key: &str) -> Origin {
        self.origins
            .iter()
            .find(|(known, _)| *known == key)
            .map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// Takes what the environment says for every key that nobody set before.
    ///
    /// `lookup` is [`std::env::var`] in earnest and a table in tests.
    pub(crate) fn read_environment(&mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<()> {
        for row in TABLE {
            if self.origin(row.key) == Origin::Argument {
                continue;
            }
            let mut names = vec![format!("LTX_{}", row.key.to_uppercase())];
            if row.key == "api_key" {
                // The vendor's own documents use this name first.
                names.insert(0, "LTXV_API_KEY".to_owned());
            }
            if row.key == "ca_bundle" {
                names.extend(CA_BUNDLE_VARIABLES.map(str::to_owned));
            }
            let found = names.into_iter().find_map(|name| {
                lookup(&name)
                    .filter(|value| !value.trim().is_empty())
                    .map(|value| (name, value))
            });
            if let Some((name, value)) = found {
                self.set(row.key, value.trim(), Origin::Environment(name.clone()))
                    .map_err(|error| {
                        Error::new(
                            error.kind(),
                            format!("environment variable {name}: {}", error.message()),
                        )
                    })?;
            }
        }
        Ok(())
    }

    /// Checks what only the whole table can tell.
    pub(crate) fn check(&self) -> Result<()> {
        if self.base_url.scheme() == "http" && !self.allow_http && !is_loopback(&self.base_url) {
            return Err(
                invalid("base_url", &redact(&self.base_url), "the key would travel unencrypted")
                    .with_advice("use https, or set allow_http when you know why"),
            );
        }
        if self.poll_interval < Duration::from_secs(1) && !is_loopback(&self.base_url) {
            return Err(invalid(
                "poll_interval",
                &show_duration(self.poll_interval),
                "below 1 s is for loopback only; the service asks for 5 s",
            ));
        }
        if self.poll_interval < Duration::from_secs(5) && !is_loopback(&self.base_url) {
            tracing::warn!(
                poll_interval_s = self.poll_interval.as_secs_f64(),
                "the service asks for one poll every 5 s; faster polling brings nothing"
            );
        }
        Ok(())
    }

    /// Every key with its value and where it came from; the key itself as `***`.
    pub(crate) fn describe(&self) -> Vec<(&'static str, String, Origin)> {
        TABLE
            .iter()
            .map(|row| (row.key, (row.show)(self), self.origin(row.key)))
            .collect()
    }
}

/// Whether a URL points at this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn unknown_key(key: &str) -> Error {
    let nearest = TABLE.iter().map(|row| (distance(key, row.key), row.key)).min();
    let advice = match nearest {
        Some((distance, name)) if distance <= 4 => format!("did you mean `{name}`?"),
        _ => format!(
            "known are: {}",
            TABLE.iter().map(|row| row.key).collect::<Vec<_>>().join(", ")
        ),
    };
    Error::new(ErrorKind::Config, format!("there is no setting `{key}`")).with_advice(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_address_parses() {
        assert_eq!(Settings::default().base_url.as_str(), "https://api.ltx.video/");
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = Settings::default()
            .set("pol_interval", "5", Origin::Argument)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`poll_interval`"), "{error}");
    }

    #[test]
    fn arguments_win_over_the_environment_and_the_vendor_name_over_ours() {
        let mut settings = Settings::default();
        settings.set("poll_interval", "7", Origin::Argument).unwrap();
        let table = |name: &str| match name {
            "LTX_POLL_INTERVAL" => Some("9".to_owned()),
            "LTXV_API_KEY" => Some("first".to_owned()),
            "LTX_API_KEY" => Some("second".to_owned()),
            _ => None,
        };
        settings.read_environment(table).unwrap();
        assert_eq!(settings.poll_interval, Duration::from_secs(7));
        assert_eq!(settings.api_key.read().unwrap().expose(), "first");
        let shown = settings.describe();
        let key = shown.iter().find(|(key, ..)| *key == "api_key").unwrap();
        assert_eq!(
            (key.1.as_str(), key.2.to_string().as_str()),
            ("***", "environment LTXV_API_KEY")
        );
    }

    #[test]
    fn a_bundle_of_certificates_is_found_where_other_tools_look_and_its_origin_is_told() {
        let order = ["LTX_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
        for (first, expected) in order.iter().enumerate() {
            let mut settings = Settings::default();
            let from_here = |name: &str| order.iter().skip(first).any(|known| *known == name);
            settings
                .read_environment(|name| from_here(name).then(|| format!("/{name}.pem")))
                .unwrap();
            assert_eq!(settings.ca_bundle, Some(PathBuf::from(format!("/{expected}.pem"))));
            assert_eq!(
                settings.origin("ca_bundle").to_string(),
                format!("environment {expected}")
            );
        }
    }

    #[test]
    fn a_password_in_an_address_is_shown_nowhere() {
        for proxy in [
            "http://somebody:canary@p.example:3128",
            "socks5h://somebody:canary@p.example:1080",
        ] {
            let mut settings = Settings::default();
            settings.set("proxy", proxy, Origin::Argument).unwrap();
            let shown = format!("{settings:?} {:?}", settings.describe());
            assert!(
                shown.contains("p.example") && !shown.contains("canary") && !shown.contains("somebody"),
                "{shown}"
            );
        }
        let error = Settings::default()
            .set("proxy", "somebody:canary@p.example", Origin::Argument)
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }

    #[test]
    fn an_unencrypted_address_is_for_loopback_only() {
        for (url, fine) in [
            ("http://127.0.0.1:9", true),
            ("http://localhost:9/x", true),
            ("http://api.example", false),
            ("https://api.example", true),
        ] {
            let mut settings = Settings::default();
            settings.set("base_url", url, Origin::Argument).unwrap();
            assert_eq!(settings.check().is_ok(), fine, "{url}");
        }
    }

    #[test]
    fn fast_polling_is_for_loopback_only() {
        let mut settings = Settings::default();
        settings.set("poll_interval", "10ms", Origin::Argument).unwrap();
        assert_eq!(settings.check().unwrap_err().kind(), ErrorKind::Config);
        settings
            .set("base_url", "http://127.0.0.1:1", Origin::Argument)
            .unwrap();
        settings.check().unwrap();
    }

    #[test]
    fn connections_are_found_by_themselves_or_a_sensible_number() {
        let mut settings = Settings::default();
        for (text, connections) in [("8", Some(8)), ("auto", None), ("1", Some(1)), ("64", Some(64))] {
            settings.set("connections", text, Origin::Argument).unwrap();
            assert_eq!(settings.connections, connections);
        }
        for text in ["0", "65", "-1", "many", ""] {
            let error = settings.set("connections", text, Origin::Argument).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text:?}");
        }
    }

    #[test]
    fn a_key_function_that_panics_is_a_config_error() {
        let key = KeySource::Function(Arc::new(|| panic!("on purpose")));
        let error = key.read().unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Config, "the API key function failed: it panicked")
        );
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_a_config_error() {
        let mut settings = Settings::default();
        settings.set("api_key", "ke\u{fffd}y", Origin::Argument).unwrap();
        let error = settings.api_key.read().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains("ke\u{fffd}y"));
    }
}
