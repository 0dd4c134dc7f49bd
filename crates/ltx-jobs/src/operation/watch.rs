//! What a caller hangs on an operation: a function that hears of its progress, and a signal that cancels it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::MissedTickBehavior;

use super::Work;
use crate::error::Result;
use crate::progress::Progress;

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(100);

type Tell = Arc<dyn Fn(&Progress) + Send + Sync>;

/// See the module's first lines.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    tell: Option<Tell>,
    cancel: Option<Shared<BoxFuture<'static, ()>>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("tell", &self.tell.is_some())
            .field("cancel", &self.cancel.is_some())
            .finish()
    }
}

impl Watch {
    pub(crate) fn tell(&mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) {
        self.tell = Some(Arc::new(tell));
    }

    pub(crate) fn cancel(&mut self, when: impl Future<Output = ()> + Send + 'static) {
        self.cancel = Some(when.boxed().shared());
    }

    /// Does the work of an operation, watched. The last progress is told before the outcome is known to anybody.
    pub(crate) async fn over<T>(self, work: &Work, doing: impl Future<Output = Result<T>>) -> Result<T> {
        let Self { tell, cancel } = self;
        let cancelled = async {
            match cancel {
                Some(cancel) => {
                    cancel.await;
                    work.cancel.cancel();
                }
                None => std::future::pending().await,
            }
            // The work ends by itself, as with any cancellation.
            std::future::pending::<()>().await;
        };
        let told = async {
            let Some(tell) = &tell else {
                return std::future::pending().await;
            };
            let mut ticks = tokio::time::interval(TELL_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut last = None;
            loop {
                ticks.tick().await;
                let now = work.progress.snapshot();
                let known = Progress {
                    elapsed: Duration::ZERO,
                    ..now.clone()
                };
                if last.as_ref() != Some(&known) {
                    tell(&now);
                    last = Some(known);
                }
            }
        };
        let outcome = tokio::select! {
            biased;
            outcome = doing => outcome,
            () = cancelled => return Err(super::cancelled("the operation")),
            () = told => return Err(super::cancelled("the operation")),
        };
        if let Some(tell) = &tell {
            tell(&work.progress.snapshot());
        }
        outcome
    }
}
