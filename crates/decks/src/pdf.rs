//! The PDF of a deck: a page of 16:9 for each picture, with the deck's title and a bookmark for each page. Written beside and renamed.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{DynamicImage, ImageReader};
use imagemill_domain::picture::PictureFormat;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, TextStr};

use crate::folder::{DeckError, PagePicture, write_whole};
use crate::pptx::Fit;

/// A page in points: 13⅓ by 7½ inches, as the slides are.
const WIDTH: f32 = 960.0;
const HEIGHT: f32 = 540.0;
const PICTURE: Name<'static> = Name(b"P");

/// One page of the file.
pub(crate) struct Leaf {
    /// Its picture; `None` for an empty page.
    pub(crate) picture: Option<PagePicture>,
    /// What its bookmark says.
    pub(crate) title: String,
}

/// Writes the file.
pub(crate) fn write(path: &Path, title: &str, fit: Fit, leaves: &[Leaf]) -> Result<(), DeckError> {
    let (catalog, pages, info, outline) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
    let place = |at: usize, part: usize| Ref::new(i32::try_from(5 + 4 * at + part).unwrap_or(i32::MAX));
    let mut pdf = Pdf::new();
    let mut root = pdf.catalog(catalog);
    root.pages(pages);
    if !leaves.is_empty() {
        root.outlines(outline);
    }
    root.finish();
    let count = i32::try_from(leaves.len()).unwrap_or(i32::MAX);
    pdf.pages(pages).kids((0..leaves.len()).map(|at| place(at, 0))).count(count);
    let mut about = pdf.document_info(info);
    about.title(TextStr(title)).creator(TextStr("imagemill"));
    about.finish();
    for (at, leaf) in leaves.iter().enumerate() {
        let mut page = pdf.page(place(at, 0));
        page.parent(pages).media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).contents(place(at, 1));
        if leaf.picture.is_some() {
            page.resources().x_objects().pair(PICTURE, place(at, 2));
        }
        page.finish();
        let mut content = Content::new();
        if let Some(picture) = &leaf.picture {
            draw(&mut content, picture, fit);
            embed(&mut pdf, place(at, 2), picture)?;
        }
        pdf.stream(place(at, 1), &content.finish());
    }
    bookmarks(&mut pdf, outline, leaves, &place);
    let bytes = pdf.finish();
    write_whole(path, |file| file.write_all(&bytes))
}

fn bookmarks(pdf: &mut Pdf, outline: Ref, leaves: &[Leaf], place: &impl Fn(usize, usize) -> Ref) {
    let Some(last) = leaves.len().checked_sub(1) else { return };
    pdf.outline(outline).first(place(0, 3)).last(place(last, 3));
    for (at, leaf) in leaves.iter().enumerate() {
        let mut item = pdf.outline_item(place(at, 3));
        item.parent(outline).title(TextStr(&leaf.title));
        if at > 0 {
            item.prev(place(at - 1, 3));
        }
        if at < last {
            item.next(place(at + 1, 3));
        }
        item.dest().page(place(at, 0)).fit();
    }
}

/// How the picture lies: what hangs over the page is cut off by its edge.
fn draw(content: &mut Content, picture: &PagePicture, fit: Fit) {
    let (width, height) = (picture.width.max(1) as f32, picture.height.max(1) as f32);
    let (across, down) = (WIDTH / width, HEIGHT / height);
    let (across, down) = match fit {
        Fit::Stretch => (across, down),
        Fit::Fit => (across.min(down), across.min(down)),
        Fit::Cover => (across.max(down), across.max(down)),
    };
    let (width, height) = (width * across, height * down);
    content.save_state();
    content.transform([width, 0.0, 0.0, height, (WIDTH - width) / 2.0, (HEIGHT - height) / 2.0]);
    content.x_object(PICTURE);
    content.restore_state();
}

/// A JPEG goes in as it is; everything else as its pixels, packed.
fn embed(pdf: &mut Pdf, place: Ref, picture: &PagePicture) -> Result<(), DeckError> {
    let unreadable = |why: String| DeckError::Unreadable { path: picture.path.clone(), why };
    let bytes = std::fs::read(&picture.path).map_err(|error| unreadable(error.to_string()))?;
    let grey = |image: &DynamicImage| image.color().channel_count() < 3 && !image.color().has_alpha();
    let decoded = || {
        let reader = ImageReader::new(std::io::Cursor::new(&bytes)).with_guessed_format();
        let decoded = reader
            .map_err(|error| error.to_string())
            .and_then(|reader| reader.decode().map_err(|error| error.to_string()));
        decoded.map_err(unreadable)
    };
    // A JPEG of four channels is printed in colours of its own kind, which few readers show alike.
    let plain_jpeg = picture.format == PictureFormat::Jpeg && jpeg_channels(&bytes) == Some(3);
    let (data, filter, is_grey) = if plain_jpeg {
        (bytes, Filter::DctDecode, false)
    } else {
        let image = decoded()?;
        let is_grey = grey(&image);
        let pixels = if is_grey { image.into_luma8().into_raw() } else { on_white(&image) };
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = packed.write_all(&pixels).and_then(|()| packed.finish());
        (
            packed.map_err(|error| DeckError::Unreadable { path: picture.path.clone(), why: error.to_string() })?,
            Filter::FlateDecode,
            is_grey,
        )
    };
    let mut object = pdf.image_xobject(place, &data);
    object.filter(filter);
    object.width(picture.width as i32).height(picture.height as i32).bits_per_component(8);
    if is_grey {
        object.color_space().device_gray();
    } else {
        object.color_space().device_rgb();
    }
    Ok(())
}

/// Three bytes a pixel; what shines through is white.
fn on_white(image: &DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.to_rgb8().into_raw();
    }
    let over =
        |part: u8, alpha: u8| ((u16::from(part) * u16::from(alpha) + 255 * (255 - u16::from(alpha))) / 255) as u8;
    image.to_rgba8().pixels().flat_map(|pixel| [0, 1, 2].map(|part| over(pixel.0[part], pixel.0[3]))).collect()
}

/// How many channels a JPEG has, by its frame header.
fn jpeg_channels(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    while bytes.get(at)? == &0xff {
        let (kind, length) =
            (*bytes.get(at + 1)?, usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?])));
        let frame = matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc);
        if frame {
            return bytes.get(at + 9).copied();
        }
        at += 2 + length;
    }
    None
}
