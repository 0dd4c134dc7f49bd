//! One scenario in one language: a fresh emulator, a fresh destination, the performance, and the evidence of what happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ltx_jobs_emulator::{Artifact, Emulator, Programme, Received};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::canary::{Scanner, Secret};
use crate::judge;
use crate::performer::{Performer, StepReport};
use crate::scenario::{Do, Scenario, Step};

/// The file for the library's log at its finest level.
const LOG: &str = "log";

/// The file for every error and object in every form the language has.
const TOLD: &str = "told";

/// What happened, as far as it must be equal in all languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) steps: Vec<StepReport>,
    pub(crate) posts: usize,
    pub(crate) jobs: usize,
    /// What the library says it saved.
    pub(crate) saved: Vec<String>,
    /// What is on disk: path and SHA-256.
    pub(crate) files: BTreeMap<String, String>,
}

/// What the emulator saw and made.
pub(crate) struct Service {
    pub(crate) requests: Vec<Received>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) counts: BTreeMap<String, usize>,
}

/// What one scenario in one language is played with: secrets that exist nowhere else, and directories that are looked through afterwards.
struct Ground {
    key: String,
    /// The signature in an address that the user brings.
    signature: String,
    secrets: Vec<Secret>,
    /// What the user sees: `dest` is in it.
    place: TempDir,
    /// What is kept for us and the library: its journal, its log, and what the performer tells.
    aside: TempDir,
}

impl Ground {
    fn new(scenario: &Scenario, language: &str) -> Result<Self, String> {
        let name = format!("{}/{language}/{}", scenario.name, std::process::id());
        let (key, signature) = (format!("canary-{}", digest(&name, "key")), digest(&name, "signature"));
        let directory = |prefix: &str| {
            let made = tempfile::Builder::new().prefix(prefix).tempdir();
            made.map_err(|error| error.to_string())
        };
        let mut ground = Self {
            secrets: vec![Secret::key(&key), Secret::signature(&signature)],
            key,
            signature,
            place: directory("ltx-scenario-")?,
            aside: directory("ltx-aside-")?,
        };
        let wrong = scenario
            .api_key
            .iter()
            .chain(scenario.step.iter().filter_map(|step| step.key.as_ref()));
        for key in wrong {
            ground.secrets.push(Secret::key(ground.filled_key(key)));
        }
        Ok(ground)
    }

    fn dest(&self) -> PathBuf {
        self.place.path().join("dest")
    }

    fn aside(&self, name: &str) -> PathBuf {
        self.aside.path().join(name)
    }

    /// `{key}` and `{signature}` are places for secrets in programmes, parameters and steps.
    fn filled(&self, text: &str) -> String {
        text.replace("{key}", &self.key).replace("{signature}", &self.signature)
    }

    /// A key that is not the right one is made recognisable too.
    fn filled_key(&self, text: &str) -> String {
        if text.contains("{key}") {
            self.filled(text)
        } else {
            format!("{text}-{}", digest(&self.key, text))
        }
    }

    fn programme(&self, scenario: &Scenario) -> Result<Programme, String> {
        let text = serde_json::to_string(&scenario.emulator).map_err(|error| error.to_string())?;
        let mut programme = Programme::from_json(&self.filled(&text)).map_err(|error| error.to_string())?;
        programme.api_key.clone_from(&self.key);
        Ok(programme)
    }
}

fn digest(name: &str, what: &str) -> String {
    let digest = Sha256::digest(format!("{name}/{what}"));
    hex(digest.get(..12).unwrap_or_default())
}

/// Plays a scenario; the evidence, or what was wrong with it.
pub(crate) async fn play(scenario: &Scenario, performer: &mut Performer, media: &Path) -> Result<Evidence, String> {
    let mut ground = Ground::new(scenario, performer.language())?;
    let emulator = Emulator::builder()
        .tls(scenario.tls)
        .programme(ground.programme(scenario)?)
        .start()
        .await
        .map_err(|error| format!("the emulator cannot be started: {error}"))?;
    let dest = ground.dest();
    for (name, content) in &scenario.before {
        let path = dest.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&dest))
            .and_then(|()| std::fs::write(&path, content))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    performer.secrets.extend(ground.secrets.iter().cloned());

    let order = order(scenario, &emulator, &ground, media);
    let performance = performer.perform(&order).await?;

    let files = files_under(ground.place.path(), &dest)?;
    let submit_route = format!("/v2/{}", scenario.endpoint);
    let evidence = Evidence {
        steps: performance.report.steps.clone(),
        posts: emulator.count("POST", &submit_route),
        jobs: emulator.jobs().len(),
        saved: performance.report.saved.clone(),
        files,
    };
    let counts = scenario.expect.count.keys().map(|key| {
        let (method, path) = key.split_once(' ').unwrap_or(("*", key));
        (key.clone(), emulator.count(method, path))
    });
    let service = Service {
        requests: emulator.requests(),
        artifacts: emulator
            .artifacts()
            .await
            .map_err(|error| format!("the emulator's artifacts: {error}"))?,
        counts: counts.collect(),
    };
    let mut complaints = judge::judge(scenario, &evidence, &service);
    complaints.extend(judge::strays(&ground.key, &service.requests));
    ground
        .secrets
        .extend(emulator.signatures().into_iter().map(Secret::signature));
    let (requests, posts) = (service.requests.len(), evidence.posts);
    complaints.extend(leaks(&ground, &performance.output, requests, posts)?);
    if performance.report.scenario != scenario.name {
        complaints.push(format!("the performer answered for {:?}", performance.report.scenario));
    }
    emulator.shutdown().await;
    if complaints.is_empty() {
        Ok(evidence)
    } else {
        Err(complaints.join("; "))
    }
}

