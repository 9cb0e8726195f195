//! A source made ready for a provider: turned, converted, scaled, re-encoded. The file itself is never changed, and nothing
//! is touched that needs no change. It must not know providers; what they take comes as a policy.

use std::fmt;
use std::path::Path;

use fast_image_resize::FilterType;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use jpeg_encoder::{ColorType, Encoder};
use serde::{Deserialize, Serialize};

use crate::decode;
use crate::error::ImageError;
use crate::input::{Bytes, Limits, Probe};
use crate::shrink::{fit, flatten, resize};

/// Quality of a JPEG that is written because of a rotation or a conversion; then the ones tried to meet a byte limit.
const QUALITIES: [u8; 4] = [92, 85, 75, 65];
/// Stands for the quality of formats without loss.
const LOSSLESS: u8 = 100;
/// A picture is not scaled below this edge to meet a byte limit.
const SMALLEST_EDGE: u32 = 32;

/// What a provider takes and what the job wants.
#[derive(Clone, Copy, Debug)]
pub struct PreparePolicy<'a> {
    /// Turn the pixels as the EXIF orientation says.
    pub rotate: bool,
    /// Formats that may be sent.
    pub accepted: &'a [PictureFormat],
    /// What others become: PNG, JPEG or WebP (lossless); another format counts as PNG.
    pub convert_to: PictureFormat,
    /// Longer edge in pixels, at most.
    pub max_edge: Option<u32>,
    /// Width times height, at most.
    pub max_pixels: Option<u64>,
    /// Encoded bytes, at most.
    pub max_bytes: Option<u64>,
}

/// A source, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// Nothing was needed: the file's own bytes are sent.
    AsIs(Probe),
    /// A changed copy. The same input and policy give the same bytes.
    Changed {
        /// The encoded picture.
        bytes: Vec<u8>,
        /// Its type.
        format: PictureFormat,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// BLAKE3 of `bytes`.
        blake3: ContentHash,
        /// What was done, in order.
        steps: Vec<Step>,
    },
}

/// One thing that was done to a source. Kept in the task's record and shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Turned or mirrored as EXIF said.
    Rotated {
        /// EXIF orientation, 2 to 8.
        orientation: u8,
    },
    /// Written in another format.
    Converted {
        /// What it was.
        from: PictureFormat,
        /// What it is now.
        to: PictureFormat,
    },
    /// Made smaller.
    Scaled {
        /// Width and height before.
        from: (u32, u32),
        /// Width and height after.
        to: (u32, u32),
    },
    /// Written again in the same format, to meet a byte limit.
    Reencoded {
        /// JPEG quality, 1 to 99; 100 stands for a format without loss.
        quality: u8,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotated { orientation } => write!(f, "turned upright (EXIF orientation {orientation})"),
            Self::Converted { from, to } => write!(f, "converted from {from} to {to}"),
            Self::Scaled { from, to } => write!(f, "scaled from {}×{} to {}×{}", from.0, from.1, to.0, to.1),
            Self::Reencoded { quality: LOSSLESS } => f.write_str("written again without loss"),
            Self::Reencoded { quality } => write!(f, "written again as JPEG of quality {quality}"),
        }
    }
}

