//! One line of a list: a JSON object becomes an item of the batch, or a sentence that says what is wrong with it. Pure.
//!
//! What a line may have is said once more in `schema/line.json`, for people and for programs that write such lists; a test holds the two together.

use std::ffi::OsStr;
use std::path::PathBuf;

#[cfg(feature = "rehost")]
use ltx_jobs::StoreDestination;
use ltx_jobs::{ArchiveMode, BatchItem, Destination, Usd};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::args::media;
use crate::asked::{Asked, Given};
use crate::endpoints::{Endpoint, Kind, named};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    endpoint: String,
    #[serde(default)]
    params: Map<String, Value>,
    label: Option<String>,
    #[serde(default)]
    priority: i32,
    dest: Option<Value>,
    rehost: Option<Value>,
    max_cost: Option<Value>,
}

/// The long form of `dest`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    dir: PathBuf,
    only: Option<Vec<String>>,
    #[serde(default)]
    archive: ArchiveMode,
    frame_name: Option<String>,
    first_frame: Option<u64>,
}

/// The long form of `rehost`. Options of the store are no part of a list: they may be credentials.
#[cfg(feature = "rehost")]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StorePlace {
    url: String,
    only: Option<Vec<String>>,
    #[serde(default)]
    archive: ArchiveMode,
    frame_name: Option<String>,
    first_frame: Option<u64>,
}

/// A line that was understood.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) priority: i32,
    pub(crate) max_cost: Option<Usd>,
    pub(crate) asked: Asked,
    pub(crate) item: BatchItem,
}

/// The key in a line, also in one that is not understood.
pub(crate) fn key(text: &str) -> Option<String> {
    let line: Value = serde_json::from_str(text).ok()?;
    Some(line.get("key")?.as_str()?.to_owned())
}

/// Reads a line.
pub(crate) fn read(text: &str) -> Result<Entry, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| sentence(&error))?;
    let asked = asked(&line.endpoint, line.params)?;
    let request = asked.request().map_err(|error| error.message().to_owned())?;
    let mut item = BatchItem::new(&line.key, request).priority(line.priority);
    if let Some(label) = line.label {
        item = item.label(label);
    }
    match (line.dest, line.rehost) {
        (Some(_), Some(_)) => return Err("dest and rehost exclude each other".to_owned()),
        (Some(dest), None) => item = item.dest(destination(dest)?),
        (None, Some(place)) => item = to_store(item, place)?,
        (None, None) => {}
    }
    let max_cost = line.max_cost.map(usd).transpose()?;
    if let Some(limit) = max_cost {
        item = item.max_cost(limit);
    }
    Ok(Entry {
        key: line.key,
        priority: line.priority,
        max_cost,
        asked,
        item,
    })
}

/// Without the place in the line's text when it says nothing: most lines are one object.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => text.replace(&place, ""),
        _ => text.replace(" at line 1", "").replace(" column", " at column"),
    }
}

/// The request, with local files for media fields that are no addresses.
fn asked(endpoint: &str, params: Map<String, Value>) -> Result<Asked, String> {
    let known = named(endpoint);
    let mut fields = Vec::new();
    for (name, value) in params {
        let given = match value {
            Value::String(text) if is_media(known, &name) => match text.as_str() {
                "" => return Err(format!("params.{name} is empty")),
                text => media(OsStr::new(text)),
            },
            value => Given::Value(value),
        };
        fields.push((name, given));
    }
    Ok(Asked::new(known.map_or(endpoint, |known| known.name), fields))
}

/// By the table of endpoints; of what is not in it, by the service's habit of names.
fn is_media(endpoint: Option<&Endpoint>, name: &str) -> bool {
    let field = endpoint.and_then(|endpoint| endpoint.fields.iter().find(|field| field.name == name));
    field.map_or_else(|| name.ends_with("_uri"), |field| field.kind == Kind::Media)
}

