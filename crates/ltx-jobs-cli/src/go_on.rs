//! The command that goes on with a job this process leaves behind. Pure.
//!
//! It carries what this command was told on its command line and a later one needs to find the same job: where the service and the journal are, and
//! how results are saved. It never carries a secret.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{BytesPerSecond, JobRef};

#[cfg(feature = "rehost")]
use crate::args::RehostArgs;
use crate::args::{ArchiveArg, BatchArgs, FramesArgs, SAVES, SUBMITS, SaveArgs, SettingFlags, UnknownArg};

/// The settings without which another process would look elsewhere.
const NEEDED: [&str; 5] = ["base_url", "journal", "proxy", "ca_bundle", "allow_http"];

/// The settings that limit what a batch does, in each of its runs.
const LIMITS: [&str; 4] = ["max_concurrent_jobs", "spend_limit", "prices", "connections"];

/// See the module's first line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GoOn<'a> {
    way: Way<'a>,
    settings: &'a SettingFlags,
}

#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Impossible,
    Wait,
    Save(&'a Path, &'a SaveArgs),
    Frames(&'a FramesArgs),
    #[cfg(feature = "rehost")]
    Rehost(&'a RehostArgs),
    /// The same file again.
    Upload(&'a Path),
    /// The whole batch under its name.
    Batch(&'a BatchArgs, &'a str),
    /// All jobs of the journal, so many saved at a time.
    Recover(usize, Option<(&'a Path, &'a SaveArgs)>),
}

impl<'a> GoOn<'a> {
    /// Nothing is left: the service goes with this process, or nothing was begun.
    pub(crate) fn impossible(settings: &'a SettingFlags) -> Self {
        Self {
            way: Way::Impossible,
            settings,
        }
    }

    /// Wait for it; save its results when there is a place for them.
    pub(crate) fn wait(settings: &'a SettingFlags, save: Option<(&'a Path, &'a SaveArgs)>) -> Self {
        let way = save.map_or(Way::Wait, |(out, how)| Way::Save(out, how));
        Self { way, settings }
    }

    /// Read, or save, its frames.
    pub(crate) fn frames(settings: &'a SettingFlags, how: &'a FramesArgs) -> Self {
        Self {
            way: Way::Frames(how),
            settings,
        }
    }

    /// Copy its results to a store.
    #[cfg(feature = "rehost")]
    pub(crate) fn rehost(settings: &'a SettingFlags, how: &'a RehostArgs) -> Self {
        Self {
            way: Way::Rehost(how),
            settings,
        }
    }

    /// Upload it from the beginning.
    pub(crate) fn upload(settings: &'a SettingFlags, file: &'a Path) -> Self {
        Self {
            way: Way::Upload(file),
            settings,
        }
    }

    /// The same batch once more.
    pub(crate) fn batch(settings: &'a SettingFlags, how: &'a BatchArgs, name: &'a str) -> Self {
        Self {
            way: Way::Batch(how, name),
            settings,
        }
    }

    /// Fetch all jobs of the journal.
    pub(crate) fn recover(settings: &'a SettingFlags, saves: usize, save: Option<(&'a Path, &'a SaveArgs)>) -> Self {
        Self {
            way: Way::Recover(saves, save),
            settings,
        }
    }

    /// The command for a job; none when there is nothing to go on with.
    pub(crate) fn with_job(&self, job: &JobRef) -> Option<String> {
        let line = match self.way {
            Way::Impossible => return None,
            Way::Wait => format!("wait {job}"),
            Way::Save(out, how) => format!("wait {job} {}", saving(out, how)),
            Way::Frames(how) => format!("frames {job}{}", framing(how)),
            #[cfg(feature = "rehost")]
            Way::Rehost(how) => format!("rehost {job} {}", copying(how)),
            Way::Recover(..) | Way::Batch(..) | Way::Upload(_) => return self.with_all(),
        };
        Some(self.command(&line))
    }

    /// The command that goes on where no single job is meant.
    pub(crate) fn with_all(&self) -> Option<String> {
        match self.way {
            Way::Recover(saves, save) => {
                let mut line = "recover --finish".to_owned();
                if let Some((out, how)) = save {
                    line.push_str(&format!(" {}", saving(out, how)));
                }
                line.push_str(&unless_usual("--saves", saves, SAVES));
                Some(self.command(&line))
            }
            Way::Upload(file) => Some(self.command(&format!("upload {}", quoted(&file.to_string_lossy())))),
            Way::Batch(how, name) => {
                let mut command = self.command(&listing(how, name));
                for key in LIMITS {
                    if let Some(value) = self.settings.get(key) {
                        command.push_str(&format!(" --{}={}", key.replace('_', "-"), quoted(value)));
                    }
                }
                Some(command)
            }
            _ => None,
        }
    }

    /// The command that settles a submit whose outcome is unknown. Only a look at the account tells which of the two.
    pub(crate) fn settle(&self, intent: &JobRef, endpoint: &str) -> Option<String> {
        match self.way {
            Way::Impossible => None,
            _ => Some(self.command(&format!("resolve {intent} (--job {endpoint}/ID | --none)"))),
        }
    }

    /// Some other command with the settings it needs.
    pub(crate) fn command(&self, line: &str) -> String {
        format!("ltx-jobs {line}{}", self.settings())
    }

    fn settings(&self) -> String {
        let mut text = String::new();
        for key in NEEDED {
            let Some(value) = self.settings.get(key) else { continue };
            // User and password of a proxy are nobody's business.
            if key == "proxy" && value.contains('@') {
                continue;
            }
            text.push_str(&format!(" --{}={}", key.replace('_', "-"), quoted(value)));
        }
        match self.settings.get("api_key") {
            Some(file) if file.starts_with("file:") => text.push_str(&format!(" --api-key={}", quoted(file))),
            _ => {}
        }
        text
    }
}

fn saving(out: &Path, how: &SaveArgs) -> String {
    let mut text = format!("-o {}", quoted(&out.to_string_lossy()));
    text.push_str(&choice(
        &how.only,
        how.archive,
        how.frame_name.as_deref(),
        how.first_frame,
    ));
    if how.overwrite {
        text.push_str(" --overwrite");
    }
    text.push_str(&flow(how.bandwidth, how.no_resume, how.lock_timeout));
    text
}

/// Which list, and how its jobs are submitted and saved.
fn listing(how: &BatchArgs, name: &str) -> String {
    let file = how.file.as_deref().unwrap_or(Path::new("-"));
    let mut text = format!("batch {} --name {}", quoted(&file.to_string_lossy()), quoted(name));
    if let Some(out) = &how.out {
        text.push_str(&format!(" -o {}", quoted(&out.to_string_lossy())));
    }
    #[cfg(feature = "rehost")]
    if let Some(url) = how.shown_store() {
        text.push_str(&format!(" --rehost {}", quoted(url)));
        for option in &how.options {
            text.push_str(&format!(" --option {}", quoted(&option.shown())));
        }
    }
    text.push_str(&choice(
        &how.only,
        how.archive,
        how.frame_name.as_deref(),
        how.first_frame,
    ));
    if let Some(limit) = how.max_cost {
        text.push_str(&format!(" --max-cost {limit}"));
    }
    if how.on_unknown == UnknownArg::AcceptDoubleCharge {
        text.push_str(" --on-unknown accept-double-charge");
    }
    text.push_str(&unless_usual("--submits", how.submits, SUBMITS));
    text.push_str(&unless_usual("--saves", how.saves, SAVES));
    if how.overwrite {
        text.push_str(" --overwrite");
    }
    text.push_str(&flow(how.bandwidth, how.no_resume, how.lock_timeout));
    text
}

fn unless_usual(flag: &str, number: usize, usual: usize) -> String {
    if number == usual {
        String::new()
    } else {
        format!(" {flag} {number}")
    }
}

/// How bytes come.
fn flow(bandwidth: Option<BytesPerSecond>, no_resume: bool, lock_timeout: Option<Duration>) -> String {
    let mut text = String::new();
    if let Some(limit) = bandwidth {
        text.push_str(&format!(" --bandwidth {}", limit.get()));
    }
    if no_resume {
        text.push_str(" --no-resume");
    }
    if let Some(limit) = lock_timeout {
        text.push_str(&format!(" --lock-timeout {}s", limit.as_secs_f64()));
    }
    text
}

/// Which frames, and what becomes of them.
fn framing(how: &FramesArgs) -> String {
    let mut text = String::new();
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {name} {}", quoted(&value)));
        }
    };
    flag("-o", how.out.as_ref().map(|out| out.to_string_lossy().into_owned()));
    flag("--read", how.read.map(|index| index.to_string()));
    flag("--number", how.number.map(|number| number.to_string()));
    flag("--label", how.label.clone());
    flag("--range", how.range.map(|places| places.to_string()));
    flag("--frame-name", how.frame_name.clone());
    flag("--first-frame", how.first_frame.map(|number| number.to_string()));
    flag(
        "--spool",
        how.spool
            .as_ref()
            .map(|directory| directory.to_string_lossy().into_owned()),
    );
    flag("--bandwidth", how.bandwidth.map(|limit| limit.get().to_string()));
    if how.overwrite {
        text.push_str(" --overwrite");
    }
    text
}

