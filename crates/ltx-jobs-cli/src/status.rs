//! `ltx-jobs status`: how a job is, asked once. Of a submit that became no job, what the journal knows.

use ltx_jobs::{Client, ErrorKind, Job, JobRef, JournaledSubmit, SubmitState};
use serde_json::json;

use crate::args::{SettingFlags, StatusArgs};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::jobs;
use crate::show::{Show, describe};

/// Ends well when the state could be told, whatever it is.
pub(crate) async fn run(
    args: &StatusArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let reference = args.job.parse()?;
    let client = job::client(settings)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::wait(settings, None),
    };
    if reference.is_intent()
        && let Some(submit) = find(&mut guide, &client, &reference).await?
    {
        match &submit.job {
            Some(job) => ask(&mut guide, &client.job(job.clone())?, args.raw).await,
            None => tell(&guide, &submit),
        }
    } else {
        let job = guide.job(reference)?;
        ask(&mut guide, &job, args.raw).await
    }
}

async fn find(guide: &mut Guide<'_>, client: &Client, intent: &JobRef) -> Result<Option<JournaledSubmit>, Failure> {
    let known = guide.follow_simply(client.jobs().start()).await?;
    Ok(known.into_iter().find(|submit| submit.intent == *intent))
}

async fn ask(guide: &mut Guide<'_>, job: &Job, raw: bool) -> Result<(), Failure> {
    let seen = guide.follow_simply(job.poll().start()).await?;
    let show = guide.show;
    show.clear();
    let status = seen.status.as_ref().map(ltx_jobs::Status::as_str);
    let completed = job.completed();
    if raw {
        return match completed {
            Some(Ok(done)) => {
                show.event(
                    "status",
                    json!({ "ref": job.reference().to_string(), "status": status, "raw": done.raw() }),
                );
                show.line(&format!("{:#}", done.raw()));
                Ok(())
            }
            Some(Err(error)) => Err(error.into()),
            None => Err(Failure::new(
                ErrorKind::InvalidState,
                format!(
                    "{} is {}: only a completed job has results",
                    job.reference(),
                    status.unwrap_or("not known")
                ),
            )),
        };
    }
    let (outputs, error) = match completed {
        Some(Ok(done)) => (done.outputs().keys().cloned().collect::<Vec<_>>(), None),
        Some(Err(error)) => (Vec::new(), Some(error)),
        None => (Vec::new(), None),
    };
    let created = seen.created_at.map(jobs::time);
    show.event(
        "status",
        json!({
            "ref": job.reference().to_string(),
            "status": status,
            "created_at": created,
            "outputs": outputs,
            "error": error.as_ref().map(describe),
        }),
    );
    let mut line = format!("{} is {}", job.reference(), status.unwrap_or("not known"));
    if let Some(created) = created {
        line.push_str(&format!(", created {created}"));
    }
    if !outputs.is_empty() {
        line.push_str(&format!(": {}", outputs.join(", ")));
    }
    if let Some(error) = &error {
        line.push_str(&format!(": {error}"));
    }
    show.line(&line);
    Ok(())
}

fn tell(guide: &Guide<'_>, submit: &JournaledSubmit) -> Result<(), Failure> {
    let settle = match submit.state {
        SubmitState::Unknown | SubmitState::IdLost => guide.settle(&submit.intent, &submit.endpoint),
        _ => None,
    };
    let mut fields = jobs::fields(submit);
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("status".to_owned(), jobs::state(submit).into());
        fields.insert("go_on".to_owned(), settle.clone().into());
    }
    guide.show.event("status", fields);
    let meaning = match submit.state {
        SubmitState::Submitting => "being submitted by a process that lives",
        SubmitState::Refused => "refused: no job was created",
        SubmitState::Unknown => "unknown: a job may exist and be billed",
        SubmitState::IdLost => "accepted: a job exists, but its id did not arrive",
        _ => jobs::state(submit),
    };
    guide
        .show
        .line(&format!("{} to {} is {meaning}", submit.intent, submit.endpoint));
    if let Some(command) = settle {
        guide
            .show
            .note(&format!("look at the account, then settle it with: {command}"));
    }
    Ok(())
}
