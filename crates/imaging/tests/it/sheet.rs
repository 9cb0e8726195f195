//! Contact sheets: pictures stand where they belong, and a bad file does not spoil a sheet.

use image::RgbImage;
use imagemill_imaging::{ROWS_PER_SHEET, SheetRow, contact_sheet};
use imagemill_testkit::{TempWorkspace, pictures};

fn sheet(rows: &[SheetRow]) -> RgbImage {
    image::load_from_memory(&contact_sheet(rows).unwrap()).unwrap().into_rgb8()
}

/// Share of pixels near a colour.
fn share(sheet: &RgbImage, colour: [u8; 3]) -> f64 {
    let near = |pixel: &&image::Rgb<u8>| pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 24);
    sheet.pixels().filter(near).count() as f64 / f64::from(sheet.width() * sheet.height())
}

fn flat(folder: &TempWorkspace, name: &str, colour: [u8; 3]) -> std::path::PathBuf {
    let picture = RgbImage::from_pixel(300, 200, image::Rgb(colour));
    folder.write(name, pictures::encode(&picture.into(), image::ImageFormat::Png))
}

#[test]
fn before_stands_left_of_after() {
    let folder = TempWorkspace::new();
    let row = SheetRow {
        source: Some(flat(&folder, "before.png", [220, 20, 20])),
        results: vec![flat(&folder, "after.png", [20, 20, 220])],
        label: "001_start.png: make it blue 夜".to_owned(),
    };
    let sheet = sheet(&[row]);
    let (left, right) = (sheet.width() / 4, sheet.width() * 3 / 4);
    let middle = sheet.height() * 2 / 5;
    assert!(sheet.get_pixel(left, middle).0[0] > 180 && sheet.get_pixel(right, middle).0[2] > 180);
    let ink = sheet.enumerate_pixels().filter(|(_, y, pixel)| *y > sheet.height() * 3 / 4 && pixel.0[0] < 110);
    assert!(ink.count() > 100, "the label is missing");
}

#[test]
fn unreadable_files_and_missing_results_leave_the_rest() {
    let folder = TempWorkspace::new();
    let good = flat(&folder, "good.png", [20, 200, 20]);
    let rows = [
        SheetRow { source: Some(folder.write("bad.png", b"text")), results: vec![good.clone()], label: String::new() },
        SheetRow { source: Some(folder.join("absent.png")), results: vec![], label: "x".repeat(500) },
        SheetRow { source: None, results: vec![good; 9], label: "many".to_owned() },
    ];
    let sheet = sheet(&rows);
    assert!(share(&sheet, [20, 200, 20]) > 0.1);
    assert!(contact_sheet(&[]).is_ok());
}

#[test]
fn a_full_sheet_stays_within_bounds() {
    let folder = TempWorkspace::new();
    let picture = flat(&folder, "one.png", [90, 90, 200]);
    let row = |results: usize| SheetRow {
        source: Some(picture.clone()),
        results: vec![picture.clone(); results],
        label: "a label".to_owned(),
    };
    for results in [1, 4] {
        let sheet = sheet(&vec![row(results); ROWS_PER_SHEET * 2]);
        assert!(sheet.width() <= 2100 && sheet.height() <= 9000, "{:?}", sheet.dimensions());
    }
}
