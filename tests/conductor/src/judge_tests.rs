//! That the judge can fail.

use super::*;
use crate::scenario::{Count, Do};

fn scenario(text: &str) -> Scenario {
    toml::from_str(text).unwrap()
}

fn ok(r#do: Do) -> StepReport {
    StepReport {
        r#do,
        ok: true,
        error: None,
        usd: None,
        basis: None,
        warnings: None,
        frames: None,
    }
}

fn failed(r#do: Do, kind: &str) -> StepReport {
    let error = ErrorReport {
        kind: kind.to_owned(),
        number: 140,
        billing: "unknown".to_owned(),
        retryable: false,
        job_ended: false,
        http_status: None,
        api_type: None,
    };
    StepReport {
        r#do,
        error: Some(error),
        ok: false,
        ..ok(r#do)
    }
}

fn evidence(steps: Vec<StepReport>, files: &[(&str, &str)]) -> Evidence {
    let files: BTreeMap<String, String> = files
        .iter()
        .map(|(path, hash)| ((*path).to_owned(), (*hash).to_owned()))
        .collect();
    Evidence {
        steps,
        posts: 1,
        jobs: 1,
        sent: Vec::new(),
        saved: files.keys().cloned().collect(),
        files,
        outcomes: BTreeMap::new(),
    }
}

fn service(hashes: &[&str]) -> Service {
    let artifact = |hash: &&str| Artifact {
        job: "j".to_owned(),
        label: "video_url".to_owned(),
        path: "/x".to_owned(),
        length: 1,
        crc32c: String::new(),
        md5: String::new(),
        sha256: (*hash).to_owned(),
        members: Vec::new(),
    };
    Service {
        requests: Vec::new(),
        artifacts: hashes.iter().map(artifact).collect(),
        counts: BTreeMap::new(),
    }
}

const LOST: &str = "title = \"t\"\n[[step]]\ndo = \"submit\"\nerror = { kind = \"SubmitUnknown\", billing = \"unknown\" }\n[expect]\nposts = 1\nsaved = \"nothing\"\n";

#[test]
fn a_second_post_a_success_and_another_kind_are_each_a_complaint() {
    let scenario = scenario(LOST);
    let good = evidence(vec![failed(Do::Submit, "SubmitUnknown")], &[]);
    assert_eq!(judge(&scenario, &good, &service(&[])), Vec::<String>::new());
    let twice = Evidence { posts: 2, ..good };
    assert_eq!(judge(&scenario, &twice, &service(&[])), ["2 POSTs instead of 1"]);
    let lucky = evidence(vec![ok(Do::Submit)], &[]);
    assert_eq!(
        judge(&scenario, &lucky, &service(&[])),
        ["step 1 (Submit) succeeded instead of SubmitUnknown"]
    );
    let other = evidence(vec![failed(Do::Submit, "IdLost")], &[]);
    assert!(judge(&scenario, &other, &service(&[]))[0].contains("kind is \"IdLost\" instead of \"SubmitUnknown\""));
    let silent = evidence(vec![], &[]);
    assert_eq!(
        judge(&scenario, &silent, &service(&[])),
        ["step 1 (Submit) was not played"]
    );
}

#[test]
fn a_file_too_few_too_many_or_of_other_bytes_is_a_complaint() {
    let all = scenario("title = \"t\"\n[[step]]\ndo = \"download\"\n[expect]\nsaved = \"all\"\n");
    let steps = || vec![ok(Do::Download)];
    let cases: [(&[(&str, &str)], bool); 5] = [
        (&[("a", "h1"), ("b", "h2")], true),
        (&[("a", "h1")], false),
        (&[("a", "h1"), ("b", "other")], false),
        (&[("a", "h1"), ("b", "h2"), (".part", "h2")], false),
        (&[], false),
    ];
    for (files, well) in cases {
        let complaints = judge(&all, &evidence(steps(), files), &service(&["h2", "h1"]));
        assert_eq!(complaints.is_empty(), well, "{files:?}: {complaints:?}");
    }
    let whole = scenario("title = \"t\"\n[[step]]\ndo = \"download\"\n[expect]\nsaved = \"whole\"\n");
    assert!(judge(&whole, &evidence(steps(), &[("a", "h1")]), &service(&["h1", "h2"])).is_empty());
    assert!(!judge(&whole, &evidence(steps(), &[("a", "half")]), &service(&["h1", "h2"])).is_empty());
}

#[test]
fn a_file_that_was_there_before_stays_and_does_not_count_as_saved() {
    let text = "title = \"t\"\n[before]\n\"video.mp4\" = \"old\"\n[[step]]\ndo = \"download\"\n[expect]\nsaved = \"nothing\"\n";
    let old = hex(&Sha256::digest("old"));
    let kept = evidence(vec![ok(Do::Download)], &[("video.mp4", &old)]);
    assert_eq!(judge(&scenario(text), &kept, &service(&["h1"])), Vec::<String>::new());
    let replaced = evidence(vec![ok(Do::Download)], &[("video.mp4", "h1")]);
    assert!(!judge(&scenario(text), &replaced, &service(&["h1"])).is_empty());
    let gone = evidence(vec![ok(Do::Download)], &[]);
    assert!(!judge(&scenario(text), &gone, &service(&["h1"])).is_empty());
}

#[test]
fn another_amount_another_warning_and_another_body_are_each_a_complaint() {
    let text = "title = \"t\"\n[[step]]\ndo = \"estimate\"\nusd = \"0.10\"\n[[step]]\ndo = \"warnings\"\nwarnings = [\"80 frames\"]\n\
                [expect]\nsaved = \"nothing\"\nsent = [{ duration = 2, video_uri = \"ltx://uploads/*\" }]\n";
    let scenario = scenario(text);
    let played = |usd: &str, warnings: &[&str], body: Value| {
        let estimate = StepReport {
            usd: Some(usd.to_owned()),
            basis: Some("0.5 s".to_owned()),
            ..ok(Do::Estimate)
        };
        let warned = StepReport {
            warnings: Some(warnings.iter().map(|text| (*text).to_owned()).collect()),
            ..ok(Do::Warnings)
        };
        let evidence = Evidence {
            sent: vec![plain(body)],
            ..evidence(vec![estimate, warned], &[])
        };
        judge(&scenario, &evidence, &service(&[]))
    };
    let body = || serde_json::json!({"video_uri": "ltx://uploads/7", "duration": 2.0});
    let warning = "video_uri has 80 frames; sent as it is";
    assert_eq!(played("0.10", &[warning], body()), Vec::<String>::new());
    assert!(played("0.11", &[warning], body())[0].contains("usd is Some(\"0.11\")"));
    assert!(played("0.10", &[], body())[0].contains("warnings are Some([])"));
    assert!(played("0.10", &["12 frames"], body())[0].contains("12 frames"));
    assert!(played("0.10", &[warning, warning], body())[0].contains("warnings"));
    assert!(played("0.10", &[warning], serde_json::json!({"video_uri": "ltx://uploads/7"}))[0].contains("sent was"));
}

#[test]
fn requests_are_counted_within_bounds() {
    let mut scenario = scenario(LOST);
    scenario.expect.count.insert("PUT *".to_owned(), Count::Exactly(1));
    let evidence = evidence(vec![failed(Do::Submit, "SubmitUnknown")], &[]);
    assert!(!judge(&scenario, &evidence, &service(&[])).is_empty());
    let mut service = service(&[]);
    service.counts.insert("PUT *".to_owned(), 1);
    assert!(judge(&scenario, &evidence, &service).is_empty());
}

#[test]
fn a_key_that_reaches_the_storage_is_a_complaint() {
    let request = |origin: &'static str, headers: &[(&str, &str)]| Received {
        origin,
        connection: 1,
        http_version: "HTTP/1.1".to_owned(),
        method: "GET".to_owned(),
        path: "/results/x".to_owned(),
        query: String::new(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body_len: 0,
        whole: true,
        at: String::new(),
    };
    let good = [
        request("api", &[("authorization", "Bearer canary-1")]),
        request("storage", &[("range", "bytes=0-")]),
    ];
    assert_eq!(strays("canary-1", &good), Vec::<String>::new());
    for bad in [
        ("authorization", "Bearer other"),
        ("x-odd", "canary-1"),
        ("referer", "https://api"),
    ] {
        assert_eq!(strays("canary-1", &[request("storage", &[bad])]).len(), 1, "{bad:?}");
    }
}

#[test]
fn a_performer_that_says_nothing_proves_nothing() {
    let full = b"TRACE hyper_util::client: x\nINFO ltx_jobs::submit: accepted\n";
    assert_eq!(silence(full, b"Job(..)", 3, 1), Vec::<String>::new());
    assert_eq!(silence(b"TRACE h2: x", b"Uri(..)", 1, 0), Vec::<String>::new());
    assert_eq!(silence(b"", b"Error(..)", 0, 0), Vec::<String>::new());
    assert_eq!(silence(full, b"", 3, 1).len(), 1);
    for log in ["", "INFO ltx_jobs::submit: accepted", "TRACE hyper: x"] {
        assert_eq!(silence(log.as_bytes(), b"x", 1, 1).len(), 1, "{log}");
    }
}

#[test]
fn languages_that_differ_are_told_apart_from_the_first_that_is_well() {
    let languages = ["rust".to_owned(), "c".to_owned(), "cpp".to_owned()];
    let good = Ok(evidence(vec![failed(Do::Submit, "SubmitUnknown")], &[("a", "h1")]));
    let odd = Ok(evidence(vec![failed(Do::Submit, "SubmitUnknown")], &[("a", "h2")]));
    let cells = [Err("died".to_owned()), good, odd];
    let row = compare(&languages, cells.iter());
    assert_eq!(row[0], ["died"]);
    assert!(row[1].is_empty());
    assert!(row[2][0].starts_with("unlike c: 1 files"), "{:?}", row[2]);
}

#[test]
fn frames_that_are_missing_out_of_order_or_of_another_archive_are_a_complaint() {
    let text = |frames: &str| {
        scenario(&format!(
            "title = \"t\"\n[[step]]\ndo = \"stream\"\nframes = {frames}\n[expect]\nsaved = \"whole\"\n"
        ))
    };
    let mut service = service(&["h1"]);
    let names = ["exr/a.exr", "exr/b.exr", "notes.txt", "exr/c.exr"];
    service.artifacts[0].members = names
        .iter()
        .map(|name| ltx_jobs_emulator::ArtifactMember {
            name: (*name).to_owned(),
            length: 1,
            crc32: String::new(),
            sha256: String::new(),
        })
        .collect();
    let well = |wanted: &str, seen: Option<&[&str]>| {
        let frames = seen.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let report = StepReport {
            frames,
            ..ok(Do::Stream)
        };
        judge(&text(wanted), &evidence(vec![report], &[]), &service).is_empty()
    };
    assert!(
        well("3", Some(&["a.exr", "b.exr", "c.exr"])) && well("2", Some(&["b.exr", "c.exr"])) && well("0", Some(&[]))
    );
    assert!(well("[\"b.exr\"]", Some(&["b.exr"])));
    for seen in [
        None,
        Some(&["a.exr", "b.exr"][..]),
        Some(&["b.exr", "a.exr", "c.exr"][..]),
        Some(&["a.exr", "b.exr", "x.exr"][..]),
    ] {
        assert!(!well("3", seen), "{seen:?}");
    }
    assert!(!well("[\"b.exr\"]", Some(&["c.exr"])));
}