/// Looks for the scenario's secrets in everything that was let out and left behind; and whether there was anything to look at.
fn leaks(ground: &Ground, output: &str, requests: usize, posts: usize) -> Result<Vec<String>, String> {
    let scanner = Scanner::new(&ground.secrets)?;
    let mut complaints = scanner.look_through(ground.place.path())?;
    complaints.extend(scanner.look_through(ground.aside.path())?);
    if let Some(what) = scanner.find(output.as_bytes()) {
        complaints.push(format!("in the performer's output is {what}"));
    }
    // One that was never written is one that holds nothing.
    let read = |name| std::fs::read(ground.aside(name)).unwrap_or_default();
    complaints.extend(judge::silence(&read(LOG), &read(TOLD), requests, posts));
    Ok(complaints)
}

/// The line for the performer.
fn order(scenario: &Scenario, emulator: &Emulator, ground: &Ground, media: &Path) -> Value {
    let mut settings = BTreeMap::from([
        ("journal", ground.aside("journal").to_string_lossy().into_owned()),
        ("poll_interval", "20ms".to_owned()),
        ("backoff_base", "5ms".to_owned()),
        ("backoff_cap", "20ms".to_owned()),
        ("stall_timeout", "1s".to_owned()),
    ]);
    if let Some(bundle) = emulator.ca_bundle() {
        settings.insert("ca_bundle", bundle.to_string_lossy().into_owned());
    }
    settings.extend(
        scenario
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    let files: BTreeMap<&String, PathBuf> = scenario
        .media
        .iter()
        .map(|(field, name)| (field, media.join(name)))
        .collect();
    let params: Value = serde_json::to_string(&scenario.params)
        .ok()
        .and_then(|text| serde_json::from_str(&ground.filled(&text)).ok())
        .unwrap_or_default();
    json!({
        "scenario": scenario.name,
        "base_url": emulator.api_url(),
        "api_key": scenario.api_key.as_ref().map_or_else(|| ground.key.clone(), |key| ground.filled_key(key)),
        "settings": settings,
        "endpoint": scenario.endpoint,
        "media": files,
        "params": params,
        "once": scenario.once,
        "on_unknown": scenario.on_unknown,
        "submit_timeout_ms": scenario.submit_timeout_ms,
        "dest": ground.dest(),
        "log": ground.aside(LOG),
        "told": ground.aside(TOLD),
        "steps": scenario.step.iter().map(|step| step_order(step, ground)).collect::<Vec<_>>(),
    })
}

fn step_order(step: &Step, ground: &Ground) -> Value {
    let mut order = json!({"do": step.r#do, "go_on": step.go_on});
    let more = match step.r#do {
        Do::Wait => json!({"timeout_ms": step.timeout_ms}),
        Do::SetApiKey => json!({"key": ground.filled_key(step.key.as_deref().unwrap_or("{key}"))}),
        Do::Download => json!({
            "overwrite": step.overwrite,
            "only": step.only,
            "frame_name": step.frame_name,
            "first_frame": step.first_frame,
        }),
        _ => json!({}),
    };
    if let (Value::Object(order), Value::Object(more)) = (&mut order, more) {
        order.extend(more);
    }
    order
}

/// Every file below `root`, with its SHA-256, named from `dest`; what escaped from `dest` is there too.
fn files_under(root: &Path, dest: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut files = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(directory) = todo.pop() {
        let complain = |error: std::io::Error| format!("{}: {error}", directory.display());
        for entry in std::fs::read_dir(&directory).map_err(complain)? {
            let entry = entry.map_err(complain)?;
            let path = entry.path();
            if entry.file_type().map_err(complain)?.is_dir() {
                todo.push(path);
                continue;
            }
            let name = match path.strip_prefix(dest) {
                Ok(inside) => inside.to_string_lossy().replace('\\', "/"),
                Err(_) => format!("OUTSIDE {}", path.display()),
            };
            // Scenarios are small; a link is not followed out of here.
            let content = if entry.file_type().map_err(complain)?.is_symlink() {
                b"a link".to_vec()
            } else {
                std::fs::read(&path).map_err(complain)?
            };
            files.insert(name, hex(&Sha256::digest(&content)));
        }
    }
    Ok(files)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
