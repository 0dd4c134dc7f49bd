//! 160 to 173: this machine, its user, and this library.

use std::time::Duration;

use ltx_jobs::ErrorKind::*;
use ltx_jobs::{Media, Request};
use serde_json::json;

use crate::life::At::Submit;
use crate::life::{builder, error_at, plate, request};
use crate::rows::{Row, always, before, does, elsewhere, endless, on, on_the_wire, seen, special, with};

// One case a line: it is a table.
#[rustfmt::skip]
pub(crate) fn rows() -> Vec<Row> {
    vec![
        on(Io, [
            special("an upload of what is not there", "no_job", || with(json!({}), |_, client| async move {
                client.upload(Media::file("/no/such/plate.mp4")).await.unwrap_err()
            })),
            special("a submit of what is not there", "no_job", || with(json!({}), |_, client| async move {
                let request = Request::raw("video-to-video-hdr", json!({})).unwrap().media("video_uri", Media::file("/no/such/plate.mp4"));
                client.submit(request).await.unwrap_err()
            })),
            special("a download into a directory that cannot be made", "job_exists", || with(json!({}), |_, client| async move {
                let done = client.submit(request()).await.unwrap().wait().await.unwrap();
                let file = tempfile::NamedTempFile::new().unwrap();
                done.download(file.path().join("dest")).await.unwrap_err()
            })),
        ]),
        elsewhere(NoSpace, "needs a disk that is full; it is Io under another number, from the same places: `Error::io` in the core"),
        on(Exists, [
            before("a different file is there", "job_exists", "video.mp4", "another's"),
            before("a file is where a directory must be", "job_exists", "exr_frames", "a file"),
        ]),
        elsewhere(Locked, "needs another owner that writes the same file; a matter of downloads, which are about a job that exists"),
        on(Journal, [special("a submit that cannot be written down", "no_job", || with(json!({}), |emulator, _| async move {
            let file = tempfile::NamedTempFile::new().unwrap();
            let client = builder(&emulator).journal(file.path().join("journal")).build().unwrap();
            error_at(&client, Submit, &[]).await
        }))]),
        on(Closed, [
            special("a submit to a closed client", "no_job", || with(json!({}), |_, client| async move {
                client.close(Duration::ZERO).await;
                client.submit(request()).await.unwrap_err()
            })),
            special("a submit on the wire", "unknown", || with(does("submit", "read_and_never_answer"), |emulator, client| async move {
                let submitting = on_the_wire(&emulator, &client).await;
                client.close(Duration::ZERO).await;
                submitting.operation().clone().await.unwrap_err()
            })),
            special("a wait that was on", "job_exists", || with(endless(), |_, client| async move {
                let waiting = client.submit(request()).await.unwrap().wait().start();
                client.close(Duration::ZERO).await;
                waiting.await.unwrap_err()
            })),
            special("a wait begun afterwards", "job_exists", || with(json!({}), |_, client| async move {
                let job = client.submit(request()).await.unwrap();
                client.close(Duration::ZERO).await;
                job.wait().await.unwrap_err()
            })),
            special("a poll begun afterwards", "job_exists", || with(json!({}), |_, client| async move {
                let job = client.submit(request()).await.unwrap();
                client.close(Duration::ZERO).await;
                job.poll().await.unwrap_err()
            })),
            special("a download begun afterwards", "job_exists", || with(json!({}), |_, client| async move {
                let done = client.submit(request()).await.unwrap().wait().await.unwrap();
                client.close(Duration::ZERO).await;
                done.download("/no/where").await.unwrap_err()
            })),
        ]),
        on(Cancelled, [
            special("an upload", "no_job", || with(does("slot", "read_and_never_answer"), |emulator, client| async move {
                let uploading = client.upload(plate()).start();
                seen(&emulator, "/v1/upload").await;
                uploading.cancel();
                uploading.await.unwrap_err()
            })),
            special("a submit before its POST", "no_job", || with(does("slot", "read_and_never_answer"), |emulator, client| async move {
                let request = Request::raw("video-to-video-hdr", json!({})).unwrap().media("video_uri", plate());
                let submitting = client.submit(request).start();
                seen(&emulator, "/v1/upload").await;
                submitting.operation().cancel();
                submitting.operation().clone().await.unwrap_err()
            })),
            special("a submit on the wire", "unknown", || with(does("submit", "read_and_never_answer"), |emulator, client| async move {
                let submitting = on_the_wire(&emulator, &client).await;
                submitting.operation().cancel();
                submitting.operation().clone().await.unwrap_err()
            })),
            special("a wait", "job_exists", || with(endless(), |_, client| async move {
                let waiting = client.submit(request()).await.unwrap().wait().start();
                waiting.cancel();
                waiting.await.unwrap_err()
            })),
            special("a poll", "job_exists", || with(does("poll", "read_and_never_answer"), |_, client| async move {
                let polling = client.submit(request()).await.unwrap().poll().start();
                polling.cancel();
                polling.await.unwrap_err()
            })),
            special("a download", "job_exists", || with(always("download", json!({"do": "stall", "at": 10})), |_, client| async move {
                let done = client.submit(request()).await.unwrap().wait().await.unwrap();
                let dest = tempfile::tempdir().unwrap();
                let saving = done.download(dest.path()).start();
                saving.cancel();
                saving.await.unwrap_err()
            })),
        ]),
        elsewhere(Forked, "needs a fork of this process: tests/c/host.c, tests/python/test_fork.py"),
        elsewhere(Internal, "needs a defect; what work that panics says of the bill is held in the core's operation::tests"),
    ]
}
