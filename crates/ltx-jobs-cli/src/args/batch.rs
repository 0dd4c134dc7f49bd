//! What `batch` is told: a list of jobs, and how they are submitted and saved.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
#[cfg(feature = "rehost")]
use ltx_jobs::StoreDestination;
use ltx_jobs::{BytesPerSecond, Destination, Usd};

#[cfg(feature = "rehost")]
use super::rehost::{StoreOption, shown_url, store_option};
use super::values::{speed, time, usd};
use super::{ArchiveArg, UnknownArg};

/// Submits that are made at the same time, unless said otherwise.
pub(crate) const SUBMITS: usize = 4;
/// Jobs that are saved at the same time, unless said otherwise.
pub(crate) const SAVES: usize = 2;

/// What stands behind the flags.
const HELP: &str = r#"The list has one job a line, each a JSON object:
  {"key": "sh010", "endpoint": "hdr", "params": {"video_uri": "plates/sh010.mp4", "output_colorspace": "acescg"}}
  {"key": "sh020", "endpoint": "t2v", "params": {...}, "priority": 10, "dest": "shots/020", "max_cost": "2.50"}
A media field that is no https:, data: or ltx:// address is a local file, which is uploaded. `--schema` prints what else a line may have.
Relative paths are those of the current directory. `ltx-jobs schema batch` describes the events of --json.

Within a batch a key stands for its request for good. After a crash, Ctrl-C, or when the account is filled up again, the same command goes on: what is
saved is skipped, what runs is waited for, what was not billed is submitted again, and what is unknown is told and never submitted again by itself.
--spend-limit counts all runs of the batch.

The exit code is 0 when every item is done, else the worst of theirs, in this order: 1, 6, 3, 4, 5, 8, 7, 2; 130 after Ctrl-C."#;

#[derive(Debug, Args)]
#[command(after_help = HELP, group(ArgGroup::new("place").multiple(true)))]
pub(crate) struct BatchArgs {
    /// The list of jobs, a JSON object a line; - is standard input.
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub(crate) file: Option<PathBuf>,
    /// The name of the batch [default: the file's, without its extension].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where the results go: DIR/KEY, for every job without a `dest` or `rehost` of its own. Without it, such jobs are waited for and not saved.
    #[arg(short, long, value_name = "DIR", group = "place")]
    pub(crate) out: Option<PathBuf>,
    /// Copy the results to an object store instead: URL/KEY/, below s3://bucket/prefix/, gs://, az:// or file:///directory/.
    #[cfg(feature = "rehost")]
    #[arg(long, value_name = "URL", group = "place", conflicts_with = "out")]
    pub(crate) rehost: Option<String>,
    /// An option of that store, by the name of its variable, as for `rehost`. May be repeated.
    #[cfg(feature = "rehost")]
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = store_option, requires = "rehost")]
    pub(crate) options: Vec<StoreOption>,
    /// Refuse to submit what is estimated to cost more, or cannot be estimated, for every job without a `max_cost` of its own: US dollars.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max_cost: Option<Usd>,
    /// What to do when nobody can tell whether a job exists.
    #[arg(long, value_enum, default_value_t = UnknownArg::Stop)]
    pub(crate) on_unknown: UnknownArg,
    /// Submits that are prepared and sent at the same time, 1 to 64. How many jobs run is for the service to say, or for --max-concurrent-jobs.
    #[arg(long, value_name = "NUMBER", default_value_t = SUBMITS, value_parser = lanes)]
    pub(crate) submits: usize,
    /// Jobs that are saved at the same time, 1 to 64; what expires first is saved first.
    #[arg(long, value_name = "NUMBER", default_value_t = SAVES, value_parser = lanes)]
    pub(crate) saves: usize,
    /// Save only this output (exr_frames_url, video_url). May be repeated.
    #[arg(long, value_name = "LABEL", requires = "place")]
    pub(crate) only: Vec<String>,
    /// What becomes of an archive of frames.
    #[arg(long, value_enum, default_value_t = ArchiveArg::Unpack, requires = "place")]
    pub(crate) archive: ArchiveArg,
    /// Names of the frames, such as `{key}.{frame:04}.exr`; {key} is the last part of the job's key.
    #[arg(long, value_name = "PATTERN", requires = "place")]
    pub(crate) frame_name: Option<String>,
    /// The number of the first frame in these names.
    #[arg(long, value_name = "NUMBER", requires = "place")]
    pub(crate) first_frame: Option<u64>,
    /// Replace different files and objects that are there; equal ones always count as saved.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// A limit of speed for everything that is saved together: 20MB/s, 100Mbit/s, or bytes per second.
    #[arg(long, value_name = "SPEED", value_parser = speed)]
    pub(crate) bandwidth: Option<BytesPerSecond>,
    /// Begin downloads anew, not with what an interrupted one left, and leave nothing for the next.
    #[arg(long)]
    pub(crate) no_resume: bool,
    /// Give up after this time (30s, 0) on a file that somebody else is fetching to the same place [default: wait for it].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) lock_timeout: Option<Duration>,
    /// Print the estimated cost of every line and their sum, and send nothing. Needs no key.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the JSON schema of a line, and end.
    #[arg(long, exclusive = true)]
    pub(crate) schema: bool,
}

impl BatchArgs {
    /// Where results go for which a line says nothing.
    pub(crate) fn destination(&self) -> Option<Destination> {
        let mut dest = Destination::new(self.out.as_deref()?).archive(self.archive.into());
        dest.only = (!self.only.is_empty()).then(|| self.only.clone());
        dest.frame_name.clone_from(&self.frame_name);
        dest.first_frame = self.first_frame;
        Some(dest)
    }

    /// Where they go in a store.
    #[cfg(feature = "rehost")]
    pub(crate) fn store(&self) -> Option<StoreDestination> {
        let mut dest = StoreDestination::new(self.rehost.as_deref()?)
            .archive(self.archive.into())
            .options(self.options.iter().map(|option| (&option.key, &option.value)));
        dest.only = (!self.only.is_empty()).then(|| self.only.clone());
        dest.frame_name.clone_from(&self.frame_name);
        dest.first_frame = self.first_frame;
        Some(dest)
    }

    /// The place of a store as it may be shown.
    #[cfg(feature = "rehost")]
    pub(crate) fn shown_store(&self) -> Option<&str> {
        self.rehost.as_deref().map(shown_url)
    }
}

pub(super) fn lanes(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=64).contains(number))
        .ok_or_else(|| "must be a number from 1 to 64".to_owned())
}
