//! Everything that is logged in this process at the finest level, the libraries below the core included, in a file of each scenario's own.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

static SINK: Mutex<Option<File>> = Mutex::new(None);

/// Begins to listen, for the life of the process.
pub(crate) fn listen() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Sink)
        .init();
    // The libraries that know only `log`.
    if log::set_logger(&Sink).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

/// From now on into this file.
pub(crate) fn into(path: &Path) -> std::io::Result<()> {
    let file = File::create(path)?;
    *SINK.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
    Ok(())
}

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut *SINK.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => file.write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl log::Log for Sink {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}: {}\n", record.level(), record.target(), record.args());
        drop(Sink.write_all(line.as_bytes()));
    }

    fn flush(&self) {}
}
