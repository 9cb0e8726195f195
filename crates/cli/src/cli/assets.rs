//! What can be typed behind `request`, `assets` and `review`: their commands, arguments and English help.

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
    /// Make many requests from one file: rows, or personas × concepts × variations × samples
    Batch(RunRequestArgs),
    /// Write a request that edits an approved picture as a review asks, instead of making a new one
    Propose(ProposeArgs),
}

/// `request generate`, `request edit` and `request batch`.
#[derive(Debug, Args)]
pub(crate) struct RunRequestArgs {
    /// The request file (JSON; a batch also CSV, JSONL or TOML; docs/requests.md)
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

/// `request propose`.
#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// The asset's folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// What is to change; may be given several times (left out: what the picture's verdict says)
    #[arg(long, value_name = "TEXT")]
    pub(crate) feedback: Vec<String>,
    /// The picture to edit (left out: the hero)
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
    /// File for the request (left out: inputs/requests/RUN.json in the asset's folder)
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
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
    /// Draw contact sheets (PNG and HTML): the approved picture beside the others, for each asset or for a persona
    Sheet(SheetArgs),
    /// Measure how far pictures are from the approved one, in shape and in colour
    Drift(DriftArgs),
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

/// `assets sheet`.
#[derive(Debug, Args)]
pub(crate) struct SheetArgs {
    #[command(flatten)]
    pub(crate) folders: FoldersArgs,
    /// One sheet for all assets of this persona, beside its approved face
    #[arg(long, value_name = "NAME")]
    pub(crate) persona: Option<String>,
    /// Folder for the sheets (left out: qa/ in each asset's folder; for a persona the first DIR)
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}

/// `assets drift`.
#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    pub(crate) folders: FoldersArgs,
    /// All assets of this persona, against its approved face
    #[arg(long, value_name = "NAME")]
    pub(crate) persona: Option<String>,
    /// Picture to measure against (left out: the approved one)
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Write drift.md, drift.html and drift.json to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

/// What can be said about a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum VerdictWord {
    /// Good: moves to approved/ and is the hero.
    Approve,
    /// Nearly good: stays a candidate, an edit mends it.
    Revise,
    /// Not used: moves to rejected/.
    Reject,
}

/// `review`.
#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    #[command(flatten)]
    pub(crate) folders: FoldersArgs,
    /// Picture to judge, by its path or its name in the folder; may be given several times
    #[arg(long, value_name = "FILE", requires = "verdict")]
    pub(crate) picture: Vec<PathBuf>,
    /// approve moves it to approved/ and makes it the hero, revise keeps it a candidate, reject moves it to rejected/
    #[arg(long, value_enum, value_name = "VERDICT", requires = "picture", hide_possible_values = true)]
    pub(crate) verdict: Option<VerdictWord>,
    /// Answers: realism, fit, repeatability, copied_creator, ad_drift, each =pass, =concern or =fail, with commas between
    #[arg(long, value_name = "QUESTION=ANSWER", value_delimiter = ',', requires = "verdict")]
    pub(crate) answers: Vec<String>,
    /// Why: what is wrong with it, or with approve what is good; may be given several times
    #[arg(long, value_name = "TEXT", requires = "verdict")]
    pub(crate) reason: Vec<String>,
    /// With revise and reject: what is good all the same
    #[arg(long, value_name = "TEXT", requires = "verdict")]
    pub(crate) good: Vec<String>,
    /// What kind of thing is wrong: visual_realism, persona_drift, ad_like … (docs/requests.md)
    #[arg(long, value_name = "WORD", value_delimiter = ',', requires = "verdict")]
    pub(crate) category: Vec<String>,
    /// Where it went wrong: image, script, voice, render, subtitle, mixed
    #[arg(long, value_name = "STAGE", value_delimiter = ',', requires = "verdict")]
    pub(crate) blame: Vec<String>,
    /// What is to be done (left out: edit after revise, regenerate after reject)
    #[arg(long, value_name = "TEXT", requires = "verdict")]
    pub(crate) action: Option<String>,
    /// Who says so (left out: the user of this machine)
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: Option<String>,
}
