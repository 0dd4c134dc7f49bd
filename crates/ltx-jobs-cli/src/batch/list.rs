//! The whole list, read and checked before anything is submitted: all its mistakes are told at once.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use ltx_jobs::{Batch, ErrorKind};
use serde_json::json;

use super::line::{self, Entry};
use crate::exit::Failure;
use crate::show::Show;

/// A line that cannot be used.
#[derive(Debug, PartialEq, Eq)]
struct Bad {
    line: usize,
    key: Option<String>,
    message: String,
}

/// Reads the text of a list.
pub(super) fn text(file: &Path) -> Result<String, Failure> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Failure::new(ErrorKind::Io, format!("cannot read {}: {error}", file.display())))
}

/// The entries, those that go first before the others; or every bad line is told, and the failure of the whole.
pub(super) fn entries(text: &str, batch: &Batch, show: &Show) -> Result<Vec<Entry>, Failure> {
    let (mut entries, bad) = sorted_out(text, |entry| {
        // A file that cannot be read is a mistake of the list too.
        if let Err(Failure::Error(error)) = entry.asked.shown() {
            return Err(error.message().to_owned());
        }
        batch
            .check(&entry.item)
            .map(drop)
            .map_err(|error| error.message().to_owned())
    });
    for one in &bad {
        show.event(
            "bad_line",
            json!({ "line": one.line, "key": one.key, "message": one.message }),
        );
        let key = one.key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
        show.say(&format!("line {}{key}: {}", one.line, one.message));
    }
    if !bad.is_empty() {
        let all = entries.len() + bad.len();
        let text = format!("{} of {all} lines cannot be used; nothing was submitted", bad.len());
        return Err(Failure::new(ErrorKind::InvalidRequest, text));
    }
    if entries.is_empty() {
        return Err(Failure::new(ErrorKind::InvalidRequest, "the list has no lines"));
    }
    // Those of the same priority keep their order.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.priority));
    Ok(entries)
}

/// What is good, and what is not; empty lines are neither.
fn sorted_out(text: &str, check: impl Fn(&Entry) -> Result<(), String>) -> (Vec<Entry>, Vec<Bad>) {
    let (mut entries, mut bad): (Vec<Entry>, Vec<Bad>) = Default::default();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    for (text, number) in lines.filter(|(text, _)| !text.trim().is_empty()) {
        let mut refuse = |message: String| {
            bad.push(Bad {
                line: number,
                key: line::key(text),
                message,
            });
        };
        let entry = match line::read(text) {
            Ok(entry) => entry,
            Err(message) => {
                refuse(message);
                continue;
            }
        };
        if let Some(first) = seen.insert(entry.key.clone(), number) {
            refuse(format!("line {first} has the same key"));
        } else if let Err(message) = check(&entry) {
            refuse(message);
        } else {
            entries.push(entry);
        }
    }
    (entries, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_line_is_told_with_its_number_and_empty_ones_are_passed_over() {
        let text = "\u{feff}{\"key\": \"a\", \"endpoint\": \"hdr\"}\n\n{\"key\": \"b\"}\r\nx\n{\"key\": \"a\", \"endpoint\": \"hdr\"}\n{\"key\": \"c\", \"endpoint\": \"hdr\"}\n";
        let (good, bad) = sorted_out(text, |entry| match entry.key.as_str() {
            "c" => Err("not this one".to_owned()),
            _ => Ok(()),
        });
        assert_eq!(good.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a"]);
        let told: Vec<(usize, Option<&str>)> = bad.iter().map(|bad| (bad.line, bad.key.as_deref())).collect();
        assert_eq!(told, [(3, Some("b")), (4, None), (5, Some("a")), (6, Some("c"))]);
        assert_eq!(bad[2].message, "line 1 has the same key");
        assert_eq!(bad[3].message, "not this one");
    }
}
