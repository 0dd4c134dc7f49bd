//! What went wrong with a store, in our words: the kind, what to look at, and never a word that may be a secret.
//!
//! Messages of the store library repeat addresses and documents; none of them goes into an error of ours, apart from those of the local file system.

use std::error::Error as StdError;
use std::fmt;

use super::place::Place;
use crate::error::{Error, ErrorKind};
use crate::transfer::plan::error_code;
use crate::transport::Failure;

/// An answer of a store that ends the matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The store's word for it.
    pub(super) code: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store answered {}", self.status)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl StdError for Refusal {}

/// The refusal behind an error of the library, if there is one.
pub(super) fn refusal(error: &object_store::Error) -> Option<&Refusal> {
    find(error)
}

/// Whether the store cannot put an object on the condition that there is none.
pub(super) fn knows_no_condition(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotImplemented { .. })
        || refusal(error).is_some_and(|refusal| refusal.status == 501)
}

/// The error for a caller. `what` says what was tried, with the object's URL ("storing s3://bucket/video.mp4").
pub(super) fn told(error: &object_store::Error, what: &str, place: &Place) -> Error {
    if let Some(failure) = find::<Failure>(error) {
        return failure.clone().into_error(what);
    }
    if let Some(refusal) = refusal(error) {
        return refused(refusal, what, place);
    }
    if let Some(broken) = find::<std::io::Error>(error) {
        return Error::io(what, std::io::Error::new(broken.kind(), broken.to_string()));
    }
    // What the library gave up after its own tries: its text is only asked for the store's one word.
    let code = error_code(error.to_string().as_bytes());
    let named = code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    match error {
        object_store::Error::NotFound { .. } => Error::new(
            ErrorKind::Config,
            format!("{what}: the store does not know the bucket or container{named}"),
        )
        .with_advice(place.kind.whereabouts()),
        object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => Error::new(
            ErrorKind::Exists,
            format!("{what}: another object is there already{named}"),
        ),
        object_store::Error::PermissionDenied { .. } => denied(ErrorKind::PermissionDenied, what, &named, place),
        object_store::Error::Unauthenticated { .. } => denied(ErrorKind::Unauthenticated, what, &named, place),
        object_store::Error::NotSupported { .. } | object_store::Error::NotImplemented { .. } => {
            Error::new(ErrorKind::Unsupported, format!("{what}: the store cannot do that"))
        }
        object_store::Error::InvalidPath { .. } => {
            Error::new(ErrorKind::UnsafeName, format!("{what}: the store takes no such name"))
        }
        _ => Error::new(
            ErrorKind::Unavailable,
            format!("{what}: the store gave no usable answer, also after waiting{named}"),
        ),
    }
}

fn refused(refusal: &Refusal, what: &str, place: &Place) -> Error {
    let message = format!("{what}: {refusal}");
    let code = refusal.code.as_deref().unwrap_or_default();
    let error = match (refusal.status, code) {
        (401, _)
        | (
            _,
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "AuthenticationFailed"
            | "InvalidAuthenticationInfo",
        ) => Error::new(ErrorKind::Unauthenticated, message).with_advice(place.kind.credentials()),
        (403, _) => Error::new(ErrorKind::PermissionDenied, message)
            .with_advice("the credentials are known, and may not do this there"),
        (301 | 302 | 307 | 308, _)
        | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" | "InvalidBucketName")
        | (_, "NoSuchBucket" | "ContainerNotFound") => {
            Error::new(ErrorKind::Config, message).with_advice(place.kind.whereabouts())
        }
        (501, _) => Error::new(ErrorKind::Unsupported, message),
        (400, _) => Error::new(ErrorKind::InvalidRequest, message).with_advice(place.kind.whereabouts()),
        _ => Error::new(ErrorKind::Protocol, message),
    };
    error.with_http_status(refusal.status)
}

fn denied(kind: ErrorKind, what: &str, named: &str, place: &Place) -> Error {
    Error::new(kind, format!("{what}: the store refuses the credentials{named}")).with_advice(place.kind.credentials())
}

/// The first error of type `T` in the chain of causes.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        next = current.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::FailureKind;

    const CANARY: &str = "canary-9f3a";

    /// As the library wraps what our connector gives it.
    fn wrapped(inner: impl StdError + Send + Sync + 'static) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: Box::new(object_store::client::HttpError::new(
                object_store::client::HttpErrorKind::Unknown,
                inner,
            )),
        }
    }

    fn answered(status: u16, code: &str) -> object_store::Error {
        wrapped(Refusal {
            status,
            code: (!code.is_empty()).then(|| code.to_owned()),
        })
    }

    #[test]
    fn every_answer_has_its_kind_and_says_what_to_look_at() {
        let place = Place::parse("s3://bucket/p").unwrap();
        for (error, kind, advice) in [
            (
                answered(403, "InvalidAccessKeyId"),
                ErrorKind::Unauthenticated,
                "AWS_ACCESS_KEY_ID",
            ),
            (
                answered(403, "SignatureDoesNotMatch"),
                ErrorKind::Unauthenticated,
                "AWS_ACCESS_KEY_ID",
            ),
            (answered(401, ""), ErrorKind::Unauthenticated, "AWS_ACCESS_KEY_ID"),
            (answered(403, "AccessDenied"), ErrorKind::PermissionDenied, "may not"),
            (answered(301, "PermanentRedirect"), ErrorKind::Config, "AWS_REGION"),
            (
                answered(400, "AuthorizationHeaderMalformed"),
                ErrorKind::Config,
                "AWS_REGION",
            ),
            (answered(501, "NotImplemented"), ErrorKind::Unsupported, ""),
            (answered(405, ""), ErrorKind::Protocol, ""),
            (wrapped(Failure::new(FailureKind::Dns, "")), ErrorKind::Dns, "host name"),
            (
                wrapped(Failure::new(FailureKind::Certificate, "")),
                ErrorKind::Tls,
                "CA",
            ),
        ] {
            let told = told(&error, "storing x", &place);
            assert_eq!(told.kind(), kind, "{error:?}");
            assert!(told.advice().unwrap_or_default().contains(advice), "{told}");
            assert!(!told.is_retryable() || kind == ErrorKind::Dns, "{told}");
        }
    }

    #[test]
    fn what_the_library_says_is_not_repeated_apart_from_the_stores_word() {
        let place = Place::parse("az://box/p").unwrap();
        let text = format!("PUT https://a.example/box?sig={CANARY} <Error><Code>SlowDown</Code>{CANARY}</Error>");
        let source = || Box::new(std::fmt::Error) as Box<dyn StdError + Send + Sync>;
        for error in [
            object_store::Error::Generic {
                store: "Azure",
                source: text.clone().into(),
            },
            object_store::Error::NotFound {
                path: text.clone(),
                source: source(),
            },
            object_store::Error::PermissionDenied {
                path: text.clone(),
                source: source(),
            },
            object_store::Error::AlreadyExists {
                path: text.clone(),
                source: source(),
            },
        ] {
            let told = told(&error, "storing x", &place);
            let all = format!("{told} {told:?}");
            assert!(!all.contains(CANARY), "{all}");
            assert!(all.contains("SlowDown"), "{all}");
        }
    }
}
