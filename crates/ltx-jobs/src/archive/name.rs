//! Names from outside that become names on disk.
//!
//! Names inside an archive are refused when any system could be led out of the target directory by them, or could not store them: the rules of
//! Windows apply everywhere, so that one archive has one outcome on every machine. Labels of outputs are the service's words and are mended instead
//! of refused. Pure: nothing here looks at a disk.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};

/// Folders deep; the service's archives have none or one.
const MAX_DEPTH: usize = 8;

/// Bytes of one segment: what ext4, APFS and NTFS can all store.
const MAX_SEGMENT: usize = 255;

/// Checks the whole name of a member, and gives its last segment.
///
/// # Errors
/// `UnsafeName`, with the name and the rule it breaks.
pub(crate) fn checked_base_name(name: &str) -> Result<&str> {
    let refuse = |rule: &str| {
        Err(Error::new(
            ErrorKind::UnsafeName,
            format!("the archive's member {name:?} {rule}"),
        ))
    };
    let path = name.strip_suffix(['/', '\\']).unwrap_or(name);
    if path.is_empty() {
        return refuse("has an empty name");
    }
    // A backslash separates on Windows; as part of a name it serves nobody.
    let mut last = path;
    for (depth, segment) in path.split(['/', '\\']).enumerate() {
        if depth >= MAX_DEPTH {
            return refuse("lies too many folders deep");
        }
        match broken_rule(segment) {
            Some(_) if segment.is_empty() && depth == 0 => return refuse("has an absolute path"),
            Some(rule) => return refuse(rule),
            None => last = segment,
        }
    }
    Ok(last)
}

/// Why `segment` cannot be one name in a directory on every system, if it cannot.
pub(crate) fn broken_rule(segment: &str) -> Option<&'static str> {
    if segment.is_empty() {
        return Some("has an empty part in its path");
    }
    if segment == ".." {
        return Some("would leave the target directory");
    }
    if segment == "." {
        return Some("has a part `.` in its path");
    }
    if segment.len() > MAX_SEGMENT {
        return Some("has a part of more than 255 bytes");
    }
    if segment.chars().any(|c| c.is_control()) {
        return Some("has a control character in it");
    }
    if segment.contains(':') {
        return Some("has a colon in it (a drive or a stream on Windows)");
    }
    if segment.contains(['<', '>', '"', '|', '?', '*', '/', '\\']) {
        return Some("has a character in it that Windows does not allow");
    }
    if segment.ends_with([' ', '.']) {
        return Some("ends with a space or a dot, which Windows drops");
    }
    if is_device(segment) {
        return Some("is the name of a device on Windows");
    }
    None
}

/// `CON`, `nul.txt`, `COM1`, also with the superscript digits that Windows takes for digits.
fn is_device(segment: &str) -> bool {
    let stem = segment
        .split('.')
        .next()
        .unwrap_or(segment)
        .trim_end()
        .to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
    ) {
        return true;
    }
    let Some(rest) = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")) else {
        return false;
    };
    let mut digits = rest.chars();
    matches!(
        (digits.next(), digits.next()),
        (Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None)
    )
}

/// The form under which two names are one file on a system that does not tell case apart.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Refuses names that would be one file on some system.
///
/// # Errors
/// `UnsafeName`, with both names.
pub(crate) fn refuse_twins<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for name in names {
        if let Some(other) = seen.insert(folded(name), name) {
            let message = if other == name {
                format!("two members of the archive would both be saved as {name:?}")
            } else {
                format!(
                    "two members of the archive, {other:?} and {name:?}, would be one file where case does not count"
                )
            };
            return Err(Error::new(ErrorKind::UnsafeName, message));
        }
    }
    Ok(())
}

/// A label of the service as the stem of a file: `_url` taken off, and every character replaced that is not safe on every system.
pub(crate) fn stem_of_label(label: &str) -> String {
    let bare = label.strip_suffix("_url").unwrap_or(label);
    let mut stem: String = bare
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '(' | ')' | '+' | '=' | ',') {
                c
            } else {
                '_'
            }
        })
        .collect();
    stem.truncate(
        stem.char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|end| *end <= 120)
            .last()
            .unwrap_or(0),
    );
    let kept = stem.trim_end_matches([' ', '.']).trim_start_matches([' ', '.']);
    match kept {
        "" => "output".to_owned(),
        kept if is_device(kept) => format!("_{kept}"),
        kept => kept.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_and_a_name_inside_folders_are_taken() {
        for (name, base) in [
            ("frame_00001.exr", "frame_00001.exr"),
            ("out/frame_00001.exr", "frame_00001.exr"),
            ("out\\frame_00001.exr", "frame_00001.exr"),
            ("out/", "out"),
            ("Größe 1.exr", "Größe 1.exr"),
            ("..frame.exr", "..frame.exr"),
            ("console.exr", "console.exr"),
            ("com10.exr", "com10.exr"),
        ] {
            assert_eq!(checked_base_name(name).ok(), Some(base), "{name:?}");
        }
    }

    #[test]
    fn names_that_leave_the_directory_or_fail_on_some_system_are_refused() {
        let long = "x".repeat(256);
        let deep = "a/".repeat(9) + "b";
        for name in [
            "",
            "/",
            "/etc/passwd",
            "\\windows\\x",
            "\\\\host\\share\\x",
            "//host/share/x",
            "../x",
            "a/../../x",
            "a\\..\\x",
            "..",
            ".",
            "a/./b",
            "a//b",
            "C:\\x",
            "C:x",
            "c:/x",
            "x:stream",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "nul",
            "NUL.exr",
            "con",
            "a/CON/b",
            "aux.tar.gz",
            "lpt1",
            "COM\u{b9}.exr",
            "conin$",
            "nul .exr",
            "x.",
            "x ",
            "a /b",
            "a?b",
            "a*b",
            "a<b",
            "a|b",
            &long,
            &deep,
        ] {
            let error = checked_base_name(name).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::UnsafeName, "{name:?}");
        }
    }

    #[test]
    fn names_that_are_one_file_on_some_system_are_refused() {
        assert!(refuse_twins(["a.exr", "b.exr"]).is_ok());
        assert!(refuse_twins(["a.exr", "A.EXR"]).unwrap_err().message().contains("case"));
        assert!(refuse_twins(["a.exr", "a.exr"]).is_err());
    }

    #[test]
    fn a_label_is_made_safe_and_never_empty() {
        for (label, stem) in [
            ("exr_frames_url", "exr_frames"),
            ("video_url", "video"),
            ("matte", "matte"),
            ("_url", "output"),
            ("", "output"),
            ("../../etc/passwd_url", "_.._etc_passwd"),
            ("a/b\\c:d_url", "a_b_c_d"),
            ("nul_url", "_nul"),
            ("video. _url", "video"),
        ] {
            assert_eq!(stem_of_label(label), stem, "{label:?}");
            assert_eq!(broken_rule(&stem_of_label(label)), None, "{label:?}");
        }
        assert!(stem_of_label(&"ü".repeat(500)).len() <= 120);
    }
}
