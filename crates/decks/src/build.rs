//! From a deck's folder to its pptx and its PDF: which page stands on which slide, and what stands beside the pictures.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::{DeckError, DeckFolder};
use crate::outline::{Outline, Page, language};
use crate::pdf::{self, Leaf};
use crate::pptx::{self, Face, Fit, Properties, Slide};

/// What becomes of a page without a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// An empty slide, as the reference has it.
    #[default]
    Blank,
    /// No slide.
    Skip,
    /// A slide with the page's texts.
    Text,
}

/// How a deck becomes a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Where to; `None` = `<deck_id>.pptx` in the folder.
    pub output: Option<PathBuf>,
    /// How pictures of another shape lie.
    pub fit: Fit,
    /// Pages without pictures.
    pub missing: Missing,
}

/// What was written. The members up to `missing_pages` are those of the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Built {
    /// Name of the deck.
    pub deck_id: String,
    /// The file.
    pub output: String,
    /// Slides in it.
    pub total_slides: usize,
    /// Pages with their pictures.
    pub included_pages: Vec<u32>,
    /// Pages without.
    pub missing_pages: Vec<u32>,
    /// Why each of them is missing.
    pub missing: Vec<MissingPage>,
}

/// A page without a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingPage {
    /// Which.
    pub page_no: u32,
    /// A sentence.
    pub why: String,
}

/// Writes the pptx of a deck as it stands. A broken picture costs its page only.
pub fn build(folder: &DeckFolder, options: &BuildOptions) -> Result<Built, DeckError> {
    let outline = folder.outline()?;
    let output = options.output.clone().unwrap_or_else(|| folder.pptx_path());
    let (built, slides) = gather(folder, outline.as_ref(), &output, options.missing)?;
    pptx::write(&output, &properties(folder, outline.as_ref(), options.fit), &slides)?;
    Ok(built)
}

/// Writes its PDF: the pages as they are seen. Texts in place of a missing page are the pptx's alone; here it is empty.
pub fn build_pdf(folder: &DeckFolder, options: &BuildOptions) -> Result<Built, DeckError> {
    let outline = folder.outline()?;
    let output = options.output.clone().unwrap_or_else(|| folder.pdf_path());
    let (built, slides) = gather(folder, outline.as_ref(), &output, options.missing)?;
    let leaf = |slide: Slide| {
        let picture = if let Face::Picture(picture) = slide.face { Some(picture) } else { None };
        Leaf { picture, title: slide.title }
    };
    let leaves: Vec<Leaf> = slides.into_iter().map(leaf).collect();
    let properties = properties(folder, outline.as_ref(), options.fit);
    pdf::write(&output, &properties.title, options.fit, &leaves)?;
    Ok(built)
}

/// The slides in order, and what is told of them.
fn gather(
    folder: &DeckFolder,
    outline: Option<&Outline>,
    output: &Path,
    missing: Missing,
) -> Result<(Built, Vec<Slide>), DeckError> {
    let numbers = page_numbers(folder, outline)?;
    let mut built = Built {
        deck_id: folder.deck_id(),
        output: output.display().to_string(),
        total_slides: 0,
        included_pages: Vec::new(),
        missing_pages: Vec::new(),
        missing: Vec::new(),
    };
    let mut slides = Vec::new();
    for page_no in numbers {
        let page = outline.and_then(|outline| outline.pages.iter().find(|page| page.page_no == page_no));
        match folder.picture(page_no) {
            Ok(picture) => {
                built.included_pages.push(page_no);
                slides.push(slide(page, page_no, Face::Picture(picture)));
            }
            Err(why) => {
                built.missing_pages.push(page_no);
                built.missing.push(MissingPage { page_no, why });
                match missing {
                    Missing::Skip => {}
                    Missing::Blank => slides.push(slide(page, page_no, Face::Blank)),
                    Missing::Text => slides.push(slide(page, page_no, Face::Text(texts(page)))),
                }
            }
        }
    }
    built.total_slides = slides.len();
    Ok((built, slides))
}

/// The outline's pages, else as many as the pack wants. The same number twice is a fault that nobody can guess away.
fn page_numbers(folder: &DeckFolder, outline: Option<&Outline>) -> Result<Vec<u32>, DeckError> {
    let Some(outline) = outline.filter(|outline| !outline.pages.is_empty()) else {
        let count = folder.page_count().ok_or_else(|| DeckError::Unreadable {
            path: folder.root.join("task_pack.json"),
            why: "params.page_count says no number of pages, and there is no outline".to_owned(),
        })?;
        return Ok((1..=count).collect());
    };
    let mut numbers: Vec<u32> = outline.pages.iter().map(|page| page.page_no).collect();
    numbers.sort_unstable();
    if let Some((number, _)) = numbers.iter().zip(&numbers[1..]).find(|(one, next)| one == next) {
        let why = format!("two pages have the number {number}");
        return Err(DeckError::Unreadable { path: folder.outline_path(), why });
    }
    Ok(numbers)
}

fn slide(page: Option<&Page>, page_no: u32, face: Face) -> Slide {
    let Some(page) = page else {
        return Slide { face, title: format!("{page_no}"), alternative: String::new(), notes: String::new() };
    };
    let shown: Vec<&str> = page.on_page_text.all().collect();
    Slide { face, title: page.title.clone(), alternative: shown.join(" · "), notes: page.notes() }
}

fn texts(page: Option<&Page>) -> Vec<String> {
    let shown = page.map(|page| &page.on_page_text);
    let headline = page.map_or("", |page| page.title.as_str());
    shown.map(|shown| shown.all().filter(|text| *text != headline).map(str::to_owned).collect()).unwrap_or_default()
}

fn properties(folder: &DeckFolder, outline: Option<&Outline>, fit: Fit) -> Properties {
    let title = outline.map(|outline| outline.ppt_title.trim()).filter(|title| !title.is_empty());
    let wanted = &folder.pack.params.language;
    let told = if wanted.trim().is_empty() { outline.map_or("", |outline| outline.language.as_str()) } else { wanted };
    let traditional = told.to_ascii_lowercase().contains("hant");
    let language = match language(told) {
        "en" => "en-US",
        _ if traditional => "zh-TW",
        _ => "zh-CN",
    };
    Properties {
        title: title.map_or_else(|| folder.deck_id(), str::to_owned),
        language: language.to_owned(),
        created: created(&folder.pack.created_at),
        fit,
    }
}

/// Readers refuse a file whose time is no time: nothing else than `2026-01-02T03:04:05` with a zone goes in.
fn created(told: &str) -> String {
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit() || "-T:.+Z".contains(letter));
    let plausible = told.len() >= 19 && told.as_bytes().get(10) == Some(&b'T') && digits(told);
    let zoned = told.ends_with('Z') || told.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    if plausible && zoned { told.to_owned() } else { String::new() }
}
