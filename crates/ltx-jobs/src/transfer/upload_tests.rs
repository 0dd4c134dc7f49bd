//! Checks of inputs, the slot's headers, and what an answer to a PUT proves.

use http::HeaderMap;

use super::*;

const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\0\0isommp42";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn inputs_are_judged_by_content_and_size_before_anything_is_sent() {
    for (head, length, outcome) in [
        (MP4, 200 * MEBIBYTE, Ok(ContentKind::Mp4)),
        (MP4, 200 * MEBIBYTE + 1, Err(ErrorKind::RequestTooLarge)),
        (PNG, 15 * MEBIBYTE, Ok(ContentKind::Png)),
        (PNG, 15 * MEBIBYTE + 1, Err(ErrorKind::RequestTooLarge)),
        (MP4, 0, Err(ErrorKind::InvalidRequest)),
        (b"<html>", 10, Err(ErrorKind::InvalidRequest)),
        (b"PK\x03\x04", 10, Err(ErrorKind::InvalidRequest)),
    ] {
        assert_eq!(
            check_input("plate", head, length).map_err(|error| error.kind()),
            outcome,
            "{head:?} {length}"
        );
    }
    let error = check_input("plate.png", PNG, 16 * MEBIBYTE).unwrap_err();
    for part in ["plate.png", "16777216", "15728640"] {
        assert!(error.message().contains(part), "{error}");
    }
}

fn slot(headers: &str) -> Slot {
    let json = format!(
        r#"{{"upload_url":"https://s.example/x?sig=1","storage_uri":"ltx://uploads/1","expires_at":"x","required_headers":{headers}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

#[test]
fn the_put_carries_the_slots_headers_untouched_and_one_content_type() {
    let headers =
        slot(r#"{"x-goog-content-length-range":"0,209715200","x-goog-if-generation-match":"0"}"#).headers("video/mp4");
    let expected = [
        ("x-goog-content-length-range", "0,209715200"),
        ("x-goog-if-generation-match", "0"),
        ("content-type", "video/mp4"),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let own = slot(r#"{"Content-Type":"application/octet-stream"}"#).headers("video/mp4");
    assert_eq!(
        own,
        [("Content-Type".to_owned(), "application/octet-stream".to_owned())]
    );
    assert_eq!(slot("null").headers("video/mp4").len(), 1);
}

#[test]
fn a_length_the_slot_does_not_take_is_refused_before_the_put() {
    let slot = slot(r#"{"X-Goog-Content-Length-Range":"10, 20"}"#);
    assert!(slot.check_length(10).is_ok() && slot.check_length(20).is_ok());
    for length in [9, 21] {
        assert_eq!(
            slot.check_length(length).unwrap_err().kind(),
            ErrorKind::RequestTooLarge
        );
    }
}

#[test]
fn an_answer_to_a_put_is_done_uncertain_or_final() {
    let sent = Sent::default();
    sent.hash(b"123456789");
    let judge = |status, hash: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(hash) = hash {
            headers.insert("x-goog-hash", hash.parse().unwrap());
        }
        judge_put(
            &Answer {
                status,
                headers,
                body: Bytes::new(),
                cut: false,
            },
            &sent,
            9,
        )
    };
    for (status, hash) in [(200, None), (201, None), (412, None), (200, Some("crc32c=4waSgw=="))] {
        assert!(matches!(judge(status, hash), Ok(Put::Done)), "{status} {hash:?}");
    }
    for (status, hash) in [
        (500, None),
        (503, None),
        (408, None),
        (429, None),
        (403, None),
        (200, Some("crc32c=AAAAAA==")),
    ] {
        assert!(
            matches!(judge(status, hash), Ok(Put::Uncertain(_))),
            "{status} {hash:?}"
        );
    }
    for status in [400, 404, 413] {
        assert!(judge(status, None).is_err(), "{status}");
    }
}
