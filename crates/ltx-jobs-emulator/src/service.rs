//! The state of the emulated service: jobs, uploads, result objects, what was received.
//!
//! Everything a handler needs is here, behind short locks; nothing here does I/O.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::clock::{Clock, Millis, iso};
use crate::faults::Queue;
use crate::listen::Door;
use crate::lock;
use crate::programme::{Advance, JobLife, Outcome, Programme};
use crate::record::Ledger;
use crate::storage::object::Object;
use crate::storage::signed;

/// A job that exists.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobRecord {
    /// The endpoint it was submitted to.
    pub endpoint: String,
    /// Its id.
    pub id: String,
    /// `pending`, `processing`, `completed` or `failed`: what the next poll would say.
    pub status: String,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601, once it is terminal.
    pub completed_at: Option<String>,
    /// Polls answered with its state.
    pub polls: u32,
    /// The body of the submit.
    pub body: Value,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) endpoint: String,
    pub(crate) id: String,
    pub(crate) created: Millis,
    pub(crate) body: Value,
    pub(crate) life: JobLife,
    pub(crate) polls: u32,
    pub(crate) completed: Option<Millis>,
    /// Label to object, in the order of the answer.
    pub(crate) outputs: Vec<(String, Arc<Object>)>,
}

/// All jobs, oldest first; thousands of them are polled every second in a benchmark.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    list: Vec<Job>,
    places: HashMap<String, usize>,
}

impl Jobs {
    pub(crate) fn add(&mut self, job: Job) {
        self.places.insert(job.id.clone(), self.list.len());
        self.list.push(job);
    }

    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Job> {
        self.list.get_mut(*self.places.get(id)?)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        self.list.iter_mut()
    }

    fn clear(&mut self) {
        self.list.clear();
        self.places.clear();
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Processing,
    Ended(Outcome),
}

impl Stage {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ended(Outcome::Completed) => "completed",
            Self::Ended(Outcome::Failed) => "failed",
        }
    }
}

impl Job {
    /// Where it stands when `polls` polls have been answered.
    fn stage(&self, now: Millis) -> Stage {
        let (done, pending, processing) = match self.life.advance {
            Advance::Polls => (
                u64::from(self.polls),
                u64::from(self.life.pending_polls),
                u64::from(self.life.processing_polls),
            ),
            Advance::Clock => {
                let age = u64::try_from(now.saturating_sub(self.created)).unwrap_or(0);
                (age, self.life.pending_ms, self.life.processing_ms)
            }
        };
        if done < pending {
            Stage::Pending
        } else if done < pending.saturating_add(processing) {
            Stage::Processing
        } else {
            Stage::Ended(self.life.outcome)
        }
    }

    /// Where it stands; writes down when it ended.
    pub(crate) fn look(&mut self, now: Millis) -> Stage {
        let stage = self.stage(now);
        if matches!(stage, Stage::Ended(_)) && self.completed.is_none() {
            self.completed = Some(match self.life.advance {
                Advance::Polls => now,
                Advance::Clock => {
                    let life = self.life.pending_ms.saturating_add(self.life.processing_ms);
                    self.created.saturating_add_unsigned(life)
                }
            });
        }
        stage
    }

    fn record(&mut self, now: Millis) -> JobRecord {
        JobRecord {
            endpoint: self.endpoint.clone(),
            id: self.id.clone(),
            status: self.look(now).word().to_owned(),
            created_at: iso(self.created),
            completed_at: self.completed.map(iso),
            polls: self.polls,
            body: self.body.clone(),
        }
    }
}

/// An upload slot, and what was put into it. The bytes themselves are not kept.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) required: BTreeMap<String, String>,
    pub(crate) max_bytes: u64,
    pub(crate) put: Option<Uploaded>,
}

/// What is known of an uploaded file.
#[derive(Debug, Clone)]
pub(crate) struct Uploaded {
    pub(crate) at: Millis,
    pub(crate) len: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) sha256: [u8; 32],
    pub(crate) content_type: String,
}

/// The doors of the origins, known once they listen.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) api: Door,
    pub(crate) storage: Door,
    pub(crate) scheme: &'static str,
}

impl Doors {
    /// The base URL behind a door: an address without TLS, a name with it.
    pub(crate) fn url(&self, door: &Door) -> String {
        let host = if self.scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        format!("{}://{host}:{}", self.scheme, door.address.port())
    }
}

