//! What was uploaded already: the same content is sent once within the life of its upload, however many requests use it and at how many places at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::Result;
use crate::request::MediaFacts;

/// An upload lives for 24 h (api guide, upload), and a job that is queued has to find it alive.
const USABLE: Duration = Duration::from_secs(20 * 3600);

/// Entries after which those that are too old are looked for.
const MANY: usize = 1024;

/// The content of an input, and whose it is: another key may belong to another account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) key: String,
}

/// One upload, made or being made.
type Entry = Arc<tokio::sync::Mutex<Option<Uploaded>>>;

struct Uploaded {
    uri: String,
    at: Instant,
}

#[derive(Default)]
pub(crate) struct Uploads {
    entries: Mutex<HashMap<Content, Entry>>,
    sending: Arc<Sending>,
    /// What is known of an address this client uploaded to.
    facts: Mutex<HashMap<String, (MediaFacts, Instant)>>,
}

/// The first upload of its length: until it is dropped, others of that length wait for what it is.
pub(crate) struct First {
    sending: Arc<Sending>,
    bytes: u64,
    key: String,
}

/// Length and key of contents that are sent before they are known.
#[derive(Default)]
struct Sending {
    now: Mutex<Vec<(u64, String)>>,
    known: Notify,
}

impl Drop for First {
    fn drop(&mut self) {
        let mut sending = lock(&self.sending.now);
        if let Some(at) = sending
            .iter()
            .position(|(bytes, key)| *bytes == self.bytes && *key == self.key)
        {
            sending.swap_remove(at);
        }
        drop(sending);
        self.sending.known.notify_waiters();
    }
}

impl Uploads {
    /// The right to send a content before it is known what it is; `None` when one of the same length was sent or is being sent.
    pub(crate) fn first(&self, bytes: u64, key: &str) -> Option<First> {
        let mut sending = lock(&self.sending.now);
        let is_known = sending.iter().any(|(length, whose)| *length == bytes && whose == key)
            || lock(&self.entries)
                .keys()
                .any(|content| content.bytes == bytes && content.key == key);
        if is_known {
            return None;
        }
        sending.push((bytes, key.to_owned()));
        Some(First {
            sending: Arc::clone(&self.sending),
            bytes,
            key: key.to_owned(),
        })
    }

    /// Takes in what the first one was: a content that was sent to this address at this moment.
    pub(crate) fn learn(&self, content: Content, uri: String, at: Instant) {
        if let Ok(mut known) = self.entry(content).try_lock() {
            *known = Some(Uploaded { uri, at });
        }
    }

    /// Waits until it is known what those of this length are.
    async fn settled(&self, content: &Content) {
        loop {
            let known = self.sending.known.notified();
            tokio::pin!(known);
            // From here on nothing is missed.
            known.as_mut().enable();
            let is_sending = lock(&self.sending.now)
                .iter()
                .any(|(bytes, key)| *bytes == content.bytes && *key == content.key);
            if !is_sending {
                return;
            }
            known.await;
        }
    }

    /// The address of this content: that of an earlier upload, or of the one that `upload` makes now. Others who want the same content wait for it.
    pub(crate) async fn once<F>(&self, content: Content, facts: &MediaFacts, upload: F) -> Result<String>
    where
        F: Future<Output = Result<String>>,
    {
        self.settled(&content).await;
        let entry = self.entry(content);
        let mut known = entry.lock().await;
        if let Some(uploaded) = known.as_ref().filter(|uploaded| uploaded.at.elapsed() < USABLE) {
            return Ok(uploaded.uri.clone());
        }
        *known = None;
        let at = Instant::now();
        let uri = upload.await?;
        *known = Some(Uploaded { uri: uri.clone(), at });
        drop(known);
        self.know(uri.clone(), facts, at);
        Ok(uri)
    }

