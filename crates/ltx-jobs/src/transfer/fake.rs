//! A storage without a socket: one object, and a list of what goes wrong, one item for each request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::SignedUrl;
use crate::transfer::source::{Opened, Renew, Source, Storage};
use crate::transfer::stream::Flow;
use crate::transport::{ByteRange, Failure, FailureKind};

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing does.
    None,
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// Nothing more comes after so many bytes of the body.
    Stall(usize),
    /// No answer at all.
    NoAnswer(FailureKind),
    Status(u16),
    /// `Content-Range` begins one byte too late.
    WrongRange,
    /// The whole object in answer to a range.
    Whole,
    /// From now on the object is another one.
    Change(Vec<u8>),
    /// The byte of the object at this place is wrong in this answer.
    Corrupt(u64),
}

/// See the file's first lines.
pub(crate) struct FakeStorage {
    pub(crate) object: Mutex<Vec<u8>>,
    pub(crate) ranges: bool,
    pub(crate) etag: bool,
    pub(crate) hash: bool,
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    /// Every request: its range and its `If-Range`.
    pub(crate) log: Mutex<Vec<(Option<ByteRange>, Option<String>)>>,
    /// The number in the URL's query from which on it is valid.
    pub(crate) valid_from: AtomicU64,
    pub(crate) renewals: AtomicU64,
}

impl FakeStorage {
    pub(crate) fn new(object: impl Into<Vec<u8>>, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            object: Mutex::new(object.into()),
            ranges: true,
            etag: true,
            hash: true,
            faults: Mutex::new(faults.into_iter().collect()),
            log: Mutex::default(),
            valid_from: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    pub(crate) fn flow(self: &Arc<Self>) -> Flow {
        Flow {
            storage: Arc::clone(self) as Arc<dyn Storage>,
            stall_timeout: Duration::from_millis(200),
            backoff_base: Duration::from_millis(1),
            backoff_cap: Duration::from_millis(2),
            cancel: CancellationToken::new(),
            connections: None,
            bandwidth: None,
            tally: Arc::default(),
        }
    }

    pub(crate) fn output(self: &Arc<Self>, label: &str, path: &str) -> (String, SignedUrl, Arc<dyn Renew>) {
        (
            label.to_owned(),
            url(path, 0),
            Arc::new(Renewer {
                storage: Arc::clone(self),
                path: path.to_owned(),
            }),
        )
    }

    pub(crate) fn source(self: &Arc<Self>) -> Arc<Source> {
        let (label, url, renew) = self.output("video_url", "clip");
        Arc::new(Source::new(label, url, renew))
    }

    fn answer(&self, url: &SignedUrl, range: Option<ByteRange>, fault: Fault) -> std::result::Result<Opened, Failure> {
        if let Fault::Change(other) = &fault {
            self.object.lock().unwrap().clone_from(other);
        }
        if let Fault::NoAnswer(kind) = fault {
            return Err(Failure::new(kind, "played"));
        }
        let object = self.object.lock().unwrap().clone();
        let total = object.len();
        let number: u64 = url
            .url()
            .query()
            .and_then(|query| query.strip_prefix("sig=canary"))
            .unwrap()
            .parse()
            .unwrap();
        let plain = |status: u16, body: &'static str| Opened {
            status,
            headers: HeaderMap::new(),
            body: stream::iter([Ok(Bytes::from(body))]).boxed(),
        };
        if number < self.valid_from.load(Ordering::SeqCst) {
            return Ok(plain(400, "<Error><Code>ExpiredToken</Code></Error>"));
        }
        if let Fault::Status(status) = fault {
            return Ok(plain(status, ""));
        }
        let range = range.filter(|_| self.ranges && !matches!(fault, Fault::Whole));
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: String| headers.insert(name, value.parse().unwrap());
        if self.etag {
            put("etag", format!("\"{:08x}\"", crc32c::crc32c(&object)));
        }
        if self.hash {
            let code = base64::engine::general_purpose::STANDARD.encode(crc32c::crc32c(&object).to_be_bytes());
            put("x-goog-hash", format!("crc32c={code}"));
        }
        let (status, start, end) = match range {
            None => (200, 0, total),
            Some(ByteRange::Suffix(length)) => (206, total - total.min(length as usize), total),
            Some(ByteRange::Span { start, end }) => {
                (206, start as usize, end.map_or(total, |end| (end as usize).min(total)))
            }
        };
        if status == 206 {
            if start >= end {
                return Ok(plain(416, ""));
            }
            let first = if matches!(fault, Fault::WrongRange) {
                start + 1
            } else {
                start
            };
            put("content-range", format!("bytes {first}-{}/{total}", end - 1));
        }
        put("content-length", (end - start).to_string());
        let mut part = object[start..end].to_vec();
        if let Fault::Corrupt(at) = fault
            && let Some(byte) = (at as usize).checked_sub(start).and_then(|at| part.get_mut(at))
        {
            *byte ^= 0x40;
        }
        let (kept, after) = match fault {
            Fault::Cut(count) => (
                count,
                Some(stream::iter([Err(Failure::new(FailureKind::Lost, "played"))]).boxed()),
            ),
            Fault::Stall(count) => (count, Some(stream::pending().boxed())),
            _ => (part.len(), None),
        };
        part.truncate(kept);
        // Odd sizes, so that no border of ours falls on one of theirs.
        let pieces: Vec<_> = part
            .chunks(1999)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let body = stream::iter(pieces);
        Ok(Opened {
            status,
            headers,
            body: body.chain(after.unwrap_or_else(|| stream::empty().boxed())).boxed(),
        })
    }
}

impl Storage for FakeStorage {
    fn open<'a>(
        &'a self,
        url: &'a SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>> {
        self.log.lock().unwrap().push((range, if_range.map(str::to_owned)));
        let fault = self.faults.lock().unwrap().pop_front().unwrap_or(Fault::None);
        Box::pin(async move { self.answer(url, range, fault) })
    }
}

fn url(path: &str, number: u64) -> SignedUrl {
    SignedUrl::new(Url::parse(&format!("https://storage.example/{path}?sig=canary{number}")).unwrap())
}

struct Renewer {
    storage: Arc<FakeStorage>,
    path: String,
}

impl Renew for Renewer {
    fn renew(&self) -> BoxFuture<'_, Result<SignedUrl>> {
        Box::pin(async {
            let number = self.storage.renewals.fetch_add(1, Ordering::SeqCst) + 1;
            if number > 50 {
                return Err(Error::new(ErrorKind::NotFound, "the job is gone"));
            }
            Ok(url(&self.path, number))
        })
    }
}
