//! A copy of a picture as PNG, for programs that do not read its own format. Pixels stay as they are.

use std::io::Cursor;

use image::ImageFormat;
use imagemill_domain::picture::PictureFormat;

use crate::decode;
use crate::error::ImageError;
use crate::input::{Bytes, Limits};

/// The pixels of a picture as a PNG file.
pub fn as_png(bytes: Bytes<'_>) -> Result<Vec<u8>, ImageError> {
    let probe = decode::probe(bytes)?;
    let picture = decode::pixels(bytes, &probe, &Limits::SOURCES)?;
    let mut png = Cursor::new(Vec::new());
    let wrong = |error: image::ImageError| ImageError::Encode { format: PictureFormat::Png, detail: error.to_string() };
    picture.write_to(&mut png, ImageFormat::Png).map_err(wrong)?;
    Ok(png.into_inner())
}
