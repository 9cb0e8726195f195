//! Ingest, probe and facts over sound, odd and hostile bytes.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat;
use imagemill_imaging::{Bytes, ImageError, Limits, facts, hamming, ingest, phash_of, probe};
use imagemill_testkit::{TempWorkspace, pictures};

fn from_memory(bytes: &[u8]) -> Result<imagemill_imaging::Ingested, ImageError> {
    ingest(Bytes::Memory(bytes), &Limits::default())
}

/// The message of a failure; panics when it did not fail.
fn message(bytes: &[u8]) -> String {
    from_memory(bytes).expect_err("these bytes are no sound picture").to_string()
}

#[test]
fn every_format_is_measured_and_gets_a_thumbnail() {
    for format in PictureFormat::ALL {
        let bytes = pictures::encoded(format, 5, 1200, 600);
        let found = from_memory(&bytes).unwrap();
        assert_eq!((found.format, found.width, found.height), (format, 1200, 600), "{format}");
        assert!(!found.blank, "{format}");
        let thumbnail = image::load_from_memory_with_format(&found.thumbnail, ImageFormat::Jpeg).unwrap();
        assert_eq!((thumbnail.width(), thumbnail.height()), (512, 256), "{format}");
        let meant = pictures::pixels(5, 512, 256);
        assert!(mean_difference(&thumbnail.into_rgb8(), &meant) < 8.0, "{format}");
    }
}

#[test]
fn every_kind_of_pixel_is_decoded() {
    let rgb = DynamicImage::ImageRgb8(pictures::pixels(9, 700, 300));
    let grey = rgb.grayscale();
    let hash = |picture: &DynamicImage| from_memory(&pictures::encode(picture, ImageFormat::Png)).unwrap().phash;
    let (rgb_hash, grey_hash) = (hash(&rgb), hash(&grey));
    let kinds = [
        ("16-bit", DynamicImage::ImageRgb16(rgb.to_rgb16()), rgb_hash),
        ("16-bit alpha", DynamicImage::ImageRgba16(rgb.to_rgba16()), rgb_hash),
        ("16-bit grey", DynamicImage::ImageLuma16(grey.to_luma16()), grey_hash),
        ("grey alpha", DynamicImage::ImageLumaA8(grey.to_luma_alpha8()), grey_hash),
        ("alpha", DynamicImage::ImageRgba8(rgb.to_rgba8()), rgb_hash),
    ];
    for (kind, picture, meant) in kinds {
        let found = from_memory(&pictures::encode(&picture, ImageFormat::Png)).unwrap();
        assert_eq!((found.width, found.height), (700, 300), "{kind}");
        assert!(hamming(found.phash, meant) <= 2, "{kind}");
    }
    // a GIF is a palette picture
    let palette = from_memory(&pictures::encode(&rgb, ImageFormat::Gif)).unwrap();
    assert!(hamming(palette.phash, rgb_hash) <= 6);
}

#[test]
fn a_thumbnail_is_never_larger_and_shows_white_below() {
    let mut picture = image::RgbaImage::new(40, 30);
    picture.put_pixel(0, 0, image::Rgba([200, 0, 0, 255]));
    let found = from_memory(&pictures::encode(&picture.into(), ImageFormat::Png)).unwrap();
    let thumbnail = image::load_from_memory(&found.thumbnail).unwrap().into_rgb8();
    assert_eq!(thumbnail.dimensions(), (40, 30));
    assert!(thumbnail.get_pixel(35, 25).0.iter().all(|channel| *channel > 250));
}

#[test]
fn flat_pictures_are_blank_and_one_dot_is_not() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let flat = RgbImage::from_pixel(900, 700, Rgb([13, 77, 200]));
        assert!(from_memory(&pictures::encode(&flat.clone().into(), format)).unwrap().blank, "{format:?}");
        let mut dotted = flat;
        (0..8).for_each(|k| dotted.put_pixel(400 + k, 300, Rgb([255; 3])));
        assert!(!from_memory(&pictures::encode(&dotted.into(), format)).unwrap().blank, "{format:?}");
    }
}

