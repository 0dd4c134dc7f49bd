//! Bodies of uploads: whole, hashed, counted once, and of one version of the file.

use super::*;

async fn drain(mut body: UploadBody) -> io::Result<Vec<u8>> {
    use futures_util::StreamExt as _;
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

fn meter() -> Meter {
    Meter {
        progress: ProgressSink::new(),
        shown: Arc::default(),
    }
}

#[tokio::test]
async fn a_files_bytes_go_out_as_they_are_and_are_hashed_on_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clip.mp4");
    let content: Vec<u8> = (0..1_000_003_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    let (file, head) = LocalFile::look(path).unwrap();
    assert_eq!(head, content[..HEAD]);
    let sent = Arc::new(Sent::default());
    let all = drain(Input::File(file).body(Arc::clone(&sent), meter())).await.unwrap();
    assert!(all == content);
    assert!(sent.is_whole(content.len() as u64));
    assert_eq!(sent.crc32c(), crc32c::crc32c(&content));
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error_and_not_an_upload() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clip.mp4");
    for (then, now) in [(100, 50), (100, 150)] {
        std::fs::write(&path, vec![7; then]).unwrap();
        let (file, _) = LocalFile::look(path.clone()).unwrap();
        std::fs::write(&path, vec![7; now]).unwrap();
        let sent = Arc::new(Sent::default());
        assert!(drain(Input::File(file).body(Arc::clone(&sent), meter())).await.is_err());
        let error = sent.local_error().unwrap();
        assert!(error.message().contains("changed"), "{error}");
    }
}

#[tokio::test]
async fn progress_over_two_tries_counts_each_byte_once() {
    let progress = ProgressSink::new();
    let shown = Arc::new(AtomicU64::new(0));
    let input = Input::Bytes(Bytes::from(vec![1; 200_000]));
    for _ in 0..2 {
        let meter = Meter {
            progress: progress.clone(),
            shown: Arc::clone(&shown),
        };
        assert_eq!(drain(input.body(Arc::default(), meter)).await.unwrap().len(), 200_000);
    }
    assert_eq!(progress.snapshot().bytes_done, 200_000);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_takes_is_a_stall() {
    let error = Sent::default()
        .stall(10, Duration::from_secs(30), Duration::from_secs(60))
        .await;
    assert_eq!(error.kind(), ErrorKind::Stalled);
}
