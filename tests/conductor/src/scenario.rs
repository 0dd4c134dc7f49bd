//! A scenario as it is written down. A field nobody knows is an error, so that a typing mistake cannot make a scenario meaningless.

use std::collections::BTreeMap;
use std::path::Path;

use ltx_jobs_emulator::Programme;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// See `tests/scenarios/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The file's name without its extension.
    #[serde(skip)]
    pub(crate) name: String,
    /// Checked to be there; read by people.
    pub(crate) title: String,
    #[serde(default = "hdr")]
    pub(crate) endpoint: String,
    #[serde(default)]
    pub(crate) media: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) params: Map<String, Value>,
    /// Fields that are data URIs.
    #[serde(default)]
    pub(crate) data: BTreeMap<String, DataUri>,
    #[serde(default)]
    pub(crate) typed: bool,
    pub(crate) once: Option<String>,
    #[serde(default)]
    pub(crate) on_unknown: OnUnknown,
    pub(crate) max_cost: Option<String>,
    pub(crate) submit_timeout_ms: Option<u64>,
    pub(crate) api_key: Option<String>,
    #[serde(default)]
    pub(crate) tls: bool,
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) before: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) emulator: Programme,
    pub(crate) step: Vec<Step>,
    pub(crate) expect: Expect,
}

fn hdr() -> String {
    "video-to-video-hdr".to_owned()
}

/// A data URI, too long to be written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataUri {
    r#type: String,
    /// Of the whole text.
    characters: usize,
}

