//! What the conductor hands over: a scenario as one line of JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
pub(crate) struct Order {
    pub(crate) scenario: String,
    pub(crate) base_url: String,
    pub(crate) api_key: String,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) endpoint: String,
    pub(crate) media: BTreeMap<String, PathBuf>,
    pub(crate) params: Map<String, Value>,
    pub(crate) typed: bool,
    pub(crate) once: Option<String>,
    pub(crate) on_unknown: String,
    pub(crate) max_cost: Option<String>,
    pub(crate) submit_timeout_ms: Option<u64>,
    pub(crate) dest: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) told: PathBuf,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(crate) struct Step {
    #[serde(flatten)]
    pub(crate) r#do: Do,
    #[serde(default)]
    pub(crate) go_on: bool,
    /// In place of the scenario's.
    pub(crate) params: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Do {
    Submit,
    Wait {
        timeout_ms: Option<u64>,
    },
    Poll,
    Attach,
    SetApiKey {
        key: String,
    },
    Download {
        overwrite: bool,
        only: Option<Vec<String>>,
        frame_name: Option<String>,
        first_frame: Option<u64>,
    },
    Check,
    Upload,
    Estimate,
    Warnings,
    Frames {
        label: Option<String>,
        spool: Option<PathBuf>,
    },
    Read {
        index: Option<usize>,
        number: Option<u64>,
    },
    Extract {
        from: usize,
        count: Option<usize>,
        overwrite: bool,
        frame_name: Option<String>,
        first_frame: Option<u64>,
    },
    Stream {
        from: usize,
        count: Option<usize>,
        budget: Option<u64>,
    },
    Start,
    Queued,
    Finish,
}

impl Do {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Wait { .. } => "wait",
            Self::Poll => "poll",
            Self::Attach => "attach",
            Self::SetApiKey { .. } => "set_api_key",
            Self::Download { .. } => "download",
            Self::Check => "check",
            Self::Upload => "upload",
            Self::Estimate => "estimate",
            Self::Warnings => "warnings",
            Self::Frames { .. } => "frames",
            Self::Read { .. } => "read",
            Self::Extract { .. } => "extract",
            Self::Stream { .. } => "stream",
            Self::Start => "start",
            Self::Queued => "queued",
            Self::Finish => "finish",
        }
    }
}
