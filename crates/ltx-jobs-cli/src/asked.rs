//! A request as it was typed: its fields by the service's names, before anything is uploaded or sent.
//!
//! The one form behind all endpoints and `submit`; it becomes the core's request, or the text of a dry run.

use std::path::PathBuf;

use ltx_jobs::{ErrorKind, Media, Request};
use serde_json::{Map, Value, json};

use crate::endpoints;
use crate::exit::Failure;

/// What was given for a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Given {
    /// Goes into the request as it is.
    Value(Value),
    /// A media input by its address.
    Address(String),
    /// A local file, uploaded before the submit.
    File(PathBuf),
}

/// See the module's first line.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    endpoint: String,
    fields: Vec<(String, Given)>,
}

impl Asked {
    pub(crate) fn new(endpoint: impl Into<String>, fields: Vec<(String, Given)>) -> Self {
        Self {
            endpoint: endpoint.into(),
            fields,
        }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Refuses what can be told without knowing the service: a field that was given twice, and one that is missing.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let refuse = |text: String| {
            Err(Failure::new(
                ErrorKind::InvalidRequest,
                format!("{}: {text}", self.endpoint),
            ))
        };
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
            return refuse(format!("{twice} is given twice"));
        }
        let fields = endpoints::named(&self.endpoint).map_or(&[][..], |known| known.fields);
        let missing: Vec<&str> = fields
            .iter()
            .filter(|field| field.required && !names.contains(&field.name))
            .map(|field| field.name)
            .collect();
        match missing.as_slice() {
            [] => Ok(()),
            [one] => refuse(format!("{one} is missing")),
            [most @ .., last] => refuse(format!("{} and {last} are missing", most.join(", "))),
        }
    }

    /// As the core takes it.
    pub(crate) fn request(&self) -> ltx_jobs::Result<Request> {
        let mut request = Request::raw(self.endpoint.as_str(), json!({}))?;
        for (name, given) in &self.fields {
            match given {
                Given::Value(value) => request.set(name, value.clone()),
                Given::Address(text) => request.set_media(name, Media::url(text)),
                Given::File(path) => request.set_media(name, Media::file(path)),
            }
        }
        Ok(request)
    }

    /// What would be sent: the body as JSON, with files in the place of what they will be uploaded as.
    pub(crate) fn shown(&self) -> Result<Value, Failure> {
        let mut body = Map::new();
        for (name, given) in &self.fields {
            let value = match given {
                Given::Value(value) => value.clone(),
                Given::Address(text) => Value::String(text.clone()),
                Given::File(path) => {
                    let length = std::fs::metadata(path).and_then(|file| {
                        if file.is_dir() {
                            return Err(std::io::ErrorKind::IsADirectory.into());
                        }
                        Ok(file.len())
                    });
                    let length = length.map_err(|error| {
                        Failure::new(ErrorKind::Io, format!("cannot read {}: {error}", path.display()))
                    })?;
                    json!({ "upload": path, "bytes": length })
                }
            };
            body.insert(name.clone(), value);
        }
        Ok(json!({ "method": "POST", "path": format!("/v2/{}", self.endpoint), "body": body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(endpoint: &str, names: &[&str]) -> Asked {
        let fields = names
            .iter()
            .map(|name| ((*name).to_owned(), Given::Value(json!(1))))
            .collect();
        Asked::new(endpoint, fields)
    }

    #[test]
    fn fields_that_are_missing_or_given_twice_are_named_at_once() {
        let cases: [(&str, &[&str], Option<&str>); 6] = [
            ("video-upscale", &["video_uri", "resolution"], None),
            ("video-upscale", &["video_uri", "resolution", "unheard_of"], None),
            (
                "video-upscale",
                &["video_uri"],
                Some("video-upscale: resolution is missing"),
            ),
            (
                "text-to-video",
                &["prompt"],
                Some("model, duration and resolution are missing"),
            ),
            ("brand-new", &["a", "b", "a"], Some("brand-new: a is given twice")),
            ("brand-new", &[], None),
        ];
        for (endpoint, names, expected) in cases {
            match (asked(endpoint, names).check(), expected) {
                (Ok(()), None) => {}
                (Err(Failure::Error(error)), Some(words)) => assert!(error.to_string().contains(words), "{error}"),
                (checked, _) => panic!("{endpoint} {names:?}: {checked:?}"),
            }
        }
    }
}
