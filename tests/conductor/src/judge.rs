//! What must be true of a performance, and of all languages together. Pure: evidence in, complaints out.

use std::collections::BTreeMap;

use ltx_jobs_emulator::{Artifact, Received};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::performer::{ErrorReport, StepReport};
use crate::scenario::{ExpectedError, Listed, Saved, SavedWord, Scenario, Step};
use crate::stage::{Evidence, Service, hex, plain};

/// Holds a performance against what its scenario expects.
pub(crate) fn judge(scenario: &Scenario, evidence: &Evidence, service: &Service) -> Vec<String> {
    let archive = archived(&service.artifacts);
    let mut complaints = steps(&scenario.step, &evidence.steps, &archive);
    let expect = &scenario.expect;
    let numbers = [
        ("POSTs", expect.posts, evidence.posts),
        ("jobs", expect.jobs, evidence.jobs),
    ];
    for (what, expected, seen) in numbers {
        if let Some(expected) = expected.filter(|expected| *expected != seen) {
            complaints.push(format!("{seen} {what} instead of {expected}"));
        }
    }
    if let Some(expected) = &expect.sent {
        let expected: Vec<Value> = expected.iter().cloned().map(plain).collect();
        if expected != evidence.sent {
            complaints.push(format!(
                "sent was {} instead of {}",
                Value::from(evidence.sent.clone()),
                Value::from(expected)
            ));
        }
    }
    for (what, count) in &expect.count {
        let (bounds, seen) = (count.bounds(), service.counts.get(what).copied().unwrap_or_default());
        if seen < bounds.min || seen > bounds.max {
            let most = if bounds.max == usize::MAX {
                "many".to_owned()
            } else {
                bounds.max.to_string()
            };
            complaints.push(format!("{seen} requests {what} instead of {} to {most}", bounds.min));
        }
    }
    let before = scenario
        .before
        .iter()
        .map(|(name, content)| (name.clone(), hex(&Sha256::digest(content))))
        .collect();
    complaints.extend(files(&expect.saved, evidence, &before, &service.artifacts));
    complaints
}

/// The names of the frames that the service made, in the order of their archives, without folders.
fn archived(artifacts: &[Artifact]) -> Vec<String> {
    let members = artifacts.iter().flat_map(|artifact| &artifact.members);
    let names = members.map(|member| member.name.rsplit('/').next().unwrap_or_default().to_owned());
    names.filter(|name| name.ends_with(".exr")).collect()
}

