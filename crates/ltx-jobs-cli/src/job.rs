//! The way of one job, as `hdr`, `wait` and `demo` go it: follow an operation, stop on Ctrl-C, and say how to go on.
//!
//! No interruption loses a job: a paid request that is on the wire is finished (for a limited time), and the reference is told.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Billing, Client, Completed, ErrorKind, Job, JobRef, Operation, Request, Saved, Submitting};
use serde_json::json;

use crate::args::{SaveArgs, SettingFlags};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::show::Show;

/// How often the display looks at an operation.
const LOOK: Duration = Duration::from_millis(100);
/// How long cancelled work gets to tidy up.
const TIDY: Duration = Duration::from_secs(5);
/// How long a paid request on the wire gets after Ctrl-C: as long as one attempt to submit lasts by default.
const PAID_GRACE: Duration = Duration::from_secs(60);

/// A client as flags and environment say; flags win.
pub(crate) fn client(settings: &SettingFlags) -> ltx_jobs::Result<Client> {
    settings.apply(Client::builder())?.environment().build()
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

/// What the user can do with a job that this process leaves behind.
#[derive(Clone, Copy)]
pub(crate) enum GoOn<'a> {
    /// Nothing: its service goes with this process.
    Impossible,
    /// Wait for it.
    Wait,
    /// Wait for it, and save its results there.
    Save(&'a Path),
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
        Followed::Interrupted(tokio::time::timeout(TIDY, ending).await.ok())
    }

    /// As [`Self::follow`], where Ctrl-C has nothing to leave behind.
    pub(crate) async fn follow_simply<T: Send + 'static>(&mut self, operation: Operation<T>) -> Result<T, Failure> {
        match self.follow(operation).await {
            Followed::Ended(ended) => Ok(ended?),
            Followed::Interrupted(_) => Err(Failure::Interrupted),
        }
    }

    /// Submits. After Ctrl-C the answer to a paid request that had left is awaited, and its job told.
    pub(crate) async fn submit(&mut self, submitting: &Submitting) -> Result<Job, Failure> {
        let ended = match self.follow(submitting.operation().clone()).await {
            Followed::Ended(ended) => {
                let job = ended?;
                self.show.submitted(job.reference());
                return Ok(job);
            }
            Followed::Interrupted(ended) => ended,
        };
        match ended {
            Some(Ok(job)) => self.tell_how_to_go_on(job.reference()),
            Some(Err(error)) if *error.billing() == Billing::NoJob => self.tell_nothing_submitted(),
            _ => self.finish_the_paid_request(submitting).await,
        }
        Err(Failure::Interrupted)
    }

    async fn finish_the_paid_request(&mut self, submitting: &Submitting) {
        self.show
            .note("the paid request is on its way; waiting for its answer (Ctrl-C again gives up)");
        tokio::select! {
            _ = self.client.close(PAID_GRACE) => {}
            () = self.interrupt.heard() => {}
        }
        let Some(intent) = submitting.reference() else { return };
        match self.client.job(intent.clone()) {
            Ok(job) => self.tell_how_to_go_on(job.reference()),
            Err(error) if *error.billing() == Billing::NoJob => self.tell_nothing_submitted(),
            Err(error) => self.show.error(&error, None),
        }
    }

    /// Waits for the job's end.
    pub(crate) async fn wait(&mut self, job: &Job, timeout: Option<Duration>) -> Result<Completed, Failure> {
        let wait = match timeout {
            Some(timeout) => job.wait().timeout(timeout),
            None => job.wait(),
        };
        let done = match self.follow(wait.start()).await {
            Followed::Ended(ended) => ended.map_err(|error| self.left(error, job.reference()))?,
            Followed::Interrupted(_) => return Err(self.interrupted(job.reference())),
        };
        let outputs: Vec<&String> = done.outputs().keys().collect();
        self.show.event(
            "completed",
            json!({ "ref": job.reference().to_string(), "outputs": outputs }),
        );
        Ok(done)
    }

    /// Saves the results into `dest`.
    pub(crate) async fn save(&mut self, done: &Completed, dest: &Path, how: &SaveArgs) -> Result<Saved, Failure> {
        let mut download = done.download(dest).archive(how.archive.into()).overwrite(how.overwrite);
        if !how.only.is_empty() {
            download = download.only(&how.only);
        }
        if let Some(pattern) = &how.frame_name {
            download = download.frame_name(pattern);
        }
        if let Some(number) = how.first_frame {
            download = download.first_frame(number);
        }
        let saved = match self.follow(download.start()).await {
            Followed::Ended(ended) => ended.map_err(|error| self.left(error, done.job().reference()))?,
            Followed::Interrupted(_) => return Err(self.interrupted(done.job().reference())),
        };
        self.show.clear();
        self.show.event(
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
        Ok(saved)
    }

    fn interrupted(&self, job: &JobRef) -> Failure {
        self.tell_how_to_go_on(job);
        Failure::Interrupted
    }

    fn tell_how_to_go_on(&self, job: &JobRef) {
        let Some(command) = self.go_on(job) else {
            self.show.note("interrupted");
            return;
        };
        self.show.event(
            "interrupted",
            json!({ "ref": job.to_string(), "billing": "job_exists", "go_on": command }),
        );
        self.show.note(&format!(
            "interrupted; job {job} goes on and is billed if it succeeds; go on with: {command}"
        ));
    }

    fn tell_nothing_submitted(&self) {
        self.show.event(
            "interrupted",
            json!({ "ref": null, "billing": "no_job", "go_on": null }),
        );
        self.show.note("interrupted; nothing was submitted");
    }

    /// The command that goes on with a job.
    fn go_on(&self, job: &JobRef) -> Option<String> {
        match self.go_on {
            GoOn::Impossible => None,
            GoOn::Wait => Some(format!("ltx-jobs wait {job}")),
            GoOn::Save(out) => Some(format!("ltx-jobs wait {job} -o {}", quoted(&out.to_string_lossy()))),
        }
    }

    /// An error that leaves the job as it is can be mended and gone on from.
    fn left(&self, error: ltx_jobs::Error, job: &JobRef) -> Failure {
        let is_lost = matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::Expired | ErrorKind::ResultExpired
        );
        match self.go_on(job) {
            Some(command) if !error.job_ended() && !is_lost => Failure::JobLeft(error, command),
            _ => Failure::Error(error),
        }
    }
}

/// For a shell, where the text needs it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/\\:._-+=@%,~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A typed request with parameters by name.
pub(crate) fn with_params(mut request: Request, params: &[(String, serde_json::Value)]) -> Request {
    for (key, value) in params {
        request.set(key, value.clone());
    }
    request
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_directory_with_spaces_or_quotes_is_one_word_for_the_shell() {
        for (text, expected) in [
            ("shots/010", "shots/010"),
            ("my shots", "'my shots'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
