//! How many connections a fetch of frames has, over a storage whose line is played.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::time::Instant;

use super::*;
use crate::archive::forged::{Ends, build, stored};
use crate::archive::memory::Line as Frames;
use crate::archive::open::{FirstTail, open_tail};
use crate::secret::SignedUrl;
use crate::transfer::fake::{FakeStorage, Fault};
use crate::transfer::source::{Opened, Storage};
use crate::transport::{ByteRange, Failure, FailureKind};

const FRAMES: usize = 40;
const FRAME: usize = 200_000;

/// A storage behind a line.
struct Wire {
    storage: Arc<FakeStorage>,
    /// Bytes per second for each of so many connections that are being read.
    share: fn(usize) -> f64,
    /// More connections than this are answered 503.
    takes: usize,
    /// Every connection beside another breaks after so many bytes.
    breaks_after: Option<usize>,
    open: Arc<AtomicUsize>,
    most: AtomicUsize,
    refused: AtomicUsize,
    /// The connection of every piece that was read, in order, and when.
    pieces: Arc<Mutex<Vec<(usize, Instant)>>>,
    asked: Mutex<Vec<Range<u64>>>,
}

/// One connection, open as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Wire {
    fn new(share: fn(usize) -> f64) -> Self {
        let entries: Vec<_> = (0..FRAMES)
            .map(|index| {
                let mut entry = stored(format!("frame_{index:04}.exr"));
                entry.data = (0..FRAME).map(|at| (at * 31 + index * 7) as u8).collect();
                entry.crc = crc32fast::hash(&entry.data);
                entry.packed = FRAME as u64;
                entry.size = FRAME as u64;
                entry
            })
            .collect();
        let mut storage = FakeStorage::new(build(&entries, &Ends::default()), []);
        storage.hash = false;
        Self {
            storage: Arc::new(storage),
            share,
            takes: usize::MAX,
            breaks_after: None,
            open: Arc::default(),
            most: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            pieces: Arc::default(),
            asked: Mutex::default(),
        }
    }

    /// Fetches all frames, and gives the progress at the end.
    async fn fetch(self: &Arc<Self>, connections: Option<usize>) -> Result<crate::progress::Progress> {
        let mut flow = self.storage.flow();
        let source = self.storage.source();
        let FirstTail::Archive(facts, directory) = open_tail(&flow, &source).await? else {
            panic!("no archive")
        };
        flow.storage = Arc::clone(self) as Arc<dyn Storage>;
        flow.connections = connections;
        flow.stall_timeout = Duration::from_secs(10);
        let progress = ProgressSink::new();
        let fetch = Fetch {
            flow,
            progress: progress.clone(),
            store: Store::Remote { source, facts },
            reading_counts: false,
            what: "the test",
        };
        let members = directory.frames.into_iter().enumerate();
        let wanted = members.map(|(index, member)| Wanted { index, member }).collect();
        let frames = Arc::new(Frames::new(0..FRAMES, u64::MAX));
        let outlet: Arc<dyn Outlet> = Arc::clone(&frames) as Arc<dyn Outlet>;
        fetch.run(wanted, 8 << 20, &outlet).await?;
        for index in 0..FRAMES {
            let std::task::Poll::Ready(Some(taken)) = frames.take() else {
                panic!("frame {index} is missing")
            };
            assert_eq!(taken?.0, index);
        }
        Ok(progress.snapshot())
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// Bytes of all requests that were answered.
    fn asked_bytes(&self) -> u64 {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }
}

/// Connections that brought something lately, at the time of the last of these pieces.
fn reading(pieces: &[(usize, Instant)]) -> usize {
    let Some((_, now)) = pieces.last() else { return 0 };
    let lately = *now - Duration::from_millis(50);
    let pieces = pieces.iter().rev().take_while(|(_, at)| *at > lately);
    pieces.map(|(connection, _)| *connection).collect::<BTreeSet<_>>().len()
}

