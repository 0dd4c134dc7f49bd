//! The journal on disk as its other clients see it: files that grow, are torn, damaged, cut, removed, or come from another machine.

use std::fs::File;
use std::time::Duration;

use super::tests::{fates, intent, job, open};
use super::*;
use crate::secret::ApiKey;

/// The one file of `directory` that is no lock.
fn only_file(directory: &Path) -> PathBuf {
    let mut files = open(directory).files().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn a_lost_id_is_known_to_the_next_client_and_holds_its_key_until_somebody_finds_the_job() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    first.begin(intent("i1", Some("k"))).unwrap();
    let lost = Fate::IdLost {
        request_id: Some("r".into()),
    };
    first.settle("i1", lost.clone()).unwrap();
    drop(first);
    let second = open(directory.path());
    assert_eq!(fates(&second), std::slice::from_ref(&lost));
    assert_eq!(
        second.once("k", "f").unwrap(),
        Once::Same {
            intent: "i1".into(),
            fate: lost
        }
    );
    second.resolve("i1", Some(job("j1"))).unwrap();
    let third = open(directory.path());
    assert_eq!(fates(&third), [Fate::Accepted(job("j1"))]);
    assert!(third.knows(&job("j1")).unwrap() && !third.knows(&job("j2")).unwrap());
}

#[test]
fn what_another_client_settles_is_known_to_the_one_that_began_it() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    first.begin(intent("i1", None)).unwrap();
    first.settle("i1", Fate::Unknown { request_id: None }).unwrap();
    open(directory.path()).resolve("i1", Some(job("j1"))).unwrap();
    assert_eq!(first.fate("i1").unwrap(), Some(Fate::Accepted(job("j1"))));
    assert_eq!(first.entries().unwrap()[0].doubts, 0);
}

#[test]
fn what_another_client_writes_later_is_seen_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, reader) = (open(directory.path()), open(directory.path()));
    for number in 0..20 {
        let id = format!("i{number}");
        writer.begin(intent(&id, Some(&id))).unwrap();
        assert_eq!(reader.fate(&id).unwrap(), Some(Fate::Open));
        writer.settle(&id, Fate::Accepted(job(&id))).unwrap();
        assert_eq!(reader.fate(&id).unwrap(), Some(Fate::Accepted(job(&id))));
        assert_eq!(reader.entries().unwrap().len(), number + 1);
    }
    writer.ended(&job("i3"), &Status::Failed).unwrap();
    writer.saved(&job("i4"), None).unwrap();
    let entries = reader.entries().unwrap();
    assert_eq!(entries[3].fate, Fate::EndedUnbilled(job("i3")));
    assert!(entries[4].saved && !entries[5].saved);
}

#[test]
fn a_line_that_is_still_being_written_is_taken_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path());
    writer.begin(intent("i1", None)).unwrap();
    writer.begin(intent("i2", None)).unwrap();
    let path = only_file(directory.path());
    drop(writer);
    let whole = fs::read(&path).unwrap();
    let reader = open(directory.path());
    let second_line = whole.len()
        - 1
        - whole[..whole.len() - 1]
            .iter()
            .rev()
            .position(|byte| *byte == b'\n')
            .unwrap();
    for length in [second_line, second_line + 1, second_line + 40, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(reader.entries().unwrap().len(), 1, "{length} of {} bytes", whole.len());
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(reader.entries().unwrap().len(), 2);
}

