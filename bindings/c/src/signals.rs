//! Keeps the host's signals off our threads, and our broken connections from raising one in the host.
//!
//! A write to a connection that the other side closed raises SIGPIPE in the writing thread; a host with the default disposition would die of it. The mask
//! is ours alone: the host's threads, handlers and dispositions stay as they are.
// Calls the C library for the mask of the thread that runs this.
#![allow(unsafe_code)]

/// Blocks every asynchronous signal in the calling thread. For threads of this library only.
#[cfg(unix)]
pub(crate) fn block_all() {
    // Raised by the thread's own instructions: blocking these would make a crash undefined instead of visible.
    const SYNCHRONOUS: [libc::c_int; 7] = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGABRT,
    ];
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is initialised by sigfillset before anything reads it; the mask of the calling thread is the only thing changed.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in SYNCHRONOUS {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// There are no signals to block here.
#[cfg(not(unix))]
pub(crate) fn block_all() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn is_blocked(signal: libc::c_int) -> bool {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: a NULL new mask only reads the present one into `set`.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), set.as_mut_ptr());
            libc::sigismember(set.as_ptr(), signal) == 1
        }
    }

    #[test]
    fn asynchronous_signals_are_blocked_and_crashes_stay_visible() {
        std::thread::spawn(|| {
            block_all();
            for signal in [
                libc::SIGPIPE,
                libc::SIGINT,
                libc::SIGTERM,
                libc::SIGCHLD,
                libc::SIGALRM,
                libc::SIGUSR1,
            ] {
                assert!(is_blocked(signal), "{signal}");
            }
            for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT] {
                assert!(!is_blocked(signal), "{signal}");
            }
        })
        .join()
        .unwrap();
    }
}
