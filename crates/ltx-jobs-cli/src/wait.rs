//! `ltx-jobs wait`: go on with a job by its reference, from any process and any machine.

use ltx_jobs::JobRef;

use crate::args::{SettingFlags, WaitArgs};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::job::{self, GoOn, Guide};
use crate::report;
use crate::show::Show;

/// Waits, and saves when a directory is given.
pub(crate) async fn run(
    args: &WaitArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    // `ENDPOINT ID` is the same as `ENDPOINT/ID`.
    let reference: JobRef = args.reference.join("/").parse()?;
    let client = job::client(settings)?;
    let job = client.job(reference)?;
    let go_on = args.out.as_deref().map_or(GoOn::Wait, GoOn::Save);
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on,
    };
    let done = guide.wait(&job, args.timeout).await?;
    show.clear();
    match &args.out {
        Some(out) => {
            let saved = guide.save(&done, out, &args.save).await?;
            show.line(&report::saved(&saved, out));
        }
        None => {
            let labels: Vec<&str> = done.outputs().keys().map(String::as_str).collect();
            show.line(&format!("{} is completed: {}", job.reference(), labels.join(", ")));
        }
    }
    Ok(())
}
