//! What every kind of error says about the bill, and where that kind arises: each is provoked over real sockets, or the table says why it cannot be.
//!
//! A kind without a row fails the test. So does an error whose billing, job, words and advice to try again do not go together.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod answers;
mod here;
mod jobs;
mod life;
mod requests;
mod rows;

use std::sync::Arc;

use ltx_jobs::{Billing, Error, ErrorKind};
use tokio::sync::Semaphore;

use crate::rows::Proof;

/// What an error says must go together, whatever its kind.
fn contradictions(error: &Error) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |so: bool, what: &str| {
        if !so {
            wrong.push(format!("{what}: {error:?}"));
        }
    };
    let text = error.to_string();
    match error.billing() {
        Billing::NoJob => {
            must(!error.job_ended(), "no job, and yet one has ended");
            must(
                text.contains("no job was created by this call"),
                "the words do not say that there is no job",
            );
        }
        Billing::JobExists(job) => {
            must(
                job.as_ref().is_none_or(|job| error.job() == Some(job)),
                "another job is named than the one that is billed",
            );
            must(job.as_ref().is_none_or(|job| !job.is_intent()), "an intent is no job");
            must(
                text.contains("exists and is billed if it succeeds"),
                "the words do not say that it is billed",
            );
        }
        Billing::NotBilled(job) => {
            must(
                error.job() == Some(job) && error.job_ended(),
                "a job that is not billed has ended",
            );
            must(
                text.contains("is over and not billed"),
                "the words do not say that it is not billed",
            );
            must(
                !error.is_retryable(),
                "a job that is over cannot be helped by the same call",
            );
        }
        Billing::Unknown => {
            must(
                error.job().is_some_and(|job| job.is_intent()),
                "an unknown outcome without its intent cannot be settled",
            );
            must(
                text.contains("a job may exist and be billed"),
                "the words do not say that nobody knows",
            );
            // The one that may be asked again is a question, not a submit.
            must(
                !error.is_retryable() || error.kind() == ErrorKind::InvalidState,
                "what may cost twice is not to be called again",
            );
        }
        other => must(false, &format!("{other:?} is not in this table")),
    }
    wrong
}

/// As many lives at once: enough for two processors, and few enough that no time limit is met by accident.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_says_what_it_means_for_the_bill_wherever_it_arises() {
    let rows: Vec<_> = [requests::rows(), answers::rows(), jobs::rows(), here::rows()]
        .into_iter()
        .flatten()
        .collect();
    let (mut wrong, room) = (Vec::new(), Arc::new(Semaphore::new(AT_ONCE)));
    let mut lives = Vec::new();
    for kind in ErrorKind::ALL {
        let found: Vec<_> = rows.iter().filter(|row| row.kind == *kind).collect();
        let [row] = found.as_slice() else {
            wrong.push(format!("{} rows for {}: each kind needs one", found.len(), kind.name()));
            continue;
        };
        match &row.proof {
            Proof::Elsewhere(why) => {
                println!("{:18} {why}", kind.name());
                let error = Error::from_face(*kind, "made by a face");
                wrong.extend(contradictions(&error));
                if *error.billing() != Billing::NoJob {
                    wrong.push(format!("{} is made with a bill", kind.name()));
                }
            }
            Proof::Provoked(cases) => {
                for case in cases {
                    println!("{:18} {:11} {}", kind.name(), case.billing, case.when);
                    let (provoked, room) = (case.provoke(), Arc::clone(&room));
                    let life = tokio::spawn(async move {
                        let _place = room.acquire().await;
                        provoked.await
                    });
                    lives.push((kind, case, life));
                }
            }
        }
    }
    for (kind, case, life) in lives {
        let Ok(error) = life.await else {
            wrong.push(format!("{} ({}) could not be provoked", case.when, kind.name()));
            continue;
        };
        let seen = (error.kind(), error.billing().name());
        if seen != (*kind, case.billing) {
            wrong.push(format!(
                "{} instead of ({}, {}): {seen:?} {error:?}",
                case.when,
                kind.name(),
                case.billing
            ));
        }
        wrong.extend(
            contradictions(&error)
                .into_iter()
                .map(|what| format!("{}: {what}", case.when)),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
