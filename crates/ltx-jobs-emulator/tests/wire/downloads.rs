//! The storage origin as Google's would answer.

use std::io::{Cursor, Read as _};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;

use super::*;

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .unwrap()
}

async fn ranged(client: &Client, url: &str, range: &str) -> Response {
    client.get(url).header("range", range).send().await.unwrap()
}

#[tokio::test]
async fn an_archive_arrives_with_the_hashes_it_announces_and_the_artifact_list_knows() {
    let (emulator, client) = start(Programme::default()).await;
    let url = result_url(&emulator, &client, "exr_frames_url").await;
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "application/zip");
    assert!(header(&answer, "etag").starts_with('"'));
    assert!(answer.headers().contains_key("x-goog-generation") && answer.headers().contains_key("last-modified"));
    let hashes = header(&answer, "x-goog-hash").to_owned();
    let bytes = answer.bytes().await.unwrap();
    let crc = STANDARD.encode(crc32c::crc32c(&bytes).to_be_bytes());
    let md5 = STANDARD.encode(<md5::Md5 as sha2::Digest>::digest(&bytes));
    assert_eq!(hashes, format!("crc32c={crc},md5={md5}"));

    let artifacts = emulator.artifacts().await.unwrap();
    assert_eq!(
        artifacts
            .iter()
            .map(|artifact| artifact.label.as_str())
            .collect::<Vec<_>>(),
        ["exr_frames_url", "video_url"]
    );
    assert_eq!(artifacts[0].length, bytes.len() as u64);
    assert_eq!(artifacts[0].crc32c, format!("{:08x}", crc32c::crc32c(&bytes)));
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    assert_eq!(zip.len(), artifacts[0].members.len());
    for (index, member) in artifacts[0].members.iter().enumerate() {
        let mut content = Vec::new();
        zip.by_index(index).unwrap().read_to_end(&mut content).unwrap();
        let sha256 = <sha2::Sha256 as sha2::Digest>::digest(&content);
        let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (member.length, &member.sha256),
            (content.len() as u64, &sha256),
            "{}",
            member.name
        );
    }
}

#[tokio::test]
async fn ranges_are_parts_of_the_whole() {
    let (emulator, client) = start(Programme::default()).await;
    let url = result_url(&emulator, &client, "exr_frames_url").await;
    let whole = client.get(&url).send().await.unwrap().bytes().await.unwrap();
    let len = whole.len();
    let cases = [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=100-5000".to_owned(), 100, 5_001),
        (format!("bytes={}-", len - 7), len - 7, len),
        ("bytes=-1000".to_owned(), len - 1_000, len),
        (format!("bytes=5-{}", len * 2), 5, len),
    ];
    for (range, start, end) in cases {
        let answer = ranged(&client, &url, &range).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(
            header(&answer, "content-range"),
            format!("bytes {start}-{}/{len}", end - 1)
        );
        assert_eq!(header(&answer, "content-length"), (end - start).to_string());
        assert_eq!(answer.bytes().await.unwrap(), whole.slice(start..end), "{range}");
    }
    let beyond = ranged(&client, &url, &format!("bytes={len}-")).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&beyond, "content-range"), format!("bytes */{len}"));
}

#[tokio::test]
async fn if_range_gives_the_part_only_while_the_object_is_the_same() {
    let (emulator, client) = start(Programme::default()).await;
    let url = result_url(&emulator, &client, "video_url").await;
    let first = client.get(&url).send().await.unwrap();
    let (etag, date) = (
        header(&first, "etag").to_owned(),
        header(&first, "last-modified").to_owned(),
    );
    for (validator, status) in [(etag.as_str(), 206), (date.as_str(), 206), ("\"other\"", 200)] {
        let request = client
            .get(&url)
            .header("range", "bytes=5-9")
            .header("if-range", validator);
        assert_eq!(request.send().await.unwrap().status(), status, "{validator}");
    }
}

