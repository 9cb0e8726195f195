//! What can be typed after `imagemill collections`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use imagemill_domain::money::Money;

use super::running::StartArgs;

/// `collections`.
#[derive(Debug, Args)]
pub(crate) struct CollectionsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) action: CollectionsAction,
}

/// What can be done with collections.
#[derive(Debug, Subcommand)]
pub(crate) enum CollectionsAction {
    /// How far each collection is, the one that comes first at the top
    Status(StandingArgs),
    /// Take pictures in; each is known by its bytes
    Add(AddArgs),
    /// Read files of other programs: candidates, batch inputs, critiques, progress
    Import(ImportFilesArgs),
    /// Hand batches out to somebody else: writes their input files
    Next(NextArgs),
    /// Give a batch back: its pictures without a row wait again
    Release(ReleaseArgs),
    /// Have the next batches written
    Run(RunBatchesArgs),
    /// Have failed pictures written again
    Retry(RetryBatchesArgs),
    /// Merge accepted rows that pass the gate together, and write the collection's files
    Sync(SyncArgs),
    /// Take the last merge back: its rows wait for the next one, a table is what it was before
    Undo(UndoArgs),
    /// The milestones, with what is missing and the batches it takes
    Milestones(NameArgs),
}

/// A collection.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// Collection by name
    pub(crate) name: String,
}

/// `collections status`.
#[derive(Debug, Args)]
pub(crate) struct StandingArgs {
    /// Only this collection
    pub(crate) name: Option<String>,
    /// Which comes first: relative, absolute, weighted or deadline (default: collection_priority of the configuration)
    #[arg(long, value_name = "RULE")]
    pub(crate) by: Option<String>,
}

/// `collections add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Folders (walked recursively), pictures and globs
    #[arg(required_unless_present = "list", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// CSV, TSV or JSONL file with one picture a row
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<String>,
    /// Column of the list that names the picture
    #[arg(long, value_name = "COLUMN", requires = "list")]
    pub(crate) picture_column: Option<String>,
}

/// `collections import`.
#[derive(Debug, Args)]
pub(crate) struct ImportFilesArgs {
    /// Collection by name
    pub(crate) name: String,
    /// JSON or JSONL files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Folder that relative picture paths start from (default: the file's)
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Who wrote critiques that do not say: human, model or model+human-edited
    #[arg(long, value_name = "WHO", default_value = "unknown")]
    pub(crate) authorship: String,
}

/// `collections next`.
#[derive(Debug, Args)]
pub(crate) struct NextArgs {
    /// Collection by name; the one that comes first when left out
    pub(crate) name: Option<String>,
    /// Batches
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// Pictures of a batch (default: the collection's)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) size: Option<u32>,
    /// Folder for the input files
    #[arg(long, value_name = "DIR", default_value = "checkpoints")]
    pub(crate) to: PathBuf,
}

/// `collections release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Number of the batch
    pub(crate) batch: u32,
}

/// `collections run`.
#[derive(Debug, Args)]
pub(crate) struct RunBatchesArgs {
    /// Collection by name; the one that comes first when left out
    pub(crate) name: Option<String>,
    /// Batches; how many calls are made at once is the collection's `parallel`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// Pictures of a batch (default: the collection's)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) size: Option<u32>,
    /// Profile to call with (default: the collection's)
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Model to call (default: the collection's, else the profile's)
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The most each batch may spend, in dollars
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget: Option<Money>,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// `collections retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryBatchesArgs {
    /// Collection by name
    pub(crate) name: String,
}

/// `collections sync`.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = "checkpoints")]
    pub(crate) to: PathBuf,
    /// Folder or address of LanceDB tables that the rows go into (default: the collection's)
    #[arg(long, value_name = "URI")]
    pub(crate) lance: Option<String>,
    /// With a table: bring rows of earlier merges there again, such as those that were edited
    #[arg(long)]
    pub(crate) all: bool,
    /// Only show what would be merged
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `collections undo`.
#[derive(Debug, Args)]
pub(crate) struct UndoArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = "checkpoints")]
    pub(crate) to: PathBuf,
    /// Even when the table was changed since: what came later is lost there
    #[arg(long)]
    pub(crate) force: bool,
}
