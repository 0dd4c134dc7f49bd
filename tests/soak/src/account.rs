//! The account: what was asked for, what the service made, what the journal says, what is on the disk, and whether it fits.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use ltx_jobs::{JournaledSubmit, SubmitState};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::usage::Usage;
use crate::{film, schedule, worker};

/// Memory that may come on top while hundreds of jobs go through a worker: each leaves some kilobytes, in its handle and in the journal's index.
const RSS_GROWTH_KIB: u64 = 16 << 10;
/// Threads and files that may be more by chance of the moment: reads and writes are done by a pool of threads, and connections come and go.
const THREADS_GROWTH: u64 = 8;
const FILES_GROWTH: u64 = 16;

/// What the service knows.
#[derive(Debug, Deserialize)]
pub(crate) struct Known {
    jobs: Vec<Job>,
    artifacts: Vec<Artifact>,
    posts: usize,
    requests: usize,
    faults: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
struct Job {
    id: String,
    body: Value,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    job: String,
    sha256: String,
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    sha256: String,
}

/// Everything that is known when the film is finished.
pub(crate) struct Account {
    pub(crate) under_faults: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) kills: u32,
    pub(crate) starts: u32,
    pub(crate) counted: BTreeMap<String, u64>,
    pub(crate) watched: Vec<Usage>,
    pub(crate) settled: BTreeMap<String, u64>,
    pub(crate) known: Known,
}

/// A line of the table: what, how many, and the limit with whether it was kept.
struct Line {
    what: String,
    value: String,
    limit: Option<(String, bool)>,
}

/// The table, and whether every limit was kept.
pub(crate) fn check(orders: &worker::Orders, account: &Account) -> Result<(String, bool), Box<dyn Error>> {
    let submits = journaled(orders)?;
    let disk = Disk::look(orders, &account.known, &submits)?;
    let mut lines = Vec::new();
    shots(&mut lines, orders, account, &submits, &disk);
    usage(&mut lines, &account.watched);
    let mut table = String::from("\n| what | | limit |\n|---|---|---|\n");
    for Line { what, value, limit } in &lines {
        let limit = limit.as_ref().map_or(String::new(), |(limit, kept)| {
            format!("{limit}{}", if *kept { "" } else { " **missed**" })
        });
        table.push_str(&format!("| {what} | {value} | {limit} |\n"));
    }
    let holds = lines
        .iter()
        .all(|line| line.limit.as_ref().is_none_or(|(_, kept)| *kept));
    Ok((table, holds))
}

fn journaled(orders: &worker::Orders) -> Result<Vec<JournaledSubmit>, Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    Ok(runtime.block_on(async { worker::client(orders)?.jobs().await })?)
}

/// Submits by shot, as the journal has them.
fn by_shot(submits: &[JournaledSubmit]) -> BTreeMap<u32, Vec<&JournaledSubmit>> {
    let mut shots: BTreeMap<u32, Vec<&JournaledSubmit>> = BTreeMap::new();
    for submit in submits {
        if let Some(shot) = submit.once.as_deref().and_then(film::shot_of_once) {
            shots.entry(shot).or_default().push(submit);
        }
    }
    shots
}

fn is_in_doubt(submit: &JournaledSubmit) -> bool {
    matches!(submit.state, SubmitState::Unknown | SubmitState::IdLost)
}

