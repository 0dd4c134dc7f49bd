//! A running operation: what every face stands on.
//!
//! The work always runs on the runtime, never on the caller's thread. The handle looks at it from memory ([`Operation::snapshot`]), waits for its end by
//! parking ([`Operation::wait`]) or by awaiting it, cancels it, and takes its result once. Any number of threads may use one handle at the same time.
//!
//! An operation always ends with an outcome: work that panics ends as `Internal`, work whose runtime is shut down ends as `Closed`.

mod cell;
mod watch;

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::cell::{Cell, Finisher};
pub(crate) use self::watch::Watch;
use crate::error::{Billing, Error, ErrorKind, Result};
use crate::job::JobRef;
use crate::progress::{Progress, ProgressSink};

/// A piece of work in progress that ends with a `T`. Clones are handles to the same work; dropping them neither ends nor cancels it.
pub struct Operation<T> {
    cell: Arc<Cell<T>>,
    cancel: CancellationToken,
    progress: ProgressSink,
}

/// What the work itself gets.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) cancel: CancellationToken,
    pub(crate) progress: ProgressSink,
    meaning: Meaning,
}

impl Work {
    /// Says what it means for the bill when the work is dropped from now on, because its runtime ends or it panics.
    pub(crate) fn if_dropped(&self, billing: Billing, job: &JobRef) {
        *self.meaning.lock().unwrap_or_else(PoisonError::into_inner) = Some((billing, job.clone()));
    }
}

/// The bill and the job of work that is dropped; nothing is owed when it is not said.
type Meaning = Arc<Mutex<Option<(Billing, JobRef)>>>;

impl<T: Send + 'static> Operation<T> {
    /// Starts `work` on the runtime. `parent` cancels it as well.
    pub(crate) fn spawn<F, W>(runtime: &Handle, parent: &CancellationToken, work: W) -> Self
    where
        W: FnOnce(Work) -> F,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let operation = Self {
            cell: Arc::new(Cell::new()),
            cancel: parent.child_token(),
            progress: ProgressSink::new(),
        };
        let meaning = Meaning::default();
        let finisher = Finisher::new(Arc::clone(&operation.cell), Arc::clone(&meaning));
        let future = work(Work {
            cancel: operation.cancel.clone(),
            progress: operation.progress.clone(),
            meaning,
        });
        runtime.spawn(async move { finisher.finish(future.await) });
        operation
    }

    /// An operation that has ended already.
    pub(crate) fn ended(outcome: Result<T>) -> Self {
        let cell = Arc::new(Cell::new());
        Finisher::new(Arc::clone(&cell), Meaning::default()).finish(outcome);
        Self {
            cell,
            cancel: CancellationToken::new(),
            progress: ProgressSink::new(),
        }
    }

    /// How far it is, from memory: never blocks for network, disk or the work itself.
    pub fn snapshot(&self) -> Progress {
        self.progress.snapshot()
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.cell.is_ended()
    }

    /// Parks the calling thread until the operation ends or the time is up; `None` has no limit, zero only looks. True when it has ended.
    ///
    /// A time-out ends only this wait. Not for async code: `await` the operation there.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.cell.wait(timeout)
    }

    /// Asks the work to stop; returns at once, from any thread, as often as wanted.
    ///
    /// Stops our work and pays nothing back: a remote job goes on, and a paid POST that is on the wire is finished and written down.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The outcome, once. `None` while it runs.
    ///
    /// # Errors
    /// `InvalidState` when it was taken before.
    pub fn take(&self) -> Option<Result<T>> {
        self.cell.take()
    }

    /// The error it ended with, if it did and the outcome was not taken yet.
    pub fn error(&self) -> Option<Error> {
        self.cell.error()
    }

    /// Calls `hook` once when the operation ends, on the thread that ends it, or at once when it has ended. It must not block.
    pub fn on_end(&self, hook: impl FnOnce() + Send + 'static) {
        self.cell.on_end(Box::new(hook));
    }
}

