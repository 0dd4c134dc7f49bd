//! A free look at whether key, address, proxy and certificates work: one GET of a job that cannot exist.

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::{Operation, Running, cancelled};
use crate::telemetry::POLL;

/// A job that no service has.
const IMPOSSIBLE: &str = "/v2/video-to-video-hdr/00000000-0000-0000-0000-000000000000";

impl Client {
    /// Asks the service for a job that cannot exist. Costs nothing.
    ///
    /// # Errors
    /// `Unauthenticated` when the key is refused, `Journal` when the journal cannot be used, `Gateway` when something else answered, and those of the network.
    pub fn check(&self) -> Check {
        Check { client: self.clone() }
    }
}

/// What [`Client::check`] found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// From the call to the answer, connecting included.
    pub elapsed: Duration,
    /// How many submits to this service the journal knows.
    pub submits: usize,
}

/// A check being prepared; see [`Client::check`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Check {
    client: Client,
}

impl Check {
    /// Starts the check on the runtime.
    pub fn start(self) -> Operation<Checked> {
        let client = self.client.clone();
        client.run(tracing::info_span!(target: POLL, "check"), move |engine, work| async move {
            let began = Instant::now();
            let key = self.client.keys().current()?;
            let answer = tokio::select! {
                answer = engine.transport.api_get(IMPOSSIBLE, &key, self.client.settings().poll_timeout) => answer.map_err(|failure| failure.into_error("check"))?,
                () = work.cancel.cancelled() => return Err(self.client.closed_instead(cancelled("the check"))),
            };
            let error = answer.to_error("check");
            match error.kind() {
                // Exactly what the service says of an id it does not know.
                ErrorKind::NotFound => {
                    let elapsed = began.elapsed();
                    // The journal has to be usable too: without it nothing is submitted.
                    let submits = self.client.journaled(|journal| Ok(journal.entries()?.len())).await?;
                    Ok(Checked { request_id: answer.request_id(), elapsed, submits })
                }
                _ if (200..300).contains(&answer.status) => Err(Error::new(
                    ErrorKind::Protocol,
                    format!("check: status {} for a job that cannot exist; this is not the service{}", answer.status, answer.excerpt()),
                )
                .with_http_status(answer.status)),
                _ => Err(error),
            }
        })
    }
}

impl IntoFuture for Check {
    type Output = Result<Checked>;
    type IntoFuture = Running<Checked>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}
