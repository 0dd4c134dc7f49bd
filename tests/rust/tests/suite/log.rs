//! What is logged on a thread, for tests about what people are told.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;

/// Log lines of this thread, as long as it lives.
pub(crate) struct Log {
    kept: Kept,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Keeps what is INFO or worse from now on.
    pub(crate) fn keep() -> Self {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            kept,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines that contain this text.
    pub(crate) fn lines(&self, text: &str) -> Vec<String> {
        let kept = self.kept.0.lock().unwrap();
        String::from_utf8_lossy(&kept)
            .lines()
            .filter(|line| line.contains(text))
            .map(str::to_owned)
            .collect()
    }
}
