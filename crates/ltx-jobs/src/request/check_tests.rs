//! What passes at each endpoint, what is refused and what is only warned about: as raw JSON, which typed requests become.

use serde_json::json;

use super::*;
use crate::request::{
    AudioToVideo, CameraMotion, Colorspace, Extend, ExtendMode, ImageToVideo, Placement, Request, Retake, RetakeMode,
    TextToVideo, VideoAlphaGen, VideoToVideoHdr, VideoToVideoReframe, VideoUpscale,
};

const CLIP: &str = "ltx://uploads/clip";

/// A body that every list holds, with all that is required and nothing else.
fn good(endpoint: &str) -> Value {
    match endpoint {
        "text-to-video" => {
            json!({"prompt": "a boat", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"})
        }
        "image-to-video" => {
            json!({"image_uri": CLIP, "prompt": "a boat", "model": "ltx-2-5-fast", "duration": null, "resolution": "1280x720"})
        }
        "audio-to-video" => json!({"audio_uri": CLIP, "prompt": "a boat"}),
        "retake" => json!({"video_uri": CLIP, "start_time": 0, "duration": 2.5}),
        "extend" => json!({"video_uri": CLIP, "duration": 20}),
        "video-to-video-reframe" => json!({"video_uri": CLIP, "resolution": "1080x1920"}),
        "video-upscale" => json!({"video_uri": CLIP, "resolution": "4k"}),
        "video-to-video-hdr" | "video-alpha-gen" => json!({"video_uri": CLIP}),
        other => panic!("no body for {other}"),
    }
}

/// The verdict on the good body with these changes; "<missing>" takes a field away.
fn verdict(endpoint: &str, change: &Value) -> Result<Vec<String>, String> {
    let mut body = good(endpoint).as_object().unwrap().clone();
    for (key, value) in change.as_object().unwrap() {
        if value == "<missing>" {
            body.remove(key);
        } else {
            body.insert(key.clone(), value.clone());
        }
    }
    Request::raw(endpoint, Value::Object(body))
        .unwrap()
        .check()
        .map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            error.to_string()
        })
}

#[test]
fn a_valid_raw_request_passes_at_each_of_the_nine_endpoints_without_a_warning() {
    assert_eq!(rules::ENDPOINTS.len(), 9);
    for endpoint in rules::ENDPOINTS {
        assert_eq!(verdict(endpoint.name, &json!({})), Ok(vec![]), "{}", endpoint.name);
    }
}

