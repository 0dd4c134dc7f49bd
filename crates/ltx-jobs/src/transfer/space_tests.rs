//! What cannot fit is refused before its first byte, whatever it is that is to be saved.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::HeaderMap;

use super::*;
use crate::archive::directory::{Directory, Member, Method};
use crate::archive::extract::{Extraction, extract};
use crate::archive::fetch::Store;
use crate::progress::ProgressSink;
use crate::secret::SignedUrl;
use crate::transfer::download::spool;
use crate::transfer::fake::FakeStorage;
use crate::transfer::plan::Facts;
use crate::transfer::source::{Opened, Storage};
use crate::transfer::stream::HealingStream;
use crate::transport::{ByteRange, Failure};

/// More than any disk has.
const VAST: u64 = 1 << 60;

#[test]
fn what_cannot_fit_is_refused_with_both_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("not/there/yet");
    ensure_space(&deep, 1).unwrap();
    let error = ensure_space(&deep, u64::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(error.message().contains(&u64::MAX.to_string()), "{error}");
    assert!(error.message().contains("are available"), "{error}");
}

#[tokio::test]
async fn frames_that_cannot_fit_are_refused_before_one_is_fetched() {
    let member = |number: u64| Member {
        name: format!("f_{number}.exr"),
        number: Some(number),
        raw_name: Vec::new(),
        method: Method::Stored,
        crc32: 0,
        packed: VAST,
        size: VAST,
        span: number * VAST..(number + 1) * VAST,
    };
    let sandbox = tempfile::tempdir().unwrap();
    let dest = sandbox.path().join("frames");
    let storage = Arc::new(FakeStorage::new("", []));
    let how = Extraction {
        directory: dest.clone(),
        pattern: None,
        first_frame: None,
        overwrite: false,
    };
    let store = Store::Remote {
        source: storage.source(),
        facts: Facts::default(),
    };
    let members = Directory {
        frames: (0..3).map(member).collect(),
    };
    let saved = extract(&storage.flow(), &ProgressSink::new(), &store, members, how).await;
    let error = saved.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    assert!(error.message().contains(&(3 * VAST).to_string()), "{error}");
    assert_eq!(storage.requests(), 0);
    assert!(!dest.exists());
}

/// A storage without ranges, and with an archive that is larger than any disk.
struct Vast;

impl Storage for Vast {
    fn open<'a>(
        &'a self,
        _: &'a SignedUrl,
        _: Option<ByteRange>,
        _: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>> {
        let headers = [
            (http::header::CONTENT_LENGTH, http::HeaderValue::from(VAST)),
            (http::header::ETAG, http::HeaderValue::from_static("\"v1\"")),
        ];
        let beginning = Bytes::from_static(b"PK\x03\x04 and so on, for a long time: a beginning that tells what it is");
        let opened = Opened {
            status: 200,
            headers: HeaderMap::from_iter(headers),
            body: stream::iter([Ok(beginning)]).chain(stream::pending()).boxed(),
        };
        std::future::ready(Ok(opened)).boxed()
    }
}

#[tokio::test]
async fn an_archive_that_cannot_fit_is_not_kept_aside() {
    let storage = Arc::new(FakeStorage::new("", []));
    let (mut flow, source) = (storage.flow(), storage.source());
    flow.storage = Arc::new(Vast);
    let asked = ByteRange::Span { start: 0, end: None };
    let mut stream = HealingStream::new(flow.clone(), Arc::clone(&source), asked, None);
    let facts = stream.open().await.unwrap();
    let aside = tempfile::tempdir().unwrap();
    let progress = ProgressSink::new();
    let spooled = spool(&flow, &progress, &source, (stream, facts), Some(aside.path())).await;
    let error = spooled.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
    assert_eq!(std::fs::read_dir(aside.path()).unwrap().count(), 0);
}
