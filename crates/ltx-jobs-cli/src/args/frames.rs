//! What `frames` is told: list the frames of a job, write one of them, or save some as files.

use std::ops::Bound;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use ltx_jobs::BytesPerSecond;

use super::RefArgs;
use super::values::speed;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("one").args(["read", "number"])))]
pub(crate) struct FramesArgs {
    #[command(flatten)]
    pub(crate) job: RefArgs,
    /// Save the frames as files in this directory; with --read or --number, the one frame as this file.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Write one frame, by its place in the list, from 0: to the file of -o, or else to standard output.
    #[arg(long, value_name = "INDEX")]
    pub(crate) read: Option<usize>,
    /// Write one frame, by the number in its name.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) number: Option<u64>,
    /// The output with the frames (exr_frames_url), where several look like it.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// Save only the frames at these places, from 0, the last not included: 10..20, 10.., ..20.
    #[arg(long, value_name = "FROM..TO", value_parser = range, requires = "out", conflicts_with = "one")]
    pub(crate) range: Option<Places>,
    /// Names of the frames, such as `sh010.{frame:04}.exr`.
    #[arg(long, value_name = "PATTERN", requires = "out", conflicts_with = "one")]
    pub(crate) frame_name: Option<String>,
    /// The number of the archive's first frame in these names.
    #[arg(long, value_name = "NUMBER", requires = "out", conflicts_with = "one")]
    pub(crate) first_frame: Option<u64>,
    /// Replace different files that are there; equal ones always count as saved.
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// A directory for the whole archive, where the storage cannot send parts of it; it is taken away again.
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// A limit of speed: 20MB/s, 100Mbit/s, or bytes per second.
    #[arg(long, value_name = "SPEED", value_parser = speed)]
    pub(crate) bandwidth: Option<BytesPerSecond>,
}

/// Places in the list of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Places {
    from: Option<usize>,
    to: Option<usize>,
}

impl Places {
    /// As the core takes them.
    pub(crate) fn bounds(self) -> (Bound<usize>, Bound<usize>) {
        (
            self.from.map_or(Bound::Unbounded, Bound::Included),
            self.to.map_or(Bound::Unbounded, Bound::Excluded),
        )
    }
}

impl std::fmt::Display for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |place: Option<usize>| place.map(|place| place.to_string()).unwrap_or_default();
        write!(f, "{}..{}", text(self.from), text(self.to))
    }
}

fn range(text: &str) -> Result<Places, String> {
    let form = || "write it as FROM..TO, as in 10..20".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(form)?;
    let place = |text: &str| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| form()),
    };
    Ok(Places {
        from: place(from)?,
        to: place(to)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_two_numbers_either_of_which_may_be_missing() {
        for (text, from, to) in [
            ("10..20", Some(10), Some(20)),
            ("10..", Some(10), None),
            ("..20", None, Some(20)),
            ("..", None, None),
        ] {
            let places = range(text).unwrap();
            assert_eq!(places, Places { from, to }, "{text}");
            assert_eq!(places.to_string(), text);
        }
        for text in ["", "10", "10-20", "10..=20", "-1..2", "a..b"] {
            assert!(range(text).is_err(), "{text} was taken");
        }
    }
}
