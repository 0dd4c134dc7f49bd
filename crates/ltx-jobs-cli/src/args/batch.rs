//! What `batch` is told: a list of jobs, and how they are submitted and saved.

use std::path::PathBuf;

use clap::Args;
use ltx_jobs::{Destination, Usd};

use super::values::usd;
use super::{ArchiveArg, UnknownArg};

/// What stands behind the flags.
const HELP: &str = r#"The list has one job a line, each a JSON object:
  {"key": "sh010", "endpoint": "hdr", "params": {"video_uri": "plates/sh010.mp4", "output_colorspace": "acescg"}}
  {"key": "sh020", "endpoint": "t2v", "params": {...}, "priority": 10, "dest": "shots/020", "max_cost": "2.50"}
A media field that is no https:, data: or ltx:// address is a local file, which is uploaded. `--schema` prints what else a line may have.
Relative paths are those of the current directory.

Within a batch a key stands for its request for good. After a crash, Ctrl-C, or when the account is filled up again, the same command goes on: what is
saved is skipped, what runs is waited for, what was not billed is submitted again, and what is unknown is told and never submitted again by itself.
--spend-limit counts all runs of the batch.

Events of --json, one line each, in the field `event`:
  bad_line     line, key, message: the list was refused for it, and nothing was submitted
  item         key, label, state (saved, was_saved, completed, failed, unknown, unsaved, running, not_submitted), ref, paths, urls, bytes,
               error (as in the event `error`), go_on (the command that settles an unknown one)
  batch        at most once a second, and at the end: name, items, queued, submitting, running, saving, ended (a number for each state), bytes, usd,
               paused (why nothing more is submitted), elapsed_s, left_s, all_done
  stopping     go_on: Ctrl-C was heard
  interrupted  go_on: the command that goes on
  estimate     with --dry-run, for each line: key, endpoint, usd, basis, missing, warnings
  dry_run      name, items, usd (the sum), missing (lines without an estimate)

The exit code is 0 when every item is done, else the worst of theirs, in this order: 1, 6, 3, 4, 5, 8, 7, 2; 130 after Ctrl-C."#;

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct BatchArgs {
    /// The list of jobs, a JSON object a line; - is standard input.
    #[arg(value_name = "FILE", required_unless_present = "schema")]
    pub(crate) file: Option<PathBuf>,
    /// The name of the batch [default: the file's, without its extension].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where the results go: DIR/KEY, for every job without a `dest` or `rehost` of its own. Without it, such jobs are waited for and not saved.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Refuse to submit what is estimated to cost more, or cannot be estimated, for every job without a `max_cost` of its own: US dollars.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max_cost: Option<Usd>,
    /// What to do when nobody can tell whether a job exists.
    #[arg(long, value_enum, default_value_t = UnknownArg::Stop)]
    pub(crate) on_unknown: UnknownArg,
    /// Submits that are prepared and sent at the same time, 1 to 64. How many jobs run is for the service to say, or for --max-concurrent-jobs.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = lanes)]
    pub(crate) submits: usize,
    /// Jobs that are saved at the same time, 1 to 64; what expires first is saved first.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = lanes)]
    pub(crate) saves: usize,
    /// Save only this output (exr_frames_url, video_url). May be repeated.
    #[arg(long, value_name = "LABEL", requires = "out")]
    pub(crate) only: Vec<String>,
    /// What becomes of an archive of frames.
    #[arg(long, value_enum, default_value_t = ArchiveArg::Unpack, requires = "out")]
    pub(crate) archive: ArchiveArg,
    /// Names of the frames, such as `shot.{frame:04}.exr`.
    #[arg(long, value_name = "PATTERN", requires = "out")]
    pub(crate) frame_name: Option<String>,
    /// The number of the first frame in these names.
    #[arg(long, value_name = "NUMBER", requires = "out")]
    pub(crate) first_frame: Option<u64>,
    /// Replace different files and objects that are there; equal ones always count as saved.
    #[arg(long)]
    pub(crate) overwrite: bool,
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
}

fn lanes(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (1..=64).contains(number))
        .ok_or_else(|| "must be a number from 1 to 64".to_owned())
}
