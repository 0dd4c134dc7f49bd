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
        let mut fields: Vec<(String, Given)> = endpoint
            .fields
            .iter()
            .filter_map(|field| given(endpoint, field, matches).map(|given| (field.name.to_owned(), given)))
            .collect();
        let params = matches.get_many::<(String, Given)>("params").unwrap_or_default();
        fields.extend(params.cloned());
        Ok(Self {
            asked: Asked::new(endpoint.name, fields),
            paid: PaidArgs::from_arg_matches(matches)?,
            run: RunArgs::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn subcommand(endpoint: &Endpoint) -> Command {
    let mut command = Command::new(endpoint.name).next_help_heading("Request");
    if let Some(alias) = endpoint.alias {
        command = command.visible_alias(alias);
    }
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
    let params = Arg::new("params")
        .long("param")
        .value_name("KEY=VALUE")
        .action(clap::ArgAction::Append)
        .value_parser(ValueParser::new(values::parameter))
        .help("Any other field by the service's name; the value is JSON, or else text, or @PATH to upload. May be repeated");
    let command = command.arg(params).next_help_heading(None::<&str>);
    // Last: the others bring their own.
    PaidArgs::augment_args(RunArgs::augment_args(command)).about(endpoint.about)
}

fn flag(field: &Field) -> Arg {
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

fn given(endpoint: &Endpoint, field: &Field, matches: &ArgMatches) -> Option<Given> {
    if field.kind != Kind::Media {
        return matches.get_one::<Value>(field.name).cloned().map(Given::Value);
    }
    let positional = (endpoint.input == Some(field.name))
        .then(|| matches.get_one::<OsString>(INPUT))
        .flatten();
    let text = positional.or_else(|| matches.get_one::<OsString>(field.name))?;
    Some(values::media(text))
}
