//! Local inputs: what the service would refuse is refused here before anything is sent, and the same content is sent once.
#![allow(clippy::unwrap_used)] // A test.

use std::time::Duration;

use ltx_jobs::{
    AudioToVideo, Client, ErrorKind, Extend, ImageToVideo, Media, Request, Retake, VideoToVideoHdr, VideoUpscale,
};
use ltx_jobs_emulator::{Emulator, Fault, Programme};

fn media(name: &str) -> Media {
    Media::file(format!("{}/tests/media/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn client(emulator: &Emulator) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .poll_interval(Duration::from_millis(10))
        .backoff_base(Duration::from_millis(2))
        .build()
        .unwrap()
}

async fn emulator() -> Emulator {
    Emulator::start(Programme::default()).await.unwrap()
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_here_before_any_network() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let cases: [(Request, ErrorKind, &str); 8] = [
        (
            VideoToVideoHdr::new(media("prores.mov")).into(),
            ErrorKind::InvalidRequest,
            "ProRes 422 Proxy",
        ),
        (
            VideoToVideoHdr::new(media("dnxhr.mov")).into(),
            ErrorKind::InvalidRequest,
            "DNxHR",
        ),
        (
            VideoToVideoHdr::new(media("still.png")).into(),
            ErrorKind::InvalidRequest,
            "takes a video",
        ),
        (
            AudioToVideo::new(media("pcm.wav")).prompt("p").into(),
            ErrorKind::InvalidRequest,
            "plain PCM",
        ),
        (
            AudioToVideo::new(media("he-aac.m4a")).prompt("p").into(),
            ErrorKind::InvalidRequest,
            "HE-AAC",
        ),
        (
            AudioToVideo::new(media("sine.flac")).prompt("p").into(),
            ErrorKind::InvalidRequest,
            ".flac",
        ),
        (
            ImageToVideo::new(media("sine.mp3"), "p", "ltx-2-5-pro", Some(6), "1280x720").into(),
            ErrorKind::InvalidRequest,
            "takes an image",
        ),
        (
            VideoToVideoHdr::new(media("missing.mov")).into(),
            ErrorKind::Io,
            "missing.mov",
        ),
    ];
    for (request, kind, words) in cases {
        let error = client.submit(request.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.billing().name()), (kind, "no_job"), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        // Asking what it costs says the same.
        assert_eq!(client.estimate(request).await.unwrap_err().kind(), kind);
    }
    let error = client.upload(media("pcm.wav")).await.unwrap_err();
    assert!(error.to_string().contains("ffmpeg -i"), "{error}");
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn what_is_only_not_listed_is_sent_with_a_warning() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let cases: [(Request, &str); 3] = [
        (Retake::new(media("hevc.mp4"), 0.0, 2.0).into(), "12 frames"),
        (Extend::new(media("h264.mkv"), 2.0).into(), "at least 73"),
        (VideoUpscale::new(media("mpeg4.mp4"), "4k").into(), "\"mp4v\""),
    ];
    for (request, words) in cases {
        let job = client.submit(request).await.unwrap();
        let warnings = job.snapshot().warnings;
        assert!(warnings.iter().any(|warning| warning.contains(words)), "{warnings:?}");
    }
}

#[tokio::test]
async fn the_same_content_is_uploaded_once_whatever_its_name_and_however_many_want_it_at_once() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.mp4");
    let bytes = std::fs::read(format!("{}/tests/media/hevc.mp4", env!("CARGO_MANIFEST_DIR"))).unwrap();
    std::fs::write(&copy, &bytes).unwrap();
    let submit = |media| client.submit(VideoToVideoHdr::new(media)).into_future();
    use std::future::IntoFuture as _;
    let (one, two, three) = tokio::join!(
        submit(media("hevc.mp4")),
        submit(Media::file(&copy)),
        submit(Media::bytes(bytes))
    );
    for submitted in [one, two, three] {
        submitted.unwrap();
    }
    assert_eq!(emulator.count("POST", "/v1/upload"), 1);
    assert_eq!(emulator.jobs().len(), 3);

    // Another content is another upload.
    client.submit(VideoToVideoHdr::new(media("h264.mkv"))).await.unwrap();
    assert_eq!(emulator.count("POST", "/v1/upload"), 2);

    // The service does not know the upload any more: the next submit sends it again.
    emulator.push_fault("submit", Fault::status(400)).unwrap();
    submit(media("hevc.mp4")).await.unwrap_err();
    submit(media("hevc.mp4")).await.unwrap();
    assert_eq!(emulator.count("POST", "/v1/upload"), 3);
}

#[tokio::test]
async fn data_uris_beyond_the_services_limit_are_refused() {
    let emulator = emulator().await;
    let client = client(&emulator);
    let uri = |kind: &str, megabytes: usize| Media::data(format!("data:{kind};base64,{}", "A".repeat(megabytes << 20)));
    let refused = |error: ltx_jobs::Error| assert_eq!(error.kind(), ErrorKind::RequestTooLarge, "{error}");
    refused(
        client
            .submit(VideoToVideoHdr::new(uri("video/mp4", 16)))
            .await
            .unwrap_err(),
    );
    refused(
        client
            .submit(ImageToVideo::new(
                uri("image/png", 8),
                "p",
                "ltx-2-5-pro",
                Some(6),
                "1280x720",
            ))
            .await
            .unwrap_err(),
    );
    assert!(emulator.requests().is_empty());
}
