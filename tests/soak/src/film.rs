//! The items of the film: what is asked for under each key, and which shot a body at the service is of.

use ltx_jobs::{Media, Request, Result};
use serde_json::{Value, json};

/// One shot in so many has an input to be uploaded, and one video as its result; the others are archives of frames beside a video.
const UPLOADED: u32 = 8;

const STILL: &[u8] = include_bytes!("../../../crates/ltx-jobs/tests/media/still.png");

/// The name of the batch.
pub(crate) const NAME: &str = "soak";

/// The key of a shot in its batch.
pub(crate) fn key(shot: u32) -> String {
    format!("shot{shot:05}")
}

/// The shot of a `once` key, which the batch makes of its own name and the item's key.
pub(crate) fn shot_of_once(once: &str) -> Option<u32> {
    once.rsplit("shot").next()?.parse().ok()
}

/// What is asked for.
pub(crate) fn request(shot: u32) -> Result<Request> {
    if shot.is_multiple_of(UPLOADED) {
        Ok(Request::raw("image-to-video", params(shot))?.media("image_uri", Media::bytes(STILL)))
    } else {
        Request::raw("video-to-video-hdr", params(shot))
    }
}

fn params(shot: u32) -> Value {
    if shot.is_multiple_of(UPLOADED) {
        json!({"prompt": key(shot), "model": "ltx-2-5-pro", "duration": 6, "resolution": "1920x1080"})
    } else {
        json!({"video_uri": format!("https://plates.example/{}.mp4", key(shot)), "output_colorspace": "acescg"})
    }
}

/// The shot of a job, from the body of its submit.
pub(crate) fn shot_of_body(body: &Value) -> Option<u32> {
    let text = body.get("prompt").or_else(|| body.get("video_uri"))?.as_str()?;
    let number = text.rsplit("shot").next()?.trim_end_matches(".mp4");
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shot_is_known_by_its_body_and_by_its_key() {
        for shot in [0, 1, 8, 1999] {
            request(shot).unwrap();
            assert_eq!(shot_of_body(&params(shot)), Some(shot));
            assert_eq!(shot_of_once(&format!("batch:{NAME}/{}", key(shot))), Some(shot));
        }
    }
}
