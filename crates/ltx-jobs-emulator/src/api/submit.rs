//! `POST /v2/{endpoint}`: the paid one. When this answers 202, or would have, a job exists.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{answer, authorize, fields, media};
use crate::clock::iso;
use crate::faults::Do;
use crate::front::Fired;
use crate::lock;
use crate::programme::Programme;
use crate::service::{Job, Service, Stage, new_id};
use crate::storage::RESULTS;
use crate::storage::object::{Object, Recipe};

/// Answers one submit.
pub(crate) async fn submit(
    State(service): State<Arc<Service>>,
    Path(endpoint): Path<String>,
    fired: Option<Extension<Fired>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let programme = service.programme();
    let most = usize::try_from(programme.api.max_body_bytes).unwrap_or(usize::MAX);
    let read = read(body, most).await;
    if let Err(refusal) = authorize(&service, &headers) {
        return *refusal;
    }
    let documented = fields::endpoint(&endpoint);
    if documented.is_none() && !programme.api.further_endpoints.contains(&endpoint) {
        return answer::error(StatusCode::NOT_FOUND, "not_found_error", "Unknown endpoint");
    }
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(refusal) => return *refusal,
    };
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(body)) => body,
        Ok(_) => return answer::invalid("The request body must be a JSON object"),
        Err(error) => return answer::invalid(&format!("The request body is not valid JSON: {error}")),
    };
    let fault_of = |endpoint| fields::check(endpoint, &body).and_then(|()| media::check(&service, endpoint, &body));
    if let Some(Err(message)) = documented.map(fault_of) {
        return answer::invalid(&message);
    }
    if is_full(&service, &programme) {
        let message = "Too many concurrent requests. Please try again later.";
        let mut busy = answer::error(StatusCode::TOO_MANY_REQUESTS, "concurrency_limit_error", message);
        busy.headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return busy;
    }
    let (id, created) = create(&service, &programme, endpoint, body);
    let accepted = StatusCode::from_u16(programme.api.accepted_status).unwrap_or(StatusCode::ACCEPTED);
    let no_id = fired.is_some_and(|Extension(Fired(fault))| fault.r#do == Do::NoId);
    let body = if no_id {
        json!({"created_at": created})
    } else {
        json!({"id": id, "created_at": created})
    };
    (accepted, Json(body)).into_response()
}

fn is_full(service: &Service, programme: &Programme) -> bool {
    let most = programme.api.max_running_jobs as usize;
    let now = service.clock.now();
    let is_running = |job: &mut Job| !matches!(job.look(now), Stage::Ended(_));
    let running = lock(&service.jobs)
        .iter_mut()
        .map(is_running)
        .filter(|running| *running)
        .count();
    most > 0 && running >= most
}

/// Reads the body to its end even if it is too long, so that the client gets to read the answer.
async fn read(mut body: Body, most: usize) -> Result<Vec<u8>, Box<Response>> {
    let mut bytes = Vec::new();
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Box::new(answer::invalid("The request body ended early")));
        };
        if let Ok(data) = frame.into_data() {
            total += data.len();
            if total <= most {
                bytes.extend_from_slice(&data);
            }
        }
    }
    if total > most {
        let (kind, message) = answer::words(413);
        return Err(Box::new(answer::error(StatusCode::PAYLOAD_TOO_LARGE, kind, message)));
    }
    Ok(bytes)
}

fn create(service: &Service, programme: &Programme, endpoint: String, body: Map<String, Value>) -> (String, String) {
    let id = new_id();
    let created = service.clock.now();
    let body = Value::Object(body);
    let seed = service.seed(&endpoint, &body);
    let mut outputs = Vec::new();
    for (label, recipe) in results(programme, &endpoint, &body) {
        let stem = label.strip_suffix("_url").unwrap_or(&label);
        let (content_type, extension) = match recipe {
            Recipe::Mp4 | Recipe::Empty => ("video/mp4", "mp4"),
            Recipe::Mov => ("video/quicktime", "mov"),
            Recipe::Frames { .. } => ("application/zip", "zip"),
        };
        let path = format!("{RESULTS}{id}/{stem}.{extension}");
        let seed = Sha256::new().chain_update(seed).chain_update(&label).finalize().into();
        let object = Arc::new(Object::new(
            path.clone(),
            &id,
            &label,
            content_type,
            created,
            recipe,
            seed,
        ));
        lock(&service.objects).insert(path, Arc::clone(&object));
        outputs.push((label, object));
    }
    lock(&service.jobs).add(Job {
        endpoint,
        id: id.clone(),
        created,
        body,
        life: programme.job.clone(),
        polls: 0,
        completed: None,
        outputs,
    });
    (id, iso(created))
}

/// Labels of an endpoint's results, and what is behind them.
fn results(programme: &Programme, endpoint: &str, body: &Value) -> Vec<(String, Recipe)> {
    let video = &programme.video;
    let mp4 = || if video.empty { Recipe::Empty } else { Recipe::Mp4 };
    let mut results = Vec::new();
    match endpoint {
        "video-to-video-hdr" => {
            let colorspace = body
                .get("output_colorspace")
                .and_then(Value::as_str)
                .unwrap_or("acescg")
                .to_owned();
            let shape = programme.archive.clone();
            results.push(("exr_frames_url".to_owned(), Recipe::Frames { shape, colorspace }));
            if video.enabled {
                results.push(("video_url".to_owned(), mp4()));
            }
        }
        "video-alpha-gen" => {
            let [cutout, matte] = video.alpha_labels.clone();
            results.push((cutout, Recipe::Mov));
            results.push((matte, mp4()));
        }
        _ => results.push(("video_url".to_owned(), mp4())),
    }
    results.extend(video.extra_labels.iter().map(|label| (label.clone(), mp4())));
    results
}