fn shots(lines: &mut Vec<Line>, orders: &worker::Orders, account: &Account, submits: &[JournaledSubmit], disk: &Disk) {
    let known = &account.known;
    let shots = by_shot(submits);
    let accepted: BTreeSet<&str> = submits.iter().filter_map(|submit| submit.job.as_ref()?.id()).collect();
    let ids: BTreeSet<&str> = known.jobs.iter().map(|job| job.id.as_str()).collect();
    // What the service made and the journal does not know has to be a submit of that shot that is told as unknown, each of them one.
    let mut doubts: BTreeMap<u32, usize> = shots
        .iter()
        .map(|(shot, submits)| (*shot, submits.iter().filter(|submit| is_in_doubt(submit)).count()))
        .collect();
    let (mut lost, mut in_doubt) = (0, 0);
    for job in known.jobs.iter().filter(|job| !accepted.contains(job.id.as_str())) {
        match film::shot_of_body(&job.body).and_then(|shot| doubts.get_mut(&shot)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                in_doubt += 1;
            }
            _ => lost += 1,
        }
    }
    // One live submit for a shot: what failed without a bill is out of the world.
    let live = |submits: &[&JournaledSubmit]| {
        let live = submits.iter();
        live.filter(|submit| is_in_doubt(submit) || submit.state == SubmitState::Accepted)
            .count()
    };
    let doubled = shots.values().filter(|submits| live(submits) > 1).count();
    let unknown = submits.iter().filter(|submit| is_in_doubt(submit)).count();
    let failed = submits
        .iter()
        .filter(|submit| submit.state == SubmitState::EndedUnbilled)
        .count();
    let open = submits
        .iter()
        .filter(|submit| submit.state == SubmitState::Submitting)
        .count();
    let saved = submits.iter().filter(|submit| submit.saved).count();
    let jobs = orders.jobs as usize;
    let doubtful: u32 = known
        .faults
        .iter()
        .filter(|(name, _)| schedule::LEAVES_DOUBT.contains(&name.as_str()))
        .map(|(_, count)| count)
        .sum();
    let most_unknown = (account.kills * worker::SUBMITS + doubtful) as usize;
    let faults: u32 = known.faults.values().sum();
    let sum = |name: &str| account.counted.get(name).copied().unwrap_or_default();

    let mut say = |what: &str, value: String, limit: Option<(String, bool)>| {
        lines.push(Line {
            what: what.to_owned(),
            value,
            limit,
        });
    };
    let equal = |value: usize, limit: usize| Some((format!("= {limit}"), value == limit));
    let most = |value: usize, limit: usize| Some((format!("≤ {limit}"), value <= limit));
    say(
        "time",
        format!(
            "{:.0} s under faults, {:.0} s in all",
            account.under_faults.as_secs_f64(),
            account.elapsed.as_secs_f64()
        ),
        None,
    );
    say(
        "worker started, killed",
        format!("{}, {}", account.starts, account.kills),
        None,
    );
    say("faults set", faults.to_string(), None);
    say("jobs asked for", jobs.to_string(), None);
    say(
        "shots the journal knows",
        shots.len().to_string(),
        equal(shots.len(), jobs),
    );
    say("jobs the service made", known.jobs.len().to_string(), None);
    say("of these, failed and submitted anew", failed.to_string(), None);
    say("of these, of unknown submits", in_doubt.to_string(), None);
    say("made and lost: in no journal", lost.to_string(), equal(lost, 0));
    let invented = accepted.difference(&ids).count();
    say(
        "in the journal and never made",
        invented.to_string(),
        equal(invented, 0),
    );
    say(
        "shots with more than one job that may be billed",
        doubled.to_string(),
        equal(doubled, 0),
    );
    say("shots saved", saved.to_string(), None);
    say("shots unknown", unknown.to_string(), most(unknown, most_unknown));
    say(
        "shots saved or unknown",
        (saved + unknown).to_string(),
        equal(saved + unknown, jobs),
    );
    say("submits still open", open.to_string(), equal(open, 0));
    let told = |state: &str| account.settled.get(state).copied().unwrap_or_default() as usize;
    let settled = told("saved") + told("was_saved");
    say(
        "told as saved by the last run",
        settled.to_string(),
        equal(settled, saved),
    );
    say(
        "told as unknown by the last run",
        told("unknown").to_string(),
        equal(told("unknown"), unknown),
    );
    say("paid requests that came", known.posts.to_string(), None);
    let posts = sum("posts") as usize;
    let on_the_wire = (account.kills * worker::SUBMITS) as usize;
    say(
        "paid requests counted, up to each worker's last word",
        posts.to_string(),
        most(posts, known.posts + on_the_wire),
    );
    say("requests that came", known.requests.to_string(), None);
    say(
        "retries counted: submits, polls and slots, storage",
        format!(
            "{}, {}, {}",
            sum("submit_retries"),
            sum("api_retries"),
            sum("storage_retries")
        ),
        None,
    );
    say(
        "transfers resumed after a kill, begun anew",
        format!("{}, {}", sum("transfers_resumed"), sum("transfers_restarted")),
        None,
    );
    say("files checked", disk.files.to_string(), None);
    say("bytes checked", disk.bytes.to_string(), None);
    say(
        "files that are not what the service made",
        disk.wrong.len().to_string(),
        equal(disk.wrong.len(), 0),
    );
    say("files missing", disk.missing.to_string(), equal(disk.missing, 0));
    say(
        "files left over",
        disk.left.len().to_string(),
        equal(disk.left.len(), 0),
    );
    // What a killed worker leaves of a job that it did not see saved, the next one removes when it saves that job.
    say(
        "hidden files that killed transfers left",
        disk.hidden.len().to_string(),
        equal(disk.hidden.len(), 0),
    );
    for path in disk.wrong.iter().chain(&disk.left).chain(&disk.hidden).take(5) {
        say("for example", path.clone(), None);
    }
}

