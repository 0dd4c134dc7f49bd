//! What it costs: told before it is sent, and refused where a limit says so.

use ltx_jobs_emulator::programme::Programme;
use serde_json::json;

use crate::stage::{Stage, command, media, run};

/// USD 0.78.
const SHOT: [&str; 8] = [
    "--prompt",
    "night",
    "--model",
    "ltx-2-5-fast",
    "--duration",
    "6",
    "--resolution",
    "1920x1080",
];

#[test]
fn an_estimate_is_one_line_and_needs_neither_key_nor_service() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(media("hevc.mp4"), dir.path().join("plate.mp4")).unwrap();
    for (line, usd) in [
        ("estimate hdr plate.mp4", "0.10"),
        ("estimate video-to-video-hdr --video-uri plate.mp4", "0.10"),
        ("estimate video-to-video-hdr video_uri=@plate.mp4", "0.10"),
        ("estimate hdr --param video_uri=@plate.mp4", "0.10"),
        ("estimate upscale plate.mp4 --resolution 8k", "0.60"),
        ("estimate upscale plate.mp4 resolution=8k", "0.60"),
        (
            "estimate text-to-video prompt=night model=ltx-2-5-fast duration=6 resolution=1920x1080",
            "0.78",
        ),
        (
            "estimate t2v --prompt night --model ltx-2-5-fast --duration 6 resolution=1920x1080",
            "0.78",
        ),
        (
            "estimate extend https://cdn.example/a.mp4?sig=1 --duration 5 --context 3",
            "0.80",
        ),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let mut plain = command(&words);
        plain.current_dir(dir.path());
        let ended = run(plain);
        assert_eq!(ended.code, Some(0), "{line}: {ended:?}");
        assert_eq!(ended.out.len(), 1, "{line}: {ended:?}");
        assert!(ended.out[0].starts_with(&format!("USD {usd}: ")), "{line}: {ended:?}");
        assert!(ended.out[0].contains(" per second"), "{line}: {ended:?}");

        // Behind two subcommands, too.
        let mut events = command(&[words.as_slice(), &["--json"]].concat());
        events.current_dir(dir.path());
        let event = &run(events).events("estimate")[0];
        assert_eq!(event["usd"], usd, "{line}: {event}");
        assert!(event["basis"].as_str().unwrap().contains(" per second"), "{event}");
    }
}