impl DataUri {
    pub(crate) fn text(&self) -> String {
        let mut text = format!("data:{};base64,", self.r#type);
        let left = self.characters.saturating_sub(text.len());
        text.extend(std::iter::repeat_n('A', left));
        text
    }
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnUnknown {
    #[default]
    Stop,
    AcceptDoubleCharge,
}

/// One thing that is asked of the library, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) r#do: Do,
    #[serde(default)]
    pub(crate) go_on: bool,
    /// `submit`, `start`, `estimate`: over the scenario's.
    #[serde(default)]
    pub(crate) params: Map<String, Value>,
    /// `estimate`: the amount.
    pub(crate) usd: Option<String>,
    /// `warnings`: what each of them holds.
    pub(crate) warnings: Option<Vec<String>>,
    /// `wait`
    pub(crate) timeout_ms: Option<u64>,
    /// `set_api_key`; `{key}` is the right one.
    pub(crate) key: Option<String>,
    /// `download`, `extract`
    #[serde(default)]
    pub(crate) overwrite: bool,
    /// `download`
    pub(crate) only: Option<Vec<String>>,
    /// `download`, `extract`
    pub(crate) frame_name: Option<String>,
    /// `download`, `extract`
    pub(crate) first_frame: Option<u64>,
    /// `frames`: a directory is named, for a storage without ranges.
    #[serde(default)]
    pub(crate) spool: bool,
    /// `frames`: the output to open.
    pub(crate) label: Option<String>,
    /// `read`: its place in the list.
    pub(crate) index: Option<usize>,
    /// `read`: the number in its name.
    pub(crate) number: Option<u64>,
    /// `extract`, `stream`: the place of the first frame.
    #[serde(default)]
    pub(crate) from: usize,
    /// `extract`, `stream`: how many; all from there on when missing.
    pub(crate) count: Option<usize>,
    /// `stream`: bytes.
    pub(crate) budget: Option<u64>,
    /// `frames`, `read`, `stream`: what came, in order.
    pub(crate) frames: Option<Listed>,
    /// What must be seen; the step succeeds when there is none.
    pub(crate) error: Option<ExpectedError>,
}

/// Names of frames; or how many, which then are those of the archive, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Listed {
    Many(usize),
    Names(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Do {
    Submit,
    Wait,
    Poll,
    Attach,
    SetApiKey,
    Download,
    Check,
    Upload,
    Estimate,
    Warnings,
    /// Opens the list of frames.
    Frames,
    /// One frame into memory.
    Read,
    /// Frames as files.
    Extract,
    /// Frames into memory, one after the other.
    Stream,
    /// A submit that is not waited for.
    Start,
    /// The one started last waits for a place.
    Queued,
    /// Waits for the one started first.
    Finish,
}

/// Attributes that are left out may be anything, but are equal in all languages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedError {
    pub(crate) kind: String,
    pub(crate) billing: Option<String>,
    pub(crate) retryable: Option<bool>,
    pub(crate) job_ended: Option<bool>,
    pub(crate) http_status: Option<u16>,
    pub(crate) api_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// Whole POSTs on the submit route.
    pub(crate) posts: Option<usize>,
    /// Jobs that exist at the service.
    pub(crate) jobs: Option<usize>,
    /// The bodies of these jobs, in order.
    pub(crate) sent: Option<Vec<Value>>,
    pub(crate) saved: Saved,
    /// Whole requests by `METHOD /path`; see the emulator's `count`.
    #[serde(default)]
    pub(crate) count: BTreeMap<String, Count>,
}

/// What must be under the destination in the end.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Saved {
    Word(SavedWord),
    Paths(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SavedWord {
    /// Every file the service made.
    All,
    /// Not one file, half-finished ones included.
    Nothing,
    /// Whatever is there is one of the files the service made.
    Whole,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
pub(crate) enum Count {
    Exactly(usize),
    Between(Bounds),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    #[serde(default)]
    pub(crate) min: usize,
    #[serde(default = "no_limit")]
    pub(crate) max: usize,
}

fn no_limit() -> usize {
    usize::MAX
}

impl Count {
    pub(crate) fn bounds(self) -> Bounds {
        match self {
            Self::Exactly(count) => Bounds { min: count, max: count },
            Self::Between(bounds) => bounds,
        }
    }
}

/// Reads all scenarios of a directory, in the order of their names.
pub(crate) fn load(directory: &Path, filter: Option<&str>) -> Result<Vec<Scenario>, String> {
    let complain = |what: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", what.display());
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| complain(directory, &error))? {
        let path = entry.map_err(|error| complain(directory, &error))?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|error| complain(&path, &error))?;
        let scenario = parse(name, &text).map_err(|error| complain(&path, &error))?;
        scenarios.push(scenario);
    }
    if scenarios.is_empty() {
        return Err(format!("{}: no scenario fits", directory.display()));
    }
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(scenarios)
}

fn parse(name: String, text: &str) -> Result<Scenario, String> {
    let mut scenario: Scenario = toml::from_str(text).map_err(|error| error.to_string())?;
    scenario.name = name;
    scenario.emulator.check().map_err(|error| error.to_string())?;
    if scenario.title.trim().is_empty() {
        return Err("the title is empty".to_owned());
    }
    if scenario.step.is_empty() {
        return Err("there is no step".to_owned());
    }
    let end = scenario
        .step
        .iter()
        .position(|step| step.error.is_some() && !step.go_on);
    if end.is_some_and(|end| end + 1 < scenario.step.len()) {
        return Err("steps after one that fails and does not go on are never played".to_owned());
    }
    for step in &scenario.step {
        if step.usd.is_some() != (step.r#do == Do::Estimate && step.error.is_none()) {
            return Err("an estimate that succeeds says what comes out as `usd`, and no other step does".to_owned());
        }
        if step.warnings.is_some() != (step.r#do == Do::Warnings) {
            return Err("a step `warnings` says which, and no other step does".to_owned());
        }
        let listed = matches!(step.r#do, Do::Frames | Do::Read | Do::Stream) && step.error.is_none();
        if step.frames.is_some() != listed {
            return Err(
                "a step `frames`, `read` or `stream` that succeeds says what comes as `frames`, and no other step does"
                    .to_owned(),
            );
        }
        if (step.index.is_some() ^ step.number.is_some()) != (step.r#do == Do::Read) {
            return Err("a step `read` has one of `index` and `number`, and no other step does".to_owned());
        }
    }
    Ok(scenario)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scenarios_can_be_read_and_are_many() {
        let scenarios = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios")), None).unwrap();
        assert!(scenarios.len() >= 15, "{}", scenarios.len());
    }

    #[test]
    fn a_typing_mistake_is_an_error_that_names_the_word() {
        let good = "title = \"t\"\n[[step]]\ndo = \"submit\"\n[expect]\nsaved = \"nothing\"\n";
        parse("x".to_owned(), good).unwrap();
        for (bad, word) in [
            (good.replace("title", "titel"), "titel"),
            (good.replace("saved", "savd"), "savd"),
            (good.replace("[expect]", "[emulator]\nfolt = 1\n[expect]"), "folt"),
            (
                good.replace("[[step]]", "[[step]]\nerror = { kind = \"X\", bill = \"y\" }"),
                "bill",
            ),
        ] {
            let error = parse("x".to_owned(), &bad).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn an_outcome_that_would_never_be_looked_at_is_refused() {
        let text = |step: &str| format!("title = \"t\"\n[[step]]\n{step}\n[expect]\nsaved = \"nothing\"\n");
        for step in [
            "do = \"estimate\"",
            "do = \"submit\"\nusd = \"0.10\"",
            "do = \"warnings\"",
            "do = \"wait\"\nwarnings = []",
            "do = \"frames\"",
            "do = \"extract\"\nframes = 3",
            "do = \"read\"\nframes = 1",
            "do = \"read\"\nindex = 1\nnumber = 2\nframes = 1",
            "do = \"stream\"\nframes = 3\nerror = { kind = \"Integrity\" }",
        ] {
            parse("x".to_owned(), &text(step)).unwrap_err();
        }
        for step in [
            "do = \"estimate\"\nusd = \"0.10\"",
            "do = \"stream\"\nframes = 3",
            "do = \"read\"\nnumber = 2\nframes = [\"frame_00002.exr\"]",
        ] {
            parse("x".to_owned(), &text(step)).unwrap();
        }
    }

    #[test]
    fn a_data_uri_has_the_length_it_was_told() {
        let uri = DataUri {
            r#type: "image/png".to_owned(),
            characters: 30,
        };
        assert_eq!(uri.text(), "data:image/png;base64,AAAAAAAA");
    }

    #[test]
    fn steps_that_are_never_played_are_refused() {
        let text = "title = \"t\"\n[[step]]\ndo = \"submit\"\nerror = { kind = \"X\" }\n[[step]]\ndo = \"wait\"\n[expect]\nsaved = \"nothing\"\n";
        assert!(parse("x".to_owned(), text).unwrap_err().contains("never played"));
    }
}
