//! The error envelope and the types that belong to statuses.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;

/// An error in the service's envelope.
pub(crate) fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    (
        status,
        Json(json!({"type": "error", "error": {"type": kind, "message": message}})),
    )
        .into_response()
}

/// A refusal of a request body.
pub(crate) fn invalid(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "invalid_request_error", message)
}

/// The type and message that go with a status, for faults that name only that.
pub(crate) fn words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("authentication_error", "Invalid API key"),
        402 => ("insufficient_funds_error", "Insufficient funds. Required: 36 cents"),
        403 => ("permission_error", "This endpoint is not enabled for your account"),
        404 => ("not_found_error", "Not found"),
        413 => ("request_too_large", "Request body is too large"),
        422 => (
            "content_filtered_error",
            "The request was rejected by the content filter",
        ),
        429 => ("rate_limit_error", "Queue limit exceeded. Please try again later."),
        503 => ("service_unavailable_error", "Service is temporarily unavailable"),
        529 => ("overloaded_error", "The service is overloaded"),
        400..=499 => ("invalid_request_error", "Invalid request"),
        _ => ("api_error", "Internal server error"),
    }
}
