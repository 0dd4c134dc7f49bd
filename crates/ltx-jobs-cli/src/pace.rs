//! How fast many jobs go and how long they still take, as far as that can be told. Pure: it is told the time.
//!
//! Two things are known: the pace at which jobs have ended, and the bytes of what is being saved. A pace means something once as many jobs have ended as
//! were at work at the same time; before that, the first ones of a crowd would speak for all. When nothing but transfers is left, their bytes tell.

use std::time::{Duration, Instant};

use indicatif::HumanBytes;
use ltx_jobs::{BatchProgress, BatchState};

use crate::moving::Moving;
use crate::speed::{Speed, clock};

/// Items that must have ended before a pace is believed, however few are at work at once.
const ENOUGH: u64 = 3;

/// Where the jobs are at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// Waiting to be submitted.
    pub(crate) queued: u64,
    /// Being submitted, or running at the service.
    pub(crate) at_work: u64,
    /// Completed, and waiting to be saved or being saved.
    pub(crate) saving: u64,
    /// Those that have ended and took time for it.
    pub(crate) done: u64,
    /// Bytes of what is saved.
    pub(crate) bytes: u64,
    /// Since it began.
    pub(crate) elapsed: Duration,
}

impl From<&BatchProgress> for Standing {
    fn from(progress: &BatchProgress) -> Self {
        let ended: u64 = progress.ended.iter().sum();
        let at_once = progress.count(BatchState::WasSaved) + progress.count(BatchState::NotSubmitted);
        Self {
            queued: progress.queued,
            at_work: progress.submitting + progress.running,
            saving: progress.saving,
            done: ended.saturating_sub(at_once),
            bytes: progress.bytes,
            elapsed: progress.elapsed,
        }
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Most jobs that were at work at the same time.
    most: u64,
    speed: Speed,
    bytes: u64,
    left: Option<Duration>,
}

impl Pace {
    /// Looks once more.
    pub(crate) fn look(&mut self, now: Instant, standing: impl Into<Standing>, moving: &[Moving]) {
        let standing = standing.into();
        let Standing {
            queued,
            at_work,
            saving,
            ..
        } = standing;
        self.most = self.most.max(at_work + moving.len() as u64);
        let under_way: u64 = moving.iter().map(|one| one.bytes_done).sum();
        // A transfer that has just ended is for a moment in neither of the two.
        self.bytes = self.bytes.max(standing.bytes.saturating_add(under_way));
        self.speed.at(now, self.bytes);
        self.left = match (queued + at_work + saving, saving) {
            (0, _) => None,
            (open, saving) if open == saving => self
                .left_of_bytes(saving, moving)
                .or_else(|| self.left_of_jobs(open, standing)),
            (open, _) => self.left_of_jobs(open, standing),
        };
    }

    /// How long the rest takes; nothing where it cannot be told.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.left
    }

    /// Of the last seconds, once it can be told.
    pub(crate) fn bytes_per_second(&self) -> Option<f64> {
        self.speed.bytes_per_second().filter(|speed| *speed > 0.0)
    }

    /// Bytes, speed, time since it began and time left, for people.
    pub(crate) fn sums(&self, elapsed: Duration) -> String {
        let mut sums = HumanBytes(self.bytes).to_string();
        if let Some(speed) = self.bytes_per_second() {
            sums.push_str(&format!(" at {}/s", HumanBytes(speed as u64)));
        }
        sums.push_str(&format!("  {}", clock(elapsed)));
        if let Some(left) = self.left {
            sums.push_str(&format!(", about {} left", clock(left)));
        }
        sums
    }

    fn left_of_jobs(&self, open: u64, standing: Standing) -> Option<Duration> {
        if standing.done < self.most.max(ENOUGH) {
            return None;
        }
        let open = u32::try_from(open).ok()?;
        Some(standing.elapsed.checked_mul(open)? / u32::try_from(standing.done).ok()?)
    }

    fn left_of_bytes(&self, saving: u64, moving: &[Moving]) -> Option<Duration> {
        if moving.len() as u64 != saving {
            // Some wait for their turn, and nobody knows their size.
            return None;
        }
        let rest: u64 = moving
            .iter()
            .map(|one| Some(one.bytes_total?.saturating_sub(one.bytes_done)))
            .sum::<Option<u64>>()?;
        self.speed.left(Some(self.bytes.saturating_add(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(ended: &[(BatchState, u64)], open: [u64; 4]) -> BatchProgress {
        let mut progress = BatchProgress::default();
        for (state, many) in ended {
            let at = BatchState::ALL.iter().position(|known| known == state).unwrap();
            progress.ended[at] = *many;
        }
        [progress.queued, progress.submitting, progress.running, progress.saving] = open;
        progress.elapsed = Duration::from_secs(50);
        progress
    }

    fn moving(done: u64, total: Option<u64>) -> Moving {
        Moving {
            key: "a".to_owned(),
            bytes_done: done,
            bytes_total: total,
            frames_done: 0,
            frames_total: None,
        }
    }

    #[test]
    fn the_pace_is_that_of_jobs_of_this_run_and_needs_as_many_as_were_at_work_at_once() {
        let ended = [
            (BatchState::WasSaved, 100),
            (BatchState::Saved, 4),
            (BatchState::Failed, 1),
        ];
        let mut pace = Pace::default();
        pace.look(Instant::now(), &progress(&ended, [10, 0, 4, 1]), &[moving(1, None)]);
        assert_eq!(pace.left(), Some(Duration::from_secs(150)));
        // Five have ended of eight that are at work: their pace is not yet that of the others.
        let mut crowd = Pace::default();
        crowd.look(Instant::now(), &progress(&ended, [10, 0, 8, 0]), &[]);
        assert_eq!(crowd.left(), None);
        crowd.look(
            Instant::now(),
            &progress(&[(BatchState::Saved, 10)], [10, 0, 2, 0]),
            &[],
        );
        assert_eq!(crowd.left(), Some(Duration::from_secs(60)));
        // Nothing to tell by, or nothing left.
        for (ended, open) in [
            ([(BatchState::WasSaved, 100)], [10, 0, 0, 0]),
            ([(BatchState::Saved, 2)], [10, 0, 1, 0]),
            ([(BatchState::Saved, 100)], [0, 0, 0, 0]),
        ] {
            let mut pace = Pace::default();
            pace.look(Instant::now(), &progress(&ended, open), &[]);
            assert_eq!(pace.left(), None, "{ended:?} {open:?}");
        }
    }

    #[test]
    fn when_only_transfers_are_left_their_bytes_tell() {
        let began = Instant::now();
        let mut pace = Pace::default();
        let only_saving = progress(&[(BatchState::Saved, 2)], [0, 0, 0, 2]);
        for second in 0..=4 {
            let there = [
                moving(second * 1_000_000, Some(10_000_000)),
                moving(second * 1_000_000, Some(6_000_000)),
            ];
            pace.look(began + Duration::from_secs(second), &only_saving, &there);
        }
        assert_eq!(pace.bytes_per_second(), Some(2e6));
        assert_eq!(pace.left(), Some(Duration::from_secs(4)));
        // One waits for its turn, or nobody has said how large it is.
        pace.look(began + Duration::from_secs(5), &only_saving, &[moving(9, Some(10))]);
        assert_eq!(pace.left(), None);
        pace.look(
            began + Duration::from_secs(6),
            &only_saving,
            &[moving(9, Some(10)), moving(9, None)],
        );
        assert_eq!(pace.left(), None);
        assert_eq!(pace.bytes, 8_000_000, "it never goes back");
    }
}
