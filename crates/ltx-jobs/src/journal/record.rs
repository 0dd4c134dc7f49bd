//! The form of the journal on disk: one line of JSON per record, each with a checksum. Pure.
//!
//! `{"crc32c":"1c291ca3","record":{...}}`: the checksum is of the bytes of the record as written. A reader takes what it knows and passes over record
//! types and fields of later versions. No key, no prompt, no signed URL is ever in a record.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Fate, Intent, Ledger};
use crate::job::JobRef;
use crate::model::{Status, format_time, parse_time};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Record {
    /// The first line of a file: who writes it.
    Opened {
        at: String,
        host: String,
        process: u32,
        origin: String,
        key: String,
        version: String,
    },
    Intent {
        id: String,
        at: String,
        endpoint: String,
        /// The fingerprint of the API key in use; it may change while a client lives.
        #[serde(default)]
        key: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        fingerprint: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        once: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    Accepted {
        intent: String,
        job: JobRef,
        at: String,
    },
    Refused {
        intent: String,
        at: String,
    },
    Unknown {
        intent: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        at: String,
    },
    /// A terminal state was seen.
    Ended {
        job: JobRef,
        status: String,
        at: String,
    },
    Saved {
        job: JobRef,
        at: String,
    },
    /// A record of a later version.
    #[serde(other)]
    Later,
}

impl Record {
    pub(super) fn intent(intent: &Intent, key: String) -> Self {
        Self::Intent {
            id: intent.id.clone(),
            at: format_time(intent.began_at),
            endpoint: intent.endpoint.clone(),
            key,
            fingerprint: intent.fingerprint.clone(),
            once: intent.once.clone(),
            label: intent.label.clone(),
        }
    }

    /// The record of what became of an intent; there is none for one that is still open.
    pub(super) fn fate(intent: &str, fate: &Fate, now: SystemTime) -> Option<Self> {
        let (intent, at) = (intent.to_owned(), format_time(now));
        Some(match fate {
            Fate::Open => return None,
            Fate::Accepted(job) => Self::Accepted {
                intent,
                job: job.clone(),
                at,
            },
            Fate::Refused => Self::Refused { intent, at },
            Fate::Unknown { request_id } => Self::Unknown {
                intent,
                request_id: request_id.clone(),
                at,
            },
            Fate::EndedUnbilled(job) => Self::Ended {
                job: job.clone(),
                status: Status::Failed.as_str().to_owned(),
                at,
            },
        })
    }

    /// Its place among the records of one submit, from all files: what is surer comes later. Never by time, because clocks differ between machines.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Opened { .. } | Self::Later => 0,
            Self::Intent { .. } => 1,
            Self::Unknown { .. } => 2,
            // A refusal after an unknown outcome is somebody's settlement.
            Self::Refused { .. } => 3,
            Self::Accepted { .. } => 4,
            Self::Ended { .. } => 5,
            Self::Saved { .. } => 6,
        }
    }

    /// When it was written, as text that sorts like time: decides only between records of the same rank.
    pub(super) fn at(&self) -> &str {
        match self {
            Self::Opened { at, .. }
            | Self::Intent { at, .. }
            | Self::Accepted { at, .. }
            | Self::Refused { at, .. }
            | Self::Unknown { at, .. }
            | Self::Ended { at, .. }
            | Self::Saved { at, .. } => at,
            Self::Later => "",
        }
    }

    /// The line, newline included.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let record = serde_json::to_string(self)?;
        let sum = crc32c::crc32c(record.as_bytes());
        Ok(format!("{{\"crc32c\":\"{sum:08x}\",\"record\":{record}}}\n").into_bytes())
    }
}

const HEAD: &[u8] = b"{\"crc32c\":\"";
const MIDDLE: &[u8] = b"\",\"record\":";

/// One line without its newline; `None` when it is damaged.
pub(super) fn parse(line: &[u8]) -> Option<Record> {
    let rest = line.strip_prefix(HEAD)?;
    let (sum, rest) = rest.split_at_checked(8)?;
    let record = rest.strip_prefix(MIDDLE)?.strip_suffix(b"}")?;
    if format!("{:08x}", crc32c::crc32c(record)).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(record).ok()
}

/// A file as read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) records: Vec<Record>,
    /// The number of the first damaged line, from 1.
    pub(super) damaged: Option<usize>,
}

/// Reads a whole file. A last line that is cut off or damaged was being written when its process died: it is dropped. Other damage is told.
pub(super) fn read(bytes: &[u8]) -> Content {
    let mut content = Content::default();
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let last = lines.peek().is_none();
        match line.strip_suffix(b"\n").and_then(parse) {
            Some(record) => content.records.push(record),
            None if last => {}
            None => {
                content.damaged = Some(number + 1);
                break;
            }
        }
    }
    content
}

/// Adds a record to what is known.
pub(super) fn apply(ledger: &mut Ledger, record: &Record) {
    match record {
        Record::Opened { .. } | Record::Later => {}
        Record::Intent {
            id,
            at,
            endpoint,
            fingerprint,
            once,
            label,
            ..
        } => ledger.add(Intent {
            id: id.clone(),
            endpoint: endpoint.clone(),
            fingerprint: fingerprint.clone(),
            once: once.clone(),
            label: label.clone(),
            began_at: parse_time(at).unwrap_or(SystemTime::UNIX_EPOCH),
        }),
        Record::Accepted { intent, job, .. } => {
            ledger.settle(intent, Fate::Accepted(job.clone()));
        }
        Record::Refused { intent, .. } => {
            ledger.settle(intent, Fate::Refused);
        }
        Record::Unknown { intent, request_id, .. } => {
            ledger.settle(
                intent,
                Fate::Unknown {
                    request_id: request_id.clone(),
                },
            );
        }
        Record::Ended { job, status, .. } => ledger.ended(job, &Status::from(status.as_str())),
        Record::Saved { job, .. } => ledger.saved(job),
    }
}

