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

use crate::front::drain_body;
use crate::service::Service;
use xml::refusal;

/// Bucket of result objects.
pub(crate) const RESULTS: &str = "/ltx-results/";
/// Bucket of uploads.
pub(crate) const UPLOADS: &str = "/ltx-uploads/";

/// Every request to the storage origin.
pub(crate) async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if !head.headers.contains_key(header::AUTHORIZATION) {
        match head.method {
            Method::GET if path.starts_with(RESULTS) => return download::get(&service, head).await,
            Method::PUT if path.starts_with(UPLOADS) => return upload::put(&service, head, body).await,
            _ => {}
        }
    }
    drain_body(body).await;
    if head.headers.contains_key(header::AUTHORIZATION) {
        // Two kinds of credentials: Google refuses to choose.
        return refusal(
            StatusCode::BAD_REQUEST,
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Goog-Algorithm query parameter or the Authorization header \
             should be specified",
        );
    }
    match head.method {
        Method::GET | Method::PUT | Method::HEAD => refusal(
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
