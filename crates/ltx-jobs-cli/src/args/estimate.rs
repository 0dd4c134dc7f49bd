//! `estimate`: each endpoint of the table with the flags it has where it is submitted, and any other by its name.
//!
//! In both forms a word `KEY=VALUE` is a field, so that the line of a `submit` serves here as well.

use std::ffi::OsString;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::endpoint::{flag, given_fields, named_command, params};
use super::values;
use crate::asked::{Asked, Given};
use crate::endpoints::{ENDPOINTS, Endpoint, named};

const WORDS: &str = "words";

/// A request to be priced, as it was typed.
#[derive(Debug)]
pub(crate) struct EstimateArgs {
    pub(crate) asked: Asked,
}

/// An endpoint that is not in the table.
#[derive(Debug, Args)]
struct OtherArgs {
    /// The service's name of another endpoint, which the table given with --prices knows.
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,
    /// Fields by the service's names; a value is JSON, or else text, or @PATH of a local file.
    #[arg(value_name = "KEY=VALUE", value_parser = values::parameter)]
    fields: Vec<(String, Given)>,
    /// A local file for a field. May be repeated.
    #[arg(long = "file", value_name = "FIELD=PATH", value_parser = values::file)]
    files: Vec<(String, Given)>,
}

/// One word that is no flag.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Field(String, Given),
    /// The media input of the endpoint.
    Input(OsString),
}

impl Args for EstimateArgs {
    fn augment_args(command: Command) -> Command {
        let command = OtherArgs::augment_args(command)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .subcommand_value_name("ENDPOINT")
            .subcommand_help_heading("Endpoints")
            .disable_help_subcommand(true);
        ENDPOINTS
            .iter()
            .fold(command, |command, endpoint| command.subcommand(subcommand(endpoint)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for EstimateArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = match matches
            .subcommand()
            .and_then(|(name, matches)| Some((named(name)?, matches)))
        {
            Some((endpoint, matches)) => of_endpoint(endpoint, matches)?,
            None => {
                let other = OtherArgs::from_arg_matches(matches)?;
                Asked::new(other.endpoint, other.fields.into_iter().chain(other.files).collect())
            }
        };
        Ok(Self { asked })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn subcommand(endpoint: &Endpoint) -> Command {
    let input = endpoint.fields.iter().find(|field| endpoint.input == Some(field.name));
    let (name, help) = match input {
        Some(field) => (
            format!("{}|KEY=VALUE", field.value),
            format!("{}: a local file; or any field by the service's name", field.help),
        ),
        None => ("KEY=VALUE".to_owned(), "Any field by the service's name".to_owned()),
    };
    let words = Arg::new(WORDS)
        .value_name(name)
        .action(ArgAction::Append)
        .value_parser(OsStringValueParser::new().try_map(word))
        .help(help)
        .help_heading(None::<&str>);
    let command = endpoint
        .fields
        .iter()
        .fold(named_command(endpoint).arg(words), |command, field| {
            command.arg(flag(field))
        });
    command.arg(params()).about(endpoint.about)
}

fn of_endpoint(endpoint: &Endpoint, matches: &ArgMatches) -> Result<Asked, clap::Error> {
    let mut fields = given_fields(endpoint, matches);
    for word in matches.get_many::<Word>(WORDS).unwrap_or_default() {
        fields.push(match (word, endpoint.input) {
            (Word::Field(name, given), _) => (name.clone(), given.clone()),
            (Word::Input(text), Some(field)) => (field.to_owned(), values::media(text)),
            (Word::Input(text), None) => {
                let text = format!(
                    "{} takes no file; write fields as KEY=VALUE, not {text:?}",
                    endpoint.name
                );
                return Err(clap::Error::raw(clap::error::ErrorKind::UnknownArgument, text));
            }
        });
    }
    Ok(Asked::new(endpoint.name, fields))
}

/// `name=...` is a field; everything else, such as an address with a query or a path, is the input.
fn word(text: OsString) -> Result<Word, String> {
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let field = text
        .to_str()
        .filter(|text| {
            text.split_once('=')
                .is_some_and(|(name, _)| !name.is_empty() && is_name(name))
        })
        .map(values::parameter)
        .transpose()?;
    Ok(field.map_or_else(|| Word::Input(text), |(name, given)| Word::Field(name, given)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use serde_json::json;

    #[test]
    fn a_word_is_a_field_when_it_begins_with_a_name_and_the_input_otherwise() {
        for (text, name, given) in [
            ("duration=6", "duration", Given::Value(json!(6))),
            ("video_uri=@a.mp4", "video_uri", Given::File(PathBuf::from("a.mp4"))),
            ("prompt=a=b", "prompt", Given::Value(json!("a=b"))),
        ] {
            assert_eq!(word(text.into()), Ok(Word::Field(name.to_owned(), given)), "{text}");
        }
        for text in [
            "a.mp4",
            "./a=b.mp4",
            "shots/a=b.mp4",
            "https://cdn.example/a.mp4?sig=1",
            "data:video/mp4;base64,AA==",
            "=x",
        ] {
            assert_eq!(word(text.into()), Ok(Word::Input(text.into())), "{text}");
        }
        assert!(word("video_uri=@".into()).is_err());
    }
}