/// Everything that is known.
#[derive(Debug, Default)]
pub(crate) struct Service {
    programme: Mutex<Arc<Programme>>,
    pub(crate) clock: Clock,
    pub(crate) secret: OnceLock<[u8; 32]>,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Mutex<Queue>,
    pub(crate) jobs: Mutex<Jobs>,
    pub(crate) slots: Mutex<HashMap<String, Slot>>,
    pub(crate) objects: Mutex<HashMap<String, Arc<Object>>>,
    pub(crate) issued: AtomicU64,
    /// Every signature given out, so that a test can look for them where they must not be.
    signatures: Mutex<Vec<String>>,
    pub(crate) doors: OnceLock<Doors>,
}

impl Service {
    pub(crate) fn new(programme: Programme) -> Self {
        let service = Self::default();
        service.reset(programme);
        service
    }

    pub(crate) fn programme(&self) -> Arc<Programme> {
        Arc::clone(&lock(&self.programme))
    }

    /// Forgets everything and starts on a new programme. Open connections stay.
    pub(crate) fn reset(&self, programme: Programme) {
        self.clock.reset();
        *lock(&self.faults) = Queue::new(&programme.fault);
        lock(&self.jobs).clear();
        lock(&self.slots).clear();
        lock(&self.objects).clear();
        lock(&self.signatures).clear();
        self.ledger.forget();
        self.arm(&programme);
        *lock(&self.programme) = Arc::new(programme);
    }

    /// Hands the doors what the programme says about them.
    pub(crate) fn arm(&self, programme: &Programme) {
        if let Some(doors) = self.doors.get() {
            doors.api.reset_next(programme.listen.reset_first_connections);
            doors
                .storage
                .reset_next(programme.listen.storage_reset_first_connections);
        }
    }

    pub(crate) fn jobs(&self) -> Vec<JobRecord> {
        let now = self.clock.now();
        lock(&self.jobs).iter_mut().map(|job| job.record(now)).collect()
    }

    pub(crate) fn object(&self, path: &str) -> Option<Arc<Object>> {
        lock(&self.objects).get(path).cloned()
    }

    pub(crate) fn storage_url(&self) -> String {
        self.doors
            .get()
            .map(|doors| doors.url(&doors.storage))
            .unwrap_or_default()
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        self.secret.get_or_init(|| std::array::from_fn(|_| fastrand::u8(..)))
    }

    /// Path and query of a URL that is signed now. The signature is remembered.
    pub(crate) fn sign(&self, method: &str, path: &str, lifetime_s: u64, headers: &str) -> String {
        let issue = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
        let target = signed::sign(
            self.secret(),
            method,
            path,
            self.clock.now(),
            lifetime_s,
            headers,
            issue,
        );
        if let Some((_, signature)) = target.rsplit_once('=') {
            lock(&self.signatures).push(signature.to_owned());
        }
        target
    }

    pub(crate) fn signatures(&self) -> Vec<String> {
        lock(&self.signatures).clone()
    }

    /// What the pictures of a job are grown from: what was submitted, with the content of uploads in place of their
    /// random ids. The shape of the archive is no part of it: it decides about size and packing, not about the picture.
    pub(crate) fn seed(&self, endpoint: &str, body: &Value) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(endpoint.as_bytes());
        self.hash_value(&mut hash, body);
        hash.finalize().into()
    }

    fn hash_value(&self, hash: &mut Sha256, value: &Value) {
        match value {
            Value::String(text) => {
                let content = lock(&self.slots)
                    .get(text)
                    .and_then(|slot| slot.put.as_ref().map(|put| put.sha256));
                match content {
                    Some(content) => hash.update(content),
                    None => hash.update(text.as_bytes()),
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.hash_value(hash, item)),
            Value::Object(map) => {
                let sorted: BTreeMap<_, _> = map.iter().collect();
                for (key, item) in sorted {
                    hash.update(key.as_bytes());
                    hash.update([0]);
                    self.hash_value(hash, item);
                }
            }
            other => hash.update(other.to_string().as_bytes()),
        }
        hash.update([0xff]);
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing into a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// An id that looks like a UUID.
pub(crate) fn new_id() -> String {
    let raw = hex(&fastrand::u128(..).to_be_bytes());
    let part = |from: usize, to: usize| raw.get(from..to).unwrap_or_default().to_owned();
    format!(
        "{}-{}-4{}-a{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// 32 hexadecimal characters.
pub(crate) fn new_request_id() -> String {
    hex(&fastrand::u128(..).to_be_bytes())
}
