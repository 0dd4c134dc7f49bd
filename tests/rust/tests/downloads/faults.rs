//! A seeded run of bad transfers: whatever breaks, every file under its name is the object, and what is not there has a named error.
//!
//! 300 rounds; `FAULT_ROUNDS` asks for another number, `FAULT_SEED` for another course. A round that fails prints what is needed to run it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use ltx_jobs::{ArchiveMode, Client, ErrorKind};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};

use crate::{completed, tree};

/// Emulators that work at the same time: most of a round is waiting.
const LANES: u64 = 6;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// A fault of a kind that a storage or a line has.
fn fault(random: &mut Rng, length: u64) -> Fault {
    let at = random.u64(..length);
    let mut fault = match random.u8(..16) {
        0..4 => Fault::at(Do::CutBody, at),
        4 => Fault::at(Do::CutBody, random.u64(..2)),
        5 => Fault::new(Do::CutBeforeHeaders),
        6 => Fault::new(Do::CutAfterHeaders),
        7 => Fault::at(Do::Stall, at),
        8 => Fault::new(Do::WrongContentRange),
        9 => Fault::new(Do::ChangedEtag),
        10 => Fault::at(Do::CorruptByte, at),
        11 => Fault::new(Do::ExpiredUrl),
        12 => Fault::at(Do::TruncatedLength, at),
        13 => Fault::new(Do::IgnoreRange),
        14 => Fault::status([403, 404, 408, 410, 429, 500, 502, 503][random.usize(..8)]),
        _ => Fault {
            reset: true,
            ..Fault::at(Do::CutBody, at)
        },
    };
    fault.skip = random.u32(..4);
    fault
}

/// A storage and an object of some shape, and a list of what goes wrong with it.
fn programme(random: &mut Rng) -> Programme {
    let padding = [0, 60_000, 150_000][random.usize(..3)];
    let storage = [
        "ranges = false",
        "suffix_ranges = false",
        "etag = false\ngeneration = false",
        "goog_hash = 'md5'",
        "goog_hash = false",
        "if_range = false",
        "if_range_whole = true",
        "",
        "",
        "",
    ][random.usize(..10)];
    let mut programme = Programme::from_toml(&format!("[archive]\npadding = {padding}\n[storage]\n{storage}")).unwrap();
    let length = u64::from(programme.archive.padding) * 3 + 20_000;
    for (route, length, most) in [
        ("download:exr_frames_url", length, 6),
        ("download:video_url", 10_000, 2),
    ] {
        let mut changed = false;
        for _ in 0..random.usize(..=most) {
            let fault = fault(random, length);
            // One change for an object, so that there are two versions to compare with.
            if fault.r#do == Do::ChangedEtag && std::mem::replace(&mut changed, true) {
                continue;
            }
            // Nobody can tell a wrong byte where the storage offers no checksum.
            if fault.r#do == Do::CorruptByte && storage == "goog_hash = false" {
                continue;
            }
            programme = programme.with_fault(route, fault);
        }
    }
    programme
}

/// What files may be: name, and the CRCs of every version.
type Versions = BTreeMap<String, BTreeSet<u32>>;

/// Adds what the storage holds now, as it would be saved.
async fn remember(emulator: &Emulator, mode: ArchiveMode, versions: &mut Versions) {
    for artifact in emulator.artifacts().await.unwrap() {
        let crc32c = u32::from_str_radix(&artifact.crc32c, 16).unwrap();
        match artifact.label.as_str() {
            "video_url" => versions.entry("video.mp4".into()).or_default().insert(crc32c),
            _ if mode == ArchiveMode::Keep => versions.entry("exr_frames.zip".into()).or_default().insert(crc32c),
            _ => {
                for member in artifact.members {
                    let crc32 = u32::from_str_radix(&member.crc32, 16).unwrap();
                    versions
                        .entry(format!("exr_frames/{}", member.name))
                        .or_default()
                        .insert(crc32);
                }
                true
            }
        };
    }
}

fn check(dest: &Path, mode: ArchiveMode, versions: &Versions, whole: bool, round: &str) {
    let files: BTreeMap<String, Vec<u8>> = tree(dest)
        .into_iter()
        .filter(|(name, _)| !name.rsplit('/').next().unwrap().starts_with('.'))
        .collect();
    for (name, bytes) in &files {
        let found = if mode == ArchiveMode::Keep || name == "video.mp4" {
            crc32c::crc32c(bytes)
        } else {
            crc32fast::hash(bytes)
        };
        let expected = versions
            .get(name)
            .unwrap_or_else(|| panic!("{round}: an unknown file {name}"));
        assert!(
            expected.contains(&found),
            "{round}: {name} is not what the storage holds"
        );
    }
    if whole {
        assert!(files.keys().eq(versions.keys()), "{round}: {:?}", files.keys());
    }
}

