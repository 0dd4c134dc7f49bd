//! `ltx-jobs recover`: what earlier runs left behind, listed or fetched.
//!
//! Running it twice does no harm: what was saved is known, and a file that is there and equal counts as saved.

use std::collections::HashMap;
use std::path::PathBuf;

use ltx_jobs::{Completed, DownloadOptions, Job, JobRef, JournaledSubmit, Operation, Recovered, SubmitState};
use serde_json::json;
use tokio::task::JoinSet;

use crate::args::{RecoverArgs, SettingFlags};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide, LOOK};
use crate::jobs;
use crate::report;
use crate::show::Show;

/// Longest name of a folder made from a label; file systems take 255 bytes.
const LONGEST_NAME: usize = 100;

/// Lists, or with `--finish` fetches.
pub(crate) async fn run(
    args: &RecoverArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let client = job::client(settings)?;
    jobs::say_when_nothing_is_kept(&client, show);
    let go_on = match &args.out {
        Some(out) => GoOn::recover(settings, Some((out, &args.save))),
        None if args.finish => GoOn::recover(settings, None),
        None => GoOn::wait(settings, None),
    };
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on,
    };
    let found = guide.follow_simply(client.recover().start()).await?;
    list(&guide, &found, args.finish);
    match args.finish {
        true => finish(&mut guide, args, &found.jobs).await,
        false => Ok(()),
    }
}

/// Where the outputs of each job go, and how they are saved there; none where nobody has said it.
fn places(args: &RecoverArgs, jobs: &[Job]) -> Vec<Option<(PathBuf, DownloadOptions)>> {
    let meant = |job: &Job| job.dest().map(|dest| (dest.dir.clone(), dest.options()));
    match &args.out {
        Some(out) => folders(jobs)
            .into_iter()
            .map(|folder| Some((out.join(folder), args.save.options())))
            .collect(),
        None => jobs.iter().map(meant).collect(),
    }
}

fn list(guide: &Guide<'_>, found: &Recovered, finishing: bool) {
    let show = guide.show;
    for job in &found.jobs {
        show.event(
            "to_fetch",
            json!({
                "ref": job.reference().to_string(),
                "label": job.label(),
                "dest": job.dest().map(|dest| dest.dir.to_string_lossy()),
            }),
        );
    }
    let settle = |submit: &JournaledSubmit| guide.settle(&submit.intent, &submit.endpoint);
    for submit in &found.unknown {
        let mut fields = jobs::fields(submit);
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("go_on".to_owned(), settle(submit).into());
        }
        show.event("unknown", fields);
    }
    for submit in &found.other_key {
        show.event("other_key", jobs::fields(submit));
    }
    if show.is_json() {
        return;
    }
    if found.jobs.is_empty() && found.unknown.is_empty() && found.other_key.is_empty() {
        show.line("nothing was left behind");
    }
    if !found.jobs.is_empty() && !finishing {
        show.line("jobs to fetch:");
        for job in &found.jobs {
            let label = job.label().map(|label| format!("  {label}")).unwrap_or_default();
            let dest = job
                .dest()
                .map(|dest| format!("  to {}", dest.dir.display()))
                .unwrap_or_default();
            show.line(&format!("  {}{label}{dest}", job.reference()));
        }
        show.note(&format!(
            "fetch them with: {}",
            guide.go_on.command(finishing_command(&found.jobs))
        ));
    }
    if !found.unknown.is_empty() {
        show.line(
            "submits whose outcome is unknown (a job may exist and be billed); look at the account, then settle:",
        );
        for submit in &found.unknown {
            show.line(&format!("  {}  {}", jobs::time(submit.began_at), name(submit)));
            if let Some(command) = settle(submit) {
                show.line(&format!("    {command}"));
            }
        }
    }
    if !found.other_key.is_empty() {
        show.line("jobs that were submitted with another key, which is needed to fetch them:");
        for submit in &found.other_key {
            show.line(&format!("  {}", name(submit)));
        }
    }
}

/// A directory has to be given only where a submit did not.
fn finishing_command(jobs: &[Job]) -> &'static str {
    match jobs.iter().all(|job| job.dest().is_some()) {
        true => "recover --finish",
        false => "recover --finish -o DIR",
    }
}

/// What people know a submit by.
fn name(submit: &JournaledSubmit) -> String {
    let mut text = match &submit.job {
        Some(job) => job.to_string(),
        None => format!("{} to {}", submit.intent, submit.endpoint),
    };
    for (what, given) in [("label", &submit.label), ("once", &submit.once)] {
        if let Some(given) = given {
            text.push_str(&format!("  {what} {given:?}"));
        }
    }
    if submit.state == SubmitState::IdLost {
        text.push_str("  (accepted, but the id of the job did not arrive)");
    }
    if let Some(id) = &submit.request_id {
        text.push_str(&format!("  request id {id}"));
    }
    text
}

