//! A media input: a local file, bytes in memory, or an address the service can fetch itself.

use std::fmt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Where an input comes from. Local files and bytes are uploaded before the submit; addresses are passed on as they are.
#[derive(Clone)]
pub struct Media(Kind);

#[derive(Clone)]
enum Kind {
    File(PathBuf),
    Bytes(Bytes),
    Address(String),
}

/// What has to happen with an input before the submit.
pub(crate) enum MediaSource<'a> {
    /// Nothing: the text goes into the request.
    Ready(&'a str),
    File(&'a Path),
    Bytes(&'a Bytes),
}

impl Media {
    /// A local file. Uploaded as a stream, never held in memory. The kind is told by its first bytes.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::File(path.into()))
    }

    /// Bytes in memory, uploaded like a file.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }

    /// An address the service fetches: public https with a host name, no redirects (vendor's input rules).
    pub fn url(url: impl Into<String>) -> Self {
        Self(Kind::Address(url.into()))
    }

    /// A `data:` URI, passed on as it is. The service takes 7 MB for images and 15 MB for video and audio, encoded.
    pub fn data(uri: impl Into<String>) -> Self {
        Self(Kind::Address(uri.into()))
    }

    /// The `ltx://uploads/...` address of an earlier upload; it lives for 24 h.
    pub fn uploaded(uri: impl Into<String>) -> Self {
        Self(Kind::Address(uri.into()))
    }

    pub(crate) fn source(&self) -> MediaSource<'_> {
        match &self.0 {
            Kind::File(path) => MediaSource::File(path),
            Kind::Bytes(bytes) => MediaSource::Bytes(bytes),
            Kind::Address(text) => MediaSource::Ready(text),
        }
    }

    /// Refuses an address that can never be fetched. Files are looked at when the submit begins.
    pub(crate) fn check(&self, what: &str) -> Result<()> {
        match &self.0 {
            Kind::Address(text) => check_address(what, text),
            Kind::File(_) | Kind::Bytes(_) => Ok(()),
        }
    }
}

/// Refuses an address that can never be fetched; `what` names the field.
pub(super) fn check_address(what: &str, text: &str) -> Result<()> {
    let refuse = |rule: &str, advice: &'static str| {
        let shown: String = text.split('?').next().unwrap_or_default().chars().take(80).collect();
        Err(Error::new(ErrorKind::InvalidRequest, format!("{what} = {shown:?}: {rule}")).with_advice(advice))
    };
    if let Some(data) = text.strip_prefix("data:") {
        return check_data(what, data, text.len());
    }
    if text.starts_with("ltx://") {
        return Ok(());
    }
    match Url::parse(text) {
        Ok(url) if url.scheme() == "https" => match url.host() {
            Some(url::Host::Domain(_)) => Ok(()),
            _ => refuse(
                "the service fetches from host names only, not from IP addresses",
                "upload the file instead",
            ),
        },
        Ok(url) if url.scheme() == "http" => refuse(
            "the service fetches https addresses only",
            "use https, or upload the file",
        ),
        _ => refuse(
            "this is no https, data: or ltx:// address",
            "if it is a path, give it as a file (Media::file, a Path in Python)",
        ),
    }
}

/// Refuses a `data:` URI that is longer, encoded, than the service takes (vendor's input rules). The megabytes are taken generously.
fn check_data(what: &str, data: &str, length: usize) -> Result<()> {
    let (limit, name) = if data.starts_with("image/") {
        (7 << 20, "an image")
    } else {
        (15 << 20, "a video or audio")
    };
    if length <= limit {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::RequestTooLarge,
        format!(
            "{what} is a data: URI of {length} characters; the service takes at most {} MiB of it for {name}",
            limit >> 20
        ),
    )
    .with_advice("give it as a file or as bytes: then it is uploaded"))
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => write!(f, "Media::file({})", path.display()),
            Kind::Bytes(bytes) => write!(f, "Media::bytes({} bytes)", bytes.len()),
            Kind::Address(text) if text.starts_with("data:") => f.write_str("Media::data(..)"),
            Kind::Address(text) => write!(f, "Media::url({})", text.split('?').next().unwrap_or_default()),
        }
    }
}

impl From<&Path> for Media {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<PathBuf> for Media {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_never_be_fetched_are_refused_with_the_rule() {
        let cases = [
            ("https://cdn.example/plate.mp4?sig=canary", None),
            ("data:video/mp4;base64,AAAA", None),
            ("ltx://uploads/abc", None),
            ("http://cdn.example/plate.mp4", Some("https addresses only")),
            ("https://10.1.2.3/plate.mp4?sig=canary", Some("host names only")),
            ("/shots/plate.mp4", Some("no https")),
            ("plate.mp4", Some("no https")),
            ("C:\\shots\\plate.mp4", Some("no https")),
            ("file:///shots/plate.mp4", Some("no https")),
        ];
        for (text, expected) in cases {
            match (Media::url(text).check("video_uri"), expected) {
                (Ok(()), None) => {}
                (Err(error), Some(words)) => {
                    assert!(error.to_string().contains(words), "{error}");
                    assert!(!error.to_string().contains("canary"), "{error}");
                }
                (checked, _) => panic!("{text}: {checked:?}"),
            }
        }
    }

    #[test]
    fn debug_shows_no_credential() {
        assert_eq!(
            format!("{:?}", Media::url("https://cdn.example/x?sig=canary")),
            "Media::url(https://cdn.example/x)"
        );
    }
}
