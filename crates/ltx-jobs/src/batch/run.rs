//! Drives a batch: lanes that submit, a task for each job that is waited for, lanes that save.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::desk::{Desk, Work, outcome, trouble};
use super::handover::{Handover, HandoverPlace, Kept, SaveHandover, WaitHandover};
use super::item::{BatchItem, Keep};
use super::outcome::{BatchOutcome, BatchProgress, BatchState};
use crate::error::{Billing, Error, ErrorKind, Result};
use crate::job::{Completed, Destination, Job, JobRef, WatchedElsewhere};
use crate::journal::{Fate, SavedTo, absolute};
use crate::money::Purse;
use crate::operation::Operation;
#[cfg(feature = "rehost")]
use crate::rehost::StoreDestination;
use crate::submit::Submitting;
use crate::telemetry::SUBMIT;
use crate::transfer::DownloadOptions;

/// Between two looks at a paid request that is finished in the background.
const LOOK: Duration = Duration::from_millis(20);

/// Runs the batch to its end: until everything that was pushed has an outcome and no more comes, or until it is stopped.
pub(super) async fn run(desk: Arc<Desk>) -> Result<BatchProgress> {
    if (desk.options.spend_limit.is_some() || desk.options.count_costs)
        && let Err(error) = count_earlier_runs(&desk).await
    {
        match desk.options.spend_limit {
            // Without it the limit would not hold.
            Some(_) => desk.pause(error.message().to_owned()),
            None => tracing::warn!(target: SUBMIT, %error, "what earlier runs have cost cannot be told"),
        }
    }
    let tasks = TaskTracker::new();
    for _ in 0..desk.options.submits_at_once {
        let (desk, jobs) = (Arc::clone(&desk), tasks.clone());
        tasks.spawn(async move { submit_lane(desk, jobs).await }.in_current_span());
    }
    for _ in 0..desk.options.saves_at_once {
        let desk = Arc::clone(&desk);
        tasks.spawn(async move { save_lane(&desk).await }.in_current_span());
    }
    let stopping = async {
        desk.stop.cancelled().await;
        desk.finish();
        desk.pause("the batch was stopped".to_owned());
    };
    tasks.close();
    let mut ended = std::pin::pin!(tasks.wait());
    tokio::select! {
        () = &mut ended => {}
        () = stopping => ended.await,
    }
    // A batch that was paused takes items, to tell that they were not submitted.
    tokio::select! {
        () = desk.finished() => {}
        () = desk.stop.cancelled() => desk.finish(),
    }
    Ok(desk.progress())
}

/// What this batch has cost so far counts too.
async fn count_earlier_runs(desk: &Desk) -> Result<()> {
    let prefix = desk.options.once("");
    desk.client.key(&desk.stop).await?;
    let entries = desk.client.journaled(|journal| journal.entries()).await?;
    let paid = entries.into_iter().filter(|entry| {
        entry.intent.once.as_ref().is_some_and(|once| once.starts_with(&prefix))
            && !matches!(entry.fate, Fate::Refused | Fate::EndedUnbilled(_))
    });
    for usd in paid.filter_map(|entry| entry.intent.usd) {
        desk.spending.count(usd);
    }
    Ok(())
}

/// Says that a lane is gone, however it goes.
struct Lane(Arc<Desk>);

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.submit_lane_ended();
    }
}

async fn submit_lane(desk: Arc<Desk>, jobs: TaskTracker) {
    let _lane = Lane(Arc::clone(&desk));
    while let Some(item) = desk.next_item().await {
        let keep = match item.kept(desk.options.keep.as_ref()) {
            Ok(keep) => keep,
            Err(error) => {
                let why = desk.submitted(Some(&error));
                desk.end_and_pause(trouble(&item, BatchState::Failed, None, error), why);
                continue;
            }
        };
        match submit(&desk, &item, keep.as_ref()).await {
            Ok(job) => {
                // There is a job: nothing is in the way.
                let _ = desk.submitted(None);
                let desk = Arc::clone(&desk);
                jobs.spawn(async move { follow(&desk, item, keep, job).await }.in_current_span());
            }
            Err(NoJob { error, of_before }) => {
                let why = match of_before {
                    true => {
                        desk.told_by_the_journal();
                        None
                    }
                    false => desk.submitted(Some(&error)),
                };
                desk.end_and_pause(trouble(&item, state_of_refusal(&error), None, error), why);
            }
        }
    }
}

