//! What of the core's log is shown on standard error, and how it looks there.
//!
//! By default a warning is a sentence for the user, like those of the command itself. Whoever asks for more also gets time, place and spans, or lines of
//! JSON. The words are those of `LTX_LOG` in every face: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or `TARGET=LEVEL`, several with commas
//! between them, and `json` for lines of JSON: `debug`, `warn,ltx_jobs::submit=debug`, `info,json`; `json` alone is `info,json`.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::Record;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variable that says what is logged where the command line does not.
const VARIABLE: &str = "LTX_LOG";

/// Our own targets: a word that begins like this is one.
const OURS: &str = "ltx_jobs";

/// What the command line says of the log.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said<'a> {
    /// `--log`
    pub(crate) filter: Option<&'a str>,
    /// How often `-v` was given.
    pub(crate) verbose: u8,
    /// `-q`
    pub(crate) quiet: bool,
}

/// What is logged, and in which form.
#[derive(Debug, PartialEq)]
pub(crate) struct Wish {
    filter: Targets,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Sentences,
    Lines,
    Json,
}

impl Wish {
    /// The command line goes before the variable, and in it `--log` before the short flags.
    ///
    /// # Errors
    /// What is wrong with the words.
    pub(crate) fn of(said: Said<'_>) -> Result<Self, String> {
        let variable = std::env::var_os(VARIABLE).map(|text| text.to_string_lossy().into_owned());
        Self::decide(said, variable.as_deref())
    }

    fn decide(said: Said<'_>, variable: Option<&str>) -> Result<Self, String> {
        let variable = variable.map(str::trim).filter(|text| !text.is_empty());
        let (filter, form) = match (said, variable) {
            (Said { filter: Some(text), .. }, _) => {
                return Self::read(text).map_err(|why| format!("--log {text:?}: {why}"));
            }
            (Said { quiet: true, .. }, _) => ("error", Form::Sentences),
            (Said { verbose: 1, .. }, _) => ("warn,ltx_jobs=info", Form::Lines),
            (Said { verbose: 2, .. }, _) => ("warn,ltx_jobs=debug", Form::Lines),
            (Said { verbose: 3.., .. }, _) => ("trace", Form::Lines),
            (_, Some(text)) => return Self::read(text).map_err(|why| format!("{VARIABLE}={text:?}: {why}")),
            (_, None) => ("warn", Form::Sentences),
        };
        let filter = filter.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { filter, form })
    }

    fn read(text: &str) -> Result<Self, String> {
        let (mut filter, mut form, mut said) = (Targets::new(), Form::Lines, false);
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word.eq_ignore_ascii_case("json") {
                form = Form::Json;
                continue;
            }
            said = true;
            filter = match word.split_once('=') {
                Some((target, level)) => filter.with_target(target.trim(), self::level(level.trim())?),
                None if word.starts_with(OURS) => filter.with_target(word, LevelFilter::TRACE),
                None => filter.with_default(self::level(word)?),
            };
        }
        if !said {
            let level = if form == Form::Json {
                LevelFilter::INFO
            } else {
                LevelFilter::WARN
            };
            filter = filter.with_default(level);
        }
        if text.eq_ignore_ascii_case("warn") {
            // As by default.
            form = Form::Sentences;
        }
        Ok(Self { filter, form })
    }

    /// Sends the log to `writer` from now on. A host process may have a subscriber of its own: then that one gets the lines.
    pub(crate) fn install<W>(self, colours: bool, writer: W)
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let layer = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(writer);
        let registry = tracing_subscriber::registry().with(self.filter);
        drop(match self.form {
            Form::Sentences => registry.with(layer.event_format(Sentences)).try_init(),
            Form::Lines => registry.with(layer).try_init(),
            Form::Json => registry
                .with(layer.with_ansi(false).fmt_fields(Objects).event_format(Lines))
                .try_init(),
        });
    }
}

fn level(word: &str) -> Result<LevelFilter, String> {
    match word.to_ascii_lowercase().as_str() {
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        _ => Err(format!(
            "{word:?} is no level; write off, error, warn, info, debug or trace, or TARGET=LEVEL, with commas between them"
        )),
    }
}

/// Each line an object, in the form that Python writes too: its fields are its own and, where it says nothing, those of the operations it happened in; each
/// operation has its own beside its name.
struct Lines;

impl<S> FormatEvent<S, Objects> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Objects>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut spans = Vec::new();
        // From the innermost outwards.
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let of_span = extensions.get::<FormattedFields<Objects>>();
            let of_span = of_span.map(|text| object(&text.fields)).unwrap_or_default();
            for (name, value) in &of_span {
                if !fields.others.contains_key(name) {
                    fields.others.insert(name.clone(), value.clone());
                }
            }
            spans.push(json!({ "name": span.name(), "fields": of_span }));
        }
        spans.reverse();
        let line = json!({
            "time": format!("{:.6}", jiff::Timestamp::now()),
            "level": event.metadata().level().as_str().to_ascii_lowercase(),
            "target": event.metadata().target(),
            "message": fields.message,
            "fields": fields.others,
            "spans": spans,
        });
        writeln!(writer, "{line}")
    }
}

