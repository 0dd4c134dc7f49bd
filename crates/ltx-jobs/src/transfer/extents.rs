//! Which bytes of a file are there, with a crc32c for each run of them. Pure.
//!
//! Runs may come in any order, from any number of connections. Neighbours are joined, checksums with them, so the checksum of the whole costs nothing
//! beyond those of its parts; a run stays short enough that one damaged byte on the disk costs one run when a download is resumed.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Runs are joined up to this length: what is fetched again when a byte of one is damaged.
const LONGEST_RUN: u64 = 16 << 20;

/// A run of bytes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extent {
    pub(crate) start: u64,
    /// Exclusive.
    pub(crate) end: u64,
    pub(crate) crc32c: u32,
}

/// See the module's first lines. Sorted; runs never overlap and are never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extents(Vec<Extent>);

impl Extents {
    /// Adds a run. False, and nothing is added, when it is empty or some of it is there already.
    pub(crate) fn add(&mut self, extent: Extent) -> bool {
        let at = self.0.partition_point(|there| there.start < extent.start);
        let free_before = at == 0 || self.0.get(at - 1).is_some_and(|left| left.end <= extent.start);
        let free_behind = self.0.get(at).is_none_or(|right| extent.end <= right.start);
        if extent.start >= extent.end || !free_before || !free_behind {
            return false;
        }
        self.0.insert(at, extent);
        self.join(at);
        if at > 0 {
            self.join(at - 1);
        }
        true
    }

    /// Joins the run at `at` with the one behind it, where they touch and are not too long together.
    fn join(&mut self, at: usize) {
        let (Some(left), Some(right)) = (self.0.get(at).copied(), self.0.get(at + 1).copied()) else {
            return;
        };
        if left.end == right.start && right.end - left.start <= LONGEST_RUN {
            self.0.remove(at + 1);
            if let Some(run) = self.0.get_mut(at) {
                *run = Extent {
                    start: left.start,
                    end: right.end,
                    crc32c: combine(left.crc32c, right),
                };
            }
        }
    }

    pub(crate) fn runs(&self) -> &[Extent] {
        &self.0
    }

    /// How many bytes are there.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|run| run.end - run.start).sum()
    }

    /// What is missing of a file of this length, in order.
    pub(crate) fn missing(&self, length: u64) -> Vec<Range<u64>> {
        let mut missing = Vec::new();
        let mut at = 0;
        for run in &self.0 {
            if run.start > at {
                missing.push(at..run.start.min(length));
            }
            at = run.end;
        }
        if at < length {
            missing.push(at..length);
        }
        missing
    }

    /// The crc32c of all bytes from the first on, when there is no gap before the last.
    pub(crate) fn crc32c(&self) -> Option<u32> {
        let mut crc32c = 0;
        let mut at = 0;
        for run in &self.0 {
            if run.start != at {
                return None;
            }
            crc32c = combine(crc32c, *run);
            at = run.end;
        }
        Some(crc32c)
    }
}

fn combine(before: u32, run: Extent) -> u32 {
    crc32c::crc32c_combine(
        before,
        run.crc32c,
        usize::try_from(run.end - run.start).unwrap_or(usize::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8], range: Range<u64>) -> Extent {
        Extent {
            start: range.start,
            end: range.end,
            crc32c: crc32c::crc32c(&bytes[range.start as usize..range.end as usize]),
        }
    }

    #[test]
    fn runs_in_any_order_become_the_whole_with_its_checksum() {
        let bytes: Vec<u8> = (0..1000_u32).map(|at| (at * 31 % 251) as u8).collect();
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let mut cuts: Vec<u64> = (0..random.usize(0..12)).map(|_| random.u64(1..1000)).collect();
            cuts.extend([0, 1000]);
            cuts.sort_unstable();
            cuts.dedup();
            let mut ranges: Vec<Range<u64>> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
            random.shuffle(&mut ranges);
            let mut extents = Extents::default();
            let mut there = 0;
            for range in ranges {
                let missing: u64 = extents.missing(1000).iter().map(|gap| gap.end - gap.start).sum();
                assert_eq!(missing, 1000 - there);
                there += range.end - range.start;
                assert!(extents.add(run(&bytes, range)));
                assert_eq!(extents.bytes(), there);
            }
            assert_eq!(extents.missing(1000), []);
            assert_eq!(extents.crc32c(), Some(crc32c::crc32c(&bytes)));
            assert_eq!(extents.runs().len(), 1);
        }
    }

    #[test]
    fn a_run_that_is_there_already_is_refused() {
        let bytes = vec![7; 100];
        let mut extents = Extents::default();
        assert!(extents.add(run(&bytes, 20..40)));
        for (range, taken) in [
            (20..40, false),
            (10..21, false),
            (39..50, false),
            (25..30, false),
            (0..100, false),
            (50..50, false),
            (0..20, true),
            (40..41, true),
        ] {
            assert_eq!(extents.clone().add(run(&bytes, range.clone())), taken, "{range:?}");
        }
        assert_eq!(extents.crc32c(), None, "there is a gap before it");
        assert_eq!(extents.missing(100), [0..20, 40..100]);
    }

    #[test]
    fn long_runs_stay_apart_and_their_checksums_combine_all_the_same() {
        let piece = vec![3; 8 << 20];
        let mut extents = Extents::default();
        for number in 0..5_u64 {
            let start = number * (8 << 20);
            assert!(extents.add(Extent {
                start,
                end: start + (8 << 20),
                crc32c: crc32c::crc32c(&piece),
            }));
        }
        assert_eq!(extents.runs().len(), 3);
        assert_eq!(extents.crc32c(), Some(crc32c::crc32c(&piece.repeat(5))));
    }
}
