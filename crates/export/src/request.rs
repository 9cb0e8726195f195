//! What saving is asked and what it answers: plain data.

use std::path::PathBuf;

use imagemill_domain::asset::AssetId;
use imagemill_domain::job::Job;
use imagemill_domain::save_rule::SaveRule;
use imagemill_domain::task::TaskId;
use imagemill_store::{Files, Store};
use serde::Serialize;

/// What to save, how, and where to.
#[derive(Debug)]
pub struct SaveRequest<'a> {
    /// The rows.
    pub store: &'a Store,
    /// The originals.
    pub files: &'a Files,
    /// The job whose pictures are saved.
    pub job: &'a Job,
    /// How they are named. Its `folder` is not looked at.
    pub rule: &'a SaveRule,
    /// Where to; made when it is not there.
    pub folder: PathBuf,
    /// Which of the job's pictures.
    pub selection: Selection,
    /// Only say what would be written.
    pub dry_run: bool,
}

/// Which of a job's pictures are saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All.
    #[default]
    Job,
    /// Those of these tasks.
    Tasks(Vec<TaskId>),
    /// These.
    Assets(Vec<AssetId>),
}

/// How far saving has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaveProgress {
    /// Pictures dealt with: written, found there already, left out or failed.
    pub done: u64,
    /// Pictures the job has, or that were named; 0 when only tasks were named and nobody has counted.
    pub total: u64,
}

/// What was saved. Serialises as the `--json` answer of `imagemill save`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// The output folder.
    pub folder: PathBuf,
    /// Result pictures written now.
    pub pictures: u64,
    /// Source pictures copied now.
    pub sources: u64,
    /// Text files written now.
    pub texts: u64,
    /// Pictures (results and sources) that were there already with the same bytes.
    pub already_there: u64,
    /// Pictures left out: rejected, not kept under `only_kept`, not the first under `only_first`, or the name was taken and the
    /// rule says `skip`.
    pub skipped: u64,
    /// The first twenty pictures that could not be saved.
    pub errors: Vec<SaveFailure>,
    /// How many could not be saved.
    pub error_count: u64,
    /// The manifest, when one was written.
    pub manifest: Option<PathBuf>,
    /// The contact sheets, when they were drawn.
    pub contact_sheets: Vec<PathBuf>,
    /// On a dry run: what would be written, in order; at most the first thousand.
    pub names: Vec<PlannedName>,
}

/// One picture that could not be saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaveFailure {
    /// Its task.
    pub task: TaskId,
    /// The file it was to become, or the source that could not be copied.
    pub path: String,
    /// What is wrong, in plain words.
    pub message: String,
}

/// A file that a dry run would write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedName {
    /// The task it belongs to.
    pub task: TaskId,
    /// The result it is, or belongs to.
    pub asset: AssetId,
    /// What it is.
    pub kind: FileKind,
    /// Path below the output folder, with `/`.
    pub file: String,
    /// Whether it is there already and stays as it is.
    pub there: bool,
}

/// What a saved file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A result picture.
    Result,
    /// The copy of its source.
    Source,
    /// The text beside it.
    Text,
}
