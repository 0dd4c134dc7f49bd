//! A paid submit and what follows: the same way for every endpoint and for `submit`.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{OnUnknown, Request};
use serde_json::{Value, json};

use crate::args::{EndpointArgs, PaidArgs, SaveArgs, SettingFlags, SubmitArgs};
use crate::asked::Asked;
use crate::endpoints;
use crate::estimate;
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::show::Show;

/// What was ordered.
pub(crate) struct Order<'a> {
    asked: Asked,
    paid: &'a PaidArgs,
    wait: bool,
    timeout: Option<Duration>,
    save: Option<(&'a Path, &'a SaveArgs)>,
}

impl<'a> Order<'a> {
    pub(crate) fn of_endpoint(args: &'a EndpointArgs) -> Self {
        Self {
            asked: args.asked.clone(),
            paid: &args.paid,
            wait: !args.run.no_wait,
            timeout: args.run.timeout,
            save: args.run.out.as_deref().map(|out| (out, &args.run.save)),
        }
    }

    pub(crate) fn of_submit(args: &'a SubmitArgs) -> Self {
        // Our own short names are taken here too; every other name is the service's.
        let endpoint = endpoints::named(&args.endpoint).map_or(args.endpoint.as_str(), |known| known.name);
        let fields = args.fields.iter().chain(&args.files).cloned().collect();
        Self {
            asked: Asked::new(endpoint, fields).at(args.paid.path.clone()),
            paid: &args.paid,
            wait: args.wait || args.out.is_some(),
            timeout: args.timeout,
            save: args.out.as_deref().map(|out| (out, &args.save)),
        }
    }
}

/// Submits (billed); then waits and saves, as far as that was asked for.
pub(crate) async fn run(
    order: &Order<'_>,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let request = order.asked.request()?;
    // A submit checks as well, and logs the warnings; here before anything else is looked at, so that the first mistake told is the one in the request.
    let warnings = request.check()?;
    if order.paid.dry_run {
        return dry_run(order, request, &warnings, settings, show, interrupt).await;
    }
    let client = job::client(settings)?;
    let mut submit = client
        .submit(request)
        .on_unknown(OnUnknown::from(order.paid.on_unknown));
    if let Some(key) = &order.paid.once {
        submit = submit.once(key);
    }
    if let Some(label) = &order.paid.label {
        submit = submit.label(label);
    }
    if let Some(limit) = order.paid.max_cost {
        submit = submit.max_cost(limit);
    }
    if let Some((out, how)) = order.save {
        // For `recover`, should this process not live to save them.
        submit = submit.dest(how.destination(out));
    }
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::wait(settings, order.save),
    };
    let job = guide.submit(&submit.start(), order.asked.job_endpoint()).await?;
    if order.wait {
        return guide.bring_home(&job, order.timeout, order.save).await;
    }
    show.clear();
    show.line(&job.reference().to_string());
    if let Some(command) = guide.go_on.with_job(job.reference())
        && !show.is_json()
    {
        show.note(&format!("go on with: {command}"));
    }
    Ok(())
}

/// Looks at the files and at the price, and asks nobody. Ends as the submit would that is refused on this machine.
async fn dry_run(
    order: &Order<'_>,
    request: Request,
    warnings: &[String],
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let mut shown = order.asked.shown()?;
    let (price, spend_limit) = estimate::price(request, settings, show, interrupt).await?;
    if let Some(fields) = shown.as_object_mut() {
        let max_cost = order.paid.max_cost.as_ref().map(ToString::to_string);
        for (name, given) in [
            ("once", &order.paid.once),
            ("label", &order.paid.label),
            ("max_cost", &max_cost),
        ] {
            if let Some(text) = given {
                fields.insert(name.to_owned(), Value::String(text.clone()));
            }
        }
        fields.insert("estimate".to_owned(), price.fields());
    }
    show.line(&format!("{shown:#}"));
    show.event("dry_run", json!({ "request": shown, "warnings": warnings }));
    if !show.is_json() {
        for warning in warnings {
            show.note(&format!("warning: {warning}"));
        }
        show.note(&price.sentence());
    }
    price.within("max_cost", order.paid.max_cost)?;
    price.within("spend_limit", spend_limit)
}
