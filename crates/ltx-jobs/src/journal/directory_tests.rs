//! The journal on disk: several clients, dead ones, damage.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::KeySource;
use crate::secret::ApiKey;

fn identity(key: &str) -> Identity {
    Identity {
        origin: "https://api.example/".into(),
        keys: Arc::new(Keys::new(KeySource::Text(ApiKey::new(key)), CancellationToken::new())),
    }
}

pub(super) fn open(directory: &Path) -> DirectoryJournal {
    DirectoryJournal::open(directory.to_owned(), identity("k")).unwrap()
}

pub(super) fn intent(id: &str, once: Option<&str>) -> Intent {
    Intent {
        id: id.into(),
        endpoint: "retake".into(),
        fingerprint: if once.is_some() { "f".into() } else { String::new() },
        once: once.map(str::to_owned),
        label: Some("sh010".into()),
        dest: None,
        usd: None,
        began_at: SystemTime::now(),
    }
}

pub(super) fn job(id: &str) -> JobRef {
    JobRef::job("retake", id).unwrap()
}

pub(super) fn fates(journal: &DirectoryJournal) -> Vec<Fate> {
    journal.entries().unwrap().into_iter().map(|entry| entry.fate).collect()
}

#[test]
fn a_client_that_submits_nothing_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    assert!(journal.entries().unwrap().is_empty());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_one_client_accepted_the_next_one_knows() {
    let directory = tempfile::tempdir().unwrap();
    {
        let first = open(directory.path());
        first.begin(intent("i1", Some("sh010"))).unwrap();
        first.settle("i1", Fate::Accepted(job("j1"))).unwrap();
    }
    let second = open(directory.path());
    assert_eq!(
        second.once("sh010", "f").unwrap(),
        Once::Same {
            intent: "i1".into(),
            fate: Fate::Accepted(job("j1"))
        }
    );
    assert_eq!(second.fate("i1").unwrap(), Some(Fate::Accepted(job("j1"))));
    assert!(matches!(
        second.once("sh010", "another body").unwrap(),
        Once::Other { .. }
    ));
}

#[test]
fn an_open_intent_of_a_live_client_is_open_and_of_a_dead_one_unknown() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    first.begin(intent("i1", None)).unwrap();
    let second = open(directory.path());
    assert_eq!(fates(&second), [Fate::Open]);
    drop(first);
    assert_eq!(fates(&second), [Fate::Unknown { request_id: None }]);
}

#[test]
fn an_unknown_outcome_is_settled_from_another_client() {
    let directory = tempfile::tempdir().unwrap();
    drop({
        let first = open(directory.path());
        first.begin(intent("i1", Some("k"))).unwrap();
        first
    });
    let second = open(directory.path());
    second.settle("i1", Fate::Refused).unwrap();
    assert_eq!(second.once("k", "f").unwrap(), Once::Free);
    let third = open(directory.path());
    assert_eq!(fates(&third), [Fate::Refused]);
}

#[test]
fn a_failed_job_frees_its_key_for_every_client() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    first.begin(intent("i1", Some("k"))).unwrap();
    first.settle("i1", Fate::Accepted(job("j1"))).unwrap();
    let second = open(directory.path());
    second.ended(&job("j1"), &Status::Failed).unwrap();
    assert_eq!(first.once("k", "f").unwrap(), Once::Free);
}

#[test]
fn of_many_clients_racing_for_one_key_at_most_one_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let barrier = Arc::new(std::sync::Barrier::new(4));
        let key = format!("key{round}");
        let racers: Vec<_> = (0..4)
            .map(|racer| {
                let (barrier, key, path) = (Arc::clone(&barrier), key.clone(), directory.path().to_owned());
                std::thread::spawn(move || {
                    let journal = open(&path);
                    barrier.wait();
                    let outcome = journal.begin(intent(&format!("r{round}-{racer}"), Some(&key))).unwrap();
                    // Lives on until all have tried.
                    (outcome, journal)
                })
            })
            .collect();
        let outcomes: Vec<_> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
        let through = outcomes.iter().filter(|(outcome, _)| *outcome == Once::Free).count();
        assert!(through <= 1, "{through} went on in round {round}");
    }
}

#[test]
fn damage_is_an_error_that_names_file_and_line_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    for number in 0..3 {
        first.begin(intent(&format!("i{number}"), None)).unwrap();
    }
    let path = first.files().unwrap().remove(0);
    drop(first);
    let mut bytes = fs::read(&path).unwrap();
    let second_line = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 30;
    bytes[second_line] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let second = open(directory.path());
    let error = second.entries().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(
        error.to_string().contains("line 2") && error.to_string().contains(path.file_name().unwrap().to_str().unwrap()),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn another_keys_submits_are_told_apart_and_another_services_are_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    first.begin(intent("i1", None)).unwrap();
    let other_key = DirectoryJournal::open(directory.path().to_owned(), identity("another")).unwrap();
    assert!(other_key.entries().unwrap()[0].other_key);
    let elsewhere = Identity {
        origin: "https://elsewhere.example/".into(),
        ..identity("k")
    };
    assert!(
        DirectoryJournal::open(directory.path().to_owned(), elsewhere)
            .unwrap()
            .entries()
            .unwrap()
            .is_empty()
    );
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    journal.begin(intent("i1", None)).unwrap();
    let mode = fs::metadata(&journal.files().unwrap()[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_directory_that_cannot_be_made_is_a_journal_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let Err(error) = DirectoryJournal::open(file.join("journal"), identity("k")) else {
        panic!("it was made")
    };
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
}

fn make_old(path: &Path) {
    let long_ago = SystemTime::now() - Duration::from_secs(40 * 24 * 3600);
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
}

#[test]
fn an_old_file_goes_when_all_in_it_is_settled_and_a_settlement_only_after_what_it_settles() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    first.begin(intent("i1", Some("k"))).unwrap();
    drop(first);
    let second = open(directory.path());
    second.settle("i1", Fate::Refused).unwrap();
    drop(second);
    for path in open(directory.path()).files().unwrap() {
        make_old(&path);
    }
    // The first holds a doubt when seen alone, and the second is what resolves it: both stay.
    assert_eq!(open(directory.path()).files().unwrap().len(), 2);
    assert_eq!(open(directory.path()).once("k", "f").unwrap(), Once::Free);

    let third = open(directory.path());
    third.begin(intent("i3", None)).unwrap();
    third.settle("i3", Fate::Refused).unwrap();
    let path = third
        .files()
        .unwrap()
        .into_iter()
        .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap())
        .unwrap();
    drop(third);
    make_old(&path);
    assert_eq!(open(directory.path()).files().unwrap().len(), 2);
}

