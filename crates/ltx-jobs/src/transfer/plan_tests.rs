//! Tables of answers, and what each of them proves.

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(
            http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.parse().unwrap(),
        );
    }
    map
}

fn span(start: u64, end: Option<u64>) -> ByteRange {
    ByteRange::Span { start, end }
}

#[test]
fn content_range_is_read_strictly() {
    let range = |start, end, total| Some(ContentRange { start, end, total });
    for (text, expected) in [
        ("bytes 0-99/1234", range(0, 100, Some(1234))),
        ("Bytes 5-5/*", range(5, 6, None)),
        (" bytes 0-0/1 ", range(0, 1, Some(1))),
        (
            "bytes 0-18446744073709551614/18446744073709551615",
            range(0, u64::MAX, Some(u64::MAX)),
        ),
        ("bytes 0-18446744073709551615/*", None),
        ("bytes */1234", None),
        ("bytes 9-5/10", None),
        ("bytes 0-99/50", None),
        ("bytes +1-5/10", None),
        ("bytes 1-5", None),
        ("items 1-5/10", None),
        ("", None),
    ] {
        assert_eq!(ContentRange::parse(text), expected, "{text:?}");
    }
}

#[test]
fn one_object_is_told_from_another_by_whatever_both_answers_say() {
    let facts = |pairs: &[(&str, &str)], length| Facts::read(&headers(pairs), Some(length), true);
    let same = |one: &[(&str, &str)], other: &[(&str, &str)]| facts(one, 10).same_object(&facts(other, 10));
    let date = ("last-modified", "Mon, 23 Nov 2026 10:00:00 GMT");
    assert_eq!(same(&[("etag", "\"a\"")], &[("etag", "\"a\"")]), Same::Yes);
    assert_eq!(same(&[("etag", "\"a\"")], &[("etag", "\"b\"")]), Same::No);
    assert_eq!(
        same(&[("etag", "W/\"a\"")], &[("etag", "W/\"a\"")]),
        Same::Unproven,
        "a weak ETag proves nothing about bytes"
    );
    assert_eq!(
        same(
            &[("etag", "\"a\""), ("x-goog-generation", "1")],
            &[("etag", "\"a\""), ("x-goog-generation", "2")]
        ),
        Same::No
    );
    assert_eq!(
        same(&[("x-goog-generation", "1")], &[("x-goog-generation", "1")]),
        Same::Yes
    );
    assert_eq!(same(&[date], &[date]), Same::Yes);
    assert_eq!(
        same(
            &[("x-goog-hash", "crc32c=AAAAAA==")],
            &[("x-goog-hash", "crc32c=AAAAAQ==")]
        ),
        Same::No
    );
    assert_eq!(same(&[], &[]), Same::Unproven);
    assert_eq!(
        facts(&[("etag", "\"a\"")], 10).same_object(&facts(&[("etag", "\"a\"")], 11)),
        Same::No
    );
}

#[test]
fn a_part_is_taken_only_when_it_is_the_part_asked_for() {
    let known = Facts::read(&headers(&[("etag", "\"a\"")]), Some(1000), true);
    let part = |range: &str, etag: &str, asked| {
        judge(
            asked,
            Some(&known),
            206,
            &headers(&[("content-range", range), ("etag", etag)]),
            None,
            None,
        )
    };
    assert!(matches!(
        part("bytes 100-999/1000", "\"a\"", span(100, None)),
        Verdict::Body {
            start: 100,
            end: Some(1000),
            same: Same::Yes,
            ..
        }
    ));
    assert!(
        matches!(
            part("bytes 100-199/1000", "\"a\"", span(100, Some(500))),
            Verdict::Body {
                start: 100,
                end: Some(200),
                ..
            }
        ),
        "less is taken"
    );
    assert!(matches!(
        part("bytes 744-999/1000", "\"a\"", ByteRange::Suffix(256)),
        Verdict::Body { start: 744, .. }
    ));
    assert!(matches!(
        part("bytes 0-999/1000", "\"a\"", ByteRange::Suffix(5000)),
        Verdict::Body { start: 0, .. }
    ));
    for (range, asked) in [
        ("bytes 0-999/1000", span(100, None)),
        ("bytes 101-999/1000", span(100, None)),
        ("bytes 100-999/1000", span(100, Some(500))),
        ("bytes 743-999/1000", ByteRange::Suffix(256)),
        ("bytes 744-998/1000", ByteRange::Suffix(256)),
        ("nonsense", span(100, None)),
    ] {
        assert!(
            matches!(
                part(range, "\"a\"", asked),
                Verdict::Again {
                    kind: ErrorKind::Protocol,
                    ..
                }
            ),
            "{range} for {asked:?}"
        );
    }
    assert!(matches!(
        part("bytes 100-999/1000", "\"b\"", span(100, None)),
        Verdict::Changed(_)
    ));
    assert!(matches!(
        part("bytes 100-998/999", "\"a\"", span(100, None)),
        Verdict::Changed(_)
    ));
}

