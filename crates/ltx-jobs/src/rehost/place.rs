//! Where outputs are copied to: a URL of the caller, read once. Pure.
//!
//! Every URL names a directory (a prefix of keys); objects get their names below it. Nothing in such a URL may be a secret, because URLs of objects are
//! given back, shown and logged: one with a password or a query is refused.

use object_store::path::Path;
use object_store::{ObjectStoreScheme, path};
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Gcs,
    Azure,
    /// A directory of this machine, or one that is mounted.
    Directory,
}

impl Kind {
    /// Where its credentials are looked for.
    pub(super) const fn credentials(self) -> &'static str {
        match self {
            Self::S3 => {
                "credentials are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), in the profile AWS_PROFILE of ~/.aws, \
                 in a web identity, and in the role of the container or the machine"
            }
            Self::Gcs => {
                "credentials are looked for in GOOGLE_SERVICE_ACCOUNT (a path) and GOOGLE_SERVICE_ACCOUNT_KEY, in GOOGLE_APPLICATION_CREDENTIALS, in what \
                 `gcloud auth application-default login` left, and with the machine's service account"
            }
            Self::Azure => {
                "credentials are looked for in AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY, in AZURE_CLIENT_ID with \
                 AZURE_CLIENT_SECRET and AZURE_TENANT_ID, and with the machine's managed identity"
            }
            Self::Directory => "the user of this process must be allowed to write there",
        }
    }

    /// What else to look at when the store does not know what is asked for.
    pub(super) const fn whereabouts(self) -> &'static str {
        match self {
            Self::S3 => {
                "check the bucket's name, its region (AWS_REGION or the option `region`) and, for other stores than Amazon's, the option `endpoint`"
            }
            Self::Gcs => "check the bucket's name",
            Self::Azure => "check the names of the account (AZURE_STORAGE_ACCOUNT_NAME) and the container",
            Self::Directory => "check the path",
        }
    }
}

/// See the module's first lines.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) kind: Kind,
    /// As the caller wrote it, with a slash at its end.
    url: Url,
    prefix: Path,
}

impl Place {
    /// Reads the caller's URL.
    ///
    /// # Errors
    /// `InvalidRequest`, never with what might be a secret in it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: String| {
            Err(Error::new(ErrorKind::InvalidRequest, why).with_advice(
                "write it like s3://bucket/prefix/, gs://bucket/prefix/, az://container/prefix/ or file:///directory/",
            ))
        };
        let Ok(mut url) = Url::parse(text) else {
            return refuse("the place to copy to is no URL".to_owned());
        };
        let scheme = url.scheme().to_owned();
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return refuse(format!(
                "the {scheme} URL has a password, a query or a fragment; credentials are no part of it"
            ));
        }
        let (kind, prefix) = match ObjectStoreScheme::parse(&url) {
            Ok((ObjectStoreScheme::AmazonS3, prefix)) => (Kind::S3, prefix),
            Ok((ObjectStoreScheme::GoogleCloudStorage, prefix)) => (Kind::Gcs, prefix),
            Ok((ObjectStoreScheme::MicrosoftAzure, prefix)) => (Kind::Azure, prefix),
            Ok((ObjectStoreScheme::Local, prefix)) => (Kind::Directory, prefix),
            Ok(_) => return refuse(format!("nothing can be copied to {scheme} URLs")),
            Err(_) if matches!(scheme.as_str(), "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss") => {
                return refuse(format!(
                    "the {scheme} URL has no bucket or container, or a path that no store takes"
                ));
            }
            Err(_) => return refuse(format!("no store is known for {scheme} URLs with such a host or path")),
        };
        // `container@account` is how Azure's file systems are written; elsewhere a user name is half a credential.
        if !url.username().is_empty() && kind != Kind::Azure {
            return refuse(format!(
                "the {scheme} URL has a user name in it; credentials are no part of it"
            ));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self { kind, url, prefix })
    }

    /// The URL, for people and for the store's own parser.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The key and the URL of an object called `name`: safe segments with slashes between them.
    pub(super) fn object(&self, name: &str) -> Result<(Path, String)> {
        let key = match self.prefix.as_ref() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        let key = Path::parse(key).map_err(|error: path::Error| {
            Error::new(
                ErrorKind::UnsafeName,
                format!("{name:?} cannot be the name of an object: {error}"),
            )
        })?;
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(name.split('/'));
        }
        Ok((key, url.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_lie_below_the_url_whether_it_ends_with_a_slash_or_not() {
        for (text, kind, key, url) in [
            (
                "s3://bucket/a/b/",
                Kind::S3,
                "a/b/video.mp4",
                "s3://bucket/a/b/video.mp4",
            ),
            (
                "s3://bucket/a/b",
                Kind::S3,
                "a/b/video.mp4",
                "s3://bucket/a/b/video.mp4",
            ),
            ("s3://bucket", Kind::S3, "video.mp4", "s3://bucket/video.mp4"),
            ("gs://bucket/", Kind::Gcs, "video.mp4", "gs://bucket/video.mp4"),
            (
                "az://box/shots",
                Kind::Azure,
                "shots/video.mp4",
                "az://box/shots/video.mp4",
            ),
            (
                "abfss://box@account.dfs.core.windows.net/shots",
                Kind::Azure,
                "shots/video.mp4",
                "abfss://box@account.dfs.core.windows.net/shots/video.mp4",
            ),
            (
                "file:///mnt/out/",
                Kind::Directory,
                "mnt/out/video.mp4",
                "file:///mnt/out/video.mp4",
            ),
            (
                "s3://bucket/shot%2010/",
                Kind::S3,
                "shot 10/video.mp4",
                "s3://bucket/shot%2010/video.mp4",
            ),
        ] {
            let place = Place::parse(text).unwrap();
            let (found, shown) = place.object("video.mp4").unwrap();
            assert_eq!((place.kind, found.as_ref(), shown.as_str()), (kind, key, url), "{text}");
        }
        let place = Place::parse("s3://bucket/p").unwrap();
        let (key, url) = place.object("exr_frames/shot 1.exr").unwrap();
        assert_eq!(
            (key.as_ref(), url.as_str()),
            ("p/exr_frames/shot 1.exr", "s3://bucket/p/exr_frames/shot%201.exr")
        );
    }

    #[test]
    fn what_is_no_place_or_holds_a_secret_is_refused_without_repeating_it() {
        for text in [
            "out/shots",
            "s3:/canary",
            "s3:///canary",
            "https://storage.example/canary",
            "http://127.0.0.1:9000/canary",
            "memory:///canary",
            "ftp://host/canary",
            "file://host/canary",
            "s3://key:canary@bucket/p",
            "s3://canary@bucket/p",
            "az://box/p?sig=canary",
            "gs://bucket/p#canary",
            "s3://bucket/a/../../canary/%2e%2e//x",
        ] {
            let error = Place::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{text}");
            assert!(!error.to_string().contains("canary"), "{text}: {error}");
        }
    }
}
