//! The Rust performer: plays scenarios as a Rust program would write them. One JSON line in for each scenario, one out, until standard input ends.
//!
//! On the way it logs everything and shows everything, for the conductor to look for secrets in.
#![forbid(unsafe_code)]

mod log;
mod order;
mod told;
mod typed;

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ltx_jobs::{
    Client, Completed, Counters, Error, ErrorKind, Frames, Job, JobRef, Media, OnUnknown, Phase, Request, Result,
    Submit, Submitting, Usd,
};
use serde::Serialize;
use serde_json::Value;

use crate::order::{Do, Order, Step};
use crate::told::Told;

#[derive(Serialize)]
struct Report {
    scenario: String,
    steps: Vec<StepReport>,
    saved: Vec<String>,
    counters: Option<Counters>,
}

#[derive(Serialize)]
struct StepReport {
    r#do: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorReport>,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What a step that succeeded gave, beside what it did.
#[derive(Default, Serialize)]
struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frames: Option<Vec<String>>,
}

#[derive(Serialize)]
struct ErrorReport {
    kind: &'static str,
    number: u16,
    billing: &'static str,
    retryable: bool,
    job_ended: bool,
    http_status: Option<u16>,
    api_type: Option<String>,
}

impl From<&Error> for ErrorReport {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind().name(),
            number: error.kind().number(),
            billing: error.billing().name(),
            retryable: error.is_retryable(),
            job_ended: error.job_ended(),
            http_status: error.http_status(),
            api_type: error.api_type().map(str::to_owned),
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    log::listen();
    for line in std::io::stdin().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        log::into(&order.log)?;
        let mut told = Told::default();
        let report = perform(&order, &mut told).await;
        told.write(&order.told)?;
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

async fn perform(order: &Order, told: &mut Told) -> Report {
    let mut report = Report {
        scenario: order.scenario.clone(),
        steps: Vec::new(),
        saved: Vec::new(),
        counters: None,
    };
    let mut play = match Play::begin(order, told) {
        Ok(play) => play,
        Err(error) => {
            told.error(&error);
            report.steps.push(StepReport {
                r#do: "submit",
                ok: false,
                error: Some(ErrorReport::from(&error)),
                outcome: Outcome::default(),
            });
            return report;
        }
    };
    for step in &order.steps {
        let done = play.step(order, step, told).await;
        if let Err(error) = &done {
            told.error(error);
            // As a program would do it.
            let _ = writeln!(std::io::stderr(), "{}: {error}", order.scenario);
        }
        if let Some(job) = &play.job {
            told.debug(job);
            told.display(job.reference());
            told.debug(&job.snapshot());
        }
        let failed = done.is_err();
        report.steps.push(StepReport {
            r#do: step.r#do.name(),
            ok: !failed,
            error: done.as_ref().err().map(ErrorReport::from),
            outcome: done.unwrap_or_default(),
        });
        if failed && !step.go_on {
            break;
        }
    }
    play.saved.sort_unstable();
    report.saved = play.saved;
    drop(play.frames);
    told.client(&play.client).await;
    play.client.close(Duration::from_secs(5)).await;
    report.counters = Some(play.client.counters());
    report
}

/// A scenario being played.
struct Play {
    client: Client,
    job: Option<Job>,
    /// Submits that were not waited for yet, in the order they began.
    started: VecDeque<Submitting>,
    done: Option<Completed>,
    frames: Option<Frames>,
    saved: Vec<String>,
}

impl Play {
    fn begin(order: &Order, told: &mut Told) -> Result<Self> {
        let mut builder = Client::builder()
            .api_key(order.api_key.as_str())
            .base_url(&order.base_url);
        for (key, value) in &order.settings {
            builder = builder.set(key, value)?;
        }
        told.debug(&builder);
        Ok(Self {
            client: builder.build()?,
            job: None,
            started: VecDeque::new(),
            done: None,
            frames: None,
            saved: Vec::new(),
        })
    }