/// What these records say together.
pub(super) fn ledger(records: &[Record]) -> Ledger {
    let mut ledger = Ledger::default();
    records.iter().for_each(|record| apply(&mut ledger, record));
    ledger
}

/// Whether one file tells what became of a submit that another file began: an outcome, an end, a settlement. It must outlive that file.
pub(super) fn tells_of(teller: &[Record], beginner: &[Record]) -> bool {
    let begun = |intent: &String| {
        beginner
            .iter()
            .any(|record| matches!(record, Record::Intent { id, .. } if id == intent))
    };
    let holds = |job: &JobRef| {
        beginner
            .iter()
            .any(|record| matches!(record, Record::Accepted { job: known, .. } if known == job))
    };
    teller.iter().any(|record| match record {
        Record::Accepted { intent, .. } | Record::Refused { intent, .. } | Record::Unknown { intent, .. } => {
            begun(intent)
        }
        Record::Ended { job, .. } | Record::Saved { job, .. } => holds(job),
        Record::Opened { .. } | Record::Intent { .. } | Record::Later => false,
    })
}

/// Whether a file may be removed: everything in it is settled, and it is old.
pub(super) fn is_settled(ledger: &Ledger, age: Duration) -> bool {
    const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
    age >= KEPT
        && ledger.entries.iter().all(|entry| match &entry.fate {
            Fate::Refused | Fate::EndedUnbilled(_) => true,
            // A job is forgotten by the service a day after its end: after 30 days nothing can be fetched any more.
            Fate::Accepted(_) => true,
            Fate::Open | Fate::Unknown { .. } => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> JobRef {
        JobRef::job("retake", "j1").unwrap()
    }

    fn intent(id: &str) -> Record {
        Record::Intent {
            id: id.into(),
            at: "2026-11-23T10:00:00.000Z".into(),
            endpoint: "retake".into(),
            key: "k".into(),
            fingerprint: "f".into(),
            once: Some("k".into()),
            label: None,
        }
    }

    fn file(records: &[Record]) -> Vec<u8> {
        records.iter().flat_map(|record| record.line().unwrap()).collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let records = [
            intent("i1"),
            Record::Accepted {
                intent: "i1".into(),
                job: job(),
                at: "x".into(),
            },
            Record::Unknown {
                intent: "i2".into(),
                request_id: Some("r".into()),
                at: "x".into(),
            },
            Record::Ended {
                job: job(),
                status: "completed".into(),
                at: "x".into(),
            },
        ];
        assert_eq!(
            read(&file(&records)),
            Content {
                records: records.to_vec(),
                damaged: None
            }
        );
    }

    #[test]
    fn a_torn_last_line_is_dropped_wherever_it_was_torn() {
        let bytes = file(&[intent("i1"), intent("i2")]);
        let first = intent("i1").line().unwrap().len();
        for cut in first..bytes.len() {
            let content = read(&bytes[..cut]);
            assert_eq!(
                content,
                Content {
                    records: vec![intent("i1")],
                    damaged: None
                },
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn damage_before_the_last_line_is_told_with_its_line() {
        let clean = file(&[intent("i1"), intent("i2"), intent("i3")]);
        let first = intent("i1").line().unwrap().len();
        for place in first..2 * first - 1 {
            let mut bytes = clean.clone();
            bytes[place] ^= 0x20;
            let content = read(&bytes);
            assert_eq!(content.damaged, Some(2), "byte {place}");
            assert_eq!(content.records.len(), 1);
        }
    }

    #[test]
    fn records_of_a_later_version_are_passed_over() {
        let text = r#"{"type":"rehosted","where":"s3"}"#;
        let line = format!(
            "{{\"crc32c\":\"{:08x}\",\"record\":{text}}}\n",
            crc32c::crc32c(text.as_bytes())
        );
        assert_eq!(read(line.as_bytes()).records, [Record::Later]);
    }

    #[test]
    fn seeded_noise_never_panics_and_never_becomes_a_record() {
        let clean = file(&[intent("i1"), intent("i2"), intent("i3")]);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut bytes = clean.clone();
            for _ in 0..random.usize(1..8) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            for record in read(&bytes).records {
                assert!(
                    [intent("i1"), intent("i2"), intent("i3")].contains(&record),
                    "{record:?}"
                );
            }
        }
    }

    #[test]
    fn a_settlement_is_told_of_the_file_that_began_it() {
        let settled = [Record::Refused {
            intent: "i1".into(),
            at: "x".into(),
        }];
        assert!(tells_of(&settled, &[intent("i1")]));
        assert!(!tells_of(&settled, &[intent("i2")]));
        assert!(!tells_of(&[intent("i1")], &settled));
    }

    #[test]
    fn only_old_files_without_doubts_may_go() {
        let old = Duration::from_secs(31 * 24 * 3600);
        let accepted = Record::Accepted {
            intent: "i1".into(),
            job: job(),
            at: "x".into(),
        };
        assert!(is_settled(&ledger(&[intent("i1"), accepted.clone()]), old));
        assert!(!is_settled(&ledger(&[intent("i1"), accepted]), old / 2));
        assert!(!is_settled(&ledger(&[intent("i1")]), old));
        assert!(!is_settled(
            &ledger(&[
                intent("i1"),
                Record::Unknown {
                    intent: "i1".into(),
                    request_id: None,
                    at: "x".into()
                }
            ]),
            old
        ));
    }
}
