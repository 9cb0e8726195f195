//! What can be typed after `imagemill critiques`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::running::{OverrideArgs, StartArgs};

/// `critiques`.
#[derive(Debug, Args)]
pub(crate) struct CritiquesArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) action: CritiquesAction,
}

/// What can be done with critiques.
#[derive(Debug, Subcommand)]
pub(crate) enum CritiquesAction {
    /// Hold rows against a rubric and a gate profile; code 1 when a row fails
    Check(CheckArgs),
    /// Write the critiques that jobs brought, one row a picture
    Export(ExportArgs),
}

/// `critiques export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Jobs by number, name, or a part of the name that no other job has
    #[arg(required = true, value_name = "JOB")]
    pub(crate) jobs: Vec<String>,
    /// File to write: lines, or an array when it ends in .json (default: lines to standard output)
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

/// `critique`.
#[derive(Debug, Args)]
pub(crate) struct CritiqueArgs {
    /// Folders (walked recursively), pictures and globs
    #[arg(required_unless_present = "list", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// Collection that the pictures belong to; it names rubric, gate, profile and model
    #[arg(long, short, value_name = "NAME")]
    pub(crate) collection: Option<String>,
    /// Rubric by name or TOML file, instead of the collection's
    #[arg(long, value_name = "NAME", required_unless_present = "collection")]
    pub(crate) rubric: Option<String>,
    /// Gate profile by name or TOML file, instead of the collection's
    #[arg(long, value_name = "PROFILE")]
    pub(crate) gate: Option<String>,
    /// A wish that is said beside the rubric, with each picture
    #[arg(long, short = 'e', value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// CSV, TSV or JSONL file with one picture a row; its columns artist, title and filepath go into the rows
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<String>,
    /// Column of the list that names the picture
    #[arg(long, value_name = "COLUMN", requires = "list")]
    pub(crate) picture_column: Option<String>,
    /// Only show tasks, money and time; nothing is sent
    #[arg(long)]
    pub(crate) plan: bool,
    /// Write the rows to this folder (default: ./imagemill-out/JOB)
    #[arg(long, value_name = "DIR")]
    pub(crate) save_to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// `critiques check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// JSON or JSONL files of critiques; copies are looked for across all of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Rubric: chinese, korean, indian, mural, western, japanese, islamic, hermitage, or a TOML file
    #[arg(long, value_name = "NAME")]
    pub(crate) rubric: String,
    /// What rows need to pass: reference-2025-12, vulca-bench-paper, strict, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "strict")]
    pub(crate) gate: String,
    /// Batch input file: each of its pictures needs one row, and no other picture may have one
    #[arg(long, value_name = "FILE")]
    pub(crate) pictures: Option<PathBuf>,
    /// Write critiques.md, critiques.html and critiques.json to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}
