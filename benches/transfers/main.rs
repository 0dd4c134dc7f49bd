//! One transfer by the library, as a Rust program would ask for it, and what it cost: the contender that `compare.py` runs beside the others.
//!
//! The settings come from the environment, as everywhere (`LTX_BASE_URL`, `LTX_API_KEY`, `LTX_CA_BUNDLE`). What is measured begins before the client is
//! built and ends when the result is there; it is printed as one line of JSON.
#![forbid(unsafe_code)]

#[path = "../polling/process.rs"]
#[allow(dead_code)]
mod process;

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use ltx_jobs::{Client, Media};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Saves the outputs of a completed job.
    Download { job: String, dest: PathBuf },
    /// Reads one frame out of the archive on the storage, and writes it to a file.
    Frame { job: String, index: usize, path: PathBuf },
    /// Sends a file to the storage.
    Upload { file: PathBuf },
    /// Asks for the state of so many jobs, one after the other, over one warm connection: one small GET each.
    Ask { jobs: String, times: u32 },
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let measured = runtime.block_on(measure(arguments.what))?;
    Ok(writeln!(std::io::stdout(), "{measured}")?)
}

async fn measure(what: What) -> Result<serde_json::Value, Box<dyn Error>> {
    let mut began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let mut clock = (Instant::now(), process::processor_time());
    let client = Client::builder().environment().build()?;
    match what {
        What::Download { job, dest } => {
            let done = client.job(job.parse()?)?.wait().await?;
            done.download(dest).await?;
        }
        What::Frame { job, index, path } => {
            let done = client.job(job.parse()?)?.wait().await?;
            let frames = done.frames().await?;
            std::fs::write(path, frames.read(index).await?)?;
        }
        What::Upload { file } => {
            client.upload(Media::file(file)).await?;
        }
        What::Ask { jobs, times } => {
            // Another job each time: one that was asked for a moment ago is answered from memory.
            client.job(format!("{jobs}0").parse()?)?.poll().await?;
            began = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
            clock = (Instant::now(), process::processor_time());
            for number in 1..=times {
                client.job(format!("{jobs}{number}").parse()?)?.poll().await?;
            }
        }
    }
    let (begun_at, used_before) = clock;
    Ok(serde_json::json!({
        "began": began,
        "seconds": begun_at.elapsed().as_secs_f64(),
        "cpu": process::processor_time().saturating_sub(used_before).as_secs_f64(),
    }))
}
