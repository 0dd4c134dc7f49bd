//! What the tests stand on: an emulator in this process, and the command as a child of it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ltx_jobs_emulator::programme::Programme;
use ltx_jobs_emulator::{Do, Emulator, Fault};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::schema::Schema;

/// A command that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// An emulator with the runtime it lives in.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) dir: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new(programme: Programme) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let emulator = runtime.block_on(Emulator::start(programme)).unwrap();
        Self {
            emulator,
            runtime,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The command with address, key and a fast poll; what comes later in `args` wins over nothing of it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command
            .current_dir(self.dir.path())
            .env("LTXV_API_KEY", self.emulator.api_key())
            .env("LTX_BASE_URL", self.emulator.api_url())
            .env("LTX_POLL_INTERVAL", "20ms");
        command
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command with the journal that all commands of this stage share.
    pub(crate) fn journaled(&self, args: &[&str]) -> Command {
        let mut command = self.command(args);
        command.env("LTX_JOURNAL", self.path("journal"));
        command
    }

    /// Whole paid requests to any endpoint.
    pub(crate) fn paid(&self) -> usize {
        self.emulator.count("POST", "/v2/*")
    }

    /// Waits until the emulator has read so many whole paid requests.
    pub(crate) fn await_submits(&self, many: usize) {
        let began = Instant::now();
        while self.paid() < many {
            assert!(began.elapsed() < PATIENCE, "the submit did not arrive");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The command without any setting from outside.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ltx-jobs"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_ascii_uppercase().starts_with("LTX") {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// The clip that the command itself carries.
pub(crate) fn plate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/plate.mp4")
}

/// A small file of one codec and container.
pub(crate) fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../ltx-jobs/tests/media")
        .join(name)
}

/// A command that runs; killed when a test gives up on it.
pub(crate) struct Running {
    /// What every line must be, where lines of JSON were asked for.
    schema: Option<Schema>,
    child: Child,
    stdin: Option<ChildStdin>,
    out: Receiver<String>,
    err: Receiver<String>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<String>,
    pub(crate) err: String,
}

impl Ended {
    /// The events of `--json` with this name.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        let all = self.out.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|event| event["event"] == name).collect()
    }
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let schema = Schema::of(&command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let out = lines(child.stdout.take().unwrap());
        let err = lines(child.stderr.take().unwrap());
        Self {
            schema,
            child,
            stdin,
            out,
            err,
        }
    }

    /// The next line of standard output.
    pub(crate) fn next_line(&self) -> String {
        match self.out.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.check(&line);
                line
            }
            Err(RecvTimeoutError::Timeout) => panic!("no line came"),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("it ended: {}", self.err.iter().collect::<Vec<_>>().join("\n"))
            }
        }
    }

    /// Holds a line of JSON against the schema that the command publishes.
    fn check(&self, line: &str) {
        if let Some(schema) = &self.schema {
            schema.check(line);
        }
    }

    /// The next event with this name; others before it are passed over.
    pub(crate) fn next_event(&self, name: &str) -> Value {
        loop {
            let event: Value = serde_json::from_str(&self.next_line()).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    /// As a power cut does it: nothing is tidied up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Writes to standard input, and ends it.
    pub(crate) fn write_stdin(&mut self, bytes: &[u8]) {
        use std::io::Write as _;
        self.stdin.take().unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end. Standard input stays open until then, so that its end is not what ends the command.
    pub(crate) fn end(mut self) -> Ended {
        let began = Instant::now();
        let mut out = Vec::new();
        // The pipes end with the process; a process that hangs keeps them open.
        loop {
            match self.out.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(line) => {
                    self.check(&line);
                    out.push(line);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the command does not end; so far: {out:?}"),
            }
        }
        let code = self.child.wait().unwrap().code();
        Ended {
            code,
            out,
            err: self.err.iter().collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Starts the command and waits for its end.
pub(crate) fn run(command: Command) -> Ended {
    Running::start(command).end()
}

pub(crate) fn sha256(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files below a directory with their hashes, by their path in it.
pub(crate) fn tree(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(dir)
                    .unwrap()
                    .iter()
                    .map(OsStr::to_string_lossy)
                    .collect::<Vec<_>>()
                    .join("/");
                found.push((name, sha256(&path)));
            }
        }
    }
    found.sort();
    found
}

/// The ranges that the storage was asked for since request number `from`.
pub(crate) fn fetched(stage: &Stage, from: usize) -> Vec<String> {
    let requests = stage.emulator.requests();
    let gets = requests
        .iter()
        .skip(from)
        .filter(|request| request.origin == "storage" && request.method == "GET");
    gets.map(|request| request.header("range").unwrap_or("all").to_owned())
        .collect()
}

/// First and last byte of a range such as `bytes=10-19`; `None` for the end of a file.
pub(crate) fn span(range: &str) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// Bytes of ranges, but for those of the ends of files.
pub(crate) fn asked_bytes(ranges: &[String]) -> u64 {
    ranges
        .iter()
        .filter_map(|range| span(range))
        .map(|(first, last)| last - first + 1)
        .sum()
}

/// From the request behind the next `pass` on, answers stop at byte `at` of their body, and their connections stay open.
pub(crate) fn hold(stage: &Stage, route: &str, pass: u32, at: u64) {
    let fault = Fault {
        skip: pass,
        at: Some(at),
        ..Fault::new(Do::Stall)
    };
    stage.emulator.push_fault(route, fault).unwrap();
}
