//! What a request would cost, and the limits that refuse it before it is sent.

use std::future::IntoFuture;
use std::sync::Arc;

use serde_json::Value;

use super::Client;
use super::inputs::{Digest, LookedInputs};
use crate::error::{Error, ErrorKind, Result};
use crate::money::{Estimate, Known, Missing, PriceTable, Purse, Reservation, Usd, estimate};
use crate::operation::{Operation, Running, cancelled};
use crate::request::Request;
use crate::telemetry::{SUBMIT, operation_span};

impl Client {
    /// Estimates what a request would cost, from the vendor's public price lists (or the setting `prices`) and from what is in its local inputs. Sends
    /// nothing and costs nothing.
    ///
    /// An estimate is no offer: the service's own bill counts. Inputs that are addresses are not looked into, unless this client uploaded them.
    ///
    /// # Errors
    /// Those of [`Request::check`] and of local inputs; `Unsupported` when no estimate can be made: the message says which figure is missing.
    pub fn estimate(&self, request: impl Into<Request>) -> Estimating {
        Estimating {
            client: self.clone(),
            request: request.into(),
        }
    }

    /// The sum of the estimates of what this client submitted and was not given back: jobs that run or succeeded, and submits of unknown outcome. Counted
    /// only while `spend_limit` is set.
    pub fn committed(&self) -> Usd {
        self.0.spending.committed()
    }

    pub(crate) fn estimate_of(
        &self,
        request: &Request,
        looked: &LookedInputs,
    ) -> Result<std::result::Result<Estimate, Missing>> {
        let table = match &self.0.prices {
            Some(table) => Arc::clone(table),
            None => Arc::new(PriceTable::built_in()?),
        };
        let inputs = |field: &str| match looked.get(field) {
            Some(looked) => Some(looked.facts.clone()),
            None => {
                let address = request.address_of(field)?;
                self.0.uploads.facts(address)
            }
        };
        let known = Known {
            endpoint: request.endpoint(),
            params: request.params(),
            inputs: &inputs,
        };
        Ok(estimate(&known, &table))
    }

    /// Refuses a request above `max_cost` or beyond a `spend_limit`, the client's or that of `purse`, and sets its estimate aside for the latter. Where nothing
    /// is limited, what cannot be estimated is not counted.
    pub(crate) fn commit_to_cost(
        &self,
        request: &Request,
        looked: &LookedInputs,
        max_cost: Option<Usd>,
        purse: Option<&Purse>,
    ) -> Result<Commitment> {
        let own = self.settings().spend_limit.map(|limit| Purse {
            spending: Arc::clone(&self.0.spending),
            limit: Some(limit),
        });
        let purses: Vec<(&Purse, &str)> = own
            .iter()
            .map(|own| (own, "use a client with a higher spend_limit"))
            .chain(purse.map(|purse| (purse, "start the batch again with a higher spend_limit")))
            .collect();
        let limited = purses.iter().any(|(purse, _)| purse.limit.is_some());
        let limit = max_cost.map(|_| "max_cost").or(limited.then_some("spend_limit"));
        if limit.is_none() && purses.is_empty() {
            return Ok(Commitment::default());
        }
        let refuse = |text: String| Error::new(ErrorKind::CostLimit, text);
        let estimate = match (self.estimate_of(request, looked), limit) {
            (Ok(Ok(estimate)), _) => estimate,
            (_, None) => return Ok(Commitment::default()),
            (Err(error), Some(_)) => return Err(error),
            (Ok(Err(missing)), Some(name)) => {
                let text = format!(
                    "{name} is set, and no estimate can be made for {}: {missing}",
                    request.endpoint()
                );
                return Err(refuse(text).with_advice("submit without the limit, or give what is missing"));
            }
        };
        if let Some(limit) = max_cost.filter(|limit| estimate.usd > *limit) {
            return Err(refuse(format!(
                "the estimate is USD {} ({}), above max_cost = {limit}",
                estimate.usd, estimate.basis
            ))
            .with_advice("raise max_cost, or ask for less"));
        }
        let mut commitment = Commitment {
            usd: Some(estimate.usd),
            reservations: Vec::new(),
        };
        for (purse, advice) in purses {
            match purse.spending.reserve(estimate.usd, purse.limit) {
                Ok(reservation) => commitment.reservations.push(reservation),
                Err(committed) => {
                    commitment.reservations.into_iter().for_each(Reservation::refund);
                    return Err(refuse(format!(
                        "the estimate is USD {} ({}); with USD {committed} committed already that is beyond spend_limit = {}",
                        estimate.usd,
                        estimate.basis,
                        purse.limit.unwrap_or_default()
                    ))
                    .with_advice(advice));
                }
            }
        }
        Ok(commitment)
    }
}

/// What a submit is estimated to cost, set aside where there are limits.
#[derive(Debug, Default)]
pub(crate) struct Commitment {
    /// Looked at only where it is limited or counted.
    pub(crate) usd: Option<Usd>,
    pub(crate) reservations: Vec<Reservation>,
}

/// An estimate being prepared; see [`Client::estimate`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Estimating {
    client: Client,
    request: Request,
}

impl Estimating {
    /// Starts looking on the runtime.
    pub fn start(self) -> Operation<Estimate> {
        let client = self.client.clone();
        client.run(operation_span!(DEBUG, SUBMIT, "estimate"), move |_, work| async move {
            let Self { client, request } = self;
            request.check()?;
            let looked = tokio::select! {
                looked = client.look_at_inputs(&request, Digest::Later) => looked?,
                () = work.cancel.cancelled() => return Err(client.closed_instead(cancelled("the estimate"))),
            };
            for warning in &looked.warnings {
                tracing::warn!(target: SUBMIT, endpoint = request.endpoint(), "{warning}");
            }
            client.estimate_of(&request, &looked)?.map_err(|missing| {
                Error::new(
                    ErrorKind::Unsupported,
                    format!("no estimate can be made for {}: {missing}", request.endpoint()),
                )
            })
        })
    }
}

impl IntoFuture for Estimating {
    type Output = Result<Estimate>;
    type IntoFuture = Running<Estimate>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

impl Request {
    /// The address that stands in a field.
    fn address_of(&self, field: &str) -> Option<&str> {
        let given = self.media_inputs().iter().find(|(name, _)| name == field);
        match given.map(|(_, media)| media.source()) {
            Some(crate::request::MediaSource::Ready(text)) => Some(text),
            Some(_) => None,
            None => self.params().get(field).and_then(Value::as_str),
        }
    }
}
