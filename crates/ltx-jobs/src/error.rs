//! The one error type of the crate: what went wrong, whether trying again is safe, what it means for the bill, and what to do next.
//!
//! One pointer wide, cheap to clone, never contains the API key or the query of a signed URL. The numbers of [`ErrorKind`] are the same in Rust,
//! C, C++, Python and the command's JSON, and are never reused.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::job::JobRef;

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($number:literal $name:ident $doc:literal),+ $(,)?) => {
        /// What went wrong, as a stable number (see [`ErrorKind::number`]).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum ErrorKind {
            $(#[doc = $doc] $name = $number,)+
        }

        impl ErrorKind {
            /// Every kind, in order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The name as written in Rust, and as the value of `kind` in Python and JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}

kinds! {
    100 Config "A setting is missing or wrong.",
    101 InvalidRequest "The request can never be right (refused here), or the service answered 400.",
    102 RequestTooLarge "The request or an input is larger than the service takes.",
    103 ContentFiltered "The safety filter refused the input or the result.",
    104 InvalidArgument "An argument was NULL, of the wrong handle, or out of range (C interface).",
    105 InvalidState "The call does not fit the state of the object, for example a result that was taken already.",
    106 WouldDeadlock "The call would wait for itself (C interface, from inside a callback).",
    107 Unsupported "Not supported by this build or platform, or by the data found.",
    110 Unauthenticated "The API key is missing or not accepted.",
    111 InsufficientFunds "The account has not enough credits.",
    112 PermissionDenied "The account may not use this endpoint.",
    113 RateLimited "Too many requests, or too many queued jobs.",
    114 ConcurrencyLimited "Too many jobs at once for this account.",
    115 CostLimit "The estimated cost is above the limit set here, or no estimate could be made for it.",
    120 Server "The service reported an internal error.",
    121 Unavailable "The service reported that it is unavailable.",
    122 Overloaded "The service reported that it is overloaded.",
    123 Gateway "Something between here and the service answered in its place.",
    124 Protocol "The answer is not what the service documents.",
    130 Dns "The host name could not be resolved.",
    131 Connect "No connection could be made.",
    132 Tls "The TLS handshake failed.",
    133 Proxy "The proxy refused the connection.",
    134 RequestTimeout "One request took longer than its limit.",
    135 Stalled "A transfer stopped moving.",
    136 ConnectionLost "The connection broke.",
    140 SubmitUnknown "The outcome of a submit is unknown: a job may exist and be billed. It is never sent again by itself.",
    141 IdLost "The service accepted the job, but its answer with the id was lost.",
    142 JobFailed "The service gave the job up, for a cause not known to this library.",
    143 NotFound "The service does not know this job under this endpoint.",
    144 Expired "The job existed; its record is past the service's retention.",
    145 WaitTimeout "The time limit of a wait is over. The job goes on.",
    150 ResultExpired "The URL of the result is no longer valid and could not be renewed.",
    151 ObjectChanged "The file on the storage changed during the transfer.",
    152 Integrity "What arrived does not have the checksum or length it must have.",
    153 Archive "The archive is damaged or not usable.",
    154 UnsafeName "A name in the archive or of an output would leave the target directory or is not safe on every system.",
    155 LimitExceeded "The archive is beyond the limits set for members, sizes or ratio.",
    160 Io "A local file or directory could not be read or written.",
    161 NoSpace "The disk is full.",
    162 Exists "A different file is there already.",
    163 Locked "Another owner is writing the same file.",
    164 Journal "The journal could not be read or written.",
    170 Closed "The client was closed.",
    171 Cancelled "The caller cancelled.",
    172 Forked "The object belongs to the parent of this forked process.",
    173 Internal "A defect of this library.",
}

impl ErrorKind {
    /// The stable number, equal in every language.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The kind with this number, if there is one.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }

    /// Whether, as a rule, calling the same function again is safe, costs nothing, and may help.
    const fn usually_retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::ConcurrencyLimited
                | Self::Server
                | Self::Unavailable
                | Self::Overloaded
                | Self::Gateway
                | Self::Dns
                | Self::Connect
                | Self::Proxy
                | Self::RequestTimeout
                | Self::Stalled
                | Self::ConnectionLost
                | Self::WaitTimeout
                | Self::ObjectChanged
                | Self::Integrity
                | Self::Locked
        )
    }
}

