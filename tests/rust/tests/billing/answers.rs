//! 120 to 136: what the service, something in front of it, or the network did.

use std::time::Duration;

use ltx_jobs::Client;
use ltx_jobs::ErrorKind::*;
use ltx_jobs_emulator::Origin;
use serde_json::json;

use crate::life::At::{Check, Download, Poll, Submit, Upload, Wait};
use crate::life::{builder, error_at, once};
use crate::rows::{Row, always, answered_by, does, failed, foreign, later, life, on, scratch, special, status, with};

// One case a line: it is a table.
#[rustfmt::skip]
pub(crate) fn rows() -> Vec<Row> {
    vec![
        on(Server, [
            life("a check", "no_job", Check, status("poll", 500)),
            life("an upload slot", "no_job", Upload, status("slot", 500)),
            life("a single poll", "job_exists", Poll, status("poll", 500)),
            life("a job the service gives up", "not_billed", Wait, failed("api_error")),
        ]),
        on(Unavailable, [
            life("a submit, past its time limit", "no_job", Submit, later(503, "service_unavailable")),
            life("a single poll", "job_exists", Poll, status("poll", 503)),
            life("a storage that stays unavailable", "job_exists", Download, always("download", json!({"status": 503}))),
            life("a job the service gives up for it", "not_billed", Wait, failed("service_unavailable")),
        ]),
        on(Overloaded, [
            life("a submit, past its time limit", "no_job", Submit, later(529, "overloaded_error")),
            life("a single poll", "job_exists", Poll, status("poll", 529)),
            life("a job the service gives up for it", "not_billed", Wait, failed("overloaded_error")),
        ]),
        on(Gateway, [
            life("a check answered in between", "no_job", Check, foreign("poll", 404)),
            life("a submit refused in between", "no_job", Submit, foreign("submit", 403)),
            life("a single poll answered in between", "job_exists", Poll, foreign("poll", 502)),
        ]),
        on(Protocol, [
            life("a slot that is none", "no_job", Upload, does("slot", "html_200")),
            life("a single poll that cannot be read", "job_exists", Poll, does("poll", "html_200")),
            life("a completed job without outputs, for good", "job_exists", Wait, does("poll", "completed_without_outputs")),
        ]),
        on(Dns, [special("a submit to a host that does not exist", "no_job", || Box::pin(async {
            let client = once(Client::builder().api_key("k").base_url("https://no-such-host.invalid").journal(scratch()));
            error_at(&client, Submit, &[]).await
        }))]),
        on(Connect, [
            special("a submit", "no_job", || with(json!({}), |emulator, _| async move {
                emulator.refuse_connections(Origin::Api, None).await;
                error_at(&once(builder(&emulator)), Submit, &[]).await
            })),
            special("a download", "job_exists", || with(json!({}), |emulator, client| async move {
                emulator.refuse_connections(Origin::Storage, None).await;
                error_at(&client, Download, &[]).await
            })),
        ]),
        on(Tls, [special("a submit to something that speaks no TLS", "no_job", || answered_by(b"HTTP/1.1 400 Bad Request\r\n\r\n", "https", false))]),
        on(Proxy, [special("a submit through a proxy that refuses", "no_job", || answered_by(b"HTTP/1.1 403 Forbidden\r\n\r\n", "http", true))]),
        on(RequestTimeout, [
            life("an upload slot", "no_job", Upload, does("slot", "read_and_never_answer")),
            life("a single poll", "job_exists", Poll, does("poll", "read_and_never_answer")),
        ]),
        on(Stalled, [special("a download", "job_exists", || with(always("download", json!({"do": "stall", "at": 0})), |emulator, _| async move {
            let client = builder(&emulator).stall_timeout(Duration::from_millis(50)).build().unwrap();
            error_at(&client, Download, &[]).await
        }))]),
        on(ConnectionLost, [
            life("an upload slot", "no_job", Upload, does("slot", "cut_before_headers")),
            life("a single poll", "job_exists", Poll, does("poll", "cut_before_headers")),
            life("a download", "job_exists", Download, does("download", "cut_before_headers")),
        ]),
    ]
}
