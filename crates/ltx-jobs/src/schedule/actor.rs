//! The actor's loop. What a poll means is decided in `job::state`; here is only when and how many.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::{Command, INTERVALS_APART, LONGEST_APART, POLLS_IN_FLIGHT, Rhythm, Surroundings};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Ending, JobCell, JobRef, Life, Next, Observation, Snapshot, expired};
use crate::journal::Journal;
use crate::keys::Renewal;
use crate::model::Status;
use crate::retry::{Backoff, after};
use crate::secret::ApiKey;
use crate::telemetry::{self, POLL, ltx, otel};

/// One WARN when the service cannot be reached for this long.
const WARN_AFTER: Duration = Duration::from_secs(60);

pub(super) struct Actor {
    around: Surroundings,
    began: Instant,
    jobs: HashMap<JobRef, Entry>,
    timers: DelayQueue<JobRef>,
    /// Jobs whose time has come, in order; they wait for a free place or for the gate.
    due: VecDeque<JobRef>,
    in_flight: JoinSet<Seen>,
    /// Nobody asks before this moment: set by `Retry-After`.
    gate: Option<Instant>,
    /// The key was refused, or none can be had, with these words: no timed poll before there is another.
    no_key: Option<(Option<ApiKey>, Error)>,
    /// Looks for another key, for jobs that came when there was none.
    looks: JoinSet<(Arc<JobCell>, Renewal)>,
    /// Somebody was told that the service cannot be reached, and no poll has reached it since.
    outage_told: bool,
}

struct Entry {
    cell: Arc<JobCell>,
    life: Life,
    backoff: Backoff,
    failures: u32,
    timer: Option<delay_queue::Key>,
    /// Its place among the due ones counts; one that has lost it was asked for out of turn.
    queued: bool,
    busy: bool,
    /// When its timer was to end.
    due: Option<Instant>,
    /// There was a word of its end while it was asked for: that answer may be of before.
    ask_again: bool,
    /// How long after that it was asked for, last time.
    late: Duration,
    /// When it was last asked for.
    asked: Option<Instant>,
    unreachable: Option<(Instant, bool)>,
    replies: Vec<oneshot::Sender<Result<Snapshot>>>,
    /// Of its own, for a job outlives whoever asked for it.
    span: Span,
}

struct Seen {
    job: JobRef,
    span: Span,
    key: Option<ApiKey>,
    observation: Observation,
    /// Whether there is another key, when this one was refused.
    renewal: Renewal,
}

