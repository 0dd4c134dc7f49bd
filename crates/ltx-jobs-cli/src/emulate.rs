//! `ltx-jobs emulate`: the service on loopback, for trying things out and for tests in any language.

use std::io;
use std::path::Path;

use ltx_jobs::ErrorKind;
use ltx_jobs_emulator::programme::Programme;
use ltx_jobs_emulator::{Addresses, Builder, Emulator, serve_as_child};

use crate::args::EmulateArgs;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::show::Show;

/// With `--json`, one line of JSON and then until standard input ends; else lines for people and until Ctrl-C.
pub(crate) async fn run(args: &EmulateArgs, show: &Show, interrupt: &mut Interrupt) -> Result<(), Failure> {
    let mut builder = Emulator::builder()
        .tls(args.tls)
        .http2(!args.no_http2)
        .api_port(args.port);
    if let Some(path) = &args.programme {
        builder = builder.programme(read_programme(path)?);
    }
    if show.is_json() {
        let mut out = io::stdout();
        return tokio::select! {
            served = serve_as_child(builder, &mut out) => served.map_err(|error| cannot_start(&error)),
            () = interrupt.heard() => Err(Failure::Interrupted),
        };
    }
    serve_people(builder, show, interrupt).await
}

async fn serve_people(builder: Builder, show: &Show, interrupt: &mut Interrupt) -> Result<(), Failure> {
    let emulator = builder.start().await.map_err(|error| cannot_start(&error))?;
    let at = Addresses::of(&emulator);
    show.line(&format!("API      {}", at.api_url));
    show.line(&format!("storage  {}", at.storage_url));
    show.line(&format!("control  {}", at.control_url));
    let mut command = format!("LTXV_API_KEY={} ltx-jobs --base-url {}", at.api_key, at.api_url);
    if let Some(bundle) = &at.ca_bundle {
        show.line(&format!("CA       {bundle}"));
        command.push_str(&format!(" --ca-bundle {bundle}"));
    }
    show.line(&format!("try      {command} hdr plate.mp4 -o out"));
    show.note("runs until Ctrl-C");
    // Ctrl-C is how this is meant to end: no failure.
    interrupt.heard().await;
    emulator.shutdown().await;
    Ok(())
}

fn read_programme(path: &Path) -> Result<Programme, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            ErrorKind::Config,
            format!("the programme {} cannot be read: {error}", path.display()),
        )
    })?;
    // No TOML document begins with a brace.
    let read = if text.trim_start().starts_with('{') {
        Programme::from_json(&text)
    } else {
        Programme::from_toml(&text)
    };
    read.map_err(|error| Failure::new(ErrorKind::Config, format!("the programme {}: {error}", path.display())))
}

fn cannot_start(error: &io::Error) -> Failure {
    let kind = if error.kind() == io::ErrorKind::InvalidInput {
        ErrorKind::Config
    } else {
        ErrorKind::Io
    };
    Failure::new(kind, format!("the emulator cannot be started: {error}"))
}
