//! The `ltx-jobs` command as a library, so that other packages can carry the same command.
//!
//! [`run`] takes the arguments and gives the exit code. It writes to standard output and standard error, listens for Ctrl-C while it runs, and
//! leaves nothing running behind.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod args;
mod asked;
mod batch;
mod check;
mod completions;
mod demo;
mod emulate;
mod endpoints;
mod estimate;
mod exit;
mod fetch;
mod frames;
mod go_on;
mod interrupt;
mod job;
mod jobs;
mod log;
mod moving;
mod order;
mod pace;
mod recover;
#[cfg(feature = "rehost")]
mod rehost;
mod report;
mod resolve;
mod schema;
mod show;
mod speed;
mod status;
mod upload;

use std::ffi::OsString;
use std::io::Write as _;
use std::time::Duration;

use clap::Parser as _;
use ltx_jobs::ErrorKind;

use crate::args::{Cli, Command};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::order::Order;
use crate::show::Show;

/// How long threads get that hang in the operating system, before the process ends without them.
const LAST_MOMENT: Duration = Duration::from_millis(500);

/// Runs the command; `args` begins with the program's name, like [`std::env::args_os`]. Gives back the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(answer) => return usage(&answer, args.iter().any(|arg| arg == "--json")),
    };
    let show = Show::new(cli.global.json, cli.global.quiet);
    let ended = start_logging(&cli, &show).and_then(|()| in_runtime(&cli, &show));
    show.clear();
    match ended {
        Ok(()) => exit::DONE,
        Err(failure) => {
            show.failure(&failure);
            failure.code()
        }
    }
}

/// Help and version are answers, everything else is a mistake, which programs are told too.
fn usage(answer: &clap::Error, json: bool) -> u8 {
    if json && answer.use_stderr() {
        let text = answer.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Show::new(true, false).error_event(&ltx_jobs::Error::from_face(ErrorKind::InvalidRequest, message), None);
    }
    // A reader that went away is nobody to tell.
    drop(answer.print());
    drop(std::io::stdout().flush());
    if answer.use_stderr() { exit::USAGE } else { exit::DONE }
}

fn start_logging(cli: &Cli, show: &Show) -> Result<(), Failure> {
    let wish = log::Wish::of(cli.global.logging()).map_err(|why| Failure::new(ErrorKind::Config, why))?;
    let writer = show.log_writer();
    wish.install(show.may_draw(), move || writer.clone());
    Ok(())
}

fn in_runtime(cli: &Cli, show: &Show) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.global.settings.worker_threads())
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ErrorKind::Io, format!("no threads can be started: {error}")))?;
    let ended = runtime.block_on(dispatch(cli, show));
    runtime.shutdown_timeout(LAST_MOMENT);
    ended
}

async fn dispatch(cli: &Cli, show: &Show) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()
        .map_err(|error| Failure::new(ErrorKind::Io, format!("Ctrl-C cannot be listened for: {error}")))?;
    let settings = &cli.global.settings;
    match &cli.command {
        Command::Demo(args) => demo::run(args, settings, show, &mut interrupt).await,
        Command::Endpoint(args) => order::run(&Order::of_endpoint(args), settings, show, &mut interrupt).await,
        Command::Submit(args) => order::run(&Order::of_submit(args), settings, show, &mut interrupt).await,
        Command::Batch(args) => batch::run(args, settings, show, &mut interrupt).await,
        Command::Estimate(args) => estimate::run(args, settings, show, &mut interrupt).await,
        Command::Upload(args) => upload::run(args, settings, show, &mut interrupt).await,
        Command::Wait(args) => fetch::wait(args, settings, show, &mut interrupt).await,
        Command::Status(args) => status::run(args, settings, show, &mut interrupt).await,
        Command::Download(args) => fetch::download(args, settings, show, &mut interrupt).await,
        Command::Frames(args) => frames::run(args, settings, show, &mut interrupt).await,
        #[cfg(feature = "rehost")]
        Command::Rehost(args) => rehost::run(args, settings, show, &mut interrupt).await,
        Command::Jobs(args) => jobs::run(args, settings, show, &mut interrupt).await,
        Command::Recover(args) => recover::run(args, settings, show, &mut interrupt).await,
        Command::Resolve(args) => resolve::run(args, settings, show, &mut interrupt).await,
        Command::Emulate(args) => emulate::run(args, show, &mut interrupt).await,
        Command::Schema(args) => schema::run(args, show),
        Command::Completions(args) => {
            completions::run(args, show);
            Ok(())
        }
        Command::Check => check::run(settings, show, &mut interrupt).await,
    }
}
