//! Streams that break, and what comes out of them nevertheless.

use std::sync::atomic::Ordering;

use super::*;
use crate::transfer::fake::{FakeStorage, Fault};
use crate::transport::FailureKind;

fn object() -> Vec<u8> {
    (0..50_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

const ALL: ByteRange = ByteRange::Span { start: 0, end: None };

async fn read(storage: &Arc<FakeStorage>, asked: ByteRange) -> Result<Vec<u8>> {
    let mut stream = HealingStream::new(storage.flow(), storage.source(), asked, None);
    let mut all = Vec::new();
    while let Some(bytes) = stream.next().await? {
        assert!(!bytes.is_empty());
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

fn storage(faults: impl IntoIterator<Item = Fault>) -> FakeStorage {
    FakeStorage::new(object(), faults)
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_on_the_way_the_bytes_come_once_and_in_order() {
    use Fault::{Cut, NoAnswer, Stall, Status, Whole, WrongRange};
    let programmes: Vec<Vec<Fault>> = vec![
        vec![],
        vec![Cut(10_000), Cut(0), Cut(12_345)],
        vec![Stall(7)],
        vec![Stall(0), Stall(49_999)],
        vec![Status(503), Status(429), Status(500), Cut(3), Status(502)],
        vec![
            NoAnswer(FailureKind::Dns),
            NoAnswer(FailureKind::Connect),
            NoAnswer(FailureKind::Lost),
        ],
        vec![Cut(20_000), WrongRange, WrongRange],
        vec![Cut(20_000), Whole],
        vec![Cut(20_000), Cut(1), Whole],
        vec![Cut(20_000), Status(403)],
        vec![Status(401), Cut(5), Status(410), Cut(5), Status(403)],
    ];
    for asked in [
        ALL,
        ByteRange::Span {
            start: 100,
            end: Some(30_000),
        },
        ByteRange::Suffix(45_000),
        ByteRange::Suffix(1_000_000),
    ] {
        for faults in &programmes {
            let storage = Arc::new(storage(faults.clone()));
            let object = object();
            let expected = match asked {
                ByteRange::Span { start, end } => &object[start as usize..end.map_or(object.len(), |end| end as usize)],
                ByteRange::Suffix(length) => &object[object.len() - (length as usize).min(object.len())..],
            };
            let all = read(&storage, asked)
                .await
                .unwrap_or_else(|error| panic!("{asked:?} {faults:?}: {error}"));
            assert!(all == expected, "{asked:?} {faults:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_is_asked_for_from_the_same_byte_and_bound_to_the_version() {
    let storage = Arc::new(storage([Fault::Cut(1999 * 3)]));
    read(&storage, ALL).await.unwrap();
    let log = storage.log.lock().unwrap();
    let etag = format!("\"{:08x}\"", crc32c::crc32c(&object()));
    assert_eq!(log[0], (Some(ALL), None));
    assert_eq!(
        log[1],
        (
            Some(ByteRange::Span {
                start: 1999 * 3,
                end: Some(50_000)
            }),
            Some(etag)
        )
    );
}

#[tokio::test(start_paused = true)]
async fn another_version_is_never_spliced_in() {
    for other in [vec![1; 50_000], vec![1; 40_000], vec![1; 60_000], vec![1; 10]] {
        let storage = Arc::new(storage([Fault::Cut(20_000), Fault::Change(other)]));
        assert_eq!(read(&storage, ALL).await.unwrap_err().kind(), ErrorKind::ObjectChanged);
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_proof_of_the_version_a_rest_is_not_taken_unless_its_content_is_proven_later() {
    let unproven = || {
        let mut storage = storage([Fault::Cut(20_000)]);
        (storage.etag, storage.hash) = (false, false);
        Arc::new(storage)
    };
    assert_eq!(
        read(&unproven(), ALL).await.unwrap_err().kind(),
        ErrorKind::ObjectChanged
    );
    let storage = unproven();
    let mut stream = HealingStream::new(storage.flow(), storage.source(), ALL, None).content_is_proven_later();
    let mut length = 0;
    while let Some(bytes) = stream.next().await.unwrap() {
        length += bytes.len();
    }
    assert_eq!(length, 50_000);
}

#[tokio::test(start_paused = true)]
async fn the_budget_starts_anew_with_every_byte_and_ends_without_one() {
    let slow: Vec<Fault> = (0..200).map(|_| Fault::Cut(1)).collect();
    assert!(read(&Arc::new(storage(slow)), ALL).await.unwrap() == object());
    let dead = Arc::new(storage((0..200).map(|_| Fault::Cut(0))));
    assert_eq!(read(&dead, ALL).await.unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert_eq!(dead.requests() as u32, FAILURES_WITHOUT_PROGRESS + 1);
    let silent = Arc::new(storage((0..200).map(|_| Fault::Stall(0))));
    assert_eq!(read(&silent, ALL).await.unwrap_err().kind(), ErrorKind::Stalled);
}

#[tokio::test(start_paused = true)]
async fn an_expired_url_is_renewed_once_for_all_and_a_second_refusal_in_a_row_ends_it() {
    let storage = Arc::new(storage([]));
    storage.valid_from.store(1, Ordering::SeqCst);
    let source = storage.source();
    let mut streams: Vec<_> = (0..8)
        .map(|_| HealingStream::new(storage.flow(), Arc::clone(&source), ALL, None))
        .collect();
    let opened = futures_util::future::join_all(streams.iter_mut().map(HealingStream::open)).await;
    assert!(opened.iter().all(|outcome| outcome.is_ok()));
    assert_eq!(storage.renewals.load(Ordering::SeqCst), 1);

    storage.valid_from.store(1000, Ordering::SeqCst);
    let error = read(&storage, ALL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResultExpired);
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    assert_eq!(storage.renewals.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_help_is_not_tried_again() {
    for (fault, kind) in [
        (Fault::Status(404), ErrorKind::ResultExpired),
        (Fault::Status(400), ErrorKind::Protocol),
        (Fault::NoAnswer(FailureKind::Redirect), ErrorKind::Protocol),
    ] {
        let storage = Arc::new(storage([fault]));
        assert_eq!(read(&storage, ALL).await.unwrap_err().kind(), kind);
        assert_eq!(storage.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_without_bytes_has_no_ranges_and_is_no_failure() {
    for asked in [ALL, ByteRange::Suffix(100)] {
        let storage = Arc::new(FakeStorage::new([], []));
        assert_eq!(read(&storage, asked).await.unwrap(), Vec::<u8>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_stalled_stream_at_once() {
    let storage = Arc::new(storage([Fault::Stall(10)]));
    let mut flow = storage.flow();
    flow.stall_timeout = Duration::from_secs(3600);
    let cancel = flow.cancel.clone();
    let mut stream = HealingStream::new(flow, storage.source(), ALL, None);
    assert!(stream.next().await.unwrap().is_some());
    let began = tokio::time::Instant::now();
    let (outcome, ()) = tokio::join!(stream.next(), async { cancel.cancel() });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(began.elapsed() < Duration::from_millis(100));
}
