//! What stands in front of both origins: writes down every request, then lets it through or lets a fault happen to it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::api::answer;
use crate::clock::http_date;
use crate::faults::{Do, Fault, LastStream, Route};
use crate::link::Link;
use crate::record::Place;
use crate::service::{Service, new_request_id};
use crate::storage::{RESULTS, UPLOADS, xml};
use crate::{h2_frames, lock};

/// The fault that meets a request, for the handlers that carry it out themselves.
#[derive(Debug, Clone)]
pub(crate) struct Fired(pub(crate) Fault);

/// One origin's front.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    pub(crate) service: Arc<Service>,
    pub(crate) origin: &'static str,
}

/// Every request of both origins comes through here.
pub(crate) async fn receive(State(front): State<Front>, request: Request, next: Next) -> Response {
    let service = &front.service;
    let now = service.clock.now();
    let (mut head, body) = request.into_parts();
    let Some(link) = head.extensions.get::<Arc<Link>>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let place = service
        .ledger
        .begin(front.origin, link.id, now, &head, body.is_end_stream());
    let body = Body::new(Counted {
        inner: body,
        service: Arc::clone(service),
        place,
    });

    let ranged = head.headers.contains_key(header::RANGE);
    let route = route(service, front.origin, &head);
    let fault = route
        .as_ref()
        .and_then(|route| lock(&service.faults).take(route, ranged));
    if let Some(fault) = &fault {
        head.extensions.insert(Fired(fault.clone()));
    }
    let programme = service.programme();
    let latency = if front.origin == "api" {
        programme.api.latency_ms
    } else {
        programme.storage.latency_ms
    };
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let request = Request::from_parts(head, body);
    let mut response = match fault {
        None => next.run(request).await,
        Some(fault) => meet(&front, &link, &fault, request, next).await,
    };
    let headers = response.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&http_date(service.clock.now())) {
        // Unless a fault says another time.
        headers.entry(header::DATE).or_insert(date);
    }
    let withheld = response.extensions().get::<Anonymous>().is_some();
    if front.origin == "api" && !withheld {
        let id = HeaderValue::from_str(&new_request_id());
        response
            .headers_mut()
            .extend(id.ok().map(|id| (HeaderName::from_static("x-request-id"), id)));
    }
    response
}

/// Marks an answer that did not come from the service itself: no request id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anonymous;

fn route(service: &Service, origin: &str, head: &http::request::Parts) -> Option<Route> {
    let path = head.uri.path();
    if origin == "api" {
        if head.method == Method::POST && path == "/v1/upload" {
            return Some(Route::new("slot", None));
        }
        let mut parts = path.strip_prefix("/v2/")?.splitn(2, '/');
        let endpoint = parts.next().map(str::to_owned);
        return match (&head.method, parts.next()) {
            (&Method::POST, None) => Some(Route::new("submit", endpoint)),
            (&Method::GET, Some(_)) => Some(Route::new("poll", endpoint)),
            _ => None,
        };
    }
    if head.method == Method::PUT && path.starts_with(UPLOADS) {
        return Some(Route::new("put", None));
    }
    if head.method == Method::GET && path.starts_with(RESULTS) {
        return Some(Route::new(
            "download",
            service.object(path).map(|object| object.label.clone()),
        ));
    }
    None
}

