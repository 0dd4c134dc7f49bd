//! The client, with a runtime of its own whose threads leave signals alone.

use std::str::FromStr as _;

use ltx_jobs::{Error, JobRef, OnUnknown, Result, RuntimeOptions, Usd};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::batch::BatchRun;
use crate::convert;
use crate::dest;
use crate::failure::Failure;
use crate::frames::speed;
use crate::guard::fenced;
use crate::job::{Job, no_word};
use crate::key::{Asker, KeyRequests};
use crate::operation::{Operation, begin};
use crate::request::{Request, input};
use crate::settings::Settings;
use crate::store;

/// A client of the service. Opens no socket and starts no thread before the first operation.
#[pyclass(frozen, module = "ltx_jobs._native")]
pub(crate) struct Client(ltx_jobs::Client, Option<Py<KeyRequests>>);

#[pymethods]
impl Client {
    /// A client from settings, and from the environment for what they leave open; or a failure. With a key function, the core asks for the key in
    /// `key_requests`.
    #[staticmethod]
    fn make(py: Python<'_>, settings: &Settings, key_function: bool) -> PyResult<Py<PyAny>> {
        let (asker, requests) = if key_function {
            let (asker, requests) = KeyRequests::pair();
            (Some(asker), Some(Py::new(py, requests)?))
        } else {
            (None, None)
        };
        let made = py.detach(|| fenced(|| build(settings.pairs(), asker)));
        convert::outcome(py, made, |client| Ok(Py::new(py, Self(client, requests))?.into_any()))
    }

    /// Where the core asks for the key of a function; `None` without one.
    fn key_requests(&self, py: Python<'_>) -> Option<Py<KeyRequests>> {
        self.1.as_ref().map(|requests| requests.clone_ref(py))
    }

    /// Key, value and origin of every setting; the API key as `***`.
    fn describe(&self) -> Vec<(&'static str, String, String)> {
        self.0
            .describe()
            .into_iter()
            .map(|(key, value, origin)| (key, value, origin.to_string()))
            .collect()
    }