    /// Takes in what is in the upload at an address.
    pub(crate) fn know(&self, uri: String, facts: &MediaFacts, at: Instant) {
        let mut known = lock(&self.facts);
        if known.len() >= MANY {
            known.retain(|_, (_, at)| at.elapsed() < USABLE);
        }
        known.insert(uri, (facts.clone(), at));
    }

    fn entry(&self, content: Content) -> Entry {
        let mut entries = lock(&self.entries);
        if entries.len() >= MANY {
            entries.retain(|_, entry| {
                entry
                    .try_lock()
                    .is_ok_and(|known| known.as_ref().is_some_and(|uploaded| uploaded.at.elapsed() < USABLE))
            });
        }
        Arc::clone(entries.entry(content).or_default())
    }

    /// The service does not take this address: the next one who wants the content uploads it again.
    pub(crate) fn forget(&self, uri: &str) {
        lock(&self.facts).remove(uri);
        lock(&self.entries).retain(|_, entry| {
            entry
                .try_lock()
                .is_ok_and(|known| known.as_ref().is_none_or(|uploaded| uploaded.uri != uri))
        });
    }

    /// What is in the upload at this address, if this client made it.
    pub(crate) fn facts(&self, uri: &str) -> Option<MediaFacts> {
        lock(&self.facts).get(uri).map(|(facts, _)| facts.clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::transfer::kind::ContentKind;

    fn content(key: &str) -> Content {
        Content {
            sha256: "aa".into(),
            bytes: 3,
            key: key.into(),
        }
    }

    fn facts() -> MediaFacts {
        MediaFacts {
            kind: ContentKind::Mp4,
            bytes: 3,
            video: None,
            audio: None,
            unreadable: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_content_is_sent_once_until_its_upload_is_too_old_or_refused() {
        let (uploads, facts, sent) = (Uploads::default(), facts(), AtomicU32::new(0));
        let get = |key: &'static str| {
            uploads.once(content(key), &facts, async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(format!("ltx://uploads/{}", sent.fetch_add(1, Ordering::SeqCst)))
            })
        };
        let (one, two) = tokio::join!(get("k"), get("k"));
        assert_eq!(one.unwrap(), "ltx://uploads/0");
        assert_eq!(two.unwrap(), "ltx://uploads/0");
        assert_eq!(get("another key").await.unwrap(), "ltx://uploads/1");
        assert_eq!(uploads.facts("ltx://uploads/1").as_ref(), Some(&facts));
        tokio::time::sleep(USABLE).await;
        assert_eq!(get("k").await.unwrap(), "ltx://uploads/2");
        uploads.forget("ltx://uploads/2");
        assert_eq!(get("k").await.unwrap(), "ltx://uploads/3");
    }

    #[tokio::test]
    async fn the_first_of_its_length_is_sent_unseen_and_others_of_that_length_wait_for_what_it_is() {
        let (uploads, facts) = (Uploads::default(), facts());
        let first = uploads.first(3, "k").expect("the first");
        assert!(uploads.first(3, "k").is_none());
        assert!(uploads.first(4, "k").is_some() && uploads.first(3, "another key").is_some());
        let send = async { Ok("ltx://uploads/again".to_owned()) };
        let mut same = Box::pin(uploads.once(content("k"), &facts, send));
        assert!(futures_util::poll!(&mut same).is_pending());
        uploads.learn(content("k"), "ltx://uploads/first".into(), Instant::now());
        drop(first);
        assert_eq!(same.await.unwrap(), "ltx://uploads/first");
        assert!(uploads.first(3, "k").is_none());
    }

    #[tokio::test]
    async fn a_failed_upload_is_tried_again_by_the_next_one() {
        let (uploads, facts) = (Uploads::default(), facts());
        let failed = async { Err(Error::new(ErrorKind::Connect, "no")) };
        assert!(uploads.once(content("k"), &facts, failed).await.is_err());
        let works = async { Ok("ltx://uploads/x".to_owned()) };
        assert_eq!(
            uploads.once(content("k"), &facts, works).await.unwrap(),
            "ltx://uploads/x"
        );
    }
}
