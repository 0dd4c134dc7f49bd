//! One request of a batch, and what is to become of its outputs.

use crate::archive::name::broken_rule;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Destination;
use crate::money::Usd;
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
    Store(String),
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

    /// Copies its outputs to an object store instead of the disk; see [`Completed::rehost`](crate::Completed::rehost).
    #[cfg(feature = "rehost")]
    pub fn rehost(mut self, url: impl Into<String>) -> Self {
        self.keep = Some(Keep::Store(url.into()));
        self
    }

    /// As [`Submit::max_cost`](crate::Submit::max_cost).
    pub fn max_cost(mut self, limit: Usd) -> Self {
        self.max_cost = Some(limit);
        self
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
        for part in self.key.split(['/', '\\']) {
            if let Some(rule) = broken_rule(part) {
                return Err(Error::new(
                    ErrorKind::UnsafeName,
                    format!("the key {:?} names no directory: it {rule}", self.key),
                )
                .with_advice("give the item a dest of its own, or another key"));
            }
            dest.dir.push(part);
        }
        Ok(dest)
    }
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
