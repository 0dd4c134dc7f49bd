//! Frame numbers, and the names under which frames are saved.
//!
//! Frame order is the order of the numbers where every frame has its own, else the order of the bytes in the archive.
//! The service's frames carry a zero-padded decimal number and start at 0 or 1; a studio wants its own shot name and first frame. Pure.

use crate::archive::directory::Member;
use crate::archive::name::broken_rule;
use crate::error::{Error, ErrorKind, Result};

/// The last run of digits in the stem of `name`: where it is, and its value.
pub(crate) fn number_of(name: &str) -> Option<(std::ops::Range<usize>, u64)> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let end = stem.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = stem[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| {
        // The character before the digits may be wider than one byte.
        at + stem[at..].chars().next().map_or(1, char::len_utf8)
    });
    Some((start..end, stem[start..end].parse().ok()?))
}

/// Brings members into frame order.
pub(crate) fn sort_in_frame_order(members: &mut [Member]) {
    members.sort_by_key(|member| member.span.start);
    let mut numbers: Vec<u64> = members.iter().filter_map(|member| member.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.len() == members.len() {
        members.sort_by_key(|member| member.number);
    }
}

/// A pattern such as `sh010.{frame:04}.exr`: exactly one place for the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FramePattern {
    before: String,
    width: usize,
    after: String,
}

impl FramePattern {
    /// Reads `{frame}`, `{frame:04}` or `{frame:04d}`.
    ///
    /// # Errors
    /// `InvalidRequest` when there is not exactly one such place, or the name is not safe on every system.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            Err(
                Error::new(ErrorKind::InvalidRequest, format!("frame_name {text:?} {why}"))
                    .with_advice("write it like `sh010.{frame:04}.exr`"),
            )
        };
        let Some((before, rest)) = text.split_once('{') else {
            return refuse("has no {frame} in it");
        };
        let Some((place, after)) = rest.split_once('}') else {
            return refuse("has an open brace in it");
        };
        if after.contains(['{', '}']) || before.contains('}') {
            return refuse("has more than one pair of braces in it");
        }
        let width = match place.strip_prefix("frame") {
            Some("") => 0,
            Some(format) => {
                let digits = format
                    .strip_prefix(":0")
                    .map(|digits| digits.strip_suffix('d').unwrap_or(digits));
                match digits.and_then(|digits| digits.parse::<usize>().ok()) {
                    Some(width @ 1..=18) => width,
                    _ => return refuse("has a width that is not understood"),
                }
            }
            None => return refuse("has something other than {frame} in braces"),
        };
        let pattern = Self {
            before: before.to_owned(),
            width,
            after: after.to_owned(),
        };
        if let Some(rule) = broken_rule(&pattern.name(1)) {
            return refuse(rule);
        }
        Ok(pattern)
    }

    pub(crate) fn name(&self, number: u64) -> String {
        format!("{}{number:0width$}{}", self.before, self.after, width = self.width)
    }
}

/// The names under which frames are saved, in the order of `names`; `pattern` and `first` as the caller asked.
///
/// # Errors
/// `Archive` when frames are to be renumbered and one has no number of its own.
pub(crate) fn target_names(names: &[&str], pattern: Option<&FramePattern>, first: Option<u64>) -> Result<Vec<String>> {
    if pattern.is_none() && first.is_none() {
        return Ok(names.iter().map(|&name| name.to_owned()).collect());
    }
    let mut numbers = Vec::with_capacity(names.len());
    for name in names {
        let found = number_of(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Archive,
                format!("the frame {name:?} has no number in its name, so it cannot be renamed by number"),
            )
            .with_advice("leave out frame_name and first_frame")
        })?;
        numbers.push(found);
    }
    let lowest = numbers.iter().map(|(_, number)| *number).min().unwrap_or(0);
    let mut made = Vec::with_capacity(names.len());
    for (name, (digits, number)) in names.iter().zip(numbers) {
        let number = match first {
            // Gaps in the numbering stay gaps.
            Some(first) => first
                .checked_add(number - lowest)
                .ok_or_else(|| Error::new(ErrorKind::InvalidRequest, format!("first_frame {first} is too large")))?,
            None => number,
        };
        made.push(match pattern {
            Some(pattern) => pattern.name(number),
            None => format!(
                "{}{number:0width$}{}",
                &name[..digits.start],
                &name[digits.end..],
                width = digits.len()
            ),
        });
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_the_last_run_of_digits_before_the_extension() {
        for (name, number) in [
            ("frame_00001.exr", Some(1)),
            ("frame_0.exr", Some(0)),
            ("sh010_0042.exr", Some(42)),
            ("0042.exr", Some(42)),
            ("shot10.v2_final.exr", Some(2)),
            ("é7.exr", Some(7)),
            ("plate.exr", None),
            ("99999999999999999999999.exr", None),
        ] {
            assert_eq!(number_of(name).map(|(_, number)| number), number, "{name:?}");
        }
    }

    #[test]
    fn patterns_are_read_in_both_spellings() {
        for (pattern, name) in [
            ("sh010.{frame:04}.exr", "sh010.0007.exr"),
            ("sh010.{frame:04d}.exr", "sh010.0007.exr"),
            ("{frame}.exr", "7.exr"),
        ] {
            assert_eq!(FramePattern::parse(pattern).unwrap().name(7), name);
        }
        for pattern in [
            "sh010.exr",
            "{frame",
            "{frame:04}{frame}.exr",
            "{f}.exr",
            "{frame:4}.exr",
            "../{frame}.exr",
            "a/{frame}.exr",
            "{frame:0999}.exr",
            "{frame}.",
        ] {
            assert_eq!(
                FramePattern::parse(pattern).unwrap_err().kind(),
                ErrorKind::InvalidRequest,
                "{pattern:?}"
            );
        }
    }

    #[test]
    fn frames_are_renumbered_from_the_first_and_gaps_stay() {
        let names = ["frame_00000.exr", "frame_00001.exr", "frame_00003.exr"];
        let pattern = FramePattern::parse("a.{frame:04}.exr").unwrap();
        assert_eq!(
            target_names(&names, Some(&pattern), Some(1001)).unwrap(),
            ["a.1001.exr", "a.1002.exr", "a.1004.exr"]
        );
        assert_eq!(
            target_names(&names, Some(&pattern), None).unwrap(),
            ["a.0000.exr", "a.0001.exr", "a.0003.exr"]
        );
        assert_eq!(
            target_names(&names, None, Some(1001)).unwrap(),
            ["frame_01001.exr", "frame_01002.exr", "frame_01004.exr"]
        );
        assert_eq!(target_names(&names, None, None).unwrap(), names);
        assert_eq!(
            target_names(&["plate.exr"], Some(&pattern), None).unwrap_err().kind(),
            ErrorKind::Archive
        );
    }
}
