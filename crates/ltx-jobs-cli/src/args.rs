//! The command line: what can be asked of the command, and in which words.
//!
//! The flags of the settings come from one table of names, which a test compares with the core's.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use ltx_jobs::{ArchiveMode, ClientBuilder, OnUnknown};

use crate::exit;

/// LTX video jobs from the shell: submit a paid job once, wait for it, bring its frames home.
#[derive(Debug, Parser)]
#[command(name = "ltx-jobs", version, after_help = exit::HELP, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Write events as lines of JSON to standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to log to standard error: `warn`, `debug`, `ltx_jobs::submit=debug`, ...
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "LTX_LOG",
        default_value = "warn",
        hide_env_values = true
    )]
    pub(crate) log: String,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything on this machine: an emulated service, a real clip, real EXR frames. No key, no cost.
    Demo(DemoArgs),
    /// Turn a clip into HDR frames: upload, submit (billed), wait, save.
    #[command(visible_alias = "video-to-video-hdr")]
    Hdr(HdrArgs),
    /// Wait for a job by its reference, and save its results.
    Wait(WaitArgs),
    /// Run the service on loopback, for trials and tests.
    Emulate(EmulateArgs),
    /// Check key, address, proxy and certificates with one free request.
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the frames and the video go.
    #[arg(short, long, value_name = "DIR", default_value = "./ltx-jobs-demo")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct HdrArgs {
    /// The clip: a local file, or an https:, data: or ltx:// address.
    #[arg(value_name = "CLIP")]
    pub(crate) clip: OsString,
    /// Where the results go.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Colour space of the EXR frames: acescg, acescct, srgb_linear, aces2065-1, or a newer word of the service.
    #[arg(long, alias = "output_colorspace", value_name = "NAME")]
    pub(crate) output_colorspace: Option<String>,
    /// Any other parameter by the service's name; the value is JSON, or else text. May be repeated.
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = parameter)]
    pub(crate) params: Vec<(String, serde_json::Value)>,
    /// Submit only once under this key. In this version a key is known as long as the process lives.
    #[arg(long, value_name = "KEY")]
    pub(crate) once: Option<String>,
    /// A name for people, in logs.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// What to do when nobody can tell whether the job exists.
    #[arg(long, value_enum, default_value_t = UnknownArg::Stop)]
    pub(crate) on_unknown: UnknownArg,
    /// Give up waiting after this time (30m, 2h); the job goes on and can be waited for again.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The job: ENDPOINT/ID as it was printed, or ENDPOINT ID.
    #[arg(value_name = "REF", required = true, num_args = 1..=2)]
    pub(crate) reference: Vec<String>,
    /// Where the results go; without it they are only named.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Give up waiting after this time (30m, 2h); the job goes on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

/// How results are saved.
#[derive(Debug, Default, Args)]
pub(crate) struct SaveArgs {
    /// Save only this output (exr_frames_url, video_url). May be repeated.
    #[arg(long, value_name = "LABEL")]
    pub(crate) only: Vec<String>,
    /// What becomes of an archive of frames.
    #[arg(long, value_enum, default_value_t = ArchiveArg::Unpack)]
    pub(crate) archive: ArchiveArg,
    /// Names of the frames, such as `sh010.{frame:04}.exr`.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) frame_name: Option<String>,
    /// The number of the first frame in these names.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) first_frame: Option<u64>,
    /// Replace different files that are there; equal ones always count as saved.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EmulateArgs {
    /// What the service does: a TOML or JSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) programme: Option<PathBuf>,
    /// Port of the API; a free one by default.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Serve with TLS and a throw-away CA.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Serve HTTP/1.1 only.
    #[arg(long)]
    pub(crate) no_http2: bool,
}

/// See [`OnUnknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnknownArg {
    /// Stop; never send it again.
    Stop,
    /// Send it again. May create, and bill, the job twice.
    AcceptDoubleCharge,
}

impl From<UnknownArg> for OnUnknown {
    fn from(arg: UnknownArg) -> Self {
        match arg {
            UnknownArg::Stop => Self::Stop,
            UnknownArg::AcceptDoubleCharge => Self::AcceptDoubleCharge,
        }
    }
}

/// See [`ArchiveMode`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveArg {
    /// Save the frames.
    #[default]
    Unpack,
    /// Save the archive as it is.
    Keep,
    /// Save both.
    Both,
}

impl From<ArchiveArg> for ArchiveMode {
    fn from(arg: ArchiveArg) -> Self {
        match arg {
            ArchiveArg::Unpack => Self::Unpack,
            ArchiveArg::Keep => Self::Keep,
            ArchiveArg::Both => Self::Both,
        }
    }
}

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
        "Where submits are noted: memory or off [default: memory]",
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

fn parameter(text: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or("write it as KEY=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}

/// As the core reads durations, and zero: a time limit of zero only looks.
fn time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("must be seconds, or a number with ms, s, m or h".to_owned()),
    };
    let seconds = number
        .parse::<f64>()
        .map_err(|_| "must be seconds, or a number with ms, s, m or h")?
        * scale;
    Duration::try_from_secs_f64(seconds).map_err(|_| "must be at most a year".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

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

    #[test]
    fn a_setting_is_taken_before_and_behind_the_command() {
        for line in [
            ["ltx-jobs", "--base-url", "http://127.0.0.1:1", "check"],
            ["ltx-jobs", "check", "--base-url", "http://127.0.0.1:1"],
            ["ltx-jobs", "check", "--base_url", "http://127.0.0.1:1"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(
                cli.global.settings.get("base_url"),
                Some("http://127.0.0.1:1"),
                "{line:?}"
            );
        }
    }

    #[test]
    fn allow_http_is_a_switch_that_can_be_switched_off() {
        for (flag, text) in [("--allow-http", "true"), ("--allow-http=false", "false")] {
            let cli = Cli::try_parse_from(["ltx-jobs", flag, "check"]).unwrap();
            assert_eq!(cli.global.settings.get("allow_http"), Some(text));
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let cli = Cli::try_parse_from(["ltx-jobs", "check", "--api-key", "canary"]).unwrap();
        assert!(!format!("{cli:?}").contains("canary"));
    }

    #[test]
    fn parameters_are_json_or_text() {
        assert_eq!(parameter("seed=7").unwrap(), ("seed".to_owned(), serde_json::json!(7)));
        assert_eq!(
            parameter("mode=a=b").unwrap(),
            ("mode".to_owned(), serde_json::json!("a=b"))
        );
        assert!(parameter("seed").is_err());
    }

    #[test]
    fn time_limits_have_units() {
        assert_eq!(time("90").unwrap(), Duration::from_secs(90));
        assert_eq!(time("30m").unwrap(), Duration::from_secs(1800));
        assert_eq!(time("0").unwrap(), Duration::ZERO);
        for text in ["", "soon", "5 days", "."] {
            assert!(time(text).is_err(), "{text:?} was taken");
        }
    }
}
