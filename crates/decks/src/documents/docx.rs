//! DOCX: paragraphs, tables and pictures of a Word document's main part.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};
use zip::ZipArchive;

use super::{Content, Found, FoundImage, table_mark};

/// Largest part that is read, in bytes: a document of pictures is no reason to fill the memory.
const MOST_BYTES: u64 = 64 << 20;

/// Reads a document.
pub(super) fn read(path: &Path) -> Result<Found, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut parts = ZipArchive::new(file).map_err(|error| format!("it is no DOCX: {error}"))?;
    let main = text_of(&mut parts, "word/document.xml")?;
    let links = text_of(&mut parts, "word/_rels/document.xml.rels").unwrap_or_default();
    let parsed = parse(&main)?;
    let mut found = Found::default();
    let mut lines = Vec::new();
    let mut paragraphs = 0;
    let body = parsed.root_element().children().find(|node| is(*node, "body"));
    for block in body.into_iter().flat_map(|body| body.children()) {
        if is(block, "p") {
            let line = words(block);
            paragraphs += usize::from(!line.trim().is_empty());
            lines.push(line);
        } else if is(block, "tbl") {
            let rows = block.children().filter(|node| is(*node, "tr"));
            let cells = |row: Node<'_, '_>| row.children().filter(|node| is(*node, "tc")).map(cell).collect();
            let table: Vec<Vec<String>> = rows.map(cells).collect();
            lines.push(table_mark(found.tables.len()));
            found.tables.push(table);
        }
    }
    found.paragraphs = Some(paragraphs);
    lines.join("\n").trim().clone_into(&mut found.text);
    found.images = images(&parsed, &links, &mut parts)?;
    Ok(found)
}

fn parse(text: &str) -> Result<Document<'_>, String> {
    // Word writes none, and an entity may grow without bound.
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| format!("it is no DOCX: {error}"))
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn bytes_of(parts: &mut ZipArchive<File>, name: &str) -> Result<Vec<u8>, String> {
    let part = parts.by_name(name).map_err(|error| format!("it has no {name}: {error}"))?;
    let mut bytes = Vec::new();
    let read = part.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    if read as u64 > MOST_BYTES { Err(format!("{name} is larger than {} MB", MOST_BYTES >> 20)) } else { Ok(bytes) }
}

fn text_of(parts: &mut ZipArchive<File>, name: &str) -> Result<String, String> {
    String::from_utf8(bytes_of(parts, name)?).map_err(|_| format!("{name} is no text"))
}

/// The words of a paragraph; tabs and breaks are blanks and lines.
fn words(paragraph: Node<'_, '_>) -> String {
    let mut out = String::new();
    for node in paragraph.descendants() {
        match node.tag_name().name() {
            "t" => out.push_str(node.text().unwrap_or_default()),
            "tab" if node.parent().is_some_and(|run| is(run, "r")) => out.push('\t'),
            "br" | "cr" => out.push('\n'),
            _ => {}
        }
    }
    out
}

fn cell(cell: Node<'_, '_>) -> String {
    let lines: Vec<String> = cell.descendants().filter(|node| is(*node, "p")).map(words).collect();
    lines.join("\n").trim().to_owned()
}

fn images(parsed: &Document<'_>, links: &str, parts: &mut ZipArchive<File>) -> Result<Vec<FoundImage>, String> {
    let links = if links.is_empty() { None } else { Some(parse(links)?) };
    let target = |id: &str| {
        let link = links.as_ref()?.descendants().find(|node| node.attribute("Id") == Some(id))?;
        Some(link.attribute("Target")?.to_owned())
    };
    let mut found = Vec::new();
    for picture in parsed.descendants().filter(|node| is(*node, "blip")) {
        let id = picture.attributes().find(|attribute| matches!(attribute.name(), "embed" | "link"));
        let Some(place) = id.and_then(|id| target(id.value())) else { continue };
        let about = picture.ancestors().find_map(|node| node.children().find(|child| is(*child, "docPr")));
        let alt = about.and_then(|about| about.attribute("descr").or_else(|| about.attribute("title")));
        let alt = alt.unwrap_or_default().to_owned();
        if place.contains("://") {
            found.push(FoundImage { alt, content: Content::Named(place) });
            continue;
        }
        let name = place.strip_prefix('/').map_or_else(|| format!("word/{place}"), str::to_owned);
        let bytes = bytes_of(parts, &name)?;
        // Drawings in forms of their own (EMF, WMF) are no pictures that a model looks at.
        let Some(format) = imagemill_domain::picture::PictureFormat::sniff(&bytes) else { continue };
        found.push(FoundImage { alt, content: Content::Bytes(bytes, format.extension()) });
    }
    Ok(found)
}