impl Storage for Wire {
    fn open<'a>(
        &'a self,
        url: &'a SignedUrl,
        range: Option<ByteRange>,
        if_range: Option<&'a str>,
        resent: u32,
    ) -> BoxFuture<'a, std::result::Result<Opened, Failure>> {
        async move {
            let others = self.open.fetch_add(1, Ordering::SeqCst);
            let open = Open(Arc::clone(&self.open));
            if others >= self.takes {
                self.refused.fetch_add(1, Ordering::SeqCst);
                self.storage.faults.lock().unwrap().push_back(Fault::Status(503));
            } else {
                self.most.fetch_max(others + 1, Ordering::SeqCst);
                if let Some(ByteRange::Span { start, end: Some(end) }) = range {
                    self.asked.lock().unwrap().push(start..end);
                }
            }
            let opened = self.storage.open(url, range, if_range, resent).await?;
            let (pieces, share) = (Arc::clone(&self.pieces), self.share);
            let connection = self.storage.requests();
            let breaks_after = self.breaks_after.filter(|_| others > 0);
            let mut sent = 0;
            let mut due = Instant::now();
            let body = stream::unfold((opened.body, open), move |(mut body, open)| {
                let pieces = Arc::clone(&pieces);
                async move {
                    let piece: std::result::Result<Bytes, Failure> = body.next().await?;
                    let mut pieces = pieces.lock().unwrap();
                    pieces.push((connection, Instant::now()));
                    let rate = share(reading(&pieces));
                    Some(((piece, rate), (body, open)))
                }
            });
            let body = body.then(move |(piece, rate)| {
                let count = piece.as_ref().map_or(0, Bytes::len);
                sent += count;
                due = due.max(Instant::now()) + Duration::from_secs_f64(count as f64 / rate);
                let broken = breaks_after.is_some_and(|after| sent > after);
                async move {
                    tokio::time::sleep_until(due).await;
                    if broken {
                        return Err(Failure::new(FailureKind::Lost, "played"));
                    }
                    piece
                }
            });
            Ok(Opened {
                body: body.boxed(),
                ..opened
            })
        }
        .boxed()
    }
}

#[tokio::test]
async fn where_each_connection_has_its_own_share_the_eight_that_pay_are_found() {
    let wire = Arc::new(Wire::new(|_| 4e6));
    let progress = wire.fetch(None).await.unwrap();
    assert_eq!(wire.most(), 8);
    assert_eq!(Some(progress.bytes_done), progress.bytes_total);
    assert_eq!(progress.bytes_done, wire.asked_bytes(), "each byte once");
}

#[tokio::test]
async fn a_number_that_was_asked_for_is_kept() {
    for connections in [1, 3, 12] {
        let wire = Arc::new(Wire::new(|_| 40e6));
        wire.fetch(Some(connections)).await.unwrap();
        // Little is left for twelve: a request is for a mebibyte at least.
        assert_eq!(wire.most(), connections.min(8), "{connections}");
    }
}

#[tokio::test]
async fn on_a_line_that_gets_worse_with_more_connections_the_youngest_rest_and_nothing_is_fetched_twice() {
    let wire = Arc::new(Wire::new(|open| 8e6 / (open * open) as f64));
    let progress = wire.fetch(None).await.unwrap();
    assert_eq!(progress.bytes_done, wire.asked_bytes(), "each byte once");
    // Without the others resting, two would be alone only at the very end. More are tried again from time to time.
    let pieces = wire.pieces.lock().unwrap();
    let alone = (1..=pieces.len()).filter(|end| reading(&pieces[..*end]) <= 2).count();
    assert!(alone * 20 > pieces.len(), "{alone} of {} pieces", pieces.len());
}

#[tokio::test]
async fn what_the_storage_refuses_is_left_to_the_connections_that_it_takes() {
    let mut wire = Wire::new(|_| 4e6);
    wire.takes = 3;
    let wire = Arc::new(wire);
    let progress = wire.fetch(None).await.unwrap();
    assert_eq!(wire.most(), 3);
    // Each of the five that are too many asks twice, and no more are tried.
    let refused = wire.refused.load(Ordering::SeqCst);
    assert!((1..=10).contains(&refused), "{refused} requests were refused");
    assert_eq!(Some(progress.bytes_done), progress.bytes_total);
}

#[tokio::test]
async fn connections_that_keep_breaking_beside_another_leave_their_frames_to_it() {
    let mut wire = Wire::new(|_| 40e6);
    wire.breaks_after = Some(0);
    let wire = Arc::new(wire);
    let progress = wire.fetch(None).await.unwrap();
    assert_eq!(Some(progress.bytes_done), progress.bytes_total);
    let mut wire = Wire::new(|_| 40e6);
    wire.breaks_after = Some(300_000);
    let progress = Arc::new(wire).fetch(None).await.unwrap();
    assert_eq!(Some(progress.bytes_done), progress.bytes_total);
}
