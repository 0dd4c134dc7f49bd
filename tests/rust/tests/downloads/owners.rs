//! Several downloads to one place: one fetches, the others wait for its file or say who is at work.

use std::time::Duration;

use ltx_jobs::{ArchiveMode, ErrorKind};

use crate::{archive_crc32c, client, completed, emulator, storage_requests, tree};

const SLOW: &str = "[video]\nenabled = false\n[archive]\npadding = 500000\n[storage]\nrate = 3000000";

#[tokio::test(flavor = "multi_thread")]
async fn of_four_downloads_by_two_clients_one_fetches_and_all_have_the_file() {
    let emulator = emulator(SLOW).await;
    let (one, other) = (client(&emulator), client(&emulator));
    let first = completed(&one).await;
    let second = other
        .job(first.job().reference().clone())
        .unwrap()
        .wait()
        .await
        .unwrap();
    let dest = tempfile::tempdir().unwrap();
    let operations: Vec<_> = [&first, &second, &first, &second]
        .map(|done| done.download(dest.path()).archive(ArchiveMode::Keep).start())
        .into();
    let mut said = false;
    while !operations.iter().all(ltx_jobs::Operation::is_ended) {
        said |= operations
            .iter()
            .filter_map(|operation| operation.snapshot().waiting_for)
            .any(|whom| whom.contains(&std::process::id().to_string()));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(said, "nobody said for whom it waits");
    let expected = archive_crc32c(&emulator).await;
    let mut length = 0;
    for operation in operations {
        let saved = operation.await.unwrap();
        assert_eq!(format!("{:08x}", saved.crc32c[0]), expected);
        length = saved.bytes;
    }
    assert_eq!(tree(dest.path()).len(), 1);
    // The object once, and the beginnings that three of them had looked at before.
    let sent = storage_requests(&emulator, 0).len();
    assert!(sent <= 8, "{sent} requests for {length} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_wait_hears_host_and_process() {
    let emulator = emulator(SLOW).await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let first = done.download(dest.path()).archive(ArchiveMode::Keep).start();
    while first.snapshot().bytes_done == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for limit in [Duration::ZERO, Duration::from_millis(50)] {
        let refused = done
            .download(dest.path())
            .archive(ArchiveMode::Keep)
            .lock_timeout(limit)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Locked);
        assert!(refused.is_retryable());
        let text = refused.to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    }
    first.await.unwrap();
    assert_eq!(tree(dest.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_one_at_work_gives_up_the_one_that_waits_goes_on_with_its_bytes() {
    let emulator = emulator("[video]\nenabled = false\n[archive]\npadding = 2000000\n[storage]\nrate = 2000000").await;
    let done = completed(&client(&emulator)).await;
    let dest = tempfile::tempdir().unwrap();
    let download = || done.download(dest.path()).archive(ArchiveMode::Keep).connections(1);
    let first = download().start();
    while first.snapshot().bytes_done < 2_500_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = download().start();
    while second.snapshot().waiting_for.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    first.cancel();
    first.await.unwrap_err();
    let saved = second.await.unwrap();
    assert_eq!(format!("{:08x}", saved.crc32c[0]), archive_crc32c(&emulator).await);
    let last = storage_requests(&emulator, 0).into_iter().next_back().unwrap();
    let (start, _) = crate::asked(&last, saved.bytes);
    assert!(start > 1_000_000, "the last request began at {start}");
}
