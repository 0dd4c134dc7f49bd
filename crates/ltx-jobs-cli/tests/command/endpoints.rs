//! Every endpoint as a subcommand, and `submit` and `upload` for everything else.

use ltx_jobs_emulator::programme::{Advance, Programme};
use serde_json::{Value, json};

use crate::stage::{Stage, command, media, plate, run, tree};

#[test]
fn every_endpoint_shows_its_request_and_its_price_without_sending_anything() {
    let dir = tempfile::tempdir().unwrap();
    for (name, from) in [
        ("a.mp4", "hevc.mp4"),
        ("a.png", "still.png"),
        ("b.png", "still.png"),
        ("a.mp3", "sine.mp3"),
    ] {
        std::fs::copy(media(from), dir.path().join(name)).unwrap();
    }
    let file = |name: &str| {
        let bytes = std::fs::metadata(dir.path().join(name)).unwrap().len();
        json!({ "upload": name, "bytes": bytes })
    };
    // The last column: US dollars, or what says why that is not known.
    let cases: [(&str, &str, Value, &str); 10] = [
        (
            "t2v --prompt night --model ltx-2-5-pro --duration auto --resolution 1920x1080 --fps 25 --generate-audio false --camera-motion jib_up",
            "text-to-video",
            json!({"prompt": "night", "model": "ltx-2-5-pro", "duration": null, "resolution": "1920x1080", "fps": 25,
                   "generate_audio": false, "camera_motion": "jib_up"}),
            "duration is automatic",
        ),
        (
            "i2v a.png --last-frame-uri b.png --prompt night --model ltx-9 --duration 8 --resolution 1280x720 --param seed=7",
            "image-to-video",
            json!({"image_uri": file("a.png"), "last_frame_uri": file("b.png"), "prompt": "night", "model": "ltx-9", "duration": 8,
                   "resolution": "1280x720", "seed": 7}),
            "no price is listed for image-to-video with model",
        ),
        (
            "a2v a.mp3 --image-uri https://cdn.example/a.png --guidance-scale 5.5",
            "audio-to-video",
            json!({"audio_uri": file("a.mp3"), "image_uri": "https://cdn.example/a.png", "guidance_scale": 5.5}),
            "0.2592",
        ),
        (
            "retake ltx://uploads/x --start-time 1.5 --duration 2 --mode replace_audio",
            "retake",
            json!({"video_uri": "ltx://uploads/x", "start_time": 1.5, "duration": 2, "mode": "replace_audio"}),
            "video_uri is no local file",
        ),
        (
            "extend --video-uri a.mp4 --duration 5 --mode start --context 4",
            "extend",
            json!({"video_uri": file("a.mp4"), "duration": 5, "mode": "start", "context": 4}),
            "0.90",
        ),
        (
            "hdr a.mp4 --output-colorspace acescct",
            "video-to-video-hdr",
            json!({"video_uri": file("a.mp4"), "output_colorspace": "acescct"}),
            "0.10",
        ),
        (
            r#"reframe a.mp4 --resolution 1080x1920 --placement {"anchor":"top"}"#,
            "video-to-video-reframe",
            json!({"video_uri": file("a.mp4"), "resolution": "1080x1920", "placement": {"anchor": "top"}}),
            "0.10",
        ),
        (
            "upscale a.mp4 --resolution 4k",
            "video-upscale",
            json!({"video_uri": file("a.mp4"), "resolution": "4k"}),
            "0.15",
        ),
        (
            "alpha a.mp4",
            "video-alpha-gen",
            json!({"video_uri": file("a.mp4")}),
            "0.05",
        ),
        (
            "submit brand-new-endpoint clip=@a.mp4 other=@a.png --file third=a.mp3 strength=0.5 words=[1,2] text=hello",
            "brand-new-endpoint",
            json!({"clip": file("a.mp4"), "other": file("a.png"), "third": file("a.mp3"), "strength": 0.5, "words": [1, 2],
                   "text": "hello"}),
            "no price is listed for brand-new-endpoint",
        ),
    ];
    for (line, endpoint, body, price) in cases {
        let mut args: Vec<&str> = line.split(' ').collect();
        args.extend(["--dry-run", "--once", "k"]);
        // Neither a key nor a service is needed.
        let mut command = command(&args);
        command
            .current_dir(dir.path())
            .env("LTX_BASE_URL", "http://127.0.0.1:1");
        let ended = run(command);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        let mut shown: Value = serde_json::from_str(&ended.out.join("\n")).unwrap();
        let estimate = shown.as_object_mut().unwrap().remove("estimate").unwrap();
        let expected = json!({ "method": "POST", "path": format!("/v2/{endpoint}"), "body": body, "once": "k" });
        assert_eq!(shown, expected, "{line}");
        if price.starts_with("0.") {
            assert_eq!(estimate["usd"], price, "{line}: {estimate}");
            assert!(
                ended.err.contains(&format!("estimated cost: USD {price}: ")),
                "{line}: {ended:?}"
            );
        } else {
            assert!(
                estimate["usd"].is_null() && estimate["missing"].as_str().unwrap().contains(price),
                "{estimate}"
            );
            assert!(ended.err.contains(price), "{line}: {ended:?}");
        }
    }
}

