//! What a check found: one finding for each part that has to work, in words.

use std::fmt;
use std::time::Duration;

use crate::config::Origin;
use crate::error::Error;

/// What [`Client::check`](crate::Client::check) looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckedPart {
    /// The way to the service: directly or through a proxy, and who said so.
    Proxy,
    /// What decides whether the service's certificate is trusted.
    Certificates,
    /// Whether the service answers.
    Api,
    /// Whether the service takes the key.
    Key,
    /// This machine's clock against the service's.
    Clock,
    /// Whether submits can be written down, and what waits there.
    Journal,
    /// Whether the storage for uploads can be reached.
    Storage,
}

impl CheckedPart {
    /// The word used in every language: `proxy`, `certificates`, `api`, `key`, `clock`, `journal`, `storage`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Certificates => "certificates",
            Self::Api => "api",
            Self::Key => "key",
            Self::Clock => "clock",
            Self::Journal => "journal",
            Self::Storage => "storage",
        }
    }
}

/// How a part was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingState {
    /// As it should be.
    Ok,
    /// It works, but should be looked at.
    Warning,
    /// It does not work.
    Failed,
    /// Nobody can tell, because something before it failed.
    Skipped,
}

impl FindingState {
    /// The word used in every language: `ok`, `warning`, `failed`, `skipped`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What was found about one part. `Display` is one line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// Which part.
    pub what: CheckedPart,
    /// How it is.
    pub state: FindingState,
    /// In words, for people; without credentials.
    pub detail: String,
    /// How long it took, where something was asked.
    pub elapsed: Option<Duration>,
    /// What went wrong, when it failed.
    pub error: Option<Error>,
}

impl Finding {
    fn new(what: CheckedPart, state: FindingState, detail: impl Into<String>) -> Self {
        Self {
            what,
            state,
            detail: detail.into(),
            elapsed: None,
            error: None,
        }
    }

    pub(super) fn ok(what: CheckedPart, detail: impl Into<String>) -> Self {
        Self::new(what, FindingState::Ok, detail)
    }

    pub(super) fn warning(what: CheckedPart, detail: impl Into<String>) -> Self {
        Self::new(what, FindingState::Warning, detail)
    }

    pub(super) fn skipped(what: CheckedPart, why: impl Into<String>) -> Self {
        Self::new(what, FindingState::Skipped, why)
    }

    pub(super) fn failed(what: CheckedPart, error: Error) -> Self {
        let mut detail = error.message().to_owned();
        if let Some(advice) = error.advice() {
            detail.push_str("; ");
            detail.push_str(advice);
        }
        if let Some(id) = error.request_id() {
            detail.push_str(&format!(" [request id {id}]"));
        }
        Self {
            error: Some(error),
            ..Self::new(what, FindingState::Failed, detail)
        }
    }

    /// What is known of the part apart from its failure.
    pub(super) fn about(mut self, before: &Self) -> Self {
        self.detail = format!("{}: {}", before.detail, self.detail);
        self
    }

    pub(super) fn after(mut self, elapsed: Duration) -> Self {
        self.elapsed = Some(elapsed);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, state) = (self.what.name(), self.state.name());
        write!(f, "{what:<12}  {state:<7}  {}", self.detail)?;
        match self.elapsed {
            Some(elapsed) => write!(f, " ({:.0} ms)", elapsed.as_secs_f64() * 1e3),
            None => Ok(()),
        }
    }
}

/// What [`Client::check`](crate::Client::check) found. `Display` is a report for people: every setting with its origin, then every finding.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// From the call to the last answer.
    pub elapsed: Duration,
    /// How many submits to this service the journal knows.
    pub submits: usize,
    /// How many of them have an unknown outcome, and wait for [`Client::resolve`](crate::Client::resolve).
    pub unknown: usize,
    /// One finding for each part.
    pub findings: Vec<Finding>,
    /// Every setting with its value and where that came from; the key as `***`.
    pub settings: Vec<(&'static str, String, Origin)>,
}

impl Checked {
    /// What keeps jobs from being submitted or waited for: the error with which a check ends unless its failures are kept.
    pub fn error(&self) -> Option<&Error> {
        let of = |finding: &'_ Finding| finding.what != CheckedPart::Storage && finding.error.is_some();
        self.findings.iter().find(|finding| of(finding))?.error.as_ref()
    }

    /// What failed first, if anything did.
    pub fn failure(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.state == FindingState::Failed)
    }

    /// The finding about a part.
    pub fn finding(&self, what: CheckedPart) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.what == what)
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value, origin) in &self.settings {
            writeln!(f, "{key}: {value} ({origin})")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}
