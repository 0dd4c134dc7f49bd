//! 140 to 155: what became of a submit, of its job, of the job's results.

use std::time::Duration;

use ltx_jobs::ErrorKind::*;
use serde_json::{Value, json};

use crate::life::At::{Download, Submit, Wait};
use crate::life::{builder, error_at, request, unheard_of};
use crate::rows::{Row, always, does, endless, evil, failed, life, on, special, status, with};

/// A download that is cut again and again, and finds another version each time it goes on.
fn ever_changing() -> Value {
    let cut = json!({"route": "download:video_url", "do": "cut_body", "at": 900});
    let changed = json!({"route": "download:video_url", "do": "changed_etag"});
    let faults: Vec<Value> = [cut, changed].into_iter().cycle().take(60).collect();
    json!({"fault": faults})
}

/// More than any frame may unpack to.
fn bomb() -> Value {
    json!({"name": "x.exr", "kind": "bomb", "size": 1_073_741_825})
}

// One case a line: it is a table.
#[rustfmt::skip]
pub(crate) fn rows() -> Vec<Row> {
    let corrupt = always("download:video_url", json!({"do": "corrupt_byte", "at": 100}));
    vec![
        on(SubmitUnknown, [
            life("a reply that was lost", "unknown", Submit, does("submit", "read_and_close")),
            life("a status that proves nothing", "unknown", Submit, status("submit", 500)),
            special("the intent, asked for later", "unknown", || with(does("submit", "read_and_close"), |_, client| async move {
                let error = client.submit(request()).await.unwrap_err();
                client.job(error.job().unwrap().clone()).unwrap_err()
            })),
        ]),
        on(IdLost, [life("a 202 without an id", "job_exists", Submit, does("submit", "no_id"))]),
        on(JobFailed, [life("a reason nobody knows", "not_billed", Wait, failed("solar_flare_error"))]),
        on(NotFound, [
            life("a submit to an endpoint that does not exist", "no_job", Submit, status("submit", 404)),
            special("a poll of a job that never existed", "no_job", || with(json!({}), |_, client| async move {
                client.job(unheard_of()).unwrap().poll().await.unwrap_err()
            })),
            special("a wait for a job that never existed", "no_job", || with(json!({}), |_, client| async move {
                client.job(unheard_of()).unwrap().wait().await.unwrap_err()
            })),
            special("an intent the journal does not know", "no_job", || with(json!({}), |_, client| async move {
                client.job("intent:unheard-of".parse().unwrap()).unwrap_err()
            })),
        ]),
        on(Expired, [life("a wait for a job whose record is gone", "job_exists", Wait, json!({"retention_s": 0}))]),
        on(WaitTimeout, [special("a wait with a time limit", "job_exists", || with(endless(), |_, client| async move {
            client.submit(request()).await.unwrap().wait().timeout(Duration::from_millis(30)).await.unwrap_err()
        }))]),
        on(ResultExpired, [life("a download", "job_exists", Download, does("download", "expired_url"))]),
        on(ObjectChanged, [life("a download", "job_exists", Download, ever_changing())]),
        on(Integrity, [life("a download", "job_exists", Download, corrupt)]),
        on(Archive, [life("a download", "job_exists", Download, evil(json!({"name": "x.exr", "kind": "overlap"})))]),
        on(UnsafeName, [life("a download", "job_exists", Download, evil(json!({"name": "../x.exr"})))]),
        on(LimitExceeded, [special("a download", "job_exists", || with(evil(bomb()), |emulator, _| async move {
            // The emulator packs a gigabyte of zeros first.
            let client = builder(&emulator).stall_timeout(Duration::from_secs(30)).build().unwrap();
            error_at(&client, Download, &[]).await
        }))]),
    ]
}
