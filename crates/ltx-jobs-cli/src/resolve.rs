//! `ltx-jobs resolve`: a human's look at the account settles what no program can tell.

use serde_json::json;

use crate::args::{ResolveArgs, SettingFlags};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::jobs;
use crate::show::Show;

/// Writes the outcome of a submit into the journal. Asks nobody.
pub(crate) async fn run(
    args: &ResolveArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let client = job::client(settings)?;
    jobs::say_when_nothing_is_kept(&client, show);
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::wait(settings, None),
    };
    let job = args.outcome.job.clone();
    let operation = client.resolve(args.intent.clone(), job.clone()).start();
    guide.follow_simply(operation).await?;
    show.event(
        "resolved",
        json!({ "intent": args.intent.to_string(), "ref": job.as_ref().map(ToString::to_string) }),
    );
    match &job {
        Some(job) => {
            show.line(&format!("{} is settled: it became {job}", args.intent));
            if let Some(command) = guide.go_on.with_job(job) {
                show.note(&format!("go on with: {command}"));
            }
        }
        None => show.line(&format!("{} is settled: there is no job", args.intent)),
    }
    Ok(())
}
