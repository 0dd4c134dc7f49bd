//! Who fetches which bytes. Pure.
//!
//! Every connection has one share, a range it reads from its beginning. A connection that joins takes a range nobody has, or the second half of the
//! longest share: so one stream becomes many without a byte fetched twice, and the last bytes do not hang on the slowest connection.

use std::collections::BTreeMap;
use std::ops::Range;

/// See the module's first lines.
#[derive(Debug)]
pub(crate) struct Shares {
    /// Ranges nobody fetches, in order.
    waiting: Vec<Range<u64>>,
    running: BTreeMap<u64, Range<u64>>,
    next: u64,
    /// No share is split into pieces shorter than this: a request has its price.
    shortest: u64,
}

impl Shares {
    pub(crate) fn new(missing: Vec<Range<u64>>, shortest: u64) -> Self {
        Self {
            waiting: missing,
            running: BTreeMap::new(),
            next: 0,
            shortest: shortest.max(1),
        }
    }

    /// A share for a connection that joins; `None` when there is nothing worth another request.
    pub(crate) fn take(&mut self) -> Option<(u64, Range<u64>)> {
        let range = if self.waiting.is_empty() {
            let longest = self.running.values_mut().max_by_key(|share| share.end - share.start)?;
            let half = (longest.end - longest.start) / 2;
            if half < self.shortest {
                return None;
            }
            let behind = longest.end - half..longest.end;
            longest.end -= half;
            behind
        } else {
            self.waiting.remove(0)
        };
        let id = self.next;
        self.next += 1;
        self.running.insert(id, range.clone());
        Some((id, range))
    }

    /// Counts bytes that a connection has read; gives how many of them are its own. Fewer than were read: it is done.
    pub(crate) fn advance(&mut self, id: u64, bytes: u64) -> u64 {
        let Some(share) = self.running.get_mut(&id) else {
            return 0;
        };
        let own = bytes.min(share.end - share.start);
        share.start += own;
        own
    }

    /// Whether a connection has read its share.
    pub(crate) fn is_done(&self, id: u64) -> bool {
        self.running.get(&id).is_none_or(|share| share.start >= share.end)
    }

    /// A connection ends: what it has not read waits for another.
    pub(crate) fn leave(&mut self, id: u64) {
        let Some(rest) = self.running.remove(&id) else {
            return;
        };
        if rest.start < rest.end {
            let at = self.waiting.partition_point(|range| range.start < rest.start);
            self.waiting.insert(at, rest);
        }
    }

    /// Bytes that nobody has read yet.
    pub(crate) fn left(&self) -> u64 {
        let of = |range: &Range<u64>| range.end - range.start;
        self.waiting.iter().map(of).sum::<u64>() + self.running.values().map(of).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init)]
    fn connections_that_join_halve_the_longest_share() {
        let mut shares = Shares::new(vec![0..1000], 100);
        assert_eq!(shares.take(), Some((0, 0..1000)));
        assert_eq!(shares.take(), Some((1, 500..1000)));
        assert_eq!(shares.advance(0, 400), 400);
        assert_eq!(shares.take(), Some((2, 750..1000)));
        assert_eq!(shares.advance(0, 400), 100, "the rest of these bytes is another's");
        assert!(shares.is_done(0));
        shares.leave(0);
        assert_eq!(shares.take(), Some((3, 875..1000)));
        assert_eq!(shares.left(), 500);
    }

    #[test]
    fn what_is_too_short_is_not_split_and_what_was_left_is_taken_first() {
        let mut shares = Shares::new(vec![10..50, 90..100], 20);
        assert_eq!(shares.take(), Some((0, 10..50)));
        assert_eq!(shares.take(), Some((1, 90..100)));
        assert_eq!(shares.take(), Some((2, 30..50)));
        assert_eq!(shares.take(), None);
        assert_eq!(shares.advance(1, 4), 4);
        shares.leave(1);
        assert_eq!(shares.take(), Some((3, 94..100)));
        shares.leave(7);
        assert_eq!(shares.advance(7, 1), 0);
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init)]
    fn whatever_joins_leaves_and_reads_every_byte_is_read_once() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let length = random.usize(1..5000);
            let mut read = vec![0_u8; length];
            let mut shares = Shares::new(vec![0..length as u64], random.u64(1..300));
            let mut places: BTreeMap<u64, u64> = BTreeMap::new();
            loop {
                if places.len() < 8 && (random.bool() || places.is_empty()) {
                    match shares.take() {
                        Some((id, range)) => {
                            places.insert(id, range.start);
                        }
                        None if places.is_empty() => break,
                        None => {}
                    }
                }
                let ids: Vec<u64> = places.keys().copied().collect();
                let Some(&id) = ids.get(random.usize(..ids.len().max(1))) else {
                    continue;
                };
                let own = shares.advance(id, random.u64(1..400));
                for at in places[&id]..places[&id] + own {
                    read[at as usize] += 1;
                }
                *places.get_mut(&id).unwrap() += own;
                if shares.is_done(id) || random.u8(..10) == 0 {
                    shares.leave(id);
                    places.remove(&id);
                }
            }
            assert!(read.iter().all(|&times| times == 1));
        }
    }
}
