//! Header and pixels of one picture through the `image` decoders, within limits. It must not make anything of them.

use std::io::{Cursor, Read};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use imagemill_domain::picture::PictureFormat;

use crate::error::ImageError;
use crate::input::{Bytes, Limits, Probe, Stream, sniff};
use crate::jpeg;

/// The header only.
pub(crate) fn probe(bytes: Bytes<'_>) -> Result<Probe, ImageError> {
    let (mut stream, length) = bytes.open()?;
    let format = sniff(stream.as_mut())?;
    let (width, height, orientation) = if format == PictureFormat::Jpeg {
        let header = jpeg::header(stream.as_mut())?.ok_or_else(|| damaged(format, "its header is incomplete"))?;
        (header.width, header.height, header.orientation)
    } else {
        let mut decoder = reader(stream, format).into_decoder().map_err(|error| translate(format, &error))?;
        let (width, height) = decoder.dimensions();
        // A broken EXIF block does not make the picture unreadable.
        let orientation = decoder.orientation().map_or(1, image::metadata::Orientation::to_exif);
        (width, height, orientation)
    };
    if width == 0 || height == 0 {
        return Err(damaged(format, "its header claims no pixels"));
    }
    Ok(Probe { format, width, height, orientation, bytes: length })
}

/// All pixels, as stored. The header was read and checked by the caller, so that a picture that claims too much is refused
/// before any of its pixels are allocated.
pub(crate) fn pixels(bytes: Bytes<'_>, probe: &Probe, limits: &Limits) -> Result<DynamicImage, ImageError> {
    Ok(pixels_and_profile(bytes, probe, limits)?.0)
}

/// All pixels, and the colour profile they are meant in.
pub(crate) fn pixels_and_profile(
    bytes: Bytes<'_>,
    probe: &Probe,
    limits: &Limits,
) -> Result<(DynamicImage, Option<Vec<u8>>), ImageError> {
    limits.check(probe)?;
    let format = probe.format;
    let (mut stream, _) = bytes.open()?;
    if format == PictureFormat::Jpeg {
        let mut data = Vec::with_capacity(usize::try_from(probe.bytes).unwrap_or_default());
        stream.read_to_end(&mut data)?;
        if !jpeg::is_complete(&data) {
            return Err(damaged(format, "its data end before the picture does"));
        }
        stream = Box::new(Cursor::new(data));
    }
    let mut reader = reader(stream, format);
    let mut decoder_limits = image::Limits::default();
    // The largest pixel is 8 bytes (16-bit RGBA); once for the picture and once for what a decoder keeps beside it.
    decoder_limits.max_alloc = Some(limits.max_pixels.saturating_mul(16));
    reader.limits(decoder_limits);
    let mut decoder = reader.into_decoder().map_err(|error| translate(format, &error))?;
    let profile = decoder.icc_profile().unwrap_or_default();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| translate(format, &error))?;
    Ok((picture, profile))
}

fn reader<'a>(stream: Box<dyn Stream + 'a>, format: PictureFormat) -> ImageReader<Box<dyn Stream + 'a>> {
    ImageReader::with_format(stream, image_format(format))
}

/// The same format in the words of the `image` crate.
pub(crate) fn image_format(format: PictureFormat) -> ImageFormat {
    match format {
        PictureFormat::Png => ImageFormat::Png,
        PictureFormat::Jpeg => ImageFormat::Jpeg,
        PictureFormat::Webp => ImageFormat::WebP,
        PictureFormat::Gif => ImageFormat::Gif,
        PictureFormat::Bmp => ImageFormat::Bmp,
        PictureFormat::Tiff => ImageFormat::Tiff,
    }
}

fn damaged(format: PictureFormat, detail: impl Into<String>) -> ImageError {
    ImageError::Damaged { format, detail: detail.into() }
}

fn translate(format: PictureFormat, error: &image::ImageError) -> ImageError {
    damaged(format, error.to_string())
}