#[test]
fn a_typed_request_is_its_json_and_passes_without_a_warning() {
    let clip = || Media::uploaded(CLIP);
    let cases: [(Request, Value); 9] = [
        (
            TextToVideo::new("a boat", "ltx-2-5-fast", Some(20), "1920x1080")
                .fps(25)
                .generate_audio(false)
                .camera_motion(CameraMotion::JibUp)
                .into(),
            json!({"prompt": "a boat", "model": "ltx-2-5-fast", "duration": 20, "resolution": "1920x1080", "fps": 25,
                "generate_audio": false, "camera_motion": "jib_up"}),
        ),
        (
            ImageToVideo::new(clip(), "a boat", "ltx-2-5-pro", Some(8), "2160x3840")
                .last_frame_uri(clip())
                .fps(50)
                .generate_audio(true)
                .camera_motion("static")
                .into(),
            json!({"prompt": "a boat", "model": "ltx-2-5-pro", "duration": 8, "resolution": "2160x3840", "fps": 50,
                "generate_audio": true, "camera_motion": "static"}),
        ),
        (
            AudioToVideo::new(clip())
                .image_uri(clip())
                .last_frame_uri(clip())
                .prompt("a boat")
                .model("ltx-2-5-fast")
                .resolution("1280x720")
                .fps(24)
                .camera_motion(CameraMotion::FocusShift)
                .guidance_scale(7.5)
                .into(),
            json!({"prompt": "a boat", "model": "ltx-2-5-fast", "resolution": "1280x720", "fps": 24,
                "camera_motion": "focus_shift", "guidance_scale": 7.5}),
        ),
        (
            Retake::new(clip(), 1.0, 2.5)
                .prompt("a boat")
                .mode(RetakeMode::ReplaceAudio)
                .resolution("1080x1920")
                .model("ltx-2-3-pro")
                .into(),
            json!({"start_time": 1, "duration": 2.5, "prompt": "a boat", "mode": "replace_audio", "resolution": "1080x1920",
                "model": "ltx-2-3-pro"}),
        ),
        (
            Extend::new(clip(), 4.0)
                .prompt("a boat")
                .mode(ExtendMode::Start)
                .model("ltx-2-3-pro")
                .context(1.5)
                .into(),
            json!({"duration": 4, "prompt": "a boat", "mode": "start", "model": "ltx-2-3-pro", "context": 1.5}),
        ),
        (
            VideoToVideoHdr::new(clip())
                .output_colorspace(Colorspace::AcesCct)
                .into(),
            json!({"output_colorspace": "acescct"}),
        ),
        (
            VideoToVideoReframe::new(clip(), "720x900")
                .placement(Placement::by_size(0.0, 0.25, 1.0, 0.5))
                .model("ltx-2-3-pro")
                .into(),
            json!({"resolution": "720x900", "placement": {"x": 0, "y": 0.25, "width": 1, "height": 0.5}, "model": "ltx-2-3-pro"}),
        ),
        (VideoUpscale::new(clip(), "8k").into(), json!({"resolution": "8k"})),
        (VideoAlphaGen::new(clip()).into(), json!({})),
    ];
    for ((request, body), rules) in cases.into_iter().zip(rules::ENDPOINTS) {
        assert_eq!(request.endpoint(), rules.name);
        assert_eq!(Value::Object(request.params().clone()), body, "{}", rules.name);
        assert_eq!(request.check().unwrap(), Vec::<String>::new(), "{}", rules.name);
        for field in rules.fields.iter().filter(|field| field.kind != Kind::Undocumented) {
            let set =
                body.get(field.name).is_some() || request.media_inputs().iter().any(|(name, _)| name == field.name);
            assert!(
                set,
                "{} has no builder for {}, or this test does not use it",
                rules.name, field.name
            );
        }
    }
}

#[test]
fn every_required_field_is_missed_by_name_also_when_it_is_null() {
    for endpoint in rules::ENDPOINTS {
        for field in endpoint.fields.iter().filter(|field| field.required) {
            let refused = verdict(endpoint.name, &json!({field.name: "<missing>"})).unwrap_err();
            assert!(
                refused.contains(&format!("{}: {} is missing", endpoint.name, field.name)),
                "{refused}"
            );
            if !matches!(field.kind, Kind::Duration { .. }) {
                let refused = verdict(endpoint.name, &json!({field.name: null})).unwrap_err();
                assert!(
                    refused.contains(&format!("{} is missing (null)", field.name)),
                    "{refused}"
                );
            }
        }
        let given = good(endpoint.name);
        for field in endpoint.fields.iter().filter(|field| given.get(field.name).is_none()) {
            assert_eq!(
                verdict(endpoint.name, &json!({field.name: null})),
                Ok(vec![]),
                "{}: {}",
                endpoint.name,
                field.name
            );
        }
    }
}

#[test]
fn every_field_refuses_a_wrong_type_by_name() {
    for endpoint in rules::ENDPOINTS {
        for field in endpoint.fields.iter().filter(|field| field.kind != Kind::Undocumented) {
            let refused = verdict(endpoint.name, &json!({field.name: ["secret-of-the-user"]})).unwrap_err();
            assert!(
                refused.contains(&format!("{}: {}: must be ", endpoint.name, field.name)),
                "{refused}"
            );
            assert!(
                refused.contains("not a list") && !refused.contains("secret-of-the-user"),
                "{refused}"
            );
        }
    }
}

