//! The form of the journal on disk: one line of JSON per record, each with a checksum. Pure.
//!
//! `{"crc32c":"1c291ca3","record":{...}}`: the checksum is of the bytes of the record as written. A reader takes what it knows and passes over record
//! types and fields of later versions. No key, no prompt, no signed URL is ever in a record.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Fate, Intent, SavedTo};
use crate::job::{Destination, JobRef};
use crate::model::{Status, format_time};

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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dest: Option<Destination>,
        /// US dollars, as text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usd: Option<String>,
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
    /// A job exists, but its id did not arrive. A reader that does not know this record takes the intent for open, and later for unknown.
    IdLost {
        intent: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        at: String,
    },
    /// Never sent: `other` holds its `once` key.
    Same {
        intent: String,
        other: String,
        at: String,
    },
    /// Somebody looked at the account, and found the job or that there is none.
    Resolved {
        intent: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<JobRef>,
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<SavedTo>,
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
            dest: intent.dest.clone(),
            usd: intent.usd.map(|usd| usd.to_string()),
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
            Fate::IdLost { request_id } => Self::IdLost {
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

/// A file, or what was added to it, as read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) records: Vec<Record>,
    /// The number of the first damaged line, from 1.
    pub(super) damaged: Option<usize>,
    /// Bytes of the whole lines before a damaged or torn one.
    pub(super) whole: usize,
    /// The length of the last of them.
    pub(super) last_line: usize,
}

/// Reads a file from the beginning of a line. A last line that is cut off or damaged is being written, or was when its process died: it is left out. Other
/// damage is told.
pub(super) fn read(bytes: &[u8]) -> Content {
    let mut content = Content::default();
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let last = lines.peek().is_none();
        match line.strip_suffix(b"\n").and_then(parse) {
            Some(record) => {
                content.records.push(record);
                content.whole += line.len();
                content.last_line = line.len();
            }
            None if last => {}
            None => {
                content.damaged = Some(number + 1);
                break;
            }
        }
    }
    content
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
            dest: Some("/shots/sh010".into()),
            usd: Some("0.80".into()),
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
            Record::IdLost {
                intent: "i3".into(),
                request_id: None,
                at: "x".into(),
            },
            Record::Resolved {
                intent: "i3".into(),
                job: Some(job()),
                at: "x".into(),
            },
            Record::Ended {
                job: job(),
                status: "completed".into(),
                at: "x".into(),
            },
        ];
        let bytes = file(&records);
        assert_eq!(
            read(&bytes),
            Content {
                records: records.to_vec(),
                damaged: None,
                whole: bytes.len(),
                last_line: records.last().unwrap().line().unwrap().len(),
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
                    damaged: None,
                    whole: first,
                    last_line: first,
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
}
