//! 100 to 115: what was asked for cannot be had.

use ltx_jobs::ErrorKind::*;
use ltx_jobs::{Client, Request};
use serde_json::json;

use crate::life::At::{Check, Download, Poll, Submit, Upload, Wait};
use crate::rows::{Row, always, does, elsewhere, evil, failed, later, life, on, on_the_wire, special, status, with};

// One case a line: it is a table.
#[rustfmt::skip]
pub(crate) fn rows() -> Vec<Row> {
    let redirect = always("submit", json!({"do": "redirect", "to": "https://elsewhere.example.com/"}));
    vec![
        on(Config, [
            special("a client without a key", "no_job", || Box::pin(async { Client::builder().build().unwrap_err() })),
            life("a submit that is redirected", "no_job", Submit, redirect),
        ]),
        on(InvalidRequest, [
            special("a request that can never be right", "no_job", || with(json!({}), |_, client| async move {
                client.submit(Request::raw("text-to-video", json!({})).unwrap()).await.unwrap_err()
            })),
            life("a submit refused by the service", "no_job", Submit, status("submit", 400)),
            life("a job the service gives up for it", "not_billed", Wait, failed("invalid_request_error")),
        ]),
        on(RequestTooLarge, [
            life("a submit refused by the service", "no_job", Submit, status("submit", 413)),
            life("an input beyond the slot's limit", "no_job", Upload, json!({"upload": {"max_bytes": 10}})),
            life("a job the service gives up for it", "not_billed", Wait, failed("request_too_large")),
        ]),
        on(ContentFiltered, [
            life("a submit refused by the filter", "no_job", Submit, status("submit", 422)),
            life("a result refused by the filter", "not_billed", Wait, failed("content_filtered_error")),
        ]),
        elsewhere(InvalidArgument, "the C interface refuses an argument before the core hears of it: tests/c/arguments.c"),
        on(InvalidState, [
            special("a submit that is still on its way", "unknown", || with(does("submit", "read_and_never_answer"), |emulator, client| async move {
                let submitting = on_the_wire(&emulator, &client).await;
                client.job(submitting.reference().unwrap().clone()).unwrap_err()
            })),
            special("an outcome that was taken already", "no_job", || with(json!({}), |_, client| async move {
                let looking = client.check().start();
                looking.clone().await.unwrap();
                looking.take().unwrap().unwrap_err()
            })),
        ]),
        elsewhere(WouldDeadlock, "the C interface refuses a wait inside a callback: tests/c/callbacks.c"),
        on(Unsupported, [life("an encrypted member in an archive", "job_exists", Download, evil(json!({"name": "x.exr", "kind": "encrypted"})))]),
        on(Unauthenticated, [
            life("a check", "no_job", Check, status("poll", 401)),
            life("an upload", "no_job", Upload, status("slot", 401)),
            life("a submit", "no_job", Submit, status("submit", 401)),
            life("a single poll", "job_exists", Poll, status("poll", 401)),
            life("a key refused while waiting", "job_exists", Wait, status("poll", 401)),
        ]),
        on(InsufficientFunds, [
            life("a submit", "no_job", Submit, status("submit", 402)),
            life("a job the service gives up for it", "not_billed", Wait, failed("insufficient_funds_error")),
        ]),
        on(PermissionDenied, [
            life("a submit", "no_job", Submit, status("submit", 403)),
            life("a key refused while waiting", "job_exists", Wait, status("poll", 403)),
        ]),
        on(RateLimited, [
            life("a submit, past its time limit", "no_job", Submit, later(429, "rate_limit_error")),
            life("a single poll", "job_exists", Poll, status("poll", 429)),
            life("a job the service gives up for it", "not_billed", Wait, failed("rate_limit_error")),
        ]),
        on(ConcurrencyLimited, [
            life("a submit, past its time limit", "no_job", Submit, later(429, "concurrency_limit_error")),
            life("a job the service gives up for it", "not_billed", Wait, failed("concurrency_limit_error")),
        ]),
        elsewhere(CostLimit, "an estimate is made before the POST: nothing was sent"),
    ]
}
