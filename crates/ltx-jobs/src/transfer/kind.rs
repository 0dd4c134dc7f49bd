//! What a file is, by its first bytes: for the extension of what is saved, and for the limits of what is uploaded.

use url::Url;

/// First bytes that are looked at.
pub(crate) const HEAD: usize = 64;

/// A kind of content that has its own first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKind {
    Mp4,
    Mov,
    M4a,
    Mkv,
    Webm,
    Png,
    Jpeg,
    Webp,
    Gif,
    Tiff,
    Exr,
    Wav,
    Mp3,
    Ogg,
    Flac,
    Zip,
}

/// What the service's limits go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaClass {
    Image,
    Video,
    Audio,
}

impl ContentKind {
    /// Recognises the kind by the first [`HEAD`] bytes.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
        if at(4, b"ftyp") {
            return Some(match head.get(8..12) {
                Some(b"qt  ") => Self::Mov,
                Some(b"M4A " | b"M4B ") => Self::M4a,
                _ => Self::Mp4,
            });
        }
        if at(0, b"\x1a\x45\xdf\xa3") {
            let webm = head.windows(4).any(|window| window == b"webm");
            return Some(if webm { Self::Webm } else { Self::Mkv });
        }
        if at(0, b"RIFF") || at(0, b"RF64") {
            return match head.get(8..12) {
                Some(b"WAVE") => Some(Self::Wav),
                Some(b"WEBP") => Some(Self::Webp),
                _ => None,
            };
        }
        let table: &[(&[u8], Self)] = &[
            (b"PK\x03\x04", Self::Zip),
            (b"PK\x05\x06", Self::Zip),
            (b"\x76\x2f\x31\x01", Self::Exr),
            (b"\x89PNG\r\n\x1a\n", Self::Png),
            (b"\xff\xd8\xff", Self::Jpeg),
            (b"GIF8", Self::Gif),
            (b"II*\0", Self::Tiff),
            (b"MM\0*", Self::Tiff),
            (b"OggS", Self::Ogg),
            (b"fLaC", Self::Flac),
            (b"ID3", Self::Mp3),
        ];
        if let Some((_, kind)) = table.iter().find(|(magic, _)| at(0, magic)) {
            return Some(*kind);
        }
        // Old QuickTime files begin with one of these atoms instead of `ftyp`.
        if [b"moov", b"mdat", b"wide", b"free", b"skip"]
            .iter()
            .any(|atom| at(4, *atom))
        {
            return Some(Self::Mov);
        }
        // An MPEG audio frame: eleven set bits, layer III.
        if let Some(&[0xff, second]) = head.get(..2)
            && second & 0xe6 == 0xe2
        {
            return Some(Self::Mp3);
        }
        None
    }

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::M4a => "m4a",
            Self::Mkv => "mkv",
            Self::Webm => "webm",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Tiff => "tif",
            Self::Exr => "exr",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Zip => "zip",
        }
    }

    /// The media type sent with an upload.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::M4a => "audio/mp4",
            Self::Mkv => "video/x-matroska",
            Self::Webm => "video/webm",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Tiff => "image/tiff",
            Self::Exr => "image/x-exr",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Zip => "application/zip",
        }
    }

    /// What the service takes this for; `None` when it takes it for no input at all.
    pub(crate) const fn class(self) -> Option<MediaClass> {
        match self {
            Self::Mp4 | Self::Mov | Self::Mkv => Some(MediaClass::Video),
            Self::Png | Self::Jpeg | Self::Webp => Some(MediaClass::Image),
            Self::Wav | Self::Mp3 | Self::M4a | Self::Ogg => Some(MediaClass::Audio),
            Self::Webm | Self::Gif | Self::Tiff | Self::Exr | Self::Flac | Self::Zip => None,
        }
    }
}

/// The extension for a saved file: by its first bytes, else its `Content-Type`, else the path of its URL, else `bin`.
pub(crate) fn extension(head: &[u8], content_type: Option<&str>, url: &Url) -> String {
    if let Some(kind) = ContentKind::of(head) {
        return kind.extension().to_owned();
    }
    let media_type = content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let known = match media_type.as_deref() {
        Some("application/json") => Some("json"),
        Some("text/plain") => Some("txt"),
        Some("text/csv") => Some("csv"),
        Some("video/mp4") => Some("mp4"),
        Some("video/quicktime") => Some("mov"),
        Some("image/png") => Some("png"),
        Some("image/jpeg") => Some("jpg"),
        _ => None,
    };
    if let Some(extension) = known {
        return extension.to_owned();
    }
    let from_path = url
        .path()
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, extension)| extension.to_ascii_lowercase());
    match from_path {
        Some(text) if (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => text,
        _ => "bin".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        let cases: &[(&[u8], Option<ContentKind>)] = &[
            (b"\0\0\0\x18ftypisom\0\0\0\0", Some(ContentKind::Mp4)),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", Some(ContentKind::Mov)),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", Some(ContentKind::M4a)),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Some(ContentKind::Mov)),
            (b"\x1a\x45\xdf\xa3\x42\x82\x88matroska", Some(ContentKind::Mkv)),
            (b"\x1a\x45\xdf\xa3\x42\x82\x84webm", Some(ContentKind::Webm)),
            (b"RIFF\0\0\0\0WAVEfmt ", Some(ContentKind::Wav)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(ContentKind::Webp)),
            (b"RIFF\0\0\0\0AVI LIST", None),
            (b"\xff\xd8\xff\xe0", Some(ContentKind::Jpeg)),
            (b"\xff\xfb\x90\x64", Some(ContentKind::Mp3)),
            (b"ID3\x04", Some(ContentKind::Mp3)),
            (b"OggS\0", Some(ContentKind::Ogg)),
            (b"PK\x03\x04", Some(ContentKind::Zip)),
            (b"\x76\x2f\x31\x01\x02", Some(ContentKind::Exr)),
            (b"<html>", None),
            (b"", None),
        ];
        for (head, kind) in cases {
            assert_eq!(ContentKind::of(head), *kind, "{head:?}");
        }
    }

    #[test]
    fn the_extension_comes_from_content_then_type_then_path() {
        let url = Url::parse("https://s.example/o/clip.MXF?X=1.sig").unwrap();
        assert_eq!(extension(b"PK\x03\x04", Some("video/mp4"), &url), "zip");
        assert_eq!(
            extension(b"????", Some("application/json; charset=utf-8"), &url),
            "json"
        );
        assert_eq!(extension(b"????", Some("application/octet-stream"), &url), "mxf");
        for path in [
            "https://s.example/o",
            "https://s.example/a.b/c",
            "https://s.example/x.%2e%2e",
            "https://s.example/x.waytoolong",
        ] {
            assert_eq!(extension(b"????", None, &Url::parse(path).unwrap()), "bin", "{path}");
        }
    }
}
