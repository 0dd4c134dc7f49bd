//! What was saved where, short enough to be written down: files of one output whose names differ by a running number only are one entry.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::transfer::{ArchiveMode, DownloadOptions};

/// The outputs of a job, all of them, in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedTo {
    /// The directory, or the address in a store.
    pub(crate) dest: String,
    /// How it was asked for: the same place, asked for in another way, holds something else.
    #[serde(default)]
    how: String,
    /// Below the directory; none in a store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<Files>,
}

/// One file, or a run of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Files {
    /// The name of the file, with `/` between folders, or what stands before the number.
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// Bytes of all of them.
    bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    from: u64,
    to: u64,
    digits: usize,
    /// What stands behind the number.
    tail: String,
}

impl SavedTo {
    /// Of files with their lengths, in the order they were saved; `None` when they cannot be told in UTF-8.
    pub(crate) fn directory(dest: &Path, options: &DownloadOptions, files: &[(PathBuf, u64)]) -> Option<Self> {
        let mut saved = Self {
            dest: absolute(dest)?,
            how: how(options),
            files: Vec::new(),
        };
        for (path, bytes) in files {
            let below = path.strip_prefix(dest).ok()?;
            let parts: Option<Vec<&str>> = below.components().map(|part| part.as_os_str().to_str()).collect();
            saved.add(&parts?.join("/"), *bytes);
        }
        Some(saved)
    }

    /// Of objects in a store, which looks at them itself.
    #[cfg(feature = "rehost")]
    pub(crate) fn store(url: &str, options: &DownloadOptions) -> Self {
        Self {
            dest: url.to_owned(),
            how: how(options),
            files: Vec::new(),
        }
    }

    fn add(&mut self, name: &str, bytes: u64) {
        if let Some((head, digits, tail)) = numbered(name)
            && let Ok(number) = digits.parse::<u64>()
        {
            if let Some(last) = self.files.last_mut()
                && last.name == head
                && let Some(run) = &mut last.run
                && run.tail == tail
                && run.to.checked_add(1) == Some(number)
                && format!("{number:0width$}", width = run.digits) == digits
            {
                run.to = number;
                last.bytes = last.bytes.saturating_add(bytes);
                return;
            }
            // A name that its number does not give back stands for itself.
            if format!("{number:0width$}", width = digits.len()) == digits {
                self.files.push(Files {
                    name: head.to_owned(),
                    run: Some(Run {
                        from: number,
                        to: number,
                        digits: digits.len(),
                        tail: tail.to_owned(),
                    }),
                    bytes,
                });
                return;
            }
        }
        self.files.push(Files {
            name: name.to_owned(),
            run: None,
            bytes,
        });
    }

    /// Whether it is this place, asked for in this way.
    pub(crate) fn is(&self, dest: &str, options: &DownloadOptions) -> bool {
        self.dest == dest && self.how == how(options)
    }

    /// The files with all their bytes, when everything is still there. Looks at the disk; nothing is read.
    pub(crate) fn still_there(&self) -> Option<(Vec<PathBuf>, u64)> {
        let (mut paths, mut total) = (Vec::new(), 0_u64);
        for files in &self.files {
            let mut found = 0_u64;
            for name in files.names() {
                let path = name
                    .split('/')
                    .fold(PathBuf::from(&self.dest), |path, part| path.join(part));
                let about = std::fs::symlink_metadata(&path).ok()?;
                found = found.checked_add(about.is_file().then_some(about.len())?)?;
                paths.push(path);
            }
            if found != files.bytes {
                return None;
            }
            total = total.checked_add(found)?;
        }
        Some((paths, total))
    }
}

impl Files {
    fn names(&self) -> Box<dyn Iterator<Item = String> + '_> {
        match &self.run {
            None => Box::new(std::iter::once(self.name.clone())),
            Some(run) => Box::new(
                (run.from..=run.to)
                    .map(move |number| format!("{}{number:0width$}{}", self.name, run.tail, width = run.digits)),
            ),
        }
    }
}

/// The last run of digits in the last part of a name, with what stands before and behind it.
fn numbered(name: &str) -> Option<(&str, &str, &str)> {
    let folder = name.rfind('/').map_or(0, |slash| slash + 1);
    let file = name.get(folder..)?;
    let end = folder + file.rfind(|c: char| c.is_ascii_digit())? + 1;
    let head = name.get(..end)?;
    let begin = head
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + char_length(head, at));
    let begin = begin.max(folder);
    Some((name.get(..begin)?, name.get(begin..end)?, name.get(end..)?))
}

fn char_length(text: &str, at: usize) -> usize {
    text.get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(1, char::len_utf8)
}

/// A place as it is written down: the same from wherever the program runs.
pub(crate) fn absolute(dest: &Path) -> Option<String> {
    std::path::absolute(dest).ok()?.to_str().map(str::to_owned)
}

fn how(options: &DownloadOptions) -> String {
    let archive = match options.archive {
        ArchiveMode::Unpack => "unpack",
        ArchiveMode::Keep => "keep",
        ArchiveMode::Both => "both",
    };
    let only = options.only.as_ref().map(|only| only.join(","));
    format!(
        "{archive} {} {} {}",
        only.as_deref().unwrap_or("-"),
        options.frame_name.as_deref().unwrap_or("-"),
        options
            .first_frame
            .map_or_else(|| "-".to_owned(), |number| number.to_string())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_differ_by_a_running_number_are_one_entry_and_come_back_in_full() {
        let dest = tempfile::tempdir().unwrap();
        let names = [
            "exr_frames/f_00008.exr",
            "exr_frames/f_00009.exr",
            "exr_frames/f_00010.exr",
            "exr_frames/f_00012.exr",
            "video.mp4",
            "mask2.mp4",
        ];
        std::fs::create_dir(dest.path().join("exr_frames")).unwrap();
        let files: Vec<(PathBuf, u64)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let path = dest.path().join(name);
                std::fs::write(&path, vec![0; at]).unwrap();
                (path, at as u64)
            })
            .collect();
        let saved = SavedTo::directory(dest.path(), &DownloadOptions::new(), &files).unwrap();
        assert_eq!(saved.files.len(), 4, "{saved:?}");
        let text = serde_json::to_string(&saved).unwrap();
        let read: SavedTo = serde_json::from_str(&text).unwrap();
        let (paths, bytes) = read.still_there().unwrap();
        assert_eq!(paths, files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>());
        assert_eq!(bytes, 15);
        // One that is gone, or is another now, is not there any more.
        std::fs::write(&files[1].0, "longer than it was").unwrap();
        assert_eq!(read.still_there(), None);
        std::fs::remove_file(&files[1].0).unwrap();
        assert_eq!(read.still_there(), None);
    }

    #[test]
    fn the_same_place_asked_for_in_another_way_is_another() {
        let plain = DownloadOptions::new();
        let mut renamed = DownloadOptions::new();
        renamed.frame_name = Some("x.{frame}.exr".into());
        let saved = SavedTo::directory(Path::new("/shots"), &plain, &[]).unwrap();
        assert!(saved.is("/shots", &plain));
        assert!(!saved.is("/shots", &renamed) && !saved.is("/other", &plain));
    }

    #[test]
    fn numbers_are_found_in_the_last_part_of_a_name_only() {
        for (name, parts) in [
            ("a1/b.exr", None),
            ("a/12.exr", Some(("a/", "12", ".exr"))),
            ("x007y.exr", Some(("x", "007", "y.exr"))),
            ("\u{e9}5", Some(("\u{e9}", "5", ""))),
            ("", None),
        ] {
            assert_eq!(numbered(name), parts, "{name:?}");
        }
    }
}
