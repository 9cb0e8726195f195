//! Preparation: each step, none when none is needed, and the same bytes every time.

use image::{DynamicImage, ImageFormat};
use imagemill_domain::hash::ContentHash;
use imagemill_domain::picture::PictureFormat::{self, Bmp, Gif, Jpeg, Png, Tiff, Webp};
use imagemill_imaging::{Bytes, ImageError, PreparePolicy, Prepared, Step, ingest, prepare, probe};
use imagemill_testkit::{TempWorkspace, pictures};

const TAKEN: [PictureFormat; 3] = [Png, Jpeg, Webp];
const POLICY: PreparePolicy<'static> = PreparePolicy {
    rotate: true,
    accepted: &TAKEN,
    convert_to: Png,
    max_edge: None,
    max_pixels: None,
    max_bytes: None,
};

struct Copy {
    bytes: Vec<u8>,
    format: PictureFormat,
    size: (u32, u32),
    steps: Vec<Step>,
}

/// A changed copy of `source`; panics when nothing was changed. What is said of it is checked against its bytes.
fn changed(source: &[u8], policy: &PreparePolicy<'_>) -> Copy {
    let folder = TempWorkspace::new();
    let path = folder.write("source", source);
    let prepared = prepare(&path, policy).unwrap();
    assert_eq!(prepared, prepare(&path, policy).unwrap(), "the same input must give the same bytes");
    assert_eq!(std::fs::read(&path).unwrap(), source, "the source must stay as it is");
    let Prepared::Changed { bytes, format, width, height, blake3, steps } = prepared else {
        panic!("nothing was changed")
    };
    let header = probe(Bytes::Memory(&bytes)).unwrap();
    assert_eq!((header.format, header.width, header.height, header.orientation), (format, width, height, 1));
    assert_eq!(blake3, ContentHash::of(&bytes));
    ingest(Bytes::Memory(&bytes), &imagemill_imaging::Limits::default()).unwrap();
    assert!(!steps.is_empty());
    Copy { bytes, format, size: (width, height), steps }
}

fn as_is(source: &[u8], policy: &PreparePolicy<'_>) -> bool {
    let folder = TempWorkspace::new();
    let path = folder.write("source", source);
    matches!(prepare(&path, policy).unwrap(), Prepared::AsIs(_))
}

#[test]
fn nothing_is_touched_without_need() {
    for format in TAKEN {
        assert!(as_is(&pictures::encoded(format, 1, 300, 200), &POLICY), "{format}");
    }
    let exact = PreparePolicy { max_edge: Some(300), max_pixels: Some(60_000), max_bytes: Some(1_000_000), ..POLICY };
    assert!(as_is(&pictures::png(1, 300, 200), &exact));
    let stored = PreparePolicy { rotate: false, ..POLICY };
    assert!(as_is(&pictures::jpeg_with_orientation(1, 64, 48, 6), &stored));
}

