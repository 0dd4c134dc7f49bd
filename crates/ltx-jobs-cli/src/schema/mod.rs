//! `ltx-jobs schema`: what a command prints with `--json`, as a JSON schema of one of its lines.
//!
//! `events.json` describes every line that can be; the table here says which of them each command prints. The tests hold everything they make the command
//! print against it.

use serde_json::{Map, Value, json};

use crate::args::SchemaArgs;
use crate::endpoints::named;
use crate::exit::Failure;
use crate::show::Show;
use ltx_jobs::ErrorKind;

const EVENTS: &str = include_str!("events.json");

/// The schema of a line of a list, as it is published.
pub(crate) const LINE: &str = include_str!("line.json");

/// What may be printed whatever the command.
const ALWAYS: [&str; 3] = ["error", "progress", "interrupted"];

/// A paid submit and what follows.
const ORDER: &[&str] = &["submitted", "completed", "saved", "dry_run", "stopping"];

/// Which lines each command prints, besides those of [`ALWAYS`].
const COMMANDS: &[(&str, &[&str])] = &[
    ("demo", &["submitted", "saved", "demo"]),
    ("submit", ORDER),
    (
        "batch",
        &[
            "bad_line",
            "item",
            "batch",
            "stopping",
            "line_estimate",
            "list_estimate",
            "schema",
        ],
    ),
    ("estimate", &["estimate"]),
    ("upload", &["uploaded"]),
    ("wait", &["completed", "saved"]),
    ("status", &["status", "raw_status", "submit_status"]),
    ("download", &["saved"]),
    ("frames", &["frame", "frames", "published", "saved", "saved_frame"]),
    ("rehost", &["rehosted"]),
    ("jobs", &["job"]),
    (
        "recover",
        &["to_fetch", "unknown", "other_key", "completed", "saved", "recover"],
    ),
    ("resolve", &["resolved"]),
    ("emulate", &["addresses"]),
    ("check", &["checked"]),
    ("schema", &["schema"]),
    ("completions", &["completions"]),
];

/// Prints the schema.
pub(crate) fn run(args: &SchemaArgs, show: &Show) -> Result<(), Failure> {
    let schema = of(args.command.as_deref()).ok_or_else(|| {
        let name = args.command.as_deref().unwrap_or_default();
        let text = format!("{name:?} is no command that prints lines of JSON; `ltx-jobs --help` lists the commands");
        Failure::new(ErrorKind::InvalidRequest, text)
    })?;
    show.line(&format!("{schema:#}"));
    show.event("schema", json!({ "schema": schema }));
    Ok(())
}

/// The names of the lines that a command prints; of all commands without a name.
fn lines(command: Option<&str>) -> Option<Vec<&'static str>> {
    let mut lines: Vec<&str> = ALWAYS.to_vec();
    match command {
        None => lines.extend(COMMANDS.iter().flat_map(|(_, lines)| *lines)),
        Some(name) if named(name).is_some() => lines.extend(ORDER),
        Some(name) => lines.extend(COMMANDS.iter().find(|(known, _)| *known == name)?.1),
    }
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(*line));
    Some(lines)
}

/// The schema of one line of a command's output.
pub(crate) fn of(command: Option<&str>) -> Option<Value> {
    let lines = lines(command)?;
    let mut all: Value = serde_json::from_str(EVENTS).unwrap_or_default();
    let dialect = all["$schema"].take();
    let mut defs: Map<String, Value> = match all["$defs"].take() {
        Value::Object(defs) => defs,
        _ => Map::new(),
    };
    // What errors and items are made of is in all of them.
    defs.retain(|name, _| name == "error_fields" || lines.contains(&name.as_str()));
    let choices: Vec<Value> = lines
        .iter()
        .map(|line| json!({ "$ref": format!("#/$defs/{line}") }))
        .collect();
    let what = command.map_or_else(|| "a command".to_owned(), |name| format!("`ltx-jobs {name}`"));
    Some(json!({
        "$schema": dialect,
        "title": format!("A line that {what} prints with --json"),
        "description": "Which one it is stands in the field `event`. Later versions may add fields and events; none is taken away or changes its meaning.",
        "anyOf": choices,
        "$defs": defs,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use crate::args::Cli;
    use crate::endpoints::ENDPOINTS;

    /// Every command that has a schema, the endpoints by their names.
    fn commands() -> impl Iterator<Item = &'static str> {
        let endpoints = ENDPOINTS.iter().map(|endpoint| endpoint.name);
        COMMANDS.iter().map(|(name, _)| *name).chain(endpoints)
    }

    #[test]
    fn every_command_has_a_schema_and_every_line_a_command() {
        let known: BTreeSet<&str> = commands().collect();
        let cli = Cli::command();
        let offered: BTreeSet<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        let described: BTreeSet<&str> = known
            .iter()
            .copied()
            .filter(|name| cfg!(feature = "rehost") || *name != "rehost")
            .collect();
        assert_eq!(described, offered);
        let all: Value = serde_json::from_str(EVENTS).unwrap();
        let lines: BTreeSet<&str> = all["$defs"].as_object().unwrap().keys().map(String::as_str).collect();
        let used: BTreeSet<&str> = lines_of_all().into_iter().chain(["error_fields"]).collect();
        assert_eq!(used, lines);
    }

    fn lines_of_all() -> Vec<&'static str> {
        super::lines(None).unwrap()
    }

    #[test]
    fn every_schema_is_one() {
        for name in commands().map(Some).chain([None, Some("hdr")]) {
            let schema = of(name).unwrap();
            jsonschema::validator_for(&schema).unwrap();
            assert!(jsonschema::meta::is_valid(&schema), "{name:?}");
        }
        assert_eq!(of(Some("no-such-command")), None);
    }
}
