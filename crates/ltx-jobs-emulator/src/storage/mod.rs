//! The storage origin: signed URLs, objects at any byte range, uploads.

pub(crate) mod download;
pub(crate) mod object;
pub(crate) mod range;
pub(crate) mod signed;
pub(crate) mod upload;
pub(crate) mod xml;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, StatusCode, header};

use crate::service::Service;
use xml::refusal;

/// Bucket of result objects.
pub(crate) const RESULTS: &str = "/ltx-results/";
/// Bucket of uploads.
pub(crate) const UPLOADS: &str = "/ltx-uploads/";

/// Every request to the storage origin.
pub(crate) async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    if request.headers().contains_key(header::AUTHORIZATION) {
        // Two kinds of credentials: Google refuses to choose.
        return refusal(
            StatusCode::BAD_REQUEST,
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Goog-Algorithm query parameter or the Authorization header \
             should be specified",
        );
    }
    let method = request.method().clone();
    match (method, request.uri().path()) {
        (Method::GET, path) if path.starts_with(RESULTS) => download::get(&service, request).await,
        (Method::PUT, path) if path.starts_with(UPLOADS) => upload::put(&service, request).await,
        (Method::GET | Method::PUT | Method::HEAD, _) => refusal(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        ),
        _ => refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed.",
        ),
    }
}
