//! A performer: a process that plays scenarios in its language, one JSON line in and one out. It lives over many scenarios and is started anew when it
//! dies; what it writes to standard error is kept, because no secret may be in it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::canary::{Scanner, Secret};
use crate::scenario::Do;

/// What a performer may take for one scenario: far beyond what any needs.
const CAP: Duration = Duration::from_secs(60);

/// What a performer may take to end after its input has ended.
const FAREWELL: Duration = Duration::from_secs(20);

/// How a language's performer is started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) language: String,
    command: Vec<String>,
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (language, command) = text.split_once('=').ok_or("write it as LANGUAGE=COMMAND")?;
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if language.is_empty() || command.is_empty() {
            return Err("write it as LANGUAGE=COMMAND".to_owned());
        }
        Ok(Self {
            language: language.to_owned(),
            command,
        })
    }
}

/// What a performer says of a scenario.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Report {
    pub(crate) scenario: String,
    pub(crate) steps: Vec<StepReport>,
    #[serde(default)]
    pub(crate) saved: Vec<String>,
    /// What the client counted, read when it was closed; none when no client could be made.
    #[serde(default)]
    pub(crate) counters: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct StepReport {
    pub(crate) r#do: Do,
    pub(crate) ok: bool,
    #[serde(default)]
    pub(crate) error: Option<ErrorReport>,
    /// Of an `estimate`.
    #[serde(default)]
    pub(crate) usd: Option<String>,
    /// Of an `estimate`.
    #[serde(default)]
    pub(crate) basis: Option<String>,
    /// Of a `warnings` step.
    #[serde(default)]
    pub(crate) warnings: Option<Vec<String>>,
    /// Names of frames: of the list, or of those that came into memory.
    #[serde(default)]
    pub(crate) frames: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorReport {
    pub(crate) kind: String,
    pub(crate) number: i64,
    pub(crate) billing: String,
    pub(crate) retryable: bool,
    pub(crate) job_ended: bool,
    pub(crate) http_status: Option<u16>,
    pub(crate) api_type: Option<String>,
}

/// Everything a performer let out during a scenario.
pub(crate) struct Performance {
    pub(crate) report: Report,
    /// Both streams, word for word.
    pub(crate) output: String,
}

pub(crate) struct Performer {
    program: Program,
    running: Option<Process>,
    /// What may be in no output, of all scenarios played so far.
    pub(crate) secrets: Vec<Secret>,
}

struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    errors: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Performer {
    pub(crate) fn new(program: Program) -> Self {
        Self {
            program,
            running: None,
            secrets: Vec::new(),
        }
    }

    pub(crate) fn language(&self) -> &str {
        &self.program.language
    }

    /// Hands over a scenario as one line; gives what came back, or why nothing did.
    pub(crate) async fn perform(&mut self, order: &serde_json::Value) -> Result<Performance, String> {
        let mut process = match self.running.take() {
            Some(process) => process,
            None => self.start()?,
        };
        let played = tokio::time::timeout(CAP, process.exchange(order)).await;
        let output = |process: &Process, line: &str| format!("{line}\n{}", process.take_errors());
        match played {
            Ok(Ok(line)) => {
                let output = output(&process, &line);
                self.running = Some(process);
                let report = serde_json::from_str(&line)
                    .map_err(|error| format!("the performer's line cannot be read: {error}: {line:.300}"))?;
                Ok(Performance { report, output })
            }
            Ok(Err(why)) => {
                let status = process.kill().await;
                Err(format!(
                    "the performer died ({why}; {status}): {}",
                    tail(&process.take_errors())
                ))
            }
            Err(_) => {
                process.kill().await;
                Err(format!(
                    "no answer within {} s: {}",
                    CAP.as_secs(),
                    tail(&process.take_errors())
                ))
            }
        }
    }

    /// Ends the performer by ending its input. An error when it does not end well, or when its last words hold a secret.
    pub(crate) async fn end(mut self) -> Result<(), String> {
        let Some(process) = self.running.take() else {
            return Ok(());
        };
        let Process {
            mut child,
            input,
            output,
            errors,
            reader,
        } = process;
        drop(input);
        let status = match tokio::time::timeout(FAREWELL, child.wait()).await {
            Ok(status) => status.map_err(|error| error.to_string())?,
            Err(_) => {
                let _ = child.kill().await;
                return Err(format!(
                    "it did not end within {} s after its input had ended",
                    FAREWELL.as_secs()
                ));
            }
        };
        drop(output);
        let _ = reader.await;
        let last = errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(what) = Scanner::new(&self.secrets)?.find(last.as_bytes()) {
            return Err(format!("in what it wrote to standard error is {what}"));
        }
        if status.success() {
            Ok(())
        } else {
            Err(format!("it ended with {status}: {}", tail(&last)))
        }
    }

    fn start(&self) -> Result<Process, String> {
        let (program, arguments) = self.program.command.split_first().ok_or("there is no command")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // What is asked of the library is in the scenario alone.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            let proxies = matches!(text.as_str(), "HTTP_PROXY" | "HTTPS_PROXY" | "ALL_PROXY" | "NO_PROXY");
            if proxies || ((text.starts_with("LTX_") || text.starts_with("LTXV_")) && text != "LTX_JOBS_COMMAND") {
                command.env_remove(&name);
            }
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        let missing = || "the performer has no pipes".to_owned();
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?).lines();
        let mut stderr = child.stderr.take().ok_or_else(missing)?;
        let errors = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&errors);
        let reader = tokio::spawn(async move {
            let mut portion = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut portion).await {
                let text = String::from_utf8_lossy(portion.get(..read).unwrap_or_default()).into_owned();
                sink.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Ok(Process {
            child,
            input,
            output,
            errors,
            reader,
        })
    }
}

impl Process {
    async fn exchange(&mut self, order: &serde_json::Value) -> Result<String, String> {
        let line = format!("{order}\n");
        self.input
            .write_all(line.as_bytes())
            .await
            .map_err(|error| error.to_string())?;
        self.input.flush().await.map_err(|error| error.to_string())?;
        let line = self.output.next_line().await.map_err(|error| error.to_string())?;
        line.ok_or_else(|| "its output ended".to_owned())
    }

    fn take_errors(&self) -> String {
        // Kept whole: a secret may arrive in two portions.
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn kill(&mut self) -> String {
        let ended = tokio::time::timeout(Duration::from_secs(1), self.child.wait()).await;
        let status = match ended {
            Ok(Ok(status)) => status.to_string(),
            _ => {
                let _ = self.child.kill().await;
                "killed".to_owned()
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut self.reader).await;
        status
    }
}

/// The end of what a process said, on one line.
fn tail(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let from = line.char_indices().rev().nth(400).map_or(0, |(index, _)| index);
    line.get(from..).unwrap_or_default().to_owned()
}
