//! What a storage and a line can do to a download, one by one.

use std::time::{Duration, Instant};

use ltx_jobs::{ArchiveMode, ErrorKind, Verify};
use ltx_jobs_emulator::{Do, Emulator, Fault, Programme};

use crate::{archive_crc32c, builder, client, completed, emulator, storage_requests, tree};

const OBJECT: &str = "[video]\nenabled = false\n[archive]\npadding = 400000\n";

#[tokio::test(flavor = "multi_thread")]
async fn several_connections_are_several_and_the_file_is_the_object() {
    for tls in [false, true] {
        let programme = Programme::from_toml(&format!("{OBJECT}[storage]\nrate = 2000000")).unwrap();
        let emulator = Emulator::builder().programme(programme).tls(tls).start().await.unwrap();
        let done = completed(&client(&emulator)).await;
        let dest = tempfile::tempdir().unwrap();
        let saved = done
            .download(dest.path())
            .archive(ArchiveMode::Keep)
            .connections(4)
            .await
            .unwrap();
        assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
        let connections: std::collections::HashSet<u64> = storage_requests(&emulator, 0)
            .iter()
            .map(|request| request.connection)
            .collect();
        assert!(connections.len() >= 4, "tls {tls}: {connections:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_added_by_themselves_where_each_has_its_own_share() {
    let emulator = emulator("[video]\nenabled = false\n[archive]\npadding = 10000000\n[storage]\nrate = 8000000").await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let saved = done.download(dest.path()).archive(ArchiveMode::Keep).await.unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    let requests = storage_requests(&emulator, 0).len();
    assert!(requests >= 8, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_has_one_stream() {
    let emulator = emulator(&format!("{OBJECT}[storage]\nrate = 2000000")).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    done.download(dest.path()).archive(ArchiveMode::Keep).await.unwrap();
    assert_eq!(storage_requests(&emulator, 0).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_is_renewed_once_for_all_connections() {
    let emulator = emulator(&format!("{OBJECT}[storage]\nrate = 1000000")).await;
    let done = completed(&client(&emulator)).await;
    let job = done.job().reference().clone();
    let polls = emulator.count("GET", &format!("/v2/{}/{}", job.endpoint().unwrap(), job.id().unwrap()));
    // The first request passes; the second finds that every URL signed so far has expired.
    emulator
        .push_fault("download", Fault::new(Do::ExpiredUrl).skip(1))
        .unwrap();
    let dest = tempfile::tempdir().unwrap();
    let saved = done
        .download(dest.path())
        .archive(ArchiveMode::Keep)
        .connections(8)
        .await
        .unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    let after = emulator.count("GET", &format!("/v2/{}/{}", job.endpoint().unwrap(), job.id().unwrap()));
    assert_eq!(after - polls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_callers_is_kept_by_all_connections_together() {
    let emulator = emulator(OBJECT).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let saved = done
        .download(dest.path())
        .archive(ArchiveMode::Keep)
        .connections(4)
        .bandwidth(1_000_000)
        .await
        .unwrap();
    let least = saved.bytes as f64 / 1e6 - 0.2;
    assert!(
        began.elapsed().as_secs_f64() > least,
        "{:?} for {} bytes",
        began.elapsed(),
        saved.bytes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_drips_is_given_up_and_named() {
    let emulator = emulator(OBJECT).await;
    let client = builder(&emulator)
        .stall_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let done = completed(&client).await;
    let drip = Fault {
        bytes_per_s: Some(100),
        ..Fault::new(Do::Drip).times(0)
    };
    emulator.push_fault("download", drip).unwrap();
    let dest = tempfile::tempdir().unwrap();
    let download = done.download(dest.path()).archive(ArchiveMode::Keep).into_future();
    let error = tokio::time::timeout(Duration::from_secs(30), download)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stalled, "{error}");
    assert!(tree(dest.path()).keys().all(|name| name.starts_with('.')));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_answers_if_range_with_everything_is_asked_without_it() {
    // As seen with some caches: a 200 for any request with If-Range.
    let emulator = emulator(&format!("{OBJECT}[storage]\nif_range_whole = true\nrate = 4000000")).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let saved = done
        .download(dest.path())
        .archive(ArchiveMode::Keep)
        .connections(4)
        .await
        .unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    let without = storage_requests(&emulator, 0)
        .iter()
        .filter(|request| request.header("if-range").is_none())
        .count();
    assert!(without >= 4, "{without} requests without If-Range");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_followed_three_times_and_not_to_an_unfit_address() {
    let location = "http://user:secret@127.0.0.1:9/x";
    for (to, times, kind) in [
        (location.to_owned(), 1, ErrorKind::Protocol),
        ("ftp://x.example/".to_owned(), 1, ErrorKind::Protocol),
    ] {
        let emulator = emulator(OBJECT).await;
        let done = completed(&client(&emulator)).await;
        let redirect = Fault {
            to: Some(to.clone()),
            ..Fault::new(Do::Redirect).times(times)
        };
        emulator.push_fault("download", redirect).unwrap();
        let dest = tempfile::tempdir().unwrap();
        let error = done.download(dest.path()).archive(ArchiveMode::Keep).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{to}: {error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert_eq!(tree(dest.path()).len(), 0);
    }
    for (times, saved) in [(3, true), (4, false)] {
        let emulator = emulator(OBJECT).await;
        let done = completed(&client(&emulator)).await;
        let url = done.outputs()["exr_frames_url"].url().expose().to_owned();
        let redirect = Fault {
            to: Some(url),
            ..Fault::new(Do::Redirect).times(times)
        };
        emulator.push_fault("download", redirect).unwrap();
        let dest = tempfile::tempdir().unwrap();
        let outcome = done.download(dest.path()).archive(ArchiveMode::Keep).await;
        assert_eq!(outcome.is_ok(), saved, "{times}: {outcome:?}");
        for request in storage_requests(&emulator, 0) {
            assert_eq!(
                (request.header("referer"), request.header("authorization")),
                (None, None)
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_with_md5_only_or_no_checksum_is_proven_as_far_as_it_goes() {
    for (hash, verify, outcome) in [
        ("'md5'", Verify::Require, Ok(())),
        ("'crc32c'", Verify::Require, Ok(())),
        ("false", Verify::WhenOffered, Ok(())),
        ("false", Verify::Require, Err(ErrorKind::Integrity)),
    ] {
        for connections in [1, 4] {
            let emulator = emulator(&format!("{OBJECT}[storage]\ngoog_hash = {hash}")).await;
            let done = completed(&client(&emulator)).await;
            let dest = tempfile::tempdir().unwrap();
            let download = done
                .download(dest.path())
                .archive(ArchiveMode::Keep)
                .connections(connections)
                .verify(verify);
            let found = download.await.map(drop).map_err(|error| error.kind());
            assert_eq!(found, outcome, "{hash} {verify:?} {connections}");
            assert_eq!(tree(dest.path()).len(), usize::from(outcome.is_ok()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_is_wrong_once_is_fetched_again_and_wrong_twice_is_an_integrity_error() {
    for hash in ["'md5'", "'crc32c'"] {
        for connections in [1, 4] {
            for (times, outcome) in [(1, Ok(())), (0, Err(ErrorKind::Integrity))] {
                let emulator = emulator(&format!("{OBJECT}[storage]\ngoog_hash = {hash}")).await;
                let done = completed(&client(&emulator)).await;
                // In the first bytes, which one request of each try carries.
                let corrupt = Fault::at(Do::CorruptByte, 1000).times(times);
                emulator.push_fault("download", corrupt).unwrap();
                let dest = tempfile::tempdir().unwrap();
                let download = done
                    .download(dest.path())
                    .archive(ArchiveMode::Keep)
                    .connections(connections);
                let found = download.await.map(drop).map_err(|error| error.kind());
                assert_eq!(found, outcome, "{hash} over {connections}, {times} times");
                let files = tree(dest.path());
                assert_eq!(files.len(), usize::from(outcome.is_ok()), "{:?}", files.keys());
            }
        }
    }
}
