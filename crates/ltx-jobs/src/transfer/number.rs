//! How many connections a transfer has: as many as its caller asked for, or as many as are found to help.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::transfer::connections::{Controller, Window};

/// Connections at most, where the caller does not ask for another number.
pub(crate) const MOST: usize = 8;

/// How often it is looked after the connections of a caller who asked for a number.
const LOOK: Duration = Duration::from_millis(200);

/// See the module's first lines.
pub(crate) enum Number {
    Asked(usize),
    Measured(Controller),
}

impl Number {
    pub(crate) fn get(&self) -> usize {
        match self {
            Self::Asked(number) => *number,
            Self::Measured(controller) => controller.connections(),
        }
    }

    /// How long to wait before it is looked at again.
    pub(crate) fn window(&self) -> Duration {
        match self {
            Self::Asked(_) => LOOK,
            Self::Measured(controller) => controller.window(),
        }
    }

    /// A window has passed. Tells the number before and now, when it is another one.
    pub(crate) fn after(&mut self, window: Window) -> Option<(usize, usize)> {
        let Self::Measured(controller) = self else { return None };
        let before = controller.connections();
        let now = controller.after(window);
        (now != before).then_some((before, now))
    }

    /// The line or the storage takes no more than so many.
    pub(crate) fn refused_beyond(&mut self, connections: usize) {
        match self {
            Self::Asked(number) => *number = connections.clamp(1, *number),
            Self::Measured(controller) => controller.refused_beyond(connections),
        }
    }
}

/// Whether an error says something of one connection rather than of the object, the disk or the caller.
pub(crate) fn is_of_the_line(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Tls
            | ErrorKind::Proxy
            | ErrorKind::RequestTimeout
            | ErrorKind::Stalled
            | ErrorKind::ConnectionLost
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Protocol
    )
}