/// Why an item has no job.
struct NoJob {
    error: Error,
    /// The journal told it, of a submit of before; nothing was sent.
    of_before: bool,
}

/// What a submit without a job means for the item: whether the same batch started again tries once more.
fn state_of_refusal(error: &Error) -> BatchState {
    match (error.billing(), error.kind()) {
        (Billing::Unknown, _) | (_, ErrorKind::SubmitUnknown | ErrorKind::IdLost) => BatchState::Unknown,
        (
            _,
            ErrorKind::Cancelled
            | ErrorKind::Closed
            | ErrorKind::CostLimit
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::InsufficientFunds
            | ErrorKind::Config
            | ErrorKind::Journal
            | ErrorKind::NoSpace
            | ErrorKind::Forked,
        ) => BatchState::NotSubmitted,
        _ if error.is_retryable() => BatchState::NotSubmitted,
        _ => BatchState::Failed,
    }
}

/// The job of an item: a new one, or the one that is there under its key.
async fn submit(desk: &Desk, item: &BatchItem, keep: Option<&Keep>) -> std::result::Result<Job, NoJob> {
    let limit = desk.options.spend_limit;
    let purse = (limit.is_some() || desk.options.count_costs).then(|| Purse {
        spending: Arc::clone(&desk.spending),
        limit,
    });
    let mut submit = desk
        .client
        .submit(item.request.clone())
        .once(desk.options.once(&item.key))
        .label(item.label.as_deref().unwrap_or(&item.key))
        .on_unknown(desk.options.on_unknown)
        .purse(purse);
    if let Some(Keep::Directory(dest)) = keep {
        submit = submit.dest(dest.clone());
    }
    if let Some(limit) = item.max_cost.or(desk.options.max_cost) {
        submit = submit.max_cost(limit);
    }
    let submitting = submit.start();
    let outcome = match stoppable(&desk.pause, submitting.operation()).await {
        Err(error) if desk.pause.is_cancelled() && *error.billing() == Billing::Unknown => {
            left_behind(desk, &submitting, error).await
        }
        outcome => outcome,
    };
    outcome.map_err(|error| NoJob {
        of_before: error
            .job()
            .is_some_and(|about| about.is_intent() && Some(about) != submitting.reference()),
        error,
    })
}

/// The outcome of a paid request that was on the wire when the batch was paused or stopped: it is finished in the background.
async fn left_behind(desk: &Desk, submitting: &Submitting, error: Error) -> Result<Job> {
    let Some(intent) = submitting.reference().cloned() else {
        return Err(error);
    };
    loop {
        let (client, asked) = (desk.client.clone(), intent.clone());
        let looked = tokio::task::spawn_blocking(move || client.job(asked)).await;
        match looked {
            Ok(Err(open)) if open.kind() == ErrorKind::InvalidState => tokio::time::sleep(LOOK).await,
            // It was refused after all.
            Ok(Err(none)) if none.kind() == ErrorKind::NotFound => {
                return Err(Error::new(ErrorKind::Cancelled, "the submit was cancelled").with_job(&intent));
            }
            Ok(known) => return known,
            Err(_) => return Err(error),
        }
    }
}

/// Awaits an operation, and cancels it when the batch is paused or stopped.
async fn stoppable<T: Send + 'static>(stop: &CancellationToken, operation: &Operation<T>) -> Result<T> {
    let mut running = std::pin::pin!(operation.clone().into_future());
    tokio::select! {
        outcome = &mut running => outcome,
        () = stop.cancelled() => {
            operation.cancel();
            running.await
        }
    }
}

