//! `ltx-jobs recover`: what earlier runs left behind, listed or fetched.
//!
//! Running it twice does no harm: what was saved is known, and a file that is there and equal counts as saved. `fetch` brings the jobs home, into `folders`,
//! and `view` shows how it is.

mod fetch;
mod folders;
mod view;

use ltx_jobs::{Job, JournaledSubmit, Recovered, SubmitState};
use serde_json::json;

use crate::args::{RecoverArgs, SettingFlags};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::jobs;
use crate::show::Show;

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
        Some(out) => GoOn::recover(settings, args.saves, Some((out, &args.save))),
        None if args.finish => GoOn::recover(settings, args.saves, None),
        None => GoOn::wait(settings, None),
    };
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on,
    };
    let found = guide.follow_simply(client.recover().start()).await?;
    // What comes next has a view of its own.
    show.clear();
    list(&guide, &found, args.finish);
    match args.finish {
        true => fetch::run(&mut guide, args, &found.jobs).await,
        false => Ok(()),
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
