//! PDF: the words page by page and the pictures that are JPEG or plain pixels inside. Tables of a PDF are lines of words.

use std::collections::HashSet;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use pdf_extract::{Document, Object, ObjectId, Stream};

use super::{Content, Found, FoundImage};

/// Shortest edge of a picture that is kept, in pixels: rules and icons are none.
const LEAST_EDGE: u32 = 48;
/// Most pixels of one.
const MOST_PIXELS: u64 = 40_000_000;

/// Reads a document.
pub(super) fn read(path: &Path) -> Result<Found, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    // The reader panics on some broken files, and one of them must not end the others.
    let read = catch_unwind(AssertUnwindSafe(|| parse(&bytes)));
    read.unwrap_or_else(|_| Err("it is broken in a way that its reader cannot cope with".to_owned()))
}

fn parse(bytes: &[u8]) -> Result<Found, String> {
    let document = Document::load_mem(bytes).map_err(|error| format!("it is no PDF that can be read: {error}"))?;
    if document.is_encrypted() {
        return Err("it is encrypted; save it without a password".to_owned());
    }
    let pages = pdf_extract::extract_text_from_mem_by_pages(bytes).map_err(|error| error.to_string())?;
    let text: Vec<&str> = pages.iter().map(|page| page.trim()).collect();
    let text = text.join("\n\n").trim().to_owned();
    Ok(Found { text, images: images(&document), pages: Some(pages.len()), ..Found::default() })
}

/// In the order of the file. What only masks another picture is none.
fn images(document: &Document) -> Vec<FoundImage> {
    let streams = || document.objects.iter().filter_map(|(id, object)| Some((*id, object.as_stream().ok()?)));
    let masks = |stream: &Stream| {
        ["SMask", "Mask"]
            .into_iter()
            .filter_map(|key| stream.dict.get(key.as_bytes()).ok()?.as_reference().ok())
            .collect()
    };
    let masks: HashSet<ObjectId> = streams().flat_map(|(_, stream)| -> Vec<ObjectId> { masks(stream) }).collect();
    let is_image =
        |stream: &Stream| stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image");
    let pictures = streams().filter(|(id, stream)| !masks.contains(id) && is_image(stream));
    let found = pictures.filter_map(|(_, stream)| picture(document, stream));
    found.map(|(bytes, ending)| FoundImage { alt: String::new(), content: Content::Bytes(bytes, ending) }).collect()
}

/// A picture's file: JPEG as it is, grey and RGB pixels as PNG. Other forms are for readers of PDF.
fn picture(document: &Document, stream: &Stream) -> Option<(Vec<u8>, &'static str)> {
    let of = |key: &str| {
        stream.dict.get(key.as_bytes()).ok().map(|value| document.dereference(value).map_or(value, |(_, value)| value))
    };
    let edge = |key: &str| of(key)?.as_i64().ok()?.try_into().ok();
    let (width, height): (u32, u32) = (edge("Width")?, edge("Height")?);
    let pixels = u64::from(width) * u64::from(height);
    if width.min(height) < LEAST_EDGE || pixels > MOST_PIXELS {
        return None;
    }
    let mut filters: Vec<Vec<u8>> = stream.filters().unwrap_or_default().into_iter().map(<[u8]>::to_vec).collect();
    if filters.last().is_some_and(|last| last == b"DCTDecode") {
        filters.pop();
        let mut packed = stream.clone();
        packed.dict.set("Filter", Object::Array(filters.into_iter().map(Object::Name).collect()));
        return Some((packed.get_plain_content().ok()?, "jpg"));
    }
    let space = of("ColorSpace")?;
    let space = space
        .as_name()
        .or_else(|_| space.as_array().and_then(|parts| parts.first().map_or(Ok(&b""[..]), Object::as_name)))
        .ok()?;
    let plain = [&b"DeviceRGB"[..], b"DeviceGray", b"CalRGB", b"CalGray", b"ICCBased"].contains(&space);
    if !plain || of("BitsPerComponent")?.as_i64().ok()? != 8 {
        return None;
    }
    let bytes = stream.get_plain_content().ok()?;
    let drawn: DynamicImage = match bytes.len() as u64 {
        length if length == 3 * pixels => RgbImage::from_raw(width, height, bytes)?.into(),
        length if length == pixels => GrayImage::from_raw(width, height, bytes)?.into(),
        _ => return None,
    };
    let mut png = Cursor::new(Vec::new());
    drawn.write_to(&mut png, ImageFormat::Png).ok()?;
    Some((png.into_inner(), "png"))
}
