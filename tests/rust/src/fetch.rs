//! A download in a process of its own, to be killed: `fetch URL KEY JOB DEST CONNECTIONS` waits for a job that exists and saves its outputs, archives as
//! they are.
#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use ltx_jobs::{ArchiveMode, Client, JobRef};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, key, job, dest, connections] = arguments.as_slice() else {
        return Err("usage: fetch URL KEY JOB DEST CONNECTIONS".into());
    };
    let client = Client::builder()
        .base_url(url)
        .api_key(key.as_str())
        .without_journal()
        .poll_interval(Duration::from_millis(5))
        .build()?;
    let done = client.job(job.parse::<JobRef>()?)?.wait().await?;
    let connections = connections.parse()?;
    done.download(dest)
        .archive(ArchiveMode::Keep)
        .connections(connections)
        .await?;
    Ok(())
}
