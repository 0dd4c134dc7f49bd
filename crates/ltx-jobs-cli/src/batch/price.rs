//! The dry run of a list: what each line would cost, and all of them together. Sends nothing, and needs no key.

use ltx_jobs::{Client, ErrorKind, Usd};
use serde_json::json;

use super::line::Entry;
use crate::args::{BatchArgs, SettingFlags};
use crate::estimate::{self, Price};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::Guide;
use crate::report;
use crate::show::Show;

/// Prices every line. Ends as the batch would that is refused for its limits.
pub(super) async fn run(
    client: &Client,
    entries: &[Entry],
    args: &BatchArgs,
    settings: &SettingFlags,
    name: &str,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let mut guide = Guide {
        client,
        show,
        interrupt,
        go_on: GoOn::impossible(settings),
    };
    let (mut rows, mut sum, mut missing) = (Vec::new(), Usd::ZERO, 0_u64);
    // The first line that would be refused.
    let mut refused = None;
    for entry in entries {
        let request = entry.asked.request()?;
        let warnings = request.check()?;
        let price = match guide.follow_simply(client.estimate(request).start()).await {
            Ok(estimate) => Price::Known(estimate),
            Err(Failure::Error(error)) if error.kind() == ErrorKind::Unsupported => Price::Missing(error),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // What a submit is refused for by what is inside a file.
            Err(failure) => {
                tell(show, &entry.key, &failure);
                refused.get_or_insert(failure.code());
                continue;
            }
        };
        let mut fields = price.fields();
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("key".to_owned(), entry.key.clone().into());
            fields.insert("endpoint".to_owned(), entry.asked.endpoint().into());
            fields.insert("warnings".to_owned(), warnings.into());
        }
        show.event("estimate", fields);
        rows.push([entry.key.clone(), price.sentence()]);
        if let Err(failure) = price.within("max_cost", entry.max_cost.or(args.max_cost)) {
            tell(show, &entry.key, &failure);
            refused.get_or_insert(failure.code());
        }
        match price {
            Price::Known(estimate) => sum = sum + estimate.usd,
            Price::Missing(_) => missing += 1,
        }
    }
    show.clear();
    for row in report::table(&rows) {
        show.line(&row);
    }
    let items = entries.len();
    show.event(
        "dry_run",
        json!({ "name": name, "items": items, "usd": sum.to_string(), "missing": missing }),
    );
    let without = match missing {
        0 => String::new(),
        many => format!(", without the {many} that cannot be estimated"),
    };
    show.line(&format!("{name}: {items} items, USD {sum}{without}; nothing was sent"));
    if let Some(limit) = estimate::spend_limit(client).filter(|limit| sum > *limit) {
        let text = format!("the estimates are USD {sum} together, above spend_limit = {limit}");
        return Err(Failure::new(ErrorKind::CostLimit, text));
    }
    refused.map_or(Ok(()), |code| Err(Failure::Told(code)))
}

fn tell(show: &Show, key: &str, failure: &Failure) {
    if let Failure::Error(error) = failure {
        show.error(error, None);
        show.say(&format!("  in the line of {key}"));
    }
}