    /// Starts a submit; or a failure.
    #[pyo3(signature = (request, *, once, label, dest, timeout, max_cost, on_unknown))]
    #[allow(clippy::too_many_arguments)] // Keywords, each the name of an option.
    fn submit(
        &self,
        py: Python<'_>,
        request: &Request,
        once: Option<String>,
        label: Option<String>,
        dest: Option<dest::Given>,
        timeout: Option<f64>,
        max_cost: Option<&str>,
        on_unknown: &str,
    ) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let mut submit = self.0.submit(request.0.clone()).on_unknown(unknown_mode(on_unknown)?);
            if let Some(once) = once {
                submit = submit.once(once);
            }
            if let Some(label) = label {
                submit = submit.label(label);
            }
            if let Some(given) = dest {
                submit = submit.dest(dest::read(given)?);
            }
            if let Some(seconds) = timeout {
                submit = submit.timeout(convert::duration("timeout", seconds)?);
            }
            if let Some(text) = max_cost {
                submit = submit.max_cost(amount("max_cost", text)?);
            }
            let submitting = submit.start();
            let reference = submitting.reference().map(ToString::to_string);
            Ok(Operation::new(submitting.operation().clone(), reference))
        })
    }

    /// Starts a batch; or a failure.
    #[pyo3(signature = (name, *, dest, rehost, overwrite, resume, bandwidth, lock_timeout, max_cost, spend_limit, on_unknown, submits_at_once, saves_at_once, hand_over, waits_at_once))]
    #[allow(clippy::too_many_arguments)] // Keywords, each the name of an option.
    fn batch(
        &self,
        py: Python<'_>,
        name: String,
        dest: Option<dest::Given>,
        rehost: Option<store::Given>,
        overwrite: bool,
        resume: bool,
        bandwidth: Option<String>,
        lock_timeout: Option<f64>,
        max_cost: Option<&str>,
        spend_limit: Option<&str>,
        on_unknown: &str,
        submits_at_once: usize,
        saves_at_once: usize,
        hand_over: bool,
        waits_at_once: usize,
    ) -> PyResult<Py<PyAny>> {
        let start = || {
            let mut batch = self
                .0
                .batch(name)
                .overwrite(overwrite)
                .resume(resume)
                .on_unknown(unknown_mode(on_unknown)?)
                .submits_at_once(submits_at_once)
                .saves_at_once(saves_at_once);
            if hand_over {
                batch = batch.hand_over(saves_at_once).hand_over_waits(waits_at_once);
            }
            if let Some(given) = dest {
                batch = batch.dest(dest::read(given)?);
            }
            if let Some(given) = rehost {
                batch = store::of_batch(batch, given)?;
            }
            if let Some(limit) = speed(bandwidth)? {
                batch = batch.bandwidth(limit);
            }
            if let Some(seconds) = lock_timeout {
                batch = batch.lock_timeout(convert::duration("lock_timeout", seconds)?);
            }
            if let Some(text) = max_cost {
                batch = batch.max_cost(amount("max_cost", text)?);
            }
            if let Some(text) = spend_limit {
                batch = batch.spend_limit(amount("spend_limit", text)?);
            }
            batch.check_options()?;
            Ok(BatchRun::new(batch.start()))
        };
        let started = py.detach(|| fenced(start));
        convert::outcome(py, started, |run| Ok(Py::new(py, run)?.into_any()))
    }

    /// Starts to estimate what a request would cost; or a failure.
    fn estimate(&self, py: Python<'_>, request: &Request) -> PyResult<Py<PyAny>> {
        begin(py, || {
            Ok(Operation::new(self.0.estimate(request.0.clone()).start(), None))
        })
    }

    /// What this client has committed itself to, in US dollars.
    fn committed(&self) -> String {
        self.0.committed().to_string()
    }

    /// Every number that only grows, in the order of `Counters`, and what this client has committed itself to.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, String)> {
        let counters = self.0.counters();
        let numbers: Vec<u64> = counters.items().map(|(_, value)| value).collect();
        let numbers = PyTuple::new(py, numbers)?;
        Ok((numbers, counters.committed.to_string()))
    }

    /// The names of these numbers, in the same order.
    #[staticmethod]
    fn counter_names() -> Vec<&'static str> {
        ltx_jobs::Counters::default().items().map(|(name, _)| name).collect()
    }

    /// The job of a reference, without asking anybody; or a failure.
    fn job(&self, py: Python<'_>, reference: &str) -> PyResult<Py<PyAny>> {
        let job = py.detach(|| fenced(|| self.0.job(JobRef::from_str(reference)?)));
        convert::outcome(py, job, |job| Ok(Py::new(py, Job(job))?.into_any()))
    }

    /// Starts an upload of an input; or a failure.
    fn upload(&self, py: Python<'_>, kind: &str, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let media = input(kind, value)?;
        begin(py, || Ok(Operation::new(self.0.upload(media).start(), None)))
    }

    /// Starts a look at everything a submit needs; or a failure.
    fn check(&self, py: Python<'_>, keep_failures: bool) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let check = self.0.check().keep_failures(keep_failures);
            Ok(Operation::new(check.start(), None))
        })
    }

    /// Starts to list what the journal knows; or a failure.
    fn jobs(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        begin(py, || Ok(Operation::new(self.0.jobs().start(), None)))
    }

    /// Starts to find what an earlier run left behind; or a failure.
    fn recover(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        begin(py, || Ok(Operation::new(self.0.recover().start(), None)))
    }

    /// Starts to settle an intent, with the reference of its job or without one; or a failure.
    fn resolve(&self, py: Python<'_>, intent: &str, job: Option<&str>) -> PyResult<Py<PyAny>> {
        begin(py, || {
            let job = job.map(JobRef::from_str).transpose()?;
            Ok(Operation::new(
                self.0.resolve(JobRef::from_str(intent)?, job).start(),
                None,
            ))
        })
    }

    /// Uses another key from now on.
    fn set_api_key(&self, py: Python<'_>, key: String) -> Option<Failure> {
        let change = || {
            self.0.set_api_key(key);
            Ok(())
        };
        let failure = py.detach(|| fenced(change)).err().map(Failure::new);
        self.stop_asking();
        failure
    }

    /// Whether it was closed.
    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Starts to close it; ends with the number of threads left behind; or a failure. A paid POST on the wire gets `grace` seconds.
    fn close(&self, py: Python<'_>, grace: f64) -> PyResult<Py<PyAny>> {
        let client = self.0.clone();
        let grace = convert::duration("grace", grace);
        if grace.is_ok() {
            // First everything hears that it is closed, then nothing waits for a function of Python's any more.
            py.detach(|| self.0.begin_close());
            self.stop_asking();
        }
        begin(py, || {
            let grace = grace?;
            Operation::aside("ltx-close", move || client.close_blocking(grace))
        })
    }

    /// Keeps it for ever: in a forked child the parent's threads are gone, and what they held must not be touched again.
    fn leak(&self) {
        std::mem::forget(self.0.clone());
    }
}

impl Client {
    fn stop_asking(&self) {
        if let Some(requests) = &self.1 {
            requests.get().close();
        }
    }
}

fn build(pairs: &[(String, String)], asker: Option<Asker>) -> Result<ltx_jobs::Client> {
    let mut builder = ltx_jobs::Client::builder()
        .own_runtime(RuntimeOptions::new().on_thread_start(crate::signals::block_on_this_thread));
    for (key, value) in pairs {
        builder = builder.set(key, value)?;
    }
    if let Some(asker) = asker {
        builder = builder.api_key_function(move || asker.ask());
    }
    builder.environment().build()
}

/// US dollars from their text.
pub(crate) fn amount(what: &str, text: &str) -> Result<Usd> {
    Usd::from_str(text).map_err(|error| Error::from_face(error.kind(), format!("{what}: {}", error.message())))
}

fn unknown_mode(word: &str) -> Result<OnUnknown> {
    Ok(match word {
        "stop" => OnUnknown::Stop,
        "accept_double_charge" => OnUnknown::AcceptDoubleCharge,
        other => return Err(no_word("on_unknown", other, "stop or accept_double_charge")),
    })
}
