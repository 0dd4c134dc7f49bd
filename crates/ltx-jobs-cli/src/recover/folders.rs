//! The names of the folders that recovered jobs are saved in. Pure.

use std::collections::HashMap;

use ltx_jobs::{Job, JobRef};

/// Longest name of a folder made from a label; file systems take 255 bytes.
const LONGEST_NAME: usize = 100;

/// A folder for each job: its label where that is a name of its own, else its id, else both.
pub(super) fn folders(jobs: &[Job]) -> Vec<String> {
    let named: Vec<(Option<&str>, &JobRef)> = jobs.iter().map(|job| (job.label(), job.reference())).collect();
    distinct(&named)
}

fn distinct(jobs: &[(Option<&str>, &JobRef)]) -> Vec<String> {
    let id = |job: &JobRef| safe(job.id().unwrap_or_default());
    let names: Vec<String> = jobs
        .iter()
        .map(|(label, job)| {
            let label = label.map(safe).unwrap_or_default();
            if label.is_empty() { id(job) } else { label }
        })
        .collect();
    // Without case: some file systems have none.
    let mut times: HashMap<String, usize> = HashMap::new();
    for name in &names {
        *times.entry(name.to_lowercase()).or_default() += 1;
    }
    names
        .into_iter()
        .zip(jobs)
        .map(|(name, (_, job))| match times.get(&name.to_lowercase()) {
            Some(1) => name,
            _ => format!("{name}_{}_{}", job.endpoint().unwrap_or_default(), id(job)),
        })
        .collect()
}

/// One folder's name that is good on every system; empty when nothing of it is.
fn safe(text: &str) -> String {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    let name: String = text
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .take(LONGEST_NAME)
        .collect();
    let name = name.trim_matches([' ', '.']).to_owned();
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let is_device = DEVICES.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()));
    if is_device { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_label_or_id_and_no_two_jobs_share_one() {
        let refs: Vec<JobRef> = ["retake/1", "retake/2", "extend/2", "retake/4", "retake/5"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let labels = [Some("sh010"), Some("SH010"), None, Some("../x/y"), Some("...")];
        let jobs: Vec<_> = labels.into_iter().zip(&refs).collect();
        assert_eq!(distinct(&jobs), ["sh010_retake_1", "SH010_retake_2", "2", "_x_y", "5"]);
    }

    #[test]
    fn no_label_leads_out_of_the_directory_or_names_a_device() {
        for (text, expected) in [
            ("..", ""),
            ("a/../../b", "a_.._.._b"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("Szene 10", "Szene 10"),
            ("a:b*c", "a_b_c"),
        ] {
            assert_eq!(safe(text), expected, "{text:?}");
        }
        assert_eq!(safe(&"x".repeat(500)).len(), LONGEST_NAME);
    }
}
