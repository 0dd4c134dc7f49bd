//! How a thread of the interpreter sleeps until something ends: in `poll(2)` on a bell of its own, so that a signal ends the sleep at once.
//!
//! A bell is a pipe and belongs to a thread, not to what is waited for: ten thousand operations cost no file descriptor. A condition variable would do
//! for everything but signals: futex waits are resumed by the kernel or the standard library, and the handler in Python would run a slice later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::completions::Armed;

/// Those who wait until one operation ends: threads asleep, and event loops.
#[derive(Default)]
pub(crate) struct Sleepers(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    bells: Vec<Arc<Bell>>,
    armed: Vec<Armed>,
}

impl Sleepers {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all of them; an event loop once.
    pub(crate) fn ring(&self) {
        let armed = {
            let mut waiting = self.lock();
            waiting.bells.iter().for_each(|bell| bell.ring());
            std::mem::take(&mut waiting.armed)
        };
        armed.into_iter().for_each(Armed::fire);
    }

    /// Has an event loop told once. `ended` is asked afterwards, so an end in between is not missed.
    pub(crate) fn arm(&self, armed: Armed, ended: impl Fn() -> bool) {
        self.lock().armed.push(armed);
        if ended() {
            self.ring();
        }
    }
}

#[cfg(unix)]
pub(crate) use unix::{Bell, sleep};

#[cfg(unix)]
mod unix {
    use std::cell::RefCell;
    use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
    use std::sync::Arc;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::Sleepers;

    /// Wakes the thread it belongs to.
    pub(crate) struct Bell(PipeWriter);

    impl Bell {
        pub(super) fn ring(&self) {
            // A pipe that cannot take one byte more is ringing already; a closed one has nobody to wake.
            let _ = (&self.0).write(&[1]);
        }
    }

    struct Own {
        /// A child of a fork shares the pipe with its parent and would steal its bytes.
        process: u32,
        reader: PipeReader,
        bell: Arc<Bell>,
    }

    thread_local! {
        static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
    }

    /// Sleeps until the sleepers are woken, a signal comes, or the time is up; `None` when this thread can have no bell.
    ///
    /// `ended` is asked after the bell is hung up, so an end in between is not missed.
    pub(crate) fn sleep(sleepers: &Sleepers, limit: Duration, ended: impl Fn() -> bool) -> Option<()> {
        OWN.try_with(|own| {
            let mut own = own.borrow_mut();
            let process = std::process::id();
            if own.as_ref().is_none_or(|own| own.process != process) {
                let (reader, writer) = std::io::pipe().ok()?;
                *own = Some(Own {
                    process,
                    reader,
                    bell: Arc::new(Bell(writer)),
                });
            }
            let own = own.as_mut()?;
            sleepers.lock().bells.push(Arc::clone(&own.bell));
            if !ended() {
                listen(own, limit);
            }
            sleepers.lock().bells.retain(|bell| !Arc::ptr_eq(bell, &own.bell));
            Some(())
        })
        .ok()
        .flatten()
    }

    fn listen(own: &mut Own, limit: Duration) {
        let Ok(limit) = Timespec::try_from(limit) else { return };
        let rang = poll(&mut [PollFd::new(&own.reader, PollFlags::IN)], Some(&limit));
        if rang.is_ok_and(|count| count > 0) {
            let mut scrap = [0; 64];
            let _ = own.reader.read(&mut scrap);
        }
    }
}

#[cfg(not(unix))]
pub(crate) struct Bell;

#[cfg(not(unix))]
impl Bell {
    fn ring(&self) {}
}

/// No signals here that would end a sleep: the caller's condition variable serves.
#[cfg(not(unix))]
pub(crate) fn sleep(_: &Sleepers, _: std::time::Duration, _: impl Fn() -> bool) -> Option<()> {
    None
}
