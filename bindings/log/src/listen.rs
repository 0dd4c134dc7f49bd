//! Listens to this copy's `tracing`, and to the `log` of the libraries below, once somebody wants to hear.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::queue;
use crate::record::{Level, Record, Span, Value, cut, written};

/// The level that is kept; 0 for none.
static KEPT: AtomicU8 = AtomicU8::new(0);

/// Whose words `Debug` and what matters more are.
const OURS: &str = "ltx_jobs";

/// Keeps lines of this level and of those that matter more; `None` keeps nothing. For every client of this copy of the library.
///
/// False when this copy of `tracing` has another subscriber already (a command that runs in this process has): then nothing is kept.
pub fn set_level(level: Option<Level>) -> bool {
    let number = level.map_or(0, Level::number);
    if number == 0 && KEPT.load(Ordering::Acquire) == 0 {
        return true;
    }
    queue::open();
    KEPT.store(number, Ordering::Release);
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let installed = *INSTALLED.get_or_init(|| {
        let subscriber = tracing_subscriber::registry().with(Keeper);
        // The libraries below that know only `log`. Whether it can be had or not, the rest works.
        drop(log::set_logger(&Keeper));
        tracing::subscriber::set_global_default(subscriber).is_ok()
    });
    log::set_max_level(if level == Some(Level::Trace) {
        log::LevelFilter::Trace
    } else {
        log::LevelFilter::Off
    });
    // Every place in the code remembers whether anybody listens.
    tracing::callsite::rebuild_interest_cache();
    installed
}

fn is_kept(level: Level, target: &str) -> bool {
    let kept = KEPT.load(Ordering::Acquire);
    level.number() <= kept && (kept == Level::Trace.number() || target.starts_with(OURS))
}

/// Writes everything that is kept into the queue.
struct Keeper;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Our operations are known at every level, so that a warning tells the job it is about.
        let level = if metadata.is_span() && metadata.target().starts_with(OURS) {
            Level::Error
        } else {
            level(*metadata.level())
        };
        is_kept(level, metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match Level::from_number(KEPT.load(Ordering::Acquire)) {
            None => LevelFilter::OFF,
            // The level of our spans.
            Some(Level::Error | Level::Warn | Level::Info) => LevelFilter::INFO,
            Some(Level::Debug) => LevelFilter::DEBUG,
            Some(Level::Trace) => LevelFilter::TRACE,
        })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut values = Values::default();
            attributes.record(&mut values);
            span.extensions_mut().insert(values);
        }
    }

    fn on_record(&self, id: &Id, new: &tracing::span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(values) = span.extensions_mut().get_mut::<Values>()
        {
            new.record(values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut values = Values::default();
        event.record(&mut values);
        let mut spans = Vec::new();
        // From the innermost outwards.
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions
                .get::<Values>()
                .map(|of_span| of_span.fields.clone())
                .unwrap_or_default();
            values.add(&fields);
            spans.push(Span {
                name: span.name(),
                fields,
            });
        }
        spans.reverse();
        queue::push(Record {
            level: level(*event.metadata().level()),
            at: SystemTime::now(),
            target: Cow::Borrowed(event.metadata().target()),
            message: values.message,
            fields: values.fields,
            spans,
            lost: 0,
        });
    }
}

impl log::Log for Keeper {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        is_kept(level_of_log(metadata.level()), metadata.target())
    }

    fn log(&self, record: &log::Record<'_>) {
        if log::Log::enabled(self, record.metadata()) {
            queue::push(Record {
                level: level_of_log(record.level()),
                at: SystemTime::now(),
                target: Cow::Owned(record.target().to_owned()),
                message: cut(record.args().to_string()),
                fields: Vec::new(),
                spans: Vec::new(),
                lost: 0,
            });
        }
    }

    fn flush(&self) {}
}

