//! Bodies that tell whether they still move: a request to an object store has no total time limit, only one for standing still.
//!
//! A part of eight mebibytes takes a minute on a slow line, and that is well; nothing for `stall_timeout` is not.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::{Failure, FailureKind};

/// Bytes given to the connection at once: so small that a line of 100 kB/s takes one within the shortest useful limit.
const SLICE: usize = 128 << 10;

/// When a request moved last.
#[derive(Clone)]
pub(super) struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once nothing has moved for so long.
    pub(super) async fn stopped(&self, limit: Duration) {
        loop {
            let due = self.last() + limit;
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

/// The failure of a request that stands still.
pub(super) fn stopped(limit: Duration) -> Failure {
    Failure::new(FailureKind::Timeout, format!("nothing moved for {limit:?}"))
}

/// A request's body in slices, each of them a beat.
pub(super) struct Sliced<B> {
    body: B,
    pulse: Pulse,
    rest: Bytes,
}

impl<B: Body<Data = Bytes> + Unpin> Sliced<B> {
    pub(super) fn new(body: B, pulse: Pulse) -> Self {
        Self {
            body,
            pulse,
            rest: Bytes::new(),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Sliced<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.pulse.beat();
        while self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let count = self.rest.len().min(SLICE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(count)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// An answer's body that fails when nothing of it comes for `limit`.
pub(crate) struct Guarded<B: Body> {
    body: B,
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
    failure: fn(B::Error) -> Failure,
}

impl<B: Body<Data = Bytes> + Unpin> Guarded<B> {
    pub(super) fn new(body: B, limit: Duration, failure: fn(B::Error) -> Failure) -> Self {
        Self {
            body,
            limit,
            alarm: Box::pin(tokio::time::sleep(limit)),
            failure,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Guarded<B> {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let due = Instant::now() + self.limit;
                self.alarm.as_mut().reset(due);
                let failure = self.failure;
                Poll::Ready(frame.map(|frame| frame.map_err(failure)))
            }
            Poll::Pending => match self.alarm.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(stopped(self.limit)))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full, StreamBody};

    #[tokio::test]
    async fn a_body_goes_out_in_slices_and_says_its_length() {
        let content: Vec<u8> = (0..SLICE * 2 + 7).map(|index| index as u8).collect();
        let mut body = Sliced::new(Full::new(Bytes::from(content.clone())), Pulse::new());
        assert_eq!(body.size_hint().exact(), Some(content.len() as u64));
        let mut sizes = Vec::new();
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            let bytes = frame.unwrap().into_data().unwrap();
            sizes.push(bytes.len());
            seen.extend_from_slice(&bytes);
            assert_eq!(body.size_hint().exact(), Some((content.len() - seen.len()) as u64));
        }
        assert_eq!(sizes, [SLICE, SLICE, 7]);
        assert_eq!(seen, content);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_request_that_stands_still_is_given_up() {
        let limit = Duration::from_secs(30);
        let pulse = Pulse::new();
        let began = Instant::now();
        let moving = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                pulse.beat();
            }
        };
        tokio::join!(moving, pulse.stopped(limit));
        assert_eq!(began.elapsed(), Duration::from_secs(130));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stops_in_the_middle_fails() {
        let limit = Duration::from_secs(30);
        let pieces = futures_util::stream::unfold(0, |turn| async move {
            match turn {
                0..3 => tokio::time::sleep(Duration::from_secs(20)).await,
                _ => std::future::pending().await,
            }
            Some((Ok::<_, Failure>(Frame::data(Bytes::from_static(b"x"))), turn + 1))
        });
        let mut body = Guarded::new(StreamBody::new(Box::pin(pieces)), limit, |failure| failure);
        for _ in 0..3 {
            assert!(body.frame().await.unwrap().is_ok());
        }
        let failure = body.frame().await.unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Timeout);
    }
}