/// From the job to its end.
async fn follow(desk: &Arc<Desk>, item: BatchItem, keep: Option<Keep>, job: Job) {
    if let Some(keep) = &keep
        && let Some(was_saved) = saved_before(desk, &item, keep, job.reference()).await
    {
        desk.followed(None);
        return desk.end(was_saved);
    }
    let waiting = job.wait().start();
    let mut ending = std::pin::pin!(stoppable(&desk.stop, &waiting));
    let ended = tokio::select! {
        ended = &mut ending => ended,
        watched = hand_wait_over(desk, &item.key, &job), if desk.options.hand_over_waits > 0 => {
            let ended = ending.await;
            watched.end();
            ended
        }
    };
    match ended {
        Ok(done) => match keep {
            None => {
                desk.followed(None);
                desk.end(BatchOutcome {
                    job: Some(job.reference().clone()),
                    completed: Some(done),
                    ..outcome(&item, BatchState::Completed)
                });
            }
            Some(keep) => desk.followed(Some(Work { item, keep, done })),
        },
        Err(error) => {
            let why = desk.job_failed(&error);
            desk.followed(None);
            let state = match error.kind() {
                _ if error.job_ended() => BatchState::Failed,
                ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::ResultExpired => BatchState::Failed,
                // The wait has ended, and the job has not.
                _ => BatchState::Running,
            };
            desk.end_and_pause(trouble(&item, state, Some(job.reference()), error), why);
        }
    }
}

/// Leaves it to the reader of the batch to wait for a job as well, once it is seen to run: what has ended before is nobody else's business.
async fn hand_wait_over(desk: &Desk, key: &str, job: &Job) -> WatchedElsewhere {
    job.seen_running().await;
    let Ok(turn) = Arc::clone(&desk.waits).acquire_owned().await else {
        // Only when it is closed, and nobody does that.
        return std::future::pending().await;
    };
    let watched = job.watched_elsewhere();
    desk.news.hand_over(Handover::Wait(WaitHandover {
        key: key.to_owned(),
        watched: watched.clone(),
        _turn: turn,
    }));
    watched
}

/// The outcome of an item that a run before has saved, when all of it is still there.
async fn saved_before(desk: &Desk, item: &BatchItem, keep: &Keep, job: &JobRef) -> Option<BatchOutcome> {
    let (dest, options) = match keep {
        Keep::Directory(dest) => (absolute(&dest.dir)?, dest.options()),
        #[cfg(feature = "rehost")]
        Keep::Store(dest) => (dest.url.clone(), dest.how()),
    };
    let asked = job.clone();
    let found = desk.client.journaled(move |journal| {
        let places = journal.places_saved(&asked)?;
        let place = places.into_iter().find(|place| place.is(&dest, &options));
        Ok(place.and_then(|place| place.still_there()))
    });
    match found.await {
        Ok(found) => found.map(|(paths, bytes)| BatchOutcome {
            job: Some(job.clone()),
            paths,
            bytes,
            ..outcome(item, BatchState::WasSaved)
        }),
        Err(error) => {
            tracing::warn!(target: SUBMIT, %job, %error, "whether it was saved before cannot be told");
            None
        }
    }
}

async fn save_lane(desk: &Desk) {
    while let Some(work) = desk.next_to_save().await {
        let ended = save(desk, &work).await;
        desk.saved(ended.bytes);
        desk.end(ended);
    }
}

async fn save(desk: &Desk, work: &Work) -> BatchOutcome {
    let Work { item, keep, done } = work;
    let job = done.job().reference();
    let kept = match keep {
        keep if desk.options.hand_over => elsewhere(desk, work, HandoverPlace::of(keep)).await,
        Keep::Directory(dest) => directory(desk, &item.key, done, dest).await,
        #[cfg(feature = "rehost")]
        Keep::Store(dest) => store(desk, &item.key, done, dest).await,
    };
    match kept {
        Ok(kept) => BatchOutcome {
            key: item.key.clone(),
            label: item.label.clone().unwrap_or_else(|| item.key.clone()),
            job: Some(job.clone()),
            completed: Some(done.clone()),
            ..kept
        },
        Err(error) => BatchOutcome {
            completed: Some(done.clone()),
            ..trouble(item, BatchState::Unsaved, Some(job), error)
        },
    }
}

