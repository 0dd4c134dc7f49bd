//! Many jobs brought home at once: all of them are waited for, a few at a time are saved, what expires first before the rest. One that fails does not keep
//! the others.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ltx_jobs::{Completed, DownloadOptions, ErrorKind, Job, Operation, Saved};
use tokio::task::{JoinError, JoinSet};

use super::folders::folders;
use super::view::{self, Account};
use crate::args::RecoverArgs;
use crate::exit::Failure;
use crate::job::{Followed, Guide, LOOK, TIDY, tell_saved};
use crate::moving::Moving;
use crate::pace::Pace;
use crate::report;

/// For how long the service keeps outputs of which it does not say it.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Waits for all that has a place, and saves it there.
pub(super) async fn run(guide: &mut Guide<'_>, args: &RecoverArgs, jobs: &[Job]) -> Result<(), Failure> {
    let mut fetch = Fetch::new(guide, args.saves);
    let mut homeless = Vec::new();
    for (job, place) in jobs.iter().zip(places(args, jobs)) {
        match place {
            Some(place) => fetch.wait_for(job, place, args.timeout),
            None => homeless.push(job.reference().to_string()),
        }
    }
    fetch.follow().await?;
    let mut code = fetch.code;
    if !homeless.is_empty() {
        let error = ltx_jobs::Error::from_face(
            ErrorKind::InvalidRequest,
            format!("nobody has said where the outputs of {} go", homeless.join(", ")),
        );
        let failure = Failure::with_command(error, Some(guide.go_on.command("recover --finish -o DIR")));
        guide.show.failure(&failure);
        code.get_or_insert(failure.code());
    }
    code.map_or(Ok(()), |code| Err(Failure::Told(code)))
}

/// Where the outputs of a job go, and how they are saved there.
#[derive(Debug, Clone)]
struct Home {
    dest: PathBuf,
    options: DownloadOptions,
}

/// The place of each job; none where nobody has said it.
fn places(args: &RecoverArgs, jobs: &[Job]) -> Vec<Option<Home>> {
    let meant = |job: &Job| {
        job.dest().map(|meant| Home {
            dest: meant.dir.clone(),
            options: meant.options(),
        })
    };
    match &args.out {
        Some(out) => folders(jobs)
            .into_iter()
            .map(|folder| {
                Some(Home {
                    dest: out.join(folder),
                    options: args.save.options(),
                })
            })
            .collect(),
        None => jobs.iter().map(meant).collect(),
    }
}

/// A job that is completed, and not saved yet.
struct ToSave {
    done: Completed,
    home: Home,
}

impl ToSave {
    fn expires_at(&self) -> SystemTime {
        self.done
            .outputs_expire_at()
            .unwrap_or_else(|| SystemTime::now() + KEPT)
    }
}

type Waited = (Job, Home, ltx_jobs::Result<Completed>);
type Transferred = (Completed, PathBuf, ltx_jobs::Result<Saved>);

/// The work, and its account.
struct Fetch<'f, 'g> {
    guide: &'f mut Guide<'g>,
    /// Most transfers at the same time.
    saves: usize,
    waiting: JoinSet<Waited>,
    to_save: Vec<ToSave>,
    saving: JoinSet<Transferred>,
    /// Where those go that are being saved.
    places: HashSet<PathBuf>,
    waits: Vec<Operation<Completed>>,
    /// By what people know the job by.
    transfers: Vec<(String, Operation<Saved>)>,
    account: Account,
    began: Instant,
    pace: Pace,
    /// The exit code of the first that failed.
    code: Option<u8>,
}

impl<'f, 'g> Fetch<'f, 'g> {
    fn new(guide: &'f mut Guide<'g>, saves: usize) -> Self {
        Self {
            guide,
            saves,
            waiting: JoinSet::new(),
            to_save: Vec::new(),
            saving: JoinSet::new(),
            places: HashSet::new(),
            waits: Vec::new(),
            transfers: Vec::new(),
            account: Account::default(),
            began: Instant::now(),
            pace: Pace::default(),
            code: None,
        }
    }

    fn wait_for(&mut self, job: &Job, home: Home, timeout: Option<Duration>) {
        let wait = match timeout {
            Some(timeout) => job.wait().timeout(timeout),
            None => job.wait(),
        };
        let (operation, job) = (wait.start(), job.clone());
        self.waits.push(operation.clone());
        self.account.jobs += 1;
        self.waiting.spawn(async move { (job, home, operation.await) });
    }

