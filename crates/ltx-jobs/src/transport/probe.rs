//! A request body with a gate: it knows whether the transport ever pulled it, and it can be withdrawn before that.
//!
//! "Never pulled" proves that at most the head of the request left this machine, so no server can have accepted it: the only proof there is after a
//! time-out or a broken connection. Withdrawing makes the proof hold from then on: a transport that comes late finds the body gone. The body cannot be
//! cloned, so no layer below can replay it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::counters::Tally;

const UNTOUCHED: u8 = 0;
const PULLED: u8 = 1;
const WITHDRAWN: u8 = 2;

/// The gate of one body. Clones look at the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyGate(Arc<AtomicU8>);

impl BodyGate {
    /// Closes the gate. True when the body was never pulled, and now never will be.
    pub(crate) fn withdraw(&self) -> bool {
        match self
            .0
            .compare_exchange(UNTOUCHED, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(before) => before == WITHDRAWN,
        }
    }

    /// The transport wants the body. False when it was withdrawn.
    fn pull(&self) -> bool {
        match self
            .0
            .compare_exchange(UNTOUCHED, PULLED, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(before) => before == PULLED,
        }
    }
}

/// The body itself.
pub(crate) struct GatedBody {
    bytes: Option<Bytes>,
    gate: BodyGate,
    tally: Arc<Tally>,
}

impl GatedBody {
    pub(crate) fn new(bytes: Bytes, gate: BodyGate, tally: Arc<Tally>) -> Self {
        Self {
            bytes: Some(bytes),
            gate,
            tally,
        }
    }
}

/// What a transport gets that comes after the withdrawal: it breaks the request off.
#[derive(Debug)]
pub(crate) struct Withdrawn;

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was withdrawn before it was sent")
    }
}

impl std::error::Error for Withdrawn {}

impl Body for GatedBody {
    type Data = Bytes;
    type Error = Withdrawn;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Withdrawn>>> {
        if !self.gate.pull() {
            return Poll::Ready(Some(Err(Withdrawn)));
        }
        let bytes = self.bytes.take();
        if bytes.is_some() {
            self.tally.posts.one();
        }
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(body: &mut GatedBody) -> Option<Result<Bytes, Withdrawn>> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())),
            Poll::Pending => panic!("the body is in memory"),
        }
    }

    #[test]
    fn a_body_that_was_pulled_cannot_be_withdrawn() {
        let gate = BodyGate::default();
        let mut body = GatedBody::new(Bytes::from_static(b"{}"), gate.clone(), Arc::default());
        assert_eq!(pull(&mut body).unwrap().unwrap(), "{}");
        assert!(!gate.withdraw());
        assert!(pull(&mut body).is_none());
    }

    #[test]
    fn a_withdrawn_body_is_never_given_out() {
        let gate = BodyGate::default();
        let mut body = GatedBody::new(Bytes::from_static(b"{}"), gate.clone(), Arc::default());
        assert!(gate.withdraw());
        assert!(gate.withdraw(), "asking twice gives the same answer");
        assert!(pull(&mut body).unwrap().is_err());
    }
}
