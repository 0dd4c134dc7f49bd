//! `GET /v2/{endpoint}/{id}`: where a job stands. Every poll of a completed job signs its URLs anew.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{answer, authorize};
use crate::clock::iso;
use crate::faults::Do;
use crate::front::Fired;
use crate::lock;
use crate::programme::{ErrorBody, Outcome, Programme};
use crate::service::{Job, Service, Stage};

/// Answers one poll.
pub(crate) async fn poll(
    State(service): State<Arc<Service>>,
    Path((endpoint, id)): Path<(String, String)>,
    fired: Option<Extension<Fired>>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = authorize(&service, &headers) {
        return *refusal;
    }
    let programme = service.programme();
    let now = service.clock.now();
    let fault = fired.map(|Extension(Fired(fault))| fault);
    let mut jobs = lock(&service.jobs);
    let Some(job) = jobs.find(&id).filter(|job| job.endpoint == endpoint) else {
        return answer::error(StatusCode::NOT_FOUND, "not_found_error", "Job not found");
    };
    let kept_ms = i64::try_from(programme.retention_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
    let stage = job.look(now);
    if job
        .completed
        .is_some_and(|completed| now >= completed.saturating_add(kept_ms))
    {
        return answer::error(StatusCode::NOT_FOUND, "not_found_error", "Job not found");
    }
    if let Some(word) = fault.as_ref().and_then(|fault| fault.word.as_deref()) {
        return Json(json!({"status": word, "id": job.id, "created_at": iso(job.created)})).into_response();
    }
    job.polls = job.polls.saturating_add(1);
    let mut state = describe(&service, &programme, job, stage);
    if fault.is_some_and(|fault| fault.r#do == Do::CompletedWithoutOutputs) {
        state.remove("result");
    }
    Json(Value::Object(state)).into_response()
}

fn describe(service: &Service, programme: &Programme, job: &Job, stage: Stage) -> Map<String, Value> {
    let mut state = Map::new();
    state.insert("status".to_owned(), stage.word().into());
    state.insert("id".to_owned(), job.id.clone().into());
    state.insert("created_at".to_owned(), iso(job.created).into());
    if let Stage::Ended(outcome) = stage {
        state.insert("completed_at".to_owned(), job.completed.map(iso).into());
        match outcome {
            Outcome::Completed => {
                let urls = job.outputs.iter().map(|(label, object)| {
                    let target = service.sign("GET", &object.path, programme.storage.url_lifetime_s, "host");
                    (label.clone(), Value::from(format!("{}{target}", service.storage_url())))
                });
                state.insert("result".to_owned(), Value::Object(urls.collect()));
            }
            Outcome::Failed => {
                let error = job.life.error.clone().unwrap_or_else(|| ErrorBody {
                    kind: "content_filtered_error".to_owned(),
                    message: "The generated video was rejected by the content filter".to_owned(),
                });
                state.insert(
                    "error".to_owned(),
                    json!({"type": error.kind, "message": error.message}),
                );
            }
        }
    }
    state
}
