//! The API origin.

pub(crate) mod answer;
pub(crate) mod fields;
pub(crate) mod media;
mod poll;
mod submit;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};

use crate::front::drain_body;
use crate::service::Service;

/// The routes of the API.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/upload", post(upload::slot))
        .route("/v2/{endpoint}", post(submit::submit))
        .route("/v2/{endpoint}/{id}", get(poll::poll))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(service)
}

async fn unknown(State(service): State<Arc<Service>>, headers: HeaderMap, body: Body) -> Response {
    drain_body(body).await;
    match authorize(&service, &headers) {
        Ok(()) => answer::error(StatusCode::NOT_FOUND, "not_found_error", "Not found"),
        Err(refusal) => *refusal,
    }
}

/// Lets the one key through.
fn authorize(service: &Service, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = given.and_then(|value| value.strip_prefix("Bearer "));
    if key == Some(service.programme().api_key.as_str()) {
        return Ok(());
    }
    let message = if given.is_none() {
        "Missing API key"
    } else {
        "Invalid API key"
    };
    Err(Box::new(answer::error(
        StatusCode::UNAUTHORIZED,
        "authentication_error",
        message,
    )))
}
