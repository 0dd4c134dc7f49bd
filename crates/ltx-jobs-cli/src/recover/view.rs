//! The jobs that are brought home in one view: the lines of the display, the sentence of a log, the fields of an event. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use crate::moving::{self, Moving};
use crate::pace::{Pace, Standing};

/// Where the jobs are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Account {
    /// Jobs that have a place to go to.
    pub(super) jobs: u64,
    /// At work at the service.
    pub(super) running: u64,
    /// Completed, and waiting to be saved or being saved.
    pub(super) saving: u64,
    pub(super) saved: u64,
    /// Ended without a result.
    pub(super) failed: u64,
    /// Completed, and not saved.
    pub(super) unsaved: u64,
    /// Not waited for any longer.
    pub(super) left_running: u64,
    /// Of what is saved.
    pub(super) bytes: u64,
    /// Since it began.
    pub(super) elapsed: Duration,
}

impl Account {
    /// Jobs that nothing more is done for.
    pub(super) fn ended(&self) -> u64 {
        self.saved + self.failed + self.left_again()
    }

    /// Those of them that the same command takes up again.
    pub(super) fn left_again(&self) -> u64 {
        self.unsaved + self.left_running
    }
}

impl From<&Account> for Standing {
    fn from(account: &Account) -> Self {
        Self {
            queued: 0,
            at_work: account.running,
            saving: account.saving,
            done: account.ended(),
            bytes: account.bytes,
            elapsed: account.elapsed,
        }
    }
}

/// What stands below the bar.
pub(super) fn lines(account: &Account, moving: &[Moving], pace: &Pace) -> Vec<String> {
    let mut lines = vec![
        format!("running {}  transferring {}", account.running, account.saving),
        ended(account),
        pace.sums(account.elapsed),
    ];
    lines.extend(moving::lines(moving));
    lines
}

fn ended(account: &Account) -> String {
    let mut text = format!("saved {}  failed {}", account.saved, account.failed);
    for (word, count) in [("unsaved", account.unsaved), ("left running", account.left_running)] {
        if count > 0 {
            text.push_str(&format!("  {word} {count}"));
        }
    }
    text
}

/// The same in one line.
pub(super) fn sentence(account: &Account, pace: &Pace) -> String {
    format!(
        "{} jobs, {} running, {} transferring, {} saved, {} failed, {} left, {}",
        account.jobs,
        account.running,
        account.saving,
        account.saved,
        account.failed,
        account.left_again(),
        pace.sums(account.elapsed)
    )
}

/// The account as an event.
pub(super) fn event(account: &Account, moving: &[Moving], pace: &Pace) -> Value {
    json!({
        "jobs": account.jobs,
        "running": account.running,
        "saving": account.saving,
        "saved": account.saved,
        "failed": account.failed,
        "unsaved": account.unsaved,
        "left_running": account.left_running,
        "bytes": account.bytes,
        "bytes_per_second": pace.bytes_per_second().map(|speed| speed as u64),
        "transfers": moving::fields(moving),
        "elapsed_s": account.elapsed.as_secs_f64(),
        "left_s": pace.left().map(|left| left.as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_view_has_every_number_in_few_lines() {
        let mut account = Account {
            jobs: 40,
            running: 10,
            saving: 6,
            saved: 20,
            failed: 4,
            bytes: 3 << 30,
            elapsed: Duration::from_secs(48),
            ..Account::default()
        };
        let moving = [Moving {
            key: "sh041".to_owned(),
            bytes_done: 1 << 20,
            bytes_total: Some(45 << 20),
            frames_done: 24,
            frames_total: Some(121),
        }];
        let mut pace = Pace::default();
        pace.look(Instant::now(), &account, &moving);
        assert_eq!(
            lines(&account, &moving, &pace),
            [
                "running 10  transferring 6",
                "saved 20  failed 4",
                "3.00 GiB  0:48, about 0:32 left",
                "  sh041  1.00 MiB of 45.00 MiB, 24 of 121 frames",
            ]
        );
        (account.unsaved, account.left_running) = (1, 2);
        assert_eq!(
            lines(&account, &[], &pace)[1],
            "saved 20  failed 4  unsaved 1  left running 2"
        );
        assert!(
            sentence(&account, &pace).starts_with("40 jobs, 10 running, 6 transferring, 20 saved, 4 failed, 3 left, ")
        );
        let event = event(&account, &moving, &pace);
        assert_eq!(
            (&event["left_running"], &event["transfers"][0]["frames_total"]),
            (&2.into(), &121.into())
        );
    }
}
