//! A value that a forked child does not share with its parent.
//!
//! After a fork the child has the parent's memory, but not its threads: a lock that one of them held stays held for ever. So the child never touches what
//! is its parent's, and makes a value of its own. Reading takes no lock.

use std::sync::OnceLock;

/// See the module's first lines. Meant for a `static`; the values of ancestors are kept, one for each generation of forks.
pub struct PerProcess<T>(OnceLock<Box<Own<T>>>);

struct Own<T> {
    process: u32,
    value: T,
    of_children: PerProcess<T>,
}

impl<T> PerProcess<T> {
    /// No value yet, in any process.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// This process's value, if it was made.
    pub fn get(&self) -> Option<&T> {
        self.of(std::process::id())
    }

    fn of(&self, process: u32) -> Option<&T> {
        let mut place = self;
        loop {
            let own = place.0.get()?;
            if own.process == process {
                return Some(&own.value);
            }
            place = &own.of_children;
        }
    }
}

impl<T: Default> PerProcess<T> {
    /// This process's value, made at the first call.
    pub fn here(&self) -> &T {
        self.made_for(std::process::id())
    }

    fn made_for(&self, process: u32) -> &T {
        let mut place = self;
        loop {
            let own = place.0.get_or_init(|| {
                Box::new(Own {
                    process,
                    value: T::default(),
                    of_children: Self::new(),
                })
            });
            if own.process == process {
                return &own.value;
            }
            place = &own.of_children;
        }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_child_has_its_own_and_the_parents_stays() {
        let values: PerProcess<AtomicU32> = PerProcess::new();
        assert!(values.of(1).is_none());
        values.made_for(1).store(7, Ordering::Relaxed);
        assert!(values.of(2).is_none(), "what the parent made is not the child's");
        values.made_for(2).store(8, Ordering::Relaxed);
        values.made_for(3);
        for (process, expected) in [(1, 7), (2, 8), (3, 0)] {
            assert_eq!(values.made_for(process).load(Ordering::Relaxed), expected, "{process}");
        }
    }
}
