//! Received bytes to a checked picture: sniff, bounds, full decode, thumbnail, look. It must not write files.

use std::io::Read;
use std::path::Path;

use image::RgbImage;
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use jpeg_encoder::{ColorType, Encoder};

use crate::decode;
use crate::error::ImageError;
use crate::input::{Bytes, Limits, Probe};
use crate::look::Look;
use crate::shrink::thumbnail;

/// Longer edge of a thumbnail, in pixels, at most.
pub const THUMBNAIL_EDGE: u32 = 512;
/// JPEG quality of a thumbnail.
pub const THUMBNAIL_QUALITY: u8 = 82;

/// A picture whose pixels were all decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// Type by content.
    pub format: PictureFormat,
    /// Width in pixels as stored, before any EXIF rotation.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// 64-bit perceptual hash; near pictures differ in few bits.
    pub phash: u64,
    /// One flat colour.
    pub blank: bool,
    /// JPEG, quality 82, longer edge at most 512 pixels and never larger than the original, transparent parts on white.
    pub thumbnail: Vec<u8>,
    /// What `findings` compares.
    pub look: Look,
}

/// Decodes a picture completely and measures it. The header is checked against `limits` before any pixel is allocated, so
/// a picture that claims 50,000×50,000 pixels costs nothing. One decoded picture is in memory at a time.
///
/// # Errors
/// No picture, more than `limits` allow, damaged or cut data, or the file cannot be read.
pub fn ingest(bytes: Bytes<'_>, limits: &Limits) -> Result<Ingested, ImageError> {
    let probe = decode::probe(bytes)?;
    let Probe { format, width, height, .. } = probe;
    let picture = decode::pixels(bytes, &probe, limits)?;
    let small = thumbnail(picture, THUMBNAIL_EDGE);
    let thumbnail = encode_jpeg(&small, THUMBNAIL_QUALITY)?;
    let look = Look::of_thumbnail(small, width, height);
    Ok(Ingested { format, width, height, phash: look.phash, blank: look.blank, thumbnail, look })
}

/// Reads the header only: type by content, size, orientation. The pixels may still be damaged.
///
/// # Errors
/// No picture, an incomplete header, or the file cannot be read.
pub fn probe(bytes: Bytes<'_>) -> Result<Probe, ImageError> {
    decode::probe(bytes)
}

/// Name by content and header of a file: what a scan of sources needs. The file is read once, as a stream.
///
/// # Errors
/// As for [`probe`].
pub fn facts(path: &Path) -> Result<(ContentHash, Probe), ImageError> {
    let probe = decode::probe(Bytes::File(path))?;
    let mut file = std::fs::File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        };
    }
    Ok((ContentHash(*hasher.finalize().as_bytes()), probe))
}

/// Baseline JPEG of 8-bit RGB.
pub(crate) fn encode_jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, ImageError> {
    let format = PictureFormat::Jpeg;
    let too_long = |_| ImageError::Encode { format, detail: "an edge is longer than 65,535 pixels".to_owned() };
    let width = u16::try_from(picture.width()).map_err(too_long)?;
    let height = u16::try_from(picture.height()).map_err(too_long)?;
    let mut out = Vec::with_capacity(picture.as_raw().len() / 8);
    Encoder::new(&mut out, quality)
        .encode(picture.as_raw(), width, height, ColorType::Rgb)
        .map_err(|error| ImageError::Encode { format, detail: error.to_string() })?;
    Ok(out)
}