    fn job(&self) -> Result<&Job> {
        self.job
            .as_ref()
            .ok_or_else(|| Error::from_face(ErrorKind::InvalidState, "the scenario has no job yet"))
    }

    fn done(&self) -> Result<&Completed> {
        self.done
            .as_ref()
            .ok_or_else(|| Error::from_face(ErrorKind::InvalidState, "the scenario has no result yet"))
    }

    fn frames(&self) -> Result<Frames> {
        self.frames
            .clone()
            .ok_or_else(|| Error::from_face(ErrorKind::InvalidState, "the scenario has no frames yet"))
    }

    /// A frame that came into memory becomes a file, which the conductor looks at.
    fn keep(&mut self, order: &Order, name: &str, bytes: &[u8]) -> Result<()> {
        std::fs::create_dir_all(&order.dest)
            .and_then(|()| std::fs::write(order.dest.join(name), bytes))
            .map_err(|error| Error::from_face(ErrorKind::Io, error.to_string()))?;
        self.note(name.to_owned());
        Ok(())
    }

    fn note(&mut self, path: String) {
        if !self.saved.contains(&path) {
            self.saved.push(path);
        }
    }

    fn submit(&self, order: &Order, step: &Step, told: &mut Told) -> Result<Submit> {
        let request = request(order, step)?;
        told.debug(&request);
        let mut submit = self.client.submit(request);
        if let Some(once) = &order.once {
            submit = submit.once(once);
        }
        if let Some(limit) = order.submit_timeout_ms {
            submit = submit.timeout(Duration::from_millis(limit));
        }
        if order.on_unknown == "accept_double_charge" {
            submit = submit.on_unknown(OnUnknown::AcceptDoubleCharge);
        }
        if let Some(limit) = &order.max_cost {
            submit = submit.max_cost(limit.parse::<Usd>()?);
        }
        told.debug(&submit);
        Ok(submit)
    }

