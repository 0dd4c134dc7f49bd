//! TLS with the throw-away CA, and HTTP/2 by ALPN.

use std::time::Duration;

use ltx_jobs_emulator::{Do, Fault};
use reqwest::Certificate;

use super::*;

async fn secure(http2: bool, programme: Programme) -> (Emulator, Client) {
    let emulator = Emulator::builder()
        .tls(true)
        .http2(http2)
        .programme(programme)
        .start()
        .await
        .unwrap();
    let pem = std::fs::read(emulator.ca_bundle().unwrap()).unwrap();
    let client = client_builder()
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
        .build()
        .unwrap();
    (emulator, client)
}

#[tokio::test]
async fn a_job_runs_over_tls_with_either_version_of_http() {
    for (http2, version) in [(true, "HTTP/2.0"), (false, "HTTP/1.1")] {
        let (emulator, client) = secure(http2, Programme::default()).await;
        assert!(emulator.api_url().starts_with("https://localhost:"));
        let url = result_url(&emulator, &client, "exr_frames_url").await;
        assert!(url.starts_with("https://localhost:"));
        assert_eq!(
            client.get(&url).send().await.unwrap().bytes().await.unwrap()[..4],
            *b"PK\x03\x04"
        );
        assert!(
            emulator
                .requests()
                .iter()
                .all(|request| request.http_version == version),
            "{version}"
        );
    }
}

#[tokio::test]
async fn nobody_else_trusts_the_authority() {
    let (emulator, _) = secure(true, Programme::default()).await;
    let stranger = secure(true, Programme::default()).await.1;
    assert!(
        try_post(&emulator, &stranger, HDR, &hdr_body())
            .await
            .unwrap_err()
            .is_connect()
    );
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn cuts_are_cuts_under_tls_too() {
    for http2 in [true, false] {
        let programme = Programme::default()
            .with_fault("submit", Fault::new(Do::ReadAndClose))
            .with_fault("download", Fault::at(Do::CutBody, 3_000));
        let (emulator, client) = secure(http2, programme).await;
        try_post(&emulator, &client, HDR, &hdr_body()).await.unwrap_err();
        assert_eq!(emulator.jobs().len(), 1);
        let url = result_url(&emulator, &client, "video_url").await;
        let mut answer = client.get(&url).send().await.unwrap();
        let mut len = 0;
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => len += chunk.len(),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert_eq!((len, broken), (3_000, true), "http2: {http2}");
    }
}

#[tokio::test]
async fn the_bundle_goes_with_the_emulator() {
    let (emulator, _) = secure(true, Programme::default()).await;
    let path = emulator.ca_bundle().unwrap().to_owned();
    assert!(path.exists());
    tokio::time::timeout(Duration::from_secs(10), emulator.shutdown())
        .await
        .unwrap();
    assert!(!path.exists());
}