/// What an event or a span says.
#[derive(Default)]
struct Values {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Values {
    fn put(&mut self, field: &Field, given: Value) {
        if field.name() == "message" {
            self.message = given.to_string();
            return;
        }
        let Some(name) = name_for_hosts(field.name()) else {
            return;
        };
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) => *value = given,
            None => self.fields.push((name, given)),
        }
    }

    /// Takes over what an outer one says, where nothing was said yet.
    fn add(&mut self, outer: &[(&'static str, Value)]) {
        for (name, value) in outer {
            if !self.fields.iter().any(|(known, _)| known == name) {
                self.fields.push((name, value.clone()));
            }
        }
    }
}

/// Attributes of spans have a prefix that tells them from those of others; in a line of ours it says nothing. What is meant for an exporter is no news.
fn name_for_hosts(name: &'static str) -> Option<&'static str> {
    if name.starts_with("otel.") {
        return None;
    }
    Some(name.strip_prefix("ltx.").unwrap_or(name))
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::Text(written(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::Text(cut(value.to_owned())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // Beyond what a whole number holds, its digits say it.
        let whole = i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Whole);
        self.put(field, whole);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Whole(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Number(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Truth(value));
    }
}

fn level(level: tracing::Level) -> Level {
    match level {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

fn level_of_log(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::queue::drain;

    /// One copy, one level.
    static ALONE: Mutex<()> = Mutex::new(());

    fn heard() -> Vec<String> {
        let told = |record: Record| {
            format!(
                "{:?} {} {} {}",
                record.level,
                record.target,
                record.message,
                record.fields_text()
            )
        };
        drain(usize::MAX)
            .into_iter()
            .map(|record| told(record).trim_end().to_owned())
            .collect()
    }

    #[test]
    fn nothing_is_kept_until_it_is_wanted_and_the_level_can_change() {
        let _alone = ALONE.lock();
        let speak = || {
            tracing::info!(target: "ltx_jobs::submit", "accepted");
            tracing::debug!(target: "ltx_jobs::poll", "polled");
        };
        speak();
        assert!(set_level(Some(Level::Info)));
        speak();
        assert_eq!(heard(), ["Info ltx_jobs::submit accepted"]);
        set_level(Some(Level::Debug));
        speak();
        assert_eq!(heard().len(), 2);
        set_level(None);
        speak();
        assert_eq!(heard().len(), 0);
    }

    #[test]
    fn the_libraries_inside_are_heard_at_the_finest_level_only() {
        let _alone = ALONE.lock();
        let speak = || {
            tracing::warn!(target: "h2::codec", "odd");
            log::warn!(target: "rustls::msgs", "odd too");
        };
        set_level(Some(Level::Debug));
        speak();
        assert_eq!(heard().len(), 0);
        set_level(Some(Level::Trace));
        speak();
        assert_eq!(heard(), ["Warn h2::codec odd", "Warn rustls::msgs odd too"]);
        set_level(None);
    }

    #[test]
    fn a_line_has_the_fields_of_the_operations_it_happened_in() {
        let _alone = ALONE.lock();
        set_level(Some(Level::Warn));
        let outer = tracing::info_span!(target: "ltx_jobs::submit", "submit", ltx.intent = "intent:1", ltx.job = tracing::field::Empty, otel.kind = "client");
        outer.in_scope(|| {
            outer.record("ltx.job", "a/b");
            let inner = tracing::info_span!(target: "ltx_jobs::transfer", "upload", bytes = 7);
            inner.in_scope(|| tracing::warn!(target: "ltx_jobs::transfer", bytes = 3, why = %"a cut", "going on"));
        });
        let record = drain(usize::MAX).pop().unwrap();
        set_level(None);
        assert_eq!(record.spans_text(), "submit:upload");
        let job = Value::Text("a/b".to_owned());
        assert_eq!(record.spans[0].fields.last(), Some(&("job", job)));
        assert_eq!(record.spans[1].fields, [("bytes", Value::Whole(7))]);
        assert_eq!(record.fields_text(), r#"bytes=3 why="a cut" intent=intent:1 job=a/b"#);
        assert_eq!(record.message, "going on");
    }
}