/// Something that is not for the user.
fn hidden(dest: &Path) -> Option<String> {
    tree(dest)
        .into_keys()
        .find(|name| name.rsplit('/').next().unwrap().starts_with('.'))
}

/// One bad transfer, and the calls after it until it is saved.
async fn play(emulator: &Emulator, seed: u64, tally: &Tally) {
    let mut random = Rng::with_seed(seed);
    let programme = programme(&mut random);
    let mode = [ArchiveMode::Keep, ArchiveMode::Unpack][random.usize(..2)];
    let connections = [1, 1, 2, 4, 8][random.usize(..5)];
    let resume = random.u8(..5) != 0;
    let round = format!(
        "FAULT_SEED={seed} FAULT_ROUNDS=1: {mode:?} over {connections}, {:?} {:?}",
        programme.storage, programme.fault
    );
    emulator.reset(programme).unwrap();
    let client: Client = crate::builder(emulator)
        .stall_timeout(Duration::from_millis(150))
        .build()
        .unwrap();
    let done = completed(&client).await;
    let dest = tempfile::tempdir().unwrap();
    let mut versions = Versions::new();
    remember(emulator, mode, &mut versions).await;
    // Every call uses up some of what goes wrong.
    for call in 0..12 {
        let mut download = done
            .download(dest.path())
            .archive(mode)
            .connections(connections)
            .resume(resume);
        // Some are given up in the middle; the next call goes on.
        if call < 4 && random.bool() {
            let after = Duration::from_millis(random.u64(..80));
            download = download.cancel(async move { tokio::time::sleep(after).await });
        }
        let outcome = download.await;
        remember(emulator, mode, &mut versions).await;
        check(dest.path(), mode, &versions, outcome.is_ok(), &round);
        match outcome {
            Ok(_) => {
                tally.saved.fetch_add(1, Ordering::Relaxed);
                // A call that was given up ends at once, and gives its place free off the caller's path.
                let given_free = Instant::now() + Duration::from_secs(20);
                while let Some(hidden) = hidden(dest.path()) {
                    assert!(
                        Instant::now() < given_free,
                        "{round}: left beside what was saved: {hidden}"
                    );
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                return;
            }
            // A frame of a version that is not the present one is a different file, as it should be.
            Err(error) if error.kind() == ErrorKind::Exists => {
                let changed = versions.values().any(|versions| versions.len() > 1);
                assert!(changed, "{error} in call {call} of {round}");
                return;
            }
            Err(error) => {
                tally.failed.fetch_add(1, Ordering::Relaxed);
                assert_ne!(error.kind(), ErrorKind::Internal, "{round}: {error}");
                assert!(
                    !format!("{error} {error:?}").contains("X-Goog-Signature"),
                    "{round}: {error:?}"
                );
                assert!(call < 11, "{round}: {error}");
            }
        }
    }
}

#[derive(Default)]
struct Tally {
    saved: AtomicU64,
    failed: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundreds_of_bad_transfers_publish_only_what_is_whole() {
    let (rounds, first) = (number("FAULT_ROUNDS", 300), number("FAULT_SEED", 1));
    let began = Instant::now();
    let (next, tally) = (Arc::new(AtomicU64::new(first)), Arc::new(Tally::default()));
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..LANES.min(rounds) {
        let (next, tally) = (Arc::clone(&next), Arc::clone(&tally));
        lanes.spawn(async move {
            let emulator = Emulator::start(Programme::default()).await.unwrap();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + rounds {
                    return;
                }
                play(&emulator, seed, &tally).await;
            }
        });
    }
    while let Some(ended) = lanes.join_next().await {
        ended.unwrap();
    }
    let (saved, failed) = (
        tally.saved.load(Ordering::Relaxed),
        tally.failed.load(Ordering::Relaxed),
    );
    println!(
        "{rounds} rounds in {:.1} s: {saved} saved, {failed} calls failed on the way",
        began.elapsed().as_secs_f64()
    );
    assert!(saved * 10 > rounds * 9, "{saved} of {rounds} were saved in the end");
}
