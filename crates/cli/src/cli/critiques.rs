//! What can be typed after `imagemill critiques`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
