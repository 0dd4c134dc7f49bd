//! The life of a job, and what is refused before it has one.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_job_is_pending_then_processing_then_completed_with_results_behind_signed_urls() {
    let (emulator, client) = start(Programme::default()).await;
    let id = submit_hdr(&emulator, &client).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let state = poll_hdr(&emulator, &client, &id).await;
        assert_eq!(state["id"], id.as_str());
        assert!(state["created_at"].as_str().unwrap().ends_with(".000Z"));
        seen.push(state["status"].as_str().unwrap().to_owned());
        if state["status"] == "completed" {
            assert!(state["completed_at"].is_string());
            let result = state["result"].as_object().unwrap();
            assert_eq!(result.keys().collect::<Vec<_>>(), ["exr_frames_url", "video_url"]);
            for url in result.values() {
                assert!(url.as_str().unwrap().starts_with(emulator.storage_url()));
                let answer = client.get(url.as_str().unwrap()).send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::OK);
            }
        }
    }
    assert_eq!(seen, ["pending", "processing", "completed"]);
    assert_eq!(emulator.count("POST", HDR), 1);
    assert_eq!(emulator.count("GET", "/v2/video-to-video-hdr/*"), 3);
    let jobs = emulator.jobs();
    assert_eq!(
        (jobs.len(), jobs[0].id.as_str(), jobs[0].status.as_str()),
        (1, id.as_str(), "completed")
    );
    assert_eq!(jobs[0].body, hdr_body());
}

