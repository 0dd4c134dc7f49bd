//! When a batch stops submitting: at once when the account or the journal is in the way of every submit, and when nothing but doubt and outages comes back.
//! Pure.

use crate::error::{Error, ErrorKind};

/// Submits in a row that ended in doubt or found no service, after all their own retries.
const ENOUGH: u32 = 3;

/// What was seen in a row.
#[derive(Debug, Default)]
pub(super) struct Trouble(u32);

impl Trouble {
    /// A submit was accepted.
    pub(super) fn accepted(&mut self) {
        self.0 = 0;
    }

    /// A submit, or a job, ended with an error: why nothing more should be submitted, if so.
    pub(super) fn see(&mut self, error: &Error) -> Option<String> {
        match error.kind() {
            ErrorKind::Unauthenticated | ErrorKind::PermissionDenied | ErrorKind::InsufficientFunds => {
                Some(format!("the account: {}", error.message()))
            }
            ErrorKind::Config | ErrorKind::Journal | ErrorKind::NoSpace | ErrorKind::Closed | ErrorKind::Forked => {
                Some(error.message().to_owned())
            }
            // Of a job, or of one request: it says nothing of the others.
            _ if error.job_ended() => None,
            ErrorKind::SubmitUnknown
            | ErrorKind::IdLost
            | ErrorKind::Gateway
            | ErrorKind::Protocol
            | ErrorKind::Server
            | ErrorKind::Unavailable
            | ErrorKind::Overloaded
            | ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Tls
            | ErrorKind::Proxy
            | ErrorKind::RequestTimeout
            | ErrorKind::Stalled
            | ErrorKind::ConnectionLost => {
                self.0 += 1;
                (self.0 >= ENOUGH)
                    .then(|| format!("{} submits in a row failed; the last one: {}", self.0, error.message()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(trouble: &mut Trouble, kind: ErrorKind) -> bool {
        trouble.see(&Error::new(kind, "on purpose")).is_some()
    }

    #[test]
    fn the_account_and_the_journal_stop_everything_at_once() {
        for kind in [
            ErrorKind::Unauthenticated,
            ErrorKind::InsufficientFunds,
            ErrorKind::PermissionDenied,
            ErrorKind::Journal,
            ErrorKind::Config,
        ] {
            assert!(seen(&mut Trouble::default(), kind), "{kind:?}");
        }
    }

    #[test]
    fn doubts_stop_it_when_they_come_in_a_row_and_what_one_request_is_refused_for_never_does() {
        let mut trouble = Trouble::default();
        for _ in 0..10 {
            assert!(!seen(&mut trouble, ErrorKind::InvalidRequest));
            assert!(!seen(&mut trouble, ErrorKind::CostLimit));
        }
        assert!(!seen(&mut trouble, ErrorKind::SubmitUnknown));
        assert!(!seen(&mut trouble, ErrorKind::Gateway));
        trouble.accepted();
        assert!(!seen(&mut trouble, ErrorKind::SubmitUnknown));
        assert!(!seen(&mut trouble, ErrorKind::InvalidRequest));
        assert!(!seen(&mut trouble, ErrorKind::Connect));
        assert!(seen(&mut trouble, ErrorKind::SubmitUnknown));
    }
}
