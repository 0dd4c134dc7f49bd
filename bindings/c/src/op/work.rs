//! What runs behind an operation's handle: any of the core's operations, its outcome once it ended, and the threads that wait for several at once.

use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use ltx_jobs::{
    Bytes, Checked, Completed, Error, ErrorKind, Estimate, Frames, Job, JournaledSubmit, Operation, Progress,
    Recovered, Saved,
};

use crate::extract::Published;
use crate::home::Home;

/// What an operation ends with.
pub(crate) enum Product {
    Job(Job),
    Result(Box<Completed>),
    Saved(Saved),
    Frames(Frames),
    Buffer(Bytes),
    Uri(String),
    Estimate(Estimate),
    Submits(Vec<JournaledSubmit>),
    Recovered(Box<Recovered>),
    Checked(Box<Checked>),
    Nothing,
}

impl Product {
    fn name(&self) -> &'static str {
        match self {
            Self::Job(_) => "a job",
            Self::Result(_) => "a result",
            Self::Saved(_) => "saved files",
            Self::Frames(_) => "a list of frames",
            Self::Buffer(_) => "a frame's bytes",
            Self::Uri(_) => "an address",
            Self::Estimate(_) => "an estimate",
            Self::Submits(_) => "a list of submits",
            Self::Recovered(_) => "what was recovered",
            Self::Checked(_) => "what was checked",
            Self::Nothing => "nothing to take",
        }
    }

    /// What it says went wrong: a report can be made of a failure.
    fn failure(&self) -> Option<Error> {
        match self {
            Self::Checked(checked) => checked.error().cloned(),
            _ => None,
        }
    }
}

/// The core's operation without its type.
trait Work: Send + Sync {
    fn snapshot(&self) -> Progress;
    fn wait(&self, timeout: Option<Duration>) -> bool;
    fn cancel(&self);
    fn take(&self) -> Option<Result<Product, Error>>;
}

struct Typed<T, P> {
    operation: Operation<T>,
    product: P,
}

impl<T: Send + 'static, P: Fn(T) -> Product + Send + Sync> Work for Typed<T, P> {
    fn snapshot(&self) -> Progress {
        self.operation.snapshot()
    }

    fn wait(&self, timeout: Option<Duration>) -> bool {
        self.operation.wait(timeout)
    }

    fn cancel(&self) {
        self.operation.cancel();
    }

    fn take(&self) -> Option<Result<Product, Error>> {
        Some(self.operation.take()?.map(&self.product))
    }
}

/// How it ended. What was made is there until it is taken.
enum Outcome {
    Made {
        product: Option<Product>,
        name: &'static str,
        failure: Option<Error>,
    },
    Failed(Error),
}

pub(crate) struct Ongoing {
    work: Box<dyn Work>,
    outcome: Mutex<Option<Outcome>>,
    waiters: Arc<Waiters>,
    pub(crate) reference: Option<CString>,
    pub(crate) uri: OnceLock<CString>,
    /// Of an extraction: its frames that are under their names.
    pub(crate) published: Option<Arc<Published>>,
    pub(crate) home: Home,
}

/// What an operation has come to, seen from outside.
pub(crate) enum State {
    Running,
    Succeeded,
    Failed(Error),
}

impl Ongoing {
    pub(crate) fn new<T: Send + 'static>(
        operation: Operation<T>,
        product: impl Fn(T) -> Product + Send + Sync + 'static,
        reference: Option<CString>,
        home: &Home,
    ) -> Self {
        let waiters = Arc::new(Waiters::default());
        let ring = Arc::clone(&waiters);
        operation.on_end(move || ring.ring());
        Self {
            work: Box::new(Typed { operation, product }),
            outcome: Mutex::default(),
            waiters,
            reference,
            uri: OnceLock::new(),
            published: None,
            home: home.clone(),
        }
    }

    pub(crate) fn snapshot(&self) -> Progress {
        self.work.snapshot()
    }

    pub(crate) fn cancel(&self) {
        self.work.cancel();
    }

    /// Parks until it has ended or the time is up.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> State {
        if self.work.wait(timeout) {
            self.state()
        } else {
            State::Running
        }
    }

    pub(crate) fn state(&self) -> State {
        match &*self.settled() {
            None => State::Running,
            Some(Outcome::Made { failure: None, .. }) => State::Succeeded,
            Some(
                Outcome::Made {
                    failure: Some(error), ..
                }
                | Outcome::Failed(error),
            ) => State::Failed(error.clone()),
        }
    }

    /// The product, once, if it is of the kind that `pick` takes; `None` while it runs.
    pub(crate) fn take<R>(
        &self,
        wanted: &str,
        pick: impl FnOnce(Product) -> Result<R, Product>,
    ) -> Result<Option<R>, Error> {
        let refuse = |text: String| Err(Error::from_face(ErrorKind::InvalidState, text));
        match &mut *self.settled() {
            None => Ok(None),
            Some(Outcome::Failed(error)) => Err(error.clone()),
            Some(Outcome::Made { product, name, .. }) => match product.take() {
                None => refuse(format!("{name} was taken from this operation already")),
                Some(made) => match pick(made) {
                    Ok(picked) => Ok(Some(picked)),
                    Err(other) => {
                        *product = Some(other);
                        refuse(format!("this operation gives {name}, not {wanted}"))
                    }
                },
            },
        }
    }

    fn settled(&self) -> MutexGuard<'_, Option<Outcome>> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_none() {
            *outcome = self.work.take().map(|ended| match ended {
                Ok(product) => Outcome::Made {
                    name: product.name(),
                    failure: product.failure(),
                    product: Some(product),
                },
                Err(error) => Outcome::Failed(error),
            });
        }
        outcome
    }
}

/// Parks until one of the operations has ended, and gives its index; `None` when the time is up.
pub(crate) fn wait_any(ops: &[&Ongoing], timeout: Option<Duration>) -> Option<usize> {
    let bell = Arc::new(Bell::default());
    for op in ops {
        op.waiters.join(&bell);
    }
    let ended = || ops.iter().position(|op| op.work.wait(Some(Duration::ZERO)));
    let found = bell.listen(timeout, ended);
    for op in ops {
        op.waiters.leave(&bell);
    }
    found
}

/// One thread that waits for several operations.
#[derive(Default)]
struct Bell {
    rung: Mutex<()>,
    ring: Condvar,
}

impl Bell {
    fn listen<T>(&self, timeout: Option<Duration>, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        // Looking happens under the lock that ringing takes: what ends after the look rings after the park.
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            rung = match deadline {
                None => self.ring.wait(rung).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    self.ring
                        .wait_timeout(rung, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}

/// The threads to wake when an operation ends.
#[derive(Default)]
struct Waiters(Mutex<Vec<Weak<Bell>>>);

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Bell>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, bell: &Arc<Bell>) {
        self.lock().push(Arc::downgrade(bell));
    }

    fn leave(&self, bell: &Arc<Bell>) {
        self.lock()
            .retain(|known| !std::ptr::eq(known.as_ptr(), Arc::as_ptr(bell)));
    }

    fn ring(&self) {
        let bells = std::mem::take(&mut *self.lock());
        for bell in bells.iter().filter_map(Weak::upgrade) {
            let _rung = bell.rung.lock().unwrap_or_else(PoisonError::into_inner);
            bell.ring.notify_all();
        }
    }
}
