//! `ltx-jobs upload`: a file becomes an address that goes into requests.

use ltx_jobs::Media;
use serde_json::json;

use crate::args::{SettingFlags, UploadArgs};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::show::Show;

/// Uploads, and prints the address alone, so that a script can take it.
pub(crate) async fn run(
    args: &UploadArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let client = job::client(settings)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::upload(settings, &args.file),
    };
    let operation = client.upload(Media::file(&args.file)).start();
    let address = guide.follow_simply(operation).await?;
    show.clear();
    show.event("uploaded", json!({ "file": args.file, "uri": address }));
    show.line(&address);
    Ok(())
}
