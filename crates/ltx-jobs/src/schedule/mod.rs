//! The actor that polls all live jobs of a client: one task, one timer queue, a bounded number of polls in flight, one gate for `Retry-After`.
//!
//! Jobs submitted through the client are polled whether or not a handle lives; attached ones while somebody waits. There is no attempt limit: a job is
//! paid for, only its end ends the polling. The actor is bound to the runtime it was started in; when that is gone, the client starts another.

mod actor;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobCell, Snapshot};
use crate::journal::Journal;
use crate::keys::Keys;
use crate::transport::Transport;

/// Polls in flight at most: below the 100 streams an HTTP/2 server usually grants a connection.
const POLLS_IN_FLIGHT: usize = 64;

/// So many intervals lie between two polls of a job that another process waits for: it tells of the end, unless it dies.
const INTERVALS_APART: u32 = 12;

/// And they are never further apart than this, unless all polls are.
const LONGEST_APART: Duration = Duration::from_secs(3600);

/// How and when to poll.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) backoff_base: Duration,
    pub(crate) backoff_cap: Duration,
}

/// What the actor needs of its client.
pub(crate) struct Surroundings {
    pub(crate) transport: Transport,
    pub(crate) keys: Arc<Keys>,
    pub(crate) journal: Arc<dyn Journal>,
    /// Told whenever a job ends, so that a submit that waits for room tries again.
    pub(crate) job_ended: Arc<Notify>,
    pub(crate) rhythm: Rhythm,
}

pub(crate) enum Command {
    /// Poll this job from now on. `fresh` when it was accepted just now.
    Track {
        cell: Arc<JobCell>,
        fresh: bool,
        /// The span in which that came up: the job's own follows from it.
        cause: Span,
    },
    /// Ask once, now, and report what was seen.
    PollOnce {
        cell: Arc<JobCell>,
        reply: oneshot::Sender<Result<Snapshot>>,
    },
    /// This job, which is waited for, may have ended: another process said so, or waits for it no longer.
    AskNow { cell: Arc<JobCell> },
    /// There is a new key.
    KeyChanged,
}

/// The handle to the actor.
#[derive(Clone)]
pub(crate) struct Schedule(mpsc::UnboundedSender<Command>);

impl Schedule {
    pub(crate) fn start(runtime: &Handle, surroundings: Surroundings, stop: CancellationToken) -> Self {
        let (sender, inbox) = mpsc::unbounded_channel();
        runtime.spawn(actor::Actor::new(surroundings).run(inbox, stop));
        Self(sender)
    }

    /// Whether the actor is gone, with its runtime.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) fn track(&self, cell: Arc<JobCell>, fresh: bool) {
        let _ = self.0.send(Command::Track {
            cell,
            fresh,
            cause: Span::current(),
        });
    }

    pub(crate) fn ask_now(&self, cell: Arc<JobCell>) {
        let _ = self.0.send(Command::AskNow { cell });
    }

    pub(crate) fn key_changed(&self) {
        let _ = self.0.send(Command::KeyChanged);
    }

    pub(crate) async fn poll_once(&self, cell: Arc<JobCell>) -> Result<Snapshot> {
        let (reply, answer) = oneshot::channel();
        let closed = || Error::new(ErrorKind::Closed, "the client was closed while it polled");
        self.0.send(Command::PollOnce { cell, reply }).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}
