//! Sending an input: a slot from the service, then one PUT of the bytes to the storage.
//!
//! What the service would refuse by kind or size is refused here before any request. A PUT whose outcome is uncertain is never repeated on its slot: the
//! whole upload is tried again with a new one. The PUT carries exactly the headers of the slot, a content type and the length, and never the API key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use serde::Deserialize;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::cancelled;
use crate::progress::Phase;
use crate::retry::Backoff;
use crate::secret::{ApiKey, SignedUrl};
use crate::telemetry::{Moving, TRANSFER};
use crate::transfer::TransferContext;
use crate::transfer::input::{Input, LocalFile, Meter, Sent};
use crate::transfer::integrity::Hashes;
use crate::transfer::kind::{ContentKind, HEAD, MediaClass};
use crate::transfer::plan::error_code;
use crate::transfer::sink::joined;
use crate::transport::Answer;

/// Failures, of slots and PUTs together, after which an upload gives up.
const FAILURES: u32 = 6;

const MEBIBYTE: u64 = 1 << 20;

/// Uploads a local file. Gives the `ltx://` address for the `*_uri` fields.
pub(crate) async fn upload_file(context: &TransferContext, key: &ApiKey, path: &Path) -> Result<String> {
    let file = path.to_owned();
    let (input, head) = joined(tokio::task::spawn_blocking(move || LocalFile::look(file)).await)?;
    let kind = check_input(&path.display().to_string(), &head, input.length)?;
    send_in_span(context, key, &Input::File(input), kind.content_type()).await
}

/// Uploads bytes that are in memory. `content_type` when the caller knows better than their first bytes.
pub(crate) async fn upload_bytes(
    context: &TransferContext,
    key: &ApiKey,
    bytes: Bytes,
    content_type: Option<&str>,
) -> Result<String> {
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    let kind = check_input("the input", head, bytes.len() as u64)?;
    let content_type = content_type.unwrap_or(kind.content_type()).to_owned();
    send_in_span(context, key, &Input::Bytes(bytes), &content_type).await
}

async fn send_in_span(context: &TransferContext, key: &ApiKey, input: &Input, content_type: &str) -> Result<String> {
    Moving::begin("upload", None, Some(input.length()))
        .over(send(context, key, input, content_type))
        .await
}

/// Refuses what the service would refuse after the upload: other kinds of file, and too large ones (api guide, inputs).
pub(crate) fn check_input(what: &str, head: &[u8], length: u64) -> Result<ContentKind> {
    if length == 0 {
        return Err(Error::new(ErrorKind::InvalidRequest, format!("{what} is empty")));
    }
    let kind = ContentKind::of(head);
    let Some((kind, class)) = kind.and_then(|kind| Some((kind, kind.class()?))) else {
        let seen = kind.map_or("a file of a kind that is not known".to_owned(), |kind| {
            format!("a .{} file", kind.extension())
        });
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "{what} is {seen}; the service takes MP4, MOV and MKV video, PNG, JPEG and WEBP images, WAV, MP3, M4A and OGG audio"
            ),
        ));
    };
    let (limit, name) = match class {
        MediaClass::Image => (15 * MEBIBYTE, "an image"),
        MediaClass::Video => (200 * MEBIBYTE, "a video"),
        MediaClass::Audio => (200 * MEBIBYTE, "an audio file"),
    };
    if length > limit {
        return Err(Error::new(
            ErrorKind::RequestTooLarge,
            format!(
                "{what} has {length} bytes; the service takes at most {limit} bytes ({} MiB) for {name}",
                limit / MEBIBYTE
            ),
        ));
    }
    Ok(kind)
}

/// The service's answer to `POST /v1/upload`.
#[derive(Deserialize)]
struct Slot {
    upload_url: Url,
    storage_uri: String,
    #[serde(default)]
    required_headers: Option<BTreeMap<String, serde_json::Value>>,
}

impl Slot {
    /// The headers of the PUT: those of the slot, untouched, and a content type unless they hold one.
    fn headers(&self, content_type: &str) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in self.required_headers.iter().flatten() {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            headers.push((name.clone(), text));
        }
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        headers
    }

    /// Refuses a length outside of what the slot itself allows: the storage would, after the last byte.
    fn check_length(&self, length: u64) -> Result<()> {
        let range = self
            .required_headers
            .iter()
            .flatten()
            .find(|(name, _)| name.eq_ignore_ascii_case("x-goog-content-length-range"));
        let Some((least, most)) = range.and_then(|(_, value)| value.as_str()?.split_once(',')) else {
            return Ok(());
        };
        match (least.trim().parse::<u64>(), most.trim().parse::<u64>()) {
            (Ok(least), Ok(most)) if !(least..=most).contains(&length) => Err(Error::new(
                ErrorKind::RequestTooLarge,
                format!("the input has {length} bytes; the service's upload slot takes {least} to {most}"),
            )),
            _ => Ok(()),
        }
    }
}

/// What one PUT came to.
enum Put {
    Done,
    /// It may or may not have arrived: another slot.
    Uncertain(Error),
}

