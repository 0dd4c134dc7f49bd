//! How the core's log looks on standard error. By default a warning is a sentence for the user, like those of the command itself; whoever asks for more
//! with `--log` also gets time, place and spans, and with `json` among it one JSON object a line, as in Python.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::registry::LookupSpan;

/// What is logged when nobody says otherwise.
pub(crate) const DEFAULT: &str = "warn";

/// Which submit it is about: a command has only one.
const KNOWN: [&str; 2] = ["intent", "endpoint"];

/// What was asked for: the filter, and whether lines are to be JSON. `json` alone is everything from `info`.
pub(crate) fn asked(log: &str) -> (String, bool) {
    let parts: Vec<&str> = log.split(',').map(str::trim).collect();
    let filter: Vec<&str> = parts.iter().copied().filter(|part| *part != "json").collect();
    let as_json = filter.len() < parts.len();
    if as_json && filter.is_empty() {
        ("info".to_owned(), true)
    } else {
        (filter.join(","), as_json)
    }
}

/// One object a line, for machines.
pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut values = Values::default();
        event.record(&mut values);
        let spans: Vec<&str> = context
            .event_scope()
            .map(|scope| scope.from_root().map(|span| span.name()).collect())
            .unwrap_or_default();
        let line = json!({
            "time": time,
            "level": event.metadata().level().as_str(),
            "target": event.metadata().target(),
            "message": values.message,
            "fields": values.fields,
            "spans": spans,
        });
        writeln!(writer, "{line}")
    }
}

/// Every value as text, as in the other languages.
#[derive(Default)]
struct Values {
    message: String,
    fields: Map<String, Value>,
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        self.record_str(field, &text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => drop(self.fields.insert(name.to_owned(), Value::from(value))),
        }
    }
}

/// Warnings and errors as sentences.
pub(crate) struct Sentences;

impl<S, N> FormatEvent<S, N> for Sentences
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut words = Words::default();
        event.record(&mut words);
        let what = if *event.metadata().level() == Level::ERROR {
            "error"
        } else {
            "warning"
        };
        writeln!(writer, "{what}: {}{}", words.message, words.fields())
    }
}

#[derive(Default)]
struct Words {
    message: String,
    others: Vec<String>,
}

impl Words {
    fn fields(&self) -> String {
        match self.others.as_slice() {
            [] => String::new(),
            others => format!(" ({})", others.join(", ")),
        }
    }
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing to a text cannot fail.
            "message" => drop(write!(self.message, "{value:?}")),
            name if KNOWN.contains(&name) => {}
            name => self.others.push(format!("{name}: {value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_is_asked_for_among_the_levels() {
        let cases = [
            ("debug", "debug", false),
            ("debug,json", "debug", true),
            ("json, warn,ltx_jobs::submit=debug", "warn,ltx_jobs::submit=debug", true),
            ("json", "info", true),
            ("warn", "warn", false),
        ];
        for (log, filter, as_json) in cases {
            assert_eq!(asked(log), (filter.to_owned(), as_json), "{log}");
        }
    }

    #[test]
    fn a_line_of_json_has_the_values_and_where_it_happened() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(JsonLines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("submit").entered();
            tracing::info!(job = %"hdr/1", tries = 2, "accepted \"it\"");
        });
        let line: Value = serde_json::from_slice(&kept.0.lock().unwrap()).unwrap();
        assert_eq!(line["message"], "accepted \"it\"");
        assert_eq!(line["fields"], json!({"job": "hdr/1", "tries": "2"}));
        assert_eq!((&line["level"], &line["spans"]), (&json!("INFO"), &json!(["submit"])));
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn a_warning_is_a_sentence_with_what_else_is_known() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Sentences)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(intent = "intent:1", endpoint = "retake", "has 12 frames; sent as it is");
            tracing::error!(error = %"disk full", tries = 2, "could not be written down");
        });
        assert_eq!(
            String::from_utf8(kept.0.lock().unwrap().clone()).unwrap(),
            "warning: has 12 frames; sent as it is\nerror: could not be written down (error: disk full, tries: 2)\n"
        );
    }
}
