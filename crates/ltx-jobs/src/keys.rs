//! The API key in use, and where to look for a new one after the service refused it.

use std::sync::{PoisonError, RwLock};

use crate::config::KeySource;
use crate::error::Result;
use crate::secret::ApiKey;

/// The key of a client. It may change while the client lives.
pub(crate) struct Keys(RwLock<State>);

struct State {
    source: KeySource,
    current: Option<ApiKey>,
}

impl Keys {
    pub(crate) fn new(source: KeySource) -> Self {
        Self(RwLock::new(State { source, current: None }))
    }

    /// The key to send now.
    pub(crate) fn current(&self) -> Result<ApiKey> {
        if let Some(key) = &self.0.read().unwrap_or_else(PoisonError::into_inner).current {
            return Ok(key.clone());
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let key = state.source.read()?;
        state.current = Some(key.clone());
        Ok(key)
    }

    /// After `refused` was answered with 401 or 403: whether there is another key now. Reads the source again.
    pub(crate) fn renewed_since(&self, refused: &ApiKey) -> bool {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.current.as_ref().is_some_and(|key| key != refused) {
            return true;
        }
        match state.source.read() {
            Ok(key) if key != *refused => {
                state.current = Some(key);
                true
            }
            _ => false,
        }
    }

    /// Takes another key from now on.
    pub(crate) fn set(&self, key: ApiKey) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.source = KeySource::Text(key.clone());
        state.current = Some(key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_function_is_asked_again_only_after_a_refusal() {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let keys = Keys::new(KeySource::Function(Arc::new(move || {
            Ok(format!("key{}", counter.fetch_add(1, Ordering::SeqCst)))
        })));
        let first = keys.current().unwrap();
        assert_eq!(keys.current().unwrap(), first);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert!(keys.renewed_since(&first));
        assert_eq!(keys.current().unwrap(), ApiKey::new("key1"));
        assert!(
            keys.renewed_since(&first),
            "another job that used the old key sees the new one without asking again"
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_fixed_key_is_not_renewed_until_somebody_sets_another() {
        let keys = Keys::new(KeySource::Text(ApiKey::new("old")));
        let old = keys.current().unwrap();
        assert!(!keys.renewed_since(&old));
        keys.set(ApiKey::new("new"));
        assert!(keys.renewed_since(&old));
    }
}
