//! Arguments and settings: mistakes are told before anything happens.

use crate::stage::{command, run};

#[test]
fn an_unknown_setting_names_the_nearest() {
    let ended = run(command(&["check", "--pol-interval", "5"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--poll-interval"), "{ended:?}");
}

#[test]
fn a_value_that_cannot_be_used_is_refused_with_the_rule() {
    let ended = run(command(&["check", "--api-key", "k", "--poll-interval", "soon"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("poll_interval") && ended.err.contains("seconds"),
        "{ended:?}"
    );
}

#[test]
fn without_a_key_nothing_begins_and_the_error_is_one_line() {
    let ended = run(command(&["hdr", "no-such-clip.mp4", "-o", "out"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("LTXV_API_KEY") && ended.err.lines().count() == 1,
        "{ended:?}"
    );
}

#[test]
fn a_clip_that_is_not_there_is_an_error_of_this_machine() {
    let ended = run(command(&[
        "hdr",
        "no-such-clip.mp4",
        "-o",
        "out",
        "--api-key",
        "k",
        "--base-url",
        "http://127.0.0.1:1",
    ]));
    assert_eq!(ended.code, Some(8), "{ended:?}");
    assert!(ended.err.contains("no-such-clip.mp4"), "{ended:?}");
}

#[test]
fn text_that_is_no_reference_is_refused_with_the_right_form() {
    let ended = run(command(&["wait", "7b1c", "--api-key", "k"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("endpoint/id"), "{ended:?}");
}

#[test]
fn the_help_explains_the_exit_codes() {
    let ended = run(command(&["--help"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let help = ended.out.join("\n");
    for words in [
        "Exit codes:",
        "130  interrupted",
        "--poll-interval",
        "video-to-video-hdr",
        "Make a video from a text",
        "ltx-jobs recover",
        "LTXV_API_KEY",
    ] {
        assert!(help.contains(words), "{words:?} is missing in\n{help}");
    }
}
