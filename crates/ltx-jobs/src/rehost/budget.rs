//! The memory of a copy: room for parts, from the moment they are gathered until the store has them, and the buffers they are gathered in.
//!
//! Buffers are all of one size and used again. Large ones that come and go on many threads would leave as much memory behind on each of them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of a buffer, and the unit in which room is given.
const CHUNK: u64 = 1 << 20;

/// Parts in memory: one being gathered, the others on their way.
const PARTS_AT_ONCE: u64 = 3;

/// See the module's first lines.
#[derive(Clone)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    most: u64,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Budget {
    pub(super) fn for_parts_of(size: u64) -> Self {
        let most = (size * PARTS_AT_ONCE).div_ceil(CHUNK);
        Self {
            units: Arc::new(Semaphore::new(
                usize::try_from(most)
                    .unwrap_or(Semaphore::MAX_PERMITS)
                    .min(Semaphore::MAX_PERMITS),
            )),
            most,
            spare: Arc::default(),
        }
    }

    /// Room for so many bytes; waits for it.
    pub(super) async fn room(&self, bytes: u64) -> Result<OwnedSemaphorePermit> {
        let units = bytes.div_ceil(CHUNK).clamp(1, self.most.max(1));
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        Arc::clone(&self.units)
            .acquire_many_owned(units)
            .await
            .map_err(|_| Error::new(ErrorKind::Internal, "the budget of a transfer was closed"))
    }

    /// An empty buffer. As many may be in use as there is room for.
    pub(super) fn buffer(&self) -> Buffer {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Buffer {
            bytes: spare.unwrap_or_else(|| Vec::with_capacity(CHUNK as usize)),
            spare: Arc::clone(&self.spare),
        }
    }
}

/// A buffer that goes back when nobody looks at its bytes any more.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffer {
    /// Takes as many of `bytes` as fit in, and gives their number.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(CHUNK as usize - self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..count).unwrap_or_default());
        count
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() as u64 >= CHUNK
    }

    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn room_is_given_up_to_the_budget_and_comes_back() {
        let budget = Budget::for_parts_of(8 << 20);
        let mut held = Vec::new();
        for _ in 0..PARTS_AT_ONCE {
            held.push(budget.room(8 << 20).await.unwrap());
        }
        assert!(budget.room(1).now_or_never().is_none());
        held.pop();
        assert!(budget.room(1).now_or_never().is_some());
        // One that could never be given is given as much as there is.
        held.clear();
        assert!(budget.room(u64::MAX).now_or_never().is_some());
    }

    #[test]
    fn a_buffer_is_used_again_once_its_bytes_are_gone() {
        let budget = Budget::for_parts_of(8 << 20);
        let mut one = budget.buffer();
        assert_eq!(one.fill(&vec![7; CHUNK as usize + 1]), CHUNK as usize);
        assert!(one.is_full());
        let first = one.as_ref().as_ptr();
        let bytes = one.into_bytes();
        let part = bytes.slice(..10);
        assert_ne!(budget.buffer().as_ref().as_ptr(), first, "it is still looked at");
        drop((bytes, part));
        let again = [budget.buffer(), budget.buffer()];
        assert!(again.iter().any(|buffer| buffer.as_ref().as_ptr() == first));
        assert!(again.iter().all(|buffer| buffer.as_ref().is_empty()));
    }
}
