//! The frames: genuine OpenEXR files that show their own number.
//!
//! A frame is made from the seed of its job, the programme, and its number, and from nothing else. All frames of an archive
//! share everything but a band of rows across the middle, in which the number stands in block digits; what is shared is made
//! once by the `exr` crate, the band is filled in here. Frames that are compressed inside are written by the `exr` crate one
//! by one.

use std::io::Cursor;

use bytes::Bytes;
use exr::meta::attribute::Chromaticities;
use exr::prelude::{
    AttributeValue, Encoding, Image, Layer, LayerAttributes, SpecificChannels, Text, Vec2, WritableImage as _,
};
use half::f16;

use crate::programme::{ArchiveShape, Compression};

/// What the pictures of one job are grown from.
pub(crate) type Seed = [u8; 32];

type Failure = exr::error::Error;

/// Digits of three by five blocks; bit 2 of a row is its left block.
const DIGITS: [[u8; 5]; 10] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b001, 0b001, 0b001],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];

/// Digits shown, with leading zeros.
const SHOWN: u32 = 5;

/// Brightness of a lit block: well above 1.0, as scene-linear pictures have it.
pub(crate) const LIT: f32 = 4.0;

/// All frames of one archive.
#[derive(Debug)]
pub(crate) struct Frames {
    width: usize,
    height: usize,
    compression: Compression,
    colorspace: String,
    padding: Bytes,
    seed: Seed,
    /// An uncompressed frame; the rows of its band are not filled in.
    template: Bytes,
    pixels_at: usize,
    band: std::ops::Range<usize>,
    scale: usize,
    before_crc: u32,
    after_crc: u32,
}

impl Frames {
    pub(crate) fn new(shape: &ArchiveShape, colorspace: &str, seed: Seed) -> Result<Self, Failure> {
        let (width, height) = (shape.width as usize, shape.height as usize);
        let scale = (width / 20).min(height / 9).clamp(1, 24);
        let rows = (5 * scale).min(height);
        let top = (height - rows) / 2;
        let mut frames = Self {
            width,
            height,
            compression: shape.compression,
            colorspace: colorspace.to_owned(),
            padding: noise(&seed, shape.padding as usize),
            seed,
            template: Bytes::new(),
            pixels_at: 0,
            band: top..top + rows,
            scale,
            before_crc: 0,
            after_crc: 0,
        };
        let template = frames.write(Encoding::UNCOMPRESSED, |x, y| frames.background(x, y))?;
        frames.pixels_at = template.len().saturating_sub(height * frames.row_len());
        frames.template = Bytes::from(template);
        if let Some((before, after)) = frames.shared() {
            frames.before_crc = crc32fast::hash(&before);
            frames.after_crc = crc32fast::hash(&after);
        }
        Ok(frames)
    }

    /// One scan line in an uncompressed file: its number, its length, then the halfs of B, G and R.
    fn row_len(&self) -> usize {
        8 + 6 * self.width
    }

    fn band_at(&self) -> usize {
        self.pixels_at + self.band.start * self.row_len()
    }

    pub(crate) fn band_len(&self) -> usize {
        self.band.len() * self.row_len()
    }

    /// The bytes before and after the band, which all frames share; `None` when frames are compressed inside.
    pub(crate) fn shared(&self) -> Option<(Bytes, Bytes)> {
        (self.compression == Compression::None).then(|| {
            let start = self.band_at();
            (
                self.template.slice(..start),
                self.template.slice(start + self.band_len()..),
            )
        })
    }

