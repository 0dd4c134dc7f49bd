//! Many jobs in one view: the lines of the display, the sentence of a log, the fields of an event. Pure.

use std::time::Duration;

use indicatif::HumanBytes;
use ltx_jobs::{BatchOutcome, BatchProgress, BatchState};
use serde_json::{Map, Value, json};

use crate::report;
use crate::show::describe;
use crate::speed::clock;

/// Items of this run that must have ended before a time is told.
const ENOUGH: u64 = 3;

/// How long the rest takes when it goes on as it did; not told before something can be.
pub(super) fn left(progress: &BatchProgress) -> Option<Duration> {
    let open = progress.queued + progress.submitting + progress.running + progress.saving;
    let ended: u64 = progress.ended.iter().sum();
    // They took no time.
    let at_once = progress.count(BatchState::WasSaved) + progress.count(BatchState::NotSubmitted);
    let done = u32::try_from(ended.saturating_sub(at_once)).ok()?;
    if open == 0 || u64::from(done) < ENOUGH {
        return None;
    }
    Some(progress.elapsed.checked_mul(u32::try_from(open).ok()?)? / done)
}

/// How many items have ended.
pub(super) fn ended(progress: &BatchProgress) -> u64 {
    progress.ended.iter().sum()
}

/// What stands below the bar.
pub(super) fn lines(progress: &BatchProgress) -> Vec<String> {
    let saved = progress.count(BatchState::Saved);
    let before = match progress.count(BatchState::WasSaved) {
        0 => String::new(),
        many => format!(" (and {many} before)"),
    };
    let mut lines = vec![
        format!(
            "queued {}  submitting {}  running {}  saving {}",
            progress.queued, progress.submitting, progress.running, progress.saving
        ),
        format!("saved {saved}{before}"),
    ];
    let rest = [
        BatchState::Completed,
        BatchState::Failed,
        BatchState::Unknown,
        BatchState::Unsaved,
        BatchState::NotSubmitted,
    ];
    if let Some(line) = lines.last_mut() {
        for state in rest {
            let count = progress.count(state);
            if count > 0 || matches!(state, BatchState::Failed | BatchState::Unknown) {
                line.push_str(&format!("  {} {count}", state.name().replace('_', " ")));
            }
        }
    }
    let mut sums = format!("{}, {}", HumanBytes(progress.bytes), clock(progress.elapsed));
    if progress.committed > ltx_jobs::Usd::ZERO {
        sums.push_str(&format!(", USD {}", progress.committed));
    }
    if let Some(left) = left(progress) {
        sums.push_str(&format!(", about {} left", clock(left)));
    }
    lines.push(sums);
    if let Some(why) = &progress.paused {
        lines.push(format!("nothing more is submitted: {why}"));
    }
    lines
}

/// The same in one line.
pub(super) fn sentence(progress: &BatchProgress) -> String {
    let left = left(progress).map(|left| format!(", about {} left", clock(left)));
    format!("{progress}{}", left.unwrap_or_default())
}

/// The account as an event.
pub(super) fn account(name: &str, progress: &BatchProgress) -> Value {
    let ended: Map<String, Value> = BatchState::ALL
        .iter()
        .map(|state| (state.name().to_owned(), progress.count(*state).into()))
        .collect();
    json!({
        "name": name,
        "items": progress.items,
        "queued": progress.queued,
        "submitting": progress.submitting,
        "running": progress.running,
        "saving": progress.saving,
        "ended": ended,
        "bytes": progress.bytes,
        "usd": progress.committed.to_string(),
        "paused": progress.paused,
        "elapsed_s": progress.elapsed.as_secs_f64(),
        "left_s": left(progress).map(|left| left.as_secs_f64()),
        "all_done": progress.is_all_done(),
    })
}

/// An item that has ended, as an event.
pub(super) fn item(outcome: &BatchOutcome, go_on: Option<&str>) -> Value {
    json!({
        "key": outcome.key,
        "label": outcome.label,
        "state": outcome.state.name(),
        "ref": outcome.job.as_ref().map(ToString::to_string),
        "paths": outcome.paths,
        "urls": outcome.urls,
        "bytes": outcome.bytes,
        "error": outcome.error.as_ref().map(describe),
        "go_on": go_on,
    })
}

/// An item that is done, for people.
pub(super) fn done(outcome: &BatchOutcome) -> String {
    let (key, bytes) = (&outcome.key, HumanBytes(outcome.bytes));
    let places = match outcome.urls.as_slice() {
        [] => report::places(&outcome.paths),
        [one] => vec![one.clone()],
        [first, .., last] => vec![format!("{first} .. {last} ({} objects)", outcome.urls.len())],
    };
    match outcome.state {
        BatchState::Saved => format!("{key}: saved {bytes}: {}", places.join(", ")),
        BatchState::WasSaved => format!("{key}: was saved before: {}", places.join(", ")),
        state => {
            let job = outcome.job.as_ref().map(|job| format!(": {job}"));
            format!("{key}: {state}{}", job.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(ended: &[(BatchState, u64)]) -> BatchProgress {
        let mut progress = BatchProgress::default();
        for (state, many) in ended {
            let at = BatchState::ALL.iter().position(|known| known == state).unwrap();
            progress.ended[at] = *many;
        }
        progress
    }

    #[test]
    fn the_time_left_counts_what_this_run_has_done() {
        let mut progress = progress(&[
            (BatchState::WasSaved, 100),
            (BatchState::Saved, 4),
            (BatchState::Failed, 1),
        ]);
        progress.elapsed = Duration::from_secs(50);
        (progress.queued, progress.running, progress.saving) = (10, 4, 1);
        assert_eq!(left(&progress), Some(Duration::from_secs(150)));
        // Nothing to tell by, or nothing left.
        (progress.queued, progress.running, progress.saving) = (0, 0, 0);
        assert_eq!(left(&progress), None);
        let mut young = self::progress(&[(BatchState::WasSaved, 100), (BatchState::Saved, 2)]);
        (young.elapsed, young.queued) = (Duration::from_secs(50), 10);
        assert_eq!(left(&young), None);
    }

    #[test]
    fn the_view_has_every_number_in_few_lines() {
        let mut progress = progress(&[
            (BatchState::Saved, 40),
            (BatchState::WasSaved, 2),
            (BatchState::Failed, 1),
        ]);
        progress.items = 200;
        (progress.queued, progress.submitting, progress.running, progress.saving) = (140, 4, 10, 3);
        progress.bytes = 3 << 30;
        progress.elapsed = Duration::from_secs(410);
        progress.committed = "12.5".parse().unwrap();
        assert_eq!(
            lines(&progress),
            [
                "queued 140  submitting 4  running 10  saving 3",
                "saved 40 (and 2 before)  failed 1  unknown 0",
                "3.00 GiB, 6:50, USD 12.50, about 26:10 left",
            ]
        );
        progress.paused = Some("no credits".to_owned());
        assert_eq!(
            lines(&progress).last().unwrap(),
            "nothing more is submitted: no credits"
        );
        let account = account("film", &progress);
        assert_eq!(account["ended"]["was_saved"], 2);
        assert_eq!(account["usd"], "12.50");
        assert_eq!(account["all_done"], false);
        assert!(sentence(&progress).starts_with("200 items, 140 queued"));
    }
}
