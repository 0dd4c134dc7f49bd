//! Signals belong to the interpreter's threads.
//!
//! The kernel gives a signal for the process to any thread that does not block it. Python runs handlers on its main thread, and only a system call of that
//! very thread ends early with `EINTR`; so our threads block what a handler may want, and Ctrl-C reaches a waiting main thread at once.

/// Blocks every signal but those that the thread's own instructions raise (a fault must stay a crash). Called first on each thread of ours.
#[cfg(unix)]
pub(crate) fn block_on_this_thread() {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let synchronous = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGABRT,
    ];
    // There is no safe call for this in the standard library.
    #[allow(unsafe_code)]
    // SAFETY: `set` is initialised by sigfillset before it is read; the other calls get valid pointers and signal numbers; a NULL old set is allowed.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in synchronous {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Nothing to do: there are no signals.
#[cfg(not(unix))]
pub(crate) fn block_on_this_thread() {}