#[tokio::test]
async fn what_the_storage_can_do_can_be_switched_off() {
    let text = "[storage]\nranges = false\netag = false\ngoog_hash = false\ngeneration = false\nlast_modified = false";
    let (emulator, client) = toml(text).await;
    let url = result_url(&emulator, &client, "video_url").await;
    let answer = ranged(&client, &url, "bytes=0-9").await;
    assert_eq!(answer.status(), StatusCode::OK);
    for name in [
        "etag",
        "x-goog-hash",
        "x-goog-generation",
        "last-modified",
        "accept-ranges",
    ] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    emulator
        .reset(Programme::from_toml("[storage]\nsuffix_ranges = false\ngoog_hash = 'md5'").unwrap())
        .unwrap();
    let url = result_url(&emulator, &client, "video_url").await;
    assert_eq!(ranged(&client, &url, "bytes=-9").await.status(), StatusCode::OK);
    let answer = ranged(&client, &url, "bytes=0-8").await;
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    assert!(header(&answer, "x-goog-hash").starts_with("md5="));
}

#[tokio::test]
async fn a_url_works_for_get_only_untouched_unexpired_and_without_a_bearer_token() {
    let (emulator, client) = start(Programme::default()).await;
    let url = result_url(&emulator, &client, "video_url").await;
    assert_eq!(client.head(&url).send().await.unwrap().status(), 403);
    assert_eq!(
        client
            .get(url.replace("video.mp4", "exr_frames.zip"))
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    assert_eq!(
        client
            .get(url.split('?').next().unwrap())
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    let mixed = client.get(&url).bearer_auth("emulator-key").send().await.unwrap();
    assert_eq!(mixed.status(), 400);
    assert!(emulator.requests().last().unwrap().header("authorization").is_some());
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    emulator.advance(Duration::from_secs(86_401));
    let late = client.get(&url).send().await.unwrap();
    assert_eq!(late.status(), 400);
    assert!(late.text().await.unwrap().contains("<Code>ExpiredToken</Code>"));
}

#[tokio::test]
async fn every_poll_signs_anew() {
    let (emulator, client) = start(Programme::default()).await;
    let (id, state) = complete_hdr(&emulator, &client).await;
    assert_ne!(poll_hdr(&emulator, &client, &id).await["result"], state["result"]);
}

#[tokio::test]
async fn a_rate_holds_per_connection() {
    let (emulator, client) = toml("[storage]\nrate = 40000").await;
    let url = result_url(&emulator, &client, "video_url").await;
    let start = Instant::now();
    let len = client.get(&url).send().await.unwrap().bytes().await.unwrap().len();
    let least = Duration::from_secs_f64(len as f64 / 40_000.0);
    assert!(
        start.elapsed() >= least,
        "{len} bytes in {:?}, least {least:?}",
        start.elapsed()
    );
}

#[tokio::test]
#[ignore = "moves 2 GB: cargo test -- --ignored"]
async fn two_gigabytes_are_streamed_in_flat_memory() {
    let text =
        "[archive]\nframes = 160\nwidth = 1920\nheight = 1080\ncompression = 'none'\n[storage]\ngoog_hash = 'crc32c'";
    let (emulator, client) = toml(text).await;
    let url = result_url(&emulator, &client, "exr_frames_url").await;
    let client = client_builder().timeout(Duration::from_secs(600)).build().unwrap();
    let before = peak_rss_kib();
    let start = Instant::now();
    let answer = client.get(&url).send().await.unwrap();
    let announced = header(&answer, "x-goog-hash").to_owned();
    let first = start.elapsed();
    let (mut crc, mut len) = (0, 0);
    let mut body = answer.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.unwrap();
        crc = crc32c::crc32c_append(crc, &chunk);
        len += chunk.len();
    }
    let seconds = (start.elapsed() - first).as_secs_f64();
    let grown = peak_rss_kib().saturating_sub(before) / 1024;
    println!(
        "{len} bytes: headers after {first:?}, then {:.0} MB/s, peak RSS +{grown} MiB",
        len as f64 / seconds / 1e6
    );
    assert!(len > 1_900_000_000);
    assert_eq!(announced, format!("crc32c={}", STANDARD.encode(crc.to_be_bytes())));
    assert!(grown < 64, "{grown} MiB");
}

fn peak_rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
