//! The command line: what can be asked of the command, and in which words.
//!
//! The flags of the settings and of the endpoints come from tables; the rest is said here.

mod batch;
mod endpoint;
mod estimate;
mod frames;
#[cfg(feature = "rehost")]
mod rehost;
mod settings;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ltx_jobs::{ArchiveMode, BytesPerSecond, Destination, DownloadOptions, JobRef, OnUnknown, Usd};

pub(crate) use self::batch::{BatchArgs, SAVES, SUBMITS};
pub(crate) use self::endpoint::EndpointArgs;
pub(crate) use self::estimate::EstimateArgs;
pub(crate) use self::frames::FramesArgs;
#[cfg(feature = "rehost")]
pub(crate) use self::rehost::RehostArgs;
pub(crate) use self::settings::SettingFlags;
pub(crate) use self::values::media;

use self::batch::lanes;
use self::values::{file, parameter, reference, speed, time, usd};
use crate::asked::Given;
use crate::exit;
use crate::log::Said;

/// LTX video jobs from the shell: submit a paid job once, wait for it, bring its results home.
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
    /// Write events as lines of JSON to standard output; `ltx-jobs schema` describes them.
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print the result and errors only: no progress, remarks or warnings.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Log what happens to standard error; -vv also how it happens, -vvv everything.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// Log by a filter: debug, or warn,ltx_jobs::submit=debug, or info,json for lines of JSON [env: LTX_LOG] [default: warn]
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Output")]
    pub(crate) log: Option<String>,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

impl Global {
    /// What is said of the log.
    pub(crate) fn logging(&self) -> Said<'_> {
        Said {
            filter: self.log.as_deref(),
            verbose: self.verbose,
            quiet: self.quiet,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show everything on this machine: an emulated service, a real clip, real EXR frames. No key, no cost.
    Demo(DemoArgs),
    #[command(flatten)]
    Endpoint(EndpointArgs),
    /// Submit any request to any endpoint (billed).
    Submit(SubmitArgs),
    /// Submit a list of jobs (each billed), wait for them, save their results; started again, go on where it was.
    Batch(BatchArgs),
    /// Say what a request would cost, by the public price lists. Sends nothing, costs nothing, and needs no key.
    Estimate(EstimateArgs),
    /// Upload a file and print its ltx:// address, which goes into requests for 24 h. Costs nothing.
    Upload(UploadArgs),
    /// Wait for a job by its reference, and save its results.
    Wait(WaitArgs),
    /// Ask once how a job is.
    Status(StatusArgs),
    /// Save the results of a completed job.
    Download(DownloadArgs),
    /// List the EXR frames of a completed job, write one of them, or save some; nothing else of the archive is fetched.
    Frames(FramesArgs),
    /// Copy the results of a completed job to an object store: s3://, gs://, az://, file://.
    #[cfg(feature = "rehost")]
    Rehost(RehostArgs),
    /// List the submits that the journal knows. Asks nobody.
    Jobs(JobsArgs),
    /// After a crash: list the jobs to fetch and the submits whose outcome is unknown, or fetch them all.
    Recover(RecoverArgs),
    /// Settle a submit whose outcome is unknown, after a look at the account.
    Resolve(ResolveArgs),
    /// Run the service on loopback, for trials and tests. With --json it ends when its standard input does, so keep that open.
    Emulate(EmulateArgs),
    /// Check everything a submit needs: key, address, proxy, certificates, clock, journal, storage. Costs nothing.
    Check,
    /// Print the JSON schema of what a command prints with --json: one of its lines. Without a command, of all of them.
    Schema(SchemaArgs),
    /// Print the script with which a shell completes commands, endpoints and options.
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// A command, or an endpoint by either of its names. The schema of a line of a list is that of `batch --schema`.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = INSTALL)]
pub(crate) struct CompletionsArgs {
    /// For which shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Where shells look for such scripts.
const INSTALL: &str = "\
Once, for new shells:
  bash        ltx-jobs completions bash > ~/.local/share/bash-completion/completions/ltx-jobs
  zsh         ltx-jobs completions zsh > \"${fpath[1]}/_ltx-jobs\"
  fish        ltx-jobs completions fish > ~/.config/fish/completions/ltx-jobs.fish
  powershell  ltx-jobs completions powershell >> $PROFILE
  elvish      ltx-jobs completions elvish >> ~/.config/elvish/rc.elv";

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the frames and the video go.
    #[arg(short, long, value_name = "DIR", default_value = "./ltx-jobs-demo")]
    pub(crate) out: PathBuf,
}

/// What can be said of every paid submit.
#[derive(Debug, Args)]
pub(crate) struct PaidArgs {
    /// Submit only once under this key: the same command again, also later and in another process, goes on with the job that is there.
    #[arg(long, value_name = "KEY")]
    pub(crate) once: Option<String>,
    /// A name for people, in the journal and in logs.
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Refuse to submit what is estimated to cost more, or cannot be estimated: US dollars, such as 2.50.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max_cost: Option<Usd>,
    /// What to do when nobody can tell whether the job exists.
    #[arg(long, value_enum, default_value_t = UnknownArg::Stop)]
    pub(crate) on_unknown: UnknownArg,
    /// Send it to this path instead of the endpoint's own, for the day the service renames one; such as /v2/new-name.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Print the request as JSON with its estimated cost, and send nothing. Needs no key.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What happens after an endpoint's submit.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where the results go [required, except with --no-wait or --dry-run].
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["no_wait", "dry_run"])]
    pub(crate) out: Option<PathBuf>,
    /// Submit, print the job's reference, and end.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Give up waiting after this time (30m, 2h); the job goes on and can be waited for again.
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "no_wait")]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The service's name of the endpoint (text-to-video, ...), also one that this version does not know.
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
    /// Fields by the service's names; a value is JSON, or else text, or @PATH to upload.
    #[arg(value_name = "KEY=VALUE", value_parser = parameter)]
    pub(crate) fields: Vec<(String, Given)>,
    /// A file to upload for a field. May be repeated.
    #[arg(long = "file", value_name = "FIELD=PATH", value_parser = file)]
    pub(crate) files: Vec<(String, Given)>,
    #[command(flatten)]
    pub(crate) paid: PaidArgs,
    /// Wait for the end of the job.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait, and save the results here.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Give up waiting after this time (30m, 2h); the job goes on and can be waited for again.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UploadArgs {
    /// A local file: video, picture or sound.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// A job as it is named on the command line.
