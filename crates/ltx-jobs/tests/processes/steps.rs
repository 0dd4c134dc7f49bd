//! Killed at every step of a job, one after the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ltx_jobs::{ErrorKind, JobRef};
use ltx_jobs_emulator::{Do, Emulator, Fault, Origin, Programme};

use super::account::{Account, check};
use super::child::{Orders, Running};
use super::{ROUTE, client, once, request};

struct Stage {
    emulator: Emulator,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set(programme: Programme) -> Self {
        Self {
            emulator: Emulator::start(programme).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn orders(&self) -> Orders {
        Orders::new(&self.emulator, self.folder.path())
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether a record of this kind stands in the journal.
    fn is_recorded(&self, kind: &str) -> bool {
        let wanted = format!("\"type\":\"{kind}\"");
        let Ok(files) = std::fs::read_dir(self.folder().join("journal")) else {
            return false;
        };
        files
            .filter_map(Result::ok)
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .any(|text| text.contains(&wanted))
    }

    async fn account(&self) -> Account {
        check(&self.emulator, self.folder(), 1).await
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(30), looking).await.is_ok(),
        "{what} never came"
    );
}

/// Lets the child say its steps on a thread that may block.
async fn heard(mut child: Running, step: &'static str) -> Running {
    tokio::task::spawn_blocking(move || {
        child.hear(step);
        child
    })
    .await
    .unwrap()
}

fn account(made: usize, known: usize, unknown: usize) -> Account {
    Account { made, known, unknown }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_submits_anything_it_leaves_nothing() {
    let stage = Stage::set(Programme::default()).await;
    let orders = Orders {
        jobs: 0,
        ..stage.orders()
    };
    heard(Running::start(&orders), "ready").await.kill();
    assert_eq!(stage.account().await, account(0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_intent_while_its_input_is_uploaded_it_owes_nothing_and_may_be_sent_again() {
    let stage = Stage::set(Programme::default().with_fault("put", Fault::new(Do::ReadAndNeverAnswer).times(0))).await;
    let still = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/still.png"));
    let orders = Orders {
        input: Some(still),
        ..stage.orders()
    };
    let child = Running::start(&orders);
    until("the upload", || stage.emulator.count("PUT", "*") > 0).await;
    child.kill();
    assert!(!stage.is_recorded("intent"));
    assert_eq!(stage.account().await, account(0, 0, 0));
    assert_eq!(stage.emulator.count("POST", ROUTE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_intent_before_anything_was_sent_its_submit_is_unknown() {
    let stage = Stage::set(Programme::default()).await;
    stage.emulator.refuse_connections(Origin::Api, None).await;
    let child = Running::start(&stage.orders());
    until("the intent", || stage.is_recorded("intent")).await;
    child.kill();
    stage.emulator.accept_connections(Origin::Api).await;
    assert_eq!(stage.account().await, account(0, 0, 1));
    assert_eq!(stage.emulator.count("POST", ROUTE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_the_post_its_submit_is_unknown() {
    let mut programme = Programme::default();
    // The head is read, and the body left lying for a while.
    programme.api.latency_ms = 200;
    let stage = Stage::set(programme).await;
    let child = Running::start(&stage.orders());
    until("the head of the POST", || {
        stage.emulator.requests().iter().any(|seen| seen.method == "POST")
    })
    .await;
    child.kill();
    let seen = stage.account().await;
    assert_eq!((seen.known, seen.unknown), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_reply_and_before_its_id_was_stored_its_submit_is_unknown() {
    let mut programme = Programme::default();
    programme.api.latency_ms = 200;
    let stage = Stage::set(programme).await;
    let child = Running::start(&stage.orders());
    until("the head of the POST", || {
        stage.emulator.requests().iter().any(|seen| seen.method == "POST")
    })
    .await;
    // What the service says from now on lies in the child's socket.
    child.freeze();
    until("the job", || stage.emulator.jobs().len() == 1).await;
    child.kill();
    assert!(!stage.is_recorded("accepted"));
    assert_eq!(stage.account().await, account(1, 0, 1));

    // The user looks at the account, and finds the job.
    let client = client(stage.emulator.api_url(), &stage.folder().join("journal"));
    let unknown = client.recover().await.unwrap().unknown.remove(0);
    let job = JobRef::job("text-to-video", stage.emulator.jobs()[0].id.clone()).unwrap();
    client.resolve(unknown.intent, Some(job.clone())).await.unwrap();
    let same = client.submit(request(0)).once("shot0").await.unwrap();
    assert_eq!(same.reference(), &job);
    same.wait().await.unwrap();
    assert_eq!(stage.emulator.count("POST", ROUTE), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_reply_is_awaited_the_submit_is_unknown_and_never_sent_again() {
    let stage = Stage::set(Programme::default().with_fault("submit", Fault::new(Do::ReadAndNeverAnswer))).await;
    let child = Running::start(&stage.orders());
    until("the POST", || stage.emulator.jobs().len() == 1).await;
    child.kill();
    assert_eq!(stage.account().await, account(1, 0, 1));
    let client = client(stage.emulator.api_url(), &stage.folder().join("journal"));
    let again = client.submit(request(0)).once("shot0").await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::SubmitUnknown, "{again}");
    assert_eq!(stage.emulator.count("POST", ROUTE), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_the_moment_its_id_is_stored_its_job_is_known() {
    let stage = Stage::set(Programme::default()).await;
    let child = Running::start(&stage.orders());
    until("the id", || stage.is_recorded("accepted")).await;
    child.kill();
    assert_eq!(stage.account().await, account(1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_waits_its_job_is_known_and_can_be_waited_for() {
    let mut programme = Programme::default();
    programme.job.pending_polls = 20;
    let stage = Stage::set(programme).await;
    let child = heard(Running::start(&stage.orders()), "submitted").await;
    until("a poll", || stage.emulator.jobs()[0].polls > 1).await;
    child.kill();
    assert_eq!(stage.account().await, account(1, 1, 0));
    let client = client(stage.emulator.api_url(), &stage.folder().join("journal"));
    client.recover().await.unwrap().jobs[0].wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_saves_its_job_is_known_as_not_saved_and_is_saved_by_the_next() {
    let stage = Stage::set(Programme::default().with_fault("download", Fault::at(Do::Stall, 100))).await;
    let child = heard(Running::start(&stage.orders()), "completed").await;
    until("the download", || {
        stage.emulator.requests().iter().any(|seen| seen.origin == "storage")
    })
    .await;
    child.kill();
    assert_eq!(stage.account().await, account(1, 1, 0));
    let dest = stage.folder().join("0");
    assert!(!dest.join("video.mp4").exists(), "nothing half done under a final name");

    let client = client(stage.emulator.api_url(), &stage.folder().join("journal"));
    let job = client.recover().await.unwrap().jobs.remove(0);
    job.wait().await.unwrap().download(&dest).await.unwrap();
    assert!(dest.join("video.mp4").is_file());
    assert!(client.recover().await.unwrap().jobs.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_every_word_it_says_and_run_again_it_pays_for_nothing_twice() {
    let stage = Stage::set(Programme::default()).await;
    for (kills, step) in ["submitted", "completed", "saved", "end"].into_iter().enumerate() {
        let orders = Orders {
            jobs: 3,
            ..stage.orders()
        };
        heard(Running::start(&orders), step).await.kill();
        // Each kill may have met one submit on its way.
        check(&stage.emulator, stage.folder(), kills + 1).await;
    }
    // A child goes on after its word, so the kill may meet the next submit on its way: that one is unknown from then on, and never sent again.
    let made = stage.emulator.jobs().len();
    assert!(made <= 3, "{made} jobs for 3 shots");
    let client = client(stage.emulator.api_url(), &stage.folder().join("journal"));
    let unknown = client.recover().await.unwrap().unknown;
    for number in 0..3 {
        let saved = stage.folder().join(number.to_string()).join("video.mp4").is_file();
        let in_doubt = unknown.iter().any(|submit| submit.once == Some(once(number)));
        assert!(saved != in_doubt, "shot {number}: saved {saved}, unknown {in_doubt}");
    }
}
