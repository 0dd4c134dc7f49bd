//! What an answer, a date or a journal says about the part that was looked at. Pure: evidence in, findings out.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use url::Url;

use super::finding::{CheckedPart, Finding};
use crate::config::Origin;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, Fate, Place};
use crate::retry::after::server_date;
use crate::secret::redact;
use crate::transport::{Answer, Failure, FailureKind, Route, Trust};

/// A clock that is wrong by more breaks what depends on it: signed addresses live for minutes, and a date in `Retry-After` is meant to the second.
const WORST_SKEW: Duration = Duration::from_secs(60);

const WHAT: &str = "check";

/// The three things one request tells: whether the service can be reached, whether it is the service, and whether it takes the key.
pub(super) struct Reached {
    pub(super) proxy: Finding,
    pub(super) certificates: Finding,
    pub(super) api: Finding,
    pub(super) key: Finding,
    /// Whether the service itself spoke.
    pub(super) is_service: bool,
}

impl Reached {
    /// What is known before anything is asked.
    pub(super) fn unasked(asked: &Asked<'_>) -> Self {
        Self {
            proxy: proxy(asked.route),
            certificates: certificates(asked.base_url, asked.trust),
            api: Finding::skipped(CheckedPart::Api, "the service was not reached"),
            key: Finding::skipped(CheckedPart::Key, "the service was not reached"),
            is_service: false,
        }
    }
}

/// How the request went.
pub(super) struct Asked<'a> {
    pub(super) base_url: &'a Url,
    pub(super) route: &'a Route,
    pub(super) trust: &'a Trust,
    pub(super) key_origin: &'a Origin,
    pub(super) elapsed: Duration,
}

/// Judges the answer to a request for a job that cannot exist.
pub(super) fn reached(asked: &Asked<'_>, outcome: std::result::Result<&Answer, Failure>) -> Reached {
    use CheckedPart::{Api, Certificates, Key, Proxy};
    let address = redact(asked.base_url);
    let mut found = Reached::unasked(asked);
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => {
            let (kind, error) = (failure.kind, failure.into_error(WHAT));
            match kind {
                FailureKind::Proxy => found.proxy = Finding::failed(Proxy, error).about(&found.proxy),
                FailureKind::Tls | FailureKind::Certificate => {
                    found.certificates = Finding::failed(Certificates, error).about(&found.certificates)
                }
                _ => found.api = Finding::failed(Api, error).after(asked.elapsed),
            }
            return found;
        }
    };
    let error = not_the_service(answer).unwrap_or_else(|| answer.to_error(WHAT));
    found.is_service = answer.is_ours() && error.kind() != ErrorKind::Protocol;
    let answers = Finding::ok(Api, format!("{address} answers")).after(asked.elapsed);
    match error.kind() {
        // Exactly what the service says of an id it does not know.
        ErrorKind::NotFound => {
            found.api = answers;
            found.key = Finding::ok(Key, format!("the service takes it ({})", asked.key_origin));
        }
        ErrorKind::Unauthenticated | ErrorKind::PermissionDenied => {
            found.api = answers;
            found.key = Finding::failed(Key, error);
        }
        _ => {
            found.api = Finding::failed(Api, error).after(asked.elapsed);
            found.key = Finding::skipped(Key, "the service did not say");
        }
    }
    found
}

/// A job that cannot exist was found: whoever answers that is something else.
fn not_the_service(answer: &Answer) -> Option<Error> {
    (200..300).contains(&answer.status).then(|| {
        Error::new(
            ErrorKind::Protocol,
            format!(
                "{WHAT}: status {} for a job that cannot exist; this is not the service{}",
                answer.status,
                answer.excerpt()
            ),
        )
        .with_http_status(answer.status)
        .with_advice("look at base_url, and for a sign-in page of the network")
    })
}

fn proxy(route: &Route) -> Finding {
    match route {
        Route::Direct { why } => Finding::ok(CheckedPart::Proxy, format!("none: {why}")),
        Route::Proxy { address, said_by } => Finding::ok(CheckedPart::Proxy, format!("{address} ({said_by})")),
        Route::Unusable { said_by } => Finding::warning(
            CheckedPart::Proxy,
            format!("none: {said_by} holds no usable proxy address, and is not used"),
        ),
    }
}

