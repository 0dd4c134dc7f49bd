//! `ltx-jobs check`: does everything work that a submit needs? Two requests that cost nothing tell.

use ltx_jobs::{Checked, Finding, FindingState};
use serde_json::{Map, Value, json};

use crate::args::SettingFlags;
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::show::{self, Show};

/// Shows every setting with its origin, then what was found, a line for each part. Ends with what failed first.
pub(crate) async fn run(settings: &SettingFlags, show: &Show, interrupt: &mut Interrupt) -> Result<(), Failure> {
    let client = job::client(settings)?;
    // Before anything is asked: they may be why it takes long.
    for (key, value, origin) in client.describe() {
        show.line(&format!("{key}: {value} ({origin})"));
    }
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::impossible(settings),
    };
    let checked = guide.follow_simply(client.check().keep_failures(true).start()).await?;
    show.clear();
    show.line("");
    for finding in &checked.findings {
        show.line(&finding.to_string());
    }
    show.event("checked", told(&checked));
    match checked.failure().and_then(|finding| finding.error.clone()) {
        Some(error) => Err(Failure::Error(error)),
        None => {
            show.line(&sum(&checked));
            Ok(())
        }
    }
}

fn sum(checked: &Checked) -> String {
    let is_warning = |finding: &&Finding| finding.state == FindingState::Warning;
    let warnings = match checked.findings.iter().filter(is_warning).count() {
        0 => String::new(),
        1 => ", with a warning".to_owned(),
        many => format!(", with {many} warnings"),
    };
    let id = checked
        .request_id
        .as_ref()
        .map(|id| format!(" [request id {id}]"))
        .unwrap_or_default();
    let elapsed = checked.elapsed.as_secs_f64() * 1e3;
    format!("fine: everything that a submit needs works{warnings}, {elapsed:.0} ms{id}")
}

fn told(checked: &Checked) -> Value {
    let settings: Map<String, Value> = checked
        .settings
        .iter()
        .map(|(key, value, origin)| {
            (
                (*key).to_owned(),
                json!({ "value": value, "origin": origin.to_string() }),
            )
        })
        .collect();
    let findings: Vec<Value> = checked
        .findings
        .iter()
        .map(|finding| {
            json!({
                "what": finding.what.name(),
                "state": finding.state.name(),
                "detail": finding.detail,
                "elapsed_s": finding.elapsed.map(|elapsed| elapsed.as_secs_f64()),
                "error": finding.error.as_ref().map(show::describe),
            })
        })
        .collect();
    json!({
        "request_id": checked.request_id,
        "elapsed_s": checked.elapsed.as_secs_f64(),
        "submits": checked.submits,
        "unknown": checked.unknown,
        "findings": findings,
        "settings": settings,
    })
}