fn destination(value: Value) -> Result<Destination, String> {
    let place = match value {
        Value::String(dir) if dir.is_empty() => return Err("dest is empty".to_owned()),
        Value::String(dir) => return Ok(Destination::new(dir)),
        Value::Object(_) => serde_json::from_value::<Place>(value).map_err(|error| format!("dest: {error}"))?,
        _ => return Err("dest must be a directory, or an object with dir in it".to_owned()),
    };
    if place.dir.as_os_str().is_empty() {
        return Err("dest: dir is empty".to_owned());
    }
    let mut dest = Destination::new(place.dir).archive(place.archive);
    dest.only = place.only;
    dest.frame_name = place.frame_name;
    dest.first_frame = place.first_frame;
    Ok(dest)
}

#[cfg(feature = "rehost")]
fn to_store(item: BatchItem, place: Value) -> Result<BatchItem, String> {
    let place = match place {
        Value::String(url) => return Ok(item.rehost(url)),
        Value::Object(_) => serde_json::from_value::<StorePlace>(place).map_err(|error| format!("rehost: {error}"))?,
        _ => return Err("rehost must be a URL, or an object with url in it".to_owned()),
    };
    let mut dest = StoreDestination::new(place.url).archive(place.archive);
    dest.only = place.only;
    dest.frame_name = place.frame_name;
    dest.first_frame = place.first_frame;
    Ok(item.rehost(dest))
}

#[cfg(not(feature = "rehost"))]
fn to_store(_: BatchItem, _: Value) -> Result<BatchItem, String> {
    Err("rehost: this build of the command copies to no store".to_owned())
}

