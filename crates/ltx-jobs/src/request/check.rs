//! Judges a request by the [`rules`] before any network and money. Pure.
//!
//! An error is for what can never be right: a missing field, a wrong type, a value below a documented minimum, fields that exclude each other. What the
//! vendor's lists merely do not hold is a warning, so that nothing new on the server needs a release of ours. No message shows a prompt or the query
//! of an address.

use serde_json::{Map, Value};

use super::media::{Media, check_address};
use super::rules::{self, Across, Endpoint, Field, Kind};
use crate::error::{Error, ErrorKind, Result};

/// Gives the warnings, or the first reason to refuse.
pub(super) fn check(endpoint: &str, params: &Map<String, Value>, media: &[(String, Media)]) -> Result<Vec<String>> {
    for (field, media) in media {
        media.check(&format!("{endpoint}: {field}"))?;
    }
    match rules::endpoint(endpoint) {
        Some(rules) => Judge {
            rules,
            params,
            media,
            warnings: Vec::new(),
        }
        .run(),
        None => Ok(Vec::new()),
    }
}

/// The error for a request that can never be right.
pub(super) fn refusal(endpoint: &str, text: impl AsRef<str>) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("{endpoint}: {}", text.as_ref())).with_advice("correct the request")
}

pub(super) fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

struct Judge<'a> {
    rules: &'static Endpoint,
    params: &'a Map<String, Value>,
    media: &'a [(String, Media)],
    warnings: Vec<String>,
}

