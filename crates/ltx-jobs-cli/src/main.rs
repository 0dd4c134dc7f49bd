//! The `ltx-jobs` command; everything is in the library, which other packages carry too.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ltx_jobs_cli::run(std::env::args_os()))
}
