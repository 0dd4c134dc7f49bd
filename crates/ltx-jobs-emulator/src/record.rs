//! Everything that was received, in order, so that tests can count what was paid for.

use std::sync::Mutex;

use serde::Serialize;

use crate::clock::{Millis, iso};
use crate::lock;

/// One request as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// `api` or `storage`.
    pub origin: &'static str,
    /// Number of the TCP connection it came on; connections of both origins are numbered together.
    pub connection: u64,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub http_version: String,
    /// The method.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query, without the question mark; empty when there is none.
    pub query: String,
    /// Names (lower case) and values in the order received.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body the server has read.
    pub body_len: u64,
    /// Whether the server has read the body to its end.
    pub whole: bool,
    /// When the head was complete, ISO 8601 by the emulator's clock.
    pub at: String,
}

impl Received {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Where one request stands in the ledger. A reset makes old places void.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    age: u64,
    index: usize,
}

#[derive(Debug, Default)]
struct Pages {
    age: u64,
    entries: Vec<Received>,
}

/// The list of all requests since the last reset.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pages: Mutex<Pages>,
}

impl Ledger {
    /// Writes down the head of a request.
    pub(crate) fn begin(
        &self,
        origin: &'static str,
        connection: u64,
        now: Millis,
        head: &http::request::Parts,
        whole: bool,
    ) -> Place {
        let entry = Received {
            origin,
            connection,
            http_version: format!("{:?}", head.version),
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body_len: 0,
            whole,
            at: iso(now),
        };
        let mut pages = lock(&self.pages);
        pages.entries.push(entry);
        Place {
            age: pages.age,
            index: pages.entries.len() - 1,
        }
    }

    /// Adds what was read of the body, and whether that was its end.
    pub(crate) fn read(&self, place: Place, bytes: u64, end: bool) {
        let mut pages = lock(&self.pages);
        if pages.age != place.age {
            return;
        }
        if let Some(entry) = pages.entries.get_mut(place.index) {
            entry.body_len += bytes;
            entry.whole |= end;
        }
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        lock(&self.pages).entries.clone()
    }

    /// Requests of this method and path whose whole body was read. The path may end in `*`; a method `*` is any.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        let pages = lock(&self.pages);
        pages
            .entries
            .iter()
            .filter(|entry| {
                entry.whole
                    && (method == "*" || entry.method.eq_ignore_ascii_case(method))
                    && path_matches(path, &entry.path)
            })
            .count()
    }

    pub(crate) fn forget(&self) {
        let mut pages = lock(&self.pages);
        pages.age += 1;
        pages.entries.clear();
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_whose_whole_body_was_read_are_counted() {
        let ledger = Ledger::default();
        let (head, ()) = http::Request::post("/v2/extend").body(()).unwrap().into_parts();
        let place = ledger.begin("api", 1, 0, &head, false);
        assert_eq!(ledger.count("POST", "/v2/extend"), 0);
        ledger.read(place, 10, true);
        assert_eq!(ledger.count("POST", "/v2/*"), 1);
        assert_eq!(ledger.count("GET", "/v2/*"), 0);
        assert_eq!(ledger.count("*", "/v2/exten"), 0);
    }

    #[test]
    fn a_body_that_ends_after_a_reset_is_not_written_into_the_new_ledger() {
        let ledger = Ledger::default();
        let (head, ()) = http::Request::post("/a").body(()).unwrap().into_parts();
        let old = ledger.begin("api", 1, 0, &head, false);
        ledger.forget();
        ledger.begin("api", 2, 0, &head, false);
        ledger.read(old, 10, true);
        assert_eq!(ledger.count("POST", "/a"), 0);
    }
}
