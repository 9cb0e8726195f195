use std::io::Write as _;

use super::*;

#[test]
fn markdown_gives_its_words_tables_and_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.md");
    let text = "# Tea\n\n| Year | Chests |\n|------|-------:|\n| 1700 | 5 \\| 6 |\n\nAfter ![a field](img/field.png \"t\") and ![far](https://x.org/a.png)\n";
    std::fs::write(&path, text).unwrap();
    let found =
        read_documents(&[path, folder.path().join("no.md"), folder.path().join("x.odt")], &folder.path().join("p"));
    let tea = &found.documents[0];
    assert_eq!((tea.kind.as_str(), tea.text.as_str()), ("md", text));
    assert_eq!(tea.tables, vec![vec![vec!["Year".to_owned(), "Chests".into()], vec!["1700".into(), "5 | 6".into()]]]);
    let told = tea.without_tables();
    assert!(told.starts_with("# Tea\n\n[table 0]\n\nAfter !["), "{told}");
    assert_eq!(tea.inherited_images[0].path, folder.path().join("img/field.png").display().to_string());
    assert_eq!(
        (tea.inherited_images[0].alt.as_str(), tea.inherited_images[1].path.as_str()),
        ("a field", "https://x.org/a.png")
    );
    assert_eq!(found.errors.len(), 2);
    assert!(found.errors[1].error.contains(".odt"), "{:?}", found.errors);
}

fn docx(path: &Path, body: &str) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let packed = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut part = |name: &str, bytes: &[u8]| {
        zip.start_file(name, packed).unwrap();
        zip.write_all(bytes).unwrap();
    };
    let document = format!(
        "<w:document xmlns:w=\"w\" xmlns:r=\"r\" xmlns:a=\"a\" xmlns:wp=\"wp\"><w:body>{body}<w:p><w:r><w:drawing><wp:inline>\
         <wp:docPr id=\"1\" descr=\"A hill\"/><a:blip r:embed=\"rId1\"/></wp:inline></w:drawing></w:r></w:p></w:body></w:document>"
    );
    part("word/document.xml", document.as_bytes());
    part(
        "word/_rels/document.xml.rels",
        b"<Relationships><Relationship Id=\"rId1\" Target=\"media/i.png\"/></Relationships>",
    );
    part("word/media/i.png", &imagemill_testkit::pictures::png(1, 8, 8));
    zip.finish().unwrap();
}

#[test]
fn word_documents_give_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.docx");
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    docx(
        &path,
        &format!(
            "<w:p><w:r><w:t>Tea </w:t></w:r><w:r><w:t>grows</w:t></w:r></w:p><w:tbl><w:tr>{}{}</w:tr></w:tbl>",
            cell("Year"),
            cell("1700")
        ),
    );
    let found = read_documents(&[path], &folder.path().join("inherited"));
    assert_eq!(found.errors, []);
    let one = &found.documents[0];
    assert_eq!((one.text.as_str(), one.paragraphs), ("Tea grows\n[table 0]", Some(1)));
    assert_eq!(one.tables, vec![vec![vec!["Year".to_owned(), "1700".into()]]]);
    assert_eq!(one.inherited_images[0].alt, "A hill");
    assert!(std::fs::read(&one.inherited_images[0].path).unwrap().starts_with(b"\x89PNG"));
}

/// A page with these words, in a font that every reader has.
fn pdf(words: &str) -> Vec<u8> {
    let stream = format!("BT /F1 24 Tf 72 700 Td ({words}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", at + 1).bytes());
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        out.extend(format!("{place:010} 00000 n \n").bytes());
    }
    out.extend(format!("trailer << /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).bytes());
    out
}

#[test]
fn pdfs_give_their_words_and_broken_ones_only_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = pdf("Steam for 90 seconds");
    let paths = [
        write("a.pdf", &whole),
        write("b.pdf", &whole[..whole.len() / 2]),
        write("c.pdf", b"no pdf"),
        write("d.txt", b"last"),
    ];
    let found = read_documents(&paths, &folder.path().join("inherited"));
    assert_eq!((found.documents[0].text.as_str(), found.documents[0].pages), ("Steam for 90 seconds", Some(1)));
    assert_eq!(found.documents.last().unwrap().text, "last");
    assert!(found.errors.iter().any(|fault| fault.path.ends_with("c.pdf")), "{:?}", found.errors);
}

#[test]
fn long_documents_are_cut_with_a_mark() {
    let text = "茶".repeat(MOST_CHARS + 1);
    assert_eq!(cut(&text).chars().count(), MOST_CHARS + CUT.chars().count());
    assert_eq!(cut("short"), "short");
}
