//! The way of one job, as every command goes it: follow an operation, stop on Ctrl-C, and say how to go on.
//!
//! No interruption loses a job: a paid request that is on the wire is finished (for a limited time), and the reference is told.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Billing, Client, Completed, DownloadOptions, ErrorKind, Job, JobRef, Operation, Saved, Submitting};
use serde_json::json;

use crate::args::{SaveArgs, SettingFlags};
use crate::exit::{self, Failure};
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::report;
use crate::show::Show;

/// How often the display looks at an operation.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How long cancelled work gets to tidy up.
pub(crate) const TIDY: Duration = Duration::from_secs(5);
/// How long a paid request on the wire gets after Ctrl-C: as long as one attempt to submit lasts by default.
const PAID_GRACE: Duration = Duration::from_secs(60);

/// A client as flags and environment say; flags win.
pub(crate) fn client(settings: &SettingFlags) -> ltx_jobs::Result<Client> {
    settings.apply(Client::builder())?.environment().build()
}

/// Where the journal is, when it outlives this process.
pub(crate) fn lasting_journal(client: &Client) -> Option<String> {
    let (_, place, _) = client.describe().into_iter().find(|(key, ..)| *key == "journal")?;
    (place != "memory" && place != "off").then_some(place)
}

/// How an operation came to its end here.
pub(crate) enum Followed<T> {
    Ended(ltx_jobs::Result<T>),
    /// Ctrl-C; with what it ended, if it did in time.
    Interrupted(Option<ltx_jobs::Result<T>>),
}

/// What every step of a job needs.
pub(crate) struct Guide<'a> {
    pub(crate) client: &'a Client,
    pub(crate) show: &'a Show,
    pub(crate) interrupt: &'a mut Interrupt,
    pub(crate) go_on: GoOn<'a>,
}

