//! Upload slots.

use std::time::Duration;

use super::*;

pub(crate) async fn slot(emulator: &Emulator, client: &Client) -> Value {
    let url = format!("{}/v1/upload", emulator.api_url());
    let answer = client.post(url).bearer_auth(emulator.api_key()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

pub(crate) async fn put(client: &Client, slot: &Value, body: &[u8], skip: &str) -> Response {
    let mut request = client
        .put(slot["upload_url"].as_str().unwrap())
        .header("content-type", "video/mp4");
    for (name, value) in slot["required_headers"].as_object().unwrap() {
        if name != skip {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    request.body(body.to_vec()).send().await.unwrap()
}

pub(crate) async fn upload(emulator: &Emulator, client: &Client, body: &[u8]) -> String {
    let slot = slot(emulator, client).await;
    assert_eq!(put(client, &slot, body, "").await.status(), StatusCode::OK);
    slot["storage_uri"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_uploaded_clip_can_be_submitted() {
    let (emulator, client) = start(Programme::default()).await;
    let uri = upload(&emulator, &client, CLIP).await;
    assert!(uri.starts_with("ltx://uploads/"));
    let answer = post(&emulator, &client, HDR, &json!({"video_uri": uri})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let sent = emulator
        .requests()
        .into_iter()
        .find(|request| request.method == "PUT")
        .unwrap();
    assert_eq!(
        (sent.origin, sent.body_len, sent.whole),
        ("storage", CLIP.len() as u64, true)
    );
    assert_eq!(sent.header("x-goog-if-generation-match"), Some("0"));
}

#[tokio::test]
async fn a_slot_that_was_never_put_or_holds_no_video_is_refused_by_the_submit() {
    let (emulator, client) = start(Programme::default()).await;
    let empty = slot(&emulator, &client).await["storage_uri"].clone();
    let text = upload(&emulator, &client, b"just some text").await;
    for (uri, expected) in [
        (empty, "video_uri refers to an upload that was never put"),
        (text.into(), "video_uri refers"),
    ] {
        let (status, _, message) = envelope(post(&emulator, &client, HDR, &json!({"video_uri": uri})).await).await;
        assert_eq!(status, 400);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn a_second_put_is_412_and_a_missing_header_403_and_a_bearer_token_400() {
    let (emulator, client) = start(Programme::default()).await;
    let slot = slot(&emulator, &client).await;
    assert_eq!(
        put(&client, &slot, CLIP, "x-goog-content-length-range").await.status(),
        403
    );
    let url = slot["upload_url"].as_str().unwrap();
    assert_eq!(
        client
            .put(url)
            .bearer_auth("emulator-key")
            .body("x")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    assert_eq!(put(&client, &slot, CLIP, "").await.status(), 200);
    assert_eq!(put(&client, &slot, CLIP, "").await.status(), 412);
}

#[tokio::test]
async fn an_over_long_body_is_400() {
    let (emulator, client) = toml("[upload]\nmax_bytes = 10").await;
    let slot = slot(&emulator, &client).await;
    assert_eq!(slot["required_headers"]["x-goog-content-length-range"], "0,10");
    let answer = put(&client, &slot, CLIP, "").await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("EntityTooLarge"));
}

#[tokio::test]
async fn slots_and_uploaded_files_expire() {
    let (emulator, client) = start(Programme::default()).await;
    let late = slot(&emulator, &client).await;
    let uri = upload(&emulator, &client, CLIP).await;
    emulator.advance(Duration::from_secs(3_601));
    let answer = put(&client, &late, CLIP, "").await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("ExpiredToken"));
    emulator.advance(Duration::from_secs(86_400));
    let (status, _, message) = envelope(post(&emulator, &client, HDR, &json!({"video_uri": uri})).await).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "video_uri refers to an upload that has expired")
    );
}

#[tokio::test]
async fn a_large_body_that_is_refused_still_gets_its_answer() {
    let (emulator, client) = start(Programme::default()).await;
    let large = vec![7; 20 << 20];
    let slot = slot(&emulator, &client).await;
    assert_eq!(
        put(&client, &slot, &large, "x-goog-content-length-range")
            .await
            .status(),
        403
    );
    assert_eq!(put(&client, &slot, &large, "").await.status(), 200);
    assert_eq!(put(&client, &slot, &large, "").await.status(), 412);
    assert_eq!(
        emulator
            .requests()
            .iter()
            .filter(|request| request.body_len == 20 << 20 && request.whole)
            .count(),
        3
    );
}