    /// The rows of the band of this frame, as they stand in an uncompressed file.
    pub(crate) fn band(&self, number: u32) -> Bytes {
        let mut bytes = Vec::with_capacity(self.band_len());
        let mut font_row = usize::MAX;
        let mut planes: Vec<u8> = Vec::new();
        for (index, y) in self.band.clone().enumerate() {
            if font_row != index / self.scale {
                font_row = index / self.scale;
                planes = self.band_row(number, font_row);
            }
            bytes.extend(u32::try_from(y).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(u32::try_from(planes.len()).unwrap_or(u32::MAX).to_le_bytes());
            let start = bytes.len();
            bytes.extend_from_slice(&planes);
            if index == 0 {
                // However small the picture: its first pixel tells the frames apart (halfs are exact up to 2048).
                let marker = [0.0, (number / 2048) as f32, (number % 2048) as f32];
                for (plane, value) in marker.into_iter().enumerate() {
                    let at = start + plane * 2 * self.width;
                    if let Some(target) = bytes.get_mut(at..at + 2) {
                        target.copy_from_slice(&f16::from_f32(value).to_le_bytes());
                    }
                }
            }
        }
        Bytes::from(bytes)
    }

    /// B, G and R of one row of the font.
    fn band_row(&self, number: u32, font_row: usize) -> Vec<u8> {
        let tint = 0.02 + 0.01 * (number % 7) as f32;
        let dark = [f16::from_f32(tint), f16::from_f32(0.01), f16::from_f32(0.02)];
        let lit = f16::from_f32(LIT);
        let left = self.width.saturating_sub(19 * self.scale) / 2;
        let mut row = Vec::with_capacity(6 * self.width);
        for dark in dark {
            let end = row.len() + 2 * self.width;
            row.extend(dark.to_le_bytes().repeat(left));
            for column in 0..4 * SHOWN as usize {
                let colour = if is_lit(number, column, font_row) { lit } else { dark };
                row.extend(colour.to_le_bytes().repeat(self.scale));
            }
            row.extend(dark.to_le_bytes().repeat(self.width));
            row.truncate(end);
        }
        row
    }

    /// What is behind the digits: gradients that differ by job, and a bar of highlights.
    fn background(&self, x: usize, y: usize) -> [f16; 3] {
        let (u, v) = (x as f32 / self.width as f32, y as f32 / self.height as f32);
        let own = |index: usize| f32::from(self.seed.get(index).copied().unwrap_or_default()) / 255.0;
        let bright = if u > 0.875 { 6.0 + 10.0 * v } else { 1.0 };
        [
            u * bright,
            v * bright,
            (0.05 + 0.9 * own(0)) * bright * (0.5 + 0.5 * own(1)),
        ]
        .map(f16::from_f32)
    }

    /// Length and CRC-32 of one frame. Uncompressed frames are not built for it.
    pub(crate) fn measure(&self, number: u32) -> Result<(u64, u32), Failure> {
        match self.shared() {
            Some((before, after)) => {
                let mut crc = crc32fast::Hasher::new_with_initial_len(self.before_crc, before.len() as u64);
                crc.update(&self.band(number));
                crc.combine(&crc32fast::Hasher::new_with_initial_len(
                    self.after_crc,
                    after.len() as u64,
                ));
                Ok((self.template.len() as u64, crc.finalize()))
            }
            None => {
                let bytes = self.whole(number)?;
                Ok((bytes.len() as u64, crc32fast::hash(&bytes)))
            }
        }
    }

    /// One frame, in pieces.
    pub(crate) fn parts(&self, number: u32) -> Result<Vec<Bytes>, Failure> {
        match self.shared() {
            Some((before, after)) => Ok(vec![before, self.band(number), after]),
            None => Ok(vec![self.whole(number)?]),
        }
    }

    /// One frame that is compressed inside.
    pub(crate) fn whole(&self, number: u32) -> Result<Bytes, Failure> {
        let band = self.band(number);
        let row_len = self.row_len();
        let at = |bytes: &[u8], start: usize, x: usize| {
            [2, 1, 0].map(|plane| {
                let at = start + 8 + plane * 2 * self.width + 2 * x;
                let pair = bytes.get(at..at + 2).and_then(|pair| <[u8; 2]>::try_from(pair).ok());
                f16::from_le_bytes(pair.unwrap_or_default())
            })
        };
        let bytes = self.write(Encoding::SMALL_LOSSLESS, |x, y| {
            if self.band.contains(&y) {
                at(&band, (y - self.band.start) * row_len, x)
            } else {
                at(&self.template, self.pixels_at + y * row_len, x)
            }
        })?;
        Ok(Bytes::from(bytes))
    }

    fn write(&self, encoding: Encoding, pixel: impl Fn(usize, usize) -> [f16; 3] + Sync) -> Result<Vec<u8>, Failure> {
        let channels = SpecificChannels::rgb(|Vec2(x, y)| {
            let [red, green, blue] = pixel(x, y);
            (red, green, blue)
        });
        let mut attributes = LayerAttributes::default();
        if !self.padding.is_empty() {
            // One custom attribute here and one below: each of the two maps has a single entry, so that their order, which
            // is random, never shows.
            let value = AttributeValue::Custom {
                kind: Text::from("opaque"),
                bytes: self.padding.iter().copied().collect(),
            };
            attributes.other.insert(Text::from("padding"), value);
        }
        let layer = Layer::new((self.width, self.height), attributes, encoding, channels);
        let mut image = Image::from_layer(layer);
        image.attributes.chromaticities = Some(chromaticities(&self.colorspace));
        image.attributes.other.insert(
            Text::from("colorSpace"),
            AttributeValue::Text(Text::from(self.colorspace.as_str())),
        );
        let mut file = Cursor::new(Vec::new());
        image.write().non_parallel().to_buffered(&mut file)?;
        Ok(file.into_inner())
    }
}

/// Whether the block at this column and row of the font is lit. Digits are three columns wide, one column apart.
pub(crate) fn is_lit(number: u32, column: usize, row: usize) -> bool {
    let (place, column) = (column / 4, column % 4);
    let Some(power) = u32::try_from(place)
        .ok()
        .filter(|place| *place < SHOWN)
        .map(|place| SHOWN - 1 - place)
    else {
        return false;
    };
    let digit = (number / 10_u32.pow(power)) % 10;
    let bits = DIGITS
        .get(digit as usize)
        .and_then(|rows| rows.get(row))
        .copied()
        .unwrap_or_default();
    column < 3 && bits & (0b100 >> column) != 0
}

/// Bytes that do not compress.
fn noise(seed: &Seed, len: usize) -> Bytes {
    let start = seed.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let mut random = fastrand::Rng::with_seed(start);
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    Bytes::from(bytes)
}

fn chromaticities(colorspace: &str) -> Chromaticities {
    let (red, green, blue, white) = match colorspace {
        "srgb_linear" => ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
        "aces2065-1" => ((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.0770), (0.32168, 0.33767)),
        // acescg and acescct: AP1
        _ => ((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), (0.32168, 0.33767)),
    };
    let point = |(x, y)| Vec2(x, y);
    Chromaticities {
        red: point(red),
        green: point(green),
        blue: point(blue),
        white: point(white),
    }
}
