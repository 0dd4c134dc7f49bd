//! A request as it was typed: its fields by the service's names, before anything is uploaded or sent.
//!
//! The one form behind all endpoints and `submit`; it becomes the core's request, or the text of a dry run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ltx_jobs::{Error, ErrorKind, Media, Request};
use serde_json::{Map, Value, json};

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
    /// Where it goes, when not to the endpoint's own path.
    path: Option<String>,
    fields: Vec<(String, Given)>,
}

impl Asked {
    pub(crate) fn new(endpoint: impl Into<String>, fields: Vec<(String, Given)>) -> Self {
        Self {
            endpoint: endpoint.into(),
            path: None,
            fields,
        }
    }

    /// Sends it to another path, if there is one.
    pub(crate) fn at(self, path: Option<String>) -> Self {
        Self { path, ..self }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was given for a field.
    #[cfg(test)]
    pub(crate) fn given(&self, field: &str) -> Option<&Given> {
        self.fields
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, given)| given)
    }

    /// The endpoint its job is known under: the last part of another path.
    pub(crate) fn job_endpoint(&self) -> &str {
        self.path
            .as_deref()
            .and_then(|path| path.rsplit('/').find(|part| !part.is_empty()))
            .unwrap_or(&self.endpoint)
    }

    /// As the core takes it.
    ///
    /// # Errors
    /// `InvalidRequest` when a field is given twice: nobody can tell which was meant.
    pub(crate) fn request(&self) -> ltx_jobs::Result<Request> {
        let mut request = Request::raw(self.endpoint.as_str(), json!({}))?;
        let mut seen = BTreeSet::new();
        for (name, given) in &self.fields {
            if !seen.insert(name) {
                let text = format!("{}: {name} is given twice", self.endpoint);
                return Err(Error::from_face(ErrorKind::InvalidRequest, text));
            }
            match given {
                Given::Value(value) => request.set(name, value.clone()),
                Given::Address(text) => request.set_media(name, Media::url(text)),
                Given::File(path) => request.set_media(name, Media::file(path)),
            }
        }
        Ok(match &self.path {
            Some(path) => request.path(path),
            None => request,
        })
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
        let path = self.path.clone().unwrap_or_else(|| format!("/v2/{}", self.endpoint));
        Ok(json!({ "method": "POST", "path": path, "body": body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_given_twice_is_refused_by_name() {
        let asked = |names: &[&str]| {
            let fields = names
                .iter()
                .map(|name| ((*name).to_owned(), Given::Value(json!(1))))
                .collect();
            Asked::new("brand-new", fields).request()
        };
        assert!(asked(&["a", "b"]).is_ok());
        let error = asked(&["a", "b", "a"]).unwrap_err();
        assert!(error.to_string().contains("brand-new: a is given twice"), "{error}");
    }
}
