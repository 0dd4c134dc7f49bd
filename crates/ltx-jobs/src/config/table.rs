//! The rows of the table of settings: for each key, how its text is taken and how its value is shown. A key is named here and nowhere else in the core.

use std::path::PathBuf;

use url::Url;

use super::text::{invalid, parse_base_url, parse_bool, set_duration, show_duration};
use super::{JournalSetting, KeySource, Settings, is_loopback};
use crate::error::Result;
use crate::journal::state_directory;
use crate::secret::{ApiKey, redact};
use crate::transfer::MOST_CONNECTIONS;

/// One row of the table.
pub(super) struct Row {
    pub(super) key: &'static str,
    pub(super) apply: fn(&mut Settings, &str) -> Result<()>,
    pub(super) show: fn(&Settings) -> String,
}

pub(super) const TABLE: &[Row] = &[
    Row {
        key: "api_key",
        apply: |settings, text| {
            settings.api_key = match text.strip_prefix("file:") {
                Some(path) => KeySource::File(PathBuf::from(path)),
                None => KeySource::Text(ApiKey::new(text)),
            };
            Ok(())
        },
        show: |settings| format!("{:?}", settings.api_key),
    },
    Row {
        key: "base_url",
        apply: |settings, text| {
            settings.base_url = parse_base_url(text)?;
            Ok(())
        },
        show: |settings| redact(&settings.base_url),
    },
    Row {
        key: "journal",
        apply: |settings, text| {
            settings.journal = match text {
                "default" => JournalSetting::Default,
                "memory" => JournalSetting::Memory,
                "off" | "false" | "False" => JournalSetting::Off,
                directory => JournalSetting::Directory(PathBuf::from(directory)),
            };
            Ok(())
        },
        show: |settings| match &settings.journal {
            JournalSetting::Default if is_loopback(&settings.base_url) => "memory".to_owned(),
            JournalSetting::Default => {
                state_directory().map_or_else(|| "memory".to_owned(), |path| path.display().to_string())
            }
            JournalSetting::Directory(path) => path.display().to_string(),
            JournalSetting::Memory => "memory".to_owned(),
            JournalSetting::Off => "off".to_owned(),
        },
    },
    Row {
        key: "max_concurrent_jobs",
        apply: |settings, text| {
            settings.max_concurrent_jobs = match text {
                "none" => None,
                text => Some(
                    text.parse()
                        .ok()
                        .filter(|jobs| *jobs > 0)
                        .ok_or_else(|| invalid("max_concurrent_jobs", text, "must be a number from 1, or none"))?,
                ),
            };
            Ok(())
        },
        show: |s| {
            s.max_concurrent_jobs
                .map_or_else(|| "none".to_owned(), |jobs| jobs.to_string())
        },
    },
    Row {
        key: "spend_limit",
        apply: |settings, text| {
            settings.spend_limit = match text {
                "none" => None,
                text => Some(
                    text.parse()
                        .map_err(|_| invalid("spend_limit", text, "must be US dollars, such as 25.00, or none"))?,
                ),
            };
            Ok(())
        },
        show: |s| {
            s.spend_limit
                .map_or_else(|| "none".to_owned(), |limit| limit.to_string())
        },
    },
    Row {
        key: "prices",
        apply: |settings, text| {
            settings.prices = Some(PathBuf::from(text));
            Ok(())
        },
        show: |s| {
            s.prices
                .as_ref()
                .map_or_else(|| "built in".to_owned(), |path| path.display().to_string())
        },
    },
    Row {
        key: "poll_interval",
        apply: |s, t| set_duration(&mut s.poll_interval, "poll_interval", t),
        show: |s| show_duration(s.poll_interval),
    },
    Row {
        key: "backoff_base",
        apply: |s, t| set_duration(&mut s.backoff_base, "backoff_base", t),
        show: |s| show_duration(s.backoff_base),
    },
    Row {
        key: "backoff_cap",
        apply: |s, t| set_duration(&mut s.backoff_cap, "backoff_cap", t),
        show: |s| show_duration(s.backoff_cap),
    },
    Row {
        key: "connect_timeout",
        apply: |s, t| set_duration(&mut s.connect_timeout, "connect_timeout", t),
        show: |s| show_duration(s.connect_timeout),
    },
    Row {
        key: "submit_timeout",
        apply: |s, t| set_duration(&mut s.submit_timeout, "submit_timeout", t),
        show: |s| show_duration(s.submit_timeout),
    },
    Row {
        key: "poll_timeout",
        apply: |s, t| set_duration(&mut s.poll_timeout, "poll_timeout", t),
        show: |s| show_duration(s.poll_timeout),
    },
    Row {
        key: "stall_timeout",
        apply: |s, t| set_duration(&mut s.stall_timeout, "stall_timeout", t),
        show: |s| show_duration(s.stall_timeout),
    },
    Row {
        key: "connections",
        apply: |settings, text| {
            let rule = format!("must be auto or a number from 1 to {MOST_CONNECTIONS}");
            settings.connections = match text {
                "auto" => None,
                number => Some(
                    number
                        .parse()
                        .ok()
                        .filter(|number| (1..=MOST_CONNECTIONS).contains(number))
                        .ok_or_else(|| invalid("connections", text, &rule))?,
                ),
            };
            Ok(())
        },
        show: |settings| {
            settings
                .connections
                .map_or_else(|| "auto".to_owned(), |number| number.to_string())
        },
    },
    Row {
        key: "proxy",
        apply: |settings, text| {
            let url = Url::parse(text).map_err(|error| invalid("proxy", "***", &format!("not a URL: {error}")))?;
            if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
                return Err(invalid(
                    "proxy",
                    url.scheme(),
                    "the scheme must be http, https, socks5 or socks5h",
                ));
            }
            settings.proxy = Some(url);
            Ok(())
        },
        show: |settings| settings.proxy.as_ref().map_or_else(|| "environment".to_owned(), redact),
    },
    Row {
        key: "ca_bundle",
        apply: |settings, text| {
            settings.ca_bundle = Some(PathBuf::from(text));
            Ok(())
        },
        show: |settings| {
            settings
                .ca_bundle
                .as_ref()
                .map_or_else(|| "operating system".to_owned(), |path| path.display().to_string())
        },
    },
    Row {
        key: "allow_http",
        apply: |settings, text| {
            settings.allow_http = parse_bool("allow_http", text)?;
            Ok(())
        },
        show: |settings| settings.allow_http.to_string(),
    },
    Row {
        key: "worker_threads",
        apply: |settings, text| {
            let threads: usize = text
                .parse()
                .map_err(|_| invalid("worker_threads", text, "must be a number from 1 to 64"))?;
            if !(1..=64).contains(&threads) {
                return Err(invalid("worker_threads", text, "must be a number from 1 to 64"));
            }
            settings.worker_threads = threads;
            Ok(())
        },
        show: |settings| settings.worker_threads.to_string(),
    },
    Row {
        key: "user_agent_suffix",
        apply: |settings, text| {
            if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
                return Err(invalid("user_agent_suffix", text, "must be visible ASCII"));
            }
            settings.user_agent_suffix = Some(text.to_owned());
            Ok(())
        },
        show: |settings| settings.user_agent_suffix.clone().unwrap_or_default(),
    },
];