    async fn step(&mut self, order: &Order, step: &Step, told: &mut Told) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        match &step.r#do {
            Do::Submit => self.job = Some(self.submit(order, step, told)?.await?),
            Do::Start => self.started.push_back(self.submit(order, step, told)?.start()),
            Do::Queued => queued(self.started.back()).await?,
            Do::Finish => {
                let first = self.started.pop_front().ok_or_else(nothing_started)?;
                self.job = Some(first.operation().clone().await?);
            }
            Do::Estimate => {
                let estimate = self.client.estimate(request(order, step)?).await?;
                told.debug(&estimate);
                outcome.usd = Some(estimate.usd.to_string());
                outcome.basis = Some(estimate.basis);
            }
            Do::Warnings => outcome.warnings = Some(self.job()?.snapshot().warnings),
            Do::Wait { timeout_ms } => {
                let mut wait = self.job()?.wait();
                if let Some(limit) = timeout_ms {
                    wait = wait.timeout(Duration::from_millis(*limit));
                }
                told.debug(&wait);
                let done = wait.await?;
                told.debug(&done);
                told.debug(done.outputs());
                for output in done.outputs().values() {
                    told.debug(output.url());
                    told.display(output.url());
                }
                self.done = Some(done);
            }
            Do::Poll => {
                let snapshot = self.job()?.poll().await?;
                told.debug(&snapshot);
            }
            Do::Attach => {
                let text = self.job()?.reference().to_string();
                self.done = None;
                self.job = None;
                self.job = Some(self.client.job(text.parse::<JobRef>()?)?);
            }
            Do::SetApiKey { key } => self.client.set_api_key(key.as_str()),
            Do::Download {
                overwrite,
                only,
                frame_name,
                first_frame,
            } => {
                let done = self.done()?;
                let mut download = done.download(&order.dest).overwrite(*overwrite);
                if let Some(labels) = only {
                    download = download.only(labels);
                }
                if let Some(pattern) = frame_name {
                    download = download.frame_name(pattern);
                }
                if let Some(number) = first_frame {
                    download = download.first_frame(*number);
                }
                told.debug(&download);
                let saved = download.await?;
                told.debug(&saved);
                self.saved = saved.paths.iter().map(|path| relative(path, &order.dest)).collect();
            }
            Do::Frames { label, spool } => {
                let mut open = self.done()?.frames();
                if let Some(label) = label {
                    open = open.label(label);
                }
                if let Some(directory) = spool {
                    open = open.spool(directory);
                }
                told.debug(&open);
                let frames = open.await?;
                told.debug(&frames);
                outcome.frames = Some(frames.names().map(str::to_owned).collect());
                self.frames = Some(frames);
            }
            Do::Read { index, number } => {
                let frames = self.frames()?;
                let index = number.and_then(|number| frames.by_number(number)).or(*index);
                let index =
                    index.ok_or_else(|| Error::from_face(ErrorKind::InvalidState, "no frame has this number"))?;
                let reading = frames.read(index);
                told.debug(&reading);
                let bytes = reading.await?;
                let name = frames.name(index).unwrap_or_default().to_owned();
                self.keep(order, &name, &bytes)?;
                outcome.frames = Some(vec![name]);
            }
            Do::Extract {
                from,
                count,
                overwrite,
                frame_name,
                first_frame,
            } => {
                let frames = self.frames()?;
                let mut extract = frames.extract(&order.dest).overwrite(*overwrite);
                extract = extract.range(*from..count.map_or(frames.len(), |count| from + count));
                if let Some(pattern) = frame_name {
                    extract = extract.frame_name(pattern);
                }
                if let Some(number) = first_frame {
                    extract = extract.first_frame(*number);
                }
                told.debug(&extract);
                let saved = extract.await?;
                told.debug(&saved);
                for path in &saved.paths {
                    self.note(relative(path, &order.dest));
                }
            }
            Do::Stream { from, count, budget } => {
                let frames = self.frames()?;
                let mut stream = frames.stream();
                stream = stream.range(*from..count.map_or(frames.len(), |count| from + count));
                if let Some(bytes) = budget {
                    stream = stream.budget(*bytes);
                }
                told.debug(&stream);
                let mut stream = stream.start();
                told.debug(&stream);
                let mut names = Vec::new();
                while let Some(frame) = stream.next().await {
                    let frame = frame?;
                    self.keep(order, &frame.name, &frame.bytes)?;
                    names.push(frame.name);
                }
                outcome.frames = Some(names);
            }
            Do::Check => {
                let report = self.client.check().keep_failures(true).await?;
                told.debug(&report);
                told.display(&report);
                if let Some(error) = report.error() {
                    return Err(error.clone());
                }
            }
            Do::Upload => {
                for path in order.media.values() {
                    let media = Media::file(path);
                    told.debug(&media);
                    let uri = self.client.upload(media).await?;
                    told.debug(&uri);
                }
            }
        }
        Ok(outcome)
    }
}

fn request(order: &Order, step: &Step) -> Result<Request> {
    let params = step.params.as_ref().unwrap_or(&order.params).clone();
    if order.typed {
        let media = order.media.clone();
        return typed::request(&order.endpoint, typed::Fields { params, media });
    }
    let mut request = Request::raw(order.endpoint.as_str(), Value::Object(params))?;
    for (field, path) in &order.media {
        request.set_media(field, Media::file(path));
    }
    Ok(request)
}

fn nothing_started() -> Error {
    Error::from_face(ErrorKind::InvalidState, "the scenario has started no submit")
}

/// Looks until it waits for a place.
async fn queued(submitting: Option<&Submitting>) -> Result<()> {
    let operation = submitting.ok_or_else(nothing_started)?.operation();
    while operation.snapshot().phase != Phase::Queued {
        if operation.is_ended() {
            return Err(Error::from_face(
                ErrorKind::InvalidState,
                "the submit ended without a wait",
            ));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

fn relative(path: &Path, dest: &Path) -> String {
    path.strip_prefix(dest).unwrap_or(path).to_string_lossy().into_owned()
}
