//! A clip becomes HDR: EXR frames and a video in a directory.
//!
//! `LTXV_API_KEY=... cargo run --example hdr -- plate.mp4 shots/010`
//!
//! Shows progress, survives a bad network, and says what to do when something goes wrong. Without a key: `ltx-jobs emulate`, and `LTX_BASE_URL` as it says.
#![allow(clippy::print_stdout, clippy::print_stderr)] // An example talks to its user.

use std::future::IntoFuture;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ltx_jobs::{Client, Colorspace, Media, Operation, VideoToVideoHdr};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(clip), Some(directory)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: hdr CLIP DIRECTORY");
        return ExitCode::from(2);
    };
    match run(clip, directory).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(clip: PathBuf, directory: PathBuf) -> ltx_jobs::Result<()> {
    let client = Client::from_env()?;

    let request = VideoToVideoHdr::new(Media::file(clip)).output_colorspace(Colorspace::AcesCg);
    let job = client.submit(request).await?;
    println!("submitted {}", job.reference());

    let done = watched(job.wait().timeout(Duration::from_secs(1800)).start()).await?;
    let saved = watched(done.download(&directory).start()).await?;
    println!(
        "{} files, {} bytes in {}",
        saved.paths.len(),
        saved.bytes,
        directory.display()
    );
    Ok(())
}

/// Awaits an operation and shows, twice a second, how far it is.
async fn watched<T: Send + 'static>(operation: Operation<T>) -> ltx_jobs::Result<T> {
    let mut running = operation.clone().into_future();
    loop {
        tokio::select! {
            outcome = &mut running => return outcome,
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                let progress = operation.snapshot();
                let status = progress.status.map(|status| status.to_string()).unwrap_or_default();
                println!("{} {status} {} bytes, {} frames, {:.0?}", progress.phase.name(), progress.bytes_done, progress.frames_done, progress.elapsed);
            }
        }
    }
}
