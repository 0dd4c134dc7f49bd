//! One line of the log, as plain values.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

/// A text longer than this is cut: a log is read by people.
const LONGEST_TEXT: usize = 16 * 1024;

/// How much a line matters. The numbers are those of the faces: 1 matters most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is lost or wrong.
    Error = 1,
    /// Somebody should look at it.
    Warn = 2,
    /// What happened.
    Info = 3,
    /// How it happened.
    Debug = 4,
    /// Everything, the libraries inside included.
    Trace = 5,
}

impl Level {
    /// Its number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The level with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Error),
            2 => Some(Self::Warn),
            3 => Some(Self::Info),
            4 => Some(Self::Debug),
            5 => Some(Self::Trace),
            _ => None,
        }
    }
}

/// A value of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, or what stands for another kind of value.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Number(f64),
    /// Yes or no.
    Truth(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Truth(truth) => write!(f, "{truth}"),
        }
    }
}

/// An operation that a line was logged in.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// `submit`, `download`.
    pub name: &'static str,
    /// Its own values by name.
    pub fields: Vec<(&'static str, Value)>,
}

/// What was logged at one place, once.
#[derive(Debug, Clone)]
pub struct Record {
    /// How much it matters.
    pub level: Level,
    /// When, by this machine's clock.
    pub at: SystemTime,
    /// Who speaks: `ltx_jobs::submit`.
    pub target: Cow<'static, str>,
    /// The sentence.
    pub message: String,
    /// Its values by name: its own first, then those of the operations it happened in, inner ones first.
    pub fields: Vec<(&'static str, Value)>,
    /// The operations it happened in, outer ones first.
    pub spans: Vec<Span>,
    /// Lines that were dropped just before this one, because nobody came for them.
    pub lost: u64,
}

impl Record {
    /// The values as text: `job=video-to-video-hdr/x status="in review"`.
    pub fn fields_text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.fields {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(name);
            text.push('=');
            let value = value.to_string();
            if value.is_empty() || value.contains([' ', '"', '\n']) {
                text.push_str(&format!("{value:?}"));
            } else {
                text.push_str(&value);
            }
        }
        text
    }

    /// The names of the operations, outer ones first: `submit:upload`.
    pub fn spans_text(&self) -> String {
        let names: Vec<&str> = self.spans.iter().map(|span| span.name).collect();
        names.join(":")
    }

    /// Bytes it holds, roughly.
    pub(crate) fn weight(&self) -> usize {
        let of_spans = self.spans.iter().flat_map(|span| &span.fields);
        let fields = self.fields.iter().chain(of_spans).map(|(name, value)| {
            let text = match value {
                Value::Text(text) => text.len(),
                _ => 8,
            };
            name.len() + text
        });
        self.message.len() + fields.sum::<usize>() + 128
    }
}

/// Writes a value as text, no longer than a line should be.
pub(crate) fn written(value: &dyn fmt::Debug) -> String {
    cut(format!("{value:?}"))
}

pub(crate) fn cut(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let mut end = LONGEST_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_blanks_are_quoted() {
        let record = Record {
            level: Level::Info,
            at: SystemTime::now(),
            target: "t".into(),
            message: String::new(),
            fields: vec![
                ("job", Value::Text("a/b".to_owned())),
                ("why", Value::Text("no \"room\"".to_owned())),
                ("label", Value::Text(String::new())),
                ("tries", Value::Whole(-2)),
                ("slow", Value::Truth(true)),
            ],
            spans: Vec::new(),
            lost: 0,
        };
        assert_eq!(
            record.fields_text(),
            r#"job=a/b why="no \"room\"" label="" tries=-2 slow=true"#
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = cut("ä".repeat(LONGEST_TEXT));
        assert!(
            text.len() <= LONGEST_TEXT + 4 && text.ends_with("ä ..."),
            "{}",
            text.len()
        );
    }
}
