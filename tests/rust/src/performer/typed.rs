//! Requests in their typed form, as a Rust program writes them, from the fields of a scenario.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ltx_jobs::{
    AudioToVideo, Error, ErrorKind, Extend, ImageToVideo, Media, Placement, Request, Result, Retake, TextToVideo,
    VideoAlphaGen, VideoToVideoHdr, VideoToVideoReframe, VideoUpscale,
};
use serde_json::{Map, Value};

/// What a scenario says of a request; each field is taken once, by its setter.
pub(crate) struct Fields {
    pub(crate) params: Map<String, Value>,
    pub(crate) media: BTreeMap<String, PathBuf>,
}

impl Fields {
    fn take<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        self.params.remove(name).as_ref().and_then(read)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.as_str().map(str::to_owned))
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        self.take(name, Value::as_f64)
    }

    fn whole(&mut self, name: &str) -> Option<u32> {
        self.take(name, |value| u32::try_from(value.as_u64()?).ok())
    }

    fn media(&mut self, name: &str) -> Option<Media> {
        match self.media.remove(name) {
            Some(path) => Some(Media::file(path)),
            None => self.text(name).map(Media::url),
        }
    }
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| {
        Error::from_face(
            ErrorKind::InvalidState,
            format!("the scenario's typed request needs {name}"),
        )
    })
}

/// Calls a setter if there is something to set.
fn with<R, T>(request: R, value: Option<T>, set: impl FnOnce(R, T) -> R) -> R {
    match value {
        Some(value) => set(request, value),
        None => request,
    }
}

/// The request of an endpoint, by its own type; what that has no setter for goes through `extra`.
pub(crate) fn request(endpoint: &str, mut fields: Fields) -> Result<Request> {
    let f = &mut fields;
    let request = match endpoint {
        TextToVideo::ENDPOINT => text_to_video(f)?.into(),
        ImageToVideo::ENDPOINT => image_to_video(f)?.into(),
        AudioToVideo::ENDPOINT => audio_to_video(f)?.into(),
        Retake::ENDPOINT => retake(f)?.into(),
        Extend::ENDPOINT => extend(f)?.into(),
        VideoToVideoHdr::ENDPOINT => {
            let request = VideoToVideoHdr::new(needed("video_uri", f.media("video_uri"))?);
            with(request, f.text("output_colorspace"), |request, word| {
                request.output_colorspace(word.as_str())
            })
            .into()
        }
        VideoToVideoReframe::ENDPOINT => reframe(f)?.into(),
        VideoUpscale::ENDPOINT => VideoUpscale::new(
            needed("video_uri", f.media("video_uri"))?,
            needed("resolution", f.text("resolution"))?,
        )
        .into(),
        VideoAlphaGen::ENDPOINT => VideoAlphaGen::new(needed("video_uri", f.media("video_uri"))?).into(),
        other => Request::raw(other, Value::Object(Map::new()))?,
    };
    let request = fields
        .params
        .into_iter()
        .fold(request, |request: Request, (name, value)| request.extra(name, value));
    let media = fields.media.into_iter();
    Ok(media.fold(request, |request, (name, path)| request.media(name, Media::file(path))))
}

fn text_to_video(f: &mut Fields) -> Result<TextToVideo> {
    let request = TextToVideo::new(
        needed("prompt", f.text("prompt"))?,
        needed("model", f.text("model"))?,
        f.whole("duration"),
        needed("resolution", f.text("resolution"))?,
    );
    let request = with(request, f.whole("fps"), TextToVideo::fps);
    let request = with(
        request,
        f.take("generate_audio", Value::as_bool),
        TextToVideo::generate_audio,
    );
    Ok(with(request, f.text("camera_motion"), |request, word| {
        request.camera_motion(word.as_str())
    }))
}

fn image_to_video(f: &mut Fields) -> Result<ImageToVideo> {
    let request = ImageToVideo::new(
        needed("image_uri", f.media("image_uri"))?,
        needed("prompt", f.text("prompt"))?,
        needed("model", f.text("model"))?,
        f.whole("duration"),
        needed("resolution", f.text("resolution"))?,
    );
    let request = with(request, f.media("last_frame_uri"), ImageToVideo::last_frame_uri);
    let request = with(request, f.whole("fps"), ImageToVideo::fps);
    let request = with(
        request,
        f.take("generate_audio", Value::as_bool),
        ImageToVideo::generate_audio,
    );
    Ok(with(request, f.text("camera_motion"), |request, word| {
        request.camera_motion(word.as_str())
    }))
}

fn audio_to_video(f: &mut Fields) -> Result<AudioToVideo> {
    let request = AudioToVideo::new(needed("audio_uri", f.media("audio_uri"))?);
    let request = with(request, f.media("image_uri"), AudioToVideo::image_uri);
    let request = with(request, f.media("last_frame_uri"), AudioToVideo::last_frame_uri);
    let request = with(request, f.text("prompt"), AudioToVideo::prompt);
    let request = with(request, f.text("model"), AudioToVideo::model);
    let request = with(request, f.text("resolution"), AudioToVideo::resolution);
    let request = with(request, f.whole("fps"), AudioToVideo::fps);
    let request = with(request, f.text("camera_motion"), |request, word| {
        request.camera_motion(word.as_str())
    });
    Ok(with(request, f.number("guidance_scale"), AudioToVideo::guidance_scale))
}

fn retake(f: &mut Fields) -> Result<Retake> {
    let request = Retake::new(
        needed("video_uri", f.media("video_uri"))?,
        needed("start_time", f.number("start_time"))?,
        needed("duration", f.number("duration"))?,
    );
    let request = with(request, f.text("prompt"), Retake::prompt);
    let request = with(request, f.text("mode"), |request, word| request.mode(word.as_str()));
    let request = with(request, f.text("resolution"), Retake::resolution);
    Ok(with(request, f.text("model"), Retake::model))
}

fn extend(f: &mut Fields) -> Result<Extend> {
    let request = Extend::new(
        needed("video_uri", f.media("video_uri"))?,
        needed("duration", f.number("duration"))?,
    );
    let request = with(request, f.text("prompt"), Extend::prompt);
    let request = with(request, f.text("mode"), |request, word| request.mode(word.as_str()));
    let request = with(request, f.text("model"), Extend::model);
    Ok(with(request, f.number("context"), Extend::context))
}

fn reframe(f: &mut Fields) -> Result<VideoToVideoReframe> {
    let request = VideoToVideoReframe::new(
        needed("video_uri", f.media("video_uri"))?,
        needed("resolution", f.text("resolution"))?,
    );
    let request = with(request, f.take("placement", placement), VideoToVideoReframe::placement);
    Ok(with(request, f.text("model"), VideoToVideoReframe::model))
}

fn placement(value: &Value) -> Option<Placement> {
    let number = |name: &str| value.get(name).and_then(Value::as_f64);
    if let Some(word) = value.get("anchor").and_then(Value::as_str) {
        return Some(Placement::anchor(word));
    }
    let (x, y) = (number("x")?, number("y")?);
    Some(match (number("width"), number("height")) {
        (Some(width), None) => Placement::by_width(x, y, width),
        (None, Some(height)) => Placement::by_height(x, y, height),
        (width, height) => Placement::by_size(x, y, width?, height?),
    })
}
