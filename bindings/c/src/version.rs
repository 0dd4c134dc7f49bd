//! What library this is.
// Exports symbols.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use crate::guard;

/// Grows when something that a compiled program relies on changes its meaning; additions leave it alone.
const ABI_VERSION: u32 = 0;

static VERSION: LazyLock<CString> = LazyLock::new(|| crate::text::owned(env!("CARGO_PKG_VERSION")));
static BUILD: LazyLock<CString> = LazyLock::new(|| {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    crate::text::owned(&format!(
        "ltx_jobs {} ({}, {profile}, {})",
        env!("CARGO_PKG_VERSION"),
        ltx_jobs::CRYPTO_PROVIDER,
        std::env::consts::ARCH
    ))
});

/// The version of the library that is loaded, as in `LTX_VERSION`. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ltx_version() -> *const c_char {
    guard::value(c"".as_ptr(), || Ok(VERSION.as_ptr()))
}

/// The version of the library that is loaded as a number, as in `LTX_VERSION_NUMBER`.
#[unsafe(no_mangle)]
pub extern "C" fn ltx_version_number() -> u32 {
    guard::value(0, || {
        let part = |text: &str| text.parse::<u32>().unwrap_or(0) & 0xff;
        Ok((part(env!("CARGO_PKG_VERSION_MAJOR")) << 24)
            | (part(env!("CARGO_PKG_VERSION_MINOR")) << 16)
            | (part(env!("CARGO_PKG_VERSION_PATCH")) << 8))
    })
}

/// The version of the binary interface; a program compiled against `LTX_ABI_VERSION` runs with a library that says the same.
#[unsafe(no_mangle)]
pub extern "C" fn ltx_abi_version() -> u32 {
    ABI_VERSION
}

/// One line about this build, for logs and reports: version, crypto provider, profile, processor. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn ltx_build_info() -> *const c_char {
    guard::value(c"".as_ptr(), || Ok(BUILD.as_ptr()))
}
