//! The control origin: what the library offers, as plain HTTP with JSON, for tests in other languages.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, body::Bytes};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::lock;
use crate::programme::Programme;
use crate::service::Service;
use crate::storage::object::{Artifact, Broken};

/// The routes of the control origin.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(
            "/requests",
            get(async |State(service): Shared| Json(service.ledger.all())),
        )
        .route("/requests/count", get(count))
        .route("/jobs", get(async |State(service): Shared| Json(service.jobs())))
        .route("/artifacts", get(list))
        .route(
            "/programme",
            put(programme).get(async |State(service): Shared| Json((*service.programme()).clone())),
        )
        .route("/faults", post(fault))
        .route("/clock/advance", post(advance))
        .route("/reset", post(reset))
        .route("/refuse", post(refuse))
        .with_state(service)
}

type Shared = State<Arc<Service>>;

#[derive(Debug, Deserialize)]
struct Counting {
    method: String,
    path: String,
}

async fn count(State(service): Shared, Query(what): Query<Counting>) -> Json<Value> {
    Json(json!({"count": service.ledger.count(&what.method, &what.path)}))
}

async fn list(State(service): Shared) -> Response {
    match artifacts(&service).await {
        Ok(artifacts) => Json(artifacts).into_response(),
        Err(broken) => wrong(StatusCode::INTERNAL_SERVER_ERROR, &broken),
    }
}

/// The results of all jobs that have completed, in the order of the jobs and their labels.
pub(crate) async fn artifacts(service: &Service) -> Result<Vec<Artifact>, Broken> {
    let objects: Vec<_> = lock(&service.jobs)
        .iter_mut()
        .filter(|job| job.completed.is_some())
        .flat_map(|job| job.outputs.iter().map(|(_, object)| Arc::clone(object)))
        .collect();
    let mut artifacts = Vec::new();
    for object in objects {
        artifacts.push(object.artifact().await?);
    }
    Ok(artifacts)
}

async fn programme(State(service): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body);
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let read = if kind.contains("toml") {
        Programme::from_toml(&text)
    } else {
        Programme::from_json(&text)
    };
    match read {
        Ok(programme) => {
            service.reset(programme);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => wrong(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// Takes one fault or a list of them; nothing is taken when one of them is wrong.
async fn fault(State(service): Shared, Json(body): Json<Value>) -> Response {
    let list = if body.is_array() {
        body
    } else {
        Value::Array(vec![body])
    };
    let read = serde_json::from_value::<Vec<Fault>>(list)
        .map_err(|error| error.to_string())
        .and_then(|faults| {
            faults
                .iter()
                .try_for_each(Fault::check)
                .map_err(|error| error.to_string())?;
            Ok(faults)
        });
    match read {
        Ok(faults) => {
            let mut queue = lock(&service.faults);
            faults.into_iter().for_each(|fault| queue.push(fault));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => wrong(StatusCode::BAD_REQUEST, &error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advancing {
    ms: u64,
}

async fn advance(State(service): Shared, Json(by): Json<Advancing>) -> StatusCode {
    service.clock.advance(Duration::from_millis(by.ms));
    StatusCode::NO_CONTENT
}

/// Forgets everything and starts again on the programme given last.
async fn reset(State(service): Shared) -> StatusCode {
    let programme = (*service.programme()).clone();
    service.reset(programme);
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusing {
    origin: String,
    /// Missing: until refused for 0 ms, which opens again.
    for_ms: Option<u64>,
}

async fn refuse(State(service): Shared, Json(what): Json<Refusing>) -> Response {
    let Some(doors) = service.doors.get() else {
        return wrong(StatusCode::SERVICE_UNAVAILABLE, "not listening yet");
    };
    let door = match what.origin.as_str() {
        "api" => &doors.api,
        "storage" => &doors.storage,
        other => return wrong(StatusCode::BAD_REQUEST, &format!("no origin {other:?}")),
    };
    match what.for_ms {
        Some(0) => door.open().await,
        duration => door.refuse(duration.map(Duration::from_millis)).await,
    }
    StatusCode::NO_CONTENT.into_response()
}

fn wrong(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"error": text}))).into_response()
}
