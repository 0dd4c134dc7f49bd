//! How the core's log looks on standard error. By default a warning is a sentence for the user, like those of the command itself; whoever asks for more
//! with `--log` also gets time, place and spans.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// What is logged when nobody says otherwise.
pub(crate) const DEFAULT: &str = "warn";

/// Which submit it is about: a command has only one.
const KNOWN: [&str; 2] = ["intent", "endpoint"];

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
