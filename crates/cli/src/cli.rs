//! What can be typed: commands, arguments and their English help. The Chinese help stands in data/texts/zh-CN.toml; nothing
//! is decided here.

mod assets;
mod catalogue;
mod collections;
mod critiques;
mod deck;
mod export;
mod infographic;
mod providers;
mod running;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use assets::{
    AssetsArgs, AssetsCommand, DriftArgs, FoldersArgs, ImportArgs, PollRequestArgs, ProposeArgs, RequestArgs,
    RequestCommand, ReviewArgs, RunRequestArgs, SheetArgs, UploadRequestArgs, VerdictWord,
};
pub(crate) use catalogue::{CatalogueArgs, CatalogueKind};
pub(crate) use collections::{
    AddArgs, CheckRowsArgs, CollectionsAction, CollectionsArgs, EditRowsArgs, ImportFilesArgs, LookArgs, NameArgs,
    NextArgs, QueueArgs, ReadArgs, ReleaseArgs, RetryBatchesArgs, RunBatchesArgs, StandingArgs, SyncArgs, UndoArgs,
};
pub(crate) use critiques::{CheckArgs, CritiqueArgs, CritiquesAction, CritiquesArgs, ExportArgs};
pub(crate) use deck::{
    DeckAction, DeckArgs, DeckFolderArgs, DeckNewArgs, DeckRunArgs, OutlineArgs, PptxArgs, PromptsArgs, SlideArgs,
};
pub(crate) use export::{
    ChangesArgs, CheckFolderArgs, DatasetAction, DatasetArgs, ExportCritiquesArgs, ExportPicturesArgs, FormArgs,
    ReleaseSetArgs,
};
pub(crate) use infographic::{DocumentForm, ExpandWhen, FidelityHow, InfographicArgs, OutputMode, RepairHow};
pub(crate) use providers::{DoctorArgs, ModelsArgs, ProbeArgs, ProfilesAction, ProfilesArgs};
pub(crate) use running::{AskArgs, EditArgs, GenerateArgs, OverrideArgs, PlanArgs, RunArgs, SaveToArgs, StartArgs};

/// Batch production for generative images: a folder of pictures through a model, as one durable job.
#[derive(Debug, Parser)]
#[command(name = "imagemill", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Shown below the list of commands.
const AFTER_HELP: &str = "\
First steps:
  imagemill demo                                            everything once, offline, no key
  imagemill edit ./photos --prompt \"make it night\" --profile simulator
  OPENAI_API_KEY=… imagemill edit ./photos --prompt \"make it night\"

Exit codes: 0 ok, 1 some tasks failed, 2 wrong usage, 3 nothing could start, 130 stopped.";