fn steps(expected: &[Step], seen: &[StepReport], archive: &[String]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (index, step) in expected.iter().enumerate() {
        let name = format!("step {} ({:?})", index + 1, step.r#do);
        match (seen.get(index), &step.error) {
            (None, _) => complaints.push(format!("{name} was not played")),
            (Some(report), _) if report.r#do != step.r#do => {
                complaints.push(format!("{name} was played as {:?}", report.r#do))
            }
            (Some(report @ StepReport { ok: true, .. }), None) => complaints.extend(
                outcome(step, report, archive)
                    .into_iter()
                    .map(|what| format!("{name}: {what}")),
            ),
            (Some(StepReport { ok: true, .. }), Some(error)) => {
                complaints.push(format!("{name} succeeded instead of {}", error.kind))
            }
            (Some(StepReport { error: None, .. }), _) => complaints.push(format!("{name} failed without an error")),
            (Some(StepReport { error: Some(seen), .. }), None) => {
                complaints.push(format!("{name} failed: {}", words(seen)))
            }
            (Some(StepReport { error: Some(seen), .. }), Some(expected)) => {
                let wrong = differences(expected, seen);
                if !wrong.is_empty() {
                    complaints.push(format!("{name}: {}", wrong.join(", ")));
                }
            }
        }
        // A step that was to go on and did not, or the other way round, shows in the next ones; one complaint is enough.
        if !complaints.is_empty() {
            break;
        }
    }
    if complaints.is_empty() && seen.len() > expected.len() {
        complaints.push(format!(
            "{} steps were played instead of {}",
            seen.len(),
            expected.len()
        ));
    }
    complaints
}

/// What is wrong with the outcome of a step that succeeded.
fn outcome(expected: &Step, seen: &StepReport, archive: &[String]) -> Option<String> {
    if expected.usd != seen.usd || expected.usd.is_some() != seen.basis.is_some() {
        return Some(format!(
            "usd is {:?} by {:?} instead of {:?}",
            seen.usd, seen.basis, expected.usd
        ));
    }
    let (texts, warnings) = (expected.warnings.as_deref(), seen.warnings.as_deref());
    let hold = match (texts, warnings) {
        (None, None) => true,
        (Some(texts), Some(warnings)) => {
            texts.len() == warnings.len() && texts.iter().zip(warnings).all(|(text, warning)| warning.contains(text))
        }
        _ => false,
    };
    if !hold {
        return Some(format!("warnings are {warnings:?} instead of {texts:?}"));
    }
    let hold = match (&expected.frames, &seen.frames) {
        (None, None) => true,
        (Some(Listed::Names(names)), Some(seen)) => names == seen,
        (Some(Listed::Many(count)), Some(seen)) => {
            seen.len() == *count && (seen.is_empty() || archive.windows(*count).any(|names| names == seen))
        }
        _ => false,
    };
    (!hold).then(|| format!("frames are {:?} instead of {:?}", seen.frames, expected.frames))
}

fn words(error: &ErrorReport) -> String {
    serde_json::to_string(error).unwrap_or_else(|_| error.kind.clone())
}

fn differences(expected: &ExpectedError, seen: &ErrorReport) -> Vec<String> {
    fn differ<T: PartialEq + std::fmt::Debug>(what: &str, expected: Option<&T>, seen: &T) -> Option<String> {
        expected
            .filter(|expected| *expected != seen)
            .map(|expected| format!("{what} is {seen:?} instead of {expected:?}"))
    }
    let status = expected.http_status.map(Some);
    let api_type = expected.api_type.clone().map(Some);
    [
        differ("kind", Some(&expected.kind), &seen.kind),
        differ("billing", expected.billing.as_ref(), &seen.billing),
        differ("retryable", expected.retryable.as_ref(), &seen.retryable),
        differ("job_ended", expected.job_ended.as_ref(), &seen.job_ended),
        differ("http_status", status.as_ref(), &seen.http_status),
        differ("api_type", api_type.as_ref(), &seen.api_type),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// SHA-256 of every file the service made for the user: the frames of an archive, everything else as it is.
fn made(artifacts: &[Artifact]) -> Vec<String> {
    let mut hashes = Vec::new();
    for artifact in artifacts {
        if artifact.members.is_empty() {
            hashes.push(artifact.sha256.clone());
        }
        let frames = artifact.members.iter().filter(|member| member.name.ends_with(".exr"));
        hashes.extend(frames.map(|member| member.sha256.clone()));
    }
    hashes.sort_unstable();
    hashes
}

fn files(
    expected: &Saved,
    evidence: &Evidence,
    before: &BTreeMap<String, String>,
    artifacts: &[Artifact],
) -> Vec<String> {
    let mut complaints = Vec::new();
    let made = made(artifacts);
    // What was there before and is so still was not saved by anybody.
    let new: BTreeMap<&String, &String> = evidence
        .files
        .iter()
        .filter(|(path, hash)| before.get(*path) != Some(*hash))
        .collect();
    for (path, hash) in &new {
        if !made.contains(hash) {
            complaints.push(format!("{path} is none of the files the service made"));
        }
    }
    for path in before.keys().filter(|path| !evidence.files.contains_key(*path)) {
        complaints.push(format!("{path}, which was there before, is gone"));
    }
    let paths: Vec<&String> = new.keys().copied().collect();
    match expected {
        Saved::Word(SavedWord::Nothing) if !paths.is_empty() => {
            complaints.push(format!("something was saved: {paths:?}"))
        }
        Saved::Word(SavedWord::Nothing | SavedWord::Whole) => {}
        Saved::Word(SavedWord::All) => {
            let mut found: Vec<String> = new.values().map(|hash| (*hash).clone()).collect();
            found.sort_unstable();
            if found != made {
                complaints.push(format!(
                    "{} files are there, the service made {}",
                    found.len(),
                    made.len()
                ));
            }
        }
        Saved::Paths(wanted) => {
            let mut wanted: Vec<&String> = wanted.iter().collect();
            wanted.sort_unstable();
            if paths != wanted {
                complaints.push(format!("the files are {paths:?} instead of {wanted:?}"));
            }
        }
    }
    let told: Vec<&String> = evidence.saved.iter().collect();
    let complete = matches!(expected, Saved::Paths(_) | Saved::Word(SavedWord::All));
    if complete && told != paths {
        complaints.push(format!("the library says it saved {told:?}, on disk are {paths:?}"));
    }
    complaints
}

/// The promise that holds in every scenario: the key goes to the API alone.
pub(crate) fn strays(key: &str, requests: &[Received]) -> Vec<String> {
    let mut complaints = Vec::new();
    let to_storage = requests.iter().filter(|request| request.origin == "storage");
    for request in to_storage {
        let tells = request.header("authorization").is_some();
        let holds = request.headers.iter().any(|(_, value)| value.contains(key))
            || request.query.contains(key)
            || request.path.contains(key);
        if tells || holds {
            complaints.push(format!(
                "the key went to the storage: {} {}",
                request.method, request.path
            ));
        }
        if request.header("referer").is_some() {
            complaints.push(format!(
                "a Referer went to the storage: {} {}",
                request.method, request.path
            ));
        }
    }
    complaints
}

/// Where nothing was written, nothing can be found: whether the performer logged at the finest level, and told what it saw.
pub(crate) fn silence(log: &[u8], told: &[u8], requests: usize, posts: usize) -> Vec<String> {
    let log = String::from_utf8_lossy(log);
    let says = |words: &[&str]| words.iter().any(|word| log.contains(word));
    // Whoever sent a request has heard the libraries inside, and whoever submitted the library itself.
    let inside = requests == 0 || (says(&["hyper", "h2", "rustls"]) && says(&["TRACE", "trace"]));
    let ours = posts == 0 || says(&["ltx_jobs"]);
    let mut complaints = Vec::new();
    if !(inside && ours) {
        complaints.push(format!(
            "{} bytes were logged, not all there is at the finest level",
            log.len()
        ));
    }
    if told.is_empty() {
        complaints.push("the performer told nothing of what it saw".to_owned());
    }
    complaints
}

/// One row of the table: each language's complaints, and how those without one differ from the first of them.
pub(crate) fn compare<'a>(
    languages: &[String],
    cells: impl Iterator<Item = &'a Result<Evidence, String>>,
) -> Vec<Vec<String>> {
    let cells: Vec<&Result<Evidence, String>> = cells.collect();
    let first = languages
        .iter()
        .zip(&cells)
        .find_map(|(language, cell)| Some((language, cell.as_ref().ok()?)));
    cells
        .iter()
        .map(|cell| match (cell, first) {
            (Err(why), _) => vec![why.clone()],
            (Ok(evidence), Some((language, reference))) => unlike(evidence, reference)
                .into_iter()
                .map(|what| format!("unlike {language}: {what}"))
                .collect(),
            (Ok(_), None) => Vec::new(),
        })
        .collect()
}

fn unlike(evidence: &Evidence, reference: &Evidence) -> Vec<String> {
    let mut differences = Vec::new();
    for (index, (seen, expected)) in evidence.steps.iter().zip(&reference.steps).enumerate() {
        if seen != expected {
            differences.push(format!("step {}: {seen:?}, there {expected:?}", index + 1));
        }
    }
    for (what, seen, expected) in [
        ("POSTs", evidence.posts, reference.posts),
        ("jobs", evidence.jobs, reference.jobs),
    ] {
        if seen != expected {
            differences.push(format!("{seen} {what}, there {expected}"));
        }
    }
    if evidence.sent != reference.sent {
        let text = |sent: &[Value]| Value::from(sent.to_vec()).to_string();
        differences.push(format!(
            "sent {}, there {}",
            text(&evidence.sent),
            text(&reference.sent)
        ));
    }
    if evidence.steps.len() != reference.steps.len() {
        differences.push(format!(
            "{} steps, there {}",
            evidence.steps.len(),
            reference.steps.len()
        ));
    }
    if evidence.saved != reference.saved {
        differences.push(format!("saved {:?}, there {:?}", evidence.saved, reference.saved));
    }
    if evidence.outcomes != reference.outcomes {
        differences.push(format!(
            "counted {:?}, there {:?}",
            evidence.outcomes, reference.outcomes
        ));
    }
    if evidence.files != reference.files {
        let odd: Vec<&String> = evidence
            .files
            .iter()
            .filter(|(path, hash)| reference.files.get(*path) != Some(*hash))
            .map(|(path, _)| path)
            .collect();
        differences.push(format!(
            "{} files, there {}; different: {odd:?}",
            evidence.files.len(),
            reference.files.len()
        ));
    }
    differences
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
