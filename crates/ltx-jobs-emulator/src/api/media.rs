//! Media references: their form, and for uploads whether the file is what the field wants.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::fields::{Endpoint, Kind};
use crate::lock;
use crate::service::{Service, Uploaded};

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Image,
    Video,
    Audio,
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    /// Most bytes of an upload when it is used.
    fn most(self, endpoint: &str) -> u64 {
        match self {
            Self::Image => 15_000_000,
            Self::Video if endpoint == "extend" => 104_857_600,
            Self::Video | Self::Audio => 209_715_200,
        }
    }

    /// Most characters of a data URI.
    fn most_encoded(self) -> usize {
        if self == Self::Image { 7_340_032 } else { 15_728_640 }
    }
}

/// Checks every media field of a body whose form has been checked before.
pub(crate) fn check(service: &Service, endpoint: &Endpoint, body: &Map<String, Value>) -> Result<(), String> {
    for field in endpoint.fields {
        if let (Kind::Media(class), Some(Value::String(uri))) = (field.kind, body.get(field.name)) {
            one(service, endpoint.name, class, uri).map_err(|what| format!("{} {what}", field.name))?;
        }
    }
    Ok(())
}

fn one(service: &Service, endpoint: &str, class: Class, uri: &str) -> Result<(), String> {
    if uri.starts_with("ltx://") {
        let now = service.clock.now();
        let lifetime = i64::try_from(service.programme().upload.file_lifetime_s.saturating_mul(1_000));
        let slot = lock(&service.slots)
            .get(uri)
            .cloned()
            .ok_or("does not refer to an upload")?;
        let put = slot.put.ok_or("refers to an upload that was never put")?;
        if now >= put.at.saturating_add(lifetime.unwrap_or(i64::MAX)) {
            return Err("refers to an upload that has expired".to_owned());
        }
        return file(endpoint, class, &put);
    }
    if let Some(data) = uri.strip_prefix("data:") {
        return data_uri(class, uri.len(), data);
    }
    web(uri)
}

fn web(uri: &str) -> Result<(), String> {
    let url =
        url::Url::parse(uri).map_err(|_| "must be an https URL, a data URI or an ltx://uploads/ URI".to_owned())?;
    if url.scheme() != "https" {
        return Err("must be an https URL, a data URI or an ltx://uploads/ URI".to_owned());
    }
    match url.host() {
        Some(url::Host::Domain(name)) if name.contains('.') => Ok(()),
        _ => Err("must name a public host by its domain name".to_owned()),
    }
}

fn data_uri(class: Class, encoded: usize, data: &str) -> Result<(), String> {
    let (kind, payload) = data.split_once(',').ok_or("is not a valid data URI")?;
    let kind = kind.strip_suffix(";base64").ok_or("must be a base64 data URI")?;
    if !kind.is_empty() && kind.split('/').next() != Some(class.word()) {
        return Err(format!("must be {} data", class.word()));
    }
    if encoded > class.most_encoded() {
        return Err("is too large for a data URI".to_owned());
    }
    base64::engine::general_purpose::STANDARD
        .decode(payload)
        .map(drop)
        .map_err(|_| "is not valid base64".to_owned())
}

fn file(endpoint: &str, class: Class, put: &Uploaded) -> Result<(), String> {
    if put.len == 0 {
        return Err("refers to an empty file".to_owned());
    }
    if put.len > class.most(endpoint) {
        return Err(format!("refers to a file that is too large: {} bytes", put.len));
    }
    let (kinds, found) = sniff(&put.head).ok_or("refers to a file of an unknown format")?;
    if !kinds.contains(&class) {
        return Err(format!("refers to a file that is no {}: {found}", class.word()));
    }
    if is_plain_pcm(&put.head) {
        return Err("refers to a WAV file with PCM audio, which is not supported".to_owned());
    }
    let said = put.content_type.split('/').next().unwrap_or_default();
    let contradicts = matches!(said, "image" | "video" | "audio") && !kinds.iter().any(|kind| kind.word() == said);
    if contradicts {
        return Err(format!(
            "refers to a file uploaded as {} that is {found}",
            put.content_type
        ));
    }
    Ok(())
}