/// Options of every command.
#[derive(Debug, Default, Args)]
pub(crate) struct Global {
    /// Folder that holds (or will hold) `.imagemill/`; found by walking up when left out
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub(crate) workspace: Option<PathBuf>,
    /// Machine-readable output; docs/command-line.md describes the shapes
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Language of texts: en or zh-CN (default: from LC_ALL, LANG)
    #[arg(long, global = true, value_name = "LANG", help_heading = "Global options")]
    pub(crate) lang: Option<String>,
    /// Only results and errors
    #[arg(long, short, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log to standard error, too
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Global options")]
    pub(crate) color: ColorWhen,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a job file (TOML or JSON), or continue it
    Run(RunArgs),
    /// Show tasks, calls, money and time of a job file; nothing is sent
    Plan(PlanArgs),
    /// Edit the pictures of folders, files or globs
    Edit(EditArgs),
    /// Make pictures from prompts
    Generate(GenerateArgs),
    /// Make infographics from requests, in rounds that are looked at
    Infographic(InfographicArgs),
    /// Take request files for creative assets; keep what comes of them in the asset's folder
    Request(RequestArgs),
    /// Check asset folders, draw their contact sheets, measure drift, import older ones
    Assets(AssetsArgs),
    /// List pictures of asset folders that wait for a verdict, or give one
    Review(ReviewArgs),
    /// List the jobs, or show one in detail
    Status(StatusArgs),
    /// Show all jobs on a full screen, or follow one that another process runs
    Watch(WatchArgs),
    /// Pause a job: calls under way end, none starts
    Pause(JobArg),
    /// Continue a paused or interrupted job, or a paused profile
    Resume(ResumeArgs),
    /// Stop a job: open connections are closed, what was paid for is kept
    Stop(JobArg),
    /// Do tasks of a job again
    Retry(RetryArgs),
    /// Tell all about one task: what was sent, what came back, what it cost
    Explain(ExplainArgs),
    /// Write a job's pictures to a folder under a naming rule
    Save(SaveArgs),
    /// Write training sets, tables and releases; check a written one
    Export(DatasetArgs),
    /// Have critiques of pictures written, in Chinese and English, along a rubric
    Critique(CritiqueArgs),
    /// Check written critiques of pictures; write out those of jobs
    Critiques(CritiquesArgs),
    /// Make slide decks: a folder from a topic, its style, outline, pages and pptx
    Deck(DeckArgs),
    /// Collections of pictures that wait for critiques: batches, progress, files
    Collections(CollectionsArgs),
    /// What calls cost, by job, profile, model or day
    Costs(CostsArgs),
    /// List calls whose answer was lost; send them again or close them
    Reconcile(ReconcileArgs),
    /// List the profiles, or show one
    Profiles(ProfilesArgs),
    /// List the models that are known: endpoints, sizes, prices, and what nobody has told
    Models(ModelsArgs),
    /// List the layouts and styles of infographics, or show one
    Catalogue(CatalogueArgs),
    /// Ask a profile's server what it can do; free unless --paid
    Probe(ProbeArgs),
    /// Check workspace, disk, database and each profile; free
    Doctor(DoctorArgs),
    /// Show the settings in force and where each is from
    Config(ConfigArgs),
    /// Show, then remove what nothing refers to any more
    Gc(GcArgs),
    /// Open the console in the browser, and the HTTP API; runs the workspace's jobs
    Serve(ServeArgs),
    /// Serve the offline provider for other programs
    Simulate(SimulateArgs),
    /// Try everything once: draws pictures, edits them offline, saves pairs
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// A job by name or number.
#[derive(Debug, Args)]
pub(crate) struct JobArg {
    /// Job by number, name, or a part of the name that no other job has
    pub(crate) job: String,
}

/// What to watch.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Job by number, name, or a part of the name; without it a full screen shows the workspace
    pub(crate) job: Option<String>,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Job by number, name, or a part of the name that no other job has
    pub(crate) job: Option<String>,
}

/// `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Job by number, name, or a part of the name that no other job has
    #[arg(required_unless_present = "profile")]
    pub(crate) job: Option<String>,
    /// Let this profile be called again after it was paused
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// `retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// Job by number, name, or a part of the name that no other job has
    pub(crate) job: String,
    /// Tasks that failed or are partly done (the default)
    #[arg(long, group = "which")]
    pub(crate) failed: bool,
    /// Tasks in this state: failed, partial, refused, unknown, stopped or succeeded; may be repeated
    #[arg(long, value_name = "STATE", group = "which")]
    pub(crate) state: Vec<String>,
    /// This task only
    #[arg(long, value_name = "TASK", group = "which")]
    pub(crate) task: Option<String>,
    /// Every task that has ended
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    /// Keep earlier pictures beside the new ones (the default)
    #[arg(long, conflicts_with = "drop_results")]
    pub(crate) keep_results: bool,
    /// Hide earlier pictures once new ones are there
    #[arg(long)]
    pub(crate) drop_results: bool,
    /// Only mark the tasks; run them later with `imagemill resume`
    #[arg(long)]
    pub(crate) later: bool,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// What `costs` adds up by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CostsBy {
    #[default]
    Job,
    Profile,
    Model,
    Day,
}