/// Makes `path` ready to be sent. Pixels are decoded only when something must change; 16-bit pictures become 8-bit then. A
/// colour profile is kept. Transparent parts become white where the new format has no transparency.
///
/// When `rotate` is off and something else must change, the copy has the pixels as stored and no EXIF orientation.
///
/// # Errors
/// The source cannot be read or decoded, or no reasonable version fits `max_bytes`.
pub fn prepare(path: &Path, policy: &PreparePolicy<'_>) -> Result<Prepared, ImageError> {
    let file = Bytes::File(path);
    let probe = decode::probe(file)?;
    let orientation = Orientation::from_exif(probe.orientation).filter(|_| policy.rotate);
    let turn = orientation.filter(|orientation| *orientation != Orientation::NoTransforms);
    let accepted = policy.accepted.contains(&probe.format);
    let target = target_size(probe.width, probe.height, policy);
    let fits = policy.max_bytes.is_none_or(|max| probe.bytes <= max);
    if turn.is_none() && accepted && target == (probe.width, probe.height) && fits {
        return Ok(Prepared::AsIs(probe));
    }

    let (mut picture, profile) = decode::pixels_and_profile(file, &probe, &Limits::SOURCES)?;
    let mut steps = Vec::new();
    if let Some(orientation) = turn {
        picture.apply_orientation(orientation);
        steps.push(Step::Rotated { orientation: orientation.to_exif() });
    }
    let before = (picture.width(), picture.height());
    let (width, height) = target_size(before.0, before.1, policy);
    if (width, height) != before {
        picture = resize(&picture, width, height, FilterType::Lanczos3);
        steps.push(Step::Scaled { from: before, to: (width, height) });
    }
    let mut copy =
        Copy { picture: to_eight_bits(picture), profile, format: written_as(probe.format, accepted, policy) };
    if copy.format != probe.format {
        steps.push(Step::Converted { from: probe.format, to: copy.format });
    }
    let bytes = match policy.max_bytes {
        None => copy.encode(QUALITIES[0])?,
        Some(max_bytes) => copy.encode_within(max_bytes, policy.accepted, &mut steps)?,
    };
    Ok(Prepared::Changed {
        blake3: ContentHash::of(&bytes),
        format: copy.format,
        width: copy.picture.width(),
        height: copy.picture.height(),
        bytes,
        steps,
    })
}

/// The format of a changed copy: its own where we can write that and it is taken, else the wanted one.
fn written_as(from: PictureFormat, accepted: bool, policy: &PreparePolicy<'_>) -> PictureFormat {
    let wanted = if accepted { from } else { policy.convert_to };
    match (wanted, policy.convert_to) {
        (PictureFormat::Png | PictureFormat::Jpeg | PictureFormat::Webp, _) => wanted,
        (_, PictureFormat::Jpeg | PictureFormat::Webp) => policy.convert_to,
        _ => PictureFormat::Png,
    }
}

fn target_size(width: u32, height: u32, policy: &PreparePolicy<'_>) -> (u32, u32) {
    let (mut width, mut height) = fit(width, height, policy.max_edge.unwrap_or(u32::MAX));
    if let Some(max_pixels) = policy.max_pixels {
        let pixels = |width, height| u64::from(width) * u64::from(height);
        if pixels(width, height) > max_pixels {
            let shrink = (max_pixels as f64 / pixels(width, height) as f64).sqrt();
            let scaled = |length: u32| ((f64::from(length) * shrink) as u32).max(1);
            (width, height) = (scaled(width), scaled(height));
        }
    }
    (width, height)
}

fn to_eight_bits(picture: DynamicImage) -> DynamicImage {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16, ImageRgb8, ImageRgba8};
    match picture {
        ImageLuma8(_) | ImageLumaA8(_) | ImageRgb8(_) | ImageRgba8(_) => picture,
        ImageLuma16(_) => picture.into_luma8().into(),
        ImageLumaA16(_) => picture.into_luma_alpha8().into(),
        other if other.color().has_alpha() => other.into_rgba8().into(),
        other => other.into_rgb8().into(),
    }
}

/// The changed picture on its way to bytes.
struct Copy {
    picture: DynamicImage,
    profile: Option<Vec<u8>>,
    format: PictureFormat,
}

impl Copy {
    /// Tries less and less: as it is, as a JPEG where one is taken and nothing is transparent, lower quality, fewer pixels.
    fn encode_within(
        &mut self,
        max_bytes: u64,
        accepted: &[PictureFormat],
        steps: &mut Vec<Step>,
    ) -> Result<Vec<u8>, ImageError> {
        let fits = |bytes: &[u8]| bytes.len() as u64 <= max_bytes;
        let bytes = self.encode(QUALITIES[0])?;
        if fits(&bytes) {
            if steps.is_empty() {
                steps.push(Step::Reencoded { quality: self.quality(QUALITIES[0]) });
            }
            return Ok(bytes);
        }
        let opaque = !self.picture.color().has_alpha() || is_opaque(&self.picture);
        if self.format != PictureFormat::Jpeg && opaque && accepted.contains(&PictureFormat::Jpeg) {
            steps.push(Step::Converted { from: self.format, to: PictureFormat::Jpeg });
            self.format = PictureFormat::Jpeg;
        }
        let full_size = (self.picture.width(), self.picture.height());
        loop {
            let (quality, bytes) = self.encode_down_to(fits)?;
            let (width, height) = (self.picture.width(), self.picture.height());
            if fits(&bytes) {
                if (width, height) != full_size {
                    steps.push(Step::Scaled { from: full_size, to: (width, height) });
                }
                if quality != self.quality(QUALITIES[0]) {
                    steps.push(Step::Reencoded { quality });
                }
                return Ok(bytes);
            }
            // bytes grow about as the pixels do; aim a little below and never shrink by less than a tenth
            let shrink = ((max_bytes as f64 / bytes.len() as f64).sqrt() * 0.95).clamp(0.3, 0.9);
            let edge = (f64::from(width.max(height)) * shrink) as u32;
            if edge < SMALLEST_EDGE {
                return Err(ImageError::CannotFit { max_bytes });
            }
            let (width, height) = fit(width, height, edge);
            self.picture = resize(&self.picture, width, height, FilterType::Lanczos3);
        }
    }