/// Waits for all of them at once, and saves each as soon as it is completed. One that fails does not keep the others.
async fn finish(guide: &mut Guide<'_>, args: &RecoverArgs, jobs: &[Job]) -> Result<(), Failure> {
    let mut running: Vec<Operation<Completed>> = Vec::new();
    let mut waiting = JoinSet::new();
    let mut homeless = Vec::new();
    for (job, place) in jobs.iter().cloned().zip(places(args, jobs)) {
        let Some(place) = place else {
            homeless.push(job.reference().to_string());
            continue;
        };
        let wait = match args.timeout {
            Some(timeout) => job.wait().timeout(timeout),
            None => job.wait(),
        };
        let operation = wait.start();
        running.push(operation.clone());
        waiting.spawn(async move { (job, place, operation.await) });
    }
    let mut code = None;
    while let Some((job, (dest, options), ended)) = next(guide, &mut waiting, &running).await? {
        let saved = match guide.waited(&job, ended) {
            Ok(done) => guide.save_with(&done, &dest, options).await,
            Err(failure) => Err(failure),
        };
        match saved {
            Ok(saved) => guide
                .show
                .line(&format!("{}: {}", job.reference(), report::saved(&saved, &dest))),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => {
                guide.show.failure(&failure);
                code.get_or_insert(failure.code());
            }
        }
    }
    if !homeless.is_empty() {
        let error = ltx_jobs::Error::from_face(
            ltx_jobs::ErrorKind::InvalidRequest,
            format!("nobody has said where the outputs of {} go", homeless.join(", ")),
        );
        let failure = Failure::with_command(error, Some(guide.go_on.command("recover --finish -o DIR")));
        guide.show.failure(&failure);
        code.get_or_insert(failure.code());
    }
    code.map_or(Ok(()), |code| Err(Failure::Told(code)))
}

type Waited = (Job, (PathBuf, DownloadOptions), ltx_jobs::Result<Completed>);

/// The next job that ended, while the state of the rest is shown; none when all have.
async fn next(
    guide: &mut Guide<'_>,
    waiting: &mut JoinSet<Waited>,
    running: &[Operation<Completed>],
) -> Result<Option<Waited>, Failure> {
    let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
    loop {
        tokio::select! {
            biased;
            ended = waiting.join_next() => match ended {
                None => return Ok(None),
                Some(Ok(waited)) => return Ok(Some(waited)),
                // Only a panic of ours ends a wait in this way.
                Some(Err(error)) => return Err(Failure::new(ltx_jobs::ErrorKind::Internal, format!("a wait broke: {error}"))),
            },
            () = guide.interrupt.heard() => {
                running.iter().for_each(Operation::cancel);
                guide.show.clear();
                guide.tell_all_go_on(waiting.len());
                return Err(Failure::Interrupted);
            }
            _ = look.tick() => {
                if let Some(operation) = running.iter().find(|operation| !operation.is_ended()) {
                    guide.show.progress(&operation.snapshot());
                }
            }
        }
    }
}

/// A folder for each job: its label where that is a name of its own, else its id, else both.
fn folders(jobs: &[Job]) -> Vec<String> {
    let named: Vec<(Option<&str>, &JobRef)> = jobs.iter().map(|job| (job.label(), job.reference())).collect();
    distinct(&named)
}

fn distinct(jobs: &[(Option<&str>, &JobRef)]) -> Vec<String> {
    let id = |job: &JobRef| safe(job.id().unwrap_or_default());
    let names: Vec<String> = jobs
        .iter()
        .map(|(label, job)| {
            let label = label.map(safe).unwrap_or_default();
            if label.is_empty() { id(job) } else { label }
        })
        .collect();
    // Without case: some file systems have none.
    let mut times: HashMap<String, usize> = HashMap::new();
    for name in &names {
        *times.entry(name.to_lowercase()).or_default() += 1;
    }
    names
        .into_iter()
        .zip(jobs)
        .map(|(name, (_, job))| match times.get(&name.to_lowercase()) {
            Some(1) => name,
            _ => format!("{name}_{}_{}", job.endpoint().unwrap_or_default(), id(job)),
        })
        .collect()
}

/// One folder's name that is good on every system; empty when nothing of it is.
fn safe(text: &str) -> String {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    let name: String = text
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .take(LONGEST_NAME)
        .collect();
    let name = name.trim_matches([' ', '.']).to_owned();
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let is_device = DEVICES.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()));
    if is_device { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_label_or_id_and_no_two_jobs_share_one() {
        let refs: Vec<JobRef> = ["retake/1", "retake/2", "extend/2", "retake/4", "retake/5"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let labels = [Some("sh010"), Some("SH010"), None, Some("../x/y"), Some("...")];
        let jobs: Vec<_> = labels.into_iter().zip(&refs).collect();
        assert_eq!(distinct(&jobs), ["sh010_retake_1", "SH010_retake_2", "2", "_x_y", "5"]);
    }

    #[test]
    fn no_label_leads_out_of_the_directory_or_names_a_device() {
        for (text, expected) in [
            ("..", ""),
            ("a/../../b", "a_.._.._b"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("Szene 10", "Szene 10"),
            ("a:b*c", "a_b_c"),
        ] {
            assert_eq!(safe(text), expected, "{text:?}");
        }
        assert_eq!(safe(&"x".repeat(500)).len(), LONGEST_NAME);
    }
}
