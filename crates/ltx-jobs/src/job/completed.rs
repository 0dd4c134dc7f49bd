//! What a completed job left, and how to bring it home.

use std::collections::BTreeMap;
use std::fmt;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::frames::OpenFrames;
use super::remote::OpenOutput;
use super::{Job, JobRef, Results};
use crate::client::{Client, Engine};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::SavedTo;
use crate::model::{Polled, Status, url_expiry};
use crate::operation::{Operation, Running, Watch, Work};
use crate::progress::{Phase, Progress};
use crate::secret::SignedUrl;
use crate::telemetry::{TRANSFER, ltx, operation_span};
use crate::transfer::{self, ArchiveMode, DownloadOptions, Renew, Saved, TransferContext, Verify};

/// The service keeps status and outputs for 24 h after the end (vendor's reference, July 2026).
const RETENTION: Duration = Duration::from_secs(24 * 3600);

/// A completed job with its outputs.
#[derive(Clone)]
pub struct Completed {
    pub(super) client: Client,
    job: Job,
    created_at: Option<SystemTime>,
    results: Arc<Results>,
    outputs: BTreeMap<String, Output>,
}

impl Completed {
    pub(crate) fn new(client: Client, job: Job, created_at: Option<SystemTime>, results: Results) -> Self {
        let outputs = results
            .outputs
            .iter()
            .map(|(label, url)| {
                (
                    label.clone(),
                    Output {
                        label: label.clone(),
                        url: url.clone(),
                    },
                )
            })
            .collect();
        Self {
            client,
            job,
            created_at,
            results: Arc::new(results),
            outputs,
        }
    }

    /// The job.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The outputs by the service's labels (`exr_frames_url`, `video_url`, and any the service may add).
    pub fn outputs(&self) -> &BTreeMap<String, Output> {
        &self.outputs
    }

    /// When the service accepted the job.
    pub fn created_at(&self) -> Option<SystemTime> {
        self.created_at
    }

    /// When the job completed, by the service's clock.
    pub fn completed_at(&self) -> Option<SystemTime> {
        self.results.completed_at
    }

    /// When the service forgets the job: 24 h after its end, as documented.
    pub fn job_expires_at(&self) -> Option<SystemTime> {
        self.results.completed_at.and_then(|at| at.checked_add(RETENTION))
    }

    /// When the first of the outputs' URLs expires: what the URLs say themselves, else 24 h after the end.
    pub fn outputs_expire_at(&self) -> Option<SystemTime> {
        self.results
            .outputs
            .values()
            .filter_map(url_expiry)
            .min()
            .or_else(|| self.job_expires_at())
    }

    /// The service's whole answer. It contains signed URLs: keep it out of logs.
    pub fn raw(&self) -> &Value {
        &self.results.raw
    }

    /// Saves the outputs into the directory `dest`, which is created if needed.
    ///
    /// A file goes to `dest/<label without _url>` plus its extension (`video.mp4`); an archive of EXR frames is unpacked into
    /// `dest/<label without _url>/` (`exr_frames/frame_00001.exr`). What is there under its final name is complete and verified; a file that is there
    /// already and equal counts as done. What an interruption leaves of a file lies hidden beside it (`.video...`), and the next download to the same
    /// directory goes on with it, in this process or another. Costs nothing on the bill.
    ///
    /// # Errors
    /// `ResultExpired`, `Integrity`, `Archive`, `UnsafeName`, `Exists`, `Locked`, `NoSpace`, `Io`, `Stalled`, `Cancelled`, and those of the network.
    pub fn download(&self, dest: impl Into<PathBuf>) -> Download {
        Download {
            completed: self.clone(),
            dest: dest.into(),
            options: DownloadOptions::default(),
            watch: Watch::default(),
        }
    }

    /// As [`download`](Self::download), with all options at once.
    pub fn download_with(&self, dest: impl Into<PathBuf>, options: DownloadOptions) -> Download {
        Download {
            options,
            ..self.download(dest)
        }
    }

    /// Copies the outputs to an object store, below `url`: `s3://bucket/prefix/`, `gs://`, `az://` or `abfss://`, `file://`.
    ///
    /// A file becomes the object `<url>/<label without _url>` plus its extension (`video.mp4`); of an archive of EXR frames every frame becomes one
    /// (`exr_frames/frame_00001.exr`). Nothing is stored on this machine and memory stays flat. An object under its key is complete and proven; one that
    /// is there already and equal counts as copied. Costs nothing on the bill; the store may.
    ///
    /// Credentials come from where the store's own tools look for them (variables of the environment, profiles, the role of the machine), and are never
    /// logged. Requests go through this client's proxy and trust its certificates.
    ///
    /// # Errors
    /// `Unauthenticated` and `PermissionDenied` by the store, `Config` for a bucket or region that is not there or an unknown option, `Exists`,
    /// `ResultExpired`, `Integrity`, `Archive`, `UnsafeName`, `Cancelled`, and those of the network.
    #[cfg(feature = "rehost")]
    pub fn rehost(&self, url: impl Into<String>) -> crate::rehost::Rehost {
        crate::rehost::Rehost::new(self.clone(), url.into())
    }

