//! What can be typed after `imagemill deck`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use imagemill_decks::{Fit, Missing};

/// `deck`.
#[derive(Debug, Args)]
pub(crate) struct DeckArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) action: DeckAction,
}

/// What can be done with a deck.
#[derive(Debug, Subcommand)]
pub(crate) enum DeckAction {
    /// Tell what is done and what is left, by what the files hold; code 1 when something is left
    Status(DeckFolderArgs),
    /// Hold outline.json against its rules; code 1 when it breaks one
    Outline(OutlineArgs),
    /// Take colour codes, sizes and design labels out of the page prompts; texts of the page stay
    Prompts(PromptsArgs),
    /// Write the pptx file from the pages as they are
    Pptx(PptxArgs),
}

/// The folder of a deck.
#[derive(Debug, Args)]
pub(crate) struct DeckFolderArgs {
    /// Folder with a task_pack.json
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// `deck outline`.
#[derive(Debug, Args)]
pub(crate) struct OutlineArgs {
    #[command(flatten)]
    pub(crate) deck: DeckFolderArgs,
    /// Mend what needs no model (numbers, ids, labels, blanks), and write it back
    #[arg(long)]
    pub(crate) mend: bool,
}

/// `deck prompts`.
#[derive(Debug, Args)]
pub(crate) struct PromptsArgs {
    #[command(flatten)]
    pub(crate) deck: DeckFolderArgs,
    /// Write the prompts back; without it only tell
    #[arg(long)]
    pub(crate) write: bool,
}

/// `deck pptx`.
#[derive(Debug, Args)]
pub(crate) struct PptxArgs {
    #[command(flatten)]
    pub(crate) deck: DeckFolderArgs,
    /// The file (default: DIR/DECK.pptx)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Pictures that are not 16:9: fill the slide, be shown whole, or be stretched
    #[arg(long, value_enum, default_value_t)]
    pub(crate) fit: FitHow,
    /// Pages without a picture: an empty slide, none, or their texts
    #[arg(long, value_enum, default_value_t)]
    pub(crate) missing: MissingHow,
}

/// How a picture of another shape lies on its slide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FitHow {
    #[default]
    #[value(alias = "crop")]
    Cover,
    Fit,
    Stretch,
}

impl From<FitHow> for Fit {
    fn from(how: FitHow) -> Self {
        match how {
            FitHow::Cover => Self::Cover,
            FitHow::Fit => Self::Fit,
            FitHow::Stretch => Self::Stretch,
        }
    }
}

/// What becomes of a page without a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MissingHow {
    #[default]
    Blank,
    Skip,
    Text,
}

impl From<MissingHow> for Missing {
    fn from(how: MissingHow) -> Self {
        match how {
            MissingHow::Blank => Self::Blank,
            MissingHow::Skip => Self::Skip,
            MissingHow::Text => Self::Text,
        }
    }
}
