//! The emulator in a process of its own, for tests that look at a whole process: its memory, or everything it logs.
//! `emulator-child PROGRAMME [tls]` prints one line of JSON with its addresses and ends when its standard input ends.
#![forbid(unsafe_code)]

use std::error::Error;

use ltx_jobs_emulator::{Emulator, Programme, serve_as_child};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let programme = Programme::from_toml(&arguments.next().unwrap_or_default())?;
    let tls = arguments.next().as_deref() == Some("tls");
    let builder = Emulator::builder().programme(programme).tls(tls);
    Ok(serve_as_child(builder, &mut std::io::stdout()).await?)
}
