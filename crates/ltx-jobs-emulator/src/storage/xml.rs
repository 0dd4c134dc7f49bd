//! Errors as Google's storage writes them.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

/// A refusal with an XML body.
pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    with_details(status, code, message, "")
}

/// The same with `Details`.
pub(crate) fn with_details(status: StatusCode, code: &str, message: &str, details: &str) -> Response {
    let details = if details.is_empty() {
        String::new()
    } else {
        format!("<Details>{details}</Details>")
    };
    let text = format!(
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message>{details}</Error>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml; charset=UTF-8"),
    );
    response
}

/// The code and message Google uses for a status, for faults that name only that.
pub(crate) fn words(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("InvalidArgument", "Invalid argument."),
        401 => ("AuthenticationRequired", "Authentication required."),
        403 => ("AccessDenied", "Access denied."),
        404 => ("NoSuchKey", "The specified key does not exist."),
        410 => ("Gone", "The upload or object is gone."),
        412 => (
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold.",
        ),
        416 => ("InvalidRange", "The requested range cannot be satisfied."),
        429 => ("SlowDown", "Please reduce your request rate."),
        503 => ("ServiceUnavailable", "Service unavailable."),
        _ => ("InternalError", "We encountered an internal error. Please try again."),
    }
}
