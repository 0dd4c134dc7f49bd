//! What the sources and the tree of dependencies must not hold.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .arg("tree")
        .args(["--locked", "--offline", "--prefix", "none"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn names(tree: &str) -> Vec<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn no_tls_but_rustls_is_in_the_lock_file_for_any_target() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"rustls\""));
    for banned in ["openssl", "openssl-sys", "native-tls"] {
        assert!(
            !lock.contains(&format!("name = \"{banned}\"")),
            "{banned} is in Cargo.lock"
        );
    }
}

#[test]
fn what_the_command_needs_is_not_in_the_libraries() {
    for library in ["ltx-jobs", "ltx-jobs-c"] {
        let tree = tree(&["-p", library, "--edges", "normal"]);
        for foreign in [
            "clap",
            "indicatif",
            "axum",
            "ltx-jobs-emulator",
            "ltx-jobs-cli",
            "rcgen",
            "exr",
        ] {
            assert!(!names(&tree).contains(&foreign), "{foreign} is in {library}");
        }
    }
}

/// What stores need is for those who asked for them, and their requests go through our own HTTP client.
#[test]
fn the_store_library_is_there_only_with_its_feature_and_without_a_client_of_its_own() {
    for (package, arguments) in [("ltx-jobs", &[][..]), ("ltx-jobs-c", &[])] {
        let tree = tree(&[&["-p", package, "--edges", "normal"], arguments].concat());
        assert!(!names(&tree).contains(&"object_store"), "object_store is in {package}");
    }
    let with = tree(&["-p", "ltx-jobs", "--features", "rehost", "--edges", "normal,features"]);
    assert!(
        with.lines()
            .any(|line| line.starts_with("object_store feature \"aws-base\"")),
        "{with}"
    );
    assert!(!with.contains("object_store feature \"reqwest\""), "{with}");
}

#[test]
fn the_emulator_shares_no_code_with_the_core() {
    assert!(!names(&tree(&["-p", "ltx-jobs-emulator", "--edges", "normal"])).contains(&"ltx-jobs"));
    assert!(!names(&tree(&["-p", "ltx-jobs", "--edges", "normal"])).contains(&"ltx-jobs-emulator"));
}

#[test]
fn the_http_library_is_named_in_one_file_of_the_core() {
    let mut named = Vec::new();
    let mut todo = vec![root().join("crates/ltx-jobs/src")];
    while let Some(directory) = todo.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if std::fs::read_to_string(&path).unwrap().contains("reqwest") {
                named.push(path);
            }
        }
    }
    assert_eq!(named.len(), 1, "{named:?}");
}