#[test]
fn a_whole_answer_to_a_continuation_is_the_same_object_or_a_change() {
    let known = Facts::read(&headers(&[("etag", "\"a\"")]), Some(1000), true);
    let whole = |length: &str, etag: &str| {
        judge(
            span(100, None),
            Some(&known),
            200,
            &headers(&[("content-length", length), ("etag", etag)]),
            None,
            None,
        )
    };
    assert!(matches!(
        whole("1000", "\"a\""),
        Verdict::Body {
            start: 0,
            end: Some(1000),
            same: Same::Yes,
            ..
        }
    ));
    assert!(matches!(whole("1000", "\"b\""), Verdict::Changed(_)));
    assert!(matches!(whole("1001", "\"a\""), Verdict::Changed(_)));
}

#[test]
fn statuses_are_sorted_into_expired_again_and_final() {
    let verdict = |status, code| {
        judge(
            span(0, None),
            None,
            status,
            &HeaderMap::new(),
            code,
            Some(Duration::from_secs(2)),
        )
    };
    for (status, code) in [
        (401, None),
        (403, None),
        (403, Some("AccessDenied")),
        (410, None),
        (400, Some("ExpiredToken")),
    ] {
        assert!(
            matches!(verdict(status, code), Verdict::Expired(_)),
            "{status} {code:?}"
        );
    }
    for status in [408, 425, 429, 500, 502, 503, 504, 529] {
        assert!(
            matches!(verdict(status, None), Verdict::Again { after: Some(_), .. }),
            "{status}"
        );
    }
    for status in [204, 304, 400, 404, 405, 412] {
        assert!(matches!(verdict(status, None), Verdict::Final { .. }), "{status}");
    }
    assert_eq!(verdict(416, None), Verdict::NoSuchRange);
}

#[test]
fn a_file_in_a_coding_nobody_asked_for_is_not_saved_as_if_it_were_plain() {
    let coded = headers(&[("content-encoding", "gzip"), ("content-length", "10")]);
    assert!(matches!(
        judge(span(0, None), None, 200, &coded, None, None),
        Verdict::Final {
            kind: ErrorKind::Unsupported,
            ..
        }
    ));
    let decoded_on_the_way = headers(&[
        ("x-goog-stored-content-encoding", "gzip"),
        ("x-goog-hash", "crc32c=AAAAAA=="),
    ]);
    let Verdict::Body { facts, .. } = judge(span(0, None), None, 200, &decoded_on_the_way, None, None) else {
        panic!()
    };
    assert_eq!(facts.hashes, Hashes::default(), "the hash is of the stored bytes");
}

#[test]
fn an_error_document_gives_its_code_and_nothing_else() {
    assert_eq!(
        error_code(b"<?xml?><Error><Code>ExpiredToken</Code><Message>x</Message></Error>").as_deref(),
        Some("ExpiredToken")
    );
    for body in [
        "",
        "<Code>",
        "<Code></Code>",
        "<Code>https://x?sig=canary</Code>",
        "<html>",
    ] {
        assert_eq!(error_code(body.as_bytes()), None, "{body}");
    }
}
