//! The service, in a process of its own.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use ltx_jobs_emulator::{Emulator, Programme, serve_as_child};
use serde::Deserialize;

/// No job ends before the bench does.
const PROGRAMME: &str = "[job]\nadvance = \"clock\"\npending_ms = 0\nprocessing_ms = 86400000\n";

/// What the child process does.
pub(crate) fn serve(tls: bool) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let builder = Emulator::builder().programme(Programme::from_toml(PROGRAMME)?).tls(tls);
    Ok(runtime.block_on(serve_as_child(builder, &mut std::io::stdout()))?)
}

/// Where it is to be found.
#[derive(Debug, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) api_url: String,
    pub(crate) api_key: String,
    pub(crate) ca_bundle: Option<String>,
}

/// The child process; ends with its value.
pub(crate) struct Service {
    pub(crate) addresses: Addresses,
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Service {
    pub(crate) fn start(tls: bool) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["service", if tls { "tls" } else { "plain" }])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = process.stdin.take();
        let output = process.stdout.take().ok_or("the service has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self {
            addresses: serde_json::from_str(&line)?,
            process,
            stdin,
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It ends when its standard input does.
        self.stdin = None;
        let _ = self.process.wait();
    }
}