impl<T> Clone for Operation<T> {
    fn clone(&self) -> Self {
        Self {
            cell: Arc::clone(&self.cell),
            cancel: self.cancel.clone(),
            progress: self.progress.clone(),
        }
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("ended", &self.cell.is_ended())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> IntoFuture for Operation<T> {
    type Output = Result<T>;
    type IntoFuture = Running<T>;

    fn into_future(self) -> Running<T> {
        Running(self)
    }
}

/// An operation being awaited. Dropping it cancels the operation, in the sense of [`Operation::cancel`].
#[must_use = "futures do nothing unless awaited"]
pub struct Running<T>(Operation<T>);

impl<T> fmt::Debug for Running<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Send + 'static> Future for Running<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.cell.poll_take(context)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if !self.0.cell.is_ended() {
            self.0.cancel.cancel();
        }
    }
}

/// The error of an operation that stopped because somebody asked for it.
pub(crate) fn cancelled(what: &str) -> Error {
    Error::new(ErrorKind::Cancelled, format!("{what} was cancelled"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn a_thread_waits_without_a_runtime_of_its_own_and_takes_the_result_once() {
        let runtime = runtime();
        let operation = Operation::spawn(runtime.handle(), &CancellationToken::new(), |_| async { Ok(7) });
        assert!(operation.wait(None));
        assert_eq!(operation.take().unwrap().unwrap(), 7);
        assert_eq!(operation.take().unwrap().unwrap_err().kind(), ErrorKind::InvalidState);
    }

    #[test]
    fn a_time_out_ends_only_the_wait() {
        let runtime = runtime();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let operation = Operation::spawn(runtime.handle(), &CancellationToken::new(), |_| async move {
            released.await.map_err(|_| cancelled("test"))?;
            Ok(())
        });
        assert!(!operation.wait(Some(Duration::from_millis(5))));
        assert!(!operation.wait(Some(Duration::ZERO)));
        release.send(()).unwrap();
        assert!(operation.wait(None));
    }

    #[test]
    fn work_that_panics_ends_as_internal() {
        let runtime = runtime();
        let operation: Operation<()> = Operation::spawn(runtime.handle(), &CancellationToken::new(), |_| async {
            panic!("on purpose")
        });
        assert!(operation.wait(None));
        let error = operation.take().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.billing()), (ErrorKind::Internal, &Billing::NoJob));
    }

    #[test]
    fn work_that_panics_tells_what_it_was_about_for_the_bill() {
        let (runtime, job) = (runtime(), JobRef::job("retake", "x").unwrap());
        let billing = Billing::JobExists(Some(job.clone()));
        let (meant, of) = (billing.clone(), job.clone());
        let operation: Operation<()> =
            Operation::spawn(runtime.handle(), &CancellationToken::new(), |work| async move {
                work.if_dropped(meant, &of);
                panic!("on purpose")
            });
        assert!(operation.wait(None));
        let error = operation.take().unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.billing(), error.job()),
            (ErrorKind::Internal, &billing, Some(&job))
        );
    }

    #[test]
    fn work_whose_runtime_ends_is_closed_and_its_waiters_wake() {
        let runtime = runtime();
        let operation: Operation<()> =
            Operation::spawn(runtime.handle(), &CancellationToken::new(), |_| std::future::pending());
        let waiter = std::thread::spawn({
            let operation = operation.clone();
            move || operation.wait(None)
        });
        runtime.shutdown_background();
        assert!(waiter.join().unwrap());
        assert_eq!(operation.take().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }

    #[test]
    fn hooks_run_once_also_when_registered_late() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let runtime = runtime();
        let operation = Operation::spawn(runtime.handle(), &CancellationToken::new(), |_| async { Ok(()) });
        let early = sender.clone();
        operation.on_end(move || early.send("early").unwrap());
        assert!(operation.wait(None));
        operation.on_end(move || sender.send("late").unwrap());
        let mut heard: Vec<&str> = receiver.iter().collect();
        heard.sort_unstable();
        assert_eq!(heard, ["early", "late"]);
    }

    #[tokio::test]
    async fn dropping_the_future_cancels_the_work() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let operation: Operation<()> =
            Operation::spawn(&Handle::current(), &CancellationToken::new(), |work| async move {
                work.cancel.cancelled().await;
                sender.send(()).unwrap();
                Err(cancelled("test"))
            });
        drop(operation.into_future());
        receiver.await.unwrap();
    }
}
