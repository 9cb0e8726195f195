//! Why a scan cannot give a result. Every message names the path as the user wrote it and says what to do.

use std::fmt::{self, Write};
use std::path::PathBuf;

/// How many places a message lists before it only counts.
pub(crate) const SHOWN: usize = 10;

/// One place in a list or one side-car file that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `line 7` or a path.
    pub place: String,
    /// In plain words.
    pub detail: String,
}

/// Why a scan cannot give a result.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// `edit` without anything to edit.
    #[error(
        "no pictures are named; give a folder, files or a quoted glob (`imagemill edit ./photos`), or [source] paths or list in the job file"
    )]
    NothingNamed,
    /// `generate` with pictures.
    #[error(
        "the recipe generate makes pictures from prompts and takes none; leave out [source] {key}, or write recipe = \"edit\""
    )]
    NotForGenerate {
        /// The key that is set.
        key: &'static str,
    },
    /// A path that is not there.
    #[error("{path} does not exist{}", hint(.nearest.as_deref(), .similar.as_deref()))]
    Missing {
        /// As written.
        path: String,
        /// The nearest folder above it that exists.
        nearest: Option<String>,
        /// Something beside it with nearly the same name.
        similar: Option<String>,
    },
    /// A glob without a match.
    #[error("{pattern} matches no file below {folder}{}", if *.hidden { "; hidden files were left out, --hidden takes them too" } else { "" })]
    NoMatch {
        /// As written.
        pattern: String,
        /// Where it was looked for.
        folder: String,
        /// Whether hidden files or folders were passed over.
        hidden: bool,
    },
    /// A glob that cannot be read.
    #[error("{pattern} is not a glob: {detail}")]
    BadGlob {
        /// As written.
        pattern: String,
        /// In plain words.
        detail: String,
    },
    /// Something that was named cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A reference that is no picture.
    #[error("the reference {path} cannot be used: {detail}")]
    Reference {
        /// As written.
        path: String,
        /// In plain words.
        detail: String,
    },
    /// Nothing was left to edit.
    #[error("no picture was found in {looked_at}{}", left_out(*.ignored, .skipped, *.skipped_count, *.hidden))]
    NoPictures {
        /// What was looked at, in a list for people.
        looked_at: String,
        /// Files that are not pictures.
        ignored: u64,
        /// The first files that were left out, with the reason.
        skipped: Vec<Problem>,
        /// How many were left out.
        skipped_count: usize,
        /// Whether hidden files or folders were passed over.
        hidden: bool,
    },
    /// A list without the column that is named.
    #[error("{list} has no column {column:?}; its columns are: {known}")]
    UnknownColumn {
        /// As written.
        list: String,
        /// What `picture_column` or `prompt_column` says.
        column: String,
        /// The columns it has.
        known: String,
    },
    /// A list for `edit` and nobody said where the pictures stand.
    #[error("say which column of {list} names the picture: picture_column = \"…\"; its columns are: {known}")]
    NoPictureColumn {
        /// As written.
        list: String,
        /// The columns it has.
        known: String,
    },
    /// A list that cannot be read as a table.
    #[error("{list} cannot be read as a list: {detail}")]
    BadList {
        /// As written.
        list: String,
        /// In plain words, with the line where there is one.
        detail: String,
    },
    /// Rows of a list whose pictures are missing or are none.
    #[error("{list}: {} cannot be used{}", rows(*.count), shown(.problems, *.count))]
    BadRows {
        /// As written.
        list: String,
        /// The first of them.
        problems: Vec<Problem>,
        /// How many rows in all.
        count: usize,
    },
    /// Side-car prompts that are no UTF-8 text.
    #[error("{count} side-car prompt{} cannot be read{}", plural(*.count), shown(.problems, *.count))]
    Sidecars {
        /// The first of them.
        problems: Vec<Problem>,
        /// How many in all.
        count: usize,
    },
}

impl SourceError {
    pub(crate) fn unreadable(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Unreadable { path: path.into(), source }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.detail)
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn rows(count: usize) -> String {
    format!("{count} row{}", plural(count))
}

fn shown(problems: &[Problem], count: usize) -> String {
    let mut out = String::new();
    for problem in problems {
        let _ = write!(out, "\n  {problem}");
    }
    if count > problems.len() {
        let _ = write!(out, "\n  and {} more", count - problems.len());
    }
    out
}

fn hint(nearest: Option<&str>, similar: Option<&str>) -> String {
    match (similar, nearest) {
        (Some(similar), _) => format!("; did you mean {similar}?"),
        (None, Some(nearest)) => format!("; the nearest folder that exists is {nearest}"),
        (None, None) => String::new(),
    }
}

fn left_out(ignored: u64, skipped: &[Problem], skipped_count: usize, hidden: bool) -> String {
    let mut out = String::new();
    if ignored > 0 {
        let _ =
            write!(out, "; {ignored} other file{} there, none of them a picture", if ignored == 1 { "" } else { "s" });
    }
    if hidden {
        out.push_str("; hidden files and folders were left out, --hidden takes them too");
    }
    out.push_str(&shown(skipped, skipped_count));
    out
}
