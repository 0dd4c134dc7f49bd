//! A subcommand for every endpoint, made from the table of endpoints.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgGroup, ArgMatches, Args as _, Command, FromArgMatches, Subcommand};
use serde_json::Value;

use super::values;
use super::{PaidArgs, RunArgs};
use crate::asked::{Asked, Given};
use crate::endpoints::{ENDPOINTS, Endpoint, Field, Kind, named};

/// The id of the media input that has no flag.
const INPUT: &str = "input";

/// An endpoint's subcommand as it was typed.
#[derive(Debug)]
pub(crate) struct EndpointArgs {
    pub(crate) asked: Asked,
    pub(crate) paid: PaidArgs,
    pub(crate) run: RunArgs,
}

impl Subcommand for EndpointArgs {
    fn augment_subcommands(command: Command) -> Command {
        ENDPOINTS
            .iter()
            .fold(command, |command, endpoint| command.subcommand(subcommand(endpoint)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        named(name).is_some()
    }
}

impl FromArgMatches for EndpointArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let unknown = || clap::Error::new(clap::error::ErrorKind::InvalidSubcommand);
        let (name, matches) = matches.subcommand().ok_or_else(unknown)?;
        let endpoint = named(name).ok_or_else(unknown)?;
        let mut fields = given_fields(endpoint, matches);
        let input = endpoint
            .input
            .and_then(|field| Some((field, matches.get_one::<OsString>(INPUT)?)));
        fields.extend(input.map(|(field, text)| (field.to_owned(), values::media(text))));
        let paid = PaidArgs::from_arg_matches(matches)?;
        Ok(Self {
            asked: Asked::new(endpoint.name, fields).at(paid.path.clone()),
            paid,
            run: RunArgs::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn subcommand(endpoint: &Endpoint) -> Command {
    let mut command = named_command(endpoint);
    for field in endpoint.fields {
        command = command.arg(flag(field));
        if endpoint.input == Some(field.name) {
            let input = Arg::new(INPUT)
                .value_name(field.value)
                .value_parser(clap::value_parser!(OsString))
                .help(format!(
                    "{}: a local file, which is uploaded, or an https:, data: or ltx:// address",
                    field.help
                ))
                .help_heading(None::<&str>);
            let either = ArgGroup::new("media").args([INPUT, field.name]).required(true);
            command = command.arg(input).group(either);
        }
    }
    let command = command.arg(params()).next_help_heading(None::<&str>);
    // Last: the others bring their own.
    PaidArgs::augment_args(RunArgs::augment_args(command)).about(endpoint.about)
}

/// The subcommand without its arguments; the next ones describe the request.
pub(super) fn named_command(endpoint: &Endpoint) -> Command {
    let command = Command::new(endpoint.name).next_help_heading("Request");
    match endpoint.alias {
        Some(alias) => command.visible_alias(alias),
        None => command,
    }
}

/// `--param`, for whatever has no flag.
pub(super) fn params() -> Arg {
    Arg::new("params")
        .long("param")
        .value_name("KEY=VALUE")
        .action(clap::ArgAction::Append)
        .value_parser(ValueParser::new(values::parameter))
        .help("Any other field by the service's name; the value is JSON, or else text, or @PATH to upload. May be repeated")
}

/// One field as a flag.
pub(super) fn flag(field: &Field) -> Arg {
    let parser = match field.kind {
        Kind::Media => clap::value_parser!(OsString),
        Kind::Text => ValueParser::new(|text: &str| Ok::<Value, String>(Value::String(text.to_owned()))),
        Kind::Number => ValueParser::new(values::number),
        Kind::NumberOrAuto => ValueParser::new(values::number_or_auto),
        Kind::Switch => ValueParser::new(values::switch),
        Kind::Object => ValueParser::new(values::object),
    };
    let help = if field.required {
        format!("{} [required]", field.help)
    } else {
        field.help.to_owned()
    };
    Arg::new(field.name)
        .long(field.flag())
        .alias(field.name)
        .value_name(field.value)
        .value_parser(parser)
        // A number below zero is the service's to refuse, not an unknown flag.
        .allow_negative_numbers(matches!(field.kind, Kind::Number | Kind::NumberOrAuto))
        .help(help)
}

/// What was given with flags, `--param` included.
pub(super) fn given_fields(endpoint: &Endpoint, matches: &ArgMatches) -> Vec<(String, Given)> {
    let given = |field: &Field| match field.kind {
        Kind::Media => matches.get_one::<OsString>(field.name).map(|text| values::media(text)),
        _ => matches.get_one::<Value>(field.name).cloned().map(Given::Value),
    };
    let flags = endpoint
        .fields
        .iter()
        .filter_map(|field| given(field).map(|given| (field.name.to_owned(), given)));
    let params = matches.get_many::<(String, Given)>("params").unwrap_or_default();
    flags.chain(params.cloned()).collect()
}