#[test]
fn what_can_never_be_right_is_refused_with_field_value_and_rule() {
    let long = "é".repeat(5001);
    let cases = [
        ("text-to-video", json!({"prompt": ""}), "prompt is empty"),
        ("text-to-video", json!({"prompt": " \n"}), "prompt is empty"),
        ("retake", json!({"prompt": ""}), "prompt is empty"),
        (
            "image-to-video",
            json!({"prompt": long}),
            "prompt has 5001 characters; at most 5000",
        ),
        (
            "text-to-video",
            json!({"prompt": 7}),
            "prompt = 7: must be text, not a number",
        ),
        (
            "text-to-video",
            json!({"duration": "6"}),
            "duration = \"6\": must be a whole number, not text",
        ),
        (
            "text-to-video",
            json!({"duration": 6.5}),
            "duration = 6.5: must be a whole number",
        ),
        (
            "text-to-video",
            json!({"duration": 0}),
            "duration = 0: must be at least 1",
        ),
        (
            "text-to-video",
            json!({"duration": "<missing>"}),
            "duration is missing: the endpoint requires it; null means",
        ),
        (
            "text-to-video",
            json!({"fps": true}),
            "fps = true: must be a whole number, not a boolean",
        ),
        (
            "text-to-video",
            json!({"generate_audio": "yes"}),
            "generate_audio = \"yes\": must be true or false, not text",
        ),
        (
            "image-to-video",
            json!({"last_frame_uri": CLIP}),
            "last_frame_uri cannot be used with duration = null",
        ),
        (
            "image-to-video",
            json!({"image_uri": "first.png"}),
            "image_uri = \"first.png\": this is no https, data: or ltx:// address",
        ),
        (
            "image-to-video",
            json!({"image_uri": "http://a.example/x?sig=canary"}),
            "\"http://a.example/x\": the service fetches https",
        ),
        (
            "audio-to-video",
            json!({"prompt": "<missing>"}),
            "image_uri and prompt are both missing",
        ),
        (
            "audio-to-video",
            json!({"prompt": null, "image_uri": null}),
            "image_uri and prompt are both missing",
        ),
        (
            "audio-to-video",
            json!({"prompt": ""}),
            "prompt is empty; it may be only where image_uri is given",
        ),
        (
            "audio-to-video",
            json!({"last_frame_uri": CLIP}),
            "image_uri is missing: last_frame_uri requires it",
        ),
        (
            "audio-to-video",
            json!({"guidance_scale": "5"}),
            "guidance_scale = \"5\": must be a number, not text",
        ),
        (
            "retake",
            json!({"start_time": -0.5}),
            "start_time = -0.5: must be at least 0",
        ),
        ("retake", json!({"duration": 1.9}), "duration = 1.9: must be at least 2"),
        ("extend", json!({"duration": 1}), "duration = 1: must be at least 2"),
        ("extend", json!({"context": 0}), "context = 0: must be at least 1"),
        (
            "video-to-video-reframe",
            json!({"placement": "top"}),
            "placement = \"top\": must be an object, not text",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"anchor": 1}}),
            "placement.anchor = 1: must be text",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": "0", "y": 0, "width": 1}}),
            "placement.x = \"0\": must be a number",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 0, "width": 1}}),
            "placement.y is missing",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 0, "y": 0}}),
            "placement.width or placement.height is missing",
        ),
    ];
    for (endpoint, change, expected) in cases {
        match verdict(endpoint, &change) {
            Err(refused) => {
                assert!(
                    refused.contains(&format!("{endpoint}: ")) && refused.contains(expected),
                    "{expected:?}: {refused}"
                );
                assert!(!refused.contains("canary"), "{refused}");
            }
            Ok(warnings) => panic!("{endpoint} with {change:.80} passed: {warnings:?}"),
        }
    }
}

