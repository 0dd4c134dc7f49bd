//! Ctrl-C (and SIGTERM, which schedulers send) as something to wait for.
//!
//! Listens from the moment it is made: a signal between two waits is kept and heard by the next one, never lost and never fatal. Once is a wish to stop,
//! for which what is paid for is finished; twice, to be gone.

use std::io;

/// The user's wish to stop.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    times: u32,
}

impl Interrupt {
    /// Ends when the user wants to stop; as often as that happens.
    pub(crate) async fn heard(&mut self) {
        self.signal().await;
        self.times = self.times.saturating_add(1);
    }

    /// Whether it was heard more than once: the user does not want to wait any more.
    pub(crate) fn is_urgent(&self) -> bool {
        self.times > 1
    }
}

#[cfg(unix)]
impl Interrupt {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            times: 0,
        })
    }

    async fn signal(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
impl Interrupt {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
            times: 0,
        })
    }

    async fn signal(&mut self) {
        self.interrupt.recv().await;
    }
}
