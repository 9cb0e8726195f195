//! From files that were looked into to items: duplicates, own prompts, references. Knows nothing of walking or reading lists.

use std::collections::{BTreeMap, HashMap};

use imagemill_domain::hash::ContentHash;
use imagemill_domain::job_file::{Duplicates, SourceSection};
use imagemill_domain::source::{Scan, SkipReason, Skipped, SourceItem};
use imagemill_domain::task::SourcePicture;

use crate::error::{Problem, SHOWN, SourceError};
use crate::inspect::Inspected;
use crate::rows::{self, Listed, Problems};
use crate::walk::Candidate;

/// What makes two items the same work: the pictures' bytes, the own prompt, and the columns besides the picture's.
type Same = (Vec<ContentHash>, Option<String>, BTreeMap<String, String>);

/// Items in the making.
pub(crate) struct Items<'a> {
    section: &'a SourceSection,
    candidates: &'a [Candidate],
    inspected: &'a [Result<Inspected, SkipReason>],
    references: Vec<SourcePicture>,
    /// The name of the first item of its kind.
    first: HashMap<Same, String>,
    scan: Scan,
}

impl<'a> Items<'a> {
    /// No items yet. `references` are places in `candidates`; one that is no picture is an error.
    pub(crate) fn new(
        section: &'a SourceSection,
        candidates: &'a [Candidate],
        inspected: &'a [Result<Inspected, SkipReason>],
        references: &[usize],
    ) -> Result<Self, SourceError> {
        let scan = Scan::default();
        let mut items = Self { section, candidates, inspected, references: Vec::new(), first: HashMap::new(), scan };
        for &at in references {
            let picture = items.picture(at).map_err(|reason| SourceError::Reference {
                path: items.candidates[at].shown.clone(),
                detail: reason.to_string(),
            })?;
            items.references.push(picture);
        }
        Ok(items)
    }

    /// One item for each file of folders and globs; what is no picture is skipped.
    pub(crate) fn add_walked(&mut self, walked: &[usize]) -> Result<(), SourceError> {
        let mut problems = Vec::new();
        for &at in walked {
            match (self.picture(at), &self.inspected[at]) {
                (Ok(picture), Ok(inspected)) => match inspected.prompt.clone() {
                    Ok(prompt) => self.add(at, vec![picture], prompt, BTreeMap::new()),
                    Err(problem) => problems.push(problem),
                },
                (Err(reason), _) => self.skip(at, reason),
                (Ok(_), Err(reason)) => self.skip(at, reason.clone()),
            }
        }
        sidecars(problems)
    }

    /// One item for each row; a row whose picture is none is an error that names the line.
    pub(crate) fn add_rows(&mut self, listed: Listed) -> Result<(), SourceError> {
        let mut bad_rows = Problems::default();
        let mut bad_sidecars = Vec::new();
        for one in listed.rows {
            let pictures: Result<Vec<SourcePicture>, String> = one
                .pictures
                .iter()
                .map(|&at| self.picture(at).map_err(|reason| format!("{}: {reason}", self.candidates[at].shown)))
                .collect();
            let (pictures, at) = match (pictures, one.pictures.first()) {
                (Ok(pictures), Some(&at)) => (pictures, at),
                (Err(detail), _) => {
                    bad_rows.add(one.row.line, detail);
                    continue;
                }
                (Ok(_), None) => continue,
            };
            let beside = match &self.inspected[at] {
                Ok(inspected) => inspected.prompt.clone(),
                Err(_) => Ok(None),
            };
            match (rows::prompt(self.section, &one.row), beside) {
                (Some(prompt), _) => self.add(at, pictures, Some(prompt), one.row.cells),
                (None, Ok(prompt)) => self.add(at, pictures, prompt, one.row.cells),
                (None, Err(problem)) => bad_sidecars.push(problem),
            }
        }
        bad_rows.into_result(&listed.typed)?;
        sidecars(bad_sidecars)
    }

    /// What there is now.
    pub(crate) fn into_scan(self) -> Scan {
        self.scan
    }

    fn picture(&self, at: usize) -> Result<SourcePicture, SkipReason> {
        let inspected = self.inspected[at].as_ref().map_err(Clone::clone)?;
        let candidate = &self.candidates[at];
        let path = candidate.path.to_str().ok_or_else(|| SkipReason::Unreadable {
            detail: "a folder above it has a name that is not valid Unicode; rename it".to_owned(),
        })?;
        Ok(SourcePicture { path: path.to_owned(), name: candidate.name.clone(), blake3: inspected.blake3 })
    }

    fn add(
        &mut self,
        at: usize,
        mut pictures: Vec<SourcePicture>,
        prompt: Option<String>,
        columns: BTreeMap<String, String>,
    ) {
        if self.section.duplicates == Duplicates::Skip {
            let mut others = columns.clone();
            if let Some(column) = &self.section.picture_column {
                others.remove(column);
            }
            let same = (pictures.iter().map(|picture| picture.blake3).collect(), prompt.clone(), others);
            if let Some(of) = self.first.get(&same) {
                let reason = SkipReason::Duplicate { of: of.clone() };
                return self.skip(at, reason);
            }
            self.first.insert(same, self.candidates[at].shown.clone());
        }
        pictures.extend(self.references.iter().cloned());
        let Ok(inspected) = &self.inspected[at] else { return };
        self.scan.items.push(SourceItem {
            pictures,
            format: Some(inspected.format),
            bytes: inspected.bytes,
            size: Some(inspected.size),
            prompt,
            columns,
        });
    }

    fn skip(&mut self, at: usize, reason: SkipReason) {
        self.scan.skipped.push(Skipped { path: self.candidates[at].shown.clone(), reason });
    }
}

fn sidecars(mut problems: Vec<Problem>) -> Result<(), SourceError> {
    let count = problems.len();
    if count == 0 {
        return Ok(());
    }
    problems.truncate(SHOWN);
    Err(SourceError::Sidecars { problems, count })
}
