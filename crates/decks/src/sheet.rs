//! All pages at a glance: contact sheets in the deck's folder, to see whether they look alike.

use std::io::Write as _;
use std::path::PathBuf;

use imagemill_imaging::{ROWS_PER_SHEET, SheetRow, contact_sheet};

use crate::folder::{DeckError, DeckFolder, write_whole};

/// Writes `contact-sheet.jpg`, and `contact-sheet-2.jpg` and so on where one does not hold all pages. Pages without a picture are left
/// out; without any there is no sheet.
pub fn write_sheets(folder: &DeckFolder, pages: u32) -> Result<Vec<PathBuf>, DeckError> {
    let outline = folder.outline().ok().flatten().unwrap_or_default();
    let row = |page_no: u32| {
        let picture = folder.picture(page_no).ok()?;
        let title = outline.pages.iter().find(|page| page.page_no == page_no).map_or("", |page| page.title.as_str());
        Some(SheetRow { source: None, results: vec![picture.path], label: format!("{page_no}  {title}") })
    };
    let rows: Vec<SheetRow> = (1..=pages).filter_map(row).collect();
    let mut written = Vec::new();
    for (at, rows) in rows.chunks(ROWS_PER_SHEET).enumerate() {
        let name = if at == 0 { "contact-sheet.jpg".to_owned() } else { format!("contact-sheet-{}.jpg", at + 1) };
        let path = folder.root.join(name);
        let drawn = contact_sheet(rows);
        let bytes = drawn.map_err(|error| DeckError::Unwritable { path: path.clone(), why: error.to_string() })?;
        write_whole(&path, |file| file.write_all(&bytes))?;
        written.push(path);
    }
    Ok(written)
}
