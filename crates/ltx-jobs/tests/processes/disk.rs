//! Disks and directories that refuse: nothing is sent that is not written down, nothing that was written is damaged.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ltx_jobs::{Billing, Client, ErrorKind};
use ltx_jobs_emulator::{Emulator, Programme};

use super::account::check;
use super::child::{Orders, Running};
use super::{ROUTE, client, once, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_file_that_may_not_grow_keeps_submits_from_being_sent_and_stays_readable() {
    let (mut in_an_intent, mut in_an_id) = (0, 0);
    for padding in 0..12 {
        let emulator = Emulator::start(Programme::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let orders = Orders {
            jobs: 8,
            only_submit: true,
            label: "x".repeat(padding * 40),
            file_blocks: Some(3),
            ..Orders::new(&emulator, folder.path())
        };
        let mut child = Running::start(&orders);
        let steps = tokio::task::spawn_blocking(move || std::iter::from_fn(|| child.next_step()).collect::<Vec<_>>())
            .await
            .unwrap();
        let count = |step: &str| steps.iter().filter(|said| *said == step).count();
        let (submitted, failed) = (count("submitted"), count("failed Journal"));
        assert_eq!(submitted + failed, 8, "{padding}: {steps:?}");
        assert!(failed > 0, "{padding}: {steps:?}");
        assert_eq!(
            emulator.jobs().len(),
            submitted,
            "a job is never kept from its caller: {steps:?}"
        );
        // One whose id did not find room is told to its caller, and an unknown for whoever comes later.
        match check(&emulator, folder.path(), 1).await.unknown {
            0 => in_an_intent += 1,
            _ => in_an_id += 1,
        }
    }
    assert!(
        in_an_intent > 0 && in_an_id > 0,
        "the limit fell {in_an_intent} times in an intent, {in_an_id} times in an id"
    );
}

/// A file system of its own, as long as it lives.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// `None` where mounting is not allowed.
    fn new(place: &'a Path, bytes: u64) -> Option<Self> {
        let made = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "ltx-jobs-test"])
            .arg(place)
            .output();
        made.is_ok_and(|made| made.status.success()).then_some(Self(place))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_sent_and_with_room_again_the_same_client_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mounted) = Mounted::new(folder.path(), 256 << 10) else {
        let told = "\nskipped: a file system cannot be mounted here, so there is no full disk to try\n";
        std::io::stdout().lock().write_all(told.as_bytes()).unwrap();
        return;
    };
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let (journal, filler) = (folder.path().join("journal"), folder.path().join("filler"));
    std::fs::create_dir(&journal).unwrap();
    let client = client(emulator.api_url(), &journal);
    client.submit(request(0)).once("shot0").await.unwrap();

    fill(&filler);
    // The last page of the journal's file still has room for some lines.
    let error = loop {
        match client.submit(request(1)).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.kind(), error.billing()),
        (ErrorKind::NoSpace, &Billing::NoJob),
        "{error}"
    );
    let sent = emulator.count("POST", ROUTE);
    assert_eq!(sent, emulator.jobs().len());
    client.submit(request(1)).await.unwrap_err();
    assert_eq!(emulator.count("POST", ROUTE), sent);

    std::fs::remove_file(&filler).unwrap();
    client.submit(request(2)).once("shot2").await.unwrap();
    assert_eq!(emulator.count("POST", ROUTE), sent + 1);
    let submits = super::client(emulator.api_url(), &journal).jobs().await.unwrap();
    let known = submits.iter().filter(|submit| submit.job.is_some()).count();
    let unknown = submits.len() - known;
    assert!(
        known + unknown > sent && unknown <= 1,
        "{known} known, {unknown} unknown of {}",
        sent + 1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_was_asked_for_and_cannot_be_made_is_an_error_before_anything_is_sent() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let mut places = vec![file.join("journal"), file];
    if cfg!(target_os = "linux") {
        // Where nobody may write, not even root.
        places.extend(["/proc/ltx-jobs", "/proc/self"].map(Into::into));
    }
    for place in places {
        let error = client(emulator.api_url(), &place).submit(request(0)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.billing(), error.is_retryable()),
            (ErrorKind::Journal, &Billing::NoJob, false),
            "{}: {error}",
            place.display()
        );
        assert!(error.to_string().contains(&place.display().to_string()), "{error}");
    }
    assert_eq!(emulator.count("POST", "*"), 0);
}

const DEFAULT_DIRECTORY: &str = "LTX_JOBS_TEST_DEFAULT_DIRECTORY";

/// A client that was told nothing about its journal, of a service that is not on loopback, whose user's directory cannot be written.
#[test]
fn child_without_a_directory() {
    let Ok(url) = std::env::var(DEFAULT_DIRECTORY) else {
        return;
    };
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // The emulator takes requests as a proxy gets them, too.
        let client = Client::builder()
            .base_url("http://api.ltx.test")
            .allow_http(true)
            .proxy(&url)
            .api_key("emulator-key")
            .poll_interval(Duration::from_secs(3600))
            .build()
            .unwrap();
        for number in 0..3 {
            client.submit(request(number)).once(once(number)).await.unwrap();
        }
        let same = client.submit(request(0)).once(once(0)).await.unwrap();
        assert_eq!(client.jobs().await.unwrap()[0].job.as_ref(), Some(same.reference()));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_directory_that_cannot_be_written_is_one_warning_and_the_work_goes_on() {
    let emulator = Emulator::start(Programme::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "disk::child_without_a_directory", "--nocapture"])
        .env(DEFAULT_DIRECTORY, emulator.api_url())
        .env("XDG_STATE_HOME", &file)
        .env("HOME", &file);
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{log}",
        String::from_utf8_lossy(&output.stdout)
    );
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("there is no journal"), "{log}");
    assert_eq!(emulator.jobs().len(), 3);
}
