//! Keeps the code in memory once a client was made.
//!
//! A host thread that passed through this library runs one of its destructors when it ends, be it long after `dlclose`. The shared library is linked with
//! `-z nodelete`; this does the same for a plug-in that links it statically, and for systems whose linker has no such flag.
// Asks the dynamic linker about our own code.
#![allow(unsafe_code)]

/// Pins the module this code is in. As often as wanted; a failure leaves things as they were.
#[cfg(unix)]
pub(crate) fn pin() {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let here: fn() = pin;
    // SAFETY: `info` is all zeroes, which is a valid Dl_info, and is written by dladdr; the name it gives lives as long as the module.
    unsafe {
        if libc::dladdr(here as *const libc::c_void, info.as_mut_ptr()) == 0 {
            return;
        }
        let name = info.assume_init().dli_fname;
        if !name.is_null() {
            // The handle is kept on purpose: closing it is what must not happen.
            let _ = libc::dlopen(name, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
        }
    }
}

/// Pins the module this code is in. As often as wanted; a failure leaves things as they were.
#[cfg(windows)]
pub(crate) fn pin() {
    const PIN: u32 = 1;
    const FROM_ADDRESS: u32 = 4;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, name: *const u16, module: *mut *mut std::ffi::c_void) -> i32;
    }
    let mut module = std::ptr::null_mut();
    let here: fn() = pin;
    // SAFETY: with FROM_ADDRESS the second argument is any address inside the module; `module` is writable.
    let _ = unsafe { GetModuleHandleExW(PIN | FROM_ADDRESS, here as *const u16, &raw mut module) };
}

/// Nothing is unloaded here.
#[cfg(not(any(unix, windows)))]
pub(crate) fn pin() {}
