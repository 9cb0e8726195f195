//! Contact sheets: sources beside results for people, drawn while the pictures go by. Knows no rules.

use imagemill_domain::hash::ContentHash;
use imagemill_imaging::{ROWS_PER_SHEET, SheetRow, contact_sheet};

use crate::error::ExportError;
use crate::folder::{Folder, There};
use crate::place::Places;
use crate::session::stopped;

/// Sheets in the making.
#[derive(Debug, Default)]
pub(crate) struct Sheets {
    rows: Vec<SheetRow>,
    number: u64,
    /// Sheets of an earlier save of this job: ours to replace.
    earlier: Vec<String>,
    drawn: Vec<String>,
}

impl Sheets {
    pub(crate) fn new(earlier: Vec<String>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Adds a source and its results; draws a sheet when there are enough for one.
    pub(crate) fn add(
        &mut self,
        row: SheetRow,
        folder: &mut Folder,
        places: &mut Places,
        written: u64,
    ) -> Result<(), ExportError> {
        self.rows.push(row);
        if self.rows.len() < ROWS_PER_SHEET { Ok(()) } else { self.draw(folder, places, written) }
    }

    /// Draws what is left and answers the sheets' files.
    pub(crate) fn finish(
        mut self,
        folder: &mut Folder,
        places: &mut Places,
        written: u64,
    ) -> Result<Vec<String>, ExportError> {
        if !self.rows.is_empty() {
            self.draw(folder, places, written)?;
        }
        Ok(self.drawn)
    }

    fn draw(&mut self, folder: &mut Folder, places: &mut Places, written: u64) -> Result<(), ExportError> {
        let jpeg = contact_sheet(&std::mem::take(&mut self.rows))?;
        let content = ContentHash::of(&jpeg);
        let file = loop {
            self.number += 1;
            let number = self.number;
            let file = if number == 1 { "contact-sheet.jpg".to_owned() } else { format!("contact-sheet-{number}.jpg") };
            if places.is_placed_now(&file) {
                continue;
            }
            match folder.look(&file, &content, Some(jpeg.len() as u64)) {
                There::Nothing => break file,
                There::Other if self.earlier.contains(&file) => break file,
                There::Other => {}
                There::Same => {
                    places.reserve(&file);
                    self.drawn.push(file);
                    return Ok(());
                }
            }
        };
        folder.write(&file, &jpeg).map_err(|error| stopped(error, folder, &file, written))?;
        places.reserve(&file);
        self.drawn.push(file);
        Ok(())
    }
}
