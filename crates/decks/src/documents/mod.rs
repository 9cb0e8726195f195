//! Documents that a deck is made from: Markdown, text, PDF and DOCX, read for words, tables and pictures. What cannot be read is
//! listed and ends nothing. Must not know models.

mod docx;
mod markdown;
mod pdf;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use imagemill_domain::hash::ContentHash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::folder::read_text;

/// Most characters that are kept of a document.
const MOST_CHARS: usize = 20_000;
/// Most pictures of the documents that a model looks at: each look is paid for.
const MOST_FIGURES: usize = 40;
/// Stands where the rest of a long document was cut off.
const CUT: &str = "\n[…]";

/// `raw_documents.json`. Members that nobody knows are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawDocuments {
    /// What could be read, in order.
    #[serde(default)]
    pub documents: Vec<RawDocument>,
    /// What could not.
    #[serde(default)]
    pub errors: Vec<DocumentError>,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// One document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawDocument {
    /// The file.
    pub path: String,
    /// `md`, `txt`, `pdf` or `docx`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its words, at most `MOST_CHARS`.
    pub text: String,
    /// Its tables: rows of cells.
    #[serde(default)]
    pub tables: Vec<Vec<Vec<String>>>,
    /// Its pictures.
    #[serde(default)]
    pub inherited_images: Vec<InheritedImage>,
    /// From 0.
    pub doc_index: usize,
    /// Pages of a PDF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<usize>,
    /// Paragraphs of a DOCX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paragraphs: Option<usize>,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

impl RawDocument {
    /// Its words as a model is told them: where a table stands is a mark, so that nobody copies a number from it and none is altered.
    pub fn without_tables(&self) -> String {
        if self.kind == "md" { markdown::without_tables(&self.text) } else { self.text.clone() }
    }
}

impl RawDocuments {
    /// The pictures of all documents that are files here, each file once, up to a limit.
    pub fn figures(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for picture in self.documents.iter().flat_map(|document| &document.inherited_images) {
            let file = PathBuf::from(&picture.path);
            if files.len() < MOST_FIGURES && file.is_file() && !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }

    /// Keeps what a model sees in a picture, wherever the documents show it.
    pub fn describe(&mut self, file: &Path, caption: &str) {
        for picture in self.documents.iter_mut().flat_map(|document| &mut document.inherited_images) {
            if is_same_file(&picture.path, file) {
                picture.vlm_caption = Some(caption.to_owned());
            }
        }
    }

    /// Whether a picture is described already.
    pub fn is_described(&self, file: &Path) -> bool {
        let mut pictures = self.documents.iter().flat_map(|document| &document.inherited_images);
        pictures.any(|picture| picture.vlm_caption.is_some() && is_same_file(&picture.path, file))
    }
}

fn is_same_file(named: &str, file: &Path) -> bool {
    Path::new(named) == file || std::fs::canonicalize(named).is_ok_and(|named| named == file)
}

/// Stands where a table is left out.
fn table_mark(table_index: usize) -> String {
    format!("[table {table_index}]")
}

/// A picture of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InheritedImage {
    /// A file, or the address that a Markdown text names.
    pub path: String,
    /// What the document says of it.
    pub alt: String,
    /// Of which document.
    pub doc_index: usize,
    /// From 0.
    pub image_index: usize,
    /// What a model sees in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlm_caption: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// A document that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentError {
    /// The file.
    pub path: String,
    /// Why.
    pub error: String,
}

/// What a reader of one form finds.
#[derive(Default)]
struct Found {
    text: String,
    tables: Vec<Vec<Vec<String>>>,
    images: Vec<FoundImage>,
    pages: Option<usize>,
    paragraphs: Option<usize>,
}

/// A picture: its bytes, or where it is.
struct FoundImage {
    alt: String,
    content: Content,
}

enum Content {
    /// A file or an address.
    Named(String),
    /// Bytes, and the ending they should have.
    Bytes(Vec<u8>, &'static str),
}

/// Reads `paths` in order. Pictures inside them are written below `pictures`, a folder of the deck.
pub fn read_documents(paths: &[PathBuf], pictures: &Path) -> RawDocuments {
    let mut all = RawDocuments::default();
    for path in paths {
        let shown = path.display().to_string();
        match read_one(path, all.documents.len(), pictures) {
            Ok(document) => all.documents.push(document),
            Err(error) => all.errors.push(DocumentError { path: shown, error }),
        }
    }
    all
}

fn read_one(path: &Path, doc_index: usize, pictures: &Path) -> Result<RawDocument, String> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (kind, found) = match ending.as_str() {
        "md" | "markdown" => {
            let base = path.parent().unwrap_or(Path::new("."));
            ("md", markdown::read(&read_text(path).map_err(|error| error.to_string())?, base))
        }
        "txt" | "text" => {
            let text = read_text(path).map_err(|error| error.to_string())?;
            ("txt", Found { text, ..Found::default() })
        }
        "docx" => ("docx", docx::read(path)?),
        "pdf" => ("pdf", pdf::read(path)?),
        other => return Err(format!("`.{other}` is not read; documents are .md, .txt, .pdf or .docx")),
    };
    let mut inherited_images = Vec::new();
    // The same picture on every page is one file.
    let mut written: HashMap<ContentHash, String> = HashMap::new();
    for (image_index, image) in found.images.into_iter().enumerate() {
        let path = match image.content {
            Content::Named(name) => name,
            Content::Bytes(bytes, ending) => match written.entry(ContentHash::of(&bytes)) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => {
                    let file = pictures.join(format!("doc{doc_index}_{image_index}.{ending}"));
                    let wrote = std::fs::create_dir_all(pictures).and_then(|()| std::fs::write(&file, bytes));
                    wrote
                        .map_err(|error| format!("a picture of it cannot be written to {}: {error}", file.display()))?;
                    place.insert(file.display().to_string()).clone()
                }
            },
        };
        let (alt, more) = (image.alt, BTreeMap::new());
        inherited_images.push(InheritedImage { path, alt, doc_index, image_index, vlm_caption: None, more });
    }
    Ok(RawDocument {
        path: path.display().to_string(),
        kind: kind.to_owned(),
        text: cut(&found.text),
        tables: found.tables,
        inherited_images,
        doc_index,
        pages: found.pages,
        paragraphs: found.paragraphs,
        more: BTreeMap::new(),
    })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((at, _)) => format!("{}{CUT}", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