/// What a file is, by its first bytes, and the fields that take it.
fn sniff(head: &[u8]) -> Option<(&'static [Class], &'static str)> {
    let at = |start: usize, magic: &[u8]| head.get(start..).is_some_and(|rest| rest.starts_with(magic));
    let mp3 = matches!(head, [0xff, second, ..] if second & 0xe6 == 0xe2);
    Some(if at(0, b"\x89PNG\r\n\x1a\n") {
        (&[Class::Image], "PNG")
    } else if at(0, b"\xff\xd8\xff") {
        (&[Class::Image], "JPEG")
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        (&[Class::Image], "WEBP")
    } else if at(0, b"RIFF") && at(8, b"WAVE") {
        (&[Class::Audio], "WAV")
    } else if at(0, b"OggS") {
        (&[Class::Audio], "OGG")
    } else if at(0, b"ID3") || mp3 {
        (&[Class::Audio], "MP3")
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        (&[Class::Video], "Matroska")
    } else if at(4, b"ftypM4A") {
        (&[Class::Audio], "M4A")
    } else if at(4, b"ftyp") || at(4, b"moov") || at(4, b"mdat") || at(4, b"wide") {
        // An MP4 without pictures is an M4A under another brand: only its inside would tell.
        (&[Class::Video, Class::Audio], "MP4 or MOV")
    } else {
        return None;
    })
}

/// Whether a WAV says right at its start that it holds plain samples.
fn is_plain_pcm(head: &[u8]) -> bool {
    let wave = head.starts_with(b"RIFF") && head.get(8..16) == Some(b"WAVEfmt ");
    wave && matches!(head.get(20..22), Some([1, 0] | [3, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(class: Class, head: &[u8], content_type: &str) -> Result<(), String> {
        let put = Uploaded {
            at: 0,
            len: head.len() as u64,
            head: head.to_vec(),
            sha256: [0; 32],
            content_type: content_type.to_owned(),
        };
        file("retake", class, &put)
    }

    #[test]
    fn files_are_judged_by_their_first_bytes() {
        let pcm = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0";
        let aac = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\xff\0\x02\0";
        let cases: [(Class, &[u8], &str, Option<&str>); 9] = [
            (Class::Video, b"\0\0\0\x18ftypisom", "video/mp4", None),
            (Class::Video, b"\x1a\x45\xdf\xa3....", "application/octet-stream", None),
            (Class::Video, b"\x89PNG\r\n\x1a\n", "video/mp4", Some("no video: PNG")),
            (Class::Image, b"\xff\xd8\xff\xe0", "", None),
            (
                Class::Image,
                b"\xff\xd8\xff\xe0",
                "video/mp4",
                Some("uploaded as video/mp4"),
            ),
            (Class::Audio, pcm, "audio/wav", Some("PCM")),
            (Class::Audio, aac, "audio/wav", None),
            (Class::Audio, b"hello", "audio/wav", Some("unknown format")),
            (Class::Audio, b"", "", Some("empty")),
        ];
        for (class, head, content_type, expected) in cases {
            let found = verdict(class, head, content_type);
            match expected {
                None => assert_eq!(found, Ok(()), "{head:?}"),
                Some(text) => assert!(found.clone().unwrap_err().contains(text), "{head:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn links_and_data_are_judged_by_their_form() {
        let service = Service::new(crate::programme::Programme::default());
        let cases = [
            ("https://example.com/a.mp4", true),
            ("http://example.com/a.mp4", false),
            ("https://10.0.0.1/a.mp4", false),
            ("https://localhost/a.mp4", false),
            ("plate.mp4", false),
            ("data:video/mp4;base64,AAAA", true),
            ("data:image/png;base64,AAAA", false),
            ("data:video/mp4;base64,???", false),
            ("data:video/mp4,AAAA", false),
            ("ltx://uploads/none", false),
        ];
        for (uri, good) in cases {
            assert_eq!(one(&service, "retake", Class::Video, uri).is_ok(), good, "{uri}");
        }
    }
}
