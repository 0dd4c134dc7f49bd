//! What is asked of the service: typed requests, one file per endpoint, over one open form.
//!
//! Local checks (`check`, by the data in `rules`) refuse only what can never be right. The rest is the service's to judge, so that nothing new on the
//! server needs a release of ours.

mod audio_to_video;
mod camera_motion;
mod check;
mod extend;
mod image_to_video;
mod inputs;
mod media;
mod probe;
mod retake;
mod rules;
mod text_to_video;
mod video_alpha_gen;
mod video_to_video_hdr;
mod video_to_video_reframe;
mod video_upscale;

use std::fmt;

use serde_json::{Map, Value};

pub use audio_to_video::AudioToVideo;
pub use camera_motion::CameraMotion;
pub use extend::{Extend, ExtendMode};
pub use image_to_video::ImageToVideo;
pub(crate) use inputs::{Place as InputPlace, judge as judge_input};
pub use media::Media;
pub(crate) use media::MediaSource;
#[cfg(test)]
pub(crate) use probe::{AudioCodec, AudioTrack, VideoCodec};
pub(crate) use probe::{MediaFacts, VideoTrack, probe};
pub use retake::{Retake, RetakeMode};
pub use text_to_video::TextToVideo;
pub use video_alpha_gen::VideoAlphaGen;
pub use video_to_video_hdr::{Colorspace, VideoToVideoHdr};
pub use video_to_video_reframe::{Anchor, Placement, VideoToVideoReframe};
pub use video_upscale::VideoUpscale;

use crate::error::{Error, ErrorKind, Result};
use crate::job::check_segment;

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
            Value::Object(params) => Ok(Self {
                endpoint,
                path: None,
                params,
                media: Vec::new(),
            }),
            other => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "the parameters of {endpoint} must be a JSON object, not {}",
                    check::json_kind(&other)
                ),
            )),
        }
    }

    /// For typed requests, whose endpoint is a constant.
    pub(crate) fn typed(endpoint: &'static str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            path: None,
            params: Map::new(),
            media: Vec::new(),
        }
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

    /// Looks at the request without any network, as a submit does before it does anything else. Typed and raw requests alike, by the endpoint's name;
    /// an endpoint this library does not know passes.
    ///
    /// Gives what is odd but may be right, for people: a value, a field or a combination that the vendor's field reference does not list. A submit logs
    /// it and keeps it in the job's [`Snapshot::warnings`](crate::Snapshot::warnings). The service remains the judge.
    ///
    /// # Errors
    /// `InvalidRequest` for what can never be right: a missing field, a wrong type, an empty or too long prompt, a value below a documented minimum,
    /// fields that exclude each other, an address the service cannot fetch. The message names field, value and rule.
    pub fn check(&self) -> Result<Vec<String>> {
        if let Some(path) = &self.path {
            let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            if segments.len() != 2
                || segments.first() != Some(&"v2")
                || segments.iter().any(|segment| check_segment("path", segment).is_err())
            {
                return Err(check::refusal(
                    &self.endpoint,
                    format!("the path {path:?} is not usable; write it like /v2/{}", self.endpoint),
                ));
            }
        }
        check::check(&self.endpoint, &self.params, &self.media)
    }
}

/// The endpoints this library has requests for.
#[cfg(test)]
pub(crate) fn endpoint_names() -> impl Iterator<Item = &'static str> {
    rules::ENDPOINTS.iter().map(|endpoint| endpoint.name)
}

/// A number as the other languages write it: whole ones without a fraction, so that the same request has the same body in all of them.
fn number(value: f64) -> Value {
    let whole = value as i64;
    if whole as f64 == value {
        Value::from(whole)
    } else {
        Value::from(value)
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
    fn parameters_must_be_an_object_and_endpoints_one_segment() {
        assert!(Request::raw("retake", json!([1])).is_err());
        for endpoint in ["", "a/b", "..", "v2?x"] {
            assert!(Request::raw(endpoint, json!({})).is_err(), "{endpoint:?}");
        }
    }

    #[test]
    fn a_renamed_path_carries_polls_along() {
        let params = json!({"video_uri": "ltx://uploads/x", "resolution": "4k"});
        let request = Request::raw("video-upscale", params)
            .unwrap()
            .path("/v2/video-to-video-upscale");
        request.check().unwrap();
        assert_eq!(
            (request.submit_path().as_str(), request.job_endpoint()),
            ("/v2/video-to-video-upscale", "video-to-video-upscale")
        );
        assert!(
            Request::raw("x", json!({}))
                .unwrap()
                .path("/v2/../admin")
                .check()
                .is_err()
        );
    }

    #[test]
    fn whole_numbers_are_written_without_a_fraction() {
        let written: Vec<String> = [2.0, 2.5, 0.0, -3.0, 1e300]
            .into_iter()
            .map(|value| number(value).to_string())
            .collect();
        assert_eq!(written, ["2", "2.5", "0", "-3", "1e+300"]);
        assert!(number(f64::NAN).is_null());
    }
}
