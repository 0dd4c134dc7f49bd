//! `PUT` into an upload slot.
//!
//! The bytes are read to the end, hashed and forgotten; only the first few are kept, to see what kind of file it is.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};

use super::{UPLOADS, signed, xml};
use crate::front::drain_body;
use crate::lock;
use crate::service::{Service, Slot, Uploaded};

/// Bytes kept of an upload.
const HEAD: usize = 64;

/// Answers one PUT.
pub(crate) async fn put(service: &Service, head: Parts, body: Body) -> Response {
    match allowed(service, &head) {
        Ok((uri, slot)) => take(service, &head.headers, body, &uri, &slot).await,
        Err(refusal) => {
            drain_body(body).await;
            *refusal
        }
    }
}

/// What the head alone decides: the slot that may be filled.
fn allowed(service: &Service, head: &Parts) -> Result<(String, Slot), Box<Response>> {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    signed::check(service.secret(), "PUT", path, query, service.clock.now())?;
    let uri = format!("ltx://uploads/{}", path.strip_prefix(UPLOADS).unwrap_or_default());
    let Some(slot) = lock(&service.slots).get(&uri).cloned() else {
        let message = "The specified bucket does not exist.";
        return Err(Box::new(xml::refusal(StatusCode::NOT_FOUND, "NoSuchBucket", message)));
    };
    let carried = |name: &str, value: &str| head.headers.get(name).is_some_and(|found| found == value);
    if let Some((name, _)) = slot.required.iter().find(|(name, value)| !carried(name, value)) {
        let message = format!("A header that was signed is missing or differs: {name}");
        return Err(Box::new(xml::refusal(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            &message,
        )));
    }
    if declared(&head.headers).is_some_and(|len| len > slot.max_bytes) {
        return Err(Box::new(too_large()));
    }
    Ok((uri, slot))
}

async fn take(service: &Service, headers: &HeaderMap, mut body: Body, uri: &str, slot: &Slot) -> Response {
    let now = service.clock.now();
    let (mut sha256, mut crc32c, mut len, mut first) = (Sha256::new(), 0, 0_u64, Vec::with_capacity(HEAD));
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return xml::refusal(StatusCode::BAD_REQUEST, "IncompleteBody", "The body ended early.");
        };
        let Ok(data) = frame.into_data() else { continue };
        sha256.update(&data);
        crc32c = crc32c::crc32c_append(crc32c, &data);
        len += data.len() as u64;
        first.extend(data.iter().take(HEAD - first.len()));
    }
    if len > slot.max_bytes {
        return too_large();
    }
    let uploaded = Uploaded {
        at: now,
        len,
        head: first,
        sha256: sha256.finalize().into(),
        content_type: headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    };
    let mut slots = lock(&service.slots);
    match slots.get_mut(uri) {
        Some(slot) if slot.put.is_none() => slot.put = Some(uploaded),
        _ => {
            let (code, message) = xml::words(412);
            return xml::refusal(StatusCode::PRECONDITION_FAILED, code, message);
        }
    }
    drop(slots);
    let hash = format!("crc32c={}", STANDARD.encode(crc32c.to_be_bytes()));
    let generation = (now * 1_000).to_string();
    (
        StatusCode::OK,
        [("x-goog-hash", hash), ("x-goog-generation", generation)],
    )
        .into_response()
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> Response {
    xml::refusal(
        StatusCode::BAD_REQUEST,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed object size.",
    )
}
