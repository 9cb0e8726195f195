//! Scaling and flattening of decoded pixels. It must not know files or formats.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

/// Size after scaling so that the longer edge is at most `edge`; never larger than it was, never zero.
pub(crate) fn fit(width: u32, height: u32, edge: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= edge {
        return (width, height);
    }
    let scale = |length: u32| {
        let scaled = (u64::from(length) * u64::from(edge) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(scaled).unwrap_or(edge).max(1)
    };
    (scale(width), scale(height))
}

/// The picture at the given size, as 8-bit grey, RGB or RGBA; other kinds become the nearest of these first.
pub(crate) fn resize(picture: &DynamicImage, width: u32, height: u32, filter: FilterType) -> DynamicImage {
    let grey = |raw| GrayImage::from_raw(width, height, raw).map(DynamicImage::ImageLuma8);
    let rgb = |raw| RgbImage::from_raw(width, height, raw).map(DynamicImage::ImageRgb8);
    let rgba = |raw| RgbaImage::from_raw(width, height, raw).map(DynamicImage::ImageRgba8);
    let resized = match picture {
        DynamicImage::ImageLuma8(pixels) => {
            grey(scale::<U8>(pixels.as_raw(), pixels.dimensions(), (width, height), filter))
        }
        DynamicImage::ImageRgb8(pixels) => {
            rgb(scale::<U8x3>(pixels.as_raw(), pixels.dimensions(), (width, height), filter))
        }
        DynamicImage::ImageRgba8(pixels) => {
            rgba(scale::<U8x4>(pixels.as_raw(), pixels.dimensions(), (width, height), filter))
        }
        other if other.color().has_alpha() => return resize(&other.to_rgba8().into(), width, height, filter),
        other if other.color().has_color() => return resize(&other.to_rgb8().into(), width, height, filter),
        other => return resize(&other.to_luma8().into(), width, height, filter),
    };
    resized.expect("as many bytes as the size needs")
}

/// One pixel type at a time: the resizer's own dispatch over all of them costs a minute of compile time.
fn scale<P: PixelTrait>(raw: &[u8], from: (u32, u32), to: (u32, u32), filter: FilterType) -> Vec<u8> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        // premultiplying alpha takes another pass; without an alpha channel it would be wasted
        .use_alpha(P::pixel_type() == PixelType::U8x4);
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, raw).expect("a decoded picture has all its bytes");
    let mut out = vec![0; to.0 as usize * to.1 as usize * P::size()];
    let mut target = TypedImage::<P>::from_buffer(to.0, to.1, &mut out).expect("made to measure");
    Resizer::new().resize_typed(&source, &mut target, &options).expect("neither picture has an empty edge");
    out
}

/// 8-bit RGB; transparent parts on white, as a viewer would show them on paper.
pub(crate) fn flatten(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let with_alpha = picture.into_rgba8();
    let mut out = RgbImage::new(with_alpha.width(), with_alpha.height());
    for (to, from) in out.as_chunks_mut::<3>().0.iter_mut().zip(with_alpha.as_chunks::<4>().0) {
        let [colours @ .., alpha] = *from;
        let alpha = u32::from(alpha);
        for (channel, colour) in to.iter_mut().zip(colours) {
            *channel = ((u32::from(colour) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    out
}

/// At most `edge` pixels long, 8-bit RGB on white. One pass over the original; everything after works on the small copy.
pub(crate) fn thumbnail(picture: DynamicImage, edge: u32) -> RgbImage {
    let (width, height) = fit(picture.width(), picture.height(), edge);
    if (width, height) == (picture.width(), picture.height()) {
        return flatten(picture);
    }
    // Hamming: as sharp as a bicubic kernel when scaling down, at the cost of a bilinear one.
    let small = resize(&picture, width, height, FilterType::Hamming);
    drop(picture);
    flatten(small)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_inside_and_keeps_the_ratio() {
        assert_eq!(fit(4000, 3000, 512), (512, 384));
        assert_eq!(fit(300, 200, 512), (300, 200));
        assert_eq!(fit(30_000, 1, 512), (512, 1));
        assert_eq!(fit(1, 30_000, 512), (1, 512));
    }

    #[test]
    fn transparent_becomes_white() {
        let picture = image::RgbaImage::from_raw(2, 1, vec![255, 0, 0, 0, 0, 0, 0, 128]).unwrap();
        let flat = flatten(DynamicImage::ImageRgba8(picture));
        assert_eq!(flat.as_raw(), &[255, 255, 255, 127, 127, 127]);
    }

    #[test]
    fn every_pixel_type_can_be_scaled() {
        use image::ColorType::{L8, L16, La8, La16, Rgb8, Rgb16, Rgb32F, Rgba8, Rgba16, Rgba32F};
        for kind in [L8, L16, La8, La16, Rgb8, Rgb16, Rgb32F, Rgba8, Rgba16, Rgba32F] {
            let small = thumbnail(DynamicImage::new(64, 32, kind), 16);
            assert_eq!(small.dimensions(), (16, 8), "{kind:?}");
        }
    }
}