#[tokio::test]
async fn every_endpoint_takes_a_job_and_gives_its_labels() {
    let (emulator, client) = toml("[job]\npending_polls = 0\nprocessing_polls = 0").await;
    let video = "https://example.com/a.mp4";
    let cases = [
        (
            "text-to-video",
            json!({"prompt": "a", "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"}),
        ),
        (
            "image-to-video",
            json!({"image_uri": "https://example.com/a.png", "prompt": "a", "model": "ltx-2-5-pro", "duration": 6,
                "resolution": "1920x1080"}),
        ),
        (
            "audio-to-video",
            json!({"audio_uri": "https://example.com/a.mp3", "prompt": "a"}),
        ),
        ("retake", json!({"video_uri": video, "start_time": 0, "duration": 2})),
        ("extend", json!({"video_uri": video, "duration": 2})),
        (
            "video-to-video-reframe",
            json!({"video_uri": video, "resolution": "720x720"}),
        ),
        ("video-upscale", json!({"video_uri": video, "resolution": "4k"})),
        ("video-alpha-gen", json!({"video_uri": video})),
    ];
    for (endpoint, body) in cases {
        let answer = post(&emulator, &client, &format!("/v2/{endpoint}"), &body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{endpoint}");
        let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
        let state: Value = get(&emulator, &client, &format!("/v2/{endpoint}/{id}"))
            .await
            .json()
            .await
            .unwrap();
        let labels: Vec<_> = state["result"].as_object().unwrap().keys().cloned().collect();
        match endpoint {
            "video-alpha-gen" => assert_eq!(labels, ["cutout_url", "matte_url"]),
            _ => assert_eq!(labels, ["video_url"], "{endpoint}"),
        }
        let url = state["result"][&labels[0]].as_str().unwrap();
        let bytes = client.get(url).send().await.unwrap().bytes().await.unwrap();
        assert_eq!(&bytes[4..8], b"ftyp");
    }
}

#[tokio::test]
async fn an_endpoint_of_tomorrow_takes_any_object_and_gives_what_it_was_told() {
    let text = "[job]\npending_polls = 0\nprocessing_polls = 0\n[api]\nfurther_endpoints = ['video-to-hologram']\n\
                [video]\nextra_labels = ['depth_url']";
    let (emulator, client) = toml(text).await;
    let path = "/v2/video-to-hologram";
    let answer = post(&emulator, &client, path, &json!({"depth": {"layers": 3}})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let state: Value = get(&emulator, &client, &format!("{path}/{id}"))
        .await
        .json()
        .await
        .unwrap();
    let labels: Vec<_> = state["result"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(labels, ["depth_url", "video_url"]);
    assert_eq!(
        post(&emulator, &client, path, &json!([])).await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn ids_are_known_only_under_their_endpoint() {
    let (emulator, client) = start(Programme::default()).await;
    let id = submit_hdr(&emulator, &client).await;
    for path in [
        format!("/v2/extend/{id}"),
        format!("{HDR}/other"),
        "/v2/nothing/x".to_owned(),
    ] {
        let (status, kind, _) = envelope(get(&emulator, &client, &path).await).await;
        assert_eq!((status, kind.as_str()), (404, "not_found_error"), "{path}");
    }
    let (status, kind, _) = envelope(post(&emulator, &client, "/v2/nothing", &json!({})).await).await;
    assert_eq!((status, kind.as_str()), (404, "not_found_error"));
    assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], "pending");
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_a_401_and_makes_no_job() {
    let (emulator, client) = start(Programme::default()).await;
    let url = format!("{}{HDR}", emulator.api_url());
    let bare = client.post(&url).json(&hdr_body()).send().await.unwrap();
    let wrong = client
        .post(&url)
        .bearer_auth("other")
        .json(&hdr_body())
        .send()
        .await
        .unwrap();
    for answer in [bare, wrong] {
        let (status, kind, _) = envelope(answer).await;
        assert_eq!((status, kind.as_str()), (401, "authentication_error"));
    }
    assert!(emulator.jobs().is_empty());
    assert_eq!(emulator.count("POST", HDR), 2);
    let requests = emulator.requests();
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[1].header("authorization"), Some("Bearer other"));
}

#[tokio::test]
async fn a_bad_body_is_a_400_that_names_the_field_and_makes_no_job() {
    let (emulator, client) = start(Programme::default()).await;
    let cases = [
        (json!({}), "video_uri is required"),
        (json!({"video_uri": 3}), "video_uri must be a string"),
        (json!({"video_uri": "plate.mp4"}), "video_uri must be an https URL"),
        (
            json!({"video_uri": "ltx://uploads/none"}),
            "video_uri does not refer to an upload",
        ),
        (json!([1]), "must be a JSON object"),
    ];
    for (body, expected) in cases {
        let (status, kind, message) = envelope(post(&emulator, &client, HDR, &body).await).await;
        assert_eq!((status, kind.as_str()), (400, "invalid_request_error"));
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(emulator.jobs().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_413() {
    let (emulator, client) = toml("[api]\nmax_body_bytes = 1000").await;
    let body = json!({"video_uri": "x".repeat(2_000)});
    let (status, kind, _) = envelope(post(&emulator, &client, HDR, &body).await).await;
    assert_eq!((status, kind.as_str()), (413, "request_too_large"));
}

#[tokio::test]
async fn with_too_many_running_jobs_a_submit_is_turned_away_until_one_has_ended() {
    let (emulator, client) = toml("[api]\nmax_running_jobs = 1").await;
    let id = submit_hdr(&emulator, &client).await;
    let busy = post(&emulator, &client, HDR, &hdr_body()).await;
    assert_eq!(busy.headers()["retry-after"], "1");
    let (status, kind, _) = envelope(busy).await;
    assert_eq!((status, kind.as_str()), (429, "concurrency_limit_error"));
    while poll_hdr(&emulator, &client, &id).await["status"] != "completed" {}
    submit_hdr(&emulator, &client).await;
}

#[tokio::test]
async fn a_failed_job_carries_the_error_it_was_told() {
    let text = "[job]\noutcome = 'failed'\npending_polls = 0\nprocessing_polls = 0\n\
                error = { type = 'insufficient_funds_error', message = 'Required: 36 cents' }";
    let (emulator, client) = toml(text).await;
    let id = submit_hdr(&emulator, &client).await;
    let state = poll_hdr(&emulator, &client, &id).await;
    assert_eq!(state["status"], "failed");
    assert_eq!(
        state["error"],
        json!({"type": "insufficient_funds_error", "message": "Required: 36 cents"})
    );
    assert!(state["completed_at"].is_string() && state.get("result").is_none());
}

#[tokio::test]
async fn with_a_clock_polls_do_not_move_a_job_and_time_does() {
    let (emulator, client) = toml("[job]\nadvance = 'clock'\npending_ms = 60000\nprocessing_ms = 60000").await;
    let id = submit_hdr(&emulator, &client).await;
    for _ in 0..3 {
        assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], "pending");
    }
    emulator.advance(Duration::from_secs(61));
    assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], "processing");
    emulator.advance(Duration::from_secs(60));
    assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], "completed");
}

#[tokio::test]
async fn a_job_is_forgotten_a_day_after_its_end() {
    let (emulator, client) = start(Programme::default()).await;
    let (id, _) = complete_hdr(&emulator, &client).await;
    emulator.advance(Duration::from_secs(86_300));
    assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], "completed");
    emulator.advance(Duration::from_secs(101));
    let (status, kind, _) = envelope(get(&emulator, &client, &format!("{HDR}/{id}")).await).await;
    assert_eq!((status, kind.as_str()), (404, "not_found_error"));
}

#[tokio::test]
async fn the_same_input_gives_the_same_results_and_the_seed_follows_the_upload_not_its_id() {
    let (emulator, client) = toml("[job]\npending_polls = 0\nprocessing_polls = 0").await;
    let mut seen = Vec::new();
    for clip in [CLIP, CLIP, b"\0\0\0\x18ftypisom another clip"] {
        let uri = uploads::upload(&emulator, &client, clip).await;
        let answer = post(&emulator, &client, HDR, &json!({"video_uri": uri})).await;
        let id = answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
        seen.push(emulator.artifact_hashes(&id, "exr_frames_url").await.unwrap().sha256);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}
