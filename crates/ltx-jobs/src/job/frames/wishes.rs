//! What a caller may ask of every operation on frames: how much of the line it takes, who hears of it, and who ends it.

use crate::operation::Watch;

/// See the module's first lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    /// Connections; the client's setting when `None`.
    pub(super) connections: Option<usize>,
    /// Bytes per second, for all connections together.
    pub(super) bandwidth: Option<u64>,
    pub(super) watch: Watch,
}