#[test]
fn what_is_merely_not_listed_passes_with_one_warning() {
    let cases = [
        (
            "text-to-video",
            json!({"model": "ltx-9-brand-new"}),
            "model = \"ltx-9-brand-new\" is not among the documented values (ltx-2-3-fast, ",
        ),
        (
            "text-to-video",
            json!({"resolution": "7680x4320"}),
            "resolution = \"7680x4320\" is not among",
        ),
        (
            "text-to-video",
            json!({"fps": 30}),
            "fps = 30 is not among the documented values (24, 25, 48, 50)",
        ),
        ("text-to-video", json!({"duration": 7}), "duration = 7 is not among"),
        ("text-to-video", json!({"duration": 1}), "duration = 1 is not among"),
        (
            "text-to-video",
            json!({"camera_motion": "spiral"}),
            "camera_motion = \"spiral\" is not among",
        ),
        (
            "text-to-video",
            json!({"promt": "a boat"}),
            "\"promt\" is not among the documented fields (prompt, model, ",
        ),
        (
            "text-to-video",
            json!({"duration": 12}),
            "duration = 12 is documented only for the fast models",
        ),
        (
            "text-to-video",
            json!({"model": "ltx-2-5-fast", "duration": 12, "fps": 48}),
            "duration = 12 is documented only for",
        ),
        (
            "text-to-video",
            json!({"model": "ltx-2-5-fast", "duration": 12, "resolution": "2560x1440"}),
            "duration = 12 is documented",
        ),
        (
            "image-to-video",
            json!({"model": "ltx-2-3-pro"}),
            "duration = null (automatic length) is not documented for model",
        ),
        (
            "audio-to-video",
            json!({"model": "ltx-2-3-fast"}),
            "model = \"ltx-2-3-fast\" is not among",
        ),
        (
            "audio-to-video",
            json!({"duration": 6}),
            "\"duration\" is not among the documented fields",
        ),
        (
            "retake",
            json!({"mode": "replace_colour"}),
            "mode = \"replace_colour\" is not among",
        ),
        (
            "extend",
            json!({"duration": 21}),
            "duration = 21 is more than the documented 20",
        ),
        (
            "extend",
            json!({"context": 2}),
            "context and duration together are 528 frames at 24 fps, more than the documented 505",
        ),
        (
            "video-to-video-hdr",
            json!({"output_colorspace": "cmyk"}),
            "output_colorspace = \"cmyk\" is not among",
        ),
        (
            "video-to-video-hdr",
            json!({"model": "ltx-2-3-pro"}),
            "\"model\" is not among the documented fields",
        ),
        (
            "video-to-video-reframe",
            json!({"resolution": "640x640"}),
            "resolution = \"640x640\" is not among",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"anchor": "above"}}),
            "placement.anchor = \"above\" is not among",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"fit": "cover"}}),
            "placement has neither an anchor nor x and y",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"anchor": "top", "x": 0}}),
            "placement has an anchor and also a place",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 1, "y": 0, "width": 1}}),
            "placement.x = 1 is no fraction from 0 to below 1",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 0, "y": 0, "width": 0}}),
            "placement.width = 0 is no fraction above 0",
        ),
        (
            "video-upscale",
            json!({"resolution": "3840x2160"}),
            "resolution = \"3840x2160\" is not among",
        ),
        (
            "video-alpha-gen",
            json!({"resolution": "4k"}),
            "\"resolution\" is not among the documented fields (video_uri)",
        ),
    ];
    for (endpoint, change, expected) in cases {
        let warnings = verdict(endpoint, &change).unwrap();
        assert!(
            matches!(&*warnings, [only] if only.contains(expected)),
            "{endpoint} with {change}: {warnings:?}"
        );
    }
}

