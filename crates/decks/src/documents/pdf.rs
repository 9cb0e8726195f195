//! PDF: the words page by page and the pictures that are JPEG inside. Tables of a PDF are lines of words.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pdf_extract::{Document, Object};

use super::{Content, Found, FoundImage};

/// Smallest picture that is kept, in bytes: rules and icons are none.
const LEAST_BYTES: usize = 2_000;

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

fn images(document: &Document) -> Vec<FoundImage> {
    let mut found = Vec::new();
    for object in document.objects.values() {
        let Object::Stream(stream) = object else { continue };
        let is =
            |key: &[u8], value: &[u8]| stream.dict.get(key).and_then(Object::as_name).is_ok_and(|name| name == value);
        if is(b"Subtype", b"Image") && is(b"Filter", b"DCTDecode") && stream.content.len() >= LEAST_BYTES {
            found.push(FoundImage { alt: String::new(), content: Content::Bytes(stream.content.clone(), "jpg") });
        }
    }
    found
}
