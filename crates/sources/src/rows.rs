//! What the rows of a list name: their columns, their own prompt, and the files of their pictures.

use std::fs;
use std::path::{Path, PathBuf};

use imagemill_domain::job_file::SourceSection;

use crate::error::{Problem, SHOWN, SourceError};
use crate::list::{self, List, Row};
use crate::paths;
use crate::scan::Files;
use crate::walk::{Candidate, Places};

/// Several pictures in one cell are separated by this.
const SEPARATOR: char = '|';

/// A list whose pictures are all there.
pub(crate) struct Listed {
    /// As written.
    pub(crate) typed: String,
    pub(crate) rows: Vec<ListedRow>,
}

/// A row and the places of its pictures among the files.
pub(crate) struct ListedRow {
    pub(crate) row: Row,
    pub(crate) pictures: Vec<usize>,
}

/// Reads the list and checks that the columns that are named exist. Answers its path too.
pub(crate) fn open(typed: &str, section: &SourceSection, places: &Places<'_>) -> Result<(PathBuf, List), SourceError> {
    let path = paths::resolve(typed, places.base, places.home);
    if !path.exists() {
        return Err(paths::missing(typed, &path));
    }
    let list = list::read(typed, &path)?;
    for column in section.picture_column.iter().chain(&section.prompt_column) {
        if !list.columns.contains(column) {
            let (list, column, known) = (typed.to_owned(), column.clone(), list.columns.join(", "));
            return Err(SourceError::UnknownColumn { list, column, known });
        }
    }
    Ok((path, list))
}

/// Reads the list for `edit`: every row with its pictures, which are added to `files`.
pub(crate) fn read(
    typed: &str,
    section: &SourceSection,
    places: &Places<'_>,
    files: &mut Files,
) -> Result<Listed, SourceError> {
    let (path, list) = open(typed, section, places)?;
    let Some(column) = &section.picture_column else {
        return Err(SourceError::NoPictureColumn { list: typed.to_owned(), known: list.columns.join(", ") });
    };
    let folder = paths::absolute(&path)
        .and_then(|path| path.parent().unwrap_or(Path::new("/")).canonicalize())
        .map_err(|error| SourceError::unreadable(typed, error))?;
    let mut rows = Vec::with_capacity(list.rows.len());
    let mut problems = Problems::default();
    for row in list.rows {
        let cell = row.cells.get(column).map(String::as_str).unwrap_or_default();
        let named: Vec<&str> = cell.split(SEPARATOR).map(str::trim).filter(|name| !name.is_empty()).collect();
        if named.is_empty() {
            problems.add(row.line, "no picture is named".to_owned());
            continue;
        }
        let pictures = named.iter().map(|name| {
            let candidate = picture(name, &folder, places.home).map_err(|detail| format!("{name} {detail}"))?;
            Ok(files.add(candidate))
        });
        match pictures.collect::<Result<Vec<usize>, String>>() {
            Ok(pictures) => rows.push(ListedRow { row, pictures }),
            Err(detail) => problems.add(row.line, detail),
        }
    }
    problems.into_result(typed)?;
    Ok(Listed { typed: typed.to_owned(), rows })
}

/// The row's own prompt: the text of the prompt column.
pub(crate) fn prompt(section: &SourceSection, row: &Row) -> Option<String> {
    let text = row.cells.get(section.prompt_column.as_ref()?)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The place of a picture that goes along with every source.
pub(crate) fn reference(typed: &str, places: &Places<'_>, files: &mut Files) -> Result<usize, SourceError> {
    let path = paths::resolve(typed, places.base, places.home);
    match fs::metadata(&path) {
        Ok(kind) if kind.is_file() => {}
        Ok(_) => {
            let detail = "it is not a file; name each reference picture".to_owned();
            return Err(SourceError::Reference { path: typed.to_owned(), detail });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(paths::missing(typed, &path)),
        Err(error) => return Err(SourceError::unreadable(typed, error)),
    }
    let candidate =
        candidate(typed, &path, None).map_err(|detail| SourceError::Reference { path: typed.to_owned(), detail })?;
    Ok(files.add(candidate))
}

/// Rows that cannot be used: the first few in words, all in number.
#[derive(Default)]
pub(crate) struct Problems {
    shown: Vec<Problem>,
    count: usize,
}

impl Problems {
    pub(crate) fn add(&mut self, line: u64, detail: String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(Problem { place: format!("line {line}"), detail });
        }
    }

    pub(crate) fn into_result(self, list: &str) -> Result<(), SourceError> {
        if self.count == 0 {
            return Ok(());
        }
        Err(SourceError::BadRows { list: list.to_owned(), problems: self.shown, count: self.count })
    }
}

fn picture(name: &str, folder: &Path, home: Option<&Path>) -> Result<Candidate, String> {
    let path = paths::resolve(name, folder, home);
    match fs::metadata(&path) {
        Ok(kind) if kind.is_file() => candidate(name, &path, Some(folder)),
        Ok(_) => Err("is not a file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("does not exist".to_owned()),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// A file under its path below `folder`, or under its file name when it lies elsewhere.
fn candidate(shown: &str, path: &Path, folder: Option<&Path>) -> Result<Candidate, String> {
    let path = paths::absolute(path).map_err(|error| format!("cannot be read: {error}"))?;
    let root = match (folder, path.parent()) {
        (Some(folder), _) if path.starts_with(folder) => folder,
        (_, Some(parent)) => parent,
        (_, None) => return Err("is not a file".to_owned()),
    };
    let below = path.strip_prefix(root).ok().and_then(Path::to_str);
    let name = below.ok_or("has a name that is not valid Unicode; rename it")?.replace('\\', "/");
    Ok(Candidate { root: root.to_owned(), name, shown: shown.to_owned(), path })
}
