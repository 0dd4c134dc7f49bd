//! How frames share a line, and how operations on them end on one that does not move.

use std::collections::HashSet;

use crate::{completed, emulator, expected, files, truth};

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_added_where_each_has_its_own_share_by_extracting_and_by_streaming() {
    let programme = "[archive]\nframes = 48\ncompression = \"none\"\npadding = 500000\n[storage]\nrate = 4000000";
    let emulator = emulator(programme).await;
    let done = completed(&emulator).await;
    let truth = truth(&emulator, &done).await;
    let frames = done.frames().await.unwrap();
    let connections = |from: usize| {
        let requests = emulator.requests();
        let connections = requests[from..].iter().map(|request| request.connection);
        connections.collect::<HashSet<_>>().len()
    };

    let before = emulator.requests().len();
    let dest = tempfile::tempdir().unwrap();
    frames.extract(dest.path()).await.unwrap();
    assert_eq!(files(dest.path()), expected(&truth, 0..48));
    assert!(connections(before) >= 8, "{} connections", connections(before));

    let before = emulator.requests().len();
    let mut stream = frames.stream().start();
    while let Some(frame) = stream.next().await {
        frame.unwrap();
    }
    assert!(connections(before) >= 8, "{} connections", connections(before));
}
