//! What is fetched by one request: neighbours in frame order that are neighbours in the archive too. Pure.
//!
//! Small frames are asked for together, because a request costs more than they do; large ones alone, so that several connections stay close to frame
//! order and the first frame is whole early.

use std::ops::Range;

use crate::archive::directory::Member;

/// Unwanted bytes between two members that are fetched and dropped rather than asked around: a note among the frames, never a frame that is there already.
pub(crate) const GAP: u64 = 16 << 10;

/// Bytes asked for at once; one member may be larger.
pub(crate) const MOST: u64 = 8 << 20;

/// One member to be fetched, with its place in frame order.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) index: usize,
    pub(crate) member: Member,
}

/// Members that one request brings.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) wanted: Vec<Wanted>,
}

impl Batch {
    /// The bytes of the archive from the first member to the end of the last.
    pub(crate) fn span(&self) -> Range<u64> {
        match (self.wanted.first(), self.wanted.last()) {
            (Some(first), Some(last)) => first.member.span.start..last.member.span.end,
            _ => 0..0,
        }
    }

    /// Bytes that its members have when unpacked.
    pub(crate) fn size(&self) -> u64 {
        self.wanted
            .iter()
            .fold(0, |sum, wanted| sum.saturating_add(wanted.member.size))
    }
}

/// Cuts `wanted`, which is in frame order, into batches of at most `most` bytes, fetched or unpacked, that leave no gap larger than `gap`.
pub(crate) fn batches(wanted: Vec<Wanted>, gap: u64, most: u64) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for next in wanted {
        if let Some(batch) = batches.last_mut()
            && fits(batch, &next.member, gap, most)
        {
            batch.wanted.push(next);
        } else {
            batches.push(Batch { wanted: vec![next] });
        }
    }
    batches
}

fn fits(batch: &Batch, next: &Member, gap: u64, most: u64) -> bool {
    let span = batch.span();
    next.span
        .start
        .checked_sub(span.end)
        .is_some_and(|between| between <= gap)
        && next.span.end - span.start <= most
        && batch.size().saturating_add(next.size) <= most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::directory::Method;

    fn member(span: Range<u64>, size: u64) -> Member {
        Member {
            name: format!("{}.exr", span.start),
            number: None,
            raw_name: Vec::new(),
            method: Method::Stored,
            crc32: 0,
            packed: 0,
            size,
            span,
        }
    }

    /// The spans of the batches of members of these spans, each as large unpacked as in the archive.
    fn spans(members: &[Range<u64>], gap: u64, most: u64) -> Vec<(u64, u64)> {
        let wanted = members
            .iter()
            .enumerate()
            .map(|(index, span)| Wanted {
                index,
                member: member(span.clone(), span.end - span.start),
            })
            .collect();
        let batches = batches(wanted, gap, most);
        let indices: Vec<usize> = batches
            .iter()
            .flat_map(|batch| batch.wanted.iter().map(|wanted| wanted.index))
            .collect();
        assert!(indices.iter().copied().eq(0..members.len()), "each once, and in order");
        batches
            .iter()
            .map(|batch| (batch.span().start, batch.span().end))
            .collect()
    }

    #[test]
    fn small_neighbours_come_together_and_large_ones_alone() {
        assert_eq!(spans(&[], 5, 100), []);
        assert_eq!(spans(&[0..10, 10..20, 20..30], 5, 100), [(0, 30)]);
        assert_eq!(spans(&[0..10, 10..20, 20..30], 5, 20), [(0, 20), (20, 30)]);
        assert_eq!(
            spans(&[0..500, 500..900, 900..910], 5, 100),
            [(0, 500), (500, 900), (900, 910)]
        );
    }

    #[test]
    fn a_gap_is_read_over_only_when_that_costs_less_than_a_request() {
        assert_eq!(spans(&[0..10, 15..20], 5, 100), [(0, 20)]);
        assert_eq!(spans(&[0..10, 16..20], 5, 100), [(0, 10), (16, 20)]);
    }

    #[test]
    fn frames_that_lie_backwards_in_the_archive_are_asked_for_one_by_one() {
        assert_eq!(spans(&[20..30, 10..20, 0..10], 5, 100), [(20, 30), (10, 20), (0, 10)]);
    }

    #[test]
    fn what_unpacks_to_much_is_not_put_together_however_little_is_fetched() {
        let wanted = (0..3)
            .map(|index| Wanted {
                index,
                member: member(index as u64 * 10..index as u64 * 10 + 10, 60),
            })
            .collect();
        assert_eq!(batches(wanted, 5, 100).len(), 3);
    }
}
