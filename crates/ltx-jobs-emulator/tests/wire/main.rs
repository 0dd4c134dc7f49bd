//! The emulator from outside: what a client sees on the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;
mod connections;
mod control;
mod downloads;
mod faults;
mod lifecycle;
mod tls;
mod uploads;

use std::time::Duration;

use ltx_jobs_emulator::{Emulator, Programme};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

const HDR: &str = "/v2/video-to-video-hdr";
const CLIP: &[u8] = b"\0\0\0\x18ftypisom\0\0\0\0isommp41";

/// A client without any of a client library's kindness: no redirects, no decompression, no retries.
fn client() -> Client {
    client_builder().build().unwrap()
}

fn client_builder() -> reqwest::ClientBuilder {
    // Whoever comes second finds it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
}

async fn start(programme: Programme) -> (Emulator, Client) {
    (Emulator::start(programme).await.unwrap(), client())
}

async fn toml(text: &str) -> (Emulator, Client) {
    start(Programme::from_toml(text).unwrap()).await
}

fn hdr_body() -> Value {
    json!({"video_uri": "https://example.com/plate.mp4"})
}

async fn try_post(emulator: &Emulator, client: &Client, path: &str, body: &Value) -> reqwest::Result<Response> {
    let url = format!("{}{path}", emulator.api_url());
    client.post(url).bearer_auth(emulator.api_key()).json(body).send().await
}

async fn post(emulator: &Emulator, client: &Client, path: &str, body: &Value) -> Response {
    try_post(emulator, client, path, body).await.unwrap()
}

async fn get(emulator: &Emulator, client: &Client, path: &str) -> Response {
    let url = format!("{}{path}", emulator.api_url());
    client.get(url).bearer_auth(emulator.api_key()).send().await.unwrap()
}

async fn submit_hdr(emulator: &Emulator, client: &Client) -> String {
    let answer = post(emulator, client, HDR, &hdr_body()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn poll_hdr(emulator: &Emulator, client: &Client, id: &str) -> Value {
    get(emulator, client, &format!("{HDR}/{id}"))
        .await
        .json()
        .await
        .unwrap()
}

/// Submits an HDR job and polls until it ends.
async fn complete_hdr(emulator: &Emulator, client: &Client) -> (String, Value) {
    let id = submit_hdr(emulator, client).await;
    for _ in 0..10 {
        let state = poll_hdr(emulator, client, &id).await;
        if state["status"] == "completed" {
            return (id, state);
        }
    }
    panic!("not completed after ten polls");
}

/// The signed URL of a completed HDR job's result.
async fn result_url(emulator: &Emulator, client: &Client, label: &str) -> String {
    complete_hdr(emulator, client).await.1["result"][label]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn envelope(answer: Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let id = answer
        .headers()
        .get("x-request-id")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "error");
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (status, text("type"), text("message"))
}
