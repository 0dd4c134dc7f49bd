//! The conductor: plays the scenarios of `tests/scenarios` to one performer per language, each against a fresh emulator, and compares what came out.
//!
//! It knows the service only through the emulator and the library only through its performers, so that what it holds is true of every language. It ends
//! with one table, scenarios by languages, and with a failure when one cell of it is not `ok`.
#![forbid(unsafe_code)]

mod canary;
mod counted;
mod ground;
mod judge;
mod performer;
mod scenario;
mod stage;
mod table;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::performer::{Performer, Program};
use crate::scenario::Scenario;
use crate::stage::Places;
use crate::table::{Row, Table};

/// Plays the scenarios to a performer per language and compares what came out.
#[derive(Debug, Parser)]
#[command(name = "conductor")]
struct Arguments {
    /// A performer: `rust=target/debug/performer-rust`, `python=python3 tests/python/performer.py`.
    #[arg(long = "performer", value_name = "LANGUAGE=COMMAND", required = true)]
    performers: Vec<Program>,
    /// Only scenarios whose name holds this text.
    #[arg(long)]
    filter: Option<String>,
    /// Only these languages.
    #[arg(long)]
    language: Vec<String>,
    /// Where the scenarios are.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios"))]
    scenarios: PathBuf,
    /// Where the clips to be uploaded are; the first folder that has one gives it.
    #[arg(long, default_values = [
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/ltx-jobs-cli/assets"),
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/ltx-jobs/tests/media"),
    ])]
    media: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match conduct(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "conductor: {error}");
            ExitCode::from(2)
        }
    }
}

/// Plays everything; whether all was well.
fn conduct(mut arguments: Arguments) -> Result<bool, String> {
    let scenarios = scenario::load(&arguments.scenarios, arguments.filter.as_deref())?;
    if !arguments.language.is_empty() {
        arguments
            .performers
            .retain(|program| arguments.language.contains(&program.language));
    }
    if arguments.performers.is_empty() {
        return Err("none of the performers speaks a language that was asked for".to_owned());
    }
    let whole = |path: &PathBuf| {
        path.canonicalize()
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    let places = Places {
        scenarios: whole(&arguments.scenarios)?,
        media: arguments.media.iter().map(whole).collect::<Result<_, _>>()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let table = runtime.block_on(play(Arc::new(scenarios), arguments.performers, Arc::new(places)))?;
    let _ = write!(std::io::stdout().lock(), "{table}");
    Ok(table.is_all_well())
}

/// One task per language, each through all scenarios in order.
async fn play(scenarios: Arc<Vec<Scenario>>, programs: Vec<Program>, places: Arc<Places>) -> Result<Table, String> {
    let languages: Vec<String> = programs.iter().map(|program| program.language.clone()).collect();
    let tasks: Vec<_> = programs
        .into_iter()
        .map(|program| {
            let (scenarios, places) = (Arc::clone(&scenarios), Arc::clone(&places));
            tokio::spawn(async move {
                let language = program.language.clone();
                let mut performer = Performer::new(program);
                let mut cells = Vec::new();
                for scenario in scenarios.iter() {
                    let cell = stage::play(scenario, &mut performer, &places).await;
                    if let Err(why) = &cell {
                        let _ = writeln!(std::io::stderr(), "{language}: {}: {why}", scenario.name);
                    }
                    cells.push(cell);
                }
                (cells, performer.end().await)
            })
        })
        .collect();
    let mut columns = Vec::new();
    for task in tasks {
        columns.push(
            task.await
                .map_err(|error| format!("a language's task ended: {error}"))?,
        );
    }
    let mut rows: Vec<Row> = Vec::new();
    for (index, scenario) in scenarios.iter().enumerate() {
        let cells = columns.iter().filter_map(|(cells, _)| cells.get(index));
        rows.push(Row {
            name: scenario.name.clone(),
            cells: judge::compare(&languages, cells),
        });
    }
    if columns.iter().any(|(_, last)| last.is_err()) {
        let cells = columns
            .into_iter()
            .map(|(_, last)| last.err().into_iter().collect())
            .collect();
        rows.push(Row {
            name: "(end of the performers)".to_owned(),
            cells,
        });
    }
    Ok(Table { languages, rows })
}
