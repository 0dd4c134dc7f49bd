//! A check finds what does not work, without cost, and one trouble hides no other.
#![allow(clippy::unwrap_used)] // A test.

use std::path::Path;
use std::time::Duration;

use ltx_jobs::{Checked, CheckedPart, Client, ErrorKind, FindingState};
use ltx_jobs_emulator::{Emulator, Origin, Programme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn emulator(tls: bool) -> Emulator {
    Emulator::builder()
        .tls(tls)
        .programme(Programme::default())
        .start()
        .await
        .unwrap()
}

fn settings(emulator: &Emulator, journal: &Path) -> ltx_jobs::ClientBuilder {
    let builder = Client::builder()
        .base_url(emulator.api_url())
        .api_key(emulator.api_key())
        .journal(journal)
        .poll_timeout(Duration::from_secs(5));
    match emulator.ca_bundle() {
        Some(bundle) => builder.ca_bundle(bundle),
        None => builder,
    }
}

fn states(checked: &Checked) -> Vec<(&'static str, &'static str)> {
    let finding = |finding: &ltx_jobs::Finding| (finding.what.name(), finding.state.name());
    checked.findings.iter().map(finding).collect()
}

fn detail(checked: &Checked, what: CheckedPart) -> &str {
    &checked.finding(what).unwrap().detail
}

#[tokio::test]
async fn where_all_is_well_every_part_says_so_and_nothing_is_billed_or_stored() {
    let (emulator, folder) = (emulator(true).await, tempfile::tempdir().unwrap());
    let client = settings(&emulator, folder.path()).build().unwrap();
    let checked = client.check().await.unwrap();
    let parts = ["proxy", "certificates", "api", "key", "clock", "journal", "storage"];
    assert_eq!(states(&checked), parts.map(|part| (part, "ok")), "{checked}");
    assert!(checked.failure().is_none() && checked.request_id.is_some());
    assert!(
        detail(&checked, CheckedPart::Certificates).contains(", and 1 of /"),
        "{checked}"
    );
    assert_eq!(emulator.count("POST", "/v1/upload"), 1);
    assert_eq!(
        emulator.count("POST", "/v2/*") + emulator.count("PUT", "*") + emulator.jobs().len(),
        0
    );
    // The storage was asked without what would open it.
    let storage = emulator
        .requests()
        .into_iter()
        .find(|request| request.origin == "storage")
        .unwrap();
    assert_eq!((storage.method.as_str(), storage.query.as_str()), ("GET", ""));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "a client that submits nothing leaves nothing"
    );
    let report = checked.to_string();
    assert!(
        report.contains("api_key: *** (argument)\n") && report.contains("poll_interval: 5 s (default)\n"),
        "{report}"
    );
    assert!(!report.contains(&emulator.api_key()));
}

#[tokio::test]
async fn a_refused_key_is_an_error_and_with_the_failures_kept_the_rest_is_told_too() {
    let (emulator, folder) = (emulator(false).await, tempfile::tempdir().unwrap());
    let client = settings(&emulator, folder.path()).api_key("stale").build().unwrap();
    assert_eq!(client.check().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    let checked = client.check().keep_failures(true).await.unwrap();
    let failure = checked.failure().unwrap();
    assert_eq!(
        (failure.what, failure.error.as_ref().unwrap().http_status()),
        (CheckedPart::Key, Some(401))
    );
    assert_eq!(checked.finding(CheckedPart::Api).unwrap().state, FindingState::Ok);
    assert_eq!(checked.finding(CheckedPart::Clock).unwrap().state, FindingState::Ok);
    assert_eq!(checked.finding(CheckedPart::Journal).unwrap().state, FindingState::Ok);
    assert_eq!(
        checked.finding(CheckedPart::Storage).unwrap().state,
        FindingState::Skipped
    );
    assert_eq!(emulator.count("POST", "*"), 0);
}

#[tokio::test]
async fn a_wrong_clock_and_a_storage_out_of_reach_are_findings_and_no_errors() {
    let (emulator, folder) = (emulator(false).await, tempfile::tempdir().unwrap());
    emulator.advance(Duration::from_secs(630));
    emulator.refuse_connections(Origin::Storage, None).await;
    let client = settings(&emulator, folder.path()).build().unwrap();
    let checked = client.check().await.unwrap();
    let clock = checked.finding(CheckedPart::Clock).unwrap();
    assert!(
        clock.state == FindingState::Warning && clock.detail.contains("clock is 10 min behind the service's"),
        "{clock}"
    );
    let failure = checked.failure().unwrap();
    assert_eq!(
        (failure.what, failure.error.as_ref().unwrap().kind()),
        (CheckedPart::Storage, ErrorKind::Connect)
    );
    assert!(failure.elapsed.is_some());
}

#[tokio::test]
async fn a_journal_that_cannot_be_used_hides_nothing_of_the_network_and_the_other_way_round() {
    let (emulator, folder) = (emulator(false).await, tempfile::tempdir().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let client = settings(&emulator, &file.join("journal")).build().unwrap();
    assert_eq!(client.check().await.unwrap_err().kind(), ErrorKind::Journal);
    let checked = client.check().keep_failures(true).await.unwrap();
    assert_eq!(checked.failure().unwrap().what, CheckedPart::Journal);
    assert_eq!(checked.finding(CheckedPart::Storage).unwrap().state, FindingState::Ok);

    emulator.refuse_connections(Origin::Api, None).await;
    // One without a connection that is open already.
    let client = settings(&emulator, &file.join("journal")).build().unwrap();
    assert_eq!(client.check().await.unwrap_err().kind(), ErrorKind::Connect);
    let checked = client.check().keep_failures(true).await.unwrap();
    let failed: Vec<_> = states(&checked)
        .into_iter()
        .filter(|(_, state)| *state == "failed")
        .collect();
    assert_eq!(failed, [("api", "failed"), ("journal", "failed")], "{checked}");
}

/// A proxy that tunnels, or refuses to.
async fn proxy(refuses: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://user:canary-password@{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(near.read_u8().await?);
                }
                if refuses {
                    return near
                        .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
                        .await;
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let to = head.split(' ').nth(1).unwrap_or_default();
                let mut far = TcpStream::connect(to).await?;
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
            });
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_is_told_with_who_chose_it_and_without_its_password() {
    let (emulator, folder) = (emulator(true).await, tempfile::tempdir().unwrap());
    for refuses in [false, true] {
        let client = settings(&emulator, folder.path())
            .proxy(&proxy(refuses).await)
            .build()
            .unwrap();
        let checked = client.check().keep_failures(true).await.unwrap();
        let report = format!("{checked}{checked:?}{:?}", client.describe());
        assert!(
            !report.contains("canary-password") && !report.contains("user:"),
            "{report}"
        );
        let found = checked.finding(CheckedPart::Proxy).unwrap();
        if refuses {
            assert_eq!(found.error.as_ref().unwrap().kind(), ErrorKind::Proxy, "{found}");
            assert!(found.detail.starts_with("http://127.0.0.1:"), "{found}");
            assert_eq!(client.check().await.unwrap_err().kind(), ErrorKind::Proxy);
        } else {
            assert!(
                found.detail.starts_with("http://127.0.0.1:")
                    && found.detail.ends_with("(the setting `proxy`, argument)"),
                "{found}"
            );
            assert!(checked.failure().is_none(), "{checked}");
            assert!(
                detail(&checked, CheckedPart::Storage).contains(" answers through http://127.0.0.1:"),
                "{checked}"
            );
        }
    }
}