async fn send(context: &TransferContext, key: &ApiKey, input: &Input, content_type: &str) -> Result<String> {
    let length = input.length();
    context.progress.set_phase(Phase::Uploading);
    context.progress.set_total(Some(length));
    let shown = Arc::new(AtomicU64::new(0));
    let mut backoff = Backoff::new(context.settings.backoff_base, context.settings.backoff_cap);
    let mut failures = 0;
    loop {
        let error = match request_slot(context, key, failures).await {
            Ok(slot) => {
                slot.check_length(length)?;
                match put(context, &slot, input, content_type, &shown, failures).await? {
                    Put::Done => return Ok(slot.storage_uri),
                    Put::Uncertain(error) => error,
                }
            }
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error),
        };
        failures += 1;
        if failures >= FAILURES {
            return Err(error);
        }
        let delay = backoff.next_delay(error.retry_after());
        tracing::debug!(target: TRANSFER, ?delay, error = error.message(), "uploading again, with a new slot");
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Err(cancelled("the upload")),
            () = tokio::time::sleep(delay) => {}
        }
    }
}

/// A slot costs nothing and binds nothing: asking twice is harmless.
async fn request_slot(context: &TransferContext, key: &ApiKey, resent: u32) -> Result<Slot> {
    const WHAT: &str = "asking for an upload slot";
    // The service has taken more than 30 s for this answer (api guide, upload); the submit's limit has room for it.
    let asked = context
        .transport
        .api_post_empty("/v1/upload", key, context.settings.submit_timeout, resent);
    let answer = tokio::select! {
        biased;
        () = context.cancel.cancelled() => return Err(cancelled("the upload")),
        answer = asked => answer,
    };
    let answer = answer.map_err(|failure| {
        let transient = failure.is_transient();
        failure.into_error(WHAT).with_retryable(transient)
    })?;
    if !(200..300).contains(&answer.status) {
        return Err(answer.to_error(WHAT));
    }
    match answer.json::<Slot>() {
        Some(slot) if !answer.cut && !slot.storage_uri.is_empty() => Ok(slot),
        _ => Err(Error::new(
            ErrorKind::Protocol,
            format!("{WHAT}: the answer is not what the service documents"),
        )
        .with_http_status(answer.status)
        .with_request_id(answer.request_id())
        .with_retryable(answer.cut)),
    }
}

async fn put(
    context: &TransferContext,
    slot: &Slot,
    input: &Input,
    content_type: &str,
    shown: &Arc<AtomicU64>,
    resent: u32,
) -> Result<Put> {
    let url = SignedUrl::new(slot.upload_url.clone());
    let sent = Arc::new(Sent::default());
    let body = input.body(
        Arc::clone(&sent),
        Meter {
            progress: context.progress.clone(),
            shown: Arc::clone(shown),
        },
    );
    let headers = slot.headers(content_type);
    let length = input.length();
    let outcome = tokio::select! {
        biased;
        () = context.cancel.cancelled() => return Err(cancelled("the upload")),
        outcome = context.transport.storage_put(&url, &headers, length, body, resent) => outcome,
        stalled = sent.stall(length, context.settings.stall_timeout, context.settings.submit_timeout) => return Ok(Put::Uncertain(stalled)),
    };
    if let Some(error) = sent.local_error() {
        return Err(error);
    }
    match outcome {
        Ok(answer) => judge_put(&answer, &sent, length),
        Err(failure) if failure.is_transient() => Ok(Put::Uncertain(failure.into_error("uploading the input"))),
        Err(failure) => Err(failure.into_error("uploading the input")),
    }
}

fn judge_put(answer: &Answer, sent: &Sent, length: u64) -> Result<Put> {
    let error =
        |kind, why: String| Error::new(kind, format!("uploading the input: {why}")).with_http_status(answer.status);
    let code = error_code(&answer.body)
        .map(|code| format!(" ({code})"))
        .unwrap_or_default();
    match answer.status {
        200..=299 => match Hashes::read(&answer.headers, false).crc32c {
            Some(theirs) if sent.is_whole(length) && theirs != sent.crc32c() => Ok(Put::Uncertain(error(
                ErrorKind::Integrity,
                "the storage holds other bytes than were sent".to_owned(),
            ))),
            _ => Ok(Put::Done),
        },
        // The slot allows one object to be made: it is there, and nobody else has the slot.
        412 => Ok(Put::Done),
        408 | 429 | 500..=599 => {
            let after = answer.retry_after();
            Ok(Put::Uncertain(
                error(
                    ErrorKind::Unavailable,
                    format!("the storage answered {}{code}", answer.status),
                )
                .with_retry_after(after),
            ))
        }
        // A slot that has run out: a new one may do.
        401 | 403 | 410 => Ok(Put::Uncertain(error(
            ErrorKind::Protocol,
            format!("the storage refused the slot: {}{code}", answer.status),
        ))),
        status => Err(error(
            ErrorKind::Protocol,
            format!("the storage answered {status}{code}"),
        )),
    }
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