    #[cfg(feature = "rehost")]
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The outputs, each with its URL and the way to a new one.
    pub(crate) fn signed_outputs(&self) -> Vec<(String, SignedUrl, Arc<dyn Renew>)> {
        self.outputs
            .values()
            .map(|output| (output.label.clone(), output.url.clone(), self.source(&output.label)))
            .collect()
    }

    /// Opens the archive of EXR frames where it lies, as a list: one ranged request for its directory, two for one of some 3,000 frames and more. No frame is
    /// fetched by it, and nothing is billed.
    ///
    /// # Errors
    /// `InvalidRequest` when several outputs look like such archives and none was named, or the named one is not there. `Archive` when no output is one, or
    /// it is damaged; `UnsafeName` or `LimitExceeded` when it is made to do harm. `Unsupported` when the storage answers no ranges and no directory was
    /// named for it. `ResultExpired`, `Stalled`, `Cancelled`, and those of the network.
    pub fn frames(&self) -> OpenFrames {
        OpenFrames::new(self.clone())
    }

    /// Opens the output with this label (`video_url`, or without `_url`) where it lies, to be read by ranges: one request, for its length and its last bytes.
    ///
    /// # Errors
    /// `InvalidRequest` when there is no such output, `Unsupported` when the storage answers no ranges; `ResultExpired`, `Stalled`, `Cancelled`, and those of
    /// the network.
    pub fn open(&self, label: impl Into<String>) -> OpenOutput {
        OpenOutput::new(self.clone(), label.into())
    }

    pub(super) fn source(&self, label: &str) -> Arc<dyn Renew> {
        Arc::new(RenewByPoll {
            client: self.client.clone(),
            job: self.job.reference().clone(),
            label: label.to_owned(),
        })
    }
}

impl fmt::Debug for Completed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed")
            .field("job", self.job.reference())
            .field("outputs", &self.outputs.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// One output of a completed job.
#[derive(Debug, Clone)]
pub struct Output {
    label: String,
    url: SignedUrl,
}

impl Output {
    /// The service's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The signed URL. Whoever has its text can read the file until it expires.
    pub fn url(&self) -> &SignedUrl {
        &self.url
    }
}

/// A download being prepared; see [`Completed::download`].
#[must_use = "nothing happens before it is awaited or started"]
#[derive(Debug, Clone)]
pub struct Download {
    completed: Completed,
    dest: PathBuf,
    options: DownloadOptions,
    watch: Watch,
}

impl Download {
    /// Saves only the outputs with these labels; an unknown label is an error before any transfer.
    pub fn only(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.only = Some(labels.into_iter().map(Into::into).collect());
        self
    }

    /// What to do with an archive of frames; the default unpacks it.
    pub fn archive(mut self, mode: ArchiveMode) -> Self {
        self.options.archive = mode;
        self
    }

    /// Replaces a different file that is there; the default is the error `Exists`.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.options.overwrite = overwrite;
        self
    }

    /// How checksums are used; the default checks what the storage offers. Frames are always checked against the archive's CRC-32.
    pub fn verify(mut self, verify: Verify) -> Self {
        self.options.verify = verify;
        self
    }

    /// Names frames by a pattern with `{frame}` or `{frame:04}`, for example `sh010.{frame:04}.exr`.
    pub fn frame_name(mut self, pattern: impl Into<String>) -> Self {
        self.options.frame_name = Some(pattern.into());
        self
    }

    /// The number of the first frame in names made by [`frame_name`](Self::frame_name); the default keeps the archive's numbers.
    pub fn first_frame(mut self, number: u64) -> Self {
        self.options.first_frame = Some(number);
        self
    }

    /// Connections for one file, 1 to 64. The default is the client's setting `connections`: as many as are found to help, at most 8.
    pub fn connections(mut self, number: usize) -> Self {
        self.options.connections = Some(number);
        self
    }

    /// Whether to go on with what an interrupted download left beside its target, and to leave such for the next; the default does. Without, every
    /// download begins anew and leaves nothing.
    pub fn resume(mut self, resume: bool) -> Self {
        self.options.resume = resume;
        self
    }

    /// A limit in bytes per second, for all connections of this download together.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.options.bandwidth = Some(bytes_per_second);
        self
    }

    /// How long to wait for a file that somebody else is fetching to the same place; zero does not wait. The default waits without limit: what the other
    /// one saves counts as saved.
    ///
    /// # Errors
    /// `Locked`, with host and process of the other one, when the time has passed.
    pub fn lock_timeout(mut self, limit: Duration) -> Self {
        self.options.lock_timeout = Some(limit);
        self
    }

    /// Calls `tell` with the progress, at most ten times a second and only when there is news, and once more at the end. It runs on a thread of the
    /// runtime and must not block; a panic in it ends the download as `Internal`. Without it, [`Operation::snapshot`] tells the same.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.watch.tell(tell);
        self
    }

    /// Cancels the download when this future is ready, for example a `CancellationToken::cancelled_owned`; [`Operation::cancel`] and dropping the awaited
    /// future do so as well. What was fetched is kept for the next call, see [`resume`](Self::resume).
    pub fn cancel(mut self, when: impl Future<Output = ()> + Send + 'static) -> Self {
        self.watch.cancel(when);
        self
    }

    /// Starts the download on the runtime.
    pub fn start(self) -> Operation<Saved> {
        let Self {
            completed,
            dest,
            options,
            watch,
        } = self;
        let client = completed.client.clone();
        let span = operation_span!(INFO, TRANSFER, "download", { ltx::JOB } = %completed.job.reference());
        let reference = completed.job.reference().clone();
        client.run_about(&reference, span, move |engine, work| async move {
            work.progress.set_phase(Phase::Downloading);
            options.check()?;
            let saving = Box::pin(completed.save(&engine, &work, &dest, &options));
            watch.over(&work, saving).await
        })
    }
}

