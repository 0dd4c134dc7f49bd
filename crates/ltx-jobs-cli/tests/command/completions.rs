//! The scripts for shells: made for each of them, and one of them tried in its shell.

#[cfg(unix)]
use std::process::Command;

use crate::stage::{command, run};

fn script(shell: &str) -> String {
    let ended = run(command(&["completions", shell]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out.join("\n")
}

#[test]
fn every_shell_gets_a_script_with_commands_endpoints_and_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = script(shell);
        for word in [
            "video-to-video-hdr",
            "recover",
            "finish",
            "poll-interval",
            "output-colorspace",
        ] {
            assert!(script.contains(word), "{word} is missing for {shell}");
        }
    }
    assert_eq!(run(command(&["completions", "csh"])).code, Some(2));
}

/// What bash offers for the last of these words, in a shell that has read nothing but the script.
#[cfg(unix)]
fn offered(words: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("script"), script("bash")).unwrap();
    std::fs::write(dir.path().join("plate.mp4"), "").unwrap();
    let trial = r#"
        source ./script
        found=$(complete -p ltx-jobs) || exit 3
        [[ $found =~ -F\ ([^ ]+) ]] || exit 4
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        "${BASH_REMATCH[1]}" ltx-jobs "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let shell = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", trial, "bash"])
        .args(words)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(shell.status.success(), "{shell:?}");
    String::from_utf8(shell.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_endpoints_aliases_options_and_values() {
    for (words, expected) in [
        (["ltx-jobs", "rec"].as_slice(), "recover"),
        (&["ltx-jobs", "video-to"], "video-to-video-reframe"),
        (&["ltx-jobs", "hd"], "hdr"),
        (&["ltx-jobs", "hdr", "--output-c"], "--output-colorspace"),
        (&["ltx-jobs", "video-to-video-hdr", "--on"], "--once"),
        (&["ltx-jobs", "batch", "--spend"], "--spend-limit"),
        (&["ltx-jobs", "wait", "--archive", "b"], "both"),
        (&["ltx-jobs", "completions", "z"], "zsh"),
        (&["ltx-jobs", "batch", "--bandw"], "--bandwidth"),
    ] {
        let offered = offered(words);
        assert!(offered.iter().any(|word| word == expected), "{words:?}: {offered:?}");
    }
}
