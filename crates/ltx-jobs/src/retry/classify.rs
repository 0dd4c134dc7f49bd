//! From what the service says to the kind of error: one table for HTTP answers and for the `error` inside a failed job.

use crate::error::ErrorKind;

/// The kind for an error of the service. The `type` of the envelope decides; the status only where the type is not known.
pub(crate) fn service_error(status: Option<u16>, api_type: &str) -> Option<ErrorKind> {
    let by_type = match api_type {
        "invalid_request_error" => Some(ErrorKind::InvalidRequest),
        "authentication_error" => Some(ErrorKind::Unauthenticated),
        "insufficient_funds_error" => Some(ErrorKind::InsufficientFunds),
        "permission_error" => Some(ErrorKind::PermissionDenied),
        "not_found_error" => Some(ErrorKind::NotFound),
        "request_too_large" | "request_too_large_error" => Some(ErrorKind::RequestTooLarge),
        "content_filtered_error" => Some(ErrorKind::ContentFiltered),
        "concurrency_limit_error" => Some(ErrorKind::ConcurrencyLimited),
        "rate_limit_error" => Some(ErrorKind::RateLimited),
        "api_error" => Some(ErrorKind::Server),
        "service_unavailable_error" | "service_unavailable" => Some(ErrorKind::Unavailable),
        "overloaded_error" => Some(ErrorKind::Overloaded),
        _ => None,
    };
    by_type.or_else(|| status.and_then(by_status))
}

/// The kind for a status whose envelope has an unknown type.
pub(crate) fn by_status(status: u16) -> Option<ErrorKind> {
    Some(match status {
        400 | 405 | 415 => ErrorKind::InvalidRequest,
        401 => ErrorKind::Unauthenticated,
        402 => ErrorKind::InsufficientFunds,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        413 => ErrorKind::RequestTooLarge,
        422 => ErrorKind::ContentFiltered,
        429 => ErrorKind::RateLimited,
        500 => ErrorKind::Server,
        503 => ErrorKind::Unavailable,
        529 => ErrorKind::Overloaded,
        502 | 504 | 408 => ErrorKind::Gateway,
        _ => return None,
    })
}

/// What a caller can do about an error of the service.
pub(crate) fn advice(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::InvalidRequest => "correct the request",
        ErrorKind::Unauthenticated => "check the API key (LTXV_API_KEY), or give the client a new one",
        ErrorKind::InsufficientFunds => {
            "add credits to the account, or wait for running jobs to release what they hold"
        }
        ErrorKind::PermissionDenied => "ask the vendor to open this endpoint for the account",
        ErrorKind::RequestTooLarge => "send a smaller input, or upload it instead of inlining it",
        ErrorKind::ContentFiltered => "change the prompt or the input",
        ErrorKind::RateLimited | ErrorKind::ConcurrencyLimited => "wait for running jobs to end, then call again",
        ErrorKind::Server | ErrorKind::Unavailable | ErrorKind::Overloaded => "call again later",
        ErrorKind::Gateway => "look at the proxy or firewall between here and the service",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_decides_and_the_status_helps_where_the_type_is_new() {
        let cases = [
            (
                Some(429),
                "concurrency_limit_error",
                Some(ErrorKind::ConcurrencyLimited),
            ),
            (Some(429), "brand_new_limit", Some(ErrorKind::RateLimited)),
            (None, "content_filtered_error", Some(ErrorKind::ContentFiltered)),
            (None, "insufficient_funds_error", Some(ErrorKind::InsufficientFunds)),
            (None, "something_new", None),
            (Some(418), "teapot", None),
            (Some(503), "service_unavailable", Some(ErrorKind::Unavailable)),
        ];
        for (status, api_type, expected) in cases {
            assert_eq!(service_error(status, api_type), expected, "{status:?} {api_type}");
        }
    }
}
