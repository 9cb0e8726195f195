//! What can be typed after `imagemill infographic`.

use clap::{Args, ValueEnum};

use super::{OverrideArgs, SaveToArgs, StartArgs};

/// `infographic`.
#[derive(Debug, Args)]
pub(crate) struct InfographicArgs {
    /// What it is to show; each request is a task
    #[arg(required = true, value_name = "REQUEST")]
    pub(crate) requests: Vec<String>,
    /// Pictures at most, each made with what the one before lacked; more than one is reviewed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(crate) rounds: Option<u32>,
    /// Whether a request is worked out into a longer prompt
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) expand: Option<ExpandWhen>,
    /// How much is told at the end
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) output: Option<OutputMode>,
    /// Ratio of width to height, such as 3:4; from the request when left out
    #[arg(long, value_name = "W:H")]
    pub(crate) ratio: Option<String>,
    /// Size: 2k, 4k or pixels; 2k when left out
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<String>,
    /// Layout of the catalogue (`imagemill catalogue layouts`)
    #[arg(long, value_name = "NAME")]
    pub(crate) layout: Option<String>,
    /// Style of the catalogue (`imagemill catalogue styles`)
    #[arg(long, value_name = "NAME")]
    pub(crate) style: Option<String>,
    /// Infographics of each request, with another layout and style each
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) variants: u32,
    /// What may stand in the picture: numbers and names of the request alone, or what helps besides
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) fidelity: Option<FidelityHow>,
    /// How a round makes use of the one before: an amended prompt, or an edit of the best picture
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) repair: Option<RepairHow>,
    /// Profile that answers in words; the job's when left out
    #[arg(long, value_name = "NAME")]
    pub(crate) text_profile: Option<String>,
    /// Model that answers in words
    #[arg(long, value_name = "MODEL")]
    pub(crate) text_model: Option<String>,
    /// Profile that looks at pictures; that of words when left out
    #[arg(long, value_name = "NAME")]
    pub(crate) vision_profile: Option<String>,
    /// Model that looks at pictures
    #[arg(long, value_name = "MODEL")]
    pub(crate) vision_model: Option<String>,
    /// Form of the result document: our own with --json, or that of older runners and nothing else
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub(crate) profile_output: DocumentForm,
    /// Only show tasks, money and time; nothing is sent
    #[arg(long)]
    pub(crate) plan: bool,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) save: SaveToArgs,
}

/// `--expand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExpandWhen {
    /// Unless a model finds it complete.
    Auto,
    /// Always.
    Force,
    /// Never.
    Disable,
}

/// `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputMode {
    /// One sentence and the best picture.
    Friendly,
    /// Every round.
    Verbose,
}

/// `--fidelity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FidelityHow {
    /// What the request says.
    Strict,
    /// And what helps.
    Enrich,
}

/// `--repair`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepairHow {
    /// An amended prompt.
    Prompt,
    /// An edit of the best picture.
    Edit,
}

/// `--profile-output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentForm {
    /// Our own.
    #[default]
    Full,
    /// That of older runners.
    Compat,
}
