//! How a batch ended, as an exit code. Pure.

use ltx_jobs::{BatchOutcome, BatchState, ErrorKind};

use crate::exit;

/// From the one that needs a look first to the one that needs it last: doubt about the bill and jobs that failed, the account, the service, the network,
/// this machine, results, and what was wrong with a request.
const WORST_FIRST: [u8; 8] = [exit::INTERNAL, 6, 3, 4, 5, 8, 7, exit::USAGE];

/// The worst of what was seen.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    worst: Option<u8>,
    open: bool,
}

impl Verdict {
    pub(crate) fn see(&mut self, outcome: &BatchOutcome) {
        self.see_one(outcome.state, outcome.error.as_ref().map(ltx_jobs::Error::kind));
    }

    fn see_one(&mut self, state: BatchState, error: Option<ErrorKind>) {
        if state.is_done() {
            return;
        }
        self.open = true;
        let code = match (state, error) {
            (BatchState::Unknown, _) => 6,
            // Left out with the others: the code is that of what stood in the way.
            (_, None | Some(ErrorKind::Cancelled)) => return,
            (_, Some(kind)) => exit::code(kind),
        };
        let rank = |code: u8| WORST_FIRST.iter().position(|known| *known == code);
        if self.worst.is_none_or(|worst| rank(code) < rank(worst)) {
            self.worst = Some(code);
        }
    }

    /// The exit code; none when every item is done.
    pub(crate) fn code(&self, interrupted: bool) -> Option<u8> {
        match (self.open, interrupted) {
            (false, _) => None,
            (true, true) => Some(exit::INTERRUPTED),
            // Jobs are missing, and no error says why.
            (true, false) => Some(self.worst.unwrap_or(6)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_the_worst_and_zero_only_when_everything_is_done() {
        use BatchState::{Completed, Failed, NotSubmitted, Running, Saved, Unknown, Unsaved, WasSaved};
        type Seen<'a> = &'a [(BatchState, Option<ErrorKind>)];
        let cases: [(Seen<'_>, Option<u8>); 8] = [
            (&[(Saved, None), (WasSaved, None), (Completed, None)], None),
            (&[(Saved, None), (Failed, Some(ErrorKind::InvalidRequest))], Some(2)),
            (
                &[
                    (Unsaved, Some(ErrorKind::NoSpace)),
                    (NotSubmitted, Some(ErrorKind::InsufficientFunds)),
                    (NotSubmitted, None),
                ],
                Some(3),
            ),
            (
                &[
                    (Unknown, Some(ErrorKind::SubmitUnknown)),
                    (NotSubmitted, Some(ErrorKind::CostLimit)),
                ],
                Some(6),
            ),
            (
                &[
                    (Unsaved, Some(ErrorKind::ConnectionLost)),
                    (Failed, Some(ErrorKind::NotFound)),
                ],
                Some(6),
            ),
            (
                &[
                    (Unsaved, Some(ErrorKind::ResultExpired)),
                    (Unsaved, Some(ErrorKind::Exists)),
                ],
                Some(8),
            ),
            (&[(NotSubmitted, None)], Some(6)),
            (&[(Running, Some(ErrorKind::Cancelled))], Some(6)),
        ];
        for (seen, expected) in cases {
            let mut verdict = Verdict::default();
            for (state, error) in seen {
                verdict.see_one(*state, *error);
            }
            assert_eq!(verdict.code(false), expected, "{seen:?}");
            assert_eq!(verdict.code(true), expected.map(|_| 130), "{seen:?}");
        }
    }

    #[test]
    fn every_group_of_errors_has_its_rank() {
        for kind in ErrorKind::ALL {
            let code = exit::code(*kind);
            assert!(
                code == exit::INTERRUPTED || WORST_FIRST.contains(&code),
                "{}",
                kind.name()
            );
        }
    }
}