    /// Until nothing is left, or Ctrl-C.
    async fn follow(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !(self.waiting.is_empty() && self.to_save.is_empty() && self.saving.is_empty()) {
            self.begin_saves();
            tokio::select! {
                biased;
                () = self.guide.interrupt.heard() => return self.stop().await,
                Some(waited) = self.waiting.join_next() => self.waited(whole(waited)?),
                Some(transferred) = self.saving.join_next() => self.transferred(whole(transferred)?),
                _ = look.tick() => self.look(),
            }
        }
        self.guide.show.clear();
        let account = self.stand();
        let event = view::event(&account, &[], &self.pace);
        self.guide.show.event("recover", event);
        Ok(())
    }

    fn begin_saves(&mut self) {
        while self.saving.len() < self.saves {
            // Two jobs that go to one place take turns: the second finds what the first has made.
            let free = self
                .to_save
                .iter()
                .enumerate()
                .filter(|(_, one)| !self.places.contains(&one.home.dest));
            let first = free.min_by_key(|(_, one)| one.expires_at());
            let Some((at, _)) = first else { return };
            let ToSave { done, home } = self.to_save.swap_remove(at);
            let Home { dest, options } = home;
            self.places.insert(dest.clone());
            let operation = done.download_with(&dest, options).start();
            self.transfers.push((name(done.job()), operation.clone()));
            self.saving.spawn(async move { (done, dest, operation.await) });
        }
    }

    fn waited(&mut self, (job, home, ended): Waited) {
        let is_over = ended.as_ref().is_err_and(ltx_jobs::Error::job_ended);
        match self.guide.waited(&job, ended) {
            Ok(done) => self.to_save.push(ToSave { done, home }),
            Err(failure) => {
                match is_over {
                    true => self.account.failed += 1,
                    false => self.account.left_running += 1,
                }
                self.tell(&failure);
            }
        }
    }

    fn transferred(&mut self, (done, dest, ended): Transferred) {
        self.transfers.retain(|(_, operation)| !operation.is_ended());
        self.places.remove(&dest);
        match self.guide.transferred(&done, Followed::Ended(ended)) {
            Ok(saved) => self.saved(&done, &dest, &saved),
            Err(failure) => {
                self.account.unsaved += 1;
                self.tell(&failure);
            }
        }
    }

    fn saved(&mut self, done: &Completed, dest: &Path, saved: &Saved) {
        tell_saved(self.guide.show, done, dest, saved);
        let text = format!("{}: {}", done.job().reference(), report::saved(saved, dest));
        self.guide.show.line(&text);
        self.account.saved += 1;
        self.account.bytes = self.account.bytes.saturating_add(saved.bytes);
    }

    fn tell(&mut self, failure: &Failure) {
        self.guide.show.failure(failure);
        self.code.get_or_insert(failure.code());
    }

    fn stand(&mut self) -> Account {
        self.account.running = self.waiting.len() as u64;
        self.account.saving = (self.to_save.len() + self.saving.len()) as u64;
        self.account.elapsed = self.began.elapsed();
        self.account
    }

    fn look(&mut self) {
        let account = self.stand();
        let moving: Vec<Moving> = self
            .transfers
            .iter()
            .map(|(key, operation)| Moving::new(key.clone(), &operation.snapshot()))
            .collect();
        self.pace.look(Instant::now(), &account, &moving);
        let pace = &self.pace;
        self.guide.show.board(
            account.ended(),
            account.jobs,
            || view::lines(&account, &moving, pace),
            || view::sentence(&account, pace),
            || ("recover", view::event(&account, &moving, pace)),
        );
    }

    /// After Ctrl-C: transfers get a moment to write down what is there.
    async fn stop(&mut self) -> Result<(), Failure> {
        self.waits.iter().for_each(Operation::cancel);
        self.transfers.iter().for_each(|(_, operation)| operation.cancel());
        self.guide.show.clear();
        let tidied = tokio::time::Instant::now() + TIDY;
        while !self.saving.is_empty() {
            tokio::select! {
                biased;
                () = self.guide.interrupt.heard() => break,
                () = tokio::time::sleep_until(tidied) => break,
                Some(transferred) = self.saving.join_next() => {
                    // What became whole all the same is no longer left.
                    if let (done, dest, Ok(saved)) = whole(transferred)? {
                        self.saved(&done, &dest, &saved);
                    }
                }
            }
        }
        let account = self.stand();
        self.guide.show.event("recover", view::event(&account, &[], &self.pace));
        let left = self.account.jobs.saturating_sub(self.account.ended()) + self.account.left_again();
        self.guide.tell_all_go_on(left);
        Err(Failure::Interrupted)
    }
}

/// What people know a job by.
fn name(job: &Job) -> String {
    job.label().map_or_else(|| job.reference().to_string(), str::to_owned)
}

/// Only a panic of ours breaks a task.
fn whole<T>(joined: Result<T, JoinError>) -> Result<T, Failure> {
    joined.map_err(|error| Failure::new(ErrorKind::Internal, format!("a job could not be followed: {error}")))
}
