//! Link arguments of the shared library; writes nothing.
//!
//! The standard library leaves a destructor for each host thread that passed through here. Unmapping its code crashes the host when such a thread ends
//! (rust-lang/rust#91979), so the library is marked as not to be unloaded. `src/pin.rs` does the same at run time, for static linking and macOS.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let family = std::env::var("CARGO_CFG_TARGET_FAMILY").unwrap_or_default();
    if matches!(system.as_str(), "macos" | "ios") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libltx_jobs.0.dylib");
    } else if family.split(',').any(|name| name == "unix") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libltx_jobs.so.0");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
