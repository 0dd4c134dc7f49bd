//! A tokio runtime of our own, for callers that have none: the C, C++ and Python faces, and plain threads in Rust.
//!
//! Made on the first operation of a client and ended with it; a client made later gets a new one, so a plug-in can be shut down and started again in one
//! process. There is no global. A process that was forked after the runtime was made is answered with `Forked`; the child makes a client of its own.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

type ThreadHook = Arc<dyn Fn() + Send + Sync>;

/// How the threads of an own runtime are made.
#[derive(Clone)]
pub struct RuntimeOptions {
    thread_name: String,
    on_thread_start: Option<ThreadHook>,
}

impl RuntimeOptions {
    /// Threads named `ltx-io`.
    pub fn new() -> Self {
        Self {
            thread_name: "ltx-io".to_owned(),
            on_thread_start: None,
        }
    }

    /// The name of the threads; Linux shows the first 15 bytes.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// Called first on each new thread, for example to block signals there.
    #[must_use]
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_start = Some(Arc::new(hook));
        self
    }
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RuntimeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeOptions")
            .field("thread_name", &self.thread_name)
            .finish_non_exhaustive()
    }
}

/// Where a client's work runs.
pub(crate) enum Executor {
    /// On the runtime of whoever calls.
    Ambient,
    /// On a runtime of our own.
    Owned(OwnedRuntime),
}

impl Executor {
    /// The runtime for an operation that begins now.
    pub(crate) fn handle(&self) -> Result<Handle> {
        match self {
            Self::Owned(owned) => owned.handle(),
            Self::Ambient => Handle::try_current().map_err(|_| {
                Error::new(ErrorKind::Config, "there is no tokio runtime on this thread")
                    .with_advice("call from inside a tokio runtime, or build the client with own_runtime()")
            }),
        }
    }
}

/// See the module's first lines.
pub(crate) struct OwnedRuntime {
    options: RuntimeOptions,
    worker_threads: usize,
    state: Mutex<State>,
    threads: Arc<AtomicUsize>,
}

enum State {
    NotYet,
    Running(Runtime),
    Ended,
}

impl OwnedRuntime {
    pub(crate) fn new(options: RuntimeOptions, worker_threads: usize) -> Self {
        Self {
            options,
            worker_threads,
            state: Mutex::new(State::NotYet),
            threads: Arc::default(),
        }
    }

    fn handle(&self) -> Result<Handle> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::NotYet = *state {
            *state = State::Running(self.build()?);
        }
        match &*state {
            State::Running(runtime) => Ok(runtime.handle().clone()),
            State::NotYet | State::Ended => Err(Error::new(ErrorKind::Closed, "the client was closed")),
        }
    }

    fn build(&self) -> Result<Runtime> {
        let (started, stopped) = (Arc::clone(&self.threads), Arc::clone(&self.threads));
        let hook = self.options.on_thread_start.clone();
        Builder::new_multi_thread()
            .worker_threads(self.worker_threads)
            // Disk work and name resolution; idle ones go away soon, the host owns the machine.
            // Every archive being unpacked holds one, so there must be enough left for the journal and for names.
            .max_blocking_threads(512)
            .thread_keep_alive(Duration::from_secs(5))
            .thread_name(&self.options.thread_name)
            .on_thread_start(move || {
                started.fetch_add(1, Ordering::AcqRel);
                if let Some(hook) = &hook {
                    hook();
                }
            })
            .on_thread_stop(move || {
                stopped.fetch_sub(1, Ordering::AcqRel);
            })
            .enable_all()
            .build()
            .map_err(|error| Error::io("the runtime's threads cannot be started", error))
    }

    /// Ends the runtime and joins its threads, waiting at most `limit` for those that hang (a name resolution cannot be interrupted). Gives back how many
    /// were left behind. Must not be called on one of its own threads.
    pub(crate) fn shut_down(&self, limit: Duration) -> usize {
        let before = std::mem::replace(
            &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner),
            State::Ended,
        );
        if let State::Running(runtime) = before {
            // Zero would detach instead of joining.
            runtime.shutdown_timeout(limit.max(Duration::from_millis(50)));
            return self.threads.load(Ordering::Acquire);
        }
        0
    }

    /// Forgets a runtime whose threads died with a fork: joining them would hang.
    pub(crate) fn forget(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && let State::Running(runtime) = std::mem::replace(&mut *state, State::Ended)
        {
            std::mem::forget(runtime);
        }
    }
}

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        // The last handle may go on one of the runtime's own threads, where joining would be a deadlock and a panic.
        if let State::Running(runtime) = std::mem::replace(
            self.state.get_mut().unwrap_or_else(PoisonError::into_inner),
            State::Ended,
        ) {
            runtime.shutdown_background();
        }
    }
}
