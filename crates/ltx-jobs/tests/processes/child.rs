//! The process that is killed: this test binary itself, called with its orders in the environment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ltx_jobs::{Client, Media};
use ltx_jobs_emulator::Emulator;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{client, once, request};

const ORDERS: &str = "LTX_JOBS_TEST_CHILD";

/// What a child is to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) url: String,
    /// The journal is in it, and a folder for each job's outputs.
    pub(super) folder: PathBuf,
    pub(super) jobs: u32,
    pub(super) at_once: usize,
    /// Uploads this file before each submit.
    pub(super) input: Option<PathBuf>,
    /// Neither waits nor saves.
    pub(super) only_submit: bool,
    /// Makes the records longer.
    pub(super) label: String,
    /// Lets no file of the process grow beyond so many blocks of 512 bytes, as a full disk does.
    pub(super) file_blocks: Option<u32>,
}

impl Orders {
    pub(super) fn new(emulator: &Emulator, folder: &Path) -> Self {
        Self {
            url: emulator.api_url().to_owned(),
            folder: folder.to_owned(),
            jobs: 1,
            at_once: 1,
            ..Self::default()
        }
    }
}

/// Submits jobs, some at the same time, waits for each and saves it, and says every step, until it is killed.
#[test]
fn child() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Arc<Orders> = Arc::new(serde_json::from_str(&orders).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = client(&orders.url, &orders.folder.join("journal"));
        say("ready");
        let places = Arc::new(Semaphore::new(orders.at_once));
        let mut running = JoinSet::new();
        for number in 0..orders.jobs {
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let (client, orders) = (client.clone(), Arc::clone(&orders));
            running.spawn(async move {
                let _place = place;
                one_job(&client, &orders, number).await;
            });
        }
        running.join_all().await;
    });
    say("end");
}

async fn one_job(client: &Client, orders: &Orders, number: u32) {
    let mut request = request(number);
    if let Some(input) = &orders.input {
        request = request.media("image_uri", Media::file(input));
    }
    let job = match client.submit(request).once(once(number)).label(&orders.label).await {
        Ok(job) => job,
        Err(error) => return say(&format!("failed {}", error.kind().name())),
    };
    say("submitted");
    if orders.only_submit {
        return;
    }
    let done = job.wait().await.unwrap();
    say("completed");
    done.download(orders.folder.join(number.to_string())).await.unwrap();
    say("saved");
}

/// Past the test harness, which would hold lines back, and whole, because others say something at the same time.
fn say(step: &str) {
    std::io::stdout()
        .lock()
        .write_all(format!("\nstep {step}\n").as_bytes())
        .unwrap();
}

/// A child that runs. Killed with its value.
pub(super) struct Running {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    pub(super) fn start(orders: &Orders) -> Self {
        let mut command = match orders.file_blocks {
            None => Command::new(std::env::current_exe().unwrap()),
            // The signal that tells of the limit is ignored, so that writing fails instead.
            Some(blocks) => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"])
                    .arg(blocks.to_string())
                    .arg(std::env::current_exe().unwrap());
                shell
            }
        };
        let mut process = command
            .args(["--exact", "child::child", "--nocapture"])
            .env(ORDERS, serde_json::to_string(orders).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// The next step it says; `None` when it has ended.
    pub(super) fn next_step(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.output.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(step) = line.trim_end().strip_prefix("step ") {
                return Some(step.to_owned());
            }
        }
    }

    /// Waits until it says this step.
    pub(super) fn hear(&mut self, step: &str) {
        while let Some(said) = self.next_step() {
            if said == step {
                return;
            }
        }
        panic!("the child never said {step:?}");
    }

    /// Stops it where it is; whatever comes over the network from now on, it does not read it.
    pub(super) fn freeze(&self) {
        let process = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(process, Signal::STOP).unwrap();
        // The signal is on its way to each of its threads.
        let state = format!("/proc/{}/task", self.process.id());
        let Ok(tasks) = std::fs::read_dir(state) else { return };
        for task in tasks.filter_map(Result::ok) {
            let stopped = || {
                std::fs::read_to_string(task.path().join("stat")).map_or(true, |stat| {
                    stat.rsplit(") ").next().is_none_or(|rest| rest.starts_with(['T', 't']))
                })
            };
            while !stopped() {
                std::thread::park_timeout(Duration::from_micros(100));
            }
        }
    }

    /// Ends it as a crash does: nothing of it runs any more.
    pub(super) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, as a rule.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
