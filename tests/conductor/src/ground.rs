//! The ground on which a scenario is played in one language: secrets that exist nowhere else, put in the places the scenario names, and directories that are
//! looked through for them afterwards.

use std::path::{Path, PathBuf};

use ltx_jobs_emulator::Programme;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::canary::Secret;
use crate::scenario::Scenario;
use crate::stage::hex;

/// What one scenario in one language is played with: secrets that exist nowhere else, and directories that are looked through afterwards.
pub(crate) struct Ground {
    key: String,
    /// The signature in an address that the user brings.
    signature: String,
    pub(crate) secrets: Vec<Secret>,
    /// What the user sees: `dest` is in it.
    place: TempDir,
    /// What is kept for us and the library: its journal, its log, and what the performer tells.
    aside: TempDir,
}

impl Ground {
    pub(crate) fn new(scenario: &Scenario, language: &str) -> Result<Self, String> {
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
        std::fs::create_dir(ground.spool()).map_err(|error| error.to_string())?;
        let wrong = scenario
            .api_key
            .iter()
            .chain(scenario.step.iter().filter_map(|step| step.key.as_ref()));
        for key in wrong {
            ground.secrets.push(Secret::key(ground.filled_key(key)));
        }
        Ok(ground)
    }

    pub(crate) fn dest(&self) -> PathBuf {
        self.place.path().join("dest")
    }

    pub(crate) fn aside(&self, name: &str) -> PathBuf {
        self.aside.path().join(name)
    }

    /// For archives from a storage without ranges; there in every scenario.
    pub(crate) fn spool(&self) -> PathBuf {
        self.aside("spool")
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn all_aside(&self) -> &Path {
        self.aside.path()
    }

    /// `{key}` and `{signature}` are places for secrets in programmes, parameters and steps.
    pub(crate) fn filled(&self, text: &str) -> String {
        text.replace("{key}", &self.key).replace("{signature}", &self.signature)
    }

    pub(crate) fn filled_params(&self, params: &Map<String, Value>) -> Map<String, Value> {
        let filled = params
            .iter()
            .map(|(name, value)| (name.clone(), each_text(value.clone(), &|text| self.filled(text))));
        filled.collect()
    }

    /// The way back: a body as it is in every language.
    pub(crate) fn unfilled(&self, body: Value) -> Value {
        each_text(body, &|text| {
            text.replace(&self.key, "{key}").replace(&self.signature, "{signature}")
        })
    }

    /// A key that is not the right one is made recognisable too.
    pub(crate) fn filled_key(&self, text: &str) -> String {
        if text.contains("{key}") {
            self.filled(text)
        } else {
            format!("{text}-{}", digest(&self.key, text))
        }
    }

    pub(crate) fn programme(&self, scenario: &Scenario) -> Result<Programme, String> {
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

fn each_text(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(items) => items.into_iter().map(|item| each_text(item, change)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, each_text(value, change)))
            .collect(),
        other => other,
    }
}
