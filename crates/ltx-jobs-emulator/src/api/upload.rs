//! `POST /v1/upload`: a slot to put a file into.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde_json::json;

use super::authorize;
use crate::clock::iso;
use crate::lock;
use crate::service::{Service, Slot, new_id};
use crate::storage::UPLOADS;

/// Hands out a slot.
pub(crate) async fn slot(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    if let Err(refusal) = authorize(&service, &headers) {
        return *refusal;
    }
    let programme = service.programme();
    let upload = &programme.upload;
    let now = service.clock.now();
    let id = new_id();
    let mut required = BTreeMap::from([
        (
            "x-goog-content-length-range".to_owned(),
            format!("0,{}", upload.max_bytes),
        ),
        ("x-goog-if-generation-match".to_owned(), "0".to_owned()),
    ]);
    required.extend(upload.extra_required_headers.clone());
    let names: Vec<&str> = std::iter::once("host")
        .chain(required.keys().map(String::as_str))
        .collect();
    let path = format!("{UPLOADS}{id}");
    let target = service.sign("PUT", &path, upload.slot_lifetime_s, &names.join(";"));
    let storage_uri = format!("ltx://uploads/{id}");
    let slot = Slot {
        required: required.clone(),
        max_bytes: upload.max_bytes,
        put: None,
    };
    lock(&service.slots).insert(storage_uri.clone(), slot);
    Json(json!({
        "upload_url": format!("{}{target}", service.storage_url()),
        "storage_uri": storage_uri,
        "expires_at": iso(now.saturating_add_unsigned(upload.slot_lifetime_s.saturating_mul(1_000))),
        "required_headers": required,
    }))
    .into_response()
}
