//! Owners that live, die, fall silent and come back.

use std::fs::{self, OpenOptions};
use std::path::Path;

use super::*;
use crate::journal::host;

const SHORT: Lease = Lease {
    beat: Duration::from_millis(20),
    silence: Duration::from_millis(300),
    look: Duration::from_millis(5),
};

async fn claimed(place: &Place, limit: Option<Duration>) -> Result<Claim> {
    claim(place, limit, SHORT, &ProgressSink::new(), &CancellationToken::new()).await
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn released(claim: Claim) {
    tokio::task::spawn_blocking(move || claim.release()).await.unwrap();
}

/// A claim as another process would leave it.
fn planted(place: &Place, host: &str) -> Holder {
    let holder = Holder {
        host: host.to_owned(),
        process: 4711,
        owner: "0123456789ab".to_owned(),
    };
    fs::write(place.claim(), serde_json::to_vec(&holder).unwrap()).unwrap();
    holder
}

#[tokio::test]
async fn a_claim_is_exclusive_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(&directory.path().join("deep"), "video");
    let first = claimed(&place, None).await.unwrap();
    assert_eq!((first.before, first.waited), (Before::Free, false));
    let error = claimed(&place, Some(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let me = format!("process {}", std::process::id());
    assert!(
        error.message().contains(&me) && error.message().contains(&host()),
        "{error}"
    );
    released(first).await;
    let second = claimed(&place, Some(Duration::ZERO)).await.unwrap();
    released(second).await;
    // The lock file of the one that was refused goes on the pool.
    while !names(place.directory()).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_second_waits_until_the_first_is_done_and_says_for_whom() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let first = claimed(&place, None).await.unwrap();
    let progress = ProgressSink::new();
    let cancel = CancellationToken::new();
    let second = claim(&place, None, SHORT, &progress, &cancel);
    let watched = async {
        while progress.snapshot().waiting_for.is_none() {
            tokio::task::yield_now().await;
        }
        let whom = progress.snapshot().waiting_for.unwrap();
        // Longer than the silence after which one that is not renewed would have lapsed.
        tokio::time::sleep(SHORT.silence * 2).await;
        drop(first);
        whom
    };
    let (second, whom) = tokio::join!(second, watched);
    assert!(second.unwrap().waited);
    assert!(whom.contains(&std::process::id().to_string()), "{whom}");
    assert_eq!(progress.snapshot().waiting_for, None);
}

#[tokio::test]
async fn waiting_for_another_ends_with_a_cancellation() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let _first = claimed(&place, None).await.unwrap();
    let cancel = CancellationToken::new();
    let (progress, began) = (ProgressSink::new(), Instant::now());
    let second = claim(&place, None, Lease::USUAL, &progress, &cancel);
    let (outcome, ()) = tokio::join!(second, async { cancel.cancel() });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(began.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn the_claim_of_a_dead_process_on_this_host_is_taken_over_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let dead = planted(&place, &host());
    // Left behind, and locked by nobody.
    fs::write(place.lock(&dead.owner), b"").unwrap();
    let mine = claimed(&place, Some(Duration::ZERO)).await.unwrap();
    assert_eq!((mine.before, mine.waited), (Before::Dead, false));
    assert_eq!(names(directory.path()).len(), 2, "{:?}", names(directory.path()));
}

#[tokio::test]
async fn another_hosts_claim_lapses_when_it_is_not_renewed_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    planted(&place, "elsewhere");
    let renewing = async {
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let file = OpenOptions::new().write(true).open(place.claim()).unwrap();
            file.set_modified(SystemTime::now()).unwrap();
        }
        Instant::now()
    };
    let (mine, last) = tokio::join!(claimed(&place, None), renewing);
    assert_eq!(mine.unwrap().before, Before::Silent);
    assert!(last.elapsed() >= SHORT.silence - Duration::from_millis(20));
}

#[tokio::test]
async fn one_that_was_taken_for_dead_hears_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let first = claimed(&place, None).await.unwrap();
    let other = planted(&place, "elsewhere");
    first.lost.cancelled().await;
    assert_eq!(first.lost_error().kind(), ErrorKind::Locked);
    released(first).await;
    assert_eq!(
        read(&place.claim()).unwrap().unwrap().0,
        other,
        "the new owner's claim is not touched"
    );
}

#[tokio::test]
async fn a_claim_that_changed_hands_meanwhile_is_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let lapsed = planted(&place, "elsewhere");
    let now = Holder {
        owner: "ba9876543210".to_owned(),
        ..lapsed.clone()
    };
    fs::write(place.claim(), serde_json::to_vec(&now).unwrap()).unwrap();
    let candidate = Candidate::new(place.clone(), "aaaaaaaaaaaa".to_owned()).unwrap();
    candidate.take_over(&lapsed, Before::Silent).unwrap().withdraw();
    assert_eq!(read(&place.claim()).unwrap().unwrap().0, now);
    assert_eq!(names(directory.path()), [".video.claim"]);
}

#[tokio::test]
async fn of_many_that_find_a_dead_claim_one_gets_it_and_the_others_follow_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let dead = planted(&place, &host());
    fs::write(place.lock(&dead.owner), b"").unwrap();
    let inside = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (place, inside) = (place.clone(), std::sync::Arc::clone(&inside));
        all.spawn(async move {
            let claim = claimed(&place, None).await.unwrap();
            assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
            tokio::time::sleep(Duration::from_millis(5)).await;
            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            drop(claim);
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn who_has_the_place_removes_what_dead_owners_left_there_and_nothing_of_those_that_live() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let dead = "0123456789ab";
    for rest in ["lock", "part", "claim", "lapsed", "AbCdEf.json"] {
        fs::write(place.named(&format!("{dead}.{rest}")), b"").unwrap();
    }
    // A part whose lock went already, and what is no file of an owner.
    fs::write(place.part("ba9876543210"), b"").unwrap();
    let others = [
        ".video.0123456789ab.exr",
        ".video.012345.lock",
        ".other.0123456789ab.lock",
    ];
    for name in others {
        fs::write(directory.path().join(name), b"").unwrap();
    }
    assert!(place.is_used());
    let mine = claimed(&place, None).await.unwrap();
    let waiting = Candidate::new(place.clone(), "aaaaaaaaaaaa".to_owned()).unwrap();
    fs::write(place.part("aaaaaaaaaaaa"), b"").unwrap();
    place.sweep(mine.owner(), mine.before, None);
    let mut expected: Vec<String> = others.map(str::to_owned).to_vec();
    expected.extend([
        ".video.aaaaaaaaaaaa.lock".to_owned(),
        ".video.aaaaaaaaaaaa.part".to_owned(),
        ".video.claim".to_owned(),
        format!(".video.{}.lock", mine.owner()),
    ]);
    expected.sort();
    assert_eq!(names(directory.path()), expected);
    waiting.withdraw();
}

#[cfg(unix)]
#[tokio::test]
async fn a_dead_claim_that_cannot_be_removed_is_waited_for_no_longer_than_the_limit_or_a_cancellation() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::new(directory.path(), "video");
    let holder = planted(&place, &host());
    // It can be read, and asked for a lock, but not opened for writing.
    fs::create_dir(place.lock(&holder.owner)).unwrap();
    let error = claimed(&place, Some(Duration::ZERO)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = claim(&place, None, SHORT, &ProgressSink::new(), &cancel)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