/// An amount as text, or as a number of JSON, which is taken by its digits.
fn usd(value: Value) -> Result<Usd, String> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => return Err("max_cost must be US dollars, such as \"2.50\"".to_owned()),
    };
    text.parse()
        .map_err(|error: ltx_jobs::Error| format!("max_cost: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::LINE as SCHEMA;
    use serde_json::json;

    /// Lines with what the schema and we must both say of them.
    const LINES: &[(&str, bool)] = &[
        (
            r#"{"key": "a", "endpoint": "hdr", "params": {"video_uri": "a.mp4"}}"#,
            true,
        ),
        (r#"{"key": "a", "endpoint": "brand-new"}"#, true),
        (
            r#"{"key": "a", "endpoint": "hdr", "params": {"video_uri": "ltx://uploads/x"}, "label": "A", "priority": -3, "dest": "out", "max_cost": "2.50"}"#,
            true,
        ),
        (r#"{"key": "a", "endpoint": "hdr", "max_cost": 2.5}"#, true),
        (
            r#"{"key": "a", "endpoint": "hdr", "dest": {"dir": "out", "only": ["video_url"], "archive": "keep", "frame_name": "a.{frame}.exr", "first_frame": 1001}}"#,
            true,
        ),
        (r#"{"key": "a", "endpoint": "hdr", "rehost": "s3://plates/a/"}"#, true),
        (
            r#"{"key": "a", "endpoint": "hdr", "rehost": {"url": "s3://plates/a/", "only": ["video_url"], "archive": "both", "frame_name": "a.{frame}.exr", "first_frame": 1}}"#,
            true,
        ),
        (
            r#"{"key": "a", "endpoint": "hdr", "rehost": {"only": ["video_url"]}}"#,
            false,
        ),
        (
            r#"{"key": "a", "endpoint": "hdr", "rehost": {"url": "s3://plates/a/", "options": {}}}"#,
            false,
        ),
        (
            r#"{"key": "a", "endpoint": "hdr", "dest": "o", "rehost": "s3://plates/a/"}"#,
            false,
        ),
        (r#"{"endpoint": "hdr"}"#, false),
        (r#"{"key": "a"}"#, false),
        (r#"{"key": 1, "endpoint": "hdr"}"#, false),
        (r#"{"key": "a", "endpoint": "hdr", "prams": {}}"#, false),
        (r#"{"key": "a", "endpoint": "hdr", "params": []}"#, false),
        (r#"{"key": "a", "endpoint": "hdr", "params": {"video_uri": ""}}"#, false),
        (r#"{"key": "a", "endpoint": "Not A Name"}"#, false),
        (r#"{"key": "a", "endpoint": "hdr", "dest": ""}"#, false),
        (
            r#"{"key": "a", "endpoint": "hdr", "dest": {"only": ["video_url"]}}"#,
            false,
        ),
        (
            r#"{"key": "a", "endpoint": "hdr", "dest": {"dir": "o", "archive": "zip"}}"#,
            false,
        ),
        (r#"{"key": "a", "endpoint": "hdr", "priority": 1.5}"#, false),
        (r#"{"key": "a", "endpoint": "hdr", "max_cost": "much"}"#, false),
        (r#"{"key": "a", "endpoint": "hdr", "max_cost": -1}"#, false),
        (r#"["a"]"#, false),
    ];

    fn schema() -> jsonschema::Validator {
        jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    #[test]
    fn the_schema_and_the_command_say_the_same_of_every_line() {
        let schema = schema();
        for (text, good) in LINES {
            let line: Value = serde_json::from_str(text).unwrap();
            assert_eq!(schema.is_valid(&line), *good, "the schema of {text}");
            assert_eq!(read(text).is_ok(), *good, "{text}: {:?}", read(text).err());
        }
    }

    #[test]
    fn every_example_is_valid_and_can_be_submitted() {
        let schema = schema();
        let shipped = include_str!("../../../../examples/film.jsonl");
        let own: Value = serde_json::from_str(SCHEMA).unwrap();
        let own = own["examples"].as_array().unwrap().iter().map(Value::to_string);
        let lines: Vec<String> = shipped.lines().map(str::to_owned).chain(own).collect();
        assert!(lines.len() >= 5);
        for line in lines {
            let value = serde_json::from_str(&line).unwrap();
            assert!(schema.is_valid(&value), "{line}: {:?}", schema.validate(&value).err());
            let entry = read(&line).unwrap();
            entry.asked.request().unwrap().check().unwrap();
        }
    }

    #[test]
    fn a_media_field_is_an_address_or_a_local_file_and_other_text_stays_text() {
        let entry = read(
            r#"{"key": "a", "endpoint": "i2v", "params": {"image_uri": "a.png", "last_frame_uri": "https://cdn.example/b.png", "prompt": "a.png"}}"#,
        )
        .unwrap();
        assert_eq!(entry.asked.endpoint(), "image-to-video");
        let shown = |name: &str| entry.asked.given(name).cloned();
        assert_eq!(shown("image_uri"), Some(Given::File("a.png".into())));
        assert_eq!(
            shown("last_frame_uri"),
            Some(Given::Address("https://cdn.example/b.png".into()))
        );
        assert_eq!(shown("prompt"), Some(Given::Value(json!("a.png"))));
        // An endpoint of tomorrow.
        let entry =
            read(r#"{"key": "a", "endpoint": "brand-new", "params": {"depth_uri": "d.exr", "x": "y"}}"#).unwrap();
        assert_eq!(entry.asked.given("depth_uri"), Some(&Given::File("d.exr".into())));
    }

    #[test]
    fn a_mistake_is_told_by_the_name_of_the_field() {
        for (text, words) in [
            (r#"{"endpoint": "hdr"}"#, "missing field `key`"),
            (
                r#"{"key": "a", "endpoint": "hdr", "prams": {}}"#,
                "unknown field `prams`",
            ),
            (
                r#"{"key": "a", "endpoint": "hdr", "dest": {"dri": "o"}}"#,
                "dest: unknown field `dri`",
            ),
            (r#"{"key": "a", "endpoint": "hdr", "max_cost": "much"}"#, "max_cost: "),
            (r#"{"key": "a", "#, "EOF while parsing a value at column"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(words), "{text}: {refused}");
            assert!(!refused.contains("line 1"), "{refused}");
        }
        assert_eq!(key(r#"{"key": "a", "prams": {}}"#).as_deref(), Some("a"));
    }
}