/// The options with what is said of the whole batch.
fn of_batch(desk: &Desk, mut options: DownloadOptions) -> DownloadOptions {
    options.overwrite = desk.options.overwrite;
    options.resume = desk.options.resume;
    options.lock_timeout = desk.options.lock_timeout;
    options.shared_bandwidth.clone_from(&desk.bandwidth);
    options
}

async fn directory(desk: &Desk, key: &str, done: &Completed, dest: &Destination) -> Result<BatchOutcome> {
    let saving = done.download_with(&dest.dir, of_batch(desk, dest.options())).start();
    let _listed = desk.transfers.list(key, &saving);
    let saved = stoppable(&desk.stop, &saving).await?;
    Ok(BatchOutcome {
        paths: saved.paths,
        bytes: saved.bytes,
        ..empty()
    })
}

#[cfg(feature = "rehost")]
async fn store(desk: &Desk, key: &str, done: &Completed, dest: &StoreDestination) -> Result<BatchOutcome> {
    let copying = done
        .rehost(&dest.url)
        .with_said(of_batch(desk, dest.how()), dest)
        .start();
    let _listed = desk.transfers.list(key, &copying);
    let copied = stoppable(&desk.stop, &copying).await?;
    if dest.only.is_some() {
        // Not all outputs, but all that were wanted; of all, the copy itself has written it down.
        write_down(desk, done, Some(SavedTo::store(&dest.url, &dest.how()))).await;
    }
    Ok(BatchOutcome {
        urls: copied.objects.into_iter().map(|object| object.url).collect(),
        bytes: copied.bytes,
        ..empty()
    })
}

/// Leaves it to the reader of the batch to bring the outputs home, and writes down that they are.
async fn elsewhere(desk: &Desk, work: &Work, place: HandoverPlace) -> Result<BatchOutcome> {
    let (answer, coming) = oneshot::channel();
    desk.news.hand_over(Handover::Save(SaveHandover {
        key: work.item.key.clone(),
        completed: work.done.clone(),
        place: place.clone(),
        overwrite: desk.options.overwrite,
        answer,
    }));
    let kept = tokio::select! {
        kept = coming => kept.unwrap_or_else(|_| {
            Kept::Not(Error::new(ErrorKind::Cancelled, "the outputs were not brought home"))
        }),
        () = desk.stop.cancelled() => Kept::Not(Error::new(ErrorKind::Cancelled, "the batch was stopped")),
    };
    match (kept, &place) {
        (Kept::Files(files), HandoverPlace::Directory(dest)) => {
            write_down(desk, &work.done, SavedTo::directory(&dest.dir, &dest.options(), &files)).await;
            let bytes = files.iter().map(|(_, bytes)| bytes).sum();
            Ok(BatchOutcome {
                paths: files.into_iter().map(|(path, _)| path).collect(),
                bytes,
                ..empty()
            })
        }
        #[cfg(feature = "rehost")]
        (Kept::Objects { urls, bytes }, HandoverPlace::Store(dest)) => {
            write_down(desk, &work.done, Some(SavedTo::store(&dest.url, &dest.how()))).await;
            Ok(BatchOutcome { urls, bytes, ..empty() })
        }
        (Kept::Not(error), _) => Err(error),
        #[cfg(feature = "rehost")]
        _ => Err(Error::new(
            ErrorKind::InvalidState,
            "the answer to what was handed over does not fit its place",
        )),
    }
}

/// All that was wanted of a job has been saved elsewhere.
async fn write_down(desk: &Desk, done: &Completed, to: Option<SavedTo>) {
    let job = done.job().reference().clone();
    if let Err(error) = desk.client.journaled(move |journal| journal.saved(&job, to)).await {
        tracing::warn!(target: SUBMIT, %error, "what was saved could not be written down");
    }
}

fn empty() -> BatchOutcome {
    BatchOutcome {
        key: String::new(),
        label: String::new(),
        state: BatchState::Saved,
        job: None,
        completed: None,
        paths: Vec::new(),
        urls: Vec::new(),
        bytes: 0,
        error: None,
    }
}
