//! `ltx-jobs frames`: the EXR frames of a job where they lie. Listed without fetching them, one of them read, or some saved as files, each the moment it is
//! whole.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use ltx_jobs::{Bytes, Completed, ErrorKind, Frames, PublishedFrame};
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::args::{FramesArgs, SettingFlags};
use crate::exit::Failure;
use crate::fetch;
use crate::go_on::GoOn;
use crate::interrupt::Interrupt;
use crate::job::{self, Guide};
use crate::report;
use crate::show::Show;

/// Asks once, and does what was asked for when the job is completed.
pub(crate) async fn run(
    args: &FramesArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let reference = args.job.parse()?;
    let one = args.read.is_some() || args.number.is_some();
    if one && args.out.is_none() {
        may_write_to_standard_output(show)?;
    }
    let client = job::client(settings)?;
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        // Until it is completed there are no frames to go on with.
        go_on: GoOn::wait(settings, None),
    };
    let done = fetch::completed(&mut guide, reference).await?;
    guide.go_on = GoOn::frames(settings, args);
    let frames = open(&mut guide, &done, args).await?;
    match &args.out {
        _ if one => read(&mut guide, &done, &frames, args).await,
        Some(out) => extract(&mut guide, &done, &frames, args, out).await,
        None => {
            list(show, &done, &frames);
            Ok(())
        }
    }
}

async fn open(guide: &mut Guide<'_>, done: &Completed, args: &FramesArgs) -> Result<Frames, Failure> {
    let mut open = done.frames();
    if let Some(label) = &args.label {
        open = open.label(label);
    }
    if let Some(directory) = &args.spool {
        open = open.spool(directory);
    }
    if let Some(limit) = args.bandwidth {
        open = open.bandwidth(limit.get());
    }
    let followed = guide.follow(open.start()).await;
    guide.transferred(done, followed)
}

/// Index, number, name and size of every frame.
fn list(show: &Show, done: &Completed, frames: &Frames) {
    show.clear();
    let mut rows = vec![["index", "number", "name", "bytes"].map(str::to_owned)];
    let mut total = 0;
    for (index, name) in frames.names().enumerate() {
        let (number, size) = (frames.number(index), frames.size(index).unwrap_or(0));
        total += size;
        show.event(
            "frame",
            json!({ "index": index, "number": number, "name": name, "bytes": size }),
        );
        let number = number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        rows.push([index.to_string(), number, name.to_owned(), size.to_string()]);
    }
    show.event(
        "frames",
        json!({
            "ref": done.job().reference().to_string(),
            "label": frames.label(),
            "frames": frames.len(),
            "bytes": total,
        }),
    );
    if !show.is_json() {
        for line in report::table(&rows) {
            show.line(&line);
        }
    }
}

/// One frame, to a file or to standard output.
async fn read(guide: &mut Guide<'_>, done: &Completed, frames: &Frames, args: &FramesArgs) -> Result<(), Failure> {
    let index = match (args.read, args.number) {
        (Some(index), _) => index,
        (None, number) => {
            let number = number.unwrap_or_default();
            frames.by_number(number).ok_or_else(|| {
                let text = format!(
                    "there is no frame number {number}; `ltx-jobs frames {}` lists them",
                    done.job().reference()
                );
                Failure::new(ErrorKind::InvalidRequest, text)
            })?
        }
    };
    let name = frames.name(index).unwrap_or_default().to_owned();
    let target = args.out.as_deref().map(|out| file_for(out, &name));
    let mut read = frames.read(index);
    if let Some(limit) = args.bandwidth {
        read = read.bandwidth(limit.get());
    }
    let followed = guide.follow(read.start()).await;
    let bytes = guide.transferred(done, followed)?;
    guide.show.clear();
    let Some(target) = target else {
        return write_out(&bytes);
    };
    save(&bytes, &target, args.overwrite)?;
    guide.show.event(
        "saved",
        json!({
            "ref": done.job().reference().to_string(),
            "index": index,
            "number": frames.number(index),
            "paths": [&target],
            "bytes": bytes.len(),
        }),
    );
    guide.show.line(&format!(
        "saved {name}, {}: {}",
        HumanBytes(bytes.len() as u64),
        target.display()
    ));
    Ok(())
}

