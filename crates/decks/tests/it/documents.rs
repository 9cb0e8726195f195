//! Documents as other programs write them: `report.docx` is of python-docx, `report.pdf` of reportlab.

use std::path::PathBuf;

use imagemill_decks::{RawDocument, read_documents};

fn read(name: &str) -> (RawDocument, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name);
    let mut found = read_documents(&[path], &folder.path().join("inherited"));
    assert_eq!(found.errors, []);
    (found.documents.remove(0), folder)
}

/// Format, width and height of the pictures; each file once.
fn pictures(document: &RawDocument) -> Vec<(String, u32, u32)> {
    let mut seen = Vec::new();
    for picture in &document.inherited_images {
        let probe = imagemill_imaging::probe(imagemill_imaging::Bytes::File(picture.path.as_ref())).unwrap();
        seen.push((picture.path.rsplit('/').next().unwrap().to_owned(), probe.width, probe.height));
    }
    seen
}

#[test]
fn a_word_document_gives_words_tables_and_pictures() {
    let (document, _folder) = read("report.docx");
    assert!(
        document.text.starts_with("Green tea, a short report\nGreen tea is steamed for 90 seconds"),
        "{}",
        document.text
    );
    assert!(document.text.contains("Exports by year:\n[table 0]\n") && !document.text.contains("5,012"));
    assert!(document.text.contains("Figure 1: a tea field in spring") && document.text.contains("采摘后蒸 90 秒"));
    assert_eq!(document.tables.len(), 1);
    assert_eq!(document.tables[0][1], ["1700", "5,012", "3 taels"]);
    let file = |name: &str| (name.to_owned(), 96, 64);
    // The third picture is the first one again.
    assert_eq!(pictures(&document), [file("doc0_0.png"), file("doc0_1.jpg"), file("doc0_0.png")]);
}

#[test]
fn a_pdf_gives_words_and_pictures() {
    let (document, _folder) = read("report.pdf");
    assert!(document.text.contains("Green tea is steamed for 90 seconds"), "{}", document.text);
    assert!(document.text.contains("Figure 2: the drying oven"), "{}", document.text);
    let mut found = pictures(&document);
    found.sort();
    let endings: Vec<&str> = found.iter().map(|(name, ..)| name.rsplit('.').next().unwrap()).collect();
    assert_eq!(endings, ["png", "jpg"], "{found:?}");
    assert!(found.iter().all(|(_, width, height)| (*width, *height) == (96, 64)), "{found:?}");
}
