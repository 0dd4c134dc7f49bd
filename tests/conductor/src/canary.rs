//! Looks for secrets where none may be: the key, and the signatures of signed addresses, in any of the forms in which a careless program shows them.
//!
//! Every scenario runs with a key and signatures that exist nowhere else. Whatever a performer lets out (its log at the finest level, every error and object
//! in every form its language has, both of its streams) and whatever the library leaves on disk (content and names) goes through here.

use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in the query of a signed URL and in nothing that people should see.
const MARKS: [&str; 2] = ["X-Goog-Signature", "X-Goog-Credential"];

/// A secret and the word for it in complaints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

impl Secret {
    pub(crate) fn key(text: impl Into<String>) -> Self {
        let (what, text) = ("the API key", text.into());
        Self { what, text }
    }

    pub(crate) fn signature(text: impl Into<String>) -> Self {
        let (what, text) = ("the signature of an address", text.into());
        Self { what, text }
    }
}

/// Finds any of its secrets in one pass.
pub(crate) struct Scanner {
    automaton: AhoCorasick,
    /// What each pattern stands for.
    told: Vec<String>,
}

impl Scanner {
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self, String> {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut told = Vec::new();
        for mark in MARKS {
            patterns.push(mark.as_bytes().to_vec());
            told.push(format!("the query of a signed address ({mark})"));
        }
        for secret in secrets {
            for (form, pattern) in forms(&secret.text) {
                patterns.push(pattern.into_bytes());
                told.push(format!("{}{form}", secret.what));
            }
        }
        let automaton = AhoCorasick::new(patterns).map_err(|error| error.to_string())?;
        Ok(Self { automaton, told })
    }

    /// The first secret in these bytes, with a look at the place; the secret itself is not shown.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        let found = self.automaton.find(bytes)?;
        let what = self.told.get(found.pattern().as_usize())?;
        let before = bytes
            .get(found.start().saturating_sub(120)..found.start())
            .unwrap_or_default();
        let line = String::from_utf8_lossy(before);
        let line = line.rsplit('\n').next().unwrap_or_default().to_owned();
        Some(format!("{what}, after {line:?}"))
    }

    /// Everything below a directory: names, and content.
    pub(crate) fn look_through(&self, root: &Path) -> Result<Vec<String>, String> {
        let mut complaints = Vec::new();
        let mut todo = vec![root.to_path_buf()];
        while let Some(directory) = todo.pop() {
            let complain = |error: std::io::Error| format!("{}: {error}", directory.display());
            for entry in std::fs::read_dir(&directory).map_err(complain)? {
                let entry = entry.map_err(complain)?;
                let (path, name) = (entry.path(), entry.file_name());
                if let Some(what) = self.find(name.as_encoded_bytes()) {
                    complaints.push(format!("a file is named after {what}"));
                }
                let kind = entry.file_type().map_err(complain)?;
                if kind.is_dir() {
                    todo.push(path);
                } else if kind.is_file()
                    && let Some(what) = self.find(&std::fs::read(&path).map_err(complain)?)
                {
                    complaints.push(format!("in {} is {what}", name.to_string_lossy()));
                }
            }
        }
        Ok(complaints)
    }
}

/// The text itself, and how it looks when somebody prints its bytes or encodes it; each with a remark.
fn forms(text: &str) -> Vec<(&'static str, String)> {
    let bytes = text.as_bytes();
    let hex = |upper: bool| -> String {
        bytes
            .iter()
            .map(|byte| {
                if upper {
                    format!("{byte:02X}")
                } else {
                    format!("{byte:02x}")
                }
            })
            .collect()
    };
    let decimal: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut forms = vec![
        ("", text.to_owned()),
        (", in hexadecimal", hex(false)),
        (", in hexadecimal", hex(true)),
        (", as a list of numbers", decimal.join(", ")),
    ];
    // Where it begins in a text decides how it looks in base64; what the neighbours influence is left out.
    for skip in 0..3 {
        let padded = [&vec![b'x'; skip], bytes].concat();
        let whole = padded.len() / 3 * 3;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = engine.encode(padded.get(..whole).unwrap_or_default());
            let inside = encoded.get(if skip == 0 { 0 } else { 4 }..).unwrap_or_default();
            forms.push((", in base64", inside.to_owned()));
        }
    }
    forms.sort_by(|one, other| one.1.cmp(&other.1));
    forms.dedup_by(|one, other| one.1 == other.1);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "canary-0123456789ab";

    fn scanner() -> Scanner {
        Scanner::new(&[Secret::key(KEY), Secret::signature("5ec2e7")]).unwrap()
    }

    #[test]
    fn a_planted_canary_is_found_in_every_form() {
        let scanner = scanner();
        let bearer = format!("Authorization: Bearer {KEY}");
        let encoded = [0, 1, 2].map(|shift| STANDARD_NO_PAD.encode(format!("{}user:{KEY}:rest", "y".repeat(shift))));
        let planted = [
            bearer.clone(),
            format!("{:?}", KEY.as_bytes()),
            KEY.bytes().map(|byte| format!("{byte:02x}")).collect(),
            KEY.bytes().map(|byte| format!("{byte:02X}")).collect(),
            encoded[0].clone(),
            encoded[1].clone(),
            encoded[2].clone(),
            "GET /b/o?X-Goog-Date=1&X-Goog-Signature=abc".to_owned(),
            "X-Goog-Credential=x%2Fauto".to_owned(),
            "path=/b/o signature 5ec2e7".to_owned(),
        ];
        for text in planted {
            assert!(scanner.find(text.as_bytes()).is_some(), "{text}");
        }
        let found = scanner.find(bearer.as_bytes()).unwrap();
        assert!(
            found.starts_with("the API key, after") && !found.contains(KEY),
            "{found}"
        );
    }

    #[test]
    fn what_is_no_secret_is_none() {
        let fine = "api_key: *** (argument); storage.example/b/o; X-Goog-Algorithm; canary-0123456789a; ";
        assert_eq!(scanner().find(fine.as_bytes()), None);
    }

    #[test]
    fn files_are_looked_through_with_their_names_however_deep() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("fine.json"), b"{}").unwrap();
        assert_eq!(scanner().look_through(folder.path()).unwrap(), Vec::<String>::new());
        std::fs::write(deep.join("x.part"), format!("\0\0{KEY}\0").as_bytes()).unwrap();
        std::fs::write(folder.path().join(format!("o.zip?{KEY}")), b"").unwrap();
        let complaints = scanner().look_through(folder.path()).unwrap();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(
            complaints
                .iter()
                .any(|complaint| complaint.starts_with("in x.part is the API key"))
        );
        assert!(
            complaints
                .iter()
                .any(|complaint| complaint.starts_with("a file is named after the API key"))
        );
    }
}
