//! One request of a batch, and what is to become of its outputs.

use crate::archive::name::broken_rule;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Destination;
use crate::money::Usd;
#[cfg(feature = "rehost")]
use crate::rehost::StoreDestination;
use crate::request::Request;

/// Longest key, in characters.
const LONGEST_KEY: usize = 200;

/// A request in a batch; see [`Batch`](super::Batch).
#[derive(Debug, Clone)]
pub struct BatchItem {
    pub(super) key: String,
    pub(super) request: Request,
    pub(super) label: Option<String>,
    pub(super) priority: i32,
    pub(super) keep: Option<Keep>,
    pub(super) max_cost: Option<Usd>,
}

/// What becomes of the outputs.
#[derive(Debug, Clone)]
pub(super) enum Keep {
    Directory(Destination),
    #[cfg(feature = "rehost")]
    Store(StoreDestination),
}

impl Keep {
    /// Refuses a place of the batch that no item could be saved to.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Directory(dest) => {
                let mut dest = dest.clone();
                name_frames(&mut dest.frame_name, "key");
                dest.check()
            }
            #[cfg(feature = "rehost")]
            Self::Store(place) => {
                let mut place = place.clone();
                name_frames(&mut place.frame_name, "key");
                place.check()
            }
        }
    }
}

impl BatchItem {
    /// An item. Within its batch `key` stands for this request for good: the batch started again goes on with the job that is there under it. Another
    /// version of a shot is another key.
    pub fn new(key: impl Into<String>, request: impl Into<Request>) -> Self {
        Self {
            key: key.into(),
            request: request.into(),
            label: None,
            priority: 0,
            keep: None,
            max_cost: None,
        }
    }

    /// A name for people; the default is the key.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Higher ones are submitted first; the default is 0. Equal ones go in the order they were pushed.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Where its outputs go; the default is a directory named after the key, in that of the batch.
    pub fn dest(mut self, dest: impl Into<Destination>) -> Self {
        self.keep = Some(Keep::Directory(dest.into()));
        self
    }

    /// Copies its outputs to an object store instead of the disk, to a URL or a place with options; see [`Completed::rehost`](crate::Completed::rehost).
    #[cfg(feature = "rehost")]
    pub fn rehost(mut self, dest: impl Into<StoreDestination>) -> Self {
        self.keep = Some(Keep::Store(dest.into()));
        self
    }

    /// As [`Submit::max_cost`](crate::Submit::max_cost).
    pub fn max_cost(mut self, limit: Usd) -> Self {
        self.max_cost = Some(limit);
        self
    }

    /// What is to become of its outputs, with what the batch says where the item says nothing.
    pub(super) fn kept(&self, of_batch: Option<&Keep>) -> Result<Option<Keep>> {
        let kept = match (&self.keep, of_batch) {
            (Some(Keep::Directory(own)), _) => {
                let mut dest = own.clone();
                self.name_frames(&mut dest.frame_name);
                Keep::Directory(dest)
            }
            #[cfg(feature = "rehost")]
            (Some(Keep::Store(own)), _) => {
                let mut dest = own.clone();
                self.name_frames(&mut dest.frame_name);
                Keep::Store(dest)
            }
            (None, Some(Keep::Directory(dest))) => Keep::Directory(self.directory_below(dest)?),
            #[cfg(feature = "rehost")]
            (None, Some(Keep::Store(place))) => Keep::Store(self.place_below(place)?),
            (None, None) => return Ok(None),
        };
        match &kept {
            Keep::Directory(dest) => dest.check()?,
            #[cfg(feature = "rehost")]
            Keep::Store(dest) => dest.check()?,
        }
        Ok(Some(kept))
    }

    /// Refuses what cannot be an item, before anything is done with it.
    pub(super) fn check(&self) -> Result<Vec<String>> {
        let invalid = |why: &str| {
            Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("the key {:?} of an item {why}", self.key),
            ))
        };
        if self.key.is_empty() {
            return invalid("is empty");
        }
        if self.key.chars().count() > LONGEST_KEY {
            return invalid("is longer than 200 characters");
        }
        self.request.check()
    }

    /// The directory that the key names below `dir`.
    pub(super) fn directory_below(&self, dir: &Destination) -> Result<Destination> {
        let mut dest = dir.clone();
        dest.dir.extend(self.folders()?);
        self.name_frames(&mut dest.frame_name);
        Ok(dest)
    }

    /// The place that the key names below that of the batch.
    #[cfg(feature = "rehost")]
    pub(super) fn place_below(&self, place: &StoreDestination) -> Result<StoreDestination> {
        let mut dest = place.clone();
        if !dest.url.ends_with('/') {
            dest.url.push('/');
        }
        for folder in self.folders()? {
            dest.url.push_str(&escaped(folder));
            dest.url.push('/');
        }
        self.name_frames(&mut dest.frame_name);
        Ok(dest)
    }

    /// The folders that the key names: slashes make them.
    fn folders(&self) -> Result<Vec<&str>> {
        let folders: Vec<&str> = self.key.split(['/', '\\']).collect();
        match folders.iter().find_map(|part| broken_rule(part)) {
            None => Ok(folders),
            Some(rule) => Err(Error::new(
                ErrorKind::UnsafeName,
                format!("the key {:?} names no directory: it {rule}", self.key),
            )
            .with_advice("give the item a dest of its own, or another key")),
        }
    }

    fn name_frames(&self, pattern: &mut Option<String>) {
        name_frames(pattern, &self.key);
    }
}

