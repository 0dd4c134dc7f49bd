//! What a `Range` header asks of an object: a pure decision.

/// The part of an object an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// 200 with everything.
    Whole,
    /// 206 with `start..end`.
    Part { start: u64, end: u64 },
    /// 416.
    Unsatisfiable,
}

/// Decides about a `Range` header. Several ranges, other units and nonsense are ignored, as RFC 9110 allows.
pub(crate) fn span(header: Option<&str>, len: u64, suffix_allowed: bool) -> Span {
    let Some((first, last)) = header
        .and_then(|header| header.strip_prefix("bytes="))
        .and_then(|spec| spec.split_once('-'))
    else {
        return Span::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(_) if !suffix_allowed => Span::Whole,
            Some(0) => Span::Unsatisfiable,
            Some(_) if len == 0 => Span::Unsatisfiable,
            Some(count) => Span::Part {
                start: len.saturating_sub(count),
                end: len,
            },
            None => Span::Whole,
        },
        (first, "") => match number(first) {
            Some(start) if start < len => Span::Part { start, end: len },
            Some(_) => Span::Unsatisfiable,
            None => Span::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(start), Some(last)) if start > last => Span::Whole,
            (Some(start), Some(_)) if start >= len => Span::Unsatisfiable,
            (Some(start), Some(last)) => Span::Part {
                start,
                end: last.saturating_add(1).min(len),
            },
            _ => Span::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_answered_as_rfc_9110_says() {
        let part = |start, end| Span::Part { start, end };
        let cases = [
            (None, Span::Whole),
            (Some("bytes=0-0"), part(0, 1)),
            (Some("bytes=10-19"), part(10, 20)),
            (Some("bytes=90-500"), part(90, 100)),
            (Some("bytes=40-"), part(40, 100)),
            (Some("bytes=-30"), part(70, 100)),
            (Some("bytes=-300"), part(0, 100)),
            (Some("bytes=-0"), Span::Unsatisfiable),
            (Some("bytes=100-"), Span::Unsatisfiable),
            (Some("bytes=100-110"), Span::Unsatisfiable),
            (Some("bytes=20-10"), Span::Whole),
            (Some("bytes=1-2,5-6"), Span::Whole),
            (Some("lines=1-2"), Span::Whole),
            (Some("bytes=a-b"), Span::Whole),
            (Some("bytes"), Span::Whole),
        ];
        for (header, expected) in cases {
            assert_eq!(span(header, 100, true), expected, "{header:?}");
        }
        assert_eq!(span(Some("bytes=-30"), 100, false), Span::Whole);
        assert_eq!(span(Some("bytes=0-"), 0, true), Span::Unsatisfiable);
    }
}
