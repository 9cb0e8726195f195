//! How far a deck is, by what its files hold: an empty or broken picture is not done, and what is older than what it was made from
//! is made again. Reads only.

use std::path::Path;
use std::time::SystemTime;

use imagemill_domain::hash::ContentHash;
use serde::Serialize;

use crate::folder::{DeckError, DeckFolder, read_text};
use crate::outline::{Fault, Outline};
use crate::pptx;
use crate::record::{Words, page_hash};

/// How far a deck is. The members up to `pages` are those of the reference's scan; the others say why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeckStatus {
    /// Name of the deck.
    pub deck_id: String,
    /// Its folder.
    pub deck_dir: String,
    /// Pages that are wanted.
    pub page_count: u32,
    /// Whether the style needs no work.
    pub style_spec_done: bool,
    /// Whether the outline needs no work.
    pub outline_done: bool,
    /// Whether the pptx shows what the pages are now.
    pub pptx_done: bool,
    /// The pages in order.
    pub pages: Vec<PageStatus>,
    /// Why the style has work left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style_spec_why: Option<String>,
    /// Why the outline has work left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outline_why: Option<String>,
    /// What is wrong with the outline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outline_faults: Vec<Fault>,
    /// Why the pptx has work left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pptx_why: Option<String>,
}

/// What is left to do for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageAction {
    /// Nothing.
    Skip,
    /// Its picture.
    RenderOnly,
    /// Its prompt and its picture.
    Full,
}

/// How far a page is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PageStatus {
    /// From 1.
    pub page_no: u32,
    /// Whether its prompt needs no work.
    pub prompt_done: bool,
    /// Whether its picture needs no work.
    pub png_done: bool,
    /// What is left.
    pub action: PageAction,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How the words in its picture came out, where somebody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
}

impl DeckStatus {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.style_spec_done
            && self.outline_done
            && self.pptx_done
            && self.pages.iter().all(|page| page.action == PageAction::Skip)
    }
}

/// Looks at a deck's folder.
pub fn status(folder: &DeckFolder) -> Result<DeckStatus, DeckError> {
    let style_spec_why = text_fault(&folder.style_path(), "the style");
    let (outline_why, outline_faults, page_count) = outline_of(folder)?;
    let mut pages = Vec::new();
    let outline = folder.outline().ok().flatten();
    for page_no in 1..=page_count {
        pages.push(page_status(folder, outline.as_ref(), page_no));
    }
    let pptx_why = pptx_fault(folder, &pages);
    Ok(DeckStatus {
        deck_id: folder.deck_id(),
        deck_dir: folder.root.display().to_string(),
        page_count,
        style_spec_done: style_spec_why.is_none(),
        outline_done: outline_why.is_none(),
        pptx_done: pptx_why.is_none(),
        pages,
        style_spec_why,
        outline_why,
        outline_faults,
        pptx_why,
    })
}

/// Why the outline has work left, its faults, and how many pages there are to be.
fn outline_of(folder: &DeckFolder) -> Result<(Option<String>, Vec<Fault>, u32), DeckError> {
    let wanted = folder.page_count();
    let outline = match folder.outline() {
        Ok(outline) => outline,
        Err(DeckError::Unreadable { why, .. }) if wanted.is_some() => {
            return Ok((Some(format!("outline.json cannot be used: {why}")), Vec::new(), wanted.unwrap_or_default()));
        }
        Err(error) => return Err(error),
    };
    let Some(outline) = outline else {
        let count = wanted.ok_or_else(|| DeckError::Unreadable {
            path: folder.root.join("task_pack.json"),
            why: "params.page_count says no number of pages, and there is no outline".to_owned(),
        })?;
        return Ok((Some("there is no outline.json".to_owned()), Vec::new(), count));
    };
    let pages = u32::try_from(outline.pages.len()).unwrap_or(u32::MAX);
    let count = wanted.unwrap_or(pages);
    let faults = outline.faults(count);
    // A fault of form is told; only what the pages cannot be made from stops them.
    let why = (pages != count).then(|| format!("the outline has {pages} pages, and the deck is to have {count}"));
    Ok((why, faults, count))
}

/// How far a page is. What its record says it was made from counts more than the times of the files: an outline in which another
/// page was changed is newer, and this page is still done.
pub fn page_status(folder: &DeckFolder, outline: Option<&Outline>, page_no: u32) -> PageStatus {
    let prompt_path = folder.prompt_path(page_no);
    let record = folder.record(page_no).unwrap_or_default();
    let page = outline.and_then(|outline| outline.pages.iter().find(|page| page.page_no == page_no));
    let from_this_page = record.outline.is_some() && record.outline == page.map(page_hash);
    let prompt_fault = text_fault(&prompt_path, "the prompt").or_else(|| {
        let stale = !from_this_page && is_older(&prompt_path, &folder.outline_path());
        stale.then(|| "the outline is newer than the prompt".to_owned())
    });
    let picture_fault = folder.picture(page_no).err().or_else(|| {
        let older = prompt_path.is_file() && is_older(&folder.picture_path(page_no), &prompt_path);
        let now = || std::fs::read(&prompt_path).ok().map(|text| ContentHash::of(&text));
        let stale = older && (record.prompt.is_none() || record.prompt != now());
        stale.then(|| "the prompt is newer than the picture".to_owned())
    });
    let words = folder.picture_hash(page_no).filter(|_| picture_fault.is_none());
    let words = words.and_then(|picture| record.words_of(picture).cloned());
    let (prompt_done, png_done) = (prompt_fault.is_none(), picture_fault.is_none());
    // A finished picture without a prompt is somebody's own.
    let own = png_done && !prompt_path.exists();
    let action = match (prompt_done || own, png_done) {
        (true, true) => PageAction::Skip,
        (true, false) => PageAction::RenderOnly,
        (false, _) => PageAction::Full,
    };
    let why = if own { None } else { prompt_fault.or(picture_fault) };
    PageStatus { page_no, prompt_done, png_done, action, why, words }
}

fn pptx_fault(folder: &DeckFolder, pages: &[PageStatus]) -> Option<String> {
    let path = folder.pptx_path();
    if !path.is_file() {
        return Some(format!("there is no {}.pptx", folder.deck_id()));
    }
    if let Err(error) = pptx::check(&path) {
        return Some(format!("the pptx is broken: {error}"));
    }
    if is_older(&path, &folder.outline_path()) {
        return Some("the outline is newer than the pptx".to_owned());
    }
    let newer = pages.iter().find(|page| is_older(&path, &folder.picture_path(page.page_no)));
    newer.map(|page| format!("the picture of page {} is newer than the pptx", page.page_no))
}

/// Why a text file cannot count as made.
fn text_fault(path: &Path, what: &str) -> Option<String> {
    match read_text(path) {
        Ok(text) if text.trim().is_empty() => Some(format!("{what} is empty")),
        Ok(_) => None,
        Err(_) if !path.exists() => Some(format!("{what} is not there")),
        Err(error) => Some(error.to_string()),
    }
}

/// Whether `file` was written before `source`. A file that is not there is not older.
fn is_older(file: &Path, source: &Path) -> bool {
    let written = |path: &Path| -> Option<SystemTime> { std::fs::metadata(path).ok()?.modified().ok() };
    matches!((written(file), written(source)), (Some(file), Some(source)) if file < source)
}
