//! Tells whether two requests are the same: SHA-256 over endpoint, parameters and the content of local inputs. Pure.
//!
//! The content, not the path: a clip that was replaced under the same name is another request.

use sha2::{Digest, Sha256};

use crate::client::inputs::LookedInputs;
use crate::request::{MediaSource, Request};

pub(super) fn of(request: &Request, looked: &LookedInputs) -> String {
    let mut parts = vec![request.submit_path()];
    for (name, value) in request.params() {
        parts.push(format!("{name}={value}"));
    }
    for (field, media) in request.media_inputs() {
        parts.push(field.clone());
        parts.push(match media.source() {
            MediaSource::Ready(text) => text.to_owned(),
            MediaSource::Bytes(_) | MediaSource::File(_) => looked
                .get(field)
                .and_then(|looked| looked.sha256.clone())
                .unwrap_or_default(),
        });
    }
    let mut whole = Sha256::new();
    for part in parts {
        whole.update((part.len() as u64).to_le_bytes());
        whole.update(part.as_bytes());
    }
    whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Client;
    use crate::client::inputs::Digest;
    use crate::request::Media;

    #[tokio::test]
    async fn the_same_content_is_the_same_request_and_another_content_another() {
        let folder = tempfile::tempdir().unwrap();
        let client = Client::builder().api_key("k").without_journal().build().unwrap();
        let make = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("\0\0\0\x18ftypisom{content}")).unwrap();
            Request::raw("retake", json!({"duration": 2}))
                .unwrap()
                .media("video_uri", Media::file(path))
        };
        let print = |request: Request| {
            let client = client.clone();
            async move { of(&request, &client.look_at_inputs(&request, Digest::Now).await.unwrap()) }
        };
        let one = print(make("a.mp4", "same")).await;
        assert_eq!(one, print(make("b.mp4", "same")).await);
        assert_ne!(one, print(make("a.mp4", "other")).await);
        assert_ne!(one, print(make("a.mp4", "same").extra("duration", 3)).await);
    }
}
