//! What passes at each endpoint, and what is refused by name.

use serde_json::json;

use super::*;

fn good(name: &str) -> Value {
    let video = "https://example.com/a.mp4";
    match name {
        "text-to-video" => {
            json!({"prompt": "a", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"})
        }
        "image-to-video" => json!({"image_uri": "https://example.com/a.png", "prompt": "a",
            "model": "ltx-2-5-fast", "duration": null, "resolution": "1280x720"}),
        "audio-to-video" => json!({"audio_uri": "https://example.com/a.mp3", "prompt": "a"}),
        "retake" => json!({"video_uri": video, "start_time": 0, "duration": 2.5}),
        "extend" => json!({"video_uri": video, "duration": 20, "context": 1}),
        "video-to-video-reframe" => json!({"video_uri": video, "resolution": "720x720"}),
        "video-upscale" => json!({"video_uri": video, "resolution": "4k"}),
        _ => json!({"video_uri": video}),
    }
}

fn verdict(name: &str, change: &Value) -> Result<(), String> {
    let mut body = good(name).as_object().unwrap().clone();
    for (key, value) in change.as_object().unwrap() {
        if value == "<missing>" {
            body.remove(key);
        } else {
            body.insert(key.clone(), value.clone());
        }
    }
    check(endpoint(name).unwrap(), &body)
}

#[test]
fn a_good_body_passes_at_every_endpoint_with_unknown_fields_too() {
    assert_eq!(ENDPOINTS.len(), 9);
    for endpoint in ENDPOINTS {
        assert_eq!(
            verdict(endpoint.name, &json!({"tomorrow": [1]})),
            Ok(()),
            "{}",
            endpoint.name
        );
    }
}

#[test]
fn every_required_field_is_missed_by_name() {
    for endpoint in ENDPOINTS {
        for field in endpoint.fields.iter().filter(|field| field.required) {
            let expected = Err(format!("{} is required", field.name));
            assert_eq!(
                verdict(endpoint.name, &json!({field.name: "<missing>"})),
                expected,
                "{}",
                endpoint.name
            );
        }
    }
}

#[test]
fn every_field_refuses_a_wrong_type_by_name() {
    for endpoint in ENDPOINTS {
        for field in endpoint.fields {
            let error = verdict(endpoint.name, &json!({field.name: [1]})).unwrap_err();
            assert!(
                error.starts_with(&format!("{} must be", field.name)),
                "{}: {error}",
                endpoint.name
            );
        }
    }
}

#[test]
fn what_can_never_be_right_is_refused() {
    let cases = [
        ("text-to-video", json!({"prompt": " "}), "prompt must not be empty"),
        (
            "text-to-video",
            json!({"prompt": "a".repeat(5_001)}),
            "prompt must have at most 5000",
        ),
        ("text-to-video", json!({"model": "ltx-2-pro"}), "model must be one of"),
        (
            "text-to-video",
            json!({"duration": 12}),
            "duration 12 is not supported by model ltx-2-5-pro",
        ),
        ("text-to-video", json!({"duration": 6.5}), "duration must be an integer"),
        (
            "text-to-video",
            json!({"duration": null, "model": "ltx-2-3-pro"}),
            "duration must be given",
        ),
        (
            "text-to-video",
            json!({"resolution": "1x1"}),
            "resolution must be one of",
        ),
        ("text-to-video", json!({"fps": 30}), "fps must be one of"),
        (
            "text-to-video",
            json!({"camera_motion": "spin"}),
            "camera_motion must be one of",
        ),
        (
            "image-to-video",
            json!({"last_frame_uri": "https://example.com/b.png"}),
            "last_frame_uri cannot",
        ),
        (
            "audio-to-video",
            json!({"prompt": "<missing>"}),
            "image_uri or prompt is required",
        ),
        (
            "audio-to-video",
            json!({"last_frame_uri": "https://example.com/b.png"}),
            "last_frame_uri requires",
        ),
        ("retake", json!({"start_time": -1}), "start_time must be at least 0"),
        ("retake", json!({"duration": 1.9}), "duration must be at least 2"),
        ("extend", json!({"duration": 21}), "duration must be at most 20"),
        ("extend", json!({"context": 20}), "context and duration together"),
        (
            "video-to-video-hdr",
            json!({"output_colorspace": "rec709"}),
            "output_colorspace must be one of",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"anchor": "middle"}}),
            "placement.anchor",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 0.1, "y": 0.1}}),
            "placement.width or",
        ),
        (
            "video-to-video-reframe",
            json!({"placement": {"x": 1, "y": 0, "width": 1}}),
            "placement.x",
        ),
        (
            "video-upscale",
            json!({"resolution": "1920x1080"}),
            "resolution must be one of",
        ),
    ];
    for (name, change, expected) in cases {
        let error = verdict(name, &change).unwrap_err();
        assert!(error.starts_with(expected), "{name} {change}: {error}");
    }
    verdict("text-to-video", &json!({"model": "ltx-2-5-fast", "duration": 20})).unwrap();
    verdict("text-to-video", &json!({"duration": 3})).unwrap();
    verdict(
        "video-to-video-reframe",
        &json!({"placement": {"x": 0, "y": 0.5, "height": 0.5}}),
    )
    .unwrap();
}