#[test]
fn what_cannot_be_estimated_says_which_figure_is_missing() {
    let stage = Stage::new(Programme::default());
    let prores = media("prores.mov");
    for (line, code, words) in [
        (
            "estimate hdr https://cdn.example/a.mp4",
            2,
            "video_uri is no local file",
        ),
        ("estimate hdr", 2, "video_uri is missing"),
        ("estimate brand-new clip=1", 2, "no price is listed for brand-new"),
        ("estimate t2v plate.mp4", 2, "text-to-video takes no file"),
        ("estimate hdr a.mp4 video_uri=@b.mp4", 2, "video_uri is given twice"),
        ("estimate hdr no-such-clip.mp4", 8, "no-such-clip.mp4"),
        (&format!("estimate hdr {}", prores.display()), 2, "ffmpeg -i "),
        ("estimate", 2, "ENDPOINT"),
    ] {
        let ended = run(stage.command(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(ended.code, Some(code), "{line}: {ended:?}");
        assert!(ended.err.contains(words), "{line}: {ended:?}");
        assert!(ended.out.is_empty(), "{line}: {ended:?}");
    }
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn prices_can_be_replaced_and_then_new_endpoints_have_one() {
    let stage = Stage::new(Programme::default());
    let table = json!({"as_of": "tomorrow", "prices": [
        {"endpoint": "brand-new", "seconds": "duration", "tier": "none", "source": "our contract", "usd_per_second": {"any": "0.0125"}}
    ]});
    std::fs::write(stage.path("prices.json"), table.to_string()).unwrap();
    let line = ["estimate", "brand-new", "duration=6", "--prices", "prices.json"];
    let ended = run(stage.command(&line));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out[0].starts_with("USD 0.075: ") && ended.out[0].contains("our contract"),
        "{ended:?}"
    );
    std::fs::write(stage.path("prices.json"), "{}").unwrap();
    let unusable = run(stage.command(&line));
    assert_eq!(unusable.code, Some(2), "{unusable:?}");
    assert!(unusable.err.contains("prices.json"), "{unusable:?}");
}

#[test]
fn a_limit_refuses_before_anything_is_uploaded_or_sent() {
    let stage = Stage::new(Programme::default());
    let clip = media("hevc.mp4");
    let file = format!("video_uri={}", clip.display());
    let hdr = ["hdr", clip.to_str().unwrap(), "--no-wait"];
    let submit = ["submit", "video-to-video-hdr", "--file", &file];
    for line in [hdr.as_slice(), submit.as_slice()] {
        for (limit, words) in [
            ("--max-cost=0.09", "max_cost = 0.09"),
            ("--spend-limit=0.09", "spend_limit = 0.09"),
        ] {
            let line = [&["--json"], line, &[limit]].concat();
            let refused = run(stage.command(&line));
            assert_eq!(refused.code, Some(3), "{line:?}: {refused:?}");
            let error = &refused.events("error")[0];
            assert_eq!(
                (&error["kind"], &error["billing"], &error["exit_code"]),
                (&"CostLimit".into(), &"no_job".into(), &3.into()),
                "{error}"
            );
            assert!(
                refused.err.contains("USD 0.10") && refused.err.contains(words),
                "{refused:?}"
            );

            // A dry run tells the same, and shows what it is about.
            let dry = run(stage.command(&[line.as_slice(), &["--dry-run"]].concat()));
            assert_eq!(dry.code, Some(3), "{dry:?}");
            assert_eq!(dry.events("error")[0]["kind"], "CostLimit");
            assert_eq!(dry.events("dry_run")[0]["request"]["estimate"]["usd"], "0.10");
            assert!(dry.err.contains(words), "{dry:?}");
        }
    }
    let unknown = ["hdr", "ltx://uploads/x", "--no-wait", "--max-cost", "100"];
    for line in [unknown.to_vec(), [&unknown[..], &["--dry-run"]].concat()] {
        let refused = run(stage.command(&line));
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(
            refused.err.contains("max_cost is set") && refused.err.contains("video_uri is no local file"),
            "{refused:?}"
        );
    }
    assert!(stage.emulator.requests().is_empty());

    let fine = run(stage.command(&[hdr.as_slice(), &["--max-cost", "0.10", "--spend-limit", "1"]].concat()));
    assert_eq!(fine.code, Some(0), "{fine:?}");
    assert_eq!(stage.paid(), 1);
}

#[test]
fn what_is_no_amount_is_a_mistake_of_the_command_line() {
    for limit in [
        "--max-cost=two",
        "--max-cost=-1",
        "--spend-limit=two",
        "--max-concurrent-jobs=0",
    ] {
        let line = [&["t2v"], SHOT.as_slice(), &["--no-wait", "--api-key", "k", limit]].concat();
        let ended = run(command(&line));
        assert_eq!(ended.code, Some(2), "{limit}: {ended:?}");
        let name = limit.trim_start_matches("--").split('=').next().unwrap();
        assert!(
            ended.err.contains(name) || ended.err.contains(&name.replace('-', "_")),
            "{limit}: {ended:?}"
        );
    }
}

#[test]
fn a_submit_that_finds_no_room_at_the_service_is_shown_as_queued() {
    let full = r#"{"do": "status", "status": 429, "retry_after": 1, "envelope": {"type": "concurrency_limit_error", "message": "Full."}}"#;
    let stage = Stage::new(Programme::default().with_fault("submit", serde_json::from_str(full).unwrap()));
    let line = [&["t2v"], SHOT.as_slice(), &["--no-wait"]].concat();
    let ended = run(stage.command(&line));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.lines().any(|line| line.starts_with("queued, ")), "{ended:?}");
    assert_eq!(stage.emulator.jobs().len(), 1);
}
