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
async fn a_url_that_is_about_to_expire_is_renewed_once_before_the_other_connections_use_it() {
    let emulator = emulator(&format!("{OBJECT}[storage]\nrate = 1000000\nurl_lifetime_s = 600")).await;
    let done = completed(&client(&emulator)).await;
    emulator.advance(Duration::from_secs(592));
    let polls = emulator.count("GET", "/v2/*");
    let from = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();
    let saved = done
        .download(dest.path())
        .archive(ArchiveMode::Keep)
        .connections(8)
        .await
        .unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    assert_eq!(emulator.count("GET", "/v2/*"), polls + 1);
    let requests = storage_requests(&emulator, from);
    let (first, others) = requests.split_first().unwrap();
    assert!(others.len() >= 7, "{} connections more", others.len());
    assert!(
        others.iter().all(|other| other.query != first.query),
        "with the new URL"
    );
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

/// A proxy that opens tunnels and counts them.
async fn proxy() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tunnels = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&tunnels);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counter = std::sync::Arc::clone(&counter);
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let mut first = String::new();
                client.read_line(&mut first).await.unwrap();
                let to = first
                    .strip_prefix("CONNECT ")
                    .unwrap()
                    .split(' ')
                    .next()
                    .unwrap()
                    .to_owned();
                let mut line = String::new();
                while client.read_line(&mut line).await.unwrap() > 2 {
                    line.clear();
                }
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, tunnels)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_and_a_certificate_of_the_house_serve_all_connections() {
    let programme = Programme::from_toml(&format!("{OBJECT}[storage]\nrate = 2000000")).unwrap();
    let emulator = Emulator::builder()
        .programme(programme)
        .tls(true)
        .start()
        .await
        .unwrap();
    let (address, tunnels) = proxy().await;
    let client = builder(&emulator).proxy(&address).connections(4).build().unwrap();
    let done = completed(&client).await;
    let before = tunnels.load(std::sync::atomic::Ordering::SeqCst);
    assert!(before > 0, "the API is reached through the proxy");
    let dest = tempfile::tempdir().unwrap();
    let saved = done.download(dest.path()).archive(ArchiveMode::Keep).await.unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    let after = tunnels.load(std::sync::atomic::Ordering::SeqCst);
    assert!(after - before >= 4, "{} tunnels for the storage", after - before);

    // Without the certificate of the house nothing is fetched, and the error says what to do.
    let stranger = ltx_jobs::Client::builder()
        .api_key(emulator.api_key())
        .base_url(emulator.api_url())
        .without_journal()
        .build()
        .unwrap();
    let job = stranger.job(done.job().reference().clone()).unwrap();
    let error = job.poll().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.to_string().contains("ca_bundle"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_cannot_be_meant_are_refused_before_any_request() {
    let emulator = emulator(OBJECT).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    for download in [
        done.download(dest.path()).connections(0),
        done.download(dest.path()).connections(65),
        done.download(dest.path()).bandwidth(0),
    ] {
        assert_eq!(download.await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
    assert!(storage_requests(&emulator, 0).is_empty());
    assert_eq!(tree(dest.path()).len(), 0);
}
