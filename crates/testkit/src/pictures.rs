//! Small pictures made by rule: the same arguments give the same bytes. Different seeds give pictures that differ in layout
//! as well as in colour, so that no check takes them for copies of each other.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgb, RgbImage};
use imagemill_domain::picture::PictureFormat;

/// Pixels: a gradient with three bright or dark discs, all from the seed.
pub fn pixels(seed: u64, width: u32, height: u32) -> RgbImage {
    let mut state = seed;
    let mut next = || {
        // SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014)
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    };
    let mut colour = || [next() * 255.0, next() * 255.0, next() * 255.0];
    let (from, to) = (colour(), colour());
    let discs: [_; 3] = std::array::from_fn(|_| (colour(), colour()));
    RgbImage::from_fn(width, height, |x, y| {
        let (across, down) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut mix = f32::midpoint(across, down);
        let mut base = (from, to);
        for (place, paint) in &discs {
            let (dx, dy) = (across - place[0] / 255.0, down - place[1] / 255.0);
            let radius = 0.1 + place[2] / 1500.0;
            if dx * dx + dy * dy < radius * radius {
                base = (*paint, *paint);
                mix = 0.0;
            }
        }
        Rgb(std::array::from_fn(|channel| (base.0[channel] * (1.0 - mix) + base.1[channel] * mix) as u8))
    })
}

/// A picture in any format. WebP is lossless.
///
/// # Panics
/// Never for edges of 1 to 65,535 pixels.
pub fn encoded(format: PictureFormat, seed: u64, width: u32, height: u32) -> Vec<u8> {
    let format = match format {
        PictureFormat::Png => ImageFormat::Png,
        PictureFormat::Jpeg => ImageFormat::Jpeg,
        PictureFormat::Webp => ImageFormat::WebP,
        PictureFormat::Gif => ImageFormat::Gif,
        PictureFormat::Bmp => ImageFormat::Bmp,
        PictureFormat::Tiff => ImageFormat::Tiff,
    };
    encode(&DynamicImage::ImageRgb8(pixels(seed, width, height)), format)
}

/// Any pixels in any format that takes them.
///
/// # Panics
/// When the format does not take this kind of pixel.
pub fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).expect("the format takes these pixels");
    out.into_inner()
}

/// 8-bit RGB.
pub fn png(seed: u64, width: u32, height: u32) -> Vec<u8> {
    encoded(PictureFormat::Png, seed, width, height)
}

/// Upright, without EXIF.
pub fn jpeg(seed: u64, width: u32, height: u32) -> Vec<u8> {
    encoded(PictureFormat::Jpeg, seed, width, height)
}

/// Lossless.
pub fn webp(seed: u64, width: u32, height: u32) -> Vec<u8> {
    encoded(PictureFormat::Webp, seed, width, height)
}

/// One frame.
pub fn gif(seed: u64, width: u32, height: u32) -> Vec<u8> {
    encoded(PictureFormat::Gif, seed, width, height)
}

/// A JPEG of quality 95 with an EXIF orientation of 1 to 8. A viewer that obeys it shows [`pixels`] of the same seed, `width`
/// and `height`; for 5 to 8 the stored picture is `height`×`width`.
///
/// # Panics
/// When `orientation` is not 1 to 8.
pub fn jpeg_with_orientation(seed: u64, width: u32, height: u32, orientation: u8) -> Vec<u8> {
    let meant = Orientation::from_exif(orientation).expect("an EXIF orientation is 1 to 8");
    let undo = match meant {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        other => other,
    };
    let mut stored = DynamicImage::ImageRgb8(pixels(seed, width, height));
    stored.apply_orientation(undo);
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, 95);
    encoder.set_exif_metadata(exif(orientation)).expect("JPEG takes EXIF");
    encoder
        .write_image(stored.as_bytes(), stored.width(), stored.height(), stored.color().into())
        .expect("JPEG takes 8-bit RGB");
    out
}

/// A TIFF header with one directory that holds the orientation (tag 274, SHORT).
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

/// A PNG whose data end in the middle: the header is fine, the pixels are not.
pub fn broken_png() -> Vec<u8> {
    let mut bytes = png(3, 96, 64);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// A well-formed PNG of a few hundred bytes that claims 50,000×50,000 pixels.
pub fn bomb_png() -> Vec<u8> {
    let mut bytes = png(1, 8, 8);
    let claimed = 50_000u32.to_be_bytes();
    bytes[16..20].copy_from_slice(&claimed);
    bytes[20..24].copy_from_slice(&claimed);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The checksum of a PNG chunk (ISO 3309), bit by bit: it is used on 17 bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_repeat_and_differ_by_seed() {
        assert_eq!(png(1, 32, 24), png(1, 32, 24));
        assert_ne!(png(1, 32, 24), png(2, 32, 24));
        for format in PictureFormat::ALL {
            let bytes = encoded(format, 1, 32, 24);
            assert_eq!(PictureFormat::sniff(&bytes), Some(format));
            let decoded = image::load_from_memory(&bytes).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (32, 24));
        }
    }

    #[test]
    fn bomb_has_a_sound_header() {
        let bytes = bomb_png();
        let reader = image::ImageReader::with_format(Cursor::new(&bytes), ImageFormat::Png);
        assert_eq!(reader.into_dimensions().unwrap(), (50_000, 50_000));
        assert!(bytes.len() < 1000);
        assert!(image::load_from_memory(&broken_png()).is_err());
    }
}
