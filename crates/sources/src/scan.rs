//! The scan itself: what happens in which order between `[source]` and the items. How folders are walked, lists are read and
//! items are made up stands in the other files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use imagemill_domain::job_file::{RecipeName, SourceSection};
use imagemill_domain::source::{Scan, SourceItem};

use crate::error::{Problem, SHOWN, SourceError};
use crate::inspect::inspect_all;
use crate::items::Items;
use crate::names::make_unique;
use crate::order::natural;
use crate::rows;
use crate::walk::{self, Candidate, Found, Places};

/// How far a scan has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Files named or shaped like pictures so far; final as soon as `checked` is not 0.
    pub found: u64,
    /// Of these, hashed and looked into.
    pub checked: u64,
}

/// Reads what `section` names. Blocks: call it on a thread of its own.
///
/// `base` is the folder that relative paths start from: the job file's, or the current one. Pictures of folders and globs
/// come first in natural order of their paths, then the rows of the list in the order of the file. Folders are walked
/// recursively; linked files are taken under their own name, linked folders are reported and not entered; hidden entries
/// are passed over unless `section.hidden` or named directly.
///
/// # Errors
/// Anything that was named and is not there, a list row without its picture, a side-car prompt that is no UTF-8 text, and
/// for `edit` a result without any picture. A file met while walking that cannot be used is no error: it is in `skipped`.
pub fn scan(
    section: &SourceSection,
    base: &Path,
    recipe: RecipeName,
    progress: &mut dyn FnMut(ScanProgress),
) -> Result<Scan, SourceError> {
    match recipe {
        RecipeName::Generate | RecipeName::Infographic | RecipeName::Outline | RecipeName::Slides => {
            generate(section, base)
        }
        RecipeName::Edit | RecipeName::Critique => edit(section, base, progress),
    }
}

/// Rows of a list become items without pictures.
fn generate(section: &SourceSection, base: &Path) -> Result<Scan, SourceError> {
    let keys = [
        ("paths", !section.paths.is_empty()),
        ("references", !section.references.is_empty()),
        ("picture_column", section.picture_column.is_some()),
        ("sidecar_prompts", section.sidecar_prompts),
    ];
    if let Some((key, _)) = keys.into_iter().find(|(_, set)| *set) {
        return Err(SourceError::NotForGenerate { key });
    }
    let Some(typed) = &section.list else { return Ok(Scan::default()) };
    let home = std::env::home_dir();
    let (_, list) = rows::open(typed, section, &Places { base, home: home.as_deref(), hidden: section.hidden })?;
    let items = list.rows.into_iter().map(|row| {
        let prompt = rows::prompt(section, &row);
        SourceItem { prompt, columns: row.cells, ..SourceItem::default() }
    });
    Ok(Scan { items: items.collect(), ..Scan::default() })
}

/// Files and rows become items with pictures.
fn edit(section: &SourceSection, base: &Path, progress: &mut dyn FnMut(ScanProgress)) -> Result<Scan, SourceError> {
    if section.paths.is_empty() && section.list.is_none() {
        return Err(SourceError::NothingNamed);
    }
    let home = std::env::home_dir();
    let places = Places { base, home: home.as_deref(), hidden: section.hidden };
    let mut found = Found::default();
    for typed in &section.paths {
        walk::find(typed, &places, &mut found, &mut |count| progress(ScanProgress { found: count, checked: 0 }))?;
    }
    let mut files = Files::default();
    let walked = files.add_in_order(std::mem::take(&mut found.candidates));
    let listed = match &section.list {
        Some(typed) => Some(rows::read(typed, section, &places, &mut files)?),
        None => None,
    };
    make_unique(&mut files.candidates);
    let references = section.references.iter().map(|typed| rows::reference(typed, &places, &mut files));
    let references: Vec<usize> = references.collect::<Result<_, _>>()?;

    let paths: Vec<PathBuf> = files.candidates.iter().map(|candidate| candidate.path.clone()).collect();
    let all = paths.len() as u64;
    let inspected = inspect_all(&paths, section.sidecar_prompts, &mut |checked| {
        if checked.is_multiple_of(64) || checked == all {
            progress(ScanProgress { found: all, checked });
        }
    });
    let mut items = Items::new(section, &files.candidates, &inspected, &references)?;
    items.add_walked(&walked)?;
    if let Some(listed) = listed {
        items.add_rows(listed)?;
    }
    let mut scan = items.into_scan();
    scan.ignored = found.ignored;
    scan.skipped.extend(found.skipped);
    scan.skipped.sort_by(|a, b| natural(&a.path, &b.path));
    if scan.items.is_empty() { Err(nothing_left(section, &scan, found.passed_hidden)) } else { Ok(scan) }
}

fn nothing_left(section: &SourceSection, scan: &Scan, hidden: bool) -> SourceError {
    let looked_at: Vec<&str> = section.paths.iter().chain(&section.list).map(String::as_str).collect();
    let problems: Vec<Problem> = scan
        .skipped
        .iter()
        .take(SHOWN)
        .map(|skipped| Problem { place: skipped.path.clone(), detail: skipped.reason.to_string() })
        .collect();
    SourceError::NoPictures {
        looked_at: looked_at.join(", "),
        ignored: scan.ignored,
        skipped: problems,
        skipped_count: scan.skipped.len(),
        hidden,
    }
}

/// The files that are looked into, each once however often it is named.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) candidates: Vec<Candidate>,
    by_path: HashMap<PathBuf, usize>,
}

impl Files {
    /// Adds a file, or finds it again; answers its place.
    pub(crate) fn add(&mut self, candidate: Candidate) -> usize {
        let next = self.candidates.len();
        let at = *self.by_path.entry(candidate.path.clone()).or_insert(next);
        if at == next {
            self.candidates.push(candidate);
        }
        at
    }

    /// Adds files in natural order of their paths, so that neither the file system nor the shell decides it.
    fn add_in_order(&mut self, candidates: Vec<Candidate>) -> Vec<usize> {
        let mut keyed: Vec<(String, Candidate)> =
            candidates.into_iter().map(|one| (one.path.to_string_lossy().replace('\\', "/"), one)).collect();
        // Stable: of a file that is named twice the first naming stays in front.
        keyed.sort_by(|a, b| natural(&a.0, &b.0));
        let mut places: Vec<usize> = keyed.into_iter().map(|(_, candidate)| self.add(candidate)).collect();
        places.dedup();
        places
    }
}
