//! Measures the memory that streaming frames takes: `peak-frames URL KEY` submits a job, waits, reads every frame of it once, in order, and prints the peak
//! of the resident memory before and after as one line of JSON.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ltx_jobs::{Client, Request};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, key] = arguments.as_slice() else {
        return Err("usage: peak-frames URL KEY".into());
    };
    let client = Client::builder()
        .base_url(url)
        .api_key(key.as_str())
        .without_journal()
        .poll_interval(Duration::from_millis(20))
        .build()?;
    let request = Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    )?;
    let done = client.submit(request).await?.wait().await?;
    let before = peak_kibibytes()?;
    let began = Instant::now();
    let frames = done.frames().await?;
    let mut stream = frames.stream().start();
    let (mut count, mut bytes, mut first) = (0_u64, 0_u64, None);
    while let Some(frame) = stream.next().await {
        let frame = frame?;
        first.get_or_insert_with(|| began.elapsed());
        count += 1;
        bytes += frame.bytes.len() as u64;
    }
    let report = json!({
        "frames": count,
        "bytes": bytes,
        "first_frame_seconds": first.unwrap_or_default().as_secs_f64(),
        "seconds": began.elapsed().as_secs_f64(),
        "before_kib": before,
        "after_kib": peak_kibibytes()?,
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// The peak of the resident memory, from `/proc/self/status`.
fn peak_kibibytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .ok_or("there is no peak in /proc/self/status")?;
    Ok(line
        .split_whitespace()
        .nth(1)
        .ok_or("the line has no number")?
        .parse()?)
}
