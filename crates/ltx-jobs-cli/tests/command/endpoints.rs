//! Every endpoint as a subcommand, and `submit` and `upload` for everything else.

use ltx_jobs_emulator::programme::{Advance, Programme};
use serde_json::{Value, json};

use crate::stage::{Stage, command, plate, run, tree};

#[test]
fn every_endpoint_shows_its_request_without_sending_anything() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.mp4", "a.png", "b.png", "a.mp3"] {
        std::fs::write(dir.path().join(name), "12345").unwrap();
    }
    let file = |name: &str| json!({ "upload": name, "bytes": 5 });
    let cases: [(&str, &str, Value); 10] = [
        (
            "t2v --prompt night --model ltx-2-5-pro --duration auto --resolution 1920x1080 --fps 25 --generate-audio false --camera-motion jib_up",
            "text-to-video",
            json!({"prompt": "night", "model": "ltx-2-5-pro", "duration": null, "resolution": "1920x1080", "fps": 25,
                   "generate_audio": false, "camera_motion": "jib_up"}),
        ),
        (
            "i2v a.png --last-frame-uri b.png --prompt night --model ltx-9 --duration 8 --resolution 1280x720 --param seed=7",
            "image-to-video",
            json!({"image_uri": file("a.png"), "last_frame_uri": file("b.png"), "prompt": "night", "model": "ltx-9", "duration": 8,
                   "resolution": "1280x720", "seed": 7}),
        ),
        (
            "a2v a.mp3 --image-uri https://cdn.example/a.png --guidance-scale 5.5",
            "audio-to-video",
            json!({"audio_uri": file("a.mp3"), "image_uri": "https://cdn.example/a.png", "guidance_scale": 5.5}),
        ),
        (
            "retake ltx://uploads/x --start-time 1.5 --duration 2 --mode replace_audio",
            "retake",
            json!({"video_uri": "ltx://uploads/x", "start_time": 1.5, "duration": 2, "mode": "replace_audio"}),
        ),
        (
            "extend --video-uri a.mp4 --duration 5 --mode start --context 4",
            "extend",
            json!({"video_uri": file("a.mp4"), "duration": 5, "mode": "start", "context": 4}),
        ),
        (
            "hdr a.mp4 --output-colorspace acescct",
            "video-to-video-hdr",
            json!({"video_uri": file("a.mp4"), "output_colorspace": "acescct"}),
        ),
        (
            r#"reframe a.mp4 --resolution 1080x1920 --placement {"anchor":"top"}"#,
            "video-to-video-reframe",
            json!({"video_uri": file("a.mp4"), "resolution": "1080x1920", "placement": {"anchor": "top"}}),
        ),
        (
            "upscale a.mp4 --resolution 4k",
            "video-upscale",
            json!({"video_uri": file("a.mp4"), "resolution": "4k"}),
        ),
        ("alpha a.mp4", "video-alpha-gen", json!({"video_uri": file("a.mp4")})),
        (
            "submit brand-new-endpoint clip=@a.mp4 other=@a.png --file third=a.mp3 strength=0.5 words=[1,2] text=hello",
            "brand-new-endpoint",
            json!({"clip": file("a.mp4"), "other": file("a.png"), "third": file("a.mp3"), "strength": 0.5, "words": [1, 2],
                   "text": "hello"}),
        ),
    ];
    for (line, endpoint, body) in cases {
        let mut args: Vec<&str> = line.split(' ').collect();
        args.extend(["--dry-run", "--once", "k"]);
        // Neither a key nor a service is needed.
        let mut command = command(&args);
        command
            .current_dir(dir.path())
            .env("LTX_BASE_URL", "http://127.0.0.1:1");
        let ended = run(command);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        let shown: Value = serde_json::from_str(&ended.out.join("\n")).unwrap();
        let expected = json!({ "method": "POST", "path": format!("/v2/{endpoint}"), "body": body, "once": "k" });
        assert_eq!(shown, expected, "{line}");
    }
}

