//! Text for people at the end: tables, sums, where the files are.

use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use ltx_jobs::Saved;

/// Rows as aligned lines; the last column is as long as it likes.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// `3 files, 1.2 MiB, in 0.20 s: shots/010`.
pub(crate) fn saved(saved: &Saved, dest: &Path) -> String {
    let files = saved.paths.len();
    let plural = if files == 1 { "" } else { "s" };
    format!(
        "saved {files} file{plural}, {}, in {:.2} s: {}",
        HumanBytes(saved.bytes),
        saved.elapsed.as_secs_f64(),
        dest.display()
    )
}

/// `copied 3 objects, 1.2 MiB, in 0.20 s: s3://bucket/shots/`.
#[cfg(feature = "rehost")]
pub(crate) fn copied(copied: &ltx_jobs::Rehosted, place: &str) -> String {
    let objects = copied.objects.len();
    let plural = if objects == 1 { "" } else { "s" };
    format!(
        "copied {objects} object{plural}, {}, in {:.2} s: {place}",
        HumanBytes(copied.bytes),
        copied.elapsed.as_secs_f64()
    )
}

/// Where the files are, one line a directory: `out/exr_frames/frame_00001.exr .. frame_00024.exr (24 files)`.
pub(crate) fn places(paths: &[PathBuf]) -> Vec<String> {
    let mut lines = Vec::new();
    for group in paths.chunk_by(|a, b| a.parent() == b.parent()) {
        match group {
            [one] => lines.push(one.display().to_string()),
            [first, .., last] => {
                let name = last.file_name().unwrap_or_default().to_string_lossy();
                lines.push(format!("{} .. {name} ({} files)", first.display(), group.len()));
            }
            [] => {}
        }
    }
    lines
}

/// The most memory this process has used so far, in bytes, where the system tells.
pub(crate) fn peak_memory() -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    parse_peak(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_space() {
        let rows = [["a", "1", ""], ["long", "22", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), ["a     1", "long  22  x"]);
    }

    #[test]
    fn many_files_of_one_directory_are_one_line() {
        let paths: Vec<PathBuf> = [
            "o/exr_frames/f1.exr",
            "o/exr_frames/f2.exr",
            "o/exr_frames/f3.exr",
            "o/video.mp4",
        ]
        .map(PathBuf::from)
        .to_vec();
        if cfg!(unix) {
            assert_eq!(
                places(&paths),
                ["o/exr_frames/f1.exr .. f3.exr (3 files)", "o/video.mp4"]
            );
        }
        assert!(places(&[]).is_empty());
    }

    #[test]
    fn peak_memory_is_read_from_the_kernels_words() {
        assert_eq!(
            parse_peak("Name:\tltx\nVmHWM:\t   20480 kB\nVmRSS:\t 1 kB\n"),
            Some(20_971_520)
        );
        assert_eq!(parse_peak("Name:\tltx\n"), None);
        assert_eq!(peak_memory().is_some(), cfg!(target_os = "linux"));
    }
}
