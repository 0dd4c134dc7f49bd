//! What is being saved right now, to be looked at from outside: which item, and how far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::operation::Operation;
use crate::progress::Progress;

/// An item whose outputs are on their way; see [`BatchRun::transfers`](super::BatchRun::transfers).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BatchTransfer {
    /// The key of the item.
    pub key: String,
    /// How far it is.
    pub progress: Progress,
}

/// The transfers of a batch, in the order they began.
#[derive(Default)]
pub(super) struct Transfers(Mutex<Vec<Entry>>);

struct Entry {
    key: String,
    look: Arc<dyn Fn() -> Progress + Send + Sync>,
}

/// Takes a transfer from the list when it ends, however it does.
pub(super) struct Listed<'a> {
    transfers: &'a Transfers,
    look: Arc<dyn Fn() -> Progress + Send + Sync>,
}

impl Transfers {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a transfer as long as the result lives.
    pub(super) fn list<T: Send + 'static>(&self, key: &str, operation: &Operation<T>) -> Listed<'_> {
        let operation = operation.clone();
        let look: Arc<dyn Fn() -> Progress + Send + Sync> = Arc::new(move || operation.snapshot());
        self.lock().push(Entry {
            key: key.to_owned(),
            look: Arc::clone(&look),
        });
        Listed { transfers: self, look }
    }

    pub(super) fn look(&self) -> Vec<BatchTransfer> {
        let seen = self.lock();
        let seen = seen.iter().map(|entry| BatchTransfer {
            key: entry.key.clone(),
            progress: (entry.look)(),
        });
        seen.collect()
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.transfers
            .lock()
            .retain(|entry| !Arc::ptr_eq(&entry.look, &self.look));
    }
}
