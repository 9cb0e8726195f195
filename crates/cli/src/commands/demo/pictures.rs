//! Draws the demo's source pictures: small landscapes, each different, in the formats and with the quirks that real folders
//! have. The same pictures on every machine.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};

/// Width and height as a person sees them.
const SIZE: (u32, u32) = (640, 480);

/// Writes the pictures and says how many of them can be edited.
pub(super) fn write(folder: &Path) -> std::io::Result<u64> {
    std::fs::create_dir_all(folder.join("coast"))?;
    let mut whole = 0;
    for number in 1..=9_u32 {
        let picture = landscape(number);
        let (suffix, bytes) = match number % 3 {
            0 => ("webp", encode(&picture, ImageFormat::WebP)),
            1 => ("png", encode(&picture, ImageFormat::Png)),
            _ => ("jpg", jpeg(&picture)),
        };
        let place = if number > 6 { folder.join("coast") } else { folder.to_path_buf() };
        std::fs::write(place.join(format!("{number:03}_start.{suffix}")), bytes)?;
        whole += 1;
    }
    // Held sideways: the pixels lie, an EXIF entry says how to turn them.
    std::fs::write(
        folder.join("010_start.jpg"),
        with_orientation(&jpeg(&image::imageops::rotate270(&landscape(10))), 6),
    )?;
    whole += 1;
    std::fs::copy(folder.join("001_start.png"), folder.join("011_start.png"))?;
    std::fs::write(folder.join("012_start.jpg"), "this is no picture, whatever its name says\n")?;
    Ok(whole)
}

/// Sky, sun, hills and a house or a boat, by number.
fn landscape(number: u32) -> RgbImage {
    let (width, height) = SIZE;
    let seed = f64::from(number);
    let hue = (seed * 0.618_034).fract();
    let sky = color(0.52 + hue * 0.12, 0.55, 0.95);
    let low_sky = color(0.08 + hue * 0.08, 0.45, 1.0);
    let sun = (f64::from(width) * (0.2 + 0.6 * (seed * 0.37).fract()), f64::from(height) * 0.28);
    let mut picture = RgbImage::from_fn(width, height, |x, y| {
        let (fx, fy) = (f64::from(x), f64::from(y));
        let distance = (fx - sun.0).hypot(fy - sun.1);
        let glow = (1.0 - distance / 260.0).clamp(0.0, 1.0).powi(2);
        let base = blend(sky, low_sky, (fy / f64::from(height) * 1.5).min(1.0));
        if distance < 34.0 { Rgb([255, 246, 214]) } else { blend(base, Rgb([255, 244, 210]), glow * 0.8) }
    });
    for layer in 0..3_u32 {
        let depth = f64::from(layer);
        let ground = color(0.28 + hue * 0.25 + depth * 0.02, 0.35 + depth * 0.12, 0.62 - depth * 0.16);
        for x in 0..width {
            let fx = f64::from(x) / f64::from(width);
            let wave = (fx * (5.0 + depth * 3.0) + seed * 1.7 + depth).sin() * 26.0
                + (fx * (11.0 + depth * 5.0) + seed * 0.9).sin() * 11.0;
            let top = (f64::from(height) * (0.52 + depth * 0.14) - wave).max(0.0) as u32;
            for y in top..height {
                let shade = f64::from(y - top) / f64::from(height) * 0.5;
                picture.put_pixel(x, y, blend(ground, Rgb([18, 26, 30]), shade));
            }
        }
    }
    house(&mut picture, 90 + number * 47 % 420, 300 + number * 13 % 60, color(hue, 0.5, 0.85));
    picture
}

/// A wall, a roof, a door and a window, 96 pixels wide.
fn house(picture: &mut RgbImage, left: u32, top: u32, wall: Rgb<u8>) {
    let roof = Rgb([120, 52, 44]);
    for y in 0..44_u32 {
        let half = y * 56 / 44;
        fill(picture, (left + 48).saturating_sub(half), top + y, half * 2, 1, roof);
    }
    fill(picture, left, top + 44, 96, 72, wall);
    fill(picture, left + 14, top + 76, 22, 40, Rgb([74, 48, 38]));
    fill(picture, left + 54, top + 62, 28, 24, Rgb([236, 244, 250]));
    fill(picture, left + 67, top + 62, 2, 24, roof);
}

fn fill(picture: &mut RgbImage, left: u32, top: u32, width: u32, height: u32, color: Rgb<u8>) {
    for y in top..(top + height).min(picture.height()) {
        for x in left..(left + width).min(picture.width()) {
            picture.put_pixel(x, y, color);
        }
    }
}

/// Hue, saturation and value from 0 to 1.
fn color(hue: f64, saturation: f64, value: f64) -> Rgb<u8> {
    let channel = |shift: f64| {
        let k = (shift + hue.fract() * 6.0) % 6.0;
        let part = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (part * 255.0).round() as u8
    };
    Rgb([channel(5.0), channel(3.0), channel(1.0)])
}

fn blend(from: Rgb<u8>, to: Rgb<u8>, share: f64) -> Rgb<u8> {
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    Rgb([mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2])])
}

fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("writing into memory cannot fail for these formats");
    bytes.into_inner()
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).expect("writing into memory cannot fail");
    bytes
}

/// Puts an EXIF segment with one entry, the orientation, behind the start marker of a JPEG (CIPA DC-008, 4.6).
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let tiff: [u8; 26] = [
        b'M',
        b'M',
        0,
        42,
        0,
        0,
        0,
        8, // big-endian, first directory at 8
        0,
        1, // one entry
        0x01,
        0x12,
        0,
        3,
        0,
        0,
        0,
        1,
        0,
        orientation,
        0,
        0, // orientation, SHORT, one value
        0,
        0,
        0,
        0, // no further directory
    ];
    let mut out = jpeg[..2].to_vec();
    let length = 2 + 6 + tiff.len() as u16;
    out.extend([0xff, 0xe1]);
    out.extend(length.to_be_bytes());
    out.extend(b"Exif\0\0");
    out.extend(tiff);
    out.extend(&jpeg[2..]);
    out
}

#[cfg(test)]
mod tests {
    use imagemill_imaging::{Bytes, probe};

    use super::*;

    #[test]
    fn the_pictures_are_what_they_should_be() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write(folder.path()).unwrap(), 10);
        let sideways = probe(Bytes::File(&folder.path().join("010_start.jpg"))).unwrap();
        assert_eq!((sideways.width, sideways.height, sideways.orientation), (480, 640, 6));
        let upright = probe(Bytes::File(&folder.path().join("003_start.webp"))).unwrap();
        assert_eq!((upright.width, upright.height), SIZE);
        assert!(probe(Bytes::File(&folder.path().join("012_start.jpg"))).is_err());
        assert_ne!(landscape(1), landscape(2));
    }
}
