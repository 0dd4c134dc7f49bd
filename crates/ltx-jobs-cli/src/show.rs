//! What the user sees while work goes on: a view that is drawn again and again on a terminal, plain lines in a pipe, lines of JSON when asked for.
//!
//! Progress and notes go to standard error; standard output carries results only (or, with `--json`, the events). With `--quiet` there are only results
//! and errors. A reader that went away ends nothing: the job is worth more than its display.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use ltx_jobs::{Error, Job, Phase, Progress};
use serde_json::{Value, json};

use crate::exit::{self, Failure};
use crate::speed::{Speed, clock};

/// Shortest time between two events of progress.
const EVENT_GAP: Duration = Duration::from_secs(1);
/// Shortest time between two plain lines that tell of the same state.
const LINE_GAP: Duration = Duration::from_secs(10);

/// Where everything the command says goes through.
pub(crate) struct Show {
    json: bool,
    quiet: bool,
    watched: bool,
    bar: Bar,
    last: Mutex<Option<Last>>,
    speed: Mutex<Speed>,
}

/// The bar, while there is one: only on a terminal, and only while work goes on.
type Bar = Arc<Mutex<Option<ProgressBar>>>;

/// What was told last.
struct Last {
    at: Instant,
    state: String,
    bounded: bool,
}

impl Show {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            watched: !json && !quiet && may_draw(),
            bar: Bar::default(),
            last: Mutex::default(),
            speed: Mutex::default(),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A result, on standard output; not with `--json`.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            above(&self.bar, || write_line(&mut io::stdout().lock(), text));
        }
    }

    /// An event, on standard output; only with `--json`.
    pub(crate) fn event(&self, name: &str, mut fields: Value) {
        if !self.json {
            return;
        }
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("event".to_owned(), name.into());
        }
        write_line(&mut io::stdout().lock(), &fields.to_string());
    }

    /// Whether escape codes may go to standard error.
    pub(crate) fn may_draw(&self) -> bool {
        may_draw()
    }

    /// A remark for people, on standard error; not with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Something that went wrong, or was ended, for people, on standard error.
    pub(crate) fn say(&self, text: &str) {
        above(&self.bar, || write_line(&mut io::stderr().lock(), text));
    }

    /// An error: one line on standard error, and an event; then the command that goes on with its job, if there is one.
    pub(crate) fn error(&self, error: &Error, go_on: Option<&str>) {
        self.clear();
        self.error_event(error, go_on);
        self.say(&format!("ltx-jobs: {error}"));
        if let Some(command) = go_on {
            self.say(&format!("go on with: {command}"));
        }
    }

    /// The event of an error.
    pub(crate) fn error_event(&self, error: &Error, go_on: Option<&str>) {
        let mut fields = describe(error);
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("go_on".to_owned(), go_on.into());
        }
        self.event("error", fields);
    }

    /// Why a command, or a part of it, did not end well.
    pub(crate) fn failure(&self, failure: &Failure) {
        match failure {
            Failure::Error(error) => self.error(error, None),
            Failure::JobLeft(error, command) => self.error(error, Some(command)),
            // Told where it happened, with what is left behind.
            Failure::Interrupted | Failure::Told(_) => {}
        }
    }

    /// A job that exists from now on. What it was warned about is in the event; on standard error the log has told it already.
    pub(crate) fn submitted(&self, job: &Job) {
        let reference = job.reference();
        self.event(
            "submitted",
            json!({
                "ref": reference.to_string(),
                "endpoint": reference.endpoint(),
                "id": reference.id(),
                "warnings": job.snapshot().warnings,
            }),
        );
        if !self.json {
            self.note(&format!("submitted {reference}"));
        }
    }

    /// How far it is. Called often; decides itself what is worth telling.
    pub(crate) fn progress(&self, progress: &Progress) {
        if self.quiet {
            return;
        }
        let state = state(progress);
        let mut speed = lock(&self.speed);
        speed.at(Instant::now(), progress.bytes_done);
        let mut last = lock(&self.last);
        let bounded = progress.bytes_total.is_some_and(|total| total > 0);
        if self.watched {
            let mut slot = lock(&self.bar);
            let is_new = slot.is_none();
            let bar = slot.get_or_insert_with(ProgressBar::no_length);
            if is_new || last.as_ref().is_none_or(|last| last.bounded != bounded) {
                bar.set_style(style(bounded));
            }
            bar.update(|bar| {
                bar.set_pos(progress.bytes_done);
                bar.set_len(progress.bytes_total.unwrap_or_default());
            });
            bar.set_message(message(&state, progress, &speed));
            bar.tick();
            to_line_start();
        } else {
            let changed = last.as_ref().is_none_or(|last| last.state != state);
            let since = last.as_ref().map_or(Duration::MAX, |last| last.at.elapsed());
            let worth_it = if self.json {
                since >= EVENT_GAP
            } else {
                changed || since >= LINE_GAP
            };
            if !worth_it {
                return;
            }
            if self.json {
                self.event("progress", numbers(progress));
            } else {
                write_line(&mut io::stderr().lock(), &sentence(&state, progress, &speed));
            }
        }
        *last = Some(Last {
            at: Instant::now(),
            state,
            bounded,
        });
    }

    /// How many jobs together are: a bar with lines below it on a terminal, else a sentence or an event when there is news. Called often.
    pub(crate) fn board(
        &self,
        done: u64,
        total: u64,
        lines: impl FnOnce() -> Vec<String>,
        sentence: impl FnOnce() -> String,
        event: impl FnOnce() -> (&'static str, Value),
    ) {
        if self.quiet {
            return;
        }
        if self.watched {
            let mut slot = lock(&self.bar);
            let is_new = slot.is_none();
            let bar = slot.get_or_insert_with(ProgressBar::no_length);
            if is_new {
                bar.set_style(styled(BOARD));
            }
            bar.update(|bar| {
                bar.set_pos(done);
                bar.set_len(total);
            });
            bar.set_message(lines().join("\n"));
            bar.tick();
            to_line_start();
            return;
        }
        let mut last = lock(&self.last);
        let gap = if self.json { EVENT_GAP } else { LINE_GAP };
        if last.as_ref().is_some_and(|last| last.at.elapsed() < gap) {
            return;
        }
        if self.json {
            let (name, fields) = event();
            self.event(name, fields);
        } else {
            write_line(&mut io::stderr().lock(), &sentence());
        }
        *last = Some(Last {
            at: Instant::now(),
            state: String::new(),
            bounded: false,
        });
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.finish_and_clear();
        }
    }

    /// Sends log lines past the bar to standard error.
    pub(crate) fn log_writer(&self) -> LogWriter {
        LogWriter(Arc::clone(&self.bar))
    }
}

