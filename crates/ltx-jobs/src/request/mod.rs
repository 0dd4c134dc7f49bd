//! What is asked of the service: typed requests, one file per endpoint, over one open form.
//!
//! Local checks refuse only what can never be right. The rest is the service's to judge, so that nothing new on the server needs a release of ours.

mod media;
mod video_to_video_hdr;

use std::fmt;

use serde_json::{Map, Value};

pub use media::Media;
pub(crate) use media::MediaSource;
pub use video_to_video_hdr::{Colorspace, VideoToVideoHdr};

use crate::error::{Error, ErrorKind, Result};
use crate::job::check_segment;

/// Longest prompt, in characters (the vendor's field reference).
const LONGEST_PROMPT: usize = 5000;

/// A request to any endpoint: parameters as the service names them, and inputs that may be local files.
///
/// Typed requests such as [`VideoToVideoHdr`] turn into one; [`Request::raw`] makes one for an endpoint this library does not know.
#[derive(Clone)]
pub struct Request {
    endpoint: String,
    path: Option<String>,
    params: Map<String, Value>,
    media: Vec<(String, Media)>,
}

impl Request {
    /// A request to `endpoint` (one segment: `video-to-video-hdr`) with a JSON object of parameters, passed on as they are.
    ///
    /// # Errors
    /// `InvalidRequest` when the endpoint is no path segment or `params` is no object.
    pub fn raw(endpoint: impl Into<String>, params: Value) -> Result<Self> {
        let endpoint = endpoint.into();
        check_segment("endpoint", &endpoint)?;
        match params {
            Value::Object(params) => Ok(Self { endpoint, path: None, params, media: Vec::new() }),
            other => Err(Error::new(ErrorKind::InvalidRequest, format!("the parameters of {endpoint} must be a JSON object, not {}", json_kind(&other)))),
        }
    }

    /// For typed requests, whose endpoint is a constant.
    pub(crate) fn typed(endpoint: &'static str) -> Self {
        Self { endpoint: endpoint.to_owned(), path: None, params: Map::new(), media: Vec::new() }
    }

    /// Sets a parameter by the service's own name, also one this library does not know.
    #[must_use]
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a parameter in place; see [`extra`](Self::extra).
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let key = key.into();
        self.media.retain(|(field, _)| *field != key);
        self.params.insert(key, value.into());
    }

    /// Sets a media input by its field (`video_uri`). A local file is uploaded before the submit.
    #[must_use]
    pub fn media(mut self, field: impl Into<String>, media: Media) -> Self {
        self.set_media(field, media);
        self
    }

    /// Sets a media input in place; see [`media`](Self::media).
    pub fn set_media(&mut self, field: impl Into<String>, media: Media) {
        let field = field.into();
        self.params.remove(&field);
        self.media.retain(|(known, _)| *known != field);
        self.media.push((field, media));
    }

    /// Sends to another path than `/v2/{endpoint}`: for the day the service renames one. Polls go to the same path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn submit_path(&self) -> String {
        self.path.clone().unwrap_or_else(|| format!("/v2/{}", self.endpoint))
    }

    /// The endpoint under which the job will be known: the last segment of an overridden path.
    pub(crate) fn job_endpoint(&self) -> &str {
        match &self.path {
            Some(path) => path.trim_end_matches('/').rsplit('/').next().unwrap_or(&self.endpoint),
            None => &self.endpoint,
        }
    }

    pub(crate) fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    pub(crate) fn media_inputs(&self) -> &[(String, Media)] {
        &self.media
    }

    /// Refuses what can never be right, before any network and money.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |text: String| Err(Error::new(ErrorKind::InvalidRequest, format!("{}: {text}", self.endpoint)).with_advice("correct the request"));
        if let Some(path) = &self.path {
            let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            if segments.len() != 2 || segments.first() != Some(&"v2") || segments.iter().any(|segment| check_segment("path", segment).is_err()) {
                return refuse(format!("the path {path:?} is not usable; write it like /v2/{}", self.endpoint));
            }
        }
        if let Some(prompt) = self.params.get("prompt") {
            match prompt {
                Value::String(text) if text.trim().is_empty() => return refuse("prompt is empty".to_owned()),
                Value::String(text) if text.chars().count() > LONGEST_PROMPT => {
                    return refuse(format!("prompt has {} characters; at most {LONGEST_PROMPT} are taken", text.chars().count()));
                }
                Value::String(_) => {}
                other => return refuse(format!("prompt must be text, not {}", json_kind(other))),
            }
        }
        for (field, media) in &self.media {
            media.check(&format!("{}: {field}", self.endpoint))?;
        }
        if self.endpoint == VideoToVideoHdr::ENDPOINT {
            self.require_media("video_uri")?;
        }
        Ok(())
    }

    fn require_media(&self, field: &str) -> Result<()> {
        let given = self.media.iter().any(|(known, _)| known == field) || self.params.get(field).is_some_and(|value| !value.is_null());
        if given {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidRequest, format!("{}: {field} is missing", self.endpoint)).with_advice("correct the request"))
    }
}

fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl fmt::Debug for Request {
    /// Names of the parameters only: prompts are the user's own business, and data URIs are long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("params", &self.params.keys().collect::<Vec<_>>())
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_can_never_be_right_is_refused() {
        let long = "x".repeat(5001);
        let cases = [
            (json!({"prompt": ""}), Some("prompt is empty")),
            (json!({"prompt": "  \n"}), Some("prompt is empty")),
            (json!({"prompt": long}), Some("5001 characters")),
            (json!({"prompt": 7}), Some("must be text, not a number")),
            (json!({"prompt": "fine", "model": "ltx-9-brand-new", "unheard_of": [1, 2]}), None),
            (json!({}), None),
        ];
        for (params, expected) in cases {
            let text = params.to_string();
            let checked = Request::raw("text-to-video", params).unwrap().check();
            match (checked, expected) {
                (Ok(()), None) => {}
                (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{error}"),
                (checked, _) => panic!("{text:.60}: {checked:?}"),
            }
        }
    }

    #[test]
    fn an_hdr_request_without_a_video_is_refused_by_name() {
        let error = Request::raw("video-to-video-hdr", json!({"output_colorspace": "acescg"})).unwrap().check().unwrap_err();
        assert!(error.to_string().contains("video_uri is missing"), "{error}");
        Request::raw("video-to-video-hdr", json!({"video_uri": "ltx://uploads/x"})).unwrap().check().unwrap();
    }

    #[test]
    fn parameters_must_be_an_object_and_endpoints_one_segment() {
        assert!(Request::raw("retake", json!([1])).is_err());
        for endpoint in ["", "a/b", "..", "v2?x"] {
            assert!(Request::raw(endpoint, json!({})).is_err(), "{endpoint:?}");
        }
    }

    #[test]
    fn a_renamed_path_carries_polls_along() {
        let request = Request::raw("video-upscale", json!({})).unwrap().path("/v2/video-to-video-upscale");
        request.check().unwrap();
        assert_eq!((request.submit_path().as_str(), request.job_endpoint()), ("/v2/video-to-video-upscale", "video-to-video-upscale"));
        assert!(Request::raw("x", json!({})).unwrap().path("/v2/../admin").check().is_err());
    }
}
