//! `ltx-jobs hdr`: from a clip to HDR frames on disk.

use std::ffi::OsStr;
use std::path::Path;

use ltx_jobs::{Media, Request, VideoToVideoHdr};

use crate::args::{HdrArgs, SettingFlags};
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::job::{self, GoOn, Guide};
use crate::report;
use crate::show::Show;

/// Submits (billed), waits, saves.
pub(crate) async fn run(
    args: &HdrArgs,
    settings: &SettingFlags,
    show: &Show,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let client = job::client(settings)?;
    let mut submit = client.submit(request(args)).on_unknown(args.on_unknown.into());
    if let Some(key) = &args.once {
        submit = submit.once(key);
    }
    if let Some(label) = &args.label {
        submit = submit.label(label);
    }
    let mut guide = Guide {
        client: &client,
        show,
        interrupt,
        go_on: GoOn::Save(&args.out),
    };
    let job = guide.submit(&submit.start()).await?;
    let done = guide.wait(&job, args.timeout).await?;
    let saved = guide.save(&done, &args.out, &args.save).await?;
    show.line(&report::saved(&saved, &args.out));
    Ok(())
}

fn request(args: &HdrArgs) -> Request {
    let mut request = VideoToVideoHdr::new(media(&args.clip));
    if let Some(colorspace) = &args.output_colorspace {
        request = request.output_colorspace(colorspace.as_str());
    }
    job::with_params(request.into(), &args.params)
}

/// An address by its scheme; everything else is a file.
fn media(clip: &OsStr) -> Media {
    const SCHEMES: [&str; 4] = ["https://", "http://", "data:", "ltx://"];
    match clip.to_str() {
        Some(text) if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) => Media::url(text),
        _ => Media::file(Path::new(clip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_passed_on_and_everything_else_is_a_file() {
        for (clip, expected) in [
            ("https://cdn.example/a.mp4", "Media::url(https://cdn.example/a.mp4)"),
            ("ltx://uploads/x", "Media::url(ltx://uploads/x)"),
            ("shots/plate.mp4", "Media::file(shots/plate.mp4)"),
            ("C:\\plate.mp4", "Media::file(C:\\plate.mp4)"),
        ] {
            assert_eq!(format!("{:?}", media(OsStr::new(clip))), expected);
        }
    }
}
