//! Many jobs in one view: the lines of the display, the sentence of a log, the fields of an event. Pure.

use indicatif::HumanBytes;
use ltx_jobs::{BatchOutcome, BatchProgress, BatchState};
use serde_json::{Map, Value, json};

use crate::moving::{self, Moving};
use crate::pace::Pace;
use crate::report;
use crate::show::describe;
use crate::speed::clock;

/// How many items have ended.
pub(super) fn ended(progress: &BatchProgress) -> u64 {
    progress.ended.iter().sum()
}

/// What stands below the bar.
pub(super) fn lines(progress: &BatchProgress, moving: &[Moving], pace: &Pace) -> Vec<String> {
    let before = progress.count(BatchState::WasSaved);
    let done = progress.count(BatchState::Saved) + progress.count(BatchState::Completed) + before;
    let before = match before {
        0 => String::new(),
        many => format!(" ({many} before)"),
    };
    let mut lines = vec![format!(
        "queued {}  submitting {}  running {}  transferring {}",
        progress.queued, progress.submitting, progress.running, progress.saving
    )];
    let mut ended = format!("done {done}{before}");
    for (state, word) in [
        (BatchState::Failed, "failed"),
        (BatchState::Unknown, "unknown"),
        (BatchState::Unsaved, "unsaved"),
        (BatchState::Running, "left running"),
        (BatchState::NotSubmitted, "not submitted"),
    ] {
        let count = progress.count(state);
        if count > 0 || matches!(state, BatchState::Failed | BatchState::Unknown) {
            ended.push_str(&format!("  {word} {count}"));
        }
    }
    lines.push(ended);
    lines.push(format!("USD {}  {}", progress.committed, pace.sums(progress.elapsed)));
    lines.extend(moving::lines(moving));
    if let Some(why) = &progress.paused {
        lines.push(format!("nothing more is submitted: {why}"));
    }
    lines
}

/// The same in one line.
pub(super) fn sentence(progress: &BatchProgress, pace: &Pace) -> String {
    let left = pace.left().map(|left| format!(", about {} left", clock(left)));
    format!("{progress}{}", left.unwrap_or_default())
}

/// The account as an event.
pub(super) fn account(name: &str, progress: &BatchProgress, moving: &[Moving], pace: &Pace) -> Value {
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
        "bytes_per_second": pace.bytes_per_second().map(|speed| speed as u64),
        "transfers": moving::fields(moving),
        "usd": progress.committed.to_string(),
        "paused": progress.paused,
        "elapsed_s": progress.elapsed.as_secs_f64(),
        "left_s": pace.left().map(|left| left.as_secs_f64()),
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
    use std::time::Duration;

    fn progress(ended: &[(BatchState, u64)]) -> BatchProgress {
        let mut progress = BatchProgress::default();
        for (state, many) in ended {
            let at = BatchState::ALL.iter().position(|known| known == state).unwrap();
            progress.ended[at] = *many;
        }
        progress
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
        let mut pace = Pace::default();
        let moving = |key: &str, total| Moving {
            key: key.to_owned(),
            bytes_done: 1 << 20,
            bytes_total: total,
            frames_done: 24,
            frames_total: total.map(|_| 121),
        };
        let transfers = [moving("sh041", Some(45 << 20)), moving("sh042", None)];
        pace.look(std::time::Instant::now(), &progress, &[]);
        assert_eq!(
            lines(&progress, &transfers, &pace),
            [
                "queued 140  submitting 4  running 10  transferring 3",
                "done 42 (2 before)  failed 1  unknown 0",
                "USD 12.50  3.00 GiB  6:50, about 26:10 left",
                "  sh041  1.00 MiB of 45.00 MiB, 24 of 121 frames",
                "  sh042  1.00 MiB",
            ]
        );
        progress.paused = Some("no credits".to_owned());
        let many = vec![moving("sh041", None); 6];
        assert_eq!(
            lines(&progress, &many, &pace)[7..],
            ["  and 2 more", "nothing more is submitted: no credits"]
        );
        let account = account("film", &progress, &transfers, &pace);
        assert_eq!(account["ended"]["was_saved"], 2);
        assert_eq!(account["usd"], "12.50");
        assert_eq!(account["transfers"][0]["frames_total"], 121);
        assert_eq!(account["all_done"], false);
        assert!(sentence(&progress, &pace).starts_with("200 items, 140 queued"));
    }
}
