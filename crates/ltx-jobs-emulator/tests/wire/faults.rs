//! Each fault, on the wire.

use std::time::{Duration, Instant};

use ltx_jobs_emulator::{Do, Fault};

use super::*;

async fn with(route: &str, fault: Fault) -> (Emulator, Client) {
    start(Programme::default().with_fault(route, fault)).await
}

/// Reads a body to the end or to its break: what came, and whether it was whole.
async fn body(mut answer: Response) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (bytes, true),
            Err(_) => return (bytes, false),
        }
    }
}

#[tokio::test]
async fn a_status_comes_with_its_envelope_and_has_no_effect() {
    let cases = [
        (402, "insufficient_funds_error"),
        (422, "content_filtered_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "service_unavailable_error"),
        (529, "overloaded_error"),
    ];
    for (status, kind) in cases {
        let (emulator, client) = with("submit", Fault::status(status)).await;
        let found = envelope(post(&emulator, &client, HDR, &hdr_body()).await).await;
        assert_eq!((found.0, found.1.as_str()), (status, kind));
        assert!(emulator.jobs().is_empty());
        assert_eq!(emulator.count("POST", HDR), 1, "it was read whole");
        submit_hdr(&emulator, &client).await;
    }
}

#[tokio::test]
async fn a_status_can_carry_any_body_and_retry_after() {
    let (emulator, client) = toml(
        "[[fault]]\nroute = 'submit'\ndo = 'status'\nstatus = 429\nretry_after = 0.05\n\
         [[fault]]\nroute = 'submit'\ndo = 'status'\nstatus = 429\nretry_after = 0\n\
         [[fault]]\nroute = 'submit'\ndo = 'status'\nstatus = 503\nretry_after = 'Mon, 23 Nov 2026 17:44:05 GMT'\n\
         [[fault]]\nroute = 'submit'\ndo = 'status'\nstatus = 502\nbody = '<html>'\nrequest_id = false\n\
         headers = { via = 'proxy', date = 'Thu, 01 Jan 2037 10:00:00 GMT' }\n\
         [[fault]]\nroute = 'submit'\ndo = 'status'\nstatus = 401\njson = { error = 'unauthorized' }\n\
         [[fault]]\nroute = 'submit'\ndo = 'status'\nstatus = 400\nenvelope = { type = 'new_error', message = 'new' }",
    )
    .await;
    for retry in ["0.05", "0", "Mon, 23 Nov 2026 17:44:05 GMT"] {
        let answer = post(&emulator, &client, HDR, &hdr_body()).await;
        assert_eq!(answer.headers()["retry-after"], retry);
    }
    let proxy = post(&emulator, &client, HDR, &hdr_body()).await;
    assert!(!proxy.headers().contains_key("x-request-id"));
    assert_eq!(proxy.headers()["via"], "proxy");
    assert_eq!(proxy.headers()["date"], "Thu, 01 Jan 2037 10:00:00 GMT");
    assert_eq!(proxy.text().await.unwrap(), "<html>");
    let odd: Value = post(&emulator, &client, HDR, &hdr_body()).await.json().await.unwrap();
    assert_eq!(odd, json!({"error": "unauthorized"}));
    let (_, kind, message) = envelope(post(&emulator, &client, HDR, &hdr_body()).await).await;
    assert_eq!((kind.as_str(), message.as_str()), ("new_error", "new"));
}

#[tokio::test]
async fn a_cut_before_the_answer_makes_a_job_or_not_as_its_name_says() {
    for (what, jobs, read) in [
        (Do::CloseOnAccept, 0, 0),
        (Do::CutBeforeHeaders, 0, 1),
        (Do::ReadAndClose, 1, 1),
        (Do::HalfStatusLine, 1, 1),
    ] {
        for reset in [false, true] {
            let (emulator, client) = with(
                "submit",
                Fault {
                    reset,
                    ..Fault::new(what)
                },
            )
            .await;
            let error = try_post(&emulator, &client, HDR, &hdr_body()).await.unwrap_err();
            assert!(!error.is_connect() && !error.is_timeout(), "{what:?}: {error:?}");
            assert_eq!(emulator.jobs().len(), jobs, "{what:?}");
            assert_eq!(emulator.count("POST", HDR), read, "{what:?}");
            submit_hdr(&emulator, &client).await;
        }
    }
}

#[tokio::test]
async fn a_post_that_is_read_and_never_answered_makes_a_job() {
    let (emulator, _) = with("submit", Fault::new(Do::ReadAndNeverAnswer)).await;
    let client = client_builder().timeout(Duration::from_millis(1_000)).build().unwrap();
    assert!(
        try_post(&emulator, &client, HDR, &hdr_body())
            .await
            .unwrap_err()
            .is_timeout()
    );
    assert_eq!((emulator.jobs().len(), emulator.count("POST", HDR)), (1, 1));
}

#[tokio::test]
async fn an_answer_cut_after_its_headers_or_in_its_body_is_incomplete_and_the_job_exists() {
    for (fault, arrives) in [(Fault::new(Do::CutAfterHeaders), 0), (Fault::at(Do::CutBody, 10), 10)] {
        let (emulator, client) = with("submit", fault).await;
        let answer = post(&emulator, &client, HDR, &hdr_body()).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let (bytes, whole) = body(answer).await;
        assert_eq!((bytes.len(), whole), (arrives, false));
        assert_eq!(emulator.jobs().len(), 1);
    }
}

#[tokio::test]
async fn a_download_is_cut_exactly_at_the_byte_with_http_1_and_http_2() {
    for http2 in [false, true] {
        let client = if http2 {
            client_builder().http2_prior_knowledge()
        } else {
            client_builder()
        }
        .build()
        .unwrap();
        for at in [0, 1, 1_000, 5_000] {
            let programme = Programme::default().with_fault("download", Fault::at(Do::CutBody, at));
            let emulator = Emulator::start(programme).await.unwrap();
            let url = result_url(&emulator, &client, "video_url").await;
            let answer = client.get(&url).send().await.unwrap();
            let announced = answer.content_length().unwrap();
            assert!(announced > 5_000);
            let (bytes, whole) = body(answer).await;
            assert_eq!((bytes.len() as u64, whole), (at, false), "http2: {http2}");
            let (bytes, whole) = body(client.get(&url).send().await.unwrap()).await;
            assert_eq!((bytes.len() as u64, whole), (announced, true), "http2: {http2}, again");
        }
    }
}

#[tokio::test]
async fn a_stall_stops_at_the_byte_and_keeps_the_connection_open() {
    let (emulator, client) = with("download:video_url", Fault::at(Do::Stall, 1_000)).await;
    let url = result_url(&emulator, &client, "video_url").await;
    let mut answer = client.get(&url).send().await.unwrap();
    let mut len = 0;
    while len < 1_000 {
        len += answer.chunk().await.unwrap().unwrap().len();
    }
    assert_eq!(len, 1_000);
    tokio::time::timeout(Duration::from_millis(300), answer.chunk())
        .await
        .expect_err("neither bytes nor an end");
}

#[tokio::test]
async fn a_drip_takes_its_time_and_is_whole() {
    let (emulator, client) = with(
        "poll",
        Fault {
            bytes_per_s: Some(200),
            ..Fault::new(Do::Drip)
        },
    )
    .await;
    let id = submit_hdr(&emulator, &client).await;
    let start = Instant::now();
    let (bytes, whole) = body(get(&emulator, &client, &format!("{HDR}/{id}")).await).await;
    assert!(whole && serde_json::from_slice::<Value>(&bytes).unwrap()["id"] == id.as_str());
    let least = Duration::from_secs_f64((bytes.len() as f64 - 20.0) / 200.0);
    assert!(start.elapsed() >= least, "{:?} < {least:?}", start.elapsed());
}

#[tokio::test]
async fn polls_can_be_odd_without_moving_the_job() {
    let (emulator, client) = toml(
        "[[fault]]\nroute = 'poll'\ndo = 'status_word'\nword = 'queued_for_gpu'\ntimes = 5\n\
         [[fault]]\nroute = 'poll'\ndo = 'html_200'\n\
         [[fault]]\nroute = 'poll'\ndo = 'not_found_without_envelope'\n\
         [[fault]]\nroute = 'poll:video-to-video-hdr'\nskip = 2\ndo = 'completed_without_outputs'",
    )
    .await;
    let id = submit_hdr(&emulator, &client).await;
    let path = format!("{HDR}/{id}");
    for _ in 0..5 {
        assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], "queued_for_gpu");
    }
    let portal = get(&emulator, &client, &path).await;
    assert_eq!(portal.status(), 200);
    assert!(!portal.headers().contains_key("x-request-id"));
    assert!(portal.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    let proxy = get(&emulator, &client, &path).await;
    assert_eq!(proxy.status(), 404);
    assert!(!proxy.headers().contains_key("x-request-id"));
    for expected in ["pending", "processing"] {
        assert_eq!(poll_hdr(&emulator, &client, &id).await["status"], expected);
    }
    let bare = poll_hdr(&emulator, &client, &id).await;
    assert_eq!(bare["status"], "completed");
    assert!(bare.get("result").is_none());
    assert!(poll_hdr(&emulator, &client, &id).await["result"].is_object());
}

