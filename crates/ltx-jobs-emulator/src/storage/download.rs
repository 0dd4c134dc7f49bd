//! `GET` of a result object: the answer Google would give, or the one a fault wants.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::object::{Broken, Object, Version};
use super::range::{Span, span};
use super::{signed, xml};
use crate::clock::http_date;
use crate::faults::{Do, Fault};
use crate::front::Fired;
use crate::link::Link;
use crate::programme::{GoogHash, HashName, Programme};
use crate::service::Service;

/// Larger objects have no MD5 unless the programme asks for it, like composite objects of the real storage.
const COMPOSITE: u64 = 64 << 20;
/// Most bytes handed to the connection at once.
const CHUNK: usize = 256 << 10;

/// Answers one request for a result object.
pub(crate) async fn get(service: &Service, head: Parts) -> Response {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let now = service.clock.now();
    let object = service.object(path);
    let fault = head.extensions.get::<Fired>().map(|Fired(fault)| fault);
    if let (Some(object), Some(Do::ExpiredUrl)) = (&object, fault.map(|fault| fault.r#do)) {
        object.expire_up_to(service.issued.load(std::sync::atomic::Ordering::SeqCst));
    }
    let signed = match signed::check(service.secret(), "GET", path, query, now) {
        Ok(signed) => Some(signed),
        Err(_) if !service.programme().storage.signatures => None,
        Err(refusal) => return *refusal,
    };
    let Some(object) = object else {
        return xml::refusal(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    };
    if signed.is_some_and(|signed| object.is_expired(signed.issue)) {
        return signed::expired(now);
    }
    if fault.is_some_and(|fault| fault.r#do == Do::ChangedEtag) {
        object.change();
    }
    let link = head.extensions.get::<Arc<Link>>().cloned();
    match answer(&service.programme(), &object, &head.headers, fault, link).await {
        Ok(response) => response,
        Err(broken) => {
            tracing::error!(path, broken, "cannot make the object");
            xml::refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &broken)
        }
    }
}

async fn answer(
    programme: &Programme,
    object: &Object,
    request: &HeaderMap,
    fault: Option<&Fault>,
    link: Option<Arc<Link>>,
) -> Result<Response, Broken> {
    let storage = &programme.storage;
    let version = object.current();
    // Making a big archive takes a while. A client that gives up meanwhile takes this answer with it, but not the work: its next request waits for the rest.
    let prepared = {
        let (version, wanted) = (Arc::clone(&version), storage.goog_hash);
        tokio::spawn(async move {
            let len = version.len().await?;
            Ok::<_, Broken>((len, goog_hash(wanted, &version, len).await?))
        })
    };
    let (len, hashes) = prepared.await.map_err(|error| error.to_string())??;
    let etag = version.etag();
    let modified = http_date(object.created + i64::from(version.number - 1) * 1_000);

    let text = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());
    let unchanged = !storage.if_range
        || text(header::IF_RANGE).is_none_or(|validator| {
            let same = (storage.etag && validator == etag) || (storage.last_modified && validator == modified);
            same && !storage.if_range_whole
        });
    let ignored = fault.is_some_and(|fault| fault.r#do == Do::IgnoreRange);
    let wanted = text(header::RANGE).filter(|_| storage.ranges && unchanged && !ignored);
    let span = span(wanted, len, storage.suffix_ranges);

    let (status, start, end) = match span {
        Span::Whole => (StatusCode::OK, 0, len),
        Span::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end),
        Span::Unsatisfiable => {
            let (code, message) = xml::words(416);
            let mut response = xml::refusal(StatusCode::RANGE_NOT_SATISFIABLE, code, message);
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, value(&format!("bytes */{len}")));
            return Ok(response);
        }
    };
    let mut sent = end - start;
    let mut flipped = None;
    let mut shift = 0;
    match fault.map(|fault| (fault.r#do, fault.at.unwrap_or_default())) {
        Some((Do::TruncatedLength, at)) => sent = sent.min(at),
        Some((Do::CorruptByte, at)) => flipped = Some(at),
        Some((Do::WrongContentRange, _)) => shift = 1,
        _ => {}
    }

    let mut response = Response::new(Body::new(body(
        Arc::clone(&version),
        start,
        sent,
        flipped,
        storage.rate,
        link,
    )));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(object.content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=0"));
    if storage.ranges {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{}", start + shift, end - 1 + shift, len + shift);
        headers.insert(header::CONTENT_RANGE, value(&range));
    }
    if storage.etag {
        headers.insert(header::ETAG, value(&etag));
    }
    if storage.last_modified {
        headers.insert(header::LAST_MODIFIED, value(&modified));
    }
    if storage.generation {
        let generation = object.created * 1_000 + i64::from(version.number);
        headers.insert("x-goog-generation", HeaderValue::from(generation));
        headers.insert("x-goog-metageneration", HeaderValue::from_static("1"));
    }
    headers.insert("x-goog-stored-content-length", HeaderValue::from(len));
    headers.insert("x-goog-stored-content-encoding", HeaderValue::from_static("identity"));
    if let Some(hashes) = hashes {
        headers.insert("x-goog-hash", value(&hashes));
    }
    Ok(response)
}

async fn goog_hash(wanted: GoogHash, version: &Version, len: u64) -> Result<Option<String>, Broken> {
    let (crc32c, md5) = match wanted {
        GoogHash::Switch(false) => return Ok(None),
        GoogHash::Switch(true) => (true, len <= COMPOSITE),
        GoogHash::Only(HashName::Crc32c) => (true, false),
        GoogHash::Only(HashName::Md5) => (false, true),
    };
    let mut parts = Vec::new();
    if crc32c {
        parts.push(format!(
            "crc32c={}",
            STANDARD.encode(version.crc32c().await?.to_be_bytes())
        ));
    }
    if md5 {
        parts.push(format!("md5={}", STANDARD.encode(version.digests().await?.md5)));
    }
    Ok(Some(parts.join(",")))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// What is left to send, and the piece it is cut from.
struct Sending {
    version: Arc<Version>,
    at: u64,
    end: u64,
    piece: Bytes,
    flipped: Option<u64>,
    rate: u64,
    link: Option<Arc<Link>>,
}

fn body(version: Arc<Version>, start: u64, len: u64, flipped: Option<u64>, rate: u64, link: Option<Arc<Link>>) -> Body {
    let sending = Sending {
        version,
        at: start,
        end: start + len,
        piece: Bytes::new(),
        flipped,
        rate,
        link,
    };
    Body::from_stream(stream::try_unfold(sending, |mut sending| async move {
        let chunk = sending.next().await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(chunk.map(|chunk| (chunk, sending)))
    }))
}

impl Sending {
    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.at >= self.end {
            return Ok(None);
        }
        if self.piece.is_empty() {
            self.piece = self.version.read_at(self.at).await?;
        }
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let count = left.min(self.piece.len()).min(self.chunk());
        let mut chunk = self.piece.split_to(count);
        if let Some(link) = &self.link {
            link.pace(count as u64, self.rate).await;
        }
        if let Some(flipped) = self
            .flipped
            .and_then(|at| at.checked_sub(self.at))
            .filter(|at| *at < count as u64)
        {
            let mut bytes = chunk.to_vec();
            if let Some(byte) = usize::try_from(flipped).ok().and_then(|at| bytes.get_mut(at)) {
                *byte = !*byte;
            }
            chunk = Bytes::from(bytes);
        }
        self.at += count as u64;
        Ok(Some(chunk))
    }

    /// With a limited rate: small enough that the bytes come evenly.
    fn chunk(&self) -> usize {
        match self.rate {
            0 => CHUNK,
            rate => usize::try_from(rate / 100).unwrap_or(CHUNK).clamp(1, CHUNK),
        }
    }
}