#[test]
fn a_file_that_was_cut_and_written_on_is_read_anew() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path());
    writer.begin(intent("i1", None)).unwrap();
    let path = only_file(directory.path());
    let before = fs::read(&path).unwrap();
    writer.begin(intent("i2", None)).unwrap();
    let reader = open(directory.path());
    assert_eq!(reader.entries().unwrap().len(), 2);
    // The sync of the second failed, it was cut off, and others of the same length and more came in its place.
    let mut after = before;
    for id in ["i3", "i4"] {
        after.extend(line(&Record::intent(&intent(id, None), "k".into())).unwrap());
    }
    fs::write(&path, after).unwrap();
    let ids = |entries: Vec<Entry>| -> Vec<String> { entries.into_iter().map(|entry| entry.intent.id).collect() };
    let mut found = ids(reader.entries().unwrap());
    found.sort();
    assert_eq!(found, ["i1", "i3", "i4"]);
    fs::remove_file(&path).unwrap();
    assert!(reader.entries().unwrap().is_empty());
    assert_eq!(reader.fate("i1").unwrap(), None);
}

#[test]
fn damage_that_comes_after_a_file_was_read_is_told_with_its_line_until_the_file_is_moved_away() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path());
    writer.begin(intent("i1", None)).unwrap();
    let path = only_file(directory.path());
    let reader = open(directory.path());
    assert_eq!(reader.entries().unwrap().len(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"{\"crc32c\":\"00000000\",\"record\":{}}\n");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(
        reader.entries().unwrap().len(),
        1,
        "the last line may still be in the making"
    );
    bytes.extend(b"another\n");
    fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let error = reader.begin(intent("i2", Some("k"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.to_string().contains("line 3"), "{error}");
    }
    fs::rename(&path, directory.path().join("damaged")).unwrap();
    assert_eq!(reader.begin(intent("i3", Some("k"))).unwrap(), Once::Free);
}

/// The file of a client on another machine that wrote into the same directory: its lock cannot be asked.
fn another_hosts_file(directory: &Path, records: &[Record]) -> PathBuf {
    let opened = Record::Opened {
        at: now(),
        host: "another-host".into(),
        process: 7,
        origin: "https://api.example/".into(),
        key: ApiKey::new("k").fingerprint(),
        version: crate::VERSION.into(),
    };
    let path = directory.join("another-host-7-00000000.jsonl");
    let lines: Vec<u8> = std::iter::once(&opened)
        .chain(records)
        .flat_map(|record| line(record).unwrap())
        .collect();
    fs::write(&path, lines).unwrap();
    path
}

#[test]
fn an_open_intent_of_another_host_is_open_for_a_day_and_then_unknown() {
    let directory = tempfile::tempdir().unwrap();
    let begun = Record::intent(&intent("i1", Some("k")), ApiKey::new("k").fingerprint());
    let path = another_hosts_file(directory.path(), &[begun]);
    let here = open(directory.path());
    assert_eq!(fates(&here), [Fate::Open]);
    assert!(matches!(
        here.begin(intent("i2", Some("k"))).unwrap(),
        Once::Same { .. }
    ));
    let handle = File::options().append(true).open(&path).unwrap();
    let hours = |hours: u64| SystemTime::now() - Duration::from_secs(hours * 3600);
    handle.set_modified(hours(23)).unwrap();
    assert_eq!(fates(&here), [Fate::Open]);
    handle.set_modified(hours(25)).unwrap();
    assert_eq!(fates(&here), [Fate::Unknown { request_id: None }]);
    let entry = here.entries().unwrap().remove(0);
    assert_eq!((entry.doubts, entry.other_key), (1, false));
}

#[test]
fn what_another_host_wrote_can_be_settled_here() {
    let directory = tempfile::tempdir().unwrap();
    let unknown = Record::Unknown {
        intent: "i1".into(),
        request_id: Some("r".into()),
        at: now(),
    };
    let begun = Record::intent(&intent("i1", Some("k")), ApiKey::new("k").fingerprint());
    let path = another_hosts_file(directory.path(), &[begun, unknown]);
    let before = fs::read(&path).unwrap();
    let here = open(directory.path());
    here.resolve("i1", None).unwrap();
    assert_eq!(fates(&here), [Fate::Refused]);
    assert_eq!(here.begin(intent("i2", Some("k"))).unwrap(), Once::Free);
    assert_eq!(fs::read(&path).unwrap(), before, "nobody writes into another's file");
}