#[test]
fn after_a_write_that_failed_the_next_record_goes_into_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    journal.begin(intent("i1", None)).unwrap();
    {
        // A handle that can neither be written nor cut.
        let mut state = journal.lock();
        let own = state.file.as_mut().unwrap();
        own.replace_handle(File::open(own.path()).unwrap());
    }
    assert_eq!(
        journal.begin(intent("i2", None)).unwrap_err().kind(),
        ErrorKind::Journal
    );
    journal.begin(intent("i3", None)).unwrap();
    assert_eq!(journal.files().unwrap().len(), 2);
    assert_eq!(open(directory.path()).entries().unwrap().len(), 2);
}

#[test]
fn after_a_change_of_the_key_submits_belong_to_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let who = identity("old");
    let first = DirectoryJournal::open(directory.path().to_owned(), who.clone()).unwrap();
    first.begin(intent("i1", None)).unwrap();
    who.keys.set(ApiKey::new("new"));
    first.begin(intent("i2", None)).unwrap();
    let second = DirectoryJournal::open(directory.path().to_owned(), identity("new")).unwrap();
    let other: Vec<bool> = second.entries().unwrap().iter().map(|entry| entry.other_key).collect();
    assert_eq!(other, [true, false]);
}

#[test]
fn after_a_failed_write_the_earlier_submits_are_known_once_and_their_client_counts_as_alive() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    journal.begin(intent("i1", None)).unwrap();
    {
        let mut state = journal.lock();
        let own = state.file.as_mut().unwrap();
        own.replace_handle(File::open(own.path()).unwrap());
    }
    journal.begin(intent("i2", None)).unwrap_err();
    // Times on disk have milliseconds; the second file's name says nothing about the order.
    let later = Intent {
        began_at: SystemTime::now() + Duration::from_secs(1),
        ..intent("i3", None)
    };
    journal.begin(later).unwrap();
    assert_eq!(fates(&journal), [Fate::Open, Fate::Open]);
    let other = open(directory.path());
    assert_eq!(fates(&other), [Fate::Open, Fate::Open]);
    journal.settle("i1", Fate::Accepted(job("j1"))).unwrap();
    assert_eq!(fates(&other), [Fate::Accepted(job("j1")), Fate::Open]);
    drop(journal);
    assert_eq!(
        fates(&other),
        [Fate::Accepted(job("j1")), Fate::Unknown { request_id: None }]
    );
}

#[test]
fn an_accepted_job_that_could_not_be_written_down_is_known_to_its_client_and_written_with_the_next_record() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    journal.begin(intent("i1", Some("k"))).unwrap();
    {
        let mut state = journal.lock();
        let own = state.file.as_mut().unwrap();
        own.replace_handle(File::open(own.path()).unwrap());
    }
    journal.settle("i1", Fate::Accepted(job("j1"))).unwrap_err();
    assert_eq!(journal.fate("i1").unwrap(), Some(Fate::Accepted(job("j1"))));
    assert!(matches!(
        journal.begin(intent("i2", Some("k"))).unwrap(),
        Once::Same {
            fate: Fate::Accepted(_),
            ..
        }
    ));
    // With room again, it is written down after all.
    assert_eq!(open(directory.path()).fate("i1").unwrap(), Some(Fate::Open));
    journal.begin(intent("i3", None)).unwrap();
    assert_eq!(
        open(directory.path()).fate("i1").unwrap(),
        Some(Fate::Accepted(job("j1")))
    );
}

#[cfg(unix)]
#[test]
fn after_a_sync_that_failed_nothing_was_begun_and_the_next_record_goes_into_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    journal.begin(intent("i1", Some("k1"))).unwrap();
    {
        // Takes every write and cannot be synced.
        let sink = File::options().write(true).open("/dev/null").unwrap();
        journal.lock().file.as_mut().unwrap().replace_handle(sink);
    }
    let error = journal.begin(intent("i2", Some("k2"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
    assert_eq!(journal.begin(intent("i3", Some("k2"))).unwrap(), Once::Free);
    assert_eq!(journal.files().unwrap().len(), 2);
    assert_eq!(open(directory.path()).entries().unwrap().len(), 2);
    {
        let sink = File::options().write(true).open("/dev/null").unwrap();
        journal.lock().file.as_mut().unwrap().replace_handle(sink);
    }
    journal.settle("i3", Fate::Accepted(job("j3"))).unwrap_err();
    journal.begin(intent("i4", None)).unwrap();
    assert_eq!(
        open(directory.path()).fate("i3").unwrap(),
        Some(Fate::Accepted(job("j3")))
    );
}
