//! What a caller may ask of every operation on frames: how much of the line it takes, who hears of it, and who ends it.

use crate::operation::Watch;

/// See the module's first lines.
#[derive(Debug, Clone, Default)]
pub(in crate::job) struct Wishes {
    /// Connections; the client's setting when `None`.
    pub(in crate::job) connections: Option<usize>,
    /// Bytes per second, for all connections together.
    pub(in crate::job) bandwidth: Option<u64>,
    pub(in crate::job) watch: Watch,
}