#[derive(Debug, Args)]
pub(crate) struct RefArgs {
    /// The job: ENDPOINT/ID or intent:ID as it was printed, or ENDPOINT ID.
    #[arg(value_name = "REF", required = true, num_args = 1..=2)]
    reference: Vec<String>,
}

impl RefArgs {
    /// `ENDPOINT ID` is the same as `ENDPOINT/ID`.
    pub(crate) fn parse(&self) -> ltx_jobs::Result<JobRef> {
        self.reference.join("/").parse()
    }
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) job: RefArgs,
    /// Where the results go; without it they are only named.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Give up waiting after this time (30m, 2h); the job goes on.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) job: RefArgs,
    /// Of a completed job, print the service's answer as it came. Its signed addresses let anybody fetch the results.
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DownloadArgs {
    #[command(flatten)]
    pub(crate) job: RefArgs,
    /// Where the results go.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    /// Also those that are done with: saved, refused, failed without a bill.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Wait for every job, and save its results where its submit said (-o of `hdr` and the like), or with -o DIR into a folder of its own there.
    #[arg(long)]
    pub(crate) finish: bool,
    /// Where to save all of them instead: DIR/LABEL, or DIR/ID.
    #[arg(short, long, value_name = "DIR", requires = "finish")]
    pub(crate) out: Option<PathBuf>,
    /// Give up waiting after this time (30m, 2h); the jobs go on.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "finish")]
    pub(crate) timeout: Option<Duration>,
    /// Jobs that are saved at the same time, 1 to 64; what expires first is saved first.
    #[arg(long, value_name = "NUMBER", default_value_t = SAVES, value_parser = lanes, requires = "finish")]
    pub(crate) saves: usize,
    #[command(flatten)]
    pub(crate) save: SaveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// The submit: intent:ID as it was printed.
    #[arg(value_name = "INTENT", value_parser = reference)]
    pub(crate) intent: JobRef,
    #[command(flatten)]
    pub(crate) outcome: OutcomeArgs,
}

