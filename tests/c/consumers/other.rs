//! Another Rust library in the same program, with its own copy of the standard library: it must neither clash with ours nor call into it.

/// Panics and catches it, on a thread: what the runtimes of two copies could disagree about. Gives back 42.
#[unsafe(no_mangle)]
pub extern "C" fn other_library() -> i32 {
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::spawn(|| std::panic::catch_unwind(|| panic!("on purpose")).map_or(42, |()| 0)).join().unwrap_or(1)
}