    /// The best quality that fits, else the lowest one.
    fn encode_down_to(&self, fits: impl Fn(&[u8]) -> bool) -> Result<(u8, Vec<u8>), ImageError> {
        let qualities = if self.format == PictureFormat::Jpeg { &QUALITIES[..] } else { &QUALITIES[..1] };
        let mut last = Vec::new();
        let mut quality = LOSSLESS;
        for tried in qualities {
            quality = self.quality(*tried);
            last = self.encode(*tried)?;
            if fits(&last) {
                break;
            }
        }
        Ok((quality, last))
    }

    /// What `quality` means for this format.
    fn quality(&self, quality: u8) -> u8 {
        if self.format == PictureFormat::Jpeg { quality } else { LOSSLESS }
    }

    fn encode(&self, quality: u8) -> Result<Vec<u8>, ImageError> {
        let mut out = Vec::new();
        let failed = |detail: String| ImageError::Encode { format: self.format, detail };
        match self.format {
            PictureFormat::Jpeg => self.encode_jpeg(&mut out, quality)?,
            PictureFormat::Webp => {
                // the encoder takes RGB and RGBA; it writes lossless files
                let picture = match &self.picture {
                    DynamicImage::ImageLuma8(_) => DynamicImage::ImageRgb8(self.picture.to_rgb8()),
                    DynamicImage::ImageLumaA8(_) => DynamicImage::ImageRgba8(self.picture.to_rgba8()),
                    other => other.clone(),
                };
                let encoder = WebPEncoder::new_lossless(&mut out);
                self.write(encoder, &picture).map_err(|error| failed(error.to_string()))?;
            }
            _ => {
                let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Default, PngFilter::Adaptive);
                self.write(encoder, &self.picture).map_err(|error| failed(error.to_string()))?;
            }
        }
        Ok(out)
    }

    fn write(&self, mut encoder: impl ImageEncoder, picture: &DynamicImage) -> image::ImageResult<()> {
        if let Some(profile) = &self.profile {
            // a format without room for a profile loses it; the pixels are right all the same
            let _ = encoder.set_icc_profile(profile.clone());
        }
        encoder.write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into())
    }

    fn encode_jpeg(&self, out: &mut Vec<u8>, quality: u8) -> Result<(), ImageError> {
        let failed = |detail: String| ImageError::Encode { format: PictureFormat::Jpeg, detail };
        let edge = |length: u32| u16::try_from(length).map_err(|_| failed("an edge is too long".to_owned()));
        let (width, height) = (edge(self.picture.width())?, edge(self.picture.height())?);
        let mut encoder = Encoder::new(out, quality);
        if let Some(profile) = &self.profile {
            encoder.add_icc_profile(profile).map_err(|error| failed(error.to_string()))?;
        }
        let written = match &self.picture {
            DynamicImage::ImageLuma8(grey) => encoder.encode(grey.as_raw(), width, height, ColorType::Luma),
            DynamicImage::ImageRgb8(rgb) => encoder.encode(rgb.as_raw(), width, height, ColorType::Rgb),
            other => encoder.encode(flatten(other.clone()).as_raw(), width, height, ColorType::Rgb),
        };
        written.map_err(|error| failed(error.to_string()))
    }
}

fn is_opaque(picture: &DynamicImage) -> bool {
    match picture {
        DynamicImage::ImageRgba8(rgba) => rgba.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == u8::MAX),
        DynamicImage::ImageLumaA8(grey) => grey.as_chunks::<2>().0.iter().all(|pixel| pixel[1] == u8::MAX),
        _ => true,
    }
}
