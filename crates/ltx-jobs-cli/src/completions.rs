//! `ltx-jobs completions`: a script that lets a shell complete commands, endpoints, options and their values.

use clap::CommandFactory as _;
use serde_json::json;

use crate::args::{Cli, CompletionsArgs};
use crate::show::Show;

/// Prints the script, made from the same description as the command line itself.
pub(crate) fn run(args: &CompletionsArgs, show: &Show) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ltx-jobs", &mut script);
    let script = String::from_utf8_lossy(&script);
    // For bash, clap_complete 4.6 writes the dash of our name in two ways: the states that its words lead to are not those that have the options.
    let script = script.replace("ltx__subcmd__jobs", "ltx__jobs");
    show.line(script.trim_end());
    show.event(
        "completions",
        json!({ "shell": args.shell.to_string(), "script": script }),
    );
}
