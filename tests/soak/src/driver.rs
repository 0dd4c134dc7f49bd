//! Starts the service and the worker, kills the worker and starts it again, and asks for the account at the end.
//!
//! Three acts: for 60 % of the time the worker is killed at random moments; for the rest it runs on, still under faults, and what it holds is watched; then
//! nothing new goes wrong, and it has to come to its end by itself.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::account::{self, Account, Known};
use crate::usage::Usage;
use crate::worker::{self, Says};
use crate::{print, service};

/// Jobs that run at the service at the same time.
const RUNNING: u32 = 16;

/// The part of the time in which the worker is killed.
const KILLING: f64 = 0.6;

/// Times the worker may come to its end with something left: what was not billed is submitted again by the next.
const LAST_RUNS: u32 = 10;

/// What the last act may take: nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether all held.
pub(crate) fn soak(jobs: u32, minutes: f64, seed: u64) -> Result<bool, Box<dyn Error>> {
    let time = Duration::try_from_secs_f64(minutes * 60.0)?;
    print(&format!("{jobs} jobs, {minutes} minutes of faults, seed {seed}"));
    let folder = tempfile::tempdir()?;
    let mut service = Service::start(&service::Orders {
        seed,
        // Those of workers that were killed run too, and the next knows nothing of some of them.
        running: RUNNING + worker::SUBMITS,
        job_ms: service::job_ms(jobs, RUNNING, time.mul_f64(0.95)),
    })?;
    let orders = worker::Orders {
        url: service.addresses.api_url.clone(),
        key: service.addresses.api_key.clone(),
        folder: folder.path().to_owned(),
        jobs,
        running: RUNNING,
    };
    let mut play = Play::new(&orders, seed);
    let began = Instant::now();
    play.kill_until(began + time.mul_f64(KILLING), time)?;
    play.watch_until(began + time)?;
    // When it was through before the time was up: started again and again, it must do nothing twice.
    play.kill_until(began + time, time)?;
    let under_faults = began.elapsed();
    service.tell(service::CALM)?;
    play.finish()?;
    let known: Known = service.ask(service::ACCOUNT)?;
    let account = Account {
        under_faults,
        elapsed: began.elapsed(),
        kills: play.kills,
        starts: play.starts,
        counted: play.counted,
        watched: play.watched,
        settled: play.settled,
        known,
    };
    let (table, holds) = account::check(&orders, &account)?;
    print(&table);
    if !holds {
        let kept = folder.keep();
        print(&format!(
            "it does not hold; journal and shots are kept in {}",
            kept.display()
        ));
    }
    Ok(holds)
}

/// Workers, one after the other.
struct Play<'a> {
    orders: &'a worker::Orders,
    random: fastrand::Rng,
    kills: u32,
    starts: u32,
    /// What all of them counted, as far as they told before they were killed.
    counted: BTreeMap<String, u64>,
    /// What the one that was watched held.
    watched: Vec<Usage>,
    /// How many items the last one left in which state.
    settled: BTreeMap<String, u64>,
}

impl<'a> Play<'a> {
    fn new(orders: &'a worker::Orders, seed: u64) -> Self {
        Self {
            orders,
            random: fastrand::Rng::with_seed(seed),
            kills: 0,
            starts: 0,
            counted: BTreeMap::new(),
            watched: Vec::new(),
            settled: BTreeMap::new(),
        }
    }

    /// Kills it at random moments, from before its first word to long after.
    fn kill_until(&mut self, end: Instant, time: Duration) -> Result<(), Box<dyn Error>> {
        let longest = time.mul_f64(0.05).max(Duration::from_secs(2));
        while Instant::now() < end {
            let life = longest.mul_f64(self.random.f64());
            let worker = self.start()?;
            let heard = worker.hear(Instant::now() + life, |_| {});
            self.kills += u32::from(!heard.ended);
            self.end(worker, &heard)?;
        }
        Ok(())
    }

    /// Lets it run, and notes what it holds.
    fn watch_until(&mut self, end: Instant) -> Result<(), Box<dyn Error>> {
        let worker = self.start()?;
        let mut watched = Vec::new();
        let heard = worker.hear(end, |says| watched.extend(says.usage));
        self.watched = watched;
        self.kills += u32::from(!heard.ended);
        self.end(worker, &heard)
    }

