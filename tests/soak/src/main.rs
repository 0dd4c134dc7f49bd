//! A film under the worst of circumstances: a batch against the emulator, which fails in every way at random, in a process that is killed and started
//! again, until every item is settled. At the end an account is made of what was asked for, what the service made, what the journal says and what is on
//! the disk: nothing lost, nothing doubled, no growth. Whatever does not hold ends it with an error.
//!
//! Three processes play: this one starts and kills (`driver`) and makes the account (`account`); the service (`service`) carries out a schedule of faults
//! (`schedule`); the worker (`worker`) runs the batch, and says how it is (`usage`). The schedule follows from a seed, which is printed; what a kill meets does not.
#![forbid(unsafe_code)]

mod account;
mod driver;
mod film;
mod schedule;
mod service;
mod usage;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A batch under faults and kills, with an account at its end.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    wish: Wish,
}

/// What the processes of a soak are; without one, all of it is run.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true)]
    Service { orders: String },
    #[command(hide = true)]
    Worker { orders: String },
}

/// How much of it.
#[derive(Debug, Clone, clap::Args)]
struct Wish {
    /// Jobs of the film.
    #[arg(long, default_value_t = 2000)]
    jobs: u32,
    /// Minutes of faults; the rest is finished in peace.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// The seed of the schedule; a random one when missing.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprint(&format!("soak: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all held.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    match &arguments.role {
        Some(Role::Service { orders }) => service::serve(&serde_json::from_str(orders)?).map(|()| true),
        Some(Role::Worker { orders }) => worker::work(&serde_json::from_str(orders)?).map(|()| true),
        None => {
            let seed = arguments.wish.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
            driver::soak(arguments.wish.jobs, arguments.wish.minutes, seed)
        }
    }
}

fn print(line: &str) {
    use std::io::Write as _;
    // Nobody who reads it, nothing to say.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn eprint(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