/// `{key}` in the names of frames is the last part of the key.
fn name_frames(pattern: &mut Option<String>, key: &str) {
    let name = key.rsplit(['/', '\\']).next().unwrap_or_default();
    if let Some(pattern) = pattern {
        *pattern = pattern.replace("{key}", name);
    }
}

/// A folder's name in a URL.
#[cfg(feature = "rehost")]
fn escaped(folder: &str) -> String {
    folder.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::TextToVideo;

    fn item(key: &str) -> BatchItem {
        BatchItem::new(key, TextToVideo::new("a", "ltx-2-5-fast", Some(6), "1920x1080"))
    }

    #[test]
    fn a_key_names_a_directory_and_never_one_outside() {
        let base = Destination::new("shots").first_frame(1001);
        let found = item("sh010/v003").directory_below(&base).unwrap();
        assert_eq!(found.dir, std::path::Path::new("shots").join("sh010").join("v003"));
        assert_eq!(found.first_frame, Some(1001));
        for key in ["../x", "/etc", "a//b", "nul", "a/../../b", "c:\\x"] {
            assert_eq!(
                item(key).directory_below(&base).unwrap_err().kind(),
                ErrorKind::UnsafeName,
                "{key}"
            );
        }
    }

    #[test]
    fn the_frames_of_a_batch_are_named_after_the_last_part_of_each_key() {
        let base = Keep::Directory(Destination::new("shots").frame_name("{key}.{frame:04}.exr"));
        let Some(Keep::Directory(kept)) = item("reel/sh010").kept(Some(&base)).unwrap() else {
            panic!("no directory")
        };
        assert_eq!(kept.frame_name.as_deref(), Some("sh010.{frame:04}.exr"));
        let own = item("sh020").dest(Destination::new("own").frame_name("x_{key}.{frame}.exr"));
        let Some(Keep::Directory(kept)) = own.kept(Some(&base)).unwrap() else {
            panic!("no directory")
        };
        assert_eq!(kept.frame_name.as_deref(), Some("x_sh020.{frame}.exr"));
        // Names that are none are refused before anything is paid for.
        let wrong = item("sh030").dest(Destination::new("own").frame_name("no place for a number"));
        assert_eq!(wrong.kept(None).unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert!(item("sh040").kept(None).unwrap().is_none());
    }

    #[cfg(feature = "rehost")]
    #[test]
    fn a_key_names_a_place_below_that_of_the_batch_in_a_store_too() {
        for (base, key, url) in [
            ("s3://plates/film", "reel/sh010", "s3://plates/film/reel/sh010/"),
            ("s3://plates/film/", "100% #1", "s3://plates/film/100%25 %231/"),
        ] {
            let base = Keep::Store(StoreDestination::new(base).first_frame(1001));
            let Some(Keep::Store(kept)) = item(key).kept(Some(&base)).unwrap() else {
                panic!("no store")
            };
            assert_eq!((kept.url.as_str(), kept.first_frame), (url, Some(1001)));
        }
        let base = Keep::Store("s3://plates/film".into());
        assert_eq!(
            item("../x").kept(Some(&base)).unwrap_err().kind(),
            ErrorKind::UnsafeName
        );
    }

    #[test]
    fn a_place_that_no_item_could_be_saved_to_is_refused() {
        Keep::Directory(Destination::new("shots").frame_name("{key}.{frame:04}.exr"))
            .check()
            .unwrap();
        let wrong = Keep::Directory(Destination::new("shots").frame_name("{key}.exr"));
        assert_eq!(wrong.check().unwrap_err().kind(), ErrorKind::InvalidRequest);
        #[cfg(feature = "rehost")]
        for place in ["ftp://plates/", "s3://"] {
            let refused = Keep::Store(place.into()).check().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidRequest, "{place}");
        }
    }

    #[test]
    fn what_cannot_be_an_item_is_refused_before_anything_is_done() {
        assert_eq!(item("").check().unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert_eq!(
            item(&"x".repeat(201)).check().unwrap_err().kind(),
            ErrorKind::InvalidRequest
        );
        let empty = BatchItem::new("a", TextToVideo::new("", "ltx-2-5-fast", Some(6), "1920x1080"));
        assert_eq!(empty.check().unwrap_err().kind(), ErrorKind::InvalidRequest);
        item("sh010").check().unwrap();
    }
}
