//! Faults below HTTP: refused, reset, and HTTP/2's own words. Seen through a raw socket where a client would hide them.

use std::io::ErrorKind;
use std::time::Duration;

use ltx_jobs_emulator::{Do, Fault, LastStream, Origin};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

#[tokio::test]
async fn refused_connections_are_really_refused_and_the_port_comes_back() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    emulator.refuse_connections(Origin::Api, None).await;
    let error = TcpStream::connect(address(emulator.api_url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    TcpStream::connect(address(emulator.storage_url())).await.unwrap();
    emulator.accept_connections(Origin::Api).await;
    submit_hdr(&emulator, &client()).await;
}

#[tokio::test]
async fn a_refusal_ends_by_itself() {
    let fault = Fault {
        for_ms: Some(1_000),
        ..Fault::new(Do::RefuseConnections)
    };
    let (emulator, client) = start(Programme::default().with_fault("submit", fault)).await;
    try_post(&emulator, &client, HDR, &hdr_body()).await.unwrap_err();
    assert!(emulator.jobs().is_empty());
    assert!(
        try_post(&emulator, &client, HDR, &hdr_body())
            .await
            .unwrap_err()
            .is_connect()
    );
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while try_post(&emulator, &client, HDR, &hdr_body()).await.is_err() {
        assert!(tokio::time::Instant::now() < until, "it never listened again");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_first_connections_are_reset_before_a_byte_is_read() {
    let (emulator, client) = toml("[listen]\nreset_first_connections = 2").await;
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address(emulator.api_url())).await.unwrap();
        let error = stream.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    submit_hdr(&emulator, &client).await;
    assert_eq!(emulator.requests().len(), 1);
}

/// Sends a whole submit over a raw socket and returns what comes back until the connection ends.
async fn raw_submit(emulator: &Emulator) -> (String, std::io::Result<()>) {
    let mut stream = TcpStream::connect(address(emulator.api_url())).await.unwrap();
    let body = hdr_body().to_string();
    let head = format!(
        "POST {HDR} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        emulator.api_key(),
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(drop);
    (String::from_utf8(bytes).unwrap(), end)
}

#[tokio::test]
async fn half_a_status_line_is_half_a_status_line() {
    let (emulator, _) = start(Programme::default().with_fault("submit", Fault::new(Do::HalfStatusLine))).await;
    let (bytes, end) = raw_submit(&emulator).await;
    assert_eq!(bytes, "HTTP/1.1 20");
    end.unwrap();
}

#[tokio::test]
async fn a_cut_after_the_headers_sends_them_all_and_nothing_else() {
    let (emulator, _) = start(Programme::default().with_fault("submit", Fault::new(Do::CutAfterHeaders))).await;
    let (bytes, end) = raw_submit(&emulator).await;
    assert!(
        bytes.starts_with("HTTP/1.1 202 Accepted\r\n") && bytes.ends_with("\r\n\r\n"),
        "{bytes}"
    );
    assert!(
        bytes.contains("content-length: ") && bytes.contains("x-request-id: "),
        "{bytes}"
    );
    end.unwrap();
}

#[tokio::test]
async fn an_orderly_close_and_a_reset_are_told_apart() {
    for reset in [false, true] {
        let fault = Fault {
            reset,
            ..Fault::new(Do::ReadAndClose)
        };
        let (emulator, _) = start(Programme::default().with_fault("submit", fault)).await;
        let (bytes, end) = raw_submit(&emulator).await;
        assert_eq!(bytes, "");
        match end {
            Ok(()) => assert!(!reset),
            Err(error) => assert_eq!((error.kind(), reset), (ErrorKind::ConnectionReset, true)),
        }
    }
}

#[tokio::test]
async fn http_2_says_what_it_is_told_to_say() {
    let client = client_builder().http2_prior_knowledge().build().unwrap();
    let goaway = |last| Fault {
        last_stream: Some(last),
        ..Fault::new(Do::H2Goaway)
    };
    let cases = [
        (Fault::new(Do::H2RefusedStream), "refused_stream"),
        (goaway(LastStream::Zero), ""),
        (goaway(LastStream::Ours), ""),
    ];
    for (fault, expected) in cases {
        // reqwest itself sends a refused stream once more: every attempt has to meet the fault.
        let (emulator, _) = start(Programme::default().with_fault("submit", fault.clone().times(0))).await;
        let error = try_post(&emulator, &client, HDR, &hdr_body()).await.unwrap_err();
        let text = format!("{error:?}").to_lowercase();
        assert!(!error.is_timeout() && text.contains(expected), "{fault:?}: {text}");
        assert!(emulator.jobs().is_empty());
        assert!(
            emulator
                .requests()
                .iter()
                .all(|request| request.http_version == "HTTP/2.0")
        );
    }
}

#[tokio::test]
async fn a_goaway_names_the_stream_it_should() {
    for (last_stream, expected) in [(LastStream::Zero, 0_u32), (LastStream::Ours, 1)] {
        let fault = Fault {
            last_stream: Some(last_stream),
            ..Fault::new(Do::H2Goaway)
        };
        let (emulator, _) = start(Programme::default().with_fault("submit", fault)).await;
        let mut stream = TcpStream::connect(address(emulator.api_url())).await.unwrap();
        // Preface, empty SETTINGS, and a POST whose header block uses literals only.
        let mut wire = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        let mut block = vec![0x83, 0x86];
        for (index, value) in [(4_u8, HDR), (1, "localhost")] {
            block.extend([index, u8::try_from(value.len()).unwrap()]);
            block.extend(value.as_bytes());
        }
        wire.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
        wire.extend(block);
        stream.write_all(&wire).await.unwrap();
        let mut bytes = Vec::new();
        // A reset after the frame is as good as an end.
        let _ = stream.read_to_end(&mut bytes).await;
        let (mut at, mut named) = (0, None);
        while let Some(&[a, b, c, kind, ..]) = bytes.get(at..at + 9) {
            let len = u32::from_be_bytes([0, a, b, c]) as usize;
            if kind == 7 {
                named = Some(u32::from_be_bytes(bytes[at + 9..at + 13].try_into().unwrap()));
            }
            at += 9 + len;
        }
        assert_eq!(named, Some(expected));
    }
}
