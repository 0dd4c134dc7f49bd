//! `ltx-jobs demo`: the whole way of one job on this machine, without key and cost.
//!
//! Nothing of it is staged: the service is the emulator on loopback, with real sockets; the clip is real video, the results are real OpenEXR
//! frames and a real MP4. Everything goes the way it goes with the real service.

use std::time::{Duration, Instant};

use indicatif::HumanBytes;
use ltx_jobs::{Client, ErrorKind, Media, VideoToVideoHdr};
use ltx_jobs_emulator::Emulator;
use ltx_jobs_emulator::programme::{Compression, Programme};
use serde_json::json;

use crate::args::{DemoArgs, SaveArgs, SettingFlags};
use crate::exit::Failure;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::Guide;
use crate::report;
use crate::show::Show;

/// One second of a moving test picture; how it was made is said beside the emulator's assets.
const PLATE: &[u8] = include_bytes!("../assets/plate.mp4");

/// One second at 24 frames, as the clip has.
const FRAMES: u32 = 24;

/// Fast enough to be fun, slow enough to see the states go by.
const POLL_INTERVAL: &str = "200ms";

/// Runs one HDR job against an emulator of our own.
pub(crate) async fn run(
    args: &DemoArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    if let Some(key) = ["base_url", "api_key", "proxy", "ca_bundle"]
        .into_iter()
        .find(|key| settings.get(key).is_some())
    {
        return Err(Failure::new(
            ErrorKind::Config,
            format!("the demo talks to a service of its own: {key} has no place in it"),
        ));
    }
    let mut steps = Steps::default();

    let emulator = Emulator::start(programme()).await;
    let emulator =
        emulator.map_err(|error| Failure::new(ErrorKind::Io, format!("the emulator cannot be started: {error}")))?;
    steps.done("start the emulator", emulator.api_url().to_owned());

    let client = client(settings, &emulator)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::impossible(settings),
    };
    let clip = guide.follow_simply(client.upload(Media::bytes(PLATE)).start()).await?;
    steps.done(
        "upload a clip",
        format!("plate.mp4, {}, 1 s of video", HumanBytes(PLATE.len() as u64)),
    );

    let request = VideoToVideoHdr::new(Media::uploaded(clip)).output_colorspace("acescg");
    let submitting = client.submit(request).label("demo").start();
    // The emulator goes with this process: after Ctrl-C there is nothing to go on with.
    let job = guide.follow_simply(submitting.operation().clone()).await?;
    show.submitted(&job);
    steps.done("submit", job.reference().to_string());

    let done = guide.follow_simply(job.wait().start()).await?;
    steps.done(
        "wait",
        format!(
            "completed: {}",
            done.outputs().keys().cloned().collect::<Vec<_>>().join(", ")
        ),
    );

    let saved = match guide.save(&done, &args.out, &SaveArgs::default()).await {
        Err(Failure::Error(error)) if error.kind() == ErrorKind::Exists => {
            return Err(Failure::new(
                ErrorKind::Exists,
                format!("{}; choose another directory with --out", error.message()),
            ));
        }
        saved => saved?,
    };
    let frames = saved
        .paths
        .iter()
        .filter(|path| path.extension().is_some_and(|ext| ext == "exr"))
        .count();
    steps.done(
        "save",
        format!(
            "{frames} EXR frames and {} other, {}, checked",
            saved.paths.len() - frames,
            HumanBytes(saved.bytes)
        ),
    );

    client.close(Duration::ZERO).await;
    emulator.shutdown().await;

    show.clear();
    let peak = report::peak_memory();
    show.event(
        "demo",
        json!({ "steps": steps.as_json(), "peak_memory_bytes": peak, "out": args.out }),
    );
    for line in steps.table(peak) {
        show.line(&line);
    }
    show.line("");
    for place in report::places(&saved.paths) {
        show.line(&format!("  {place}"));
    }
    Ok(())
}

fn programme() -> Programme {
    let mut programme = Programme::default();
    programme.job.pending_polls = 1;
    programme.job.processing_polls = 2;
    programme.archive.frames = FRAMES;
    programme.archive.width = 320;
    programme.archive.height = 180;
    // Megabytes to look at rather than kilobytes, and nothing to compute.
    programme.archive.compression = Compression::None;
    programme
}

/// The environment is left out on purpose: it speaks of the real service.
fn client(settings: &SettingFlags, emulator: &Emulator) -> ltx_jobs::Result<Client> {
    let builder = Client::builder().set("poll_interval", POLL_INTERVAL)?;
    settings
        .apply(builder)?
        .api_key(emulator.api_key())
        .base_url(emulator.api_url())
        .build()
}

/// What was done, and how long each step took.
struct Steps {
    began: Instant,
    step_began: Instant,
    rows: Vec<(&'static str, Duration, String)>,
}

impl Default for Steps {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            step_began: now,
            rows: Vec::new(),
        }
    }
}

impl Steps {
    fn done(&mut self, step: &'static str, what: String) {
        let now = Instant::now();
        self.rows.push((step, now - self.step_began, what));
        self.step_began = now;
    }

    fn table(&self, peak: Option<u64>) -> Vec<String> {
        let mut rows = vec![["step", "time", "what"].map(str::to_owned)];
        rows.extend(
            self.rows
                .iter()
                .map(|(step, time, what)| [(*step).to_owned(), seconds(*time), what.clone()]),
        );
        let memory = peak
            .map(|bytes| format!("peak memory {}, emulator included", HumanBytes(bytes)))
            .unwrap_or_default();
        rows.push(["all".to_owned(), seconds(self.began.elapsed()), memory]);
        report::table(&rows)
    }

    fn as_json(&self) -> serde_json::Value {
        self.rows
            .iter()
            .map(|(step, time, what)| json!({ "step": step, "elapsed_s": time.as_secs_f64(), "what": what }))
            .collect()
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
