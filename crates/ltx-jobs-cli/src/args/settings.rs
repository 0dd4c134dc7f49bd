//! The core's settings as flags, from one table of names, which a test compares with the core's.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};
use ltx_jobs::ClientBuilder;

/// One setting of the core as a flag: its key, the flag, the name of its value, the help.
struct Setting(&'static str, &'static str, &'static str, &'static str);

const SETTINGS: &[Setting] = &[
    Setting(
        "api_key",
        "api-key",
        "KEY",
        "The API key, or file:PATH. Other users can see command lines; prefer LTXV_API_KEY",
    ),
    Setting(
        "base_url",
        "base-url",
        "URL",
        "The service's address [default: https://api.ltx.video]",
    ),
    Setting(
        "journal",
        "journal",
        "WHERE",
        "Where submits are written down: a directory, memory or off [default: the user's state directory; memory on loopback]",
    ),
    Setting(
        "max_concurrent_jobs",
        "max-concurrent-jobs",
        "NUMBER",
        "Most jobs of this process at once; a submit beyond it waits for its turn [default: none]",
    ),
    Setting(
        "spend_limit",
        "spend-limit",
        "USD",
        "Refuse what would bring the estimates of this process above it, or cannot be estimated [default: none]",
    ),
    Setting(
        "prices",
        "prices",
        "FILE",
        "Prices to estimate by, as JSON [default: the vendor's public lists of autumn 2026]",
    ),
    Setting(
        "poll_interval",
        "poll-interval",
        "TIME",
        "Time between two polls [default: 5s]",
    ),
    Setting(
        "backoff_base",
        "backoff-base",
        "TIME",
        "First ceiling of the back-off [default: 1s]",
    ),
    Setting(
        "backoff_cap",
        "backoff-cap",
        "TIME",
        "Largest ceiling of the back-off [default: 30s]",
    ),
    Setting(
        "connect_timeout",
        "connect-timeout",
        "TIME",
        "Limit for making a connection [default: 10s]",
    ),
    Setting(
        "submit_timeout",
        "submit-timeout",
        "TIME",
        "Limit for one attempt to submit [default: 60s]",
    ),
    Setting(
        "poll_timeout",
        "poll-timeout",
        "TIME",
        "Limit for one poll [default: 20s]",
    ),
    Setting(
        "stall_timeout",
        "stall-timeout",
        "TIME",
        "A transfer that does not move for this long is resumed [default: 30s]",
    ),
    Setting(
        "connections",
        "connections",
        "NUMBER",
        "Connections for one file: auto, or 1 to 64 [default: auto, at most 8]",
    ),
    Setting(
        "proxy",
        "proxy",
        "URL",
        "A proxy: http, https, socks5 or socks5h [default: the environment's]",
    ),
    Setting(
        "ca_bundle",
        "ca-bundle",
        "FILE",
        "PEM file of certificates to trust besides the system's",
    ),
    Setting(
        "allow_http",
        "allow-http",
        "BOOL",
        "Allow unencrypted addresses beyond loopback",
    ),
    Setting(
        "worker_threads",
        "worker-threads",
        "NUMBER",
        "Threads for network work [default: 2]",
    ),
    Setting(
        "user_agent_suffix",
        "user-agent-suffix",
        "TEXT",
        "Text behind our name in the User-Agent",
    ),
];

/// What the command line says of the core's settings, as text.
#[derive(Clone, Default)]
pub(crate) struct SettingFlags(Vec<(&'static str, String)>);

impl std::fmt::Debug for SettingFlags {
    /// The names only: one of them is the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

impl SettingFlags {
    /// What was said of one setting.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, text)| text.as_str())
    }

    /// Hands them to the core, which reads and judges the text.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> ltx_jobs::Result<ClientBuilder> {
        self.0
            .iter()
            .try_fold(builder, |builder, (key, text)| builder.set(key, text))
    }

    /// Threads of the runtime. What is not a number is refused when the client is built.
    pub(crate) fn worker_threads(&self) -> usize {
        let said = self
            .get("worker_threads")
            .map(str::to_owned)
            .or_else(|| std::env::var("LTX_WORKER_THREADS").ok());
        said.and_then(|text| text.trim().parse().ok())
            .filter(|threads| (1..=64).contains(threads))
            .unwrap_or(2)
    }
}

impl Args for SettingFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        SETTINGS
            .iter()
            .fold(command, |command, Setting(key, flag, value, help)| {
                let arg = Arg::new(*key).long(*flag).value_name(*value).help(*help);
                let arg = arg
                    .global(true)
                    .action(ArgAction::Set)
                    .help_heading("Settings")
                    .alias(*key);
                // A switch in all but name; `--allow-http=false` overrides the environment.
                let arg = if *value == "BOOL" {
                    arg.num_args(0..=1).require_equals(true).default_missing_value("true")
                } else {
                    arg
                };
                command.arg(arg)
            })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = SETTINGS
            .iter()
            .filter(|Setting(key, ..)| matches.value_source(key) == Some(ValueSource::CommandLine))
            .filter_map(|Setting(key, ..)| matches.get_one::<String>(key).map(|text| (*key, text.clone())))
            .collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_core_is_a_flag_and_no_other() {
        let client = ltx_jobs::Client::builder().api_key("k").build().unwrap();
        let core: Vec<&str> = client.describe().into_iter().map(|(key, ..)| key).collect();
        let flags: Vec<&str> = SETTINGS.iter().map(|Setting(key, ..)| *key).collect();
        assert_eq!(flags, core);
        for Setting(key, flag, ..) in SETTINGS {
            assert_eq!(*flag, key.replace('_', "-"));
        }
    }
}
