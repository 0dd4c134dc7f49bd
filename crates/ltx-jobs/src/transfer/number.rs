//! How many connections a transfer has: as many as its caller asked for, or as many as are found to help.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::transfer::connections::{Controller, Refusal, Window};

/// Connections at most, where the caller does not ask for another number.
pub(crate) const MOST: usize = 8;

/// How often it is looked after the connections of a caller who asked for a number.
const LOOK: Duration = Duration::from_millis(200);

/// See the module's first lines.
pub(crate) enum Number {
    Asked(Asked),
    Measured(Controller),
}

/// A number that was asked for, and what there may be of it at present.
pub(crate) struct Asked {
    asked: usize,
    now: usize,
    refusal: Refusal,
}

impl Number {
    pub(crate) fn asked(number: usize) -> Self {
        Self::Asked(Asked {
            asked: number,
            now: number,
            refusal: Refusal::default(),
        })
    }

    pub(crate) fn get(&self) -> usize {
        match self {
            Self::Asked(asked) => asked.now,
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
        let before = self.get();
        match self {
            Self::Asked(asked) => {
                if asked.refusal.is_over_after(window.length) {
                    asked.now = asked.asked;
                }
            }
            Self::Measured(controller) => {
                controller.after(window);
            }
        }
        let now = self.get();
        (now != before).then_some((before, now))
    }

    /// The storage answers no ranges: never more than one.
    pub(crate) fn only_one(&mut self) {
        match self {
            Self::Asked(asked) => (asked.asked, asked.now) = (1, 1),
            Self::Measured(controller) => controller.only_one(),
        }
    }

    /// The line or the storage takes no more than so many, for a while.
    pub(crate) fn refused_beyond(&mut self, connections: usize) {
        match self {
            Self::Asked(asked) => {
                asked.refusal.again();
                asked.now = connections.clamp(1, asked.now);
            }
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
