//! `ltx-jobs check`: do key, address, proxy and certificates work? One free request tells.

use serde_json::{Map, Value, json};

use crate::args::SettingFlags;
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::report;
use crate::show::Show;

/// Shows every setting with its origin, then asks the service.
pub(crate) async fn run(settings: &SettingFlags, show: &Show, interrupt: &mut Interrupt) -> Result<(), Failure> {
    let client = job::client(settings)?;
    let known = client.describe();
    let rows: Vec<[String; 3]> = known
        .iter()
        .map(|(key, value, origin)| [(*key).to_owned(), value.clone(), origin.to_string()])
        .collect();
    for line in report::table(&rows) {
        show.line(&line);
    }
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::impossible(settings),
    };
    let checked = guide.follow_simply(client.check().start()).await?;
    show.clear();
    let settings: Map<String, Value> = known
        .iter()
        .map(|(key, value, origin)| {
            (
                (*key).to_owned(),
                json!({ "value": value, "origin": origin.to_string() }),
            )
        })
        .collect();
    show.event(
        "checked",
        json!({
            "request_id": checked.request_id,
            "elapsed_s": checked.elapsed.as_secs_f64(),
            "settings": settings,
        }),
    );
    let id = checked
        .request_id
        .map(|id| format!(" [request id {id}]"))
        .unwrap_or_default();
    show.line(&format!(
        "fine: the service answers and takes the key, {:.0} ms{id}",
        checked.elapsed.as_secs_f64() * 1e3
    ));
    Ok(())
}
