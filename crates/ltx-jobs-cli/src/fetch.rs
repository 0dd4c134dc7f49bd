//! `ltx-jobs wait` and `download`: the results of a job by its reference, from any process and any machine.

use ltx_jobs::{Completed, ErrorKind, JobRef, Status};

use crate::args::{DownloadArgs, SettingFlags, WaitArgs};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Followed, Guide};
use crate::report;
use crate::show::Show;

/// Waits, and saves when a directory is given.
pub(crate) async fn wait(
    args: &WaitArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let reference = args.job.parse()?;
    let save = args.out.as_deref().map(|out| (out, &args.save));
    let client = job::client(settings)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::wait(settings, save),
    };
    let job = guide.job(reference)?;
    guide.bring_home(&job, args.timeout, save).await
}

/// Asks once, and saves when the job is completed.
pub(crate) async fn download(
    args: &DownloadArgs,
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
        go_on: GoOn::wait(settings, Some((&args.out, &args.save))),
    };
    let done = completed(&mut guide, reference).await?;
    let saved = guide.save(&done, &args.out, &args.save).await?;
    show.line(&report::saved(&saved, &args.out));
    Ok(())
}

/// Asks for a job once; it is an error when it is not completed.
pub(crate) async fn completed(guide: &mut Guide<'_>, reference: JobRef) -> Result<Completed, Failure> {
    let job = guide.job(reference)?;
    let seen = match guide.follow(job.poll().start()).await {
        Followed::Ended(ended) => ended?,
        Followed::Interrupted(_) => return Err(guide.interrupted(job.reference())),
    };
    if let Some(ended) = job.completed() {
        return Ok(ended?);
    }
    let state = match &seen.status {
        Some(Status::Completed) => "completed, but its outputs are not there yet".to_owned(),
        Some(status) => format!("not completed yet: it is {status}"),
        None => "not completed yet".to_owned(),
    };
    let error = ltx_jobs::Error::from_face(ErrorKind::InvalidState, format!("{} is {state}", job.reference()));
    Err(Failure::with_command(error, guide.go_on.with_job(job.reference())))
}