impl Actor {
    pub(super) fn new(around: Surroundings) -> Self {
        Self {
            around,
            began: Instant::now(),
            jobs: HashMap::new(),
            timers: DelayQueue::new(),
            due: VecDeque::new(),
            in_flight: JoinSet::new(),
            gate: None,
            no_key: None,
            looks: JoinSet::new(),
            outage_told: false,
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>, stop: CancellationToken) {
        loop {
            self.launch();
            let gate = self.gate.filter(|_| !self.due.is_empty());
            tokio::select! {
                () = stop.cancelled() => return,
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(expired) = std::future::poll_fn(|context| self.timers.poll_expired(context)), if !self.timers.is_empty() => {
                    let job = expired.into_inner();
                    if let Some(entry) = self.jobs.get_mut(&job) {
                        entry.timer = None;
                        self.enqueue(job);
                    }
                }
                Some(done) = self.in_flight.join_next(), if !self.in_flight.is_empty() => match done {
                    Ok(seen) => seen.span.clone().in_scope(|| self.learn(seen)),
                    Err(error) => tracing::error!(target: POLL, %error, "a poll ended without an outcome"),
                },
                Some(looked) = self.looks.join_next(), if !self.looks.is_empty() => match looked {
                    Ok((cell, renewal)) => self.looked_for_key(&cell, renewal),
                    Err(error) => tracing::error!(target: POLL, %error, "a look for another key ended without an outcome"),
                },
                () = wait_until(gate), if gate.is_some() => self.gate = None,
            }
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn rhythm(&self) -> &Rhythm {
        &self.around.rhythm
    }

    fn obey(&mut self, command: Command) {
        match command {
            // A job that has ended is never asked for again.
            Command::Track { cell, .. } if cell.was_seen_to_end() => {}
            Command::Track { cell, fresh, cause } => {
                let job = cell.reference.clone();
                let known = self.jobs.contains_key(&job);
                let entry = self.entry(Arc::clone(&cell), fresh);
                if !known {
                    entry.span.follows_from(&cause);
                }
                if let Some((key, _)) = &self.no_key
                    && cell.snapshot().paused.is_none()
                {
                    // It will not be asked for unless there is another key by now, and whoever waits for it must hear why.
                    let (keys, key, now) = (Arc::clone(&self.around.keys), key.clone(), Instant::now());
                    self.looks
                        .spawn(async move { (cell, keys.renewed_since(key.as_ref(), now).await) });
                }
                if !known {
                    if fresh {
                        self.poll_after_interval(&job);
                    } else {
                        self.enqueue(job);
                    }
                } else {
                    self.no_longer_rarely(&job);
                }
            }
            Command::AskNow { cell } => {
                let job = &cell.reference;
                let Some(entry) = self.jobs.get_mut(job) else { return };
                if entry.busy {
                    // That poll may have left before the end.
                    entry.ask_again = true;
                } else if entry.unreachable.is_none()
                    && let Some(timer) = entry.timer.take()
                {
                    self.timers.try_remove(&timer);
                    entry.due = None;
                    self.enqueue(job.clone());
                }
            }
            Command::PollOnce { cell, reply } => {
                if cell.was_seen_to_end() {
                    tokio::spawn(async move { reply.send(Ok(cell.end_is_told().await)) });
                    return;
                }
                let interval = self.rhythm().interval;
                // With a refused key nobody is sent in turn: whoever asks by hand must not wait for one.
                let room = self.gate.is_none() && (self.in_flight.len() < POLLS_IN_FLIGHT || self.no_key.is_some());
                let job = cell.reference.clone();
                let entry = self.entry(Arc::clone(&cell), false);
                if entry.busy {
                    entry.replies.push(reply);
                } else if entry.asked.is_some_and(|at| at.elapsed() < interval) {
                    let _ = reply.send(report(&cell.snapshot()));
                } else {
                    entry.replies.push(reply);
                    if room {
                        self.send(&job);
                    } else {
                        self.enqueue(job);
                    }
                }
            }
            Command::KeyChanged => self.resume(),
        }
    }

    fn entry(&mut self, cell: Arc<JobCell>, fresh: bool) -> &mut Entry {
        let now = self.now();
        let rhythm = self.around.rhythm.clone();
        self.jobs.entry(cell.reference.clone()).or_insert_with(|| Entry {
            life: Life::new(cell.reference.clone(), fresh || cell.submitted_here, now),
            backoff: Backoff::new(rhythm.backoff_base, rhythm.backoff_cap),
            failures: 0,
            timer: None,
            queued: false,
            busy: false,
            due: None,
            ask_again: false,
            late: Duration::ZERO,
            asked: None,
            unreachable: None,
            replies: Vec::new(),
            span: job_span(&cell),
            cell,
        })
    }

    /// Puts a job at the end of those that are due, once.
    fn enqueue(&mut self, job: JobRef) {
        if let Some(entry) = self.jobs.get_mut(&job)
            && !entry.queued
        {
            entry.queued = true;
            self.due.push_back(job);
        }
    }

    /// The interval, or many of them, with 10 % jitter, so that jobs submitted together do not poll in step for ever.
    fn poll_after_interval(&mut self, job: &JobRef) {
        let usual = self.rhythm().interval;
        let interval = match self.jobs.get(job) {
            // A doubt is settled by looking again.
            Some(entry) if entry.cell.is_watched_elsewhere() && !entry.life.is_in_doubt() => {
                usual.max(LONGEST_APART.min(usual * INTERVALS_APART))
            }
            _ => usual,
        };
        self.poll_after(job, interval.mul_f64(0.9 + 0.2 * fastrand::f64()));
    }

    /// If somebody waits here for a job that was asked for rarely, it is asked for as usual.
    fn no_longer_rarely(&mut self, job: &JobRef) {
        let latest = Instant::now() + self.rhythm().interval.mul_f64(1.1);
        if let Some(entry) = self.jobs.get(job)
            && !entry.cell.is_watched_elsewhere()
            && entry.unreachable.is_none()
            && entry.due.is_some_and(|due| due > latest)
        {
            self.poll_after_interval(job);
        }
    }

    fn poll_after(&mut self, job: &JobRef, delay: Duration) {
        if let Some(entry) = self.jobs.get_mut(job) {
            if let Some(timer) = entry.timer.take() {
                self.timers.try_remove(&timer);
            }
            entry.timer = Some(self.timers.insert(job.clone(), delay));
            entry.due = Some(Instant::now() + delay);
        }
    }

    /// Sends polls for due jobs while there is room, the gate is open and the key is not refused.
    fn launch(&mut self) {
        if self.gate.is_some_and(|gate| gate <= Instant::now()) {
            self.gate = None;
        }
        while self.gate.is_none() && self.no_key.is_none() && self.in_flight.len() < POLLS_IN_FLIGHT {
            let Some(job) = self.due.pop_front() else { return };
            match self.jobs.get_mut(&job) {
                Some(entry) if !entry.queued => {}
                // It was asked for by hand meanwhile; the answer says when its next turn is.
                Some(entry) if entry.busy => entry.queued = false,
                Some(entry) if entry.cell.is_wanted() || !entry.replies.is_empty() => self.send(&job),
                Some(_) => self.forget(&job),
                None => {}
            }
        }
    }

    fn forget(&mut self, job: &JobRef) {
        if let Some(timer) = self.jobs.remove(job).and_then(|entry| entry.timer) {
            self.timers.try_remove(&timer);
        }
    }

    fn send(&mut self, job: &JobRef) {
        let Some(entry) = self.jobs.get_mut(job) else { return };
        entry.busy = true;
        entry.queued = false;
        let now = Instant::now();
        entry.asked = Some(now);
        entry.late = entry
            .due
            .take()
            .map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        let (keys, transport) = (Arc::clone(&self.around.keys), self.around.transport.clone());
        let (limit, job) = (self.around.rhythm.timeout, job.clone());
        let resent = entry.failures;
        let span = tracing::debug_span!(target: POLL, parent: &entry.span, "job.poll", { ltx::STATUS } = Empty);
        let polling = span.clone();
        let asking = async move {
            // Here and not in the loop: a function that gives the key may take its time.
            let (observation, key, renewal) = match keys.current().await {
                Ok(mut key) => {
                    let mut again = true;
                    loop {
                        let sent = Instant::now();
                        let polled = transport.poll(&job, &key, limit, resent).await;
                        let renewal = match &polled {
                            Ok(answer) if answer.refuses_the_key() => keys.renewed_since(Some(&key), sent).await,
                            _ => Renewal::Same,
                        };
                        match renewal {
                            // At once, but once: a source that gives a new key at every call must not become a loop.
                            Renewal::Key(another) if std::mem::take(&mut again) => key = another,
                            renewal => {
                                let observation = polled.map_or_else(Observation::Failure, Observation::Answer);
                                break (observation, Some(key), renewal);
                            }
                        }
                    }
                }
                Err(error) => (Observation::NoKey(error), None, Renewal::Same),
            };
            Seen {
                job,
                span,
                key,
                observation,
                renewal,
            }
        };
        self.in_flight.spawn(asking.instrument(polling));
    }

    /// Takes in what a poll saw.
    fn learn(&mut self, seen: Seen) {
        let (now, wall, moment) = (self.now(), SystemTime::now(), Instant::now());
        let rhythm = self.around.rhythm.clone();
        let Some(entry) = self.jobs.get_mut(&seen.job) else {
            return;
        };
        entry.busy = false;
        let ask_again = std::mem::take(&mut entry.ask_again);
        let warnings_before = entry.cell.snapshot().warnings.len();
        let Entry { cell, life, .. } = entry;
        let mut snapshot = cell.snapshot();
        let next = life.observe(&mut snapshot, seen.observation, rhythm.interval, now, wall);
        // Or somebody has set one since the poll looked.
        let is_renewed = next == Next::PauseKey
            && (matches!(seen.renewal, Renewal::Key(_)) || self.around.keys.has_other_than(seen.key.as_ref()));
        // Before anybody hears of it: whoever waits takes a pause for the end of the wait.
        snapshot.paused = snapshot
            .paused
            .filter(|_| !is_renewed)
            .map(|error| seen.renewal.explain(error));
        if let Some(status) = &snapshot.status {
            seen.span.record(ltx::STATUS, status.as_str());
        }
        let job = cell.reference.clone();
        let late_ms = u64::try_from(entry.late.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(target: POLL, %job, status = snapshot.status.as_ref().map(tracing::field::display), ?next, late_ms, "polled");
        for warning in snapshot.warnings.iter().skip(warnings_before) {
            tracing::warn!(target: POLL, %job, "{warning}");
        }
        if snapshot.unreachable_since.is_none() {
            entry.unreachable = None;
            entry.backoff.reset();
            entry.failures = 0;
            if std::mem::take(&mut self.outage_told) {
                tracing::info!(target: POLL, "the service can be reached again");
            }
        } else {
            entry.failures = entry.failures.saturating_add(1);
            let (since, warned) = entry.unreachable.get_or_insert((moment, false));
            if !*warned && moment.duration_since(*since) >= WARN_AFTER {
                *warned = true;
                // Once for all jobs of an outage, not once for each.
                if !std::mem::replace(&mut self.outage_told, true) {
                    let error = snapshot.last_error.as_ref().map(Error::message).unwrap_or_default();
                    tracing::warn!(target: POLL, %job, error, "the service has not been reachable for a minute; jobs go on there, polling goes on here");
                }
            }
        }
        if next != Next::End {
            if snapshot.paused.is_some() {
                cell.set_refused_key(seen.key.clone());
            }
            cell.change(|known| *known = snapshot.clone());
            for reply in entry.replies.drain(..) {
                let _ = reply.send(report(&snapshot));
            }
        }
        // Somebody asked by hand, and the key is accepted again.
        let accepted_again = self.no_key.is_some() && next != Next::PauseKey && snapshot.unreachable_since.is_none();
        match next {
            Next::End => self.end(&job, snapshot),
            Next::Interval if ask_again => self.enqueue(job),
            Next::Interval => self.poll_after_interval(&job),
            Next::Backoff(asked) => {
                if let Some(asked) = asked.filter(|asked| !asked.is_zero()) {
                    let until = moment + asked.min(after::LONGEST_WAIT);
                    self.gate = Some(self.gate.map_or(until, |gate| gate.max(until)));
                }
                let delay = entry.backoff.next_delay(asked);
                // The first failure may be a stale connection: try again soon. After that never faster than the usual rhythm.
                let delay = if entry.failures <= 1 {
                    delay.min(rhythm.interval).max(asked.unwrap_or_default())
                } else {
                    delay.max(rhythm.interval)
                };
                self.poll_after(&job, delay);
            }
            Next::PauseKey => {
                if is_renewed {
                    // It was tried with two keys by now, and there is a third: not at once.
                    self.poll_after_interval(&job);
                    if self.no_key.is_some() {
                        self.resume();
                    }
                } else {
                    self.enqueue(job);
                    self.pause(seen.key, &snapshot);
                }
            }
        }
        if accepted_again {
            self.resume();
        }
    }

    /// Writes a job's end down, and only then tells those who wait: whoever hears of it may end the process at once.
    fn end(&mut self, job: &JobRef, snapshot: Snapshot) {
        let Some(Entry {
            cell,
            timer,
            replies,
            span,
            ..
        }) = self.jobs.remove(job)
        else {
            return;
        };
        if let Some(timer) = timer {
            self.timers.try_remove(&timer);
        }
        cell.begin_to_end();
        let tally = self.around.transport.tally();
        span.record(ltx::STATUS, ended_as(&snapshot).as_str());
        match &snapshot.ending {
            Some(Ending::Completed(_)) => tally.jobs_completed.one(),
            Some(Ending::Error(error)) => {
                telemetry::failed(&span, error.kind().name());
                tally.jobs_failed.one();
            }
            None => tally.jobs_failed.one(),
        }
        let (journal, job_ended, job) = (
            Arc::clone(&self.around.journal),
            Arc::clone(&self.around.job_ended),
            job.clone(),
        );
        tokio::spawn(async move {
            let (reference, mut seen) = (job.clone(), snapshot.clone());
            let written =
                tokio::task::spawn_blocking(move || write_end(journal.as_ref(), &reference, &mut seen).map(|()| seen))
                    .await;
            let snapshot = match written {
                Ok(Ok(written)) => written,
                Ok(Err(error)) => {
                    tracing::warn!(target: POLL, %job, %error, "a job's end could not be written down");
                    snapshot
                }
                Err(_) => snapshot,
            };
            // Before anybody hears of the end, so that whoever does may submit the next one at once.
            cell.let_go(snapshot.status != Some(Status::Failed));
            cell.change(|known| *known = snapshot.clone());
            // Last: whoever asked once looks at the handle next.
            for reply in replies {
                let _ = reply.send(report(&snapshot));
            }
            // One place is free: one submit that waits for room may try.
            job_ended.notify_one();
        });
    }

    /// The key is refused, or there is none: no job is asked for any more, and every waiter hears why.
    fn pause(&mut self, key: Option<ApiKey>, snapshot: &Snapshot) {
        let Some(error) = &snapshot.paused else { return };
        if self.no_key.is_none() {
            match &key {
                Some(_) => {
                    tracing::warn!(target: POLL, "the API key is refused; polling stops until there is another, the jobs go on")
                }
                None => {
                    tracing::warn!(target: POLL, error = %error.message(), "no API key can be had; polling stops until there is one, the jobs go on")
                }
            }
        }
        for entry in self.jobs.values().filter(|entry| !entry.cell.is_ended()) {
            tell_refused(&entry.cell, key.clone(), error);
        }
        self.no_key = Some((key, error.clone()));
    }

    /// What a look for another key found, for a job that came when there was none.
    fn looked_for_key(&mut self, cell: &JobCell, renewal: Renewal) {
        // Somebody may have set a key meanwhile.
        let Some((key, error)) = &self.no_key else { return };
        match renewal {
            Renewal::Key(_) => self.resume(),
            other => tell_refused(cell, key.clone(), &other.explain(error.clone())),
        }
    }

    fn resume(&mut self) {
        self.no_key = None;
        let paused: Vec<JobRef> = self
            .jobs
            .iter()
            .filter(|(_, entry)| !entry.busy && entry.timer.is_none())
            .map(|(job, _)| job.clone())
            .collect();
        for entry in self.jobs.values() {
            entry.cell.change(|snapshot| snapshot.paused = None);
        }
        for job in paused {
            self.enqueue(job);
        }
    }
}

fn job_span(cell: &JobCell) -> Span {
    let (job, label) = (&cell.reference, cell.given.label.as_deref());
    let span = tracing::info_span!(
        target: POLL,
        parent: None,
        "job",
        { ltx::JOB } = %job,
        { ltx::ENDPOINT } = job.endpoint(),
        { ltx::LABEL } = label,
        { ltx::STATUS } = Empty,
        { otel::ERROR_TYPE } = Empty,
        { otel::STATUS } = Empty,
    );
    span
}

/// Tells those who wait for a job that nobody asks for it, and why.
fn tell_refused(cell: &JobCell, key: Option<ApiKey>, error: &Error) {
    cell.set_refused_key(key);
    let error = error
        .clone()
        .with_job(&cell.reference)
        .with_billing(crate::Billing::JobExists(Some(cell.reference.clone())));
    cell.change(|snapshot| snapshot.paused = Some(error));
}

/// Writes a job's end down. A job that the service does not know, but the journal does, existed once: its 404 means that it has expired.
fn write_end(journal: &dyn Journal, job: &JobRef, snapshot: &mut Snapshot) -> Result<()> {
    if let Some(Ending::Error(error)) = &snapshot.ending
        && error.kind() == ErrorKind::NotFound
        && journal.knows(job)?
    {
        snapshot.ending = Some(Ending::Error(expired(job, error)));
    }
    journal.ended(job, &ended_as(snapshot))
}

/// The word for the journal: the service's own, or what its 404 meant.
fn ended_as(snapshot: &Snapshot) -> Status {
    match (&snapshot.status, &snapshot.ending) {
        (_, Some(Ending::Error(error))) if error.kind() == ErrorKind::Expired => Status::from("expired"),
        (_, Some(Ending::Error(error))) if error.kind() == ErrorKind::NotFound => Status::from("not_found"),
        (Some(status), _) => status.clone(),
        (None, _) => Status::from("unknown"),
    }
}

/// What a one-shot poll gives back: the snapshot, or what kept it from being one.
fn report(snapshot: &Snapshot) -> Result<Snapshot> {
    match (&snapshot.ending, &snapshot.last_error) {
        (None, Some(error)) => Err(error.clone()),
        _ => Ok(snapshot.clone()),
    }
}

async fn wait_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