impl Judge<'_> {
    fn run(mut self) -> Result<Vec<String>> {
        for field in self.rules.fields {
            match self.params.get(field.name) {
                _ if self.is_media(field.name) => self.media_input(field)?,
                Some(Value::Null) if matches!(field.kind, Kind::Duration { .. }) => {}
                None | Some(Value::Null) if field.required => return Err(self.missing(field)),
                None | Some(Value::Null) => {}
                Some(value) => self.value(field, value)?,
            }
        }
        self.unknown_fields();
        for across in self.rules.across {
            self.across(*across)?;
        }
        Ok(self.warnings)
    }

    fn refuse<T>(&self, text: impl AsRef<str>) -> Result<T> {
        Err(refusal(self.rules.name, text))
    }

    fn missing(&self, field: &Field) -> Error {
        let null = if self.params.contains_key(field.name) {
            " (null)"
        } else {
            ""
        };
        let hint = if matches!(field.kind, Kind::Duration { .. }) {
            "; null means an automatic length"
        } else {
            ""
        };
        refusal(
            self.rules.name,
            format!("{} is missing{null}: the endpoint requires it{hint}", field.name),
        )
    }

    fn media_input(&self, field: &Field) -> Result<()> {
        match field.kind {
            Kind::Media | Kind::Undocumented => Ok(()),
            _ => self.refuse(format!(
                "{} is given as a media input; this field takes none",
                field.name
            )),
        }
    }

    fn value(&mut self, field: &Field, value: &Value) -> Result<()> {
        let name = field.name;
        match field.kind {
            Kind::Media => check_address(&format!("{}: {name}", self.rules.name), self.text(name, value)?),
            Kind::Prompt { empty_beside } => self.prompt(name, self.text(name, value)?, empty_beside),
            Kind::Word(listed) => {
                let word = self.text(name, value)?;
                self.word(name, word, listed);
                Ok(())
            }
            Kind::Integer { least, listed } | Kind::Duration { least, listed } => {
                self.integer(name, value, least, listed)
            }
            Kind::Number { least, most } => self.bounded(name, value, least, most),
            Kind::Switch if value.is_boolean() => Ok(()),
            Kind::Switch => Err(self.wrong_type(name, value, "true or false")),
            Kind::Placement { anchors } => match value {
                Value::Object(placement) => self.placement(placement, anchors),
                other => Err(self.wrong_type(name, other, "an object")),
            },
            Kind::Undocumented => Ok(()),
        }
    }

    fn text<'v>(&self, name: &str, value: &'v Value) -> Result<&'v str> {
        value.as_str().ok_or_else(|| self.wrong_type(name, value, "text"))
    }

    fn wrong_type(&self, name: &str, value: &Value, wanted: &str) -> Error {
        refusal(
            self.rules.name,
            format!("{name}{}: must be {wanted}, not {}", equals(value), json_kind(value)),
        )
    }

    fn prompt(&self, name: &str, text: &str, empty_beside: Option<&str>) -> Result<()> {
        if text.trim().is_empty() {
            return match empty_beside {
                Some(other) if self.has(other) => Ok(()),
                Some(other) => self.refuse(format!("{name} is empty; it may be only where {other} is given")),
                None => self.refuse(format!("{name} is empty")),
            };
        }
        // Unicode characters: the most lenient way to count, as the service does not say its own.
        match text.chars().count() {
            count if count > rules::LONGEST_PROMPT => self.refuse(format!(
                "{name} has {count} characters; at most {} are taken",
                rules::LONGEST_PROMPT
            )),
            _ => Ok(()),
        }
    }

    fn word(&mut self, name: &str, word: &str, listed: &[&str]) {
        if !listed.contains(&word) {
            self.unlisted(name, &Value::from(word), &listed.join(", "));
        }
    }

    fn integer(&mut self, name: &str, value: &Value, least: i64, listed: &[i64]) -> Result<()> {
        let number = value
            .as_f64()
            .ok_or_else(|| self.wrong_type(name, value, "a whole number"))?;
        if number.fract() != 0.0 {
            return self.refuse(format!("{name} = {value}: must be a whole number"));
        }
        if number < least as f64 {
            return self.refuse(format!("{name} = {value}: must be at least {least}"));
        }
        if !holds(listed, number) {
            let listed: Vec<String> = listed.iter().map(i64::to_string).collect();
            self.unlisted(name, value, &listed.join(", "));
        }
        Ok(())
    }

    fn bounded(&mut self, name: &str, value: &Value, least: Option<f64>, most: Option<f64>) -> Result<()> {
        let number = value.as_f64().ok_or_else(|| self.wrong_type(name, value, "a number"))?;
        if let Some(least) = least.filter(|least| number < *least) {
            return self.refuse(format!("{name} = {value}: must be at least {least}"));
        }
        if let Some(most) = most.filter(|most| number > *most) {
            self.warnings.push(format!(
                "{name} = {value} is more than the documented {most}; sent as it is"
            ));
        }
        Ok(())
    }

    fn unlisted(&mut self, name: &str, value: &Value, listed: &str) {
        self.warnings.push(format!(
            "{name}{} is not among the documented values ({listed}); sent as it is",
            equals(value)
        ));
    }

    /// Either an anchor, or a place with one size or two. An object without any of them is of a form we do not know.
    fn placement(&mut self, placement: &Map<String, Value>, anchors: &[&str]) -> Result<()> {
        const PLACE: [&str; 4] = ["x", "y", "width", "height"];
        let given = |key: &str| placement.get(key).filter(|value| !value.is_null());
        for key in PLACE {
            let name = format!("placement.{key}");
            let Some(value) = given(key) else { continue };
            let Some(number) = value.as_f64() else {
                return Err(self.wrong_type(&name, value, "a number"));
            };
            let is_size = matches!(key, "width" | "height");
            if (is_size && number <= 0.0) || (!is_size && !(0.0..1.0).contains(&number)) {
                let rule = if is_size { "above 0" } else { "from 0 to below 1" };
                self.warnings.push(format!(
                    "{name} = {value} is no fraction {rule} of the frame, as documented; sent as it is"
                ));
            }
        }
        let placed = PLACE.into_iter().any(|key| given(key).is_some());
        if let Some(anchor) = given("anchor") {
            let word = self.text("placement.anchor", anchor)?;
            self.word("placement.anchor", word, anchors);
            if placed {
                self.warnings.push(
                    "placement has an anchor and also a place or size; only one of them is documented; sent as it is"
                        .to_owned(),
                );
            }
        } else if placed {
            for key in ["x", "y"] {
                if given(key).is_none() {
                    return self.refuse(format!(
                        "placement.{key} is missing: a placement without an anchor requires it"
                    ));
                }
            }
            if given("width").is_none() && given("height").is_none() {
                return self.refuse("placement.width or placement.height is missing: a placement without an anchor requires one of them");
            }
        } else {
            self.warnings
                .push("placement has neither an anchor nor x and y; sent as it is".to_owned());
        }
        Ok(())
    }

    /// The service has been seen to ignore what it does not know: a misspelt name would cost money and do nothing.
    fn unknown_fields(&mut self) {
        let known = |name: &str| self.rules.fields.iter().any(|field| field.name == name);
        let names = self.params.keys().chain(self.media.iter().map(|(name, _)| name));
        let unknown: Vec<&String> = names.filter(|name| !known(name)).collect();
        let fields: Vec<&str> = self.rules.fields.iter().map(|field| field.name).collect();
        let listed = fields.join(", ");
        self.warnings.extend(unknown.into_iter().map(|name| {
            let name: String = name.chars().take(60).collect();
            format!("{name:?} is not among the documented fields ({listed}); sent as it is, the service may ignore it")
        }));
    }

    fn across(&mut self, across: Across) -> Result<()> {
        match across {
            Across::LastFrameNeedsDuration if self.has("last_frame_uri") && self.is_automatic() => {
                self.refuse("last_frame_uri cannot be used with duration = null (automatic length): give the duration")
            }
            Across::LastFrameNeedsImage if self.has("last_frame_uri") && !self.has("image_uri") => {
                self.refuse("image_uri is missing: last_frame_uri requires it")
            }
            Across::ImageOrPrompt if !self.has("image_uri") && !self.has("prompt") => {
                self.refuse("image_uri and prompt are both missing: the endpoint requires at least one of them")
            }
            Across::AutomaticDuration if self.is_automatic() => {
                if let Some(model) = self.word_of("model").filter(|model| model.starts_with("ltx-2-3-")) {
                    self.warnings.push(format!(
                        "duration = null (automatic length) is not documented for model {model:?}; sent as it is"
                    ));
                }
                Ok(())
            }
            Across::LongDuration => {
                self.long_duration();
                Ok(())
            }
            Across::ContextAndDuration => {
                // The clip's frame rate is not known here; at 24 the documented limit is some 21 s.
                let frames = (self.number("context").unwrap_or(0.0) + self.number("duration").unwrap_or(0.0))
                    * rules::DEFAULT_FPS;
                if self.has("context") && frames > rules::MOST_EXTENDED_FRAMES {
                    self.warnings.push(format!(
                        "context and duration together are {frames} frames at {} fps, more than the documented {}; sent as it is",
                        rules::DEFAULT_FPS,
                        rules::MOST_EXTENDED_FRAMES,
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Says something only where each value by itself is listed: one that is not has its own warning.
    fn long_duration(&mut self) {
        let (Some(model), Some(resolution), Some(duration)) = (
            self.word_of("model"),
            self.word_of("resolution"),
            self.number("duration"),
        ) else {
            return;
        };
        let fps = self.number("fps").unwrap_or(rules::DEFAULT_FPS);
        let long = model.ends_with("-fast") && rules::LONG_RESOLUTIONS.contains(&resolution) && fps <= rules::LONG_FPS;
        if duration > rules::LONGEST_EVERYWHERE && !long && self.rules.fields.iter().all(|field| self.is_listed(field))
        {
            self.warnings.push(format!(
                "duration = {duration} is documented only for the fast models at 720p and 1080p with 24 or 25 fps, not for {model:?} at {resolution} with {fps} fps; sent as it is"
            ));
        }
    }

    /// Whether a field that has a list of values holds one of them, or nothing.
    fn is_listed(&self, field: &Field) -> bool {
        match field.kind {
            Kind::Word(listed) => self.word_of(field.name).is_none_or(|word| listed.contains(&word)),
            Kind::Integer { listed, .. } | Kind::Duration { listed, .. } => {
                self.number(field.name).is_none_or(|number| holds(listed, number))
            }
            _ => true,
        }
    }

    fn is_media(&self, name: &str) -> bool {
        self.media.iter().any(|(field, _)| field == name)
    }

    fn has(&self, name: &str) -> bool {
        self.is_media(name) || self.params.get(name).is_some_and(|value| !value.is_null())
    }

    fn is_automatic(&self) -> bool {
        self.params.get("duration").is_some_and(Value::is_null)
    }

    fn word_of(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.params.get(name).and_then(Value::as_f64)
    }
}

fn holds(listed: &[i64], number: f64) -> bool {
    listed.iter().any(|known| *known as f64 == number)
}

/// ` = value`, as far as it is short and can hold no credential.
fn equals(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let shown: String = text.split('?').next().unwrap_or_default().chars().take(40).collect();
            format!(" = {shown:?}")
        }
        Value::Number(_) | Value::Bool(_) => format!(" = {value}"),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