/// Which outputs, and what becomes of their frames.
fn choice(only: &[String], archive: ArchiveArg, frame_name: Option<&str>, first_frame: Option<u64>) -> String {
    let mut text = String::new();
    for label in only {
        text.push_str(&format!(" --only {}", quoted(label)));
    }
    if archive != ArchiveArg::Unpack {
        text.push_str(&format!(" --archive {}", archive.word()));
    }
    if let Some(pattern) = frame_name {
        text.push_str(&format!(" --frame-name {}", quoted(pattern)));
    }
    if let Some(number) = first_frame {
        text.push_str(&format!(" --first-frame {number}"));
    }
    text
}

#[cfg(feature = "rehost")]
fn copying(how: &RehostArgs) -> String {
    let mut text = quoted(how.shown_url());
    text.push_str(&choice(
        &how.only,
        how.archive,
        how.frame_name.as_deref(),
        how.first_frame,
    ));
    if how.overwrite {
        text.push_str(" --overwrite");
    }
    for option in &how.options {
        text.push_str(&format!(" --option {}", quoted(&option.shown())));
    }
    text
}

/// For a shell, where the text needs it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/\\:._-+=@%,~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser as _;

    fn settings(line: &[&str]) -> SettingFlags {
        let line = ["ltx-jobs"].iter().chain(line).chain(&["check"]);
        Cli::try_parse_from(line).unwrap().global.settings
    }

    #[test]
    fn a_directory_with_spaces_or_quotes_is_one_word_for_the_shell() {
        for (text, expected) in [
            ("shots/010", "shots/010"),
            ("my shots", "'my shots'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }

    #[test]
    fn the_command_finds_the_same_service_and_journal_and_saves_in_the_same_way() {
        let settings = settings(&[
            "--base-url",
            "http://127.0.0.1:1",
            "--journal",
            "my jobs",
            "--poll-interval",
            "2",
        ]);
        let how = SaveArgs {
            only: vec!["exr_frames_url".to_owned()],
            frame_name: Some("sh010.{frame:04}.exr".to_owned()),
            first_frame: Some(1001),
            bandwidth: Some("20MB/s".parse().unwrap()),
            no_resume: true,
            lock_timeout: Some(std::time::Duration::from_millis(2500)),
            ..SaveArgs::default()
        };
        let job: JobRef = "video-to-video-hdr/7b".parse().unwrap();
        assert_eq!(
            GoOn::wait(&settings, Some((Path::new("out"), &how)))
                .with_job(&job)
                .unwrap(),
            "ltx-jobs wait video-to-video-hdr/7b -o out --only exr_frames_url --frame-name 'sh010.{frame:04}.exr' --first-frame 1001 \
             --bandwidth 20000000 --no-resume --lock-timeout 2.5s --base-url=http://127.0.0.1:1 --journal='my jobs'"
        );
        assert_eq!(GoOn::impossible(&settings).with_job(&job), None);
    }

    #[test]
    fn a_batch_is_gone_on_with_by_the_same_command() {
        let line = "ltx-jobs batch film.jsonl --name film -o shots --only exr_frames_url --archive both --max-cost 2.50 --submits 8 --saves 1 \
                    --overwrite --bandwidth 1000 --no-resume --lock-timeout 2.5s --spend-limit=25 --connections=4";
        assert_eq!(gone_on(line), line);
    }

    fn gone_on(line: &str) -> String {
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let crate::args::Command::Batch(how) = &cli.command else {
            panic!("another command")
        };
        let go_on = GoOn::batch(&cli.global.settings, how, "film");
        let all = go_on.with_all().unwrap();
        assert_eq!(go_on.with_job(&"retake/7b".parse().unwrap()).unwrap(), all);
        all
    }

    #[cfg(feature = "rehost")]
    #[test]
    fn a_batch_to_a_store_is_gone_on_with_there_and_without_credentials() {
        let line =
            "ltx-jobs batch film.jsonl --name film --rehost s3://plates/film/ --option region=eu-west-1 --archive keep";
        assert_eq!(gone_on(line), line);
        let secret = line.replace("region=eu-west-1", "aws_secret_access_key=canary");
        assert!(gone_on(&secret).contains("--option aws_secret_access_key=... "));
        assert!(gone_on("ltx-jobs batch film.jsonl --rehost s3://k:canary@plates/").ends_with("--rehost URL"));
    }

    #[test]
    fn frames_are_gone_on_with_as_they_were_asked_for() {
        for line in [
            "frames retake/7b",
            "frames retake/7b -o out --range 10.. --frame-name 'a b.{frame}.exr' --first-frame 1001 --bandwidth 1000 --overwrite",
            "frames retake/7b -o f.exr --number 1042 --label exr_frames_url --spool /tmp/x",
            "frames retake/7b --read 3",
        ] {
            let words = line.replace("'a b.{frame}.exr'", "a_b.{frame}.exr");
            let words = ["ltx-jobs"].into_iter().chain(words.split(' ')).map(|word| {
                if word.starts_with("a_b") {
                    "a b.{frame}.exr"
                } else {
                    word
                }
            });
            let crate::args::Command::Frames(how) = Cli::try_parse_from(words.map(str::to_owned)).unwrap().command
            else {
                panic!("another command")
            };
            let job = how.job.parse().unwrap();
            assert_eq!(
                GoOn::frames(&settings(&[]), &how).with_job(&job).unwrap(),
                format!("ltx-jobs {line}")
            );
        }
    }

    #[cfg(feature = "rehost")]
    #[test]
    fn a_copy_goes_on_to_the_same_place_and_without_credentials() {
        use clap::Parser as _;
        let line = "ltx-jobs rehost retake 7b s3://bucket/p/ --archive both --option region=eu-west-1 --option aws_secret_access_key=canary";
        let cli = crate::args::Cli::try_parse_from(line.split(' ')).unwrap();
        assert!(!format!("{cli:?}").contains("canary"));
        let crate::args::Command::Rehost(how) = cli.command else {
            panic!("another command")
        };
        let job = how.job().unwrap();
        assert_eq!(
            GoOn::rehost(&settings(&[]), &how).with_job(&job).unwrap(),
            "ltx-jobs rehost retake/7b s3://bucket/p/ --archive both --option region=eu-west-1 --option aws_secret_access_key=..."
        );
    }

    #[cfg(feature = "rehost")]
    #[test]
    fn a_place_with_a_credential_in_it_is_not_repeated() {
        use clap::Parser as _;
        for url in [
            "s3://key:canary@bucket/p",
            "az://box/p?sig=canary",
            "gs://bucket/#canary",
        ] {
            let cli = crate::args::Cli::try_parse_from(["ltx-jobs", "rehost", "retake/7b", url]).unwrap();
            let crate::args::Command::Rehost(how) = cli.command else {
                panic!("another command")
            };
            let job = how.job().unwrap();
            assert_eq!(
                GoOn::rehost(&settings(&[]), &how).with_job(&job).unwrap(),
                "ltx-jobs rehost retake/7b URL"
            );
        }
    }

    #[test]
    fn no_secret_is_in_the_command() {
        let settings = settings(&["--api-key", "canary", "--proxy", "http://user:canary@proxy:1"]);
        let job: JobRef = "retake/7b".parse().unwrap();
        assert_eq!(
            GoOn::wait(&settings, None).with_job(&job).unwrap(),
            "ltx-jobs wait retake/7b"
        );
    }
}