/// On a terminal that draws, and is not asked to be plain (`NO_COLOR`, `TERM=dumb`): the view is made of escape codes.
fn may_draw() -> bool {
    let is_said = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    io::stderr().is_terminal() && !is_said("NO_COLOR") && !is_dumb
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes without the bar in the way.
fn above<T>(bar: &Bar, write: impl FnOnce() -> T) -> T {
    match &*lock(bar) {
        Some(bar) => {
            let written = bar.suspend(write);
            to_line_start();
            written
        }
        None => write(),
    }
}

/// What is drawn ends at the edge of the terminal. There the `^C` that a terminal echoes would begin a line of its own, and what is drawn next would miss
/// its place by one.
fn to_line_start() {
    // Nobody is there to tell that it cannot be written.
    drop(io::stderr().write_all(b"\r"));
}

/// See [`Show::log_writer`].
#[derive(Clone)]
pub(crate) struct LogWriter(Bar);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        above(&self.0, || io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A line that nobody takes any more is dropped.
fn write_line(out: &mut dyn Write, text: &str) {
    if writeln!(out, "{text}").is_ok() {
        drop(out.flush());
    }
}

/// The state without numbers: while it stays the same, there is little news.
fn state(progress: &Progress) -> String {
    let mut text = match (progress.phase, &progress.status) {
        (Phase::Waiting, Some(status)) => format!("waiting: {status}"),
        (phase, _) => phase.name().to_owned(),
    };
    if progress.unreachable.is_some() {
        text.push_str(" (service not reachable)");
    }
    if let Some(other) = &progress.waiting_for {
        text.push_str(&format!(" (waiting for {other}, which fetches the same file)"));
    }
    text
}

/// What stands on the bar.
fn message(state: &str, progress: &Progress, speed: &Speed) -> String {
    if progress.bytes_done == 0 {
        return format!("{state}, {:.0} s", progress.elapsed.as_secs_f64());
    }
    let mut text = format!("{state}{}", pace(progress, speed));
    if let Some(total) = progress.frames_total {
        text.push_str(&format!(", {} of {total} frames", progress.frames_done));
    }
    text
}

/// Speed and time left, as far as they are known.
fn pace(progress: &Progress, speed: &Speed) -> String {
    let mut text = String::new();
    if let Some(rate) = speed.bytes_per_second() {
        text.push_str(&format!(", {}/s", HumanBytes(rate as u64)));
    }
    if let Some(left) = speed.left(progress.bytes_total) {
        text.push_str(&format!(", {} left", clock(left)));
    }
    text
}

fn sentence(state: &str, progress: &Progress, speed: &Speed) -> String {
    let mut text = format!("{state}, {:.1} s", progress.elapsed.as_secs_f64());
    if progress.bytes_done > 0 {
        text.push_str(&format!(", {}", HumanBytes(progress.bytes_done)));
        if let Some(total) = progress.bytes_total {
            text.push_str(&format!(" of {}", HumanBytes(total)));
        }
        text.push_str(&pace(progress, speed));
    }
    if let Some(total) = progress.frames_total {
        text.push_str(&format!(", {} of {total} frames", progress.frames_done));
    }
    text
}

fn numbers(progress: &Progress) -> Value {
    json!({
        "phase": progress.phase.name(),
        "status": progress.status.as_ref().map(ltx_jobs::Status::as_str),
        "bytes_done": progress.bytes_done,
        "bytes_total": progress.bytes_total,
        "frames_done": progress.frames_done,
        "frames_total": progress.frames_total,
        "unreachable_s": progress.unreachable.map(|time| time.as_secs_f64()),
        "waiting_for": progress.waiting_for,
        "elapsed_s": progress.elapsed.as_secs_f64(),
    })
}

const SPINNER: &str = "{spinner} {msg}";
const BYTES: &str = "{spinner} {msg} {wide_bar} {bytes}/{total_bytes}";

const BOARD: &str = "{spinner} {wide_bar} {pos}/{len}\n{msg}";

fn style(bounded: bool) -> ProgressStyle {
    styled(if bounded { BYTES } else { SPINNER })
}

fn styled(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// An error as fields; the same names and numbers as in the other languages.
pub(crate) fn describe(error: &Error) -> Value {
    json!({
        "kind": error.kind().name(),
        "number": error.kind().number(),
        "billing": error.billing().name(),
        "message": error.message(),
        "advice": error.advice(),
        "retryable": error.is_retryable(),
        "retry_after_s": error.retry_after().map(|time| time.as_secs_f64()),
        "job_ended": error.job_ended(),
        "ref": error.job().map(ToString::to_string),
        "request_id": error.request_id(),
        "http_status": error.http_status(),
        "api_type": error.api_type(),
        "api_message": error.api_message(),
        "os_error": error.os_error(),
        "exit_code": exit::code(error.kind()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ltx_jobs::ErrorKind;

    #[test]
    fn an_error_is_told_with_kind_number_billing_and_exit_code() {
        let fields = describe(&Error::from_face(ErrorKind::Exists, "there already"));
        assert_eq!(fields["kind"], "Exists");
        assert_eq!(fields["number"], 162);
        assert_eq!(fields["billing"], "no_job");
        assert_eq!(fields["exit_code"], 8);
        assert_eq!(fields["retryable"], false);
    }

    #[test]
    fn every_template_of_the_bar_is_valid() {
        for template in [SPINNER, BYTES, BOARD] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
