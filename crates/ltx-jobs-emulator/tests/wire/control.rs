//! The control origin.

use super::*;

#[tokio::test]
async fn another_process_can_see_and_do_what_the_library_can() {
    let (emulator, client) = start(Programme::default()).await;
    let at = |path: &str| format!("{}{path}", emulator.control_url());
    let json_of = async |path: &str| {
        client
            .get(at(path))
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };

    complete_hdr(&emulator, &client).await;
    assert_eq!(json_of("/requests").await.as_array().unwrap().len(), 4);
    assert_eq!(
        json_of("/requests").await[0]["headers"][0][0]
            .as_str()
            .map(str::is_empty),
        Some(false)
    );
    assert_eq!(
        json_of("/requests/count?method=POST&path=/v2/*").await,
        json!({"count": 1})
    );
    assert_eq!(json_of("/jobs").await[0]["status"], "completed");
    let artifacts = json_of("/artifacts").await;
    assert_eq!(artifacts[0]["members"].as_array().unwrap().len(), 3);
    assert_eq!(
        artifacts,
        serde_json::to_value(emulator.artifacts().await.unwrap()).unwrap()
    );

    let fault = json!({"route": "submit", "do": "status", "status": 503});
    assert_eq!(
        client.post(at("/faults")).json(&fault).send().await.unwrap().status(),
        204
    );
    assert_eq!(post(&emulator, &client, HDR, &hdr_body()).await.status(), 503);
    let typo = json!({"route": "submit", "do": "status", "statsu": 503});
    let refused = client.post(at("/faults")).json(&typo).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("statsu"));

    let day = client.post(at("/clock/advance")).json(&json!({"ms": 90_000_000}));
    assert_eq!(day.send().await.unwrap().status(), 204);
    let id = emulator.jobs()[0].id.clone();
    assert_eq!(get(&emulator, &client, &format!("{HDR}/{id}")).await.status(), 404);

    let programme = client
        .put(at("/programme"))
        .header("content-type", "application/toml")
        .body("api_key = 'other'");
    assert_eq!(programme.send().await.unwrap().status(), 204);
    assert_eq!(
        (
            emulator.api_key().as_str(),
            emulator.jobs().len(),
            emulator.requests().len()
        ),
        ("other", 0, 0)
    );
    let wrong = client
        .put(at("/programme"))
        .json(&json!({"apikey": "x"}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 400);
    submit_hdr(&emulator, &client).await;
    assert_eq!(client.post(at("/reset")).send().await.unwrap().status(), 204);
    assert_eq!((emulator.api_key().as_str(), emulator.jobs().len()), ("other", 0));

    let refuse = |ms: Value| {
        client
            .post(at("/refuse"))
            .json(&json!({"origin": "api", "for_ms": ms}))
            .send()
    };
    assert_eq!(refuse(Value::Null).await.unwrap().status(), 204);
    let lonely = super::client();
    assert!(
        try_post(&emulator, &lonely, HDR, &hdr_body())
            .await
            .unwrap_err()
            .is_connect()
    );
    assert_eq!(refuse(json!(0)).await.unwrap().status(), 204);
    submit_hdr(&emulator, &lonely).await;
}

#[tokio::test]
async fn a_dropped_emulator_closes_its_ports() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let api = emulator.api_url().to_owned();
    emulator.shutdown().await;
    assert!(client().get(api).send().await.unwrap_err().is_connect());
}
