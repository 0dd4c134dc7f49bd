use serde_json::json;

use super::*;
use crate::request::{AudioTrack, VideoCodec, VideoTrack};
use crate::transfer::kind::ContentKind;

fn clip(width: u32, height: u32, seconds: f64) -> MediaFacts {
    MediaFacts {
        kind: ContentKind::Mp4,
        bytes: 1,
        video: Some(VideoTrack {
            codec: VideoCodec::H264,
            width,
            height,
            frames: Some((seconds * 24.0).round() as u64),
            seconds: Some(seconds),
        }),
        audio: Some(AudioTrack {
            codec: crate::request::AudioCodec::Aac,
            seconds: Some(seconds),
        }),
        unreadable: None,
    }
}

fn of(endpoint: &str, params: Value, input: Option<MediaFacts>) -> Result<Estimate, Missing> {
    let Value::Object(params) = params else {
        panic!("no object")
    };
    let inputs = |_: &str| input.clone();
    estimate(
        &Known {
            endpoint,
            params: &params,
            inputs: &inputs,
        },
        &PriceTable::built_in().unwrap(),
    )
}

#[test]
fn every_endpoint_is_priced_by_what_is_billed_and_its_tier() {
    let generate = |model: &str, resolution: &str, seconds: u32| json!({"model": model, "resolution": resolution, "duration": seconds});
    let hd = || Some(clip(1920, 1080, 7.54));
    let cases = [
        ("text-to-video", generate("ltx-2-5-fast", "1280x720", 6), None, "0.54"),
        ("text-to-video", generate("ltx-2-5-pro", "2160x3840", 10), None, "3.90"),
        ("image-to-video", generate("ltx-2-3-fast", "1920x1080", 8), None, "0.48"),
        ("image-to-video", generate("ltx-2-3-pro", "2560x1440", 8), None, "1.28"),
        ("audio-to-video", json!({}), hd(), "0.754"),
        (
            "audio-to-video",
            json!({"model": "ltx-2-5-pro", "resolution": "3840x2160"}),
            hd(),
            "2.9406",
        ),
        ("retake", json!({"start_time": 0, "duration": 2}), hd(), "0.754"),
        ("extend", json!({"duration": 5, "context": 3}), hd(), "0.80"),
        // No context: as much as there is.
        ("extend", json!({"duration": 5}), hd(), "1.254"),
        // 505 frames at the clip's own rate, at most: 21.0371 s, rounded up.
        ("extend", json!({"duration": 20, "context": 20}), hd(), "2.1038"),
        ("video-to-video-hdr", json!({}), hd(), "1.508"),
        ("video-to-video-hdr", json!({}), Some(clip(1280, 720, 2.0)), "0.40"),
        ("video-to-video-hdr", json!({}), Some(clip(1440, 2560, 2.0)), "0.80"),
        (
            "video-to-video-hdr",
            json!({}),
            Some(clip(3840, 2160, 1.0001)),
            "0.8008",
        ),
        (
            "video-to-video-reframe",
            json!({"resolution": "900x720"}),
            hd(),
            "0.754",
        ),
        (
            "video-to-video-reframe",
            json!({"resolution": "1080x1350"}),
            hd(),
            "1.508",
        ),
        ("video-upscale", json!({"resolution": "4k"}), hd(), "2.262"),
        ("video-upscale", json!({"resolution": "8K"}), hd(), "9.048"),
        ("video-alpha-gen", json!({}), Some(clip(3840, 2160, 2.0)), "2.00"),
    ];
    for (endpoint, params, input, usd) in cases {
        let estimate =
            of(endpoint, params.clone(), input).unwrap_or_else(|missing| panic!("{endpoint} {params}: {missing}"));
        assert_eq!(estimate.usd.to_string(), usd, "{endpoint} {params}: {}", estimate.basis);
    }
}

#[test]
fn the_basis_says_what_the_amount_was_made_of() {
    let estimate = of("video-to-video-hdr", json!({}), Some(clip(1920, 1080, 7.54))).unwrap();
    assert_eq!(
        estimate.basis,
        "7.54 s of video_uri at USD 0.20 per second (1080p by the 1920x1080 pixels of video_uri); list of the vendor, 2026-11-23"
    );
}

#[test]
fn the_figure_that_is_missing_is_named() {
    let params = |duration: Value| json!({"model": "ltx-2-5-fast", "resolution": "1280x720", "duration": duration});
    let no_length = || {
        let mut facts = clip(1920, 1080, 1.0);
        facts.video.as_mut().unwrap().seconds = None;
        Some(facts)
    };
    let no_track = || {
        Some(MediaFacts {
            video: None,
            unreadable: Some("no track was found".into()),
            ..clip(1, 1, 1.0)
        })
    };
    let cases = [
        ("text-to-video", params(Value::Null), None, "duration is automatic"),
        (
            "text-to-video",
            json!({"duration": 6, "resolution": "1280x720"}),
            None,
            "no price is listed",
        ),
        (
            "text-to-video",
            json!({"model": "ltx-3", "duration": 6}),
            None,
            "with model \"ltx-3\"",
        ),
        (
            "text-to-video",
            json!({"model": "ltx-2-5-fast", "duration": 6, "resolution": "7680x4320"}),
            None,
            "at 8k",
        ),
        ("video-to-video-hdr", json!({}), None, "video_uri is no local file"),
        ("video-to-video-hdr", json!({}), no_length(), "the length of video_uri"),
        ("video-to-video-hdr", json!({}), no_track(), "(no track was found)"),
        (
            "audio-to-video",
            json!({"resolution": "1280x720"}),
            Some(clip(1, 1, 3.0)),
            "at 720p",
        ),
        ("extend", json!({"duration": 5}), None, "video_uri is no local file"),
        (
            "an-endpoint-of-tomorrow",
            json!({}),
            None,
            "no price is listed for an-endpoint-of-tomorrow",
        ),
    ];
    for (endpoint, params, input, words) in cases {
        let missing = of(endpoint, params, input).unwrap_err().to_string();
        assert!(missing.contains(words), "{missing}");
    }
}