/// What the account shows.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct OutcomeArgs {
    /// It became this job: ENDPOINT/ID.
    #[arg(long, value_name = "REF", value_parser = reference)]
    pub(crate) job: Option<JobRef>,
    /// It became no job; its --once key is free again.
    #[arg(long)]
    pub(crate) none: bool,
}

/// How results are saved.
#[derive(Debug, Default, Args)]
pub(crate) struct SaveArgs {
    /// Save only this output (exr_frames_url, video_url). May be repeated.
    #[arg(long, value_name = "LABEL", requires = "out")]
    pub(crate) only: Vec<String>,
    /// What becomes of an archive of frames.
    #[arg(long, value_enum, default_value_t = ArchiveArg::Unpack, requires = "out")]
    pub(crate) archive: ArchiveArg,
    /// Names of the frames, such as `sh010.{frame:04}.exr`.
    #[arg(long, value_name = "PATTERN", requires = "out")]
    pub(crate) frame_name: Option<String>,
    /// The number of the first frame in these names.
    #[arg(long, value_name = "NUMBER", requires = "out")]
    pub(crate) first_frame: Option<u64>,
    /// Replace different files that are there; equal ones always count as saved.
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// A limit of speed for the download: 20MB/s, 100Mbit/s, or bytes per second.
    #[arg(long, value_name = "SPEED", value_parser = speed, requires = "out")]
    pub(crate) bandwidth: Option<BytesPerSecond>,
    /// Begin anew, not with what an interrupted download left, and leave nothing for the next.
    #[arg(long, requires = "out")]
    pub(crate) no_resume: bool,
    /// Give up after this time (30s, 0) on a file that somebody else is fetching to the same place [default: wait for it].
    #[arg(long, value_name = "TIME", value_parser = time, requires = "out")]
    pub(crate) lock_timeout: Option<Duration>,
}

impl SaveArgs {
    /// As the options of a download.
    pub(crate) fn options(&self) -> DownloadOptions {
        let mut options = DownloadOptions::new();
        options.only = (!self.only.is_empty()).then(|| self.only.clone());
        options.archive = self.archive.into();
        options.frame_name.clone_from(&self.frame_name);
        options.first_frame = self.first_frame;
        options.overwrite = self.overwrite;
        options.bandwidth = self.bandwidth.map(BytesPerSecond::get);
        options.resume = !self.no_resume;
        options.lock_timeout = self.lock_timeout;
        options
    }

    /// As the place that a submit writes down.
    pub(crate) fn destination(&self, out: &Path) -> Destination {
        let mut dest = Destination::new(out).archive(self.archive.into());
        dest.only = (!self.only.is_empty()).then(|| self.only.clone());
        dest.frame_name.clone_from(&self.frame_name);
        dest.first_frame = self.first_frame;
        dest
    }
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

impl ArchiveArg {
    /// The word on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unpack => "unpack",
            Self::Keep => "keep",
            Self::Both => "both",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
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
    fn an_endpoint_has_a_short_name_and_takes_its_input_with_and_without_a_flag() {
        for line in [
            ["ltx-jobs", "hdr", "a.mp4", "-o", "out"].as_slice(),
            &["ltx-jobs", "video-to-video-hdr", "--video-uri", "a.mp4", "-o", "out"],
            &["ltx-jobs", "video-to-video-hdr", "--video_uri=a.mp4", "-o", "out"],
        ] {
            let Command::Endpoint(args) = Cli::try_parse_from(line).unwrap().command else {
                panic!("{line:?} is no endpoint")
            };
            assert_eq!(args.asked.endpoint(), "video-to-video-hdr");
            let request = args.asked.request().unwrap();
            assert!(request.check().is_ok(), "{line:?}: {request:?}");
        }
        for line in [
            ["ltx-jobs", "hdr", "-o", "out"].as_slice(),
            &["ltx-jobs", "hdr", "a.mp4"],
            &["ltx-jobs", "hdr", "a.mp4", "--video-uri", "b.mp4", "-o", "out"],
            &["ltx-jobs", "hdr", "a.mp4", "--no-wait", "--only", "video_url"],
            &["ltx-jobs", "resolve", "intent:1"],
            &["ltx-jobs", "resolve", "intent:1", "--none", "--job", "retake/1"],
        ] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?} was taken");
        }
    }
}
