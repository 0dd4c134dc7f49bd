//! Measures the memory a download takes: `peak URL KEY DEST [keep]` submits a job, waits, saves everything (archives as they are with `keep`), and prints
//! the peak of the resident memory before and after the download as one line of JSON.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use ltx_jobs::{ArchiveMode, Client, Request};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, key, dest, mode) = match arguments.as_slice() {
        [url, key, dest] => (url, key, dest, ArchiveMode::Unpack),
        [url, key, dest, keep] if keep == "keep" => (url, key, dest, ArchiveMode::Keep),
        _ => return Err("usage: peak URL KEY DEST [keep]".into()),
    };
    download(url, key, dest, mode).await
}

async fn download(url: &str, key: &str, dest: &str, mode: ArchiveMode) -> Result<(), Box<dyn Error>> {
    let client = Client::builder()
        .base_url(url)
        .api_key(key)
        .poll_interval(Duration::from_millis(20))
        .build()?;
    let request = Request::raw(
        "video-to-video-hdr",
        json!({"video_uri": "https://cdn.example.com/input.mp4"}),
    )?;
    let done = client.submit(request).await?.wait().await?;
    let before = kibibytes("VmHWM:")?;
    let saved = done.download(dest).archive(mode).await?;
    let after = kibibytes("VmHWM:")?;
    let report = json!({"files": saved.paths.len(), "bytes": saved.bytes, "seconds": saved.elapsed.as_secs_f64(), "before_kib": before, "after_kib": after});
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// A line of `/proc/self/status`.
fn kibibytes(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .ok_or("there is no such line in /proc/self/status")?;
    Ok(line
        .split_whitespace()
        .nth(1)
        .ok_or("the line has no number")?
        .parse()?)
}
