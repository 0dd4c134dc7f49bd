//! What a request would cost: `ltx-jobs estimate`, and the price in a dry run. Looks at local files, asks nobody, and needs no key.

use ltx_jobs::{Client, ErrorKind, Estimate, Request, Usd};
use serde_json::{Value, json};

use crate::args::{EstimateArgs, SettingFlags};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::Guide;
use crate::show::Show;

/// Stands where a key must be; it is never sent.
const NO_KEY: &str = "none";

/// Says what it would cost, or fails with the figure that is missing.
pub(crate) async fn run(
    args: &EstimateArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let request = args.asked.request()?;
    let warnings = request.check()?;
    if !show.is_json() {
        for warning in &warnings {
            show.note(&format!("warning: {warning}"));
        }
    }
    match price(request, settings, show, interrupt).await?.0 {
        Price::Known(estimate) => {
            show.event(
                "estimate",
                json!({
                    "endpoint": args.asked.endpoint(),
                    "usd": estimate.usd.to_string(),
                    "basis": estimate.basis,
                    "warnings": warnings,
                }),
            );
            show.line(&sentence(&estimate));
            Ok(())
        }
        Price::Missing(error) => Err(error.into()),
    }
}

/// What is known of the price.
pub(crate) enum Price {
    Known(Estimate),
    /// No estimate can be made; the error names the figure that is missing.
    Missing(ltx_jobs::Error),
}

/// Looks at what the request costs, and gives the client's `spend_limit` with it.
///
/// # Errors
/// What a submit would be refused for on this machine.
pub(crate) async fn price(
    request: Request,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(Price, Option<Usd>), Failure> {
    let client = client(settings)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::impossible(settings),
    };
    let price = match guide.follow_simply(client.estimate(request).start()).await {
        Ok(estimate) => Price::Known(estimate),
        Err(Failure::Error(error)) if error.kind() == ErrorKind::Unsupported => Price::Missing(error),
        Err(failure) => return Err(failure),
    };
    show.clear();
    Ok((price, spend_limit(&client)))
}

/// A client that can estimate, and nothing else: it needs no key.
pub(crate) fn client(settings: &SettingFlags) -> Result<Client, Failure> {
    let builder = settings.apply(Client::builder())?;
    Ok(builder.environment().api_key(NO_KEY).build()?)
}

/// The client's `spend_limit`.
pub(crate) fn spend_limit(client: &Client) -> Option<Usd> {
    let settings = client.describe();
    let limit = settings.iter().find(|(key, ..)| *key == "spend_limit");
    limit.and_then(|(_, value, _)| value.parse().ok())
}

impl Price {
    /// As fields of a dry run.
    pub(crate) fn fields(&self) -> Value {
        match self {
            Self::Known(estimate) => json!({ "usd": estimate.usd.to_string(), "basis": estimate.basis }),
            Self::Missing(error) => json!({ "usd": null, "missing": error.message() }),
        }
    }

    /// For people.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Known(estimate) => format!("estimated cost: {}", sentence(estimate)),
            Self::Missing(error) => error.message().to_owned(),
        }
    }

    /// Refuses what a submit would be refused for by this limit.
    pub(crate) fn within(&self, name: &str, limit: Option<Usd>) -> Result<(), Failure> {
        let Some(limit) = limit else { return Ok(()) };
        let refuse = |text| Err(Failure::new(ErrorKind::CostLimit, text));
        match self {
            Self::Known(estimate) if estimate.usd > limit => {
                refuse(format!("the estimate is USD {}, above {name} = {limit}", estimate.usd))
            }
            Self::Known(_) => Ok(()),
            Self::Missing(error) => refuse(format!("{name} is set, and {}", error.message())),
        }
    }
}

fn sentence(estimate: &Estimate) -> String {
    format!("USD {}: {}", estimate.usd, estimate.basis)
}