#[test]
fn a_dry_run_sends_nothing_and_still_finds_a_file_that_is_not_there() {
    let stage = Stage::new(Programme::default());
    let shown = run(stage.command(&["--json", "hdr", plate().to_str().unwrap(), "--dry-run"]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(
        shown.events("dry_run")[0]["request"]["body"]["video_uri"]["upload"],
        plate().to_str().unwrap()
    );
    let odd = run(stage.command(&[
        "hdr",
        "ltx://uploads/x",
        "--output-colorspace",
        "brand-new",
        "--dry-run",
    ]));
    assert_eq!(odd.code, Some(0), "{odd:?}");
    assert!(
        odd.err.starts_with("warning: ") && odd.err.contains("brand-new"),
        "{odd:?}"
    );
    let missing = run(stage.command(&["hdr", "no-such-clip.mp4", "--dry-run"]));
    assert_eq!(missing.code, Some(8), "{missing:?}");
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn a_field_that_is_missing_or_given_twice_is_refused_before_anything_is_sent() {
    let stage = Stage::new(Programme::default());
    for (line, words) in [
        ("t2v --prompt night -o out", "model is missing"),
        ("upscale ltx://uploads/x -o out", "resolution is missing"),
        ("submit retake video_uri=ltx://uploads/x", "start_time is missing"),
        (
            "hdr ltx://uploads/x --param video_uri=@a.mp4 -o out",
            "video_uri is given twice",
        ),
    ] {
        let ended = run(stage.command(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(ended.code, Some(2), "{line}: {ended:?}");
        assert!(ended.err.contains(words), "{line}: {ended:?}");
    }
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn text_to_video_goes_from_a_prompt_to_a_video_on_disk() {
    let stage = Stage::new(Programme::default());
    let ended = run(stage.command(&[
        "t2v",
        "--prompt",
        "a lighthouse at night",
        "--model",
        "ltx-2-5-pro",
        "--duration",
        "8",
        "--resolution",
        "1920x1080",
        "-o",
        "out",
    ]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let job = &stage.emulator.jobs()[0];
    assert_eq!(job.endpoint, "text-to-video");
    assert_eq!(
        (&job.body["duration"], &job.body["prompt"]),
        (&8.into(), &"a lighthouse at night".into())
    );
    let made = stage.runtime.block_on(stage.emulator.artifacts()).unwrap();
    assert_eq!(
        tree(&stage.path("out")),
        [("video.mp4".to_owned(), made[0].sha256.clone())]
    );
}

#[test]
fn with_no_wait_the_reference_is_all_that_standard_output_gets() {
    let mut programme = Programme::default();
    programme.job.advance = Advance::Clock;
    programme.job.pending_ms = 3_600_000;
    let stage = Stage::new(programme);
    let ended = run(stage.command(&["hdr", plate().to_str().unwrap(), "--no-wait", "-o", "out"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let reference = format!("video-to-video-hdr/{}", stage.emulator.jobs()[0].id);
    assert_eq!(ended.out, [reference.as_str()]);
    assert!(
        ended
            .err
            .ends_with(&format!("go on with: ltx-jobs wait {reference} -o out")),
        "{ended:?}"
    );
    assert_eq!(stage.emulator.count("GET", "/v2/*"), 0, "it polled");
}

#[test]
fn submit_uploads_files_and_saves_what_an_endpoint_makes() {
    let stage = Stage::new(Programme::default());
    std::fs::copy(plate(), stage.path("plate.mp4")).unwrap();
    let ended = run(stage.command(&[
        "submit",
        "video-upscale",
        "resolution=4k",
        "--file",
        "video_uri=plate.mp4",
        "-o",
        "out",
    ]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let job = &stage.emulator.jobs()[0];
    assert!(
        job.body["video_uri"].as_str().unwrap().starts_with("ltx://uploads/"),
        "{job:?}"
    );
    assert_eq!(tree(&stage.path("out")).len(), 1);

    let waited = run(stage.command(&["submit", "alpha", "video_uri=@plate.mp4", "--wait"]));
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert!(
        waited.out[0].starts_with("video-alpha-gen/") && waited.out[0].contains(" is completed: "),
        "{waited:?}"
    );
}

#[test]
fn an_uploaded_file_is_used_by_its_address() {
    let stage = Stage::new(Programme::default());
    let uploaded = run(stage.command(&["upload", plate().to_str().unwrap()]));
    assert_eq!(uploaded.code, Some(0), "{uploaded:?}");
    let [address] = uploaded.out.as_slice() else {
        panic!("{uploaded:?}")
    };
    assert!(address.starts_with("ltx://uploads/"), "{uploaded:?}");
    let ended = run(stage.command(&["hdr", address, "--no-wait"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(stage.emulator.jobs()[0].body["video_uri"], address.as_str());
    assert_eq!(stage.emulator.count("POST", "/v1/upload"), 1);
}
