//! All nine endpoints, against the emulator in this process: typed requests all the way, and the local checks beside the service's own.
#![allow(clippy::unwrap_used)] // A test.

use std::collections::BTreeSet;
use std::time::Duration;

use ltx_jobs::{
    Anchor, AudioToVideo, CameraMotion, Client, Colorspace, ErrorKind, Extend, ExtendMode, ImageToVideo, Media,
    Placement, Request, Retake, RetakeMode, TextToVideo, VideoAlphaGen, VideoToVideoHdr, VideoToVideoReframe,
    VideoUpscale,
};
use ltx_jobs_emulator::{Emulator, Programme};
use serde_json::json;

/// Long enough for the endpoints that ask for 73 frames.
const CLIP: &[u8] = include_bytes!("media/eighty-frames.mp4");
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n a picture, as far as its first bytes tell";
const SOUND: &[u8] = b"ID3\x04 a sound, as far as its first bytes tell";

fn client(emulator: &Emulator) -> Client {
    Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .without_journal()
        .poll_interval(Duration::from_millis(20))
        .backoff_base(Duration::from_millis(5))
        .backoff_cap(Duration::from_millis(20))
        .build()
        .unwrap()
}

/// Every typed request with every builder method, and the files that come of it.
fn requests() -> Vec<(Request, &'static [&'static str])> {
    let clip = || Media::bytes(CLIP);
    let picture = || Media::bytes(PICTURE);
    vec![
        (
            TextToVideo::new("A lighthouse at dusk", "ltx-2-5-fast", Some(20), "1920x1080")
                .fps(25)
                .generate_audio(false)
                .camera_motion(CameraMotion::DollyIn)
                .extra("seed", 7)
                .into(),
            &["video.mp4"],
        ),
        (
            TextToVideo::new("A lighthouse at dusk", "ltx-2-5-pro", None, "3840x2160").into(),
            &["video.mp4"],
        ),
        (
            ImageToVideo::new(picture(), "The fog lifts", "ltx-2-3-pro", Some(6), "1280x720")
                .last_frame_uri(picture())
                .fps(48)
                .generate_audio(true)
                .camera_motion("focus_shift")
                .into(),
            &["video.mp4"],
        ),
        (
            AudioToVideo::new(Media::bytes(SOUND)).prompt("A singer").into(),
            &["video.mp4"],
        ),
        (
            AudioToVideo::new(Media::bytes(SOUND))
                .image_uri(picture())
                .last_frame_uri(picture())
                .model("ltx-2-5-pro")
                .resolution("1080x1920")
                .fps(50)
                .camera_motion(CameraMotion::Static)
                .guidance_scale(7.5)
                .into(),
            &["video.mp4"],
        ),
        (
            Retake::new(clip(), 0.0, 2.5)
                .prompt("She smiles")
                .mode(RetakeMode::ReplaceVideo)
                .resolution("1920x1080")
                .model("ltx-2-3-pro")
                .into(),
            &["video.mp4"],
        ),
        (
            Extend::new(clip(), 5.0)
                .prompt("She walks on")
                .mode(ExtendMode::Start)
                .model("ltx-2-3-pro")
                .context(3.0)
                .into(),
            &["video.mp4"],
        ),
        (
            VideoToVideoHdr::new(clip())
                .output_colorspace(Colorspace::Aces2065_1)
                .into(),
            &["exr_frames/frame_00001.exr", "video.mp4"],
        ),
        (
            VideoToVideoReframe::new(clip(), "1080x1920")
                .placement(Anchor::TopLeft)
                .model("ltx-2-3-pro")
                .into(),
            &["video.mp4"],
        ),
        (
            VideoToVideoReframe::new(clip(), "1080x1080")
                .placement(Placement::by_height(0.1, 0.0, 0.5))
                .into(),
            &["video.mp4"],
        ),
        (VideoUpscale::new(clip(), "4k").into(), &["video.mp4"]),
        (VideoAlphaGen::new(clip()).into(), &["cutout.mov", "matte.mp4"]),
    ]
}

#[tokio::test]
async fn every_typed_request_is_taken_waited_for_and_saved() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = client(&emulator);
    let folder = tempfile::tempdir().unwrap();
    for (number, (request, files)) in requests().into_iter().enumerate() {
        let endpoint = request.endpoint().to_owned();
        let warnings = request.check().unwrap();
        let job = client
            .submit(request)
            .await
            .unwrap_or_else(|error| panic!("{endpoint}: {error}"));
        assert_eq!(job.endpoint(), endpoint);
        assert_eq!(job.snapshot().warnings, warnings, "{endpoint}");
        assert_eq!(
            warnings.len(),
            usize::from(number == 0),
            "only the first has an unknown field: {warnings:?}"
        );
        let done = job
            .wait()
            .timeout(Duration::from_secs(30))
            .await
            .unwrap_or_else(|error| panic!("{endpoint}: {error}"));
        let dest = folder.path().join(number.to_string());
        let saved = done
            .download(&dest)
            .await
            .unwrap_or_else(|error| panic!("{endpoint}: {error}"));
        for file in files {
            assert!(dest.join(file).is_file(), "{endpoint}: no {file}: {saved:?}");
        }
    }
    let seen: BTreeSet<String> = emulator.jobs().into_iter().map(|job| job.endpoint).collect();
    assert_eq!(seen.len(), 9, "{seen:?}");
}