/// What the shots' directories hold, held against what the service made.
#[derive(Default)]
struct Disk {
    files: usize,
    bytes: u64,
    wrong: Vec<String>,
    missing: usize,
    /// Under a name that anybody sees, below no shot that is saved.
    left: Vec<String>,
    /// Unfinished files of transfers that were killed.
    hidden: Vec<String>,
}

impl Disk {
    fn look(orders: &worker::Orders, known: &Known, submits: &[JournaledSubmit]) -> Result<Self, Box<dyn Error>> {
        let mut disk = Self::default();
        let mut made: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for artifact in &known.artifacts {
            let hashes = made.entry(&artifact.job).or_default();
            if artifact.members.is_empty() {
                hashes.push(&artifact.sha256);
            }
            let frames = artifact.members.iter().filter(|member| member.name.ends_with(".exr"));
            hashes.extend(frames.map(|member| member.sha256.as_str()));
        }
        let root = worker::shots(&orders.folder);
        let mut expected = BTreeSet::new();
        for submit in submits.iter().filter(|submit| submit.saved) {
            let shot = submit.once.as_deref().and_then(film::shot_of_once);
            let (Some(shot), Some(id)) = (shot, submit.job.as_ref().and_then(|job| job.id())) else {
                continue;
            };
            let mut wanted = made.get(id).cloned().unwrap_or_default();
            let directory = root.join(film::key(shot));
            expected.insert(film::key(shot));
            for path in files_below(&directory)? {
                if is_hidden(&path) {
                    disk.hidden.push(path);
                    continue;
                }
                let content = std::fs::read(&path)?;
                disk.files += 1;
                disk.bytes += content.len() as u64;
                let hash = hex(&Sha256::digest(&content));
                match wanted.iter().position(|made| **made == hash) {
                    Some(at) => drop(wanted.swap_remove(at)),
                    None => disk.wrong.push(path),
                }
            }
            disk.missing += wanted.len();
        }
        // Nothing is there of what is not saved: no unknown shot has files.
        for entry in std::fs::read_dir(&root)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !expected.contains(&name) {
                let (hidden, seen): (Vec<_>, Vec<_>) = files_below(&root.join(&name))?
                    .into_iter()
                    .partition(|path| is_hidden(path));
                disk.hidden.extend(hidden);
                disk.left.extend(seen);
            }
        }
        Ok(disk)
    }
}

fn is_hidden(path: &str) -> bool {
    Path::new(path)
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Every file below, as text.
fn files_below(directory: &Path) -> std::io::Result<Vec<String>> {
    let (mut files, mut todo) = (Vec::new(), vec![directory.to_path_buf()]);
    while let Some(next) = todo.pop() {
        if next.is_file() {
            files.push(next.to_string_lossy().into_owned());
            continue;
        }
        for entry in std::fs::read_dir(&next)? {
            todo.push(entry?.path());
        }
    }
    Ok(files)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether what the worker that was watched held has grown: the most of a window after its beginning against the most of one at its end.
fn usage(lines: &mut Vec<Line>, watched: &[Usage]) {
    let window = |from: f64, to: f64| {
        let place = |part: f64| (watched.len() as f64 * part) as usize;
        Usage::most(watched.get(place(from)..place(to)).unwrap_or_default())
    };
    let (Some(start), Some(end)) = (window(0.1, 0.3), window(0.8, 1.0)) else {
        lines.push(Line {
            what: "memory, threads and files".to_owned(),
            value: "not told by this system".to_owned(),
            limit: cfg!(target_os = "linux").then(|| ("told".to_owned(), false)),
        });
        return;
    };
    for (what, start, end, more, unit) in [
        ("memory (RSS)", start.rss_kib, end.rss_kib, RSS_GROWTH_KIB, " KiB"),
        ("threads", start.threads, end.threads, THREADS_GROWTH, ""),
        ("open files", start.files, end.files, FILES_GROWTH, ""),
    ] {
        lines.push(Line {
            what: format!("{what} of the worker that ran on: early, late"),
            value: format!("{start}{unit}, {end}{unit}"),
            limit: Some((format!("+ {more}{unit}"), end <= start + more)),
        });
    }
}
