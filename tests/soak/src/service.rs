//! The service, in a process of its own: the emulator, its faults, and what it knows when it is asked.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead as _;
use std::time::Duration;

use fastrand::Rng;
use ltx_jobs_emulator::{Addresses, Artifact, Emulator, JobRecord, Programme};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{print, schedule};

/// What the service is to be like.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) seed: u64,
    /// Jobs that run at the same time; more are refused.
    pub(crate) running: u32,
    /// How long a job takes.
    pub(crate) job_ms: u64,
}

/// What it is told, a line each.
pub(crate) const CALM: &str = "calm";
pub(crate) const ACCOUNT: &str = "account";

/// What it knows at the end. `Told` is the same as the driver reads it.
#[derive(Serialize)]
struct Known {
    jobs: Vec<JobRecord>,
    artifacts: Vec<Artifact>,
    /// Whole paid requests.
    posts: usize,
    requests: usize,
    /// How often each fault was set.
    faults: BTreeMap<&'static str, u32>,
}

/// Serves until standard input ends.
pub(crate) fn serve(orders: &Orders) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(run(orders))
}

async fn run(orders: &Orders) -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(programme(orders)?).await?;
    print(&serde_json::to_string(&Addresses::of(&emulator))?);
    let mut words = words()?;
    let (mut random, mut faults, mut calm) = (Rng::with_seed(orders.seed), BTreeMap::new(), false);
    let mut blow = schedule::next(&mut random);
    let mut due = tokio::time::Instant::now() + blow.after;
    loop {
        tokio::select! {
            word = words.recv() => match word.as_deref() {
                Some(CALM) => calm = true,
                Some(ACCOUNT) => print(&serde_json::to_string(&known(&emulator, &faults).await?)?),
                Some(other) => return Err(format!("nobody knows what {other:?} means").into()),
                None => return Ok(()),
            },
            () = tokio::time::sleep_until(due), if !calm => {
                emulator.push_fault(blow.route, blow.fault)?;
                *faults.entry(blow.name).or_insert(0) += 1;
                blow = schedule::next(&mut random);
                due += blow.after;
            }
        }
    }
}

fn programme(orders: &Orders) -> Result<Programme, Box<dyn Error>> {
    // Pending for a third of its time.
    let pending = orders.job_ms / 3;
    let text = format!(
        "[job]\nadvance = \"clock\"\npending_ms = {pending}\nprocessing_ms = {}\n[api]\nmax_running_jobs = {}\n",
        orders.job_ms - pending,
        orders.running
    );
    Ok(Programme::from_toml(&text)?)
}

async fn known(emulator: &Emulator, faults: &BTreeMap<&'static str, u32>) -> Result<Known, Box<dyn Error>> {
    Ok(Known {
        jobs: emulator.jobs(),
        artifacts: emulator.artifacts().await?,
        posts: emulator.count("POST", "/v2/*"),
        requests: emulator.count("*", "*"),
        faults: faults.clone(),
    })
}

/// The lines of standard input, from a thread of their own: a runtime cannot wait for them.
fn words() -> Result<mpsc::UnboundedReceiver<String>, Box<dyn Error>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let read = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("orders".to_owned()).spawn(read)?;
    Ok(receiver)
}

/// How long a job has to take so that so many of them fill this time, with so many running.
pub(crate) fn job_ms(jobs: u32, running: u32, time: Duration) -> u64 {
    let each = time.as_secs_f64() * f64::from(running) / f64::from(jobs.max(1));
    Duration::from_secs_f64(each).as_millis().try_into().unwrap_or(u64::MAX)
}