#[test]
fn a_cut_jpeg_is_refused_though_its_header_is_fine() {
    let photo = pictures::jpeg(4, 640, 480);
    assert!(photo.len() > 6000, "the picture must be larger than the cut");
    let stump = &photo[..2976];
    let header = probe(Bytes::Memory(stump)).unwrap();
    assert_eq!((header.width, header.height), (640, 480));
    assert!(message(stump).contains("end before the picture does"));
    for cut in [1, 2, 100, 3000] {
        assert!(from_memory(&photo[..photo.len() - cut]).is_err(), "{cut}");
    }
    // bytes behind the end, as some cameras write, do no harm; an end marker inside a preview does not count
    assert!(from_memory(&[&photo[..], b"trailing"].concat()).is_ok());
    let preview = pictures::jpeg(1, 16, 16);
    let comment = [&[0xff, 0xfe], &(preview.len() as u16 + 2).to_be_bytes()[..], &preview].concat();
    let with_preview = [&photo[..2], &comment, &photo[2..]].concat();
    assert!(from_memory(&with_preview).is_ok());
    assert!(from_memory(&with_preview[..with_preview.len() - 2000]).is_err());
}

#[test]
fn cut_pictures_of_every_format_are_refused() {
    for format in PictureFormat::ALL {
        let bytes = pictures::encoded(format, 2, 200, 150);
        for share in [2, 3, 10] {
            let cut = &bytes[..bytes.len() - bytes.len() / share];
            assert!(from_memory(cut).is_err(), "{format} without its last {share}th");
        }
    }
    assert!(message(&pictures::broken_png()).contains("png picture is damaged"));
}

#[test]
fn what_is_no_picture_is_named() {
    let heads: [(&[u8], &str); 7] = [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html><html>", "HTML page"),
        (b"  \n<html lang=en>", "HTML page"),
        (b"{\"error\":1}", "JSON"),
        (b"not a picture at all", "plain text"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"\x01\x02\x03\xfe", "unknown"),
    ];
    for (bytes, word) in heads {
        let text = message(bytes);
        assert!(text.contains(word), "{text}");
        assert!(probe(Bytes::Memory(bytes)).is_err());
    }
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let bomb = pictures::bomb_png();
    let header = probe(Bytes::Memory(&bomb)).unwrap();
    assert_eq!((header.width, header.height), (50_000, 50_000));
    assert!(matches!(from_memory(&bomb), Err(ImageError::TooLong { width: 50_000, .. })));
    let wide = Limits { max_edge: 60_000, ..Limits::default() };
    assert!(matches!(ingest(Bytes::Memory(&bomb), &wide), Err(ImageError::TooManyPixels { .. })));
    let short = Limits { max_bytes: 100, ..Limits::default() };
    assert!(matches!(ingest(Bytes::Memory(&bomb), &short), Err(ImageError::TooManyBytes { allowed: 100, .. })));
}

#[test]
fn the_suffix_does_not_matter_and_a_file_is_like_memory() {
    let folder = TempWorkspace::new();
    let bytes = pictures::webp(6, 333, 222);
    let path = folder.write("photo.jpg", &bytes);
    let from_file = ingest(Bytes::File(&path), &Limits::default()).unwrap();
    assert_eq!(from_file, from_memory(&bytes).unwrap());
    assert_eq!(from_file.format, PictureFormat::Webp);
    assert_eq!(phash_of(&path).unwrap(), from_file.phash);
    let (blake3, header) = facts(&path).unwrap();
    assert_eq!(blake3, ContentHash::of(&bytes));
    assert_eq!((header.format, header.bytes), (PictureFormat::Webp, bytes.len() as u64));
    assert!(matches!(facts(&folder.join("absent.png")), Err(ImageError::Read(_))));
}

#[test]
fn all_orientations_are_read() {
    for orientation in 1..=8 {
        let bytes = pictures::jpeg_with_orientation(3, 64, 48, orientation);
        let header = probe(Bytes::Memory(&bytes)).unwrap();
        assert_eq!(header.orientation, orientation);
        let stored = if orientation > 4 { (48, 64) } else { (64, 48) };
        assert_eq!((header.width, header.height), stored, "size as stored, orientation {orientation}");
    }
    for format in PictureFormat::ALL {
        let header = probe(Bytes::Memory(&pictures::encoded(format, 1, 20, 20))).unwrap();
        assert_eq!(header.orientation, 1, "{format}");
    }
}

#[test]
fn random_damage_never_panics() {
    // a simple generator: which bytes are hit must not change from run to run
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    for format in PictureFormat::ALL {
        let sound = pictures::encoded(format, 8, 60, 40);
        for _ in 0..200 {
            let mut bytes = sound.clone();
            for _ in 0..=next() % 8 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            bytes.truncate(1 + next() as usize % bytes.len());
            let limits = Limits { max_pixels: 1_000_000, ..Limits::default() };
            if let Ok(found) = ingest(Bytes::Memory(&bytes), &limits) {
                assert!(u64::from(found.width) * u64::from(found.height) <= 1_000_000);
            }
        }
    }
}

fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}