/// The fields of a span as the text of an object, which is kept with it.
struct Objects;

impl<'w> FormatFields<'w> for Objects {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, given: R) -> fmt::Result {
        let mut fields = Fields::default();
        given.record(&mut fields);
        write!(writer, "{}", Value::Object(fields.others))
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, given: &Record<'_>) -> fmt::Result {
        let mut fields = Fields {
            others: object(&current.fields),
            ..Fields::default()
        };
        given.record(&mut fields);
        current.fields = Value::Object(fields.others).to_string();
        Ok(())
    }
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        // Attributes of spans have a prefix that tells them from those of others, which says nothing here; what is meant for an exporter is no news.
        let name = field.name();
        if !name.starts_with("otel.") {
            let name = name.strip_prefix("ltx.").unwrap_or(name);
            self.others.insert(name.to_owned(), value.into());
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing to a text cannot fail.
            "message" => drop(write!(self.message, "{value:?}")),
            _ => self.set(field, format!("{value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            _ => self.set(field, value),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }
}

/// Which submit it is about: a command has only one.
const KNOWN: [&str; 2] = ["intent", "endpoint"];

/// Warnings and errors as sentences.
struct Sentences;

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

    fn decided(said: Said<'_>, variable: Option<&str>) -> (Targets, Form) {
        let wish = Wish::decide(said, variable).unwrap();
        (wish.filter, wish.form)
    }

    #[test]
    fn a_flag_goes_before_the_variable_and_the_filter_before_the_other_flags() {
        let filter = |text: &str| text.parse::<Targets>().unwrap();
        let verbose = |times| Said {
            verbose: times,
            ..Said::default()
        };
        let quiet = Said {
            quiet: true,
            ..Said::default()
        };
        let log = Said {
            filter: Some("info"),
            verbose: 2,
            quiet: false,
        };
        for (said, variable, expected, form) in [
            (Said::default(), None, "warn", Form::Sentences),
            (Said::default(), Some(" "), "warn", Form::Sentences),
            (Said::default(), Some("debug"), "debug", Form::Lines),
            (verbose(1), Some("off"), "warn,ltx_jobs=info", Form::Lines),
            (verbose(2), None, "warn,ltx_jobs=debug", Form::Lines),
            (verbose(9), None, "trace", Form::Lines),
            (quiet, Some("debug"), "error", Form::Sentences),
            (log, Some("debug"), "info", Form::Lines),
        ] {
            assert_eq!(
                decided(said, variable),
                (filter(expected), form),
                "{said:?} {variable:?}"
            );
        }
    }

    #[test]
    fn the_words_of_the_variable_are_levels_targets_and_json() {
        let read = |text: &str| decided(Said::default(), Some(text));
        let filter = |text: &str| text.parse::<Targets>().unwrap();
        for (text, expected, form) in [
            ("WARNING", "warn", Form::Lines),
            ("warn", "warn", Form::Sentences),
            ("off", "off", Form::Lines),
            ("debug, json", "debug", Form::Json),
            ("json", "info", Form::Json),
            (
                "warn,ltx_jobs::submit=debug",
                "warn,ltx_jobs::submit=debug",
                Form::Lines,
            ),
            ("ltx_jobs::poll", "ltx_jobs::poll=trace", Form::Lines),
            ("error,h2=trace", "error,h2=trace", Form::Lines),
        ] {
            assert_eq!(read(text), (filter(expected), form), "{text}");
        }
        for text in ["loud", "warn,ltx_jobs=loud", "hyper"] {
            let refused = Wish::decide(Said::default(), Some(text)).map(drop);
            assert!(refused.is_err_and(|why| why.contains("is no level")), "{text}");
        }
    }

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

    #[test]
    fn a_line_of_json_has_the_values_as_they_are_and_the_spans_around_it() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .fmt_fields(Objects)
            .event_format(Lines)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!(
                "submit",
                ltx.endpoint = "retake",
                ltx.job = tracing::field::Empty,
                otel.kind = "client",
                tries = 1
            );
            let _inside = span.clone().entered();
            span.record("ltx.job", "retake/x");
            tracing::warn!(target: "ltx_jobs::submit", tries = 2, slow = true, who = %"me", "said {}", 1);
        });
        let line: Value = serde_json::from_slice(&kept.0.lock().unwrap()).unwrap();
        assert_eq!(
            (&line["level"], &line["target"], &line["message"]),
            (&json!("warn"), &json!("ltx_jobs::submit"), &json!("said 1"))
        );
        assert_eq!(
            line["fields"],
            json!({"tries": 2, "slow": true, "who": "me", "endpoint": "retake", "job": "retake/x"})
        );
        assert_eq!(
            line["spans"],
            json!([{"name": "submit", "fields": {"endpoint": "retake", "job": "retake/x", "tries": 1}}])
        );
        line["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
}