/// What an error means for the bill.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Billing {
    /// No job was created by this call: nothing is owed for it.
    NoJob,
    /// A job exists and is billed if it succeeds. `None` when its id was lost.
    JobExists(Option<JobRef>),
    /// The job ended without success; the service does not bill failed generations.
    NotBilled(JobRef),
    /// Nobody can tell whether a job exists.
    Unknown,
}

impl Billing {
    /// The word used in Python, JSON and logs: `no_job`, `job_exists`, `not_billed` or `unknown`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoJob => "no_job",
            Self::JobExists(_) => "job_exists",
            Self::NotBilled(_) => "not_billed",
            Self::Unknown => "unknown",
        }
    }
}

type Source = Arc<dyn StdError + Send + Sync + 'static>;

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    advice: Option<Cow<'static, str>>,
    billing: Billing,
    job: Option<JobRef>,
    job_ended: bool,
    retryable: bool,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    http_status: Option<u16>,
    api_type: Option<String>,
    api_message: Option<String>,
    os_error: Option<i32>,
    source: Option<Source>,
}

/// What went wrong. See the module's first lines, and [`Error::kind`].
#[derive(Clone)]
pub struct Error(Box<Inner>);

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            advice: None,
            billing: Billing::NoJob,
            job: None,
            job_ended: false,
            retryable: kind.usually_retryable(),
            retry_after: None,
            request_id: None,
            http_status: None,
            api_type: None,
            api_message: None,
            os_error: None,
            source: None,
        }))
    }

    /// An error made by a face of this library (C, Python), with the face's own text.
    ///
    /// Rust programs have no use for it; it exists so that an error of the border has the same shape as every other.
    pub fn from_face(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, message)
    }

    /// A failed operation on a local file: `what` says which ("cannot write frame_00001.exr").
    pub(crate) fn io(what: impl fmt::Display, error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
            std::io::ErrorKind::AlreadyExists => ErrorKind::Exists,
            _ => ErrorKind::Io,
        };
        let mut made = Self::new(kind, format!("{what}: {error}"));
        made.0.os_error = error.raw_os_error();
        made.with_source(error)
    }

    /// A file error of the journal: what it means is that nothing may be submitted.
    pub(crate) fn into_journal(mut self) -> Self {
        self.0.kind = ErrorKind::Journal;
        self.0.retryable = false;
        self.with_advice("nothing is submitted without a journal; give another directory, or switch it off")
    }

    pub(crate) fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    pub(crate) fn with_billing(mut self, billing: Billing) -> Self {
        if let Billing::JobExists(Some(job)) | Billing::NotBilled(job) = &billing {
            self.0.job.get_or_insert_with(|| job.clone());
        }
        self.0.billing = billing;
        self
    }

    /// The job this error is about; it exists and is billed unless it fails, whatever happened here.
    pub(crate) fn about_job(mut self, job: &JobRef) -> Self {
        if self.0.billing == Billing::NoJob {
            self.0.billing = Billing::JobExists(Some(job.clone()));
        }
        self.0.job = Some(job.clone());
        self
    }

    /// The job is over without success: nothing is billed, and the same call cannot help.
    pub(crate) fn job_is_over(mut self, job: &JobRef) -> Self {
        self.0.billing = Billing::NotBilled(job.clone());
        self.0.job = Some(job.clone());
        self.0.job_ended = true;
        self.0.retryable = false;
        self
    }

    pub(crate) fn with_job(mut self, job: &JobRef) -> Self {
        self.0.job = Some(job.clone());
        self
    }

    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    pub(crate) fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    pub(crate) fn with_api(mut self, api_type: impl Into<String>, api_message: impl Into<String>) -> Self {
        self.0.api_type = Some(api_type.into());
        self.0.api_message = Some(api_message.into());
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Says that it comes from the caller's API key function, which is called again by the next call.
    pub(crate) fn of_key_function(self) -> Self {
        self.with_source(KeyFunctionFailed).with_retryable(true)
    }

    /// Whether it is the failure of the caller's [`api_key_function`](crate::ClientBuilder::api_key_function), or comes of it: a key that was refused, and no
    /// other to be had.
    pub fn is_of_key_function(&self) -> bool {
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            if error.is::<KeyFunctionFailed>() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, in one sentence, without the bill and the advice that `Display` adds.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether calling the same function again is safe, cannot cost more, and may help.
    ///
    /// False for a failed job and for every unknown outcome.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long the service asked to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What it means for the bill.
    pub fn billing(&self) -> &Billing {
        &self.0.billing
    }

    /// Whether the job this error is about has ended on the service.
    pub fn job_ended(&self) -> bool {
        self.0.job_ended
    }

    /// The job (or the intent of a submit) this error is about.
    pub fn job(&self) -> Option<&JobRef> {
        self.0.job.as_ref()
    }

    /// The service's `x-request-id`; support asks for it.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The HTTP status, when an answer arrived.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The `type` of the service's error envelope, word for word.
    pub fn api_type(&self) -> Option<&str> {
        self.0.api_type.as_deref()
    }

    /// The `message` of the service's error envelope, word for word but for the queries of addresses in it.
    pub fn api_message(&self) -> Option<&str> {
        self.0.api_message.as_deref()
    }

    /// The operating system's error number, for failures of local files.
    pub fn os_error(&self) -> Option<i32> {
        self.0.os_error
    }

    /// What to do next, when there is something to say.
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }
}