fn certificates(base_url: &Url, trust: &Trust) -> Finding {
    if base_url.scheme() == "http" {
        Finding::ok(
            CheckedPart::Certificates,
            "none are needed: the address is not encrypted",
        )
    } else {
        Finding::ok(CheckedPart::Certificates, format!("trusted are {trust}"))
    }
}

/// Compares the clocks. `asked` and `answered` are this machine's, before and after.
pub(super) fn clock(headers: &HeaderMap, asked: SystemTime, answered: SystemTime) -> Finding {
    let Some(theirs) = server_date(headers) else {
        return Finding::skipped(CheckedPart::Clock, "the service sent no date");
    };
    // A date is cut to whole seconds, and was written somewhere between the two.
    let theirs = theirs + Duration::from_millis(500);
    let ours = asked + answered.duration_since(asked).unwrap_or_default() / 2;
    let (skew, word) = match ours.duration_since(theirs) {
        Ok(skew) => (skew, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if skew <= WORST_SKEW {
        return Finding::ok(
            CheckedPart::Clock,
            format!("within {} s of the service's", skew.as_secs() + 1),
        );
    }
    Finding::warning(
        CheckedPart::Clock,
        format!(
            "this machine's clock is {} {word} the service's; the expiry of signed addresses and dates in Retry-After depend on it: set it by the network",
            spoken(skew)
        ),
    )
}

fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What the journal said: the submits it knows, and those of them whose outcome is unknown.
pub(super) fn journal(found: Result<(Place, Vec<Entry>)>, elapsed: Duration) -> (Finding, usize, usize) {
    use CheckedPart::Journal;
    let (place, entries) = match found {
        Ok(found) => found,
        Err(error) => return (Finding::failed(Journal, error).after(elapsed), 0, 0),
    };
    let unknown = entries
        .iter()
        .filter(|entry| matches!(entry.fate, Fate::Unknown { .. }))
        .count();
    let submits = entries.len();
    let known = match submits {
        0 => "knows no submits".to_owned(),
        1 => "knows 1 submit".to_owned(),
        _ => format!("knows {submits} submits"),
    };
    let doubts = (unknown > 0).then(|| {
        format!("; {unknown} of unknown outcome: a job may exist and be billed; look at the account, then resolve")
    });
    let finding = match place {
        Place::Nowhere => Finding::ok(Journal, "off: a submit whose answer is lost is known nowhere"),
        Place::Memory { instead_of: Some(why) } => Finding::warning(
            Journal,
            format!(
                "in memory: the default directory cannot be used ({why}); after a crash, jobs cannot be found again"
            ),
        ),
        place => {
            let place = match place {
                Place::Directory(path) => format!("{} can be written", path.display()),
                _ => "in memory".to_owned(),
            };
            match doubts {
                Some(doubts) => Finding::warning(Journal, format!("{place}, {known}{doubts}")),
                None => Finding::ok(Journal, format!("{place}, {known}")),
            }
        }
    };
    (finding.after(elapsed), submits, unknown)
}

/// What came back from the storage for a request it can only refuse.
pub(super) struct StorageSaid {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
}

/// Judges the storage's answer: any word of its own will do.
pub(super) fn storage(
    host: &str,
    route: &Route,
    said: std::result::Result<StorageSaid, Failure>,
    elapsed: Duration,
) -> Finding {
    use CheckedPart::Storage;
    let said = match said {
        Ok(said) => said,
        Err(failure) => return Finding::failed(Storage, failure.into_error("reaching the storage")).after(elapsed),
    };
    let finding = if is_storage(&said) {
        let way = match route {
            Route::Proxy { address, .. } => format!(" through {address}"),
            _ => String::new(),
        };
        Finding::ok(
            Storage,
            format!("{host} answers{way}; uploads go there, results may come from another host"),
        )
    } else {
        Finding::warning(
            Storage,
            format!(
                "something answered {} for {host} that does not look like a storage; is there a proxy or firewall in between?",
                said.status
            ),
        )
    };
    finding.after(elapsed)
}

/// The storages of the world say who they are in a header, or refuse in XML.
fn is_storage(said: &StorageSaid) -> bool {
    let prefixes = ["x-goog-", "x-guploader-", "x-amz-", "x-ms-"];
    let by_header = said
        .headers
        .keys()
        .any(|name| prefixes.iter().any(|prefix| name.as_str().starts_with(prefix)));
    said.status < 300 || by_header || String::from_utf8_lossy(&said.body).contains("<Code>")
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