impl Completed {
    /// Saves the outputs, and writes down that they were when it was all of them.
    async fn save(&self, engine: &Engine, work: &Work, dest: &Path, options: &DownloadOptions) -> Result<Saved> {
        let outputs = self.signed_outputs();
        let context = TransferContext {
            transport: engine.transport.clone(),
            settings: self.client.settings().clone(),
            progress: work.progress.clone(),
            cancel: work.cancel.clone(),
        };
        let saved = transfer::save_outputs(&context, outputs, dest, options)
            .await
            .map_err(|error| self.client.closed_instead(error).about_job(self.job.reference()))?;
        // All of it, or all that was wanted.
        let wanted = self.job.dest().and_then(|dest| dest.only.as_ref());
        if options.only.is_none() || options.only.as_ref() == wanted {
            let job = self.job.reference().clone();
            let (dest, options, paths) = (dest.to_owned(), options.clone(), saved.paths.clone());
            let noted = self.client.journaled(move |journal| {
                let lengths: Option<Vec<_>> = paths
                    .into_iter()
                    .map(|path| Some((path.clone(), std::fs::metadata(&path).ok()?.len())))
                    .collect();
                let to = lengths.and_then(|files| SavedTo::directory(&dest, &options, &files));
                journal.saved(&job, to)
            });
            if let Err(error) = noted.await {
                tracing::warn!(target: TRANSFER, %error, "what was saved could not be written down");
            }
        }
        Ok(saved)
    }
}

impl IntoFuture for Download {
    type Output = Result<Saved>;
    type IntoFuture = Running<Saved>;

    fn into_future(self) -> Self::IntoFuture {
        self.start().into_future()
    }
}

/// A fresh URL for an output by asking for the job once more.
struct RenewByPoll {
    client: Client,
    job: JobRef,
    label: String,
}

impl Renew for RenewByPoll {
    fn renew(&self) -> BoxFuture<'_, Result<SignedUrl>> {
        Box::pin(async move {
            let key = self.client.key(self.client.stop_token()).await?;
            let what = "asking for a fresh URL";
            // Of the runtime of the moment: a list of frames may outlive the one it was opened in.
            let engine = self.client.engine().await?;
            let answer = engine
                .transport
                .poll(&self.job, &key, self.client.settings().poll_timeout, 0)
                .await
                .map_err(|failure| failure.into_error(what))?;
            if answer.status == 404 && answer.is_ours() {
                return Err(expired("the service no longer knows the job"));
            }
            if !(200..300).contains(&answer.status) {
                return Err(answer.to_error(what));
            }
            let polled: Option<Polled> = answer.json();
            let url = polled
                .filter(|polled| Status::from(polled.status.as_str()) == Status::Completed)
                .and_then(|polled| polled.outputs().remove(&self.label));
            url.ok_or_else(|| expired("the service gives no URL for it any more"))
        })
    }
}

fn expired(why: &str) -> Error {
    Error::new(
        ErrorKind::ResultExpired,
        format!("the URL of the result has expired: {why}"),
    )
    .with_advice("outputs are kept for 24 h; submit again if you still need them")
}