/// Some or all frames as files; each is told of, with `--json`, when it is under its name.
async fn extract(
    guide: &mut Guide<'_>,
    done: &Completed,
    frames: &Frames,
    args: &FramesArgs,
    out: &Path,
) -> Result<(), Failure> {
    let mut extract = frames.extract(out).overwrite(args.overwrite);
    if let Some(places) = args.range {
        extract = extract.range(places.bounds());
    }
    if let Some(pattern) = &args.frame_name {
        extract = extract.frame_name(pattern);
    }
    if let Some(number) = args.first_frame {
        extract = extract.first_frame(number);
    }
    if let Some(limit) = args.bandwidth {
        extract = extract.bandwidth(limit.get());
    }
    let (tell, mut told) = mpsc::unbounded_channel::<PublishedFrame>();
    if guide.show.is_json() {
        extract = extract.on_frame(move |frame| {
            // Nobody hears of it any more after Ctrl-C.
            let _ = tell.send(frame);
        });
    } else {
        drop(tell);
    }
    let show = guide.show;
    let operation = extract.start();
    let followed = {
        let mut following = std::pin::pin!(guide.follow(operation));
        loop {
            tokio::select! {
                biased;
                Some(frame) = told.recv() => published(show, &frame),
                followed = &mut following => break followed,
            }
        }
    };
    while let Ok(frame) = told.try_recv() {
        published(show, &frame);
    }
    let saved = guide.transferred(done, followed)?;
    job::tell_saved(show, done, out, &saved);
    show.line(&report::saved(&saved, out));
    Ok(())
}

fn published(show: &Show, frame: &PublishedFrame) {
    show.event(
        "published",
        json!({
            "index": frame.index,
            "path": frame.path,
            "bytes": frame.bytes,
            "crc32c": format!("{:08x}", frame.crc32c),
        }),
    );
}

/// Binary data on a terminal helps nobody, and between lines of JSON neither.
fn may_write_to_standard_output(show: &Show) -> Result<(), Failure> {
    let why = if show.is_json() {
        "the events of --json go to standard output"
    } else if io::stdout().is_terminal() {
        "standard output is a terminal"
    } else {
        return Ok(());
    };
    let text = format!("{why}; name a file for the frame with -o");
    Err(Failure::new(ErrorKind::InvalidRequest, text))
}

fn write_out(bytes: &Bytes) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| io_failure("standard output cannot be written", &error))
}

/// `out` itself, or the frame's own name in it where it is a directory.
fn file_for(out: &Path, name: &str) -> PathBuf {
    let text = out.as_os_str().to_string_lossy();
    if out.is_dir() || text.ends_with(['/', std::path::MAIN_SEPARATOR]) {
        out.join(name)
    } else {
        out.to_owned()
    }
}

/// Whole or absent; a file that is there and equal counts as saved, another is replaced only when that was asked for.
fn save(bytes: &[u8], target: &Path, overwrite: bool) -> Result<(), Failure> {
    let length = std::fs::metadata(target).map_or(0, |there| there.len());
    if length == bytes.len() as u64 && std::fs::read(target).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let failed = |error: &io::Error| io_failure(&format!("cannot write {}", target.display()), error);
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let mut temp = readable(tempfile::Builder::new().prefix(".ltx-"))
        .tempfile_in(directory)
        .map_err(|error| failed(&error))?;
    let written = temp.write_all(bytes).and_then(|()| temp.as_file().sync_all());
    written.map_err(|error| failed(&error))?;
    let persisted = if overwrite {
        temp.persist(target)
    } else {
        NamedTempFile::persist_noclobber(temp, target)
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            let text = format!(
                "{} is there already and is another file; --overwrite replaces it",
                target.display()
            );
            Err(Failure::new(ErrorKind::Exists, text))
        }
        Err(error) => Err(failed(&error.error)),
    }
}

/// A temporary file is for its owner alone; what becomes of it is as readable as any other file.
fn readable<'a, 'b>(builder: &'a mut tempfile::Builder<'b, 'b>) -> &'a mut tempfile::Builder<'b, 'b> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

fn io_failure(what: &str, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => ErrorKind::NoSpace,
        _ => ErrorKind::Io,
    };
    Failure::new(kind, format!("{what}: {error}"))
}