/// `costs`.
#[derive(Debug, Args)]
pub(crate) struct CostsArgs {
    /// Calls of this job only
    pub(crate) job: Option<String>,
    /// What to add up by
    #[arg(long, value_enum, default_value_t)]
    pub(crate) by: CostsBy,
    /// Only the last N days, today included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: Option<u32>,
}

/// `reconcile`.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// These calls only, by number
    #[arg(value_name = "CALL")]
    pub(crate) calls: Vec<i64>,
    /// Calls of this job only
    #[arg(long, value_name = "JOB")]
    pub(crate) job: Option<String>,
    /// Every call that is listed
    #[arg(long, conflicts_with = "calls")]
    pub(crate) all: bool,
    /// Send again; it may be paid twice
    #[arg(long, group = "word")]
    pub(crate) resend: bool,
    /// Close as charged: the price counts as spent
    #[arg(long, group = "word")]
    pub(crate) charged: bool,
    /// Close as not charged: the money held is free again
    #[arg(long, group = "word")]
    pub(crate) not_charged: bool,
    /// Hold a day of the ledger against what the provider says that it cost; free
    #[arg(long, group = "word", conflicts_with_all = ["calls", "job", "all"])]
    pub(crate) usage: bool,
    /// With --usage: the profile
    #[arg(long, short, value_name = "PROFILE", requires = "usage")]
    pub(crate) profile: Option<String>,
    /// With --usage: the day in UTC, YYYY-MM-DD; yesterday when not given
    #[arg(long, value_name = "DAY", requires = "usage")]
    pub(crate) day: Option<String>,
    /// With --resend: only queue; run later with `imagemill resume`
    #[arg(long, requires = "resend")]
    pub(crate) later: bool,
}

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Task by number, beginning of its key, or name of its source
    pub(crate) task: String,
    /// Look in this job only
    #[arg(long, value_name = "JOB")]
    pub(crate) job: Option<String>,
}

/// `save`.
#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// Job by number, name, or a part of the name that no other job has
    pub(crate) job: String,
    /// Folder to write to (default: ./imagemill-out/JOB)
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Naming rule: a built-in preset or one of the configuration
    #[arg(long, value_name = "PRESET")]
    pub(crate) preset: Option<String>,
    /// File name without suffix, a template such as "{src_stem}_{result_index}"
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) template: Option<String>,
    /// Replace FROM by TO in the source's stem
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
    pub(crate) replace: Option<Vec<String>>,
    /// Write a text file beside each picture, from this template
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) text: Option<String>,
    /// Only the first result of each task
    #[arg(long)]
    pub(crate) only_first: bool,
    /// Only results a reviewer kept
    #[arg(long)]
    pub(crate) only_kept: bool,
    /// Copy each source beside its result
    #[arg(long)]
    pub(crate) copy_source: bool,
    /// Put all files into one folder
    #[arg(long)]
    pub(crate) flat: bool,
    /// What to do about taken names: skip, overwrite or suffix
    #[arg(long, value_name = "POLICY")]
    pub(crate) collision: Option<String>,
    /// Draw a contact sheet, sources beside results
    #[arg(long)]
    pub(crate) contact_sheet: bool,
    /// Show what would be written
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

/// What about the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Print each value with its origin; secrets are masked
    Show,
}

/// `gc`.
#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Remove what was shown
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; one that other machines reach needs a token [default: HOST, else 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Port to listen on; 0 takes a free one [default: PORT, else 12607]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// File whose first line clients must know; readable by its owner only [default: IMAGEMILL_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Folder that may be named besides the workspace's when other machines reach the server; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Vec<PathBuf>,
    /// Show raw requests, answers and the log to clients on other machines, too
    #[arg(long)]
    pub(crate) raw_for_all: bool,
    /// Open the page in the browser
    #[arg(long)]
    pub(crate) open: bool,
}

/// `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8765)]
    pub(crate) port: u16,
    /// TOML file that says how it misbehaves
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Append one JSON line for each call to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder to work in; made when missing
    #[arg(long, value_name = "DIR", default_value = "imagemill-demo")]
    pub(crate) folder: PathBuf,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
