//! `ltx-jobs rehost`: the results of a job go to an object store, past this machine's disk.

use serde_json::json;

use crate::args::{RehostArgs, SettingFlags};
use crate::exit::Failure;
use crate::fetch;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Followed, Guide, TIDY};
use crate::report;
use crate::show::Show;

/// Asks once, and copies when the job is completed.
pub(crate) async fn run(
    args: &RehostArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let reference = args.job()?;
    let client = job::client(settings)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::rehost(settings, args),
    };
    let done = fetch::completed(&mut guide, reference).await?;
    let mut rehost = done
        .rehost(args.url())
        .archive(args.archive.into())
        .overwrite(args.overwrite)
        .options(args.options.iter().map(|option| (&option.key, &option.value)));
    if !args.only.is_empty() {
        rehost = rehost.only(&args.only);
    }
    if let Some(pattern) = &args.frame_name {
        rehost = rehost.frame_name(pattern);
    }
    if let Some(number) = args.first_frame {
        rehost = rehost.first_frame(number);
    }
    let copied = match guide.follow(rehost.start()).await {
        Followed::Ended(ended) => ended.map_err(|error| guide.left(error, done.job().reference()))?,
        Followed::Interrupted(_) => {
            // Uploads that were begun are aborted in the store, not left to its lifecycle rules.
            client.close(TIDY).await;
            return Err(guide.interrupted(done.job().reference()));
        }
    };
    show.clear();
    let objects: Vec<_> = copied
        .objects
        .iter()
        .map(|object| {
            json!({
                "url": object.url,
                "bytes": object.bytes,
                "crc32c": object.crc32c.map(|sum| format!("{sum:08x}")),
                "e_tag": object.e_tag,
            })
        })
        .collect();
    show.event(
        "rehosted",
        json!({
            "ref": done.job().reference().to_string(),
            "url": args.url(),
            "objects": objects,
            "bytes": copied.bytes,
            "elapsed_s": copied.elapsed.as_secs_f64(),
        }),
    );
    show.line(&report::copied(&copied, args.url()));
    Ok(())
}