#[test]
fn every_orientation_comes_out_upright() {
    let meant = pictures::pixels(3, 96, 64);
    for orientation in 2..=8 {
        let copy = changed(&pictures::jpeg_with_orientation(3, 96, 64, orientation), &POLICY);
        assert_eq!((copy.format, copy.size), (Jpeg, (96, 64)), "{orientation}");
        assert_eq!(copy.steps, [Step::Rotated { orientation }]);
        let pixels = image::load_from_memory(&copy.bytes).unwrap().into_rgb8();
        let sum: u64 = pixels.iter().zip(meant.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(sum / (pixels.len() as u64) < 6, "orientation {orientation} is turned wrongly");
    }
}

#[test]
fn formats_that_are_not_taken_are_converted() {
    for from in [Gif, Bmp, Tiff] {
        let copy = changed(&pictures::encoded(from, 2, 120, 90), &POLICY);
        assert_eq!((copy.format, copy.size), (Png, (120, 90)));
        assert_eq!(copy.steps, [Step::Converted { from, to: Png }]);
    }
    let only_jpeg = PreparePolicy { accepted: &[Jpeg], convert_to: Jpeg, ..POLICY };
    let clear = DynamicImage::new(50, 40, image::ColorType::Rgba8);
    let copy = changed(&pictures::encode(&clear, ImageFormat::Png), &only_jpeg);
    assert_eq!(copy.format, Jpeg);
    let pixel = image::load_from_memory(&copy.bytes).unwrap().into_rgb8().get_pixel(20, 20).0;
    assert!(pixel.iter().all(|channel| *channel > 250), "transparent becomes white, not black: {pixel:?}");
    let only_webp = PreparePolicy { accepted: &[Webp], convert_to: Webp, ..POLICY };
    let grey = DynamicImage::new(50, 40, image::ColorType::L16);
    assert_eq!(changed(&pictures::encode(&grey, ImageFormat::Png), &only_webp).format, Webp);
}

#[test]
fn large_pictures_are_scaled() {
    let source = pictures::png(4, 1000, 500);
    let copy = changed(&source, &PreparePolicy { max_edge: Some(400), ..POLICY });
    assert_eq!((copy.format, copy.size), (Png, (400, 200)));
    assert_eq!(copy.steps, [Step::Scaled { from: (1000, 500), to: (400, 200) }]);
    let copy = changed(&source, &PreparePolicy { max_pixels: Some(100_000), ..POLICY });
    let pixels = u64::from(copy.size.0) * u64::from(copy.size.1);
    assert!((90_000..=100_000).contains(&pixels), "{:?}", copy.size);
    // the limit is that of the upright picture, the ratio stays
    let turned = pictures::jpeg_with_orientation(4, 1000, 500, 6);
    let copy = changed(&turned, &PreparePolicy { max_edge: Some(400), ..POLICY });
    assert_eq!(copy.size, (400, 200));
    let steps = [Step::Rotated { orientation: 6 }, Step::Scaled { from: (1000, 500), to: (400, 200) }];
    assert_eq!(copy.steps, steps);
}

#[test]
fn byte_limits_are_met() {
    let mut state = 7u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let noisy = image::RgbImage::from_fn(300, 240, |_, _| image::Rgb([noise(), noise(), noise()]));
    let source = pictures::encode(&noisy.clone().into(), ImageFormat::Png);
    for (accepted, format) in [(&TAKEN[..], Jpeg), (&[Png][..], Png), (&[Webp][..], Webp)] {
        let policy = PreparePolicy { accepted, convert_to: format, max_bytes: Some(30_000), ..POLICY };
        let copy = changed(&source, &policy);
        assert!(copy.bytes.len() <= 30_000, "{format}: {}", copy.bytes.len());
        assert_eq!(copy.format, format);
    }
    // something transparent is not made opaque just to be smaller
    let mut clear: image::RgbaImage = DynamicImage::ImageRgb8(noisy).into_rgba8();
    clear.put_pixel(3, 3, image::Rgba([0; 4]));
    let policy = PreparePolicy { max_bytes: Some(30_000), ..POLICY };
    let copy = changed(&pictures::encode(&clear.into(), ImageFormat::Png), &policy);
    assert_eq!(copy.format, Png);
    assert!(copy.size.0 < 300);
}

#[test]
fn better_compression_may_be_enough() {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let mut wasteful = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut wasteful, CompressionType::Uncompressed, FilterType::NoFilter);
    DynamicImage::ImageRgb8(pictures::pixels(1, 200, 100)).write_with_encoder(encoder).unwrap();
    let policy = PreparePolicy { accepted: &[Png], max_bytes: Some(50_000), ..POLICY };
    let copy = changed(&wasteful, &policy);
    assert_eq!((copy.size, copy.steps), ((200, 100), vec![Step::Reencoded { quality: 100 }]));
}

#[test]
fn an_impossible_limit_says_so() {
    let folder = TempWorkspace::new();
    let path = folder.write("source.png", pictures::png(1, 200, 200));
    let policy = PreparePolicy { accepted: &[Png], max_bytes: Some(50), ..POLICY };
    let error = prepare(&path, &policy).unwrap_err();
    assert!(matches!(error, ImageError::CannotFit { max_bytes: 50 }));
    assert!(error.to_string().contains("raise max_bytes"));
    let broken = folder.write("broken.png", pictures::broken_png());
    assert!(matches!(
        prepare(&broken, &PreparePolicy { max_edge: Some(8), ..POLICY }),
        Err(ImageError::Damaged { .. })
    ));
}

#[test]
fn a_colour_profile_is_kept() {
    use image::{ImageDecoder, ImageEncoder};
    let profile = b"not a real profile, but carried along".to_vec();
    let mut source = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut source);
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder.write_image(&pictures::pixels(1, 80, 60), 80, 60, image::ExtendedColorType::Rgb8).unwrap();
    for to in TAKEN {
        let policy = PreparePolicy { accepted: &[to], convert_to: to, max_edge: Some(40), ..POLICY };
        let copy = changed(&source, &policy);
        let reader = image::ImageReader::new(std::io::Cursor::new(copy.bytes)).with_guessed_format().unwrap();
        assert_eq!(reader.into_decoder().unwrap().icc_profile().unwrap(), Some(profile.clone()), "{to}");
    }
}

#[test]
fn steps_are_told_in_words() {
    let words: Vec<_> = [
        Step::Rotated { orientation: 6 },
        Step::Converted { from: Tiff, to: Png },
        Step::Scaled { from: (4000, 3000), to: (2000, 1500) },
        Step::Reencoded { quality: 75 },
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(words[0], "turned upright (EXIF orientation 6)");
    assert_eq!(words[1], "converted from tiff to png");
    assert_eq!(words[2], "scaled from 4000×3000 to 2000×1500");
    assert_eq!(words[3], "written again as JPEG of quality 75");
}
