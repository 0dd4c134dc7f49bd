//! A row of the table: a kind of error, what it says about the bill at each place where it arises, and how it is provoked there.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ltx_jobs::{Client, Error, ErrorKind};
use ltx_jobs_emulator::Emulator;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::life::{At, builder, emulator, error_at, once, request};

pub(crate) struct Row {
    pub(crate) kind: ErrorKind,
    pub(crate) proof: Proof,
}

pub(crate) enum Proof {
    Provoked(Vec<Case>),
    /// Why it is not provoked here.
    Elsewhere(&'static str),
}

pub(crate) struct Case {
    pub(crate) when: &'static str,
    pub(crate) billing: &'static str,
    how: How,
}

pub(crate) type Provoked = Pin<Box<dyn Future<Output = Error> + Send>>;

enum How {
    /// A life with this programme of the service goes wrong there.
    Life(At, Value),
    /// The same, where a file is in the way.
    Before(&'static str, &'static str),
    Special(fn() -> Provoked),
}

impl Case {
    pub(crate) fn provoke(&self) -> Provoked {
        match &self.how {
            How::Life(at, programme) => {
                let at = *at;
                with(programme.clone(), move |_, client| async move {
                    error_at(&client, at, &[]).await
                })
            }
            How::Before(name, content) => {
                let file = (*name, *content);
                with(json!({}), move |_, client| async move {
                    error_at(&client, At::Download, &[file]).await
                })
            }
            How::Special(provoke) => provoke(),
        }
    }
}

pub(crate) fn on(kind: ErrorKind, cases: impl IntoIterator<Item = Case>) -> Row {
    let proof = Proof::Provoked(cases.into_iter().collect());
    Row { kind, proof }
}

pub(crate) fn elsewhere(kind: ErrorKind, why: &'static str) -> Row {
    let proof = Proof::Elsewhere(why);
    Row { kind, proof }
}

pub(crate) fn life(when: &'static str, billing: &'static str, at: At, programme: Value) -> Case {
    let how = How::Life(at, programme);
    Case { when, billing, how }
}

/// A download into a directory where this file is already.
pub(crate) fn before(when: &'static str, billing: &'static str, name: &'static str, content: &'static str) -> Case {
    let how = How::Before(name, content);
    Case { when, billing, how }
}

pub(crate) fn special(when: &'static str, billing: &'static str, provoke: fn() -> Provoked) -> Case {
    let how = How::Special(provoke);
    Case { when, billing, how }
}

/// One fault on a route, for ever.
pub(crate) fn always(route: &str, fault: Value) -> Value {
    let mut fault = fault;
    fault["route"] = route.into();
    fault["times"] = 0.into();
    json!({"fault": [fault]})
}

/// What a route does for ever, by its name.
pub(crate) fn does(route: &str, what: &str) -> Value {
    always(route, json!({"do": what}))
}

/// The service's own answer with this status.
pub(crate) fn status(route: &str, status: u16) -> Value {
    always(route, json!({"status": status, "retry_after": "0.01"}))
}

/// The service refuses for the moment: later than anybody waits here.
pub(crate) fn later(status: u16, kind: &str) -> Value {
    let envelope = json!({"type": kind, "message": "words"});
    always(
        "submit",
        json!({"status": status, "retry_after": "60", "envelope": envelope}),
    )
}

/// An answer of something in between with this status.
pub(crate) fn foreign(route: &str, status: u16) -> Value {
    always(route, json!({"status": status, "body": "<html>", "request_id": false}))
}

/// A job that the service gives up for this reason.
pub(crate) fn failed(kind: &str) -> Value {
    json!({"job": {"outcome": "failed", "error": {"type": kind, "message": "words"}}})
}

/// An archive with something wrong in it.
pub(crate) fn evil(member: Value) -> Value {
    json!({"archive": {"evil_members": [member]}})
}

/// A job that never ends.
pub(crate) fn endless() -> Value {
    json!({"job": {"pending_polls": 1_000_000}})
}

/// Runs `act` with a client of a service with this programme.
pub(crate) fn with<F: Future<Output = Error> + Send + 'static>(
    programme: Value,
    act: impl FnOnce(Arc<Emulator>, Client) -> F + Send + 'static,
) -> Provoked {
    Box::pin(async move {
        // Held to the end, whatever `act` does with its own.
        let emulator = Arc::new(emulator(programme).await);
        let client = builder(&emulator).build().unwrap();
        act(Arc::clone(&emulator), client).await
    })
}

/// A submit whose paid POST the service has read.
pub(crate) async fn on_the_wire(emulator: &Emulator, client: &Client) -> ltx_jobs::Submitting {
    let submitting = client.submit(request()).start();
    seen(emulator, "/v2/video-to-video-hdr").await;
    submitting
}

/// Until the service has read a POST to this path.
pub(crate) async fn seen(emulator: &Emulator, path: &str) {
    while emulator.count("POST", path) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Submits where every connection is answered with these bytes: at the address of the service, or of its proxy.
pub(crate) fn answered_by(bytes: &'static [u8], scheme: &'static str, is_proxy: bool) -> Provoked {
    Box::pin(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(bytes).await;
            }
        });
        let client = Client::builder().api_key("k").journal(scratch());
        let client = if is_proxy {
            client.base_url("https://api.example.com").proxy(&address)
        } else {
            client.base_url(&address)
        };
        let error = error_at(&once(client), At::Submit, &[]).await;
        server.abort();
        error
    })
}

/// A journal that is in nobody's way.
pub(crate) fn scratch() -> PathBuf {
    tempfile::tempdir().unwrap().keep()
}