async fn meet(front: &Front, link: &Arc<Link>, fault: &Fault, request: Request, next: Next) -> Response {
    let reset = fault.reset;
    match fault.r#do {
        Do::Status => {
            drain(request).await;
            status(front, fault)
        }
        Do::Html200 => {
            drain(request).await;
            let page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please sign in.</body></html>";
            anonymous(
                (
                    StatusCode::OK,
                    [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                    page,
                )
                    .into_response(),
            )
        }
        Do::NotFoundWithoutEnvelope => {
            drain(request).await;
            let text = [(header::CONTENT_TYPE, "text/plain")];
            anonymous((StatusCode::NOT_FOUND, text, "404 page not found\n").into_response())
        }
        Do::Redirect => {
            drain(request).await;
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            let to = fault.to.clone().unwrap_or_default();
            let status = status.unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            anonymous((status, [(header::LOCATION, to)]).into_response())
        }
        Do::CloseOnAccept => {
            link.cut(reset);
            gone(link).await
        }
        Do::CutBeforeHeaders => {
            drain(request).await;
            link.cut(reset);
            gone(link).await
        }
        Do::RefuseConnections => {
            drain(request).await;
            if let Some(doors) = front.service.doors.get() {
                let door = if front.origin == "api" {
                    &doors.api
                } else {
                    &doors.storage
                };
                door.refuse(fault.for_ms.map(Duration::from_millis)).await;
            }
            link.cut(reset);
            gone(link).await
        }
        Do::ReadAndNeverAnswer => {
            let _unsent = whole(next.run(request).await).await;
            gone(link).await
        }
        Do::ReadAndClose => {
            let _unsent = whole(next.run(request).await).await;
            link.cut(reset);
            gone(link).await
        }
        Do::HalfStatusLine => {
            let _unsent = whole(next.run(request).await).await;
            // The client may be gone already: then there is nobody to puzzle.
            let _ = link.write_raw(b"HTTP/1.1 20").await;
            link.cut(reset);
            gone(link).await
        }
        Do::H2Goaway => {
            drain(request).await;
            let last = match fault.last_stream {
                Some(LastStream::Zero) => 0,
                Some(LastStream::Ours) | None => link.last_stream(),
            };
            let _ = link.write_raw(&h2_frames::goaway(last)).await;
            link.cut(reset);
            gone(link).await
        }
        Do::H2RefusedStream => {
            drain(request).await;
            match link.last_stream() {
                // HTTP/1.1 has no word for it.
                0 => link.cut(reset),
                stream => {
                    let _ = link.write_raw(&h2_frames::refused_stream(stream)).await;
                }
            }
            gone(link).await
        }
        Do::CutAfterHeaders => shape(next.run(request).await, link, Shaping::Cut { at: 0, reset }).await,
        Do::CutBody => {
            let at = fault.at.unwrap_or_default();
            shape(next.run(request).await, link, Shaping::Cut { at, reset }).await
        }
        Do::Stall => {
            let at = fault.at.unwrap_or_default();
            shape(next.run(request).await, link, Shaping::Stall { at }).await
        }
        Do::Drip => {
            let speed = fault.bytes_per_s.unwrap_or(1).max(1);
            shape(next.run(request).await, link, Shaping::Drip { speed }).await
        }
        Do::TruncatedLength if front.origin == "api" => {
            let at = usize::try_from(fault.at.unwrap_or_default()).unwrap_or(usize::MAX);
            let (mut head, body) = next.run(request).await.into_parts();
            let bytes = collect(body).await;
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(bytes.slice(..at.min(bytes.len()))))
        }
        Do::StatusWord
        | Do::CompletedWithoutOutputs
        | Do::NoId
        | Do::WrongContentRange
        | Do::ChangedEtag
        | Do::CorruptByte
        | Do::ExpiredUrl
        | Do::TruncatedLength
        | Do::IgnoreRange => next.run(request).await,
    }
}

/// Waits until the connection is gone; the answer after that reaches nobody.
async fn gone(link: &Link) -> Response {
    link.ended().await;
    StatusCode::NO_CONTENT.into_response()
}

fn anonymous(mut response: Response) -> Response {
    response.extensions_mut().insert(Anonymous);
    response
}

