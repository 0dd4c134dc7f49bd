//! One scenario in one language: a fresh emulator, a fresh destination, the performance, and the evidence of what happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ltx_jobs_emulator::{Artifact, Emulator, Received};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::canary::{Scanner, Secret};
use crate::counted::{self, Seen};
use crate::ground::Ground;
use crate::judge;
use crate::performer::{Performer, StepReport};
use crate::scenario::{Count, Do, Scenario, Step};

/// What addresses of uploads begin with.
const UPLOADS: &str = "ltx://uploads/";

/// Where the files are that scenarios name.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) scenarios: PathBuf,
    /// The first that has a clip gives it.
    pub(crate) media: Vec<PathBuf>,
}

impl Places {
    /// A clip, or where it would be: scenarios also name what is not there.
    fn clip(&self, name: &str) -> PathBuf {
        let mut candidates = self.media.iter().map(|folder| folder.join(name));
        let there = candidates.clone().find(|path| path.is_file());
        there
            .or_else(|| candidates.next())
            .unwrap_or_else(|| PathBuf::from(name))
    }
}
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
    /// The bodies of the jobs, oldest first.
    pub(crate) sent: Vec<Value>,
    /// What the library says it saved.
    pub(crate) saved: Vec<String>,
    /// What is on disk: path and SHA-256.
    pub(crate) files: BTreeMap<String, String>,
    /// How many submits had which outcome, as the client counted them.
    pub(crate) outcomes: BTreeMap<String, u64>,
}

/// What the emulator saw and made.
pub(crate) struct Service {
    pub(crate) requests: Vec<Received>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) counts: BTreeMap<String, usize>,
}

/// Plays a scenario; the evidence, or what was wrong with it.
pub(crate) async fn play(scenario: &Scenario, performer: &mut Performer, places: &Places) -> Result<Evidence, String> {
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

    let order = order(scenario, &emulator, &ground, places);
    let performance = performer.perform(&order).await?;

    let files = files_under(ground.place(), &dest)?;
    let left = std::fs::read_dir(ground.spool())
        .map_err(|error| error.to_string())?
        .count();
    let submit_route = format!("/v2/{}", scenario.endpoint);
    let posts = emulator.count("POST", &submit_route);
    // How often it is sent until there is room is a matter of time; the scenario says within which bounds.
    let expected = scenario.expect.count.get(&format!("POST {submit_route}"));
    let depends_on_time = matches!(expected, Some(Count::Between(_)));
    let evidence = Evidence {
        steps: performance.report.steps.clone(),
        posts: if depends_on_time { 0 } else { posts },
        jobs: emulator.jobs().len(),
        sent: emulator
            .jobs()
            .into_iter()
            .map(|job| plain(ground.unfilled(job.body)))
            .collect(),
        saved: performance.report.saved.clone(),
        files,
        outcomes: counted::outcomes(performance.report.counters.as_ref()),
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
    complaints.extend(counted::complaints(
        performance.report.counters.as_ref(),
        &Seen::of(&service.requests, evidence.jobs),
    ));
    complaints.extend(judge::strays(ground.key(), &service.requests));
    ground
        .secrets
        .extend(emulator.signatures().into_iter().map(Secret::signature));
    complaints.extend(leaks(&ground, &performance.output, service.requests.len(), posts)?);
    if left > 0 {
        complaints.push(format!(
            "{left} archives stayed in the directory that was named for them"
        ));
    }
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

/// A body as it can be compared: uploads without their ids, and numbers as JSON has them, of one kind.
pub(crate) fn plain(body: Value) -> Value {
    match body {
        Value::String(text) if text.starts_with(UPLOADS) => Value::String(format!("{UPLOADS}*")),
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, plain(value))).collect(),
        other => other,
    }
}

/// Looks for the scenario's secrets in everything that was let out and left behind; and whether there was anything to look at.
fn leaks(ground: &Ground, output: &str, requests: usize, posts: usize) -> Result<Vec<String>, String> {
    let scanner = Scanner::new(&ground.secrets)?;
    let mut complaints = scanner.look_through(ground.place())?;
    complaints.extend(scanner.look_through(ground.all_aside())?);
    if let Some(what) = scanner.find(output.as_bytes()) {
        complaints.push(format!("in the performer's output is {what}"));
    }
    // One that was never written is one that holds nothing.
    let read = |name| std::fs::read(ground.aside(name)).unwrap_or_default();
    complaints.extend(judge::silence(&read(LOG), &read(TOLD), requests, posts));
    Ok(complaints)
}

/// The line for the performer.
fn order(scenario: &Scenario, emulator: &Emulator, ground: &Ground, places: &Places) -> Value {
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
    if let Some(prices) = settings.get_mut("prices") {
        *prices = places.scenarios.join(&*prices).to_string_lossy().into_owned();
    }
    let files: BTreeMap<&String, PathBuf> = scenario
        .media
        .iter()
        .map(|(field, name)| (field, places.clip(name)))
        .collect();
    let data = scenario.data.iter();
    let data = data.map(|(field, uri)| (field.clone(), Value::String(uri.text())));
    let params: Map<String, Value> = scenario.params.clone().into_iter().chain(data).collect();
    let params = ground.filled_params(&params);
    json!({
        "scenario": scenario.name,
        "base_url": emulator.api_url(),
        "api_key": scenario.api_key.as_ref().map_or_else(|| ground.key().to_owned(), |key| ground.filled_key(key)),
        "settings": settings,
        "endpoint": scenario.endpoint,
        "media": files,
        "params": params,
        "typed": scenario.typed,
        "once": scenario.once,
        "on_unknown": scenario.on_unknown,
        "max_cost": scenario.max_cost,
        "submit_timeout_ms": scenario.submit_timeout_ms,
        "dest": ground.dest(),
        "log": ground.aside(LOG),
        "told": ground.aside(TOLD),
        "steps": scenario.step.iter().map(|step| step_order(step, ground, &params)).collect::<Vec<_>>(),
    })
}

fn step_order(step: &Step, ground: &Ground, params: &Map<String, Value>) -> Value {
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
        Do::Frames => json!({
            "label": step.label,
            "spool": step.spool.then(|| ground.spool()),
        }),
        Do::Read => json!({"index": step.index, "number": step.number}),
        Do::Extract => json!({
            "from": step.from,
            "count": step.count,
            "overwrite": step.overwrite,
            "frame_name": step.frame_name,
            "first_frame": step.first_frame,
        }),
        Do::Stream => json!({"from": step.from, "count": step.count, "budget": step.budget}),
        Do::Submit | Do::Start | Do::Estimate if !step.params.is_empty() => {
            let own = ground.filled_params(&step.params);
            json!({"params": params.clone().into_iter().chain(own).collect::<Map<String, Value>>()})
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_mean_the_same_are_the_same() {
        let one = json!({"video_uri": "ltx://uploads/1", "duration": 2, "placement": {"x": 0}, "more": [1, "ltx://x"]});
        let other =
            json!({"video_uri": "ltx://uploads/2", "duration": 2.0, "placement": {"x": 0.0}, "more": [1.0, "ltx://x"]});
        assert_eq!(plain(one.clone()), plain(other));
        assert_ne!(
            plain(one),
            plain(json!({"video_uri": "ltx://uploads/1", "duration": 3}))
        );
    }
}
