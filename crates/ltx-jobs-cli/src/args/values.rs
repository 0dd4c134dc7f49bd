//! How the text of a flag becomes a value. Pure.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use ltx_jobs::{BytesPerSecond, JobRef, Usd};
use serde_json::{Number, Value};

use crate::asked::Given;

/// `KEY=VALUE`: the value is JSON, or else text; with `@` before it, a file to upload.
pub(super) fn parameter(text: &str) -> Result<(String, Given), String> {
    let (key, value) = pair(text, "KEY=VALUE")?;
    let value = match value.strip_prefix('@') {
        Some("") => return Err("a path is missing behind @".to_owned()),
        Some(path) => Given::File(PathBuf::from(path)),
        None => Given::Value(serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()))),
    };
    Ok((key.to_owned(), value))
}

/// `FIELD=PATH`, a file to upload.
pub(super) fn file(text: &str) -> Result<(String, Given), String> {
    match pair(text, "FIELD=PATH")? {
        (_, "") => Err("the path is missing".to_owned()),
        (field, path) => Ok((field.to_owned(), Given::File(PathBuf::from(path)))),
    }
}

pub(super) fn pair<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("write it as {form}"))
}

/// `ENDPOINT/ID` or `intent:ID`.
pub(super) fn reference(text: &str) -> Result<JobRef, String> {
    text.parse()
        .map_err(|error: ltx_jobs::Error| error.message().to_owned())
}

/// US dollars.
pub(super) fn usd(text: &str) -> Result<Usd, String> {
    text.parse()
        .map_err(|error: ltx_jobs::Error| error.message().to_owned())
}

/// A limit of speed.
pub(super) fn speed(text: &str) -> Result<BytesPerSecond, String> {
    text.parse()
        .map_err(|error: ltx_jobs::Error| error.message().to_owned())
}

/// An address by its scheme; everything else is a file.
pub(crate) fn media(text: &OsStr) -> Given {
    const SCHEMES: [&str; 4] = ["https://", "http://", "data:", "ltx://"];
    match text.to_str() {
        Some(text) if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) => Given::Address(text.to_owned()),
        _ => Given::File(PathBuf::from(text)),
    }
}

pub(super) fn number(text: &str) -> Result<Value, String> {
    text.parse::<Number>()
        .map(Value::Number)
        .map_err(|_| "must be a number".to_owned())
}

pub(super) fn number_or_auto(text: &str) -> Result<Value, String> {
    match text {
        "auto" => Ok(Value::Null),
        text => number(text).map_err(|_| "must be a number, or auto".to_owned()),
    }
}

pub(super) fn switch(text: &str) -> Result<Value, String> {
    match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) => Err("must be a JSON object".to_owned()),
        Err(error) => Err(format!("must be a JSON object: {error}")),
    }
}

/// As the core reads durations, and zero: a time limit of zero only looks.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.trim() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("must be seconds, or a number with ms, s, m or h".to_owned()),
    };
    let seconds = number
        .parse::<f64>()
        .map_err(|_| "must be seconds, or a number with ms, s, m or h")?
        * scale;
    Duration::try_from_secs_f64(seconds).map_err(|_| "must be at most a year".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_json_or_text_or_files() {
        let cases = [
            ("seed=7", "seed", Given::Value(json!(7))),
            ("duration=null", "duration", Given::Value(Value::Null)),
            ("mode=a=b", "mode", Given::Value(json!("a=b"))),
            ("prompt=", "prompt", Given::Value(json!(""))),
            (r#"prompt="@home""#, "prompt", Given::Value(json!("@home"))),
            ("video_uri=@a b.mp4", "video_uri", Given::File(PathBuf::from("a b.mp4"))),
        ];
        for (text, key, value) in cases {
            assert_eq!(parameter(text).unwrap(), (key.to_owned(), value), "{text}");
        }
        for text in ["seed", "=7", "video_uri=@"] {
            assert!(parameter(text).is_err(), "{text} was taken");
        }
        assert_eq!(
            file("video_uri=@a.mp4").unwrap().1,
            Given::File(PathBuf::from("@a.mp4"))
        );
        assert!(file("video_uri=").is_err());
    }

    #[test]
    fn addresses_are_passed_on_and_everything_else_is_a_file() {
        for text in [
            "https://cdn.example/a.mp4",
            "http://cdn.example/a.mp4",
            "ltx://uploads/x",
            "data:video/mp4;base64,AA",
        ] {
            assert_eq!(media(OsStr::new(text)), Given::Address(text.to_owned()));
        }
        for text in ["shots/plate.mp4", "C:\\plate.mp4", "data", "-"] {
            assert_eq!(media(OsStr::new(text)), Given::File(PathBuf::from(text)));
        }
    }

    #[test]
    fn flags_become_the_json_the_service_expects() {
        assert_eq!(number("24").unwrap(), json!(24));
        assert_eq!(number("2.5").unwrap(), json!(2.5));
        assert_eq!(number_or_auto("auto").unwrap(), Value::Null);
        assert_eq!(switch("false").unwrap(), json!(false));
        assert_eq!(object(r#"{"anchor": "top"}"#).unwrap(), json!({"anchor": "top"}));
        for refused in [
            number("six"),
            number(""),
            number_or_auto("null"),
            switch("yes"),
            object("[1]"),
            object("top"),
        ] {
            assert!(refused.is_err(), "{refused:?}");
        }
    }

    #[test]
    fn time_limits_have_units() {
        assert_eq!(time("90").unwrap(), Duration::from_secs(90));
        assert_eq!(time("30m").unwrap(), Duration::from_secs(1800));
        assert_eq!(time("0").unwrap(), Duration::ZERO);
        for text in ["", "soon", "5 days", "."] {
            assert!(time(text).is_err(), "{text:?} was taken");
        }
    }
}