impl Guide<'_> {
    /// Shows an operation until its end, or until Ctrl-C cancels it.
    pub(crate) async fn follow<T: Send + 'static>(&mut self, operation: Operation<T>) -> Followed<T> {
        let mut ending = std::pin::pin!(operation.clone().into_future());
        // Not at once: what ends sooner needs no display.
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        loop {
            tokio::select! {
                biased;
                ended = &mut ending => return Followed::Ended(ended),
                () = self.interrupt.heard() => break,
                _ = look.tick() => self.show.progress(&operation.snapshot()),
            }
        }
        self.show.clear();
        operation.cancel();
        tokio::select! {
            biased;
            ended = &mut ending => Followed::Interrupted(Some(ended)),
            () = tokio::time::sleep(TIDY) => Followed::Interrupted(None),
            () = self.interrupt.heard() => Followed::Interrupted(None),
        }
    }

    /// As [`Self::follow`], where Ctrl-C leaves no job behind.
    pub(crate) async fn follow_simply<T: Send + 'static>(&mut self, operation: Operation<T>) -> Result<T, Failure> {
        match self.follow(operation).await {
            Followed::Ended(ended) => Ok(ended?),
            Followed::Interrupted(_) => {
                let command = self.go_on.with_all();
                self.tell_interrupted(None, None, command.as_deref());
                let go_on = command.map(|command| format!("; go on with: {command}"));
                self.show.say(&format!("interrupted{}", go_on.unwrap_or_default()));
                Err(Failure::Interrupted)
            }
        }
    }

    /// The event of an interruption: the job that goes on, if there is one, what the bill is, and the command that goes on.
    fn tell_interrupted(&self, job: Option<&JobRef>, billing: Option<&Billing>, go_on: Option<&str>) {
        let job = job.map(ToString::to_string);
        self.show.event(
            "interrupted",
            json!({ "ref": job, "billing": billing.map(Billing::name), "go_on": go_on }),
        );
    }

    /// Submits to `endpoint`. After Ctrl-C the answer to a paid request that had left is awaited, and its job told.
    pub(crate) async fn submit(&mut self, submitting: &Submitting, endpoint: &str) -> Result<Job, Failure> {
        let ended = match self.follow(submitting.operation().clone()).await {
            Followed::Ended(ended) => {
                let job = ended.map_err(|error| self.not_submitted(error, endpoint))?;
                self.show.submitted(&job);
                return Ok(job);
            }
            Followed::Interrupted(ended) => ended,
        };
        match ended {
            Some(Ok(job)) => self.tell_how_to_go_on(job.reference()),
            Some(Err(error)) if *error.billing() == Billing::NoJob => self.tell_nothing_submitted(),
            _ => self.finish_the_paid_request(submitting, endpoint).await,
        }
        Err(Failure::Interrupted)
    }

    async fn finish_the_paid_request(&mut self, submitting: &Submitting, endpoint: &str) {
        let Some(intent) = submitting.reference() else { return };
        if !self.interrupt.is_urgent() {
            self.show.event("stopping", json!({ "go_on": null }));
            self.show
                .say("the paid request is on its way; waiting for its answer (Ctrl-C again gives up)");
            tokio::select! {
                _ = self.client.close(PAID_GRACE) => {}
                () = self.interrupt.heard() => {}
            }
        }
        match self.client.job(intent.clone()) {
            Err(open) if open.kind() == ErrorKind::InvalidState => self.tell_left(intent),
            Ok(job) => self.tell_how_to_go_on(job.reference()),
            Err(error) if *error.billing() == Billing::NoJob => self.tell_nothing_submitted(),
            Err(error) => self.show.error(&error, self.settle(intent, endpoint).as_deref()),
        }
    }

    /// The command that settles an unknown outcome; there is one when the journal outlives this process.
    pub(crate) fn settle(&self, intent: &JobRef, endpoint: &str) -> Option<String> {
        lasting_journal(self.client).and_then(|_| self.go_on.settle(intent, endpoint))
    }

    /// A submit that left something behind is told with the command that goes on with it.
    fn not_submitted(&self, error: ltx_jobs::Error, endpoint: &str) -> Failure {
        let command = match error.job() {
            Some(intent) if intent.is_intent() => match error.kind() {
                ErrorKind::SubmitUnknown | ErrorKind::IdLost => self.settle(intent, endpoint),
                // Another process is submitting it under the same key.
                ErrorKind::InvalidState => self.go_on.with_job(intent),
                _ => None,
            },
            _ => None,
        };
        Failure::with_command(error, command)
    }

    /// A handle to a job; an intent is looked up in the journal.
    pub(crate) fn job(&self, reference: JobRef) -> Result<Job, Failure> {
        self.client.job(reference).map_err(|error| {
            let command = match (error.kind(), error.job()) {
                (ErrorKind::SubmitUnknown, Some(intent)) => self.settle(intent, "ENDPOINT"),
                _ => None,
            };
            Failure::with_command(error, command)
        })
    }

    /// Waits for the job's end.
    pub(crate) async fn wait(&mut self, job: &Job, timeout: Option<Duration>) -> Result<Completed, Failure> {
        let wait = match timeout {
            Some(timeout) => job.wait().timeout(timeout),
            None => job.wait(),
        };
        let done = match self.follow(wait.start()).await {
            Followed::Ended(ended) => ended,
            Followed::Interrupted(_) => return Err(self.interrupted(job.reference())),
        };
        self.waited(job, done)
    }

    /// Tells how a wait ended.
    pub(crate) fn waited(&self, job: &Job, ended: ltx_jobs::Result<Completed>) -> Result<Completed, Failure> {
        let done = ended.map_err(|error| self.left(error, job.reference()))?;
        let outputs: Vec<&String> = done.outputs().keys().collect();
        self.show.event(
            "completed",
            json!({ "ref": job.reference().to_string(), "outputs": outputs }),
        );
        Ok(done)
    }

    /// Saves the results into `dest`.
    pub(crate) async fn save(&mut self, done: &Completed, dest: &Path, how: &SaveArgs) -> Result<Saved, Failure> {
        self.save_with(done, dest, how.options()).await
    }

    /// As [`save`](Self::save), with the options of a download.
    pub(crate) async fn save_with(
        &mut self,
        done: &Completed,
        dest: &Path,
        options: DownloadOptions,
    ) -> Result<Saved, Failure> {
        let followed = self.follow(done.download_with(dest, options).start()).await;
        let saved = self.transferred(done, followed)?;
        tell_saved(self.show, done, dest, &saved);
        Ok(saved)
    }

    /// What a transfer of a completed job's results ended with. What Ctrl-C or an error leaves can be gone on with.
    pub(crate) fn transferred<T>(&self, done: &Completed, followed: Followed<T>) -> Result<T, Failure> {
        let job = done.job().reference();
        match followed {
            // What was asked for in a wrong way is not mended by asking again.
            Followed::Ended(Err(error)) if exit::code(error.kind()) == exit::USAGE => Err(error.into()),
            Followed::Ended(ended) => ended.map_err(|error| self.left(error, job)),
            Followed::Interrupted(_) => {
                let command = self.go_on.with_job(job);
                self.tell_interrupted(Some(job), Some(&Billing::JobExists(None)), command.as_deref());
                self.show.say(&match command {
                    Some(command) => format!(
                        "interrupted; the results of {job} stay on the service for a day after its end; fetch what is missing with: {command}"
                    ),
                    None => "interrupted".to_owned(),
                });
                Err(Failure::Interrupted)
            }
        }
    }

    /// Waits, and saves the results when there is a place for them; else only names them.
    pub(crate) async fn bring_home(
        &mut self,
        job: &Job,
        timeout: Option<Duration>,
        save: Option<(&Path, &SaveArgs)>,
    ) -> Result<(), Failure> {
        let done = self.wait(job, timeout).await?;
        let text = match save {
            Some((out, how)) => report::saved(&self.save(&done, out, how).await?, out),
            None => {
                let labels: Vec<&str> = done.outputs().keys().map(String::as_str).collect();
                format!("{} is completed: {}", job.reference(), labels.join(", "))
            }
        };
        self.show.clear();
        self.show.line(&text);
        Ok(())
    }

    pub(crate) fn interrupted(&self, job: &JobRef) -> Failure {
        self.tell_how_to_go_on(job);
        Failure::Interrupted
    }

    fn tell_how_to_go_on(&self, job: &JobRef) {
        let command = self.go_on.with_job(job);
        self.tell_interrupted(Some(job), Some(&Billing::JobExists(None)), command.as_deref());
        let Some(command) = command else {
            self.show.say("interrupted");
            return;
        };
        self.show.say(&format!(
            "interrupted; job {job} goes on and is billed if it succeeds; go on with: {command}"
        ));
    }

    /// After Ctrl-C where several jobs are left, which one command fetches.
    pub(crate) fn tell_all_go_on(&self, many: u64) {
        let command = self.go_on.with_all();
        self.tell_interrupted(None, Some(&Billing::JobExists(None)), command.as_deref());
        let go_on = command
            .map(|command| format!("; go on with: {command}"))
            .unwrap_or_default();
        self.show
            .say(&format!("interrupted; {many} jobs are still to be fetched{go_on}"));
    }

    /// A paid request whose answer is not awaited. The journal has it.
    fn tell_left(&self, intent: &JobRef) {
        let command = lasting_journal(self.client).map(|_| self.go_on.command("recover"));
        self.tell_interrupted(Some(intent), Some(&Billing::Unknown), command.as_deref());
        self.show.say(&match command {
            Some(command) => format!(
                "interrupted; whether the paid request {intent} became a job is not known; find out with: {command}"
            ),
            None => format!(
                "interrupted; whether the paid request {intent} became a job is not known, and no journal is kept here: look at the account"
            ),
        });
    }

    fn tell_nothing_submitted(&self) {
        self.tell_interrupted(None, Some(&Billing::NoJob), None);
        self.show
            .say("interrupted; nothing was submitted; the same command begins anew");
    }

    /// An error that leaves the job as it is can be mended and gone on from.
    pub(crate) fn left(&self, error: ltx_jobs::Error, job: &JobRef) -> Failure {
        let is_lost = matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::ResultExpired
        );
        let command = (!error.job_ended() && !is_lost).then(|| self.go_on.with_job(job));
        Failure::with_command(error, command.flatten())
    }
}

/// The event of files that are under their names.
pub(crate) fn tell_saved(show: &Show, done: &Completed, dest: &Path, saved: &Saved) {
    show.clear();
    show.event(
        "saved",
        json!({
            "ref": done.job().reference().to_string(),
            "dest": dest,
            "paths": saved.paths,
            "crc32c": saved.crc32c.iter().map(|sum| format!("{sum:08x}")).collect::<Vec<_>>(),
            "bytes": saved.bytes,
            "elapsed_s": saved.elapsed.as_secs_f64(),
        }),
    );
}
