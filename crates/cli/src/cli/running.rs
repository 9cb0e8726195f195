//! What can be typed to run something: `run`, `plan`, `edit`, `generate`, and the settings that they share.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use imagemill_domain::lane::Lane;
use imagemill_domain::money::Money;
use imagemill_domain::route::Profiles;

/// How a run starts and what it may cost. The same for `run`, `edit`, `generate`, `resume` and `retry`.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct StartArgs {
    /// Do not ask before spending
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Run although nobody knows the price
    #[arg(long)]
    pub(crate) accept_unknown_price: bool,
}

/// Settings that replace those of the job file.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct OverrideArgs {
    /// Profile to call with (`imagemill profiles` lists them); several as A,B in fail-over order, or A=3,B=1 for shares
    #[arg(long, short, value_name = "NAME")]
    pub(crate) profile: Option<Profiles>,
    /// Model to call
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The most the job may spend, in dollars
    #[arg(long, value_name = "DOLLARS")]
    pub(crate) budget: Option<Money>,
    /// Calls at once, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) concurrency: Option<u32>,
    /// Way of the calls: auto, sync, stream, queue, or batch (half the price, within a day)
    #[arg(long, value_name = "LANE", value_parser = lanes())]
    pub(crate) lane: Option<Lane>,
    /// Name of the job; the same name continues the same job
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Where and how finished pictures are saved.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct SaveToArgs {
    /// Save finished pictures to this folder (edit and generate: ./imagemill-out/JOB when left out)
    #[arg(long, value_name = "DIR")]
    pub(crate) save_to: Option<PathBuf>,
    /// Naming rule: a built-in preset or one of the configuration (`imagemill config show` lists them)
    #[arg(long, value_name = "PRESET")]
    pub(crate) save_preset: Option<String>,
    /// Keep the pictures in the workspace only; `imagemill save` writes them later
    #[arg(long, conflicts_with_all = ["save_to", "save_preset"])]
    pub(crate) no_save: bool,
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Job files; they run at the same time and share their profiles fairly
    #[arg(required = true, value_name = "JOB")]
    pub(crate) jobs: Vec<PathBuf>,
    /// Try it against the offline provider instead: nothing is sent, paid or kept; tells what would happen
    #[arg(long)]
    pub(crate) rehearse: bool,
    /// TOML file that says how the offline provider misbehaves in a rehearsal (docs/rehearse.md)
    #[arg(long, value_name = "FILE", requires = "rehearse")]
    pub(crate) scenario: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) save: SaveToArgs,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The job file
    #[arg(value_name = "JOB")]
    pub(crate) job: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    /// List this many tasks
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) tasks: usize,
}

/// What the direct commands ask for.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct AskArgs {
    /// File with one prompt a line; empty lines and lines that begin with # do not count
    #[arg(long, value_name = "FILE")]
    pub(crate) prompts: Option<PathBuf>,
    /// System prompt
    #[arg(long, value_name = "TEXT")]
    pub(crate) system_prompt: Option<String>,
    /// What must not be in the picture
    #[arg(long, value_name = "TEXT")]
    pub(crate) negative_prompt: Option<String>,
    /// Tasks for each picture and prompt
    #[arg(long, short = 'n', value_name = "N", default_value_t = 1)]
    pub(crate) samples: u32,
    /// Size of the answer, such as 2K or 1024x1024
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<String>,
    /// Aspect ratio of the answer, such as 16:9
    #[arg(long, value_name = "RATIO")]
    pub(crate) aspect_ratio: Option<String>,
    /// Quality: low, medium or high
    #[arg(long, value_name = "QUALITY")]
    pub(crate) quality: Option<String>,
    /// File format of the answer: png, jpeg or webp
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output_format: Option<String>,
    /// A value for the templates of prompts, as NAME=VALUE; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = key_value)]
    pub(crate) variables: Vec<(String, String)>,
    /// CSV, TSV or JSONL file with one input a row
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<String>,
    /// Column of the list that names the picture
    #[arg(long, value_name = "COLUMN", requires = "list")]
    pub(crate) picture_column: Option<String>,
    /// Column of the list that holds the prompt
    #[arg(long, value_name = "COLUMN", requires = "list")]
    pub(crate) prompt_column: Option<String>,
    /// Only show tasks, money and time; nothing is sent
    #[arg(long)]
    pub(crate) plan: bool,
}

/// `edit`.
#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    /// Folders (walked recursively), pictures and globs
    #[arg(required_unless_present = "list", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// What to do with each picture; may be repeated, each prompt is a task
    #[arg(long, short = 'e', value_name = "TEXT")]
    pub(crate) prompt: Vec<String>,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Picture sent along behind every source; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) reference: Vec<String>,
    /// Take photo.txt beside photo.png as its prompt
    #[arg(long)]
    pub(crate) sidecar_prompts: bool,
    /// Take hidden files and folders, too
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Scale sources down to at most this many pixels on the longer edge before sending
    #[arg(long, value_name = "PIXELS")]
    pub(crate) max_edge: Option<u32>,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) save: SaveToArgs,
}

/// `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Prompts; each is a task
    #[arg(required_unless_present_any = ["prompts", "list"], value_name = "PROMPT")]
    pub(crate) prompt: Vec<String>,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) save: SaveToArgs,
}

/// The lanes by their words.
fn lanes() -> impl TypedValueParser<Value = Lane> {
    const ALL: [Lane; 5] = [Lane::Auto, Lane::Sync, Lane::Stream, Lane::Queue, Lane::Batch];
    PossibleValuesParser::new(ALL.map(Lane::word))
        .map(|word| ALL.into_iter().find(|lane| lane.word() == word).unwrap_or_default())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