#[test]
fn a_dry_run_sends_nothing_and_still_finds_what_would_be_refused() {
    let stage = Stage::new(Programme::default());
    let shown = run(stage.command(&["--json", "hdr", plate().to_str().unwrap(), "--dry-run"]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let request = &shown.events("dry_run")[0]["request"];
    assert_eq!(request["body"]["video_uri"]["upload"], plate().to_str().unwrap());
    assert_eq!(request["estimate"]["usd"], "0.20");
    let odd = run(stage.command(&[
        "hdr",
        "ltx://uploads/x",
        "--output-colorspace",
        "brand-new",
        "--dry-run",
    ]));
    assert_eq!(odd.code, Some(0), "{odd:?}");
    assert!(
        odd.err
            .lines()
            .any(|line| line.starts_with("warning: ") && line.contains("brand-new")),
        "{odd:?}"
    );
    let missing = run(stage.command(&["hdr", "no-such-clip.mp4", "--dry-run"]));
    assert_eq!(missing.code, Some(8), "{missing:?}");
    let prores = run(stage.command(&["hdr", media("prores.mov").to_str().unwrap(), "--dry-run"]));
    assert_eq!(prores.code, Some(2), "{prores:?}");
    assert!(prores.out.is_empty() && prores.err.contains("ffmpeg -i "), "{prores:?}");
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn what_is_odd_is_told_once_on_standard_error_and_in_the_event_of_the_job() {
    let stage = Stage::new(Programme::default());
    let clip = media("hevc.mp4");
    let line = [
        "retake",
        clip.to_str().unwrap(),
        "--start-time",
        "0",
        "--duration",
        "2",
        "--param",
        "seed=7",
        "--no-wait",
    ];
    let plain = run(stage.command(&line));
    assert_eq!(plain.code, Some(0), "{plain:?}");
    let warnings: Vec<&str> = plain.err.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 2, "{plain:?}");
    assert!(warnings[0].contains("\"seed\""), "{plain:?}");
    assert!(
        warnings[1].ends_with("has 12 frames; documented is at least 73; sent as it is"),
        "{plain:?}"
    );

    let events = run(stage.command(&[&["--json"], line.as_slice()].concat()));
    let told = &events.events("submitted")[0]["warnings"];
    assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
    assert!(told[1].as_str().unwrap().contains("12 frames"), "{told}");
}

#[test]
fn a_renamed_path_is_posted_to_and_polled_with_all_that_is_known_of_the_endpoint() {
    let fault = r#"{"do": "status", "times": 2, "status": 202, "json": {"id": "of-2027", "created_at": "2027-01-01T00:00:00.000Z"}}"#;
    let stage = Stage::new(Programme::default().with_fault("submit", serde_json::from_str(fault).unwrap()));
    for line in [
        "upscale ltx://uploads/x --resolution 4k --no-wait --path /v2/video-to-video-upscale",
        "submit upscale video_uri=ltx://uploads/x resolution=4k --path /v2/video-to-video-upscale",
    ] {
        let ended = run(stage.command(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        assert_eq!(ended.out, ["video-to-video-upscale/of-2027"], "{line}");
        let without = line.replace(" --resolution 4k", "").replace(" resolution=4k", "");
        let refused = run(stage.command(&without.split(' ').collect::<Vec<_>>()));
        assert_eq!(refused.code, Some(2), "{without}: {refused:?}");
        assert!(refused.err.contains("resolution is missing"), "{without}: {refused:?}");
    }
    assert_eq!(stage.emulator.count("POST", "/v2/video-to-video-upscale"), 2);
    let shown = run(stage.command(&["alpha", "ltx://uploads/x", "--path", "/v2/new", "--dry-run"]));
    let shown: Value = serde_json::from_str(&shown.out.join("\n")).unwrap();
    assert_eq!(shown["path"], "/v2/new");
    let nonsense = run(stage.command(&["alpha", "ltx://uploads/x", "--path", "/v1/../new", "--no-wait"]));
    assert_eq!(nonsense.code, Some(2), "{nonsense:?}");
    assert_eq!(stage.paid(), 2);
}

#[test]
fn an_output_that_nobody_has_heard_of_is_saved_and_the_services_answer_can_be_seen() {
    let mut programme = Programme::default();
    programme.video.extra_labels = vec!["depth_pass_url".to_owned(), "grain".to_owned()];
    let stage = Stage::new(programme);
    let ended = run(stage.command(&["alpha", "https://cdn.example/a.mp4", "--no-wait"]));
    let early = run(stage.command(&["status", &ended.out[0], "--raw"]));
    assert_eq!(early.code, Some(2), "{early:?}");
    assert!(early.err.contains("is pending"), "{early:?}");
    let saved = run(stage.command(&[
        "wait",
        &ended.out[0],
        "-o",
        "out",
        "--only",
        "depth_pass_url",
        "--only",
        "grain",
    ]));
    assert_eq!(saved.code, Some(0), "{saved:?}");
    let names: Vec<String> = tree(&stage.path("out")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["depth_pass.mp4", "grain.mp4"]);

    let raw = run(stage.command(&["status", &ended.out[0], "--raw"]));
    assert_eq!(raw.code, Some(0), "{raw:?}");
    let raw: Value = serde_json::from_str(&raw.out.join("\n")).unwrap();
    assert_eq!(raw["status"], "completed");
    assert!(raw["result"]["grain"].as_str().unwrap().starts_with("http"), "{raw}");
    let event = run(stage.command(&["--json", "status", &ended.out[0], "--raw"]));
    assert_eq!(event.events("status")[0]["raw"]["id"], raw["id"]);
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
    // A job is polled as long as its process lives; one that waits for nothing has ended long before the first poll is due.
    let clip = plate();
    let line = [
        "hdr",
        clip.to_str().unwrap(),
        "--no-wait",
        "-o",
        "out",
        "--poll-interval",
        "1h",
    ];
    let ended = run(stage.command(&line));
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
