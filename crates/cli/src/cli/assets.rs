//! What can be typed behind `request` and `assets`: their commands, arguments and English help.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use imagemill_domain::money::Money;

use super::StartArgs;

/// `request`.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// What is done with the request.
    #[command(subcommand)]
    pub(crate) command: RequestCommand,
}

/// The commands behind `request`.
#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// Make the pictures that a request file asks for
    Generate(RunRequestArgs),
    /// Edit the pictures that a request file names
    Edit(RunRequestArgs),
    /// Hand a file to the provider, so that requests can name its address
    Upload(UploadRequestArgs),
    /// Ask about a submitted run and bring its folder up to date; never pays
    Poll(PollRequestArgs),
}

/// `request generate` and `request edit`.
#[derive(Debug, Args)]
pub(crate) struct RunRequestArgs {
    /// The request file (JSON; docs/requests.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// Profile to call with; left out, the one that the request's provider means
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The most the run may spend, in dollars
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget: Option<Money>,
    /// Only check it and show prompt, settings and money; nothing is sent
    #[arg(long)]
    pub(crate) plan: bool,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// `request upload`.
#[derive(Debug, Args)]
pub(crate) struct UploadRequestArgs {
    /// The request file (JSON; docs/requests.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// Profile to call with; left out, the one that the request's provider means
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// `request poll`.
#[derive(Debug, Args)]
pub(crate) struct PollRequestArgs {
    /// The request file; only asset, run and folder are taken from it, the rest from the stored record
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
}

/// `assets`.
#[derive(Debug, Args)]
pub(crate) struct AssetsArgs {
    /// What is done with the folders.
    #[command(subcommand)]
    pub(crate) command: AssetsCommand,
}

/// The commands behind `assets`.
#[derive(Debug, Subcommand)]
pub(crate) enum AssetsCommand {
    /// Compare asset folders with their records: missing, changed and unknown files, a stale index; changes nothing
    Check(FoldersArgs),
    /// Write index.json anew from the records and the files that are there
    RebuildIndex(FoldersArgs),
    /// Copy asset folders of other runners in, with relative paths, hashes and real types; the source is not changed
    Import(ImportArgs),
}

/// Asset folders.
#[derive(Debug, Args)]
pub(crate) struct FoldersArgs {
    /// Folders of single assets, or folders that hold such folders
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
}

/// `assets import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) folders: FoldersArgs,
    /// The new folder (left out: assets/NAME in the workspace's folder)
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}
