//! What waiting for thousands of jobs costs: all of them polled by one client in one process, the service in another.
//!
//! Each line is measured in a process of its own, so that memory and processor time are the client's alone; it starts the emulator as a child. The jobs do
//! not end meanwhile. How late a poll is tells the client itself, in the log event of each poll: the time from the moment for which the poll was planned, its
//! jitter included, to the moment at which it was sent.
#![forbid(unsafe_code)]

mod measure;
mod process;
mod service;

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, Stdio};

use clap::{Parser, Subcommand};

use crate::measure::Measured;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    load: Load,
}

/// What the processes of this bench are; without one, all of it is run.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true)]
    Service { line: String },
    #[command(hide = true)]
    Client { line: String },
}

/// How much of it.
#[derive(Debug, Clone, clap::Args)]
struct Load {
    /// Jobs on the one client.
    #[arg(long, default_value_t = 10_000, global = true)]
    jobs: usize,
    /// Seconds between two polls of a job.
    #[arg(long, default_value_t = 5.0, global = true)]
    interval: f64,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 60.0, global = true)]
    seconds: f64,
}

const LINES: [&str; 2] = ["plain", "tls"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    match &arguments.role {
        Some(Role::Service { line }) => service::serve(line == "tls"),
        Some(Role::Client { line }) => {
            let measured = measure::run(line == "tls", &arguments.load)?;
            Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(&measured)?)?)
        }
        None => run_all(&arguments.load),
    }
}

fn run_all(load: &Load) -> Result<(), Box<dyn Error>> {
    let mut table = format!(
        "{} jobs, each polled every {} s, for {} s\n\n",
        load.jobs, load.interval, load.seconds
    );
    table.push_str("| line | polls/s | of those due | late p50 | late p99 | latest | CPU s per 1,000 polls | RSS before, with jobs, at the end | connections |\n");
    table.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for line in LINES {
        let output = Command::new(std::env::current_exe()?)
            .args(["client", line])
            .args(["--jobs", &load.jobs.to_string()])
            .args(["--interval", &load.interval.to_string()])
            .args(["--seconds", &load.seconds.to_string()])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("the client over {line} ended with {}", output.status).into());
        }
        let measured: Measured = serde_json::from_slice(&output.stdout)?;
        table.push_str(&measured.row(line, load));
    }
    Ok(std::io::stdout().write_all(table.as_bytes())?)
}
