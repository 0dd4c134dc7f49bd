//! `frames`: the frames of a job listed, one of them read, some of them saved.

use std::io::Read as _;
use std::process::Stdio;

use ltx_jobs_emulator::programme::Programme;
use ltx_jobs_emulator::{ArtifactMember, Fault};
use serde_json::json;

use crate::stage::{Ended, Running, Stage, fetched, hold, plate, run, sha256, tree};

const ROUTE: &str = "download:exr_frames_url";

/// A completed job: the stage and its reference.
fn completed(programme: &str) -> (Stage, String) {
    let stage = Stage::new(Programme::from_toml(programme).unwrap());
    let ended = run(stage.command(&["hdr", plate().to_str().unwrap(), "--no-wait"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let reference = ended.out[0].clone();
    let ended = run(stage.command(&["wait", &reference]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (stage, reference)
}

/// What the emulator says the frames are.
fn members(stage: &Stage, reference: &str) -> Vec<ArtifactMember> {
    let id = reference.rsplit('/').next().unwrap();
    let hashes = stage
        .runtime
        .block_on(stage.emulator.artifact_hashes(id, "exr_frames_url"));
    hashes.unwrap().members
}

fn names(stage: &Stage, directory: &str) -> Vec<String> {
    tree(&stage.path(directory)).into_iter().map(|(name, _)| name).collect()
}

fn well(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn frames_are_listed_with_numbers_names_and_sizes_and_none_is_fetched() {
    let (stage, reference) = completed("[archive]\nframes = 4\nfirst_index = 99");
    let listed = run(stage.command(&["frames", &reference]));
    well(&listed);
    let truth = members(&stage, &reference);
    assert_eq!(listed.out.len(), 5, "{listed:?}");
    assert!(
        listed.out[0]
            .split_whitespace()
            .eq(["index", "number", "name", "bytes"]),
        "{listed:?}"
    );
    for (index, line) in listed.out[1..].iter().enumerate() {
        let member = &truth[index];
        let (number, length) = (99 + index, member.length);
        let expected = format!("{index} {number} {} {length}", member.name);
        assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), expected);
    }
    assert_eq!(fetched(&stage, 0), ["bytes=-262144"], "the directory alone");

    let told = run(stage.command(&["--json", "frames", &reference]));
    let frames = told.events("frame");
    assert_eq!(frames.len(), 4, "{told:?}");
    assert_eq!(
        frames[1],
        json!({ "event": "frame", "index": 1, "number": 100, "name": "frame_00100.exr", "bytes": truth[1].length })
    );
    let sum = &told.events("frames")[0];
    assert_eq!(
        (&sum["label"], &sum["frames"], &sum["ref"]),
        (&json!("exr_frames_url"), &json!(4), &json!(reference))
    );
}

#[test]
fn one_frame_is_written_to_a_pipe_or_a_file_by_its_place_or_its_number_with_one_request() {
    let (stage, reference) =
        completed("[archive]\nframes = 5\nfirst_index = 1001\ncompression = \"none\"\npadding = 400000");
    let truth = members(&stage, &reference);
    let before = stage.emulator.requests().len();
    let mut child = stage
        .command(&["frames", &reference, "--read", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    std::fs::write(stage.path("piped.exr"), &bytes).unwrap();
    assert_eq!(sha256(&stage.path("piped.exr")), truth[3].sha256);
    let ranges = fetched(&stage, before);
    assert_eq!(ranges.len(), 2, "the directory and the frame: {ranges:?}");

    std::fs::create_dir(stage.path("shots")).unwrap();
    for (out, place) in [
        ("one.exr", "one.exr"),
        ("shots", "shots/frame_01002.exr"),
        ("new/dir/", "new/dir/frame_01002.exr"),
    ] {
        let ended = run(stage.command(&["frames", &reference, "--number", "1002", "-o", out]));
        well(&ended);
        assert!(ended.out[0].contains("saved frame_01002.exr"), "{ended:?}");
        assert_eq!(sha256(&stage.path(place)), truth[1].sha256, "{out}");
    }
    // Equal counts as saved, another file stays.
    well(&run(
        stage.command(&["frames", &reference, "--read", "1", "-o", "one.exr"])
    ));
    let refused = run(stage.command(&["--json", "frames", &reference, "--read", "2", "-o", "one.exr"]));
    assert_eq!(
        (refused.code, &refused.events("error")[0]["kind"]),
        (Some(8), &json!("Exists")),
        "{refused:?}"
    );
    assert_eq!(sha256(&stage.path("one.exr")), truth[1].sha256);
    let replaced = run(stage.command(&[
        "--json",
        "frames",
        &reference,
        "--read",
        "2",
        "-o",
        "one.exr",
        "--overwrite",
    ]));
    assert_eq!(replaced.events("saved")[0]["number"], 1003, "{replaced:?}");
    assert_eq!(sha256(&stage.path("one.exr")), truth[2].sha256);
    assert_eq!(
        names(&stage, "new/dir"),
        ["frame_01002.exr"],
        "nothing is left beside it"
    );
}

#[test]
fn some_frames_are_saved_under_the_names_that_were_asked_for_and_each_is_told_of() {
    let (stage, reference) = completed("[archive]\nframes = 6");
    let args = [
        "frames",
        &reference,
        "-o",
        "out",
        "--range",
        "2..5",
        "--frame-name",
        "sh010.{frame:04}.exr",
        "--first-frame",
        "1001",
    ];
    let ended = run(stage.command(&[["--json"].as_slice(), &args].concat()));
    well(&ended);
    let expected = ["sh010.1003.exr", "sh010.1004.exr", "sh010.1005.exr"];
    assert_eq!(names(&stage, "out"), expected);
    let mut published: Vec<_> = ended
        .events("published")
        .iter()
        .map(|event| event["index"].as_u64().unwrap())
        .collect();
    published.sort_unstable();
    assert_eq!(published, [2, 3, 4]);
    assert_eq!(ended.events("saved")[0]["paths"].as_array().unwrap().len(), 3);

    // Again: nothing but the directory is fetched.
    std::fs::write(stage.path("out/sh010.1004.exr"), "mine").unwrap();
    let refused = run(stage.command(&args));
    assert_eq!(refused.code, Some(8), "{refused:?}");
    let before = stage.emulator.requests().len();
    std::fs::remove_file(stage.path("out/sh010.1004.exr")).unwrap();
    well(&run(stage.command(&args)));
    assert_eq!(
        fetched(&stage, before).len(),
        2,
        "the directory, and the one that was missing"
    );
    let beyond = run(stage.command(&["frames", &reference, "-o", "out", "--range", "4..9"]));
    assert_eq!(beyond.code, Some(2), "{beyond:?}");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let (stage, reference) = completed("[archive]\nframes = 2\n[storage]\nranges = false");
    let cases: [(&[&str], &str); 6] = [
        (&["--json", "frames", &reference, "--read", "0"], "-o"),
        (&["frames", &reference], "(spool)"),
        (
            &["frames", &reference, "--spool", ".", "--number", "7", "-o", "x"],
            "no frame number 7",
        ),
        (
            &["frames", &reference, "--spool", ".", "--read", "2", "-o", "x"],
            "there are 2",
        ),
        (&["frames", &reference, "--bandwidth", "20M"], "MB/s"),
        (&["frames", &reference, "--range", "1..2"], "--out"),
    ];
    for (args, words) in cases {
        let ended = run(stage.command(args));
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        let told = format!("{} {}", ended.err, ended.out.join(" "));
        assert!(told.contains(words), "{args:?}: {ended:?}");
    }
    let spooled = run(stage.command(&["frames", &reference, "--spool", ".", "-o", "out"]));
    well(&spooled);
    assert_eq!(
        names(&stage, ""),
        ["out/frame_00001.exr", "out/frame_00002.exr"],
        "the archive itself is gone"
    );
}

#[test]
fn before_the_end_of_the_job_the_command_that_waits_is_told() {
    let stage = Stage::new(Programme::from_toml("[job]\npending_polls = 1000000").unwrap());
    let reference = run(stage.command(&["hdr", plate().to_str().unwrap(), "--no-wait"])).out[0].clone();
    let ended = run(stage.command(&["--json", "frames", &reference, "-o", "out"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let error = &ended.events("error")[0];
    assert_eq!(
        (&error["kind"], &error["go_on"]),
        (&json!("InvalidState"), &json!(format!("ltx-jobs wait {reference}")))
    );
}

#[test]
fn a_damaged_frame_is_named_and_the_command_that_fetches_the_rest_is_told() {
    let (stage, reference) = completed("[archive]\nframes = 3\ncompression = \"none\"\npadding = 100000");
    // It meets the request for the directory as well.
    let fault: Fault = serde_json::from_value(json!({ "do": "corrupt_byte", "at": 50_000, "times": 3 })).unwrap();
    stage.emulator.push_fault(ROUTE, fault).unwrap();
    let ended = run(stage.command(&["--json", "frames", &reference, "-o", "out"]));
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let error = &ended.events("error")[0];
    assert!(
        error["message"].as_str().unwrap().contains("frame_00001.exr"),
        "{error}"
    );
    assert_eq!(error["go_on"], format!("ltx-jobs frames {reference} -o out"));
    assert_eq!(names(&stage, "out"), ["frame_00002.exr", "frame_00003.exr"]);
    well(&run(stage.command(&["frames", &reference, "-o", "out"])));
    assert_eq!(names(&stage, "out").len(), 3);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_the_frames_that_are_whole_and_tells_the_command_that_fetches_the_others() {
    let (stage, reference) = completed("[archive]\nframes = 8\ncompression = \"none\"\npadding = 3000000");
    // Over one connection: two frames arrive with the first request, and the second is held.
    let args = ["--connections", "1", "frames", &reference, "-o", "my shots"];
    hold(&stage, ROUTE, 2, 1000);
    let before = stage.emulator.requests().len();
    let running = Running::start(stage.command(&[["--json"].as_slice(), &args].concat()));
    let first = running.next_event("published");
    while fetched(&stage, before).len() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    running.interrupt();
    let sent = std::time::Instant::now();
    let ended = running.end();
    // The storage holds on for half a minute; a second is far from that, also on a busy machine.
    assert!(
        sent.elapsed() < std::time::Duration::from_secs(1),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let go_on = format!("ltx-jobs frames {reference} -o 'my shots'");
    assert_eq!(ended.events("interrupted")[0]["go_on"], go_on, "{ended:?}");
    assert!(ended.err.contains(&go_on), "{ended:?}");
    let whole = names(&stage, "my shots");
    assert!(!whole.is_empty() && whole.len() < 8, "{whole:?}");
    assert_eq!(first["index"], 0);

    let before = stage.emulator.requests().len();
    well(&run(stage.command(&args)));
    let truth = members(&stage, &reference);
    let saved: Vec<String> = tree(&stage.path("my shots")).into_iter().map(|(_, sum)| sum).collect();
    assert_eq!(
        saved,
        truth.iter().map(|member| member.sha256.clone()).collect::<Vec<_>>()
    );
    let missing = (8 - whole.len()) as u64 * (truth[0].length + 1000);
    assert!(
        crate::stage::asked_bytes(&fetched(&stage, before)) < missing,
        "only the missing frames"
    );
}