/// The answer of a `status` fault.
fn status(front: &Front, fault: &Fault) -> Response {
    let code = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
    let code = code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if let Some(text) = &fault.body {
        (
            code,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            text.clone(),
        )
            .into_response()
    } else if let Some(json) = &fault.json {
        (code, axum::Json(json.clone())).into_response()
    } else if let Some(error) = &fault.envelope {
        answer::error(code, &error.kind, &error.message)
    } else if front.origin == "api" {
        let (kind, message) = answer::words(code.as_u16());
        answer::error(code, kind, message)
    } else {
        let (kind, message) = xml::words(code.as_u16());
        xml::refusal(code, kind, message)
    };
    let retry = fault
        .retry_after
        .as_ref()
        .map(|value| ("retry-after".to_owned(), value.to_string()));
    for (name, value) in fault.headers.clone().into_iter().chain(retry) {
        match (HeaderName::try_from(&name), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(value)) => {
                response.headers_mut().insert(name, value);
            }
            _ => tracing::error!(name, value, "a fault's header cannot be sent"),
        }
    }
    if fault.request_id == Some(false) {
        anonymous(response)
    } else {
        response
    }
}

async fn drain(request: Request) {
    drain_body(request.into_body()).await;
}

/// Reads a body to its end: a client that is still sending when the connection closes may never see the answer.
pub(crate) async fn drain_body(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}

async fn whole(response: Response) -> Bytes {
    // Only small answers are read here: the body of a download is dropped, not produced.
    let body = response.into_body();
    if body.size_hint().exact().is_some_and(|len| len < 1 << 20) {
        collect(body).await
    } else {
        Bytes::new()
    }
}

async fn collect(body: Body) -> Bytes {
    body.collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default()
}

/// A request body that reports what was read of it.
#[derive(Debug)]
struct Counted {
    inner: Body,
    service: Arc<Service>,
    place: Place,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) | None => 0,
        };
        let failed = matches!(frame, Some(Err(_)));
        let end = !failed && (frame.is_none() || self.inner.is_end_stream());
        self.service.ledger.read(self.place, bytes, end);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What happens to the body of an answer on its way.
#[derive(Debug, Clone, Copy)]
enum Shaping {
    Cut { at: u64, reset: bool },
    Stall { at: u64 },
    Drip { speed: u64 },
}

async fn shape(response: Response, link: &Arc<Link>, shaping: Shaping) -> Response {
    let (mut head, body) = response.into_parts();
    if !head.headers.contains_key(header::CONTENT_LENGTH)
        && let Some(len) = body.size_hint().exact()
    {
        // The head announces what will not come.
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    }
    let left = match shaping {
        Shaping::Cut { at, .. } | Shaping::Stall { at } => at,
        Shaping::Drip { .. } => u64::MAX,
    };
    let shaped = Shaped {
        inner: body,
        link: Arc::clone(link),
        shaping,
        left,
        sent: 0,
        started_at: None,
        pending: Bytes::new(),
        pause: None,
    };
    Response::from_parts(head, Body::new(shaped))
}

/// A response body that stops, or crawls.
struct Shaped {
    inner: Body,
    link: Arc<Link>,
    shaping: Shaping,
    left: u64,
    sent: u64,
    started_at: Option<u64>,
    pending: Bytes,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl http_body::Body for Shaped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let started_at = *this.started_at.get_or_insert(this.link.written());
        if let Shaping::Drip { .. } = this.shaping
            && let Some(pause) = this.pause.as_mut()
        {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        if this.left == 0 {
            // Pending makes hyper flush what it has; the flush is what cuts. Nobody wakes this body again.
            if let Shaping::Cut { reset, .. } = this.shaping {
                this.link.cut_when_flushed(started_at + this.sent, reset);
            }
            return Poll::Pending;
        }
        if this.pending.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.pending = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let most = match this.shaping {
            Shaping::Drip { speed } => (speed / 10).max(1),
            Shaping::Cut { .. } | Shaping::Stall { .. } => this.left,
        };
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(this.pending.len());
        let chunk = this.pending.split_to(count);
        this.left -= count as u64;
        this.sent += count as u64;
        if let Shaping::Drip { speed } = this.shaping {
            #[allow(clippy::cast_precision_loss)]
            let seconds = count as f64 / speed as f64;
            this.pause = Some(Box::pin(tokio::time::sleep(Duration::from_secs_f64(seconds))));
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}
