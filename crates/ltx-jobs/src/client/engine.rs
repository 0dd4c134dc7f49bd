//! What a client needs while it works, bound to one runtime: the lanes and the poll actor.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::schedule::{Rhythm, Schedule, Surroundings};
use crate::transport::Transport;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) runtime: Handle,
    pub(crate) transport: Transport,
    pub(crate) schedule: Schedule,
}

impl Engine {
    /// Must run inside the runtime the engine shall be bound to.
    pub(super) async fn start(client: &Client) -> Result<Self> {
        let runtime = Handle::current();
        let settings = client.settings();
        // Reads the system's certificates: some milliseconds of disk.
        let transport = tokio::task::spawn_blocking({
            let (settings, tally) = (settings.clone(), Arc::clone(&client.0.tally));
            move || Transport::new(&settings, tally)
        })
        .await
        .map_err(|_| Error::new(ErrorKind::Closed, "the client was closed"))??;
        let surroundings = Surroundings {
            transport: transport.clone(),
            keys: Arc::clone(&client.0.keys),
            journal: Arc::clone(&client.0.journal),
            job_ended: Arc::clone(&client.0.job_ended),
            rhythm: Rhythm {
                interval: settings.poll_interval,
                timeout: settings.poll_timeout,
                backoff_base: settings.backoff_base,
                backoff_cap: settings.backoff_cap,
            },
        };
        let schedule = Schedule::start(&runtime, surroundings, client.stop_token().clone());
        Ok(Self {
            runtime,
            transport,
            schedule,
        })
    }
}
