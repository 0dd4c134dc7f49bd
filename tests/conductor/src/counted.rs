//! Whether what a client counted is what happened. Pure.

use std::collections::BTreeMap;

use ltx_jobs_emulator::Received;
use serde_json::Value;

/// How submits ended: the same in every language, whatever the time.
const OUTCOMES: [&str; 5] = [
    "submits",
    "submits_known",
    "submits_refused",
    "submits_unknown",
    "jobs_created",
];

/// What the service saw of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    requests: u64,
    /// Whole paid requests.
    posts: u64,
    polls: u64,
    /// Bytes of whole uploads.
    uploaded: u64,
    jobs: u64,
}

impl Seen {
    pub(crate) fn of(requests: &[Received], jobs: usize) -> Self {
        let of = |method: &'static str, path: &'static str| {
            let found = requests.iter().filter(move |request| request.method == method);
            found.filter(move |request| request.path.starts_with(path) && request.whole)
        };
        Self {
            requests: requests.len() as u64,
            posts: of("POST", "/v2/").count() as u64,
            polls: of("GET", "/v2/").filter(|request| !is_check(&request.path)).count() as u64,
            uploaded: of("PUT", "/").map(|request| request.body_len).sum(),
            jobs: jobs as u64,
        }
    }
}

/// The job that no service has: a check asks for it.
fn is_check(path: &str) -> bool {
    path.ends_with("/00000000-0000-0000-0000-000000000000")
}

fn number(counters: &BTreeMap<String, Value>, name: &str) -> Result<u64, String> {
    let value = counters.get(name).and_then(Value::as_u64);
    value.ok_or_else(|| format!("the counters have no number {name}"))
}

/// What must be equal in all languages.
pub(crate) fn outcomes(counters: Option<&BTreeMap<String, Value>>) -> BTreeMap<String, u64> {
    let found = OUTCOMES
        .iter()
        .filter_map(|name| Some((*name, number(counters?, name).ok()?)));
    found.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a client counted and what the service saw do not fit each other.
pub(crate) fn complaints(counters: Option<&BTreeMap<String, Value>>, seen: &Seen) -> Vec<String> {
    let Some(counters) = counters else {
        let asked = seen.requests > 0;
        return asked
            .then(|| "the performer told no counters".to_owned())
            .into_iter()
            .collect();
    };
    match fit(counters, seen) {
        Ok(complaints) => complaints,
        Err(missing) => vec![missing],
    }
}

fn fit(counters: &BTreeMap<String, Value>, seen: &Seen) -> Result<Vec<String>, String> {
    let [submits, known, refused, unknown, created] = OUTCOMES.map(|name| number(counters, name));
    let (submits, created) = (submits?, created?);
    let ended = known? + refused? + unknown? + created;
    let (posts, polls) = (number(counters, "posts")?, number(counters, "polls")?);
    let (requests, uploaded) = (number(counters, "http_requests")?, number(counters, "bytes_uploaded")?);
    // Exactly what was paid for. What had no connection, or was on its way when the client was closed, was sent and not seen.
    let rules = [
        (
            posts == seen.posts,
            format!("counted {posts} posts, {} came", seen.posts),
        ),
        (
            polls >= seen.polls,
            format!("counted {polls} polls, {} came", seen.polls),
        ),
        (
            requests >= seen.requests,
            format!("counted {requests} requests, {} came", seen.requests),
        ),
        (
            uploaded >= seen.uploaded,
            format!("counted {uploaded} bytes uploaded, {} came", seen.uploaded),
        ),
        (
            created <= seen.jobs,
            format!("counted {created} jobs, {} exist", seen.jobs),
        ),
        (
            submits == ended,
            format!("counted {submits} submits and {ended} outcomes"),
        ),
    ];
    Ok(rules
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, what)| what)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(changes: &[(&str, u64)]) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::from(
            ["posts", "polls", "http_requests", "bytes_uploaded"].map(|name| (name.to_owned(), Value::from(3))),
        );
        all.extend(OUTCOMES.map(|name| (name.to_owned(), Value::from(0))));
        all.extend(
            changes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::from(*value))),
        );
        all
    }

    #[test]
    fn a_post_too_many_or_too_few_is_told() {
        let seen = Seen {
            requests: 3,
            posts: 3,
            polls: 2,
            uploaded: 3,
            jobs: 1,
        };
        let sound = counters(&[("submits", 1), ("jobs_created", 1)]);
        assert_eq!(complaints(Some(&sound), &seen), Vec::<String>::new());
        assert_eq!(outcomes(Some(&sound))["jobs_created"], 1);
        for (change, complaint) in [
            (("posts", 4), "counted 4 posts, 3 came"),
            (("posts", 2), "counted 2 posts, 3 came"),
            (("polls", 1), "counted 1 polls, 2 came"),
            (("jobs_created", 2), "counted 2 jobs, 1 exist"),
            (("submits", 2), "counted 2 submits and 1 outcomes"),
        ] {
            let mut wrong = sound.clone();
            wrong.insert(change.0.to_owned(), Value::from(change.1));
            let told = complaints(Some(&wrong), &seen);
            assert!(told.contains(&complaint.to_owned()), "{told:?}");
        }
    }

    #[test]
    fn no_counters_are_fine_only_where_nothing_was_sent() {
        assert!(complaints(None, &Seen::default()).is_empty());
        let one = Seen {
            requests: 1,
            ..Seen::default()
        };
        assert_eq!(complaints(None, &one), ["the performer told no counters"]);
        assert_eq!(
            complaints(Some(&BTreeMap::new()), &one),
            ["the counters have no number submits"]
        );
    }
}
