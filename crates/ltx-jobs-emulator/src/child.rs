//! The emulator as a subprocess: for every language that cannot call it.

use std::io::{self, Read as _, Write};

use serde::Serialize;

use crate::emulator::{Builder, Emulator};

/// Where a running emulator is to be found: the one line a subprocess prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Addresses {
    /// Base URL of the API.
    pub api_url: String,
    /// Base URL of the storage.
    pub storage_url: String,
    /// Base URL of the control origin.
    pub control_url: String,
    /// The key it accepts.
    pub api_key: String,
    /// PEM file of its CA, with TLS.
    pub ca_bundle: Option<String>,
}

impl Addresses {
    /// The addresses of this emulator.
    pub fn of(emulator: &Emulator) -> Self {
        Self {
            api_url: emulator.api_url().to_owned(),
            storage_url: emulator.storage_url().to_owned(),
            control_url: emulator.control_url().to_owned(),
            api_key: emulator.api_key(),
            ca_bundle: emulator.ca_bundle().map(|path| path.to_string_lossy().into_owned()),
        }
    }
}

/// Starts an emulator, writes its [`Addresses`] as one line of JSON to `out`, and serves until standard input ends.
///
/// Standard input ends when the parent closes it or dies, however it dies, so that no emulator outlives its test. What comes
/// in on it is ignored.
pub async fn serve_as_child(builder: Builder, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let emulator = builder.start().await?;
    let line = serde_json::to_string(&Addresses::of(&emulator))?;
    writeln!(out, "{line}")?;
    out.flush()?;
    stdin_ended().await;
    emulator.shutdown().await;
    Ok(())
}

/// A thread of its own and not the runtime's: a runtime that ends for another reason must not wait for this read.
async fn stdin_ended() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    let watch = std::thread::Builder::new()
        .name("emulator-stdin".to_owned())
        .spawn(move || {
            let mut scrap = [0; 4_096];
            let mut input = io::stdin().lock();
            loop {
                match input.read(&mut scrap) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            // Nobody waits any more when the emulator was stopped otherwise.
            let _ = ended.send(());
        });
    if watch.is_ok() {
        // An error means that the thread is gone, which is an end as well.
        let _ = wait.await;
    }
}
