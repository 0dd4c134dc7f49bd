use super::*;
use crate::request::probe::AudioTrack;
use crate::transfer::kind::ContentKind;

fn video(codec: VideoCodec, size: (u32, u32), frames: u64) -> MediaFacts {
    MediaFacts {
        kind: ContentKind::Mov,
        bytes: 1000,
        video: Some(VideoTrack {
            codec,
            width: size.0,
            height: size.1,
            frames: Some(frames),
            seconds: Some(frames as f64 / 24.0),
        }),
        audio: None,
        unreadable: None,
    }
}

fn audio(kind: ContentKind, codec: AudioCodec, seconds: f64) -> MediaFacts {
    MediaFacts {
        kind,
        bytes: 1000,
        video: None,
        audio: Some(AudioTrack {
            codec,
            seconds: Some(seconds),
        }),
        unreadable: None,
    }
}

fn place(endpoint: &'static str, field: &'static str) -> Option<Place<'static>> {
    Some(Place {
        endpoint,
        field,
        resolution: Some("4k"),
    })
}

const HDR: &str = "video-to-video-hdr";

#[test]
fn what_the_service_refuses_is_refused_with_the_command_that_mends_it() {
    let cases = [
        (
            place(HDR, "video_uri"),
            "shots/my plate.mov",
            video(VideoCodec::ProRes("422 HQ"), (1920, 1080), 24),
            "video-to-video-hdr: video_uri = shots/my plate.mov holds Apple ProRes 422 HQ",
            "ffmpeg -i 'shots/my plate.mov' -c:v libx265 -crf 10 -pix_fmt yuv420p10le -tag:v hvc1 -c:a aac -movflags +faststart 'shots/my plate_ltx.mp4'",
        ),
        (
            place(HDR, "video_uri"),
            "plate.mov",
            video(VideoCodec::Dnx, (1920, 1080), 24),
            "holds Avid DNxHD or DNxHR",
            "plate_ltx.mp4",
        ),
        (
            place("audio-to-video", "audio_uri"),
            "line.wav",
            audio(ContentKind::Wav, AudioCodec::Pcm, 3.0),
            "holds plain PCM",
            "ffmpeg -i line.wav -vn -c:a aac -profile:a aac_low -b:a 256k line_ltx.m4a",
        ),
        (
            place("audio-to-video", "audio_uri"),
            "line.m4a",
            audio(ContentKind::M4a, AudioCodec::HeAac, 3.0),
            "holds HE-AAC",
            "line_ltx.m4a",
        ),
        // Uploaded by itself, for no field that is known yet.
        (
            None,
            "line.wav",
            audio(ContentKind::Wav, AudioCodec::Pcm, 3.0),
            "line.wav holds plain PCM",
            "line_ltx.m4a",
        ),
        (
            place("image-to-video", "image_uri"),
            "plate.mov",
            video(VideoCodec::H264, (64, 64), 24),
            "is a .mov file; the field takes an image",
            "another file",
        ),
        (
            place(HDR, "video_uri"),
            "song.mp3",
            audio(ContentKind::Mp3, AudioCodec::Mp3, 3.0),
            "is a .mp3 file; the field takes a video",
            "another file",
        ),
    ];
    for (place, what, facts, happened, advice) in cases {
        let error = judge(place, what, &facts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains(happened), "{error}");
        assert!(error.advice().unwrap().contains(advice), "{error}");
    }
}

#[test]
fn a_video_to_be_extended_has_a_smaller_limit() {
    let mut facts = video(VideoCodec::H264, (1920, 1080), 100);
    facts.bytes = LARGEST_TO_EXTEND + 1;
    let error = judge(place("extend", "video_uri"), "a.mp4", &facts).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTooLarge, "{error}");
    judge(place("retake", "video_uri"), "a.mp4", &facts).unwrap();
}

#[test]
fn what_the_documents_do_not_list_is_a_warning() {
    let cases = [
        (
            place(HDR, "video_uri"),
            video(VideoCodec::H264, (1920, 1080), 182),
            "has 182 frames; at 1920x1080",
        ),
        (
            place(HDR, "video_uri"),
            video(VideoCodec::H264, (2560, 1440), 102),
            "later 193",
        ),
        (
            place(HDR, "video_uri"),
            video(VideoCodec::H265, (3840, 2160), 42),
            "later 65",
        ),
        (
            place(HDR, "video_uri"),
            video(VideoCodec::H265, (4096, 2160), 1),
            "is 4096x2160",
        ),
        (
            place(HDR, "video_uri"),
            video(VideoCodec::Other("vp09".into()), (64, 64), 1),
            "\"vp09\"",
        ),
        (
            place("retake", "video_uri"),
            video(VideoCodec::H264, (64, 64), 72),
            "at least 73",
        ),
        (
            place("extend", "video_uri"),
            video(VideoCodec::H264, (64, 64), 72),
            "at least 73",
        ),
        (
            place("video-to-video-reframe", "video_uri"),
            video(VideoCodec::H264, (64, 64), 1801),
            "1800 frames",
        ),
        (
            place("video-upscale", "video_uri"),
            video(VideoCodec::H264, (64, 64), 602),
            "for 4k documented are at most 601",
        ),
        (
            place("video-alpha-gen", "video_uri"),
            video(VideoCodec::H264, (64, 64), 3073),
            "at most 3072",
        ),
        (
            place("audio-to-video", "audio_uri"),
            audio(ContentKind::Ogg, AudioCodec::Opus, 1.5),
            "at least 2 s",
        ),
        (
            place("audio-to-video", "audio_uri"),
            audio(ContentKind::Ogg, AudioCodec::Opus, 20.5),
            "at most 20 s",
        ),
        (
            place("audio-to-video", "audio_uri"),
            audio(ContentKind::M4a, AudioCodec::Other("ALAC".into()), 3.0),
            "\"ALAC\"",
        ),
    ];
    for (place, facts, words) in cases {
        let warnings = judge(place, "input", &facts).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].contains(words) && warnings[0].ends_with("sent as it is"),
            "{warnings:?}"
        );
    }
}

#[test]
fn what_is_right_or_unknown_passes_in_silence() {
    for (place, facts) in [
        (place(HDR, "video_uri"), video(VideoCodec::H264, (1920, 1080), 181)),
        (place(HDR, "video_uri"), video(VideoCodec::H265, (2160, 3840), 41)),
        (
            place("audio-to-video", "audio_uri"),
            audio(ContentKind::Wav, AudioCodec::Mp3, 5.0),
        ),
        // Sound beside a picture is nobody's business.
        (
            place(HDR, "video_uri"),
            MediaFacts {
                audio: Some(AudioTrack {
                    codec: AudioCodec::Pcm,
                    seconds: None,
                }),
                ..video(VideoCodec::H264, (64, 64), 24)
            },
        ),
        (
            place("an-endpoint-of-tomorrow", "clip_uri"),
            video(VideoCodec::H264, (1920, 1080), 100_000),
        ),
        (None, video(VideoCodec::H264, (1920, 1080), 100_000)),
    ] {
        assert_eq!(judge(place, "input", &facts).unwrap(), Vec::<String>::new());
    }
}
