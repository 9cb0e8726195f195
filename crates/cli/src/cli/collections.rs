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
    /// Hold all rows together against the gate, with what second looks found; code 1 when a row fails
    Check(CheckRowsArgs),
    /// Have a judge look a second time at a sample of rows, and at those that people scored
    Look(LookArgs),
    /// The rows that people should read, the riskiest first
    Queue(QueueArgs),
    /// Say whether a row may be given out, and how good it is
    Read(ReadArgs),
    /// Take changed rows in; who changed what is kept with the difference
    Edit(EditRowsArgs),
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
    #[arg(long, value_name = "WHO", default_value = "unknown", value_parser = ["human", "model", "model+human-edited", "unknown"])]
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

/// `collections check`.
#[derive(Debug, Args)]
pub(crate) struct CheckRowsArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Write critiques.md, critiques.html and critiques.json to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

/// `collections look`.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Share of the rows, 0 to 1; always the same ones, and none twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub(crate) share: f64,
    /// Rows that people scored, at most, that are looked at again each time
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) anchors: usize,
    /// Profile to call with (default: the collection's)
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Model to call: the judge (default: the collection's, else the profile's)
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The most it may spend, in dollars
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget: Option<Money>,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// `collections queue`.
#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Which rows: open, second, rejected, edited or all
    #[arg(long, value_name = "VIEW", default_value = "open")]
    pub(crate) view: String,
    /// Who reads (default: the account's name)
    #[arg(long, value_name = "NAME")]
    pub(crate) reader: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

/// `collections read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Collection by name
    pub(crate) name: String,
    /// Picture by its name in the collection, or by its content name
    pub(crate) picture: String,
    /// approve, reject or none
    #[arg(long, value_name = "VERDICT")]
    pub(crate) verdict: Option<String>,
    /// 1 to 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) score: Option<u8>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Who reads (default: the account's name)
    #[arg(long, value_name = "NAME")]
    pub(crate) reader: Option<String>,
}

/// `collections edit`.
#[derive(Debug, Args)]
pub(crate) struct EditRowsArgs {
    /// Collection by name
    pub(crate) name: String,
    /// JSON or JSONL files of rows; what differs from the rows as they stand is taken as the change
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Who changed them (default: the account's name)
    #[arg(long, value_name = "NAME")]
    pub(crate) author: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) note: String,
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
    /// With a table: bring every row of earlier merges there again
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
