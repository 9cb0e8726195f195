//! Findings: what a person would call the same, and what not.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, imageops};
use imagemill_domain::picture::Finding::{self, AspectDiffers, Blank, NearDuplicate, SizeDiffers, Unchanged};
use imagemill_imaging::{Bytes, Limits, Look, findings, hamming, ingest};
use imagemill_testkit::pictures;

fn look(bytes: &[u8]) -> Look {
    ingest(Bytes::Memory(bytes), &Limits::default()).unwrap().look
}

fn look_of_pixels(picture: RgbImage) -> Look {
    look(&pictures::encode(&picture.into(), ImageFormat::Png))
}

fn found(result: &Look, source: &Look) -> Vec<Finding> {
    findings(result, Some(source), &[]).iter().collect()
}

#[test]
fn a_copy_is_unchanged_however_it_was_written() {
    for seed in 0..6 {
        let picture = pictures::pixels(seed, 800, 600);
        let source = look_of_pixels(picture.clone());
        let mut jpeg = std::io::Cursor::new(Vec::new());
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 70).encode_image(&picture).unwrap();
        assert_eq!(found(&look(&jpeg.into_inner()), &source), [Unchanged], "seed {seed}, JPEG");
        let smaller = imageops::resize(&picture, 640, 480, imageops::FilterType::Triangle);
        assert_eq!(found(&look_of_pixels(smaller), &source), [SizeDiffers, Unchanged], "seed {seed}, scaled");
    }
}

#[test]
fn an_edit_is_not_unchanged() {
    for seed in 0..6 {
        let picture = pictures::pixels(seed, 800, 600);
        let source = look_of_pixels(picture.clone());
        let darker = DynamicImage::ImageRgb8(picture.clone()).brighten(-12).into_rgb8();
        assert_eq!(found(&look_of_pixels(darker), &source), [], "seed {seed}, a little darker");
        let mut tinted = picture.clone();
        tinted.pixels_mut().for_each(|pixel| pixel.0[2] = pixel.0[2].saturating_add(20));
        assert_eq!(found(&look_of_pixels(tinted), &source), [], "seed {seed}, a blue tint");
        let mut with_object = picture;
        let contrast = if with_object.get_pixel(410, 310).0[1] > 127 { 0 } else { 255 };
        for (x, y) in (0..900).map(|k| (400 + k % 30, 300 + k / 30)) {
            with_object.put_pixel(x, y, Rgb([contrast; 3]));
        }
        assert_eq!(found(&look_of_pixels(with_object), &source), [], "seed {seed}, a small new object");
    }
}

#[test]
fn sizes_and_ratios_are_compared() {
    let source = look(&pictures::png(1, 400, 300));
    assert_eq!(found(&look(&pictures::png(2, 400, 300)), &source), []);
    assert_eq!(found(&look(&pictures::png(2, 404, 300)), &source), [SizeDiffers], "1 % is rounding");
    assert_eq!(found(&look(&pictures::png(2, 410, 300)), &source), [SizeDiffers, AspectDiffers]);
    assert_eq!(found(&look(&pictures::png(2, 300, 400)), &source), [SizeDiffers, AspectDiffers]);
    assert!(
        findings(&look(&pictures::png(2, 7, 300)), None, &[]).is_empty(),
        "without a source there is nothing to compare"
    );
}

#[test]
fn blank_and_near_duplicates_are_found() {
    let blank = look_of_pixels(RgbImage::from_pixel(64, 64, Rgb([5, 5, 5])));
    assert_eq!(findings(&blank, None, &[]).iter().collect::<Vec<_>>(), [Blank]);
    let one = look(&pictures::png(1, 300, 300));
    let again = look(&pictures::jpeg(1, 310, 310));
    let siblings: Vec<u64> = (2..12).map(|seed| look(&pictures::png(seed, 300, 300)).phash).collect();
    assert!(findings(&one, None, &siblings).is_empty());
    let with_copy = [&siblings[..], &[again.phash]].concat();
    assert_eq!(findings(&one, None, &with_copy).iter().collect::<Vec<_>>(), [NearDuplicate]);
}

#[test]
fn hashes_of_unrelated_pictures_lie_far_apart() {
    let hashes: Vec<u64> = (0..40).map(|seed| look(&pictures::png(seed, 128, 96)).phash).collect();
    for (index, a) in hashes.iter().enumerate() {
        for b in &hashes[index + 1..] {
            assert!(hamming(*a, *b) > 8, "{a:x} {b:x}");
        }
    }
}
