//! How a command ends: the exit code of every failure.
//!
//! Pure. The codes are those the help text lists; scripts rely on them.

use ltx_jobs::{Error, ErrorKind};

/// All went well.
pub(crate) const DONE: u8 = 0;
/// A defect of this program.
pub(crate) const INTERNAL: u8 = 1;
/// Wrong arguments or settings.
pub(crate) const USAGE: u8 = 2;
/// Stopped by the user; 128 and SIGINT's number, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// The part of the help text that explains the codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    internal error
  2    usage, settings or request (errors 100-109)
  3    account: key, credits, limits of rate and cost (110-119)
  4    the service, or something in front of it (120-129)
  5    network (130-139)
  6    the job: failed, unknown, not found, time limit over (140-149)
  7    results: expired, damaged, unsafe (150-159)
  8    this machine: files, disk space (160-169)
  130  interrupted; what was printed says how to go on

Every setting is also an environment variable, LTX_ and its name in capitals (LTX_POLL_INTERVAL);
the key is LTXV_API_KEY or LTX_API_KEY. Durations are seconds, or have a unit: 500ms, 2m, 1h.

Every submit is written down in the journal before it is sent: after a crash, `ltx-jobs recover` finds its job again.";

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Told with its kind and number.
    Error(Error),
    /// The same, where something is left that can be gone on with, by this command.
    JobLeft(Error, String),
    /// The user stopped it, and was told how to go on.
    Interrupted,
    /// Several things went wrong and were told one by one; the code of the first.
    Told(u8),
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Error(Error::from_face(kind, message))
    }

    /// An error with the command that goes on, if there is one.
    pub(crate) fn with_command(error: Error, command: Option<String>) -> Self {
        match command {
            Some(command) => Self::JobLeft(error, command),
            None => Self::Error(error),
        }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Error(error) | Self::JobLeft(error, _) => code(error.kind()),
            Self::Interrupted => INTERRUPTED,
            Self::Told(code) => *code,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// By the group of the error's number, so that a kind added to a group needs no line here.
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind.number() {
        100..=109 => USAGE,
        110..=119 => 3,
        120..=129 => 4,
        130..=139 => 5,
        140..=149 => 6,
        150..=159 => 7,
        160..=169 => 8,
        171 => INTERRUPTED,
        _ => INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_errors_has_its_code() {
        let cases = [
            (ErrorKind::Config, 2),
            (ErrorKind::Unauthenticated, 3),
            (ErrorKind::CostLimit, 3),
            (ErrorKind::Gateway, 4),
            (ErrorKind::ConnectionLost, 5),
            (ErrorKind::SubmitUnknown, 6),
            (ErrorKind::WaitTimeout, 6),
            (ErrorKind::LimitExceeded, 7),
            (ErrorKind::NoSpace, 8),
            (ErrorKind::Cancelled, 130),
            (ErrorKind::Closed, 1),
            (ErrorKind::Internal, 1),
        ];
        for (kind, expected) in cases {
            assert_eq!(code(kind), expected, "{}", kind.name());
        }
    }

    #[test]
    fn no_error_ends_with_success() {
        for kind in ErrorKind::ALL {
            assert_ne!(code(*kind), DONE, "{}", kind.name());
        }
    }
}
