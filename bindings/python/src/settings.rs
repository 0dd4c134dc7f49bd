//! Settings as text, kept on this side of the border so that the key is in no Python object that a debugger or a traceback may show.

use pyo3::prelude::*;

/// What the caller set, by the names of the core's table. Used again for the client that a forked child makes.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

#[pymethods]
impl Settings {
    #[new]
    fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The same settings with another key.
    fn with_api_key(&self, key: String) -> Self {
        let others = self.0.iter().filter(|(name, _)| name != "api_key").cloned();
        Self(others.chain([("api_key".to_owned(), key)]).collect())
    }

    /// The same settings, but for those that are named; `None` takes one back.
    fn with_changes(&self, changes: Vec<(String, Option<String>)>) -> Self {
        let kept = |name: &str| !changes.iter().any(|(changed, _)| changed == name);
        let mut settings: Vec<_> = self.0.iter().filter(|(name, _)| kept(name)).cloned().collect();
        settings.extend(changes.into_iter().filter_map(|(name, value)| Some((name, value?))));
        Self(settings)
    }

    /// Whether a key is among them, rather than in the environment.
    fn has_api_key(&self) -> bool {
        self.0.iter().any(|(name, _)| name == "api_key")
    }

    /// The settings without the key, for a pickle.
    fn without_api_key(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| name != "api_key").cloned().collect()
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        format!("Settings({})", names.join(", "))
    }
}
