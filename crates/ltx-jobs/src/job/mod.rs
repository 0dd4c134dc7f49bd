//! A job on the service, as a handle: look at it, poll it, wait for it. And what it leaves when it completes.

mod cell;
mod completed;
mod destination;
mod frames;
mod handle;
mod reference;
mod remote;
mod state;

pub(crate) use cell::{Given, JobCell};
pub use completed::{Completed, Download, Output};
pub use destination::Destination;
pub use frames::{ExtractFrames, Frame, FrameStream, Frames, OpenFrames, PublishedFrame, ReadFrame, StreamFrames};
pub(crate) use handle::WatchedElsewhere;
pub use handle::{Job, Poll, Wait};
pub use reference::JobRef;
pub(crate) use reference::check_segment;
pub use remote::{OpenOutput, ReadRange, RemoteFile};
pub use state::Snapshot;
pub(crate) use state::{Ending, Life, Next, Observation, Results, expired};