impl fmt::Display for Error {
    /// One line: what happened, what it means for the bill, what to do next, the request id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.write_str(&inner.message)?;
        match &inner.billing {
            Billing::NoJob => f.write_str("; no job was created by this call")?,
            Billing::JobExists(Some(job)) => write!(f, "; job {job} exists and is billed if it succeeds")?,
            Billing::JobExists(None) => f.write_str("; a job exists and is billed if it succeeds")?,
            Billing::NotBilled(job) => write!(f, "; job {job} is over and not billed")?,
            Billing::Unknown => {
                f.write_str("; a job may exist and be billed")?;
                if let Some(job) = &inner.job {
                    write!(f, " ({job})")?;
                }
            }
        }
        if let Some(advice) = &inner.advice {
            write!(f, "; {advice}")?;
        }
        if let Some(id) = &inner.request_id {
            write!(f, " [request id {id}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("message", &inner.message)
            .field("billing", &inner.billing)
            .field("job", &inner.job)
            .field("job_ended", &inner.job_ended)
            .field("retryable", &inner.retryable)
            .field("retry_after", &inner.retry_after)
            .field("request_id", &inner.request_id)
            .field("http_status", &inner.http_status)
            .field("api_type", &inner.api_type)
            .field("api_message", &inner.api_message)
            .field("source", &inner.source)
            .finish()
    }
}

/// The root of an error that came from the caller's API key function.
#[derive(Debug, thiserror::Error)]
#[error("the API key function of the program failed")]
struct KeyFunctionFailed;

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide_and_travels_between_threads() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }

    #[test]
    fn numbers_are_unique_and_found_again() {
        for window in ErrorKind::ALL.windows(2) {
            assert!(
                window[0].number() < window[1].number(),
                "{:?} and {:?}",
                window[0],
                window[1]
            );
        }
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_number(kind.number()), Some(*kind));
        }
        assert_eq!(ErrorKind::from_number(99), None);
    }

    #[test]
    fn one_line_says_what_happened_what_it_costs_and_what_to_do() {
        let job = JobRef::job("video-to-video-hdr", "abc").unwrap();
        let error = Error::new(ErrorKind::WaitTimeout, "the time limit of 30 s is over")
            .about_job(&job)
            .with_advice("wait again to go on")
            .with_request_id(Some("f00".into()));
        assert_eq!(
            error.to_string(),
            "the time limit of 30 s is over; job video-to-video-hdr/abc exists and is billed if it succeeds; wait again to go on [request id f00]"
        );
        assert!(error.is_retryable());
    }

    #[test]
    fn a_job_that_is_over_is_never_retryable() {
        let job = JobRef::job("retake", "abc").unwrap();
        let error = Error::new(ErrorKind::Overloaded, "the job failed").job_is_over(&job);
        assert!(!error.is_retryable());
        assert!(error.job_ended());
        assert_eq!(error.billing(), &Billing::NotBilled(job));
    }
}
