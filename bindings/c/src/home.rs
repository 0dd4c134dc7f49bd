//! What a client shares with everything that came from it: the process it belongs to, and the desk for its callbacks.

use std::sync::Arc;

use ltx_jobs::Error;

use crate::callbacks::Callbacks;
use crate::desk::{Desk, Seat};
use crate::process::Owner;

/// Shared by a client and its jobs, operations and results.
#[derive(Clone, Default)]
pub(crate) struct Home {
    pub(crate) owner: Owner,
    pub(crate) desk: Arc<Desk>,
}

impl Home {
    /// Before an operation begins: the process is the right one, and its callbacks, if it has any, can be delivered.
    pub(crate) fn begin(&self, callbacks: Option<Callbacks>) -> Result<Option<Seat>, Error> {
        self.owner.begin()?;
        callbacks.map(|callbacks| self.desk.seat(callbacks)).transpose()
    }
}
