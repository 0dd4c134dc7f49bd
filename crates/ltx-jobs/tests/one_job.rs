//! One HDR job, all the way, against the emulator in this process.
#![allow(clippy::unwrap_used)] // A test.

use std::time::Duration;

use ltx_jobs::{Client, Colorspace, ErrorKind, JobRef, Media, VideoToVideoHdr};
use ltx_jobs_emulator::{Emulator, Programme};

const CLIP: &[u8] = include_bytes!("../../ltx-jobs-cli/assets/plate.mp4");

fn client(emulator: &Emulator) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(20))
        .backoff_base(Duration::from_millis(5))
        .backoff_cap(Duration::from_millis(20))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_local_clip_becomes_verified_frames_and_a_video() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("plate.mp4");
    std::fs::write(&clip, CLIP).unwrap();
    let client = client(&emulator);

    let request = VideoToVideoHdr::new(Media::file(&clip)).output_colorspace(Colorspace::AcesCg);
    let job = client.submit(request).once("sh010_v003").await.unwrap();
    assert_eq!(job.endpoint(), "video-to-video-hdr");
    let done = job.wait().timeout(Duration::from_secs(30)).await.unwrap();
    assert!(done.outputs().contains_key("exr_frames_url"), "{done:?}");
    let dest = folder.path().join("shots");
    let saved = done.download(&dest).await.unwrap();
    assert!(dest.join("exr_frames/frame_00001.exr").is_file(), "{saved:?}");
    assert!(dest.join("video.mp4").is_file(), "{saved:?}");
    assert_eq!(emulator.count("POST", "/v2/video-to-video-hdr"), 1);

    let again = done.download(&dest).await.unwrap();
    assert_eq!(
        again.paths.len(),
        saved.paths.len(),
        "what is there and equal counts as done"
    );
}

#[tokio::test]
async fn the_same_request_under_one_key_is_submitted_once() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = client(&emulator);
    let request = || VideoToVideoHdr::new(Media::bytes(CLIP));
    let one = client.submit(request()).once("key").await.unwrap();
    let two = client.submit(request()).once("key").await.unwrap();
    assert_eq!(one, two);
    let other = client
        .submit(request().output_colorspace(Colorspace::SrgbLinear))
        .once("key")
        .await
        .unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidRequest, "{other}");
    assert_eq!(emulator.count("POST", "/v2/video-to-video-hdr"), 1);
}

#[tokio::test]
async fn the_intents_reference_leads_to_the_job() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = client(&emulator);
    let submitting = client.submit(VideoToVideoHdr::new(Media::bytes(CLIP))).start();
    let intent: JobRef = submitting.reference().unwrap().to_string().parse().unwrap();
    let job = submitting.operation().clone().await.unwrap();
    assert_eq!(client.job(intent).unwrap(), job);
}

#[tokio::test]
async fn the_reference_of_a_submit_that_met_an_earlier_one_leads_to_its_job_in_another_process_too() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let process = || {
        Client::builder()
            .base_url(emulator.api_url())
            .api_key(emulator.api_key())
            .journal(journal.path())
            .build()
            .unwrap()
    };
    let first = process();
    let request = || VideoToVideoHdr::new(Media::bytes(CLIP));
    let job = first.submit(request()).once("sh010").await.unwrap();
    let again = first.submit(request()).once("sh010").start();
    let kept: JobRef = again.reference().unwrap().to_string().parse().unwrap();
    assert_eq!(again.operation().clone().await.unwrap(), job);
    assert_eq!(first.job(kept.clone()).unwrap(), job);
    assert_eq!(process().job(kept).unwrap(), job);
    assert_eq!(first.jobs().await.unwrap().len(), 1, "one submit, however many met it");
}

#[test]
fn a_client_on_a_thread_without_tokio_says_so_and_one_with_its_own_runtime_works_and_ends() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = runtime.block_on(Emulator::start(Programme::default())).unwrap();
    let check = client(&emulator).check().start();
    assert!(check.wait(Some(Duration::ZERO)));
    assert_eq!(check.take().unwrap().unwrap_err().kind(), ErrorKind::Config);

    let own = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .own_runtime(ltx_jobs::RuntimeOptions::new())
        .build()
        .unwrap();
    let check = own.check().start();
    assert!(check.wait(Some(Duration::from_secs(30))));
    check.take().unwrap().unwrap();
    assert_eq!(own.close_blocking(Duration::from_secs(5)), 0, "all threads were joined");
    let late = own.check().start();
    assert!(late.wait(Some(Duration::ZERO)));
    assert_eq!(late.take().unwrap().unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_saw_the_end_leaves_a_handle_that_knows_it() {
    let emulator = Emulator::start(Programme::from_toml("[job]\npending_polls = 0\nprocessing_polls = 0").unwrap())
        .await
        .unwrap();
    let submitting = client(&emulator);
    for _ in 0..20 {
        let job = submitting
            .submit(VideoToVideoHdr::new(Media::bytes(CLIP)))
            .await
            .unwrap();
        // Another client, which asks only when it is told to.
        let attached = client(&emulator).job(job.reference().clone()).unwrap();
        assert!(attached.poll().await.unwrap().is_ended());
        assert!(attached.completed().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_by_hand_that_is_still_out_when_the_jobs_turn_comes_does_not_end_the_polling() {
    let emulator =
        Emulator::start(Programme::from_toml("[[fault]]\nroute = \"poll\"\ndo = \"read_and_never_answer\"").unwrap())
            .await
            .unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(100))
        .poll_timeout(Duration::from_millis(500))
        .backoff_base(Duration::from_millis(5))
        .build()
        .unwrap();
    let job = client.submit(VideoToVideoHdr::new(Media::bytes(CLIP))).await.unwrap();
    // Nobody answers it for half a second; the job's turn comes after a tenth.
    job.poll().await.unwrap_err();
    job.wait().timeout(Duration::from_secs(20)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_waited_for_while_its_end_is_written_down_is_not_asked_for_again() {
    let emulator = Emulator::start(Programme::from_toml("[job]\npending_polls = 0\nprocessing_polls = 0").unwrap())
        .await
        .unwrap();
    // On a disk, where writing takes a moment.
    let directory = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(20))
        .journal(directory.path())
        .build()
        .unwrap();
    const JOBS: u64 = 10;
    for _ in 0..JOBS {
        let job = client.submit(VideoToVideoHdr::new(Media::bytes(CLIP))).await.unwrap();
        while !job.snapshot().is_ended() {
            // Each of them is one more that wants to know of the end.
            let wait = job.wait().start();
            tokio::task::yield_now().await;
            wait.cancel();
        }
    }
    let counters = client.counters();
    assert_eq!((counters.jobs_created, counters.jobs_completed), (JOBS, JOBS));
    assert_eq!(counters.polls, JOBS, "each was completed when it was asked for first");
}
