//! Contact sheets: sources and results side by side with a label, for people. It must not know tasks; rows come ready.

use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, Rgb, RgbImage, imageops};
use imagemill_domain::picture::PictureFormat;

use crate::decode;
use crate::error::ImageError;
use crate::ingest::encode_jpeg;
use crate::input::{Bytes, Limits};
use crate::shrink::thumbnail;
use crate::text::{Fonts, Style};

/// Rows on one sheet, at most; more belong on the next sheet.
pub const ROWS_PER_SHEET: usize = 24;

const CELL: u32 = 260;
const GAP: u32 = 44;
const RESULT_GAP: u32 = 12;
const PADDING: u32 = 18;
const MARGIN: u32 = 28;
const LABEL: u32 = 34;
const MAX_RESULTS: usize = 4;
const SHEET_WIDTH: u32 = 2000;

const PAPER: Rgb<u8> = Rgb([243, 244, 246]);
const CARD: Rgb<u8> = Rgb([255, 255, 255]);
const EDGE: Rgb<u8> = Rgb([222, 225, 230]);
const INK: Rgb<u8> = Rgb([40, 44, 52]);
const FAINT: Rgb<u8> = Rgb([150, 156, 166]);

/// One source and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetRow {
    /// The picture before; `None` for a result that was made from words only.
    pub source: Option<PathBuf>,
    /// The pictures after; the first four are shown and the number of the others is told.
    pub results: Vec<PathBuf>,
    /// One line below; cut where it is too long.
    pub label: String,
}

/// Draws up to [`ROWS_PER_SHEET`] rows as cards on one JPEG; a caller with more cuts them with `chunks`, so that one sheet is
/// in memory at a time. A picture that cannot be read is a grey field that says so: the sheet must not fail for one file.
///
/// Labels use a font of the machine for letters the embedded fonts lack; without one a box stands for each such letter.
///
/// # Errors
/// Only when the JPEG cannot be written.
pub fn contact_sheet(rows: &[SheetRow]) -> Result<Vec<u8>, ImageError> {
    encode_jpeg(&drawn(rows), 88)
}

/// The same as a PNG, for sheets on which colours and skin are judged.
///
/// # Errors
/// Only when the PNG cannot be written.
pub fn contact_sheet_png(rows: &[SheetRow]) -> Result<Vec<u8>, ImageError> {
    let mut png = Vec::new();
    let written = drawn(rows).write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png);
    written.map_err(|error| ImageError::Encode { format: PictureFormat::Png, detail: error.to_string() })?;
    Ok(png)
}

fn drawn(rows: &[SheetRow]) -> RgbImage {
    let rows = &rows[..rows.len().min(ROWS_PER_SHEET)];
    let has_source = rows.iter().any(|row| row.source.is_some());
    let shown = rows.iter().map(|row| row.results.len().min(MAX_RESULTS)).max().unwrap_or(0).max(1) as u32;
    let before_width = if has_source { CELL + GAP } else { 0 };
    let card_width = 2 * PADDING + before_width + shown * CELL + (shown - 1) * RESULT_GAP;
    let card_height = PADDING + CELL + LABEL + PADDING / 2;
    let fitting = ((SHEET_WIDTH - MARGIN) / (card_width + MARGIN)).max(1);
    let columns = fitting.min(rows.len().max(1) as u32);
    let lines = (rows.len().max(1) as u32).div_ceil(columns);
    let width = MARGIN + columns * (card_width + MARGIN);
    let height = MARGIN + lines * (card_height + MARGIN);

    let mut canvas = RgbImage::from_pixel(width, height, PAPER);
    for (index, row) in rows.iter().enumerate() {
        let index = index as u32;
        let x = MARGIN + index % columns * (card_width + MARGIN);
        let y = MARGIN + index / columns * (card_height + MARGIN);
        fill(&mut canvas, (x - 1, y - 1), (card_width + 2, card_height + 2), EDGE);
        fill(&mut canvas, (x, y), (card_width, card_height), CARD);
        draw_row(&mut canvas, row, x + PADDING, y + PADDING, before_width, card_width - 2 * PADDING);
    }
    canvas
}

fn draw_row(canvas: &mut RgbImage, row: &SheetRow, x: u32, y: u32, before_width: u32, width: u32) {
    if before_width > 0 {
        match &row.source {
            Some(source) => draw_picture(canvas, source, x, y),
            None => draw_note(canvas, "from words", x, y),
        }
        draw_arrow(canvas, x + CELL + GAP / 2, y + CELL / 2);
    }
    if row.results.is_empty() {
        draw_note(canvas, "no picture", x + before_width, y);
    }
    for (index, result) in row.results.iter().take(MAX_RESULTS).enumerate() {
        draw_picture(canvas, result, x + before_width + index as u32 * (CELL + RESULT_GAP), y);
    }
    let more = row.results.len().saturating_sub(MAX_RESULTS);
    let label = if more > 0 { format!("{}  (+{more} more)", row.label) } else { row.label.clone() };
    let style = Style { size_px: 20.0, fonts: Fonts::Machine };
    let label = style.shorten(&label, width as f32);
    style.draw(canvas, &label, x as f32, (y + CELL + 10) as f32, INK);
}

fn draw_picture(canvas: &mut RgbImage, path: &Path, x: u32, y: u32) {
    match upright_thumbnail(path) {
        Ok(picture) => {
            let left = x + (CELL - picture.width()) / 2;
            let top = y + (CELL - picture.height()) / 2;
            imageops::replace(canvas, &picture, i64::from(left), i64::from(top));
        }
        Err(_) => draw_note(canvas, "cannot be read", x, y),
    }
}

fn upright_thumbnail(path: &Path) -> Result<RgbImage, ImageError> {
    let bytes = Bytes::File(path);
    let probe = decode::probe(bytes)?;
    let small = thumbnail(decode::pixels(bytes, &probe, &Limits::SOURCES)?, CELL);
    let mut small = DynamicImage::ImageRgb8(small);
    if let Some(orientation) = Orientation::from_exif(probe.orientation) {
        small.apply_orientation(orientation);
    }
    Ok(small.into_rgb8())
}

fn draw_note(canvas: &mut RgbImage, note: &str, x: u32, y: u32) {
    fill(canvas, (x, y), (CELL, CELL), PAPER);
    let style = Style { size_px: 22.0, fonts: Fonts::Embedded };
    let left = x as f32 + (CELL as f32 - style.width(note)) / 2.0;
    style.draw(canvas, note, left, (y + CELL / 2 - 11) as f32, FAINT);
}

/// A small arrow to the right, centred on a point.
fn draw_arrow(canvas: &mut RgbImage, x: u32, y: u32) {
    fill(canvas, (x - 14, y - 1), (22, 3), FAINT);
    for step in 0..9 {
        fill(canvas, (x + 12 - step, y - step), (2, 2 * step + 1), FAINT);
    }
}

fn fill(canvas: &mut RgbImage, (x, y): (u32, u32), (width, height): (u32, u32), colour: Rgb<u8>) {
    for row in y..(y + height).min(canvas.height()) {
        for column in x..(x + width).min(canvas.width()) {
            canvas.put_pixel(column, row, colour);
        }
    }
}
