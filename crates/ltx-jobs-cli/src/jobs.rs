//! `ltx-jobs jobs`: what the journal knows of the submits to this service, as a table or as lines of JSON.

use std::time::SystemTime;

use ltx_jobs::{Client, JournaledSubmit, SubmitState};
use serde_json::{Value, json};

use crate::args::{JobsArgs, SettingFlags};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::report;
use crate::show::Show;

/// Lists them; without `--all`, those with which something is left to do.
pub(crate) async fn run(
    args: &JobsArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let client = job::client(settings)?;
    say_when_nothing_is_kept(&client, show);
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::impossible(settings),
    };
    let known = guide.follow_simply(client.jobs().start()).await?;
    let shown: Vec<&JournaledSubmit> = known.iter().filter(|submit| args.all || is_open(submit)).collect();
    for submit in &shown {
        show.event("job", fields(submit));
    }
    if !shown.is_empty() {
        for line in table(&shown) {
            show.line(&line);
        }
    }
    if !show.is_json() {
        if shown.is_empty() {
            show.note("nothing is left to do");
        }
        match known.len() - shown.len() {
            0 => {}
            1 => show.note("one more is done with; --all lists it too"),
            done => show.note(&format!("{done} more are done with; --all lists them too")),
        }
    }
    Ok(())
}

/// A journal that ends with the process knows nothing of earlier ones.
pub(crate) fn say_when_nothing_is_kept(client: &Client, show: &Show) {
    if job::lasting_journal(client).is_none() {
        show.note("no journal is kept here (memory is the default for a service on loopback); give --journal DIR");
    }
}

/// Whether something is left to do with it.
fn is_open(submit: &JournaledSubmit) -> bool {
    match submit.state {
        SubmitState::Refused | SubmitState::EndedUnbilled => false,
        SubmitState::Accepted => !submit.saved,
        _ => true,
    }
}

/// One word for what became of a submit.
pub(crate) fn state(submit: &JournaledSubmit) -> &'static str {
    match submit.state {
        SubmitState::Submitting => "submitting",
        SubmitState::Accepted => "accepted",
        SubmitState::Refused => "refused",
        SubmitState::Unknown => "unknown",
        SubmitState::IdLost => "id_lost",
        SubmitState::EndedUnbilled => "failed",
        _ => "other",
    }
}

/// As the events tell it.
pub(crate) fn fields(submit: &JournaledSubmit) -> Value {
    json!({
        "intent": submit.intent.to_string(),
        "ref": submit.job.as_ref().map(ToString::to_string),
        "endpoint": submit.endpoint,
        "state": state(submit),
        "began_at": time(submit.began_at),
        "label": submit.label,
        "once": submit.once,
        "dest": submit.dest.as_ref().map(|dest| dest.dir.to_string_lossy()),
        "usd": submit.usd.map(|usd| usd.to_string()),
        "ended": submit.ended.as_ref().map(ltx_jobs::Status::as_str),
        "saved": submit.saved,
        "other_key": submit.other_key,
        "request_id": submit.request_id,
        "doubts": submit.doubts,
    })
}

fn table(submits: &[&JournaledSubmit]) -> Vec<String> {
    let mut rows = vec![["began", "state", "job", "label", "once", "ended", "saved"].map(str::to_owned)];
    rows.extend(submits.iter().map(|submit| {
        let other_key = if submit.other_key { " (another key)" } else { "" };
        [
            time(submit.began_at),
            format!("{}{other_key}", state(submit)),
            submit.job.as_ref().unwrap_or(&submit.intent).to_string(),
            submit.label.clone().unwrap_or_else(nothing),
            submit.once.clone().unwrap_or_else(nothing),
            submit.ended.as_ref().map_or_else(nothing, ToString::to_string),
            if submit.saved { "yes" } else { "no" }.to_owned(),
        ]
    }));
    report::table(&rows)
}

/// Keeps the columns apart for programs that split at spaces.
fn nothing() -> String {
    "-".to_owned()
}

/// In whole seconds, in UTC.
pub(crate) fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_| nothing(), |at| format!("{at:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_whole_seconds_in_utc() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_514_405_900);
        assert_eq!(time(at), "2026-11-24T10:00:05Z");
    }
}