    /// Starts it until nothing is left to do but what nobody can tell.
    fn finish(&mut self) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + PATIENCE;
        for _ in 0..LAST_RUNS {
            let worker = self.start()?;
            let heard = worker.hear(end, |_| {});
            let ended = heard.ended;
            self.settled = heard.last.clone().map(|says| says.ended).unwrap_or_default();
            self.end(worker, &heard)?;
            if !ended {
                return Err("the last worker did not come to its end".into());
            }
            let left = |state: &&str| self.settled.contains_key(*state);
            if !["failed", "unsaved", "running", "not_submitted"].iter().any(left) {
                return Ok(());
            }
        }
        // The account tells what was left.
        Ok(())
    }

    fn start(&mut self) -> Result<Worker, Box<dyn Error>> {
        self.starts += 1;
        Worker::start(self.orders)
    }

    fn end(&mut self, worker: Worker, heard: &Heard) -> Result<(), Box<dyn Error>> {
        worker.end(heard.ended)?;
        for (name, value) in heard.last.iter().flat_map(|says| &says.counters) {
            *self.counted.entry(name.clone()).or_insert(0) += value;
        }
        Ok(())
    }
}

/// What a worker said.
struct Heard {
    last: Option<Says>,
    /// Whether it came to its end.
    ended: bool,
}

/// The process that is killed.
struct Worker {
    process: Child,
    lines: Receiver<String>,
}

impl Worker {
    fn start(orders: &worker::Orders) -> Result<Self, Box<dyn Error>> {
        let mut process = this_program("worker", &serde_json::to_string(orders)?)
            .stdin(Stdio::null())
            .spawn()?;
        let output = process.stdout.take().ok_or("the worker has no output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, lines })
    }

    /// Listens until then, or until it has nothing more to say.
    fn hear(&self, until: Instant, mut each: impl FnMut(&Says)) -> Heard {
        let mut heard = Heard {
            last: None,
            ended: false,
        };
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Ok(says) = serde_json::from_str::<Says>(&line) {
                        each(&says);
                        heard.ended = says.last;
                        heard.last = Some(says);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return heard,
            }
        }
    }

    /// As a crash does, unless it has come to its end.
    fn end(mut self, ended: bool) -> Result<(), Box<dyn Error>> {
        if !ended {
            // One that ended by itself, and not well, is told by its status.
            if let Some(status) = self.process.try_wait()? {
                return Err(format!("the worker ended with {status}").into());
            }
            self.process.kill()?;
        }
        let status = self.process.wait()?;
        if ended && !status.success() {
            return Err(format!("the worker ended with {status}").into());
        }
        Ok(())
    }
}

/// Where the service is to be found.
#[derive(Debug, Deserialize)]
struct Addresses {
    api_url: String,
    api_key: String,
}

/// The other process; ends with its value.
struct Service {
    addresses: Addresses,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Service {
    fn start(orders: &service::Orders) -> Result<Self, Box<dyn Error>> {
        let mut process = this_program("service", &serde_json::to_string(orders)?)
            .stdin(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().ok_or("the service has no output")?);
        let addresses = read(&mut output)?;
        Ok(Self {
            addresses,
            process,
            input,
            output,
        })
    }

    fn tell(&mut self, word: &str) -> Result<(), Box<dyn Error>> {
        let input = self.input.as_mut().ok_or("the service has no input")?;
        Ok(writeln!(input, "{word}")?)
    }

    fn ask<T: DeserializeOwned>(&mut self, word: &str) -> Result<T, Box<dyn Error>> {
        self.tell(word)?;
        read(&mut self.output)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It ends when its standard input does.
        self.input = None;
        let _ = self.process.wait();
    }
}

fn read<T: DeserializeOwned>(output: &mut BufReader<ChildStdout>) -> Result<T, Box<dyn Error>> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// This program in another role.
fn this_program(role: &str, orders: &str) -> Command {
    let program = std::env::current_exe();
    let mut command = Command::new(program.as_deref().unwrap_or(Path::new("soak")));
    command
        .args([role, orders])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}
