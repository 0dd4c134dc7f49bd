//! Tells whether two requests are the same: SHA-256 over endpoint, parameters and the content of local inputs.
//!
//! The content, not the path: a clip that was replaced under the same name is another request.

use std::io::Read;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::request::{MediaSource, Request};

enum Part {
    Text(String),
    File(PathBuf),
}

/// Reads local files, on the blocking pool.
pub(super) async fn of(request: &Request) -> Result<String> {
    let mut parts = vec![Part::Text(request.submit_path())];
    for (name, value) in request.params() {
        parts.push(Part::Text(format!("{name}={value}")));
    }
    for (field, media) in request.media_inputs() {
        parts.push(Part::Text(field.clone()));
        parts.push(match media.source() {
            MediaSource::Ready(text) => Part::Text(text.to_owned()),
            MediaSource::Bytes(bytes) => Part::Text(hex(&Sha256::digest(bytes))),
            MediaSource::File(path) => Part::File(path.to_owned()),
        });
    }
    tokio::task::spawn_blocking(move || digest(parts))
        .await
        .map_err(|error| {
            Error::new(
                crate::ErrorKind::Internal,
                format!("the fingerprint of a request could not be made: {error}"),
            )
        })?
}

fn digest(parts: Vec<Part>) -> Result<String> {
    let mut whole = Sha256::new();
    for part in parts {
        let text = match part {
            Part::Text(text) => text,
            Part::File(path) => {
                file(&path).map_err(|error| Error::io(format_args!("cannot read {}", path.display()), error))?
            }
        };
        whole.update((text.len() as u64).to_le_bytes());
        whole.update(text.as_bytes());
    }
    Ok(hex(&whole.finalize()))
}

fn file(path: &std::path::Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::Media;

    #[tokio::test]
    async fn the_same_content_is_the_same_request_and_another_content_another() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            Request::raw("retake", json!({"duration": 2}))
                .unwrap()
                .media("video_uri", Media::file(path))
        };
        let one = of(&make("a.mp4", "same")).await.unwrap();
        assert_eq!(one, of(&make("b.mp4", "same")).await.unwrap());
        assert_ne!(one, of(&make("a.mp4", "other")).await.unwrap());
        assert_ne!(one, of(&make("a.mp4", "same").extra("duration", 3)).await.unwrap());
    }
}