#[tokio::test]
async fn a_202_without_an_id_still_makes_a_job() {
    let (emulator, client) = with("submit", Fault::new(Do::NoId)).await;
    let answer = post(&emulator, &client, HDR, &hdr_body()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert!(answer.headers().contains_key("x-request-id"));
    let body: Value = answer.json().await.unwrap();
    assert!(body.get("id").is_none() && body["created_at"].is_string());
    assert_eq!(emulator.jobs().len(), 1);
}

#[tokio::test]
async fn a_redirect_points_elsewhere_and_has_no_effect() {
    let fault = Fault {
        to: Some("https://elsewhere.example/x".to_owned()),
        ..Fault::new(Do::Redirect)
    };
    let (emulator, client) = with("submit", fault).await;
    let answer = post(&emulator, &client, HDR, &hdr_body()).await;
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], "https://elsewhere.example/x");
    assert!(emulator.jobs().is_empty());
}

#[tokio::test]
async fn downloads_can_lie() {
    let (emulator, client) = start(Programme::default()).await;
    let url = result_url(&emulator, &client, "video_url").await;
    let good = client.get(&url).send().await.unwrap();
    let etag = good.headers()["etag"].clone();
    let whole = good.bytes().await.unwrap();
    let part = |range: &'static str| client.get(&url).header("range", range).send();

    emulator
        .push_fault("download", Fault::at(Do::CorruptByte, 100))
        .unwrap();
    let corrupt = part("bytes=50-149").await.unwrap().bytes().await.unwrap();
    let differing: Vec<_> = (0..100).filter(|at| corrupt[*at] != whole[50 + *at]).collect();
    assert_eq!(differing, [50]);

    emulator
        .push_fault("download", Fault::new(Do::WrongContentRange))
        .unwrap();
    let wrong = part("bytes=50-149").await.unwrap();
    assert!(
        wrong.headers()["content-range"]
            .to_str()
            .unwrap()
            .starts_with("bytes 51-150/")
    );

    emulator.push_fault("download", Fault::new(Do::IgnoreRange)).unwrap();
    assert_eq!(part("bytes=50-149").await.unwrap().status(), 200);

    emulator
        .push_fault("download", Fault::at(Do::TruncatedLength, 1_000))
        .unwrap();
    let short = client.get(&url).send().await.unwrap();
    assert_eq!(short.content_length(), Some(1_000));
    assert_eq!(body(short).await, (whole[..1_000].to_vec(), true));

    emulator.push_fault("download", Fault::status(503)).unwrap();
    let busy = client.get(&url).send().await.unwrap();
    assert_eq!(busy.status(), 503);
    assert!(busy.text().await.unwrap().contains("<Code>ServiceUnavailable</Code>"));

    emulator
        .push_fault(
            "download",
            Fault {
                only_range: true,
                ..Fault::new(Do::ChangedEtag)
            },
        )
        .unwrap();
    assert_eq!(
        client.get(&url).send().await.unwrap().headers()["etag"],
        etag,
        "not a ranged request"
    );
    let changed = part("bytes=0-9").await.unwrap();
    assert_ne!(changed.headers()["etag"], etag);
    let stale = client
        .get(&url)
        .header("range", "bytes=0-9")
        .header("if-range", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(stale.status(), 200, "the old validator no longer holds");
    assert_ne!(stale.bytes().await.unwrap(), whole);
}

#[tokio::test]
async fn an_expired_url_stays_expired_and_a_new_poll_gives_a_good_one() {
    let (emulator, client) = start(Programme::default()).await;
    let (id, state) = complete_hdr(&emulator, &client).await;
    let old = state["result"]["video_url"].as_str().unwrap();
    let other = state["result"]["exr_frames_url"].as_str().unwrap();
    emulator
        .push_fault("download:video_url", Fault::new(Do::ExpiredUrl))
        .unwrap();
    for _ in 0..2 {
        let answer = client.get(old).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains("ExpiredToken"));
    }
    assert_eq!(client.get(other).send().await.unwrap().status(), 200);
    let fresh = poll_hdr(&emulator, &client, &id).await["result"]["video_url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(client.get(&fresh).send().await.unwrap().status(), 200);
    assert_eq!(client.get(old).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_put_that_is_cut_leaves_the_slot_empty_or_full_as_its_name_says() {
    for (what, second) in [(Do::CutBeforeHeaders, 200), (Do::ReadAndClose, 412)] {
        let (emulator, client) = with("put", Fault::new(what)).await;
        let slot = uploads::slot(&emulator, &client).await;
        let mut request = client.put(slot["upload_url"].as_str().unwrap());
        for (name, value) in slot["required_headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        request.body(CLIP).send().await.unwrap_err();
        assert_eq!(
            uploads::put(&client, &slot, CLIP, "").await.status(),
            second,
            "{what:?}"
        );
    }
}