#[test]
fn what_looks_odd_but_is_documented_or_seen_passes_without_a_warning() {
    let cases = [
        ("text-to-video", json!({"duration": null})),
        ("text-to-video", json!({"duration": 3})),
        ("text-to-video", json!({"duration": 6.0})),
        ("text-to-video", json!({"enhance_prompt": true})),
        ("text-to-video", json!({"prompt": "é".repeat(5000)})),
        (
            "text-to-video",
            json!({"model": "ltx-2-3-fast", "duration": 20, "fps": 25, "resolution": "720x1280"}),
        ),
        ("image-to-video", json!({"last_frame_uri": CLIP, "duration": 6})),
        ("image-to-video", json!({"last_frame_uri": null})),
        ("audio-to-video", json!({"prompt": "", "image_uri": CLIP})),
        (
            "audio-to-video",
            json!({"prompt": "<missing>", "image_uri": CLIP, "last_frame_uri": CLIP}),
        ),
        ("retake", json!({"start_time": 1e6, "duration": 1e6})),
        ("extend", json!({"duration": 20, "context": 1})),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 0.5, "y": 0, "height": 0.25, "width": null}}),
        ),
    ];
    for (endpoint, change) in cases {
        assert_eq!(verdict(endpoint, &change), Ok(vec![]), "{endpoint} with {change:.80}");
    }
}

#[test]
fn one_thing_wrong_is_not_told_twice() {
    let warnings = verdict(
        "text-to-video",
        &json!({"model": "ltx-9-fast", "duration": 12, "resolution": "7680x4320"}),
    )
    .unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn local_inputs_count_as_given_and_belong_into_media_fields_only() {
    let request = |params| {
        Request::raw("audio-to-video", params)
            .unwrap()
            .media("audio_uri", Media::bytes("ID3"))
    };
    assert!(
        request(json!({}))
            .check()
            .unwrap_err()
            .to_string()
            .contains("both missing")
    );
    assert_eq!(
        request(json!({}))
            .media("image_uri", Media::file("first.png"))
            .check()
            .unwrap(),
        Vec::<String>::new()
    );
    let refused = request(json!({}))
        .media("prompt", Media::file("prompt.txt"))
        .check()
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("prompt is given as a media input; this field takes none"),
        "{refused}"
    );
    let warnings = request(json!({"prompt": "a boat"}))
        .media("video_uri", Media::file("plate.mp4"))
        .check()
        .unwrap();
    assert!(
        matches!(&*warnings, [only] if only.contains("\"video_uri\" is not among")),
        "{warnings:?}"
    );
}

#[test]
fn an_endpoint_of_next_year_is_not_judged() {
    let request = Request::raw(
        "video-to-hologram",
        json!({"prompt": "", "duration": [], "video_uri": "gs://bucket/x"}),
    )
    .unwrap();
    assert_eq!(request.check().unwrap(), Vec::<String>::new());
}

#[test]
fn every_documented_word_has_its_name_and_an_unknown_one_passes_through() {
    fn all<T: for<'a> From<&'a str> + PartialEq>(words: &[&str], as_str: fn(&T) -> &str, other: fn(String) -> T) {
        for word in words {
            let value = T::from(word);
            assert_eq!(as_str(&value), *word);
            assert!(value != other((*word).to_owned()), "{word} has no name");
        }
        let unknown = T::from("word_of_2027");
        assert!(unknown == other("word_of_2027".to_owned()) && as_str(&unknown) == "word_of_2027");
    }
    all(CameraMotion::WORDS, CameraMotion::as_str, CameraMotion::Other);
    all(Colorspace::WORDS, Colorspace::as_str, Colorspace::Other);
    all(RetakeMode::WORDS, RetakeMode::as_str, RetakeMode::Other);
    all(ExtendMode::WORDS, ExtendMode::as_str, ExtendMode::Other);
    all(
        super::super::Anchor::WORDS,
        super::super::Anchor::as_str,
        super::super::Anchor::Other,
    );
}