#[tokio::test]
async fn a_warning_is_kept_with_the_job_and_the_service_remains_the_judge() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = client(&emulator);
    let video = "https://cdn.example.com/input.mp4";
    let request = Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": video, "output_colourspace": "acescg"}),
    )
    .unwrap();
    let job = client.submit(request).await.unwrap();
    let kept = |warnings: &[String]| matches!(warnings, [only] if only.contains("output_colourspace"));
    assert!(kept(&job.snapshot().warnings), "{:?}", job.snapshot().warnings);
    job.wait().timeout(Duration::from_secs(30)).await.unwrap();
    assert!(
        kept(&job.snapshot().warnings),
        "polls take nothing away: {:?}",
        job.snapshot().warnings
    );

    let refused = client
        .submit(VideoToVideoHdr::new(Media::url(video)).output_colorspace("cmyk"))
        .await
        .unwrap_err();
    assert_eq!(
        (refused.kind(), refused.http_status()),
        (ErrorKind::InvalidRequest, Some(400)),
        "asked, not guessed: {refused}"
    );
}

/// The emulator shares no code with the checks: what they refuse must be refused there too, or the checks are too strict.
#[tokio::test]
async fn what_is_refused_here_the_service_refuses_too_and_it_hears_of_none() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let client = client(&emulator);
    let clip = "https://cdn.example.com/input.mp4";
    let text = |change: (&str, serde_json::Value)| {
        let mut body = json!({"prompt": "a boat", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"});
        body[change.0] = change.1;
        body
    };
    let cases = [
        ("text-to-video", "prompt", text(("prompt", json!(" ")))),
        ("text-to-video", "prompt", text(("prompt", json!("x".repeat(5001))))),
        (
            "text-to-video",
            "prompt",
            json!({"model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"}),
        ),
        (
            "text-to-video",
            "duration",
            json!({"prompt": "a boat", "model": "ltx-2-5-pro", "resolution": "1920x1080"}),
        ),
        ("text-to-video", "duration", text(("duration", json!("6")))),
        ("text-to-video", "duration", text(("duration", json!(0)))),
        ("text-to-video", "generate_audio", text(("generate_audio", json!(1)))),
        (
            "image-to-video",
            "last_frame_uri",
            json!({"image_uri": clip, "last_frame_uri": clip, "prompt": "a boat", "model": "ltx-2-5-pro", "duration": null,
                "resolution": "1920x1080"}),
        ),
        ("audio-to-video", "image_uri", json!({"audio_uri": clip})),
        (
            "audio-to-video",
            "image_uri",
            json!({"audio_uri": clip, "prompt": "a boat", "last_frame_uri": clip}),
        ),
        (
            "retake",
            "start_time",
            json!({"video_uri": clip, "start_time": -1, "duration": 2}),
        ),
        (
            "retake",
            "duration",
            json!({"video_uri": clip, "start_time": 0, "duration": 1.5}),
        ),
        ("extend", "duration", json!({"video_uri": clip, "duration": 1})),
        (
            "extend",
            "context",
            json!({"video_uri": clip, "duration": 2, "context": 0.5}),
        ),
        (
            "video-to-video-hdr",
            "video_uri",
            json!({"video_uri": "http://cdn.example.com/input.mp4"}),
        ),
        ("video-to-video-hdr", "video_uri", json!({})),
        ("video-to-video-reframe", "resolution", json!({"video_uri": clip})),
        (
            "video-to-video-reframe",
            "placement",
            json!({"video_uri": clip, "resolution": "720x720", "placement": "top"}),
        ),
        (
            "video-to-video-reframe",
            "placement.y",
            json!({"video_uri": clip, "resolution": "720x720", "placement": {"x": 0, "width": 1}}),
        ),
        (
            "video-upscale",
            "resolution",
            json!({"video_uri": clip, "resolution": 4}),
        ),
        ("video-alpha-gen", "video_uri", json!({"video_uri": null})),
    ];
    for (endpoint, field, body) in &cases {
        let here = client
            .submit(Request::raw(*endpoint, body.clone()).unwrap())
            .await
            .unwrap_err();
        assert_eq!(
            (here.kind(), here.http_status()),
            (ErrorKind::InvalidRequest, None),
            "{endpoint}: {here}"
        );
        assert!(here.to_string().contains(field), "{endpoint}: {field}: {here}");
    }
    assert_eq!(emulator.requests().len(), 0, "all were refused before any network");
    for (endpoint, field, body) in cases {
        // An endpoint without rules goes out unjudged.
        let unjudged = Request::raw("unjudged", body).unwrap().path(format!("/v2/{endpoint}"));
        let there = client.submit(unjudged).await.unwrap_err();
        assert_eq!(
            (there.kind(), there.http_status()),
            (ErrorKind::InvalidRequest, Some(400)),
            "{endpoint}: {there}"
        );
        assert!(
            there.api_message().is_some_and(|message| message.contains(field)),
            "{endpoint}: {field}: {there}"
        );
    }
}
