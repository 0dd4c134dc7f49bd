//! A queue that gives the least first, and of equal ones the one that came first. Pure.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

pub(super) struct Ranked<K, T> {
    heap: BinaryHeap<Entry<K, T>>,
    pushed: u64,
}

struct Entry<K, T> {
    rank: (K, u64),
    value: T,
}

impl<K: Ord, T> Ord for Entry<K, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first.
        other.rank.cmp(&self.rank)
    }
}

impl<K: Ord, T> PartialOrd for Entry<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> PartialEq for Entry<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K: Ord, T> Eq for Entry<K, T> {}

impl<K: Ord, T> Ranked<K, T> {
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            pushed: 0,
        }
    }

    pub(super) fn push(&mut self, rank: K, value: T) {
        self.pushed += 1;
        self.heap.push(Entry {
            rank: (rank, self.pushed),
            value,
        });
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|entry| entry.value)
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_comes_first_and_of_equal_ones_the_first() {
        let mut queue = Ranked::new();
        for (rank, value) in [(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')] {
            queue.push(rank, value);
        }
        assert_eq!(queue.len(), 5);
        let order: String = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, "dbeac");
        assert_eq!(queue.len(), 0);
    }
}
