//! What can be typed after `imagemill deck`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use imagemill_decks::{Fit, Missing, Stage};

use super::{OverrideArgs, StartArgs};

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
    /// Make the folder of a new deck from a topic, documents and example pictures; nothing is paid for
    New(DeckNewArgs),
    /// Make what a deck still lacks: style, outline, prompts, pictures, pptx
    Run(Box<DeckRunArgs>),
    /// Tell what is done and what is left, by what the files hold; code 1 when something is left
    Status(DeckFolderArgs),
    /// Hold outline.json against its rules; code 1 when it breaks one
    Outline(OutlineArgs),
    /// Take colour codes, sizes and design labels out of the page prompts; texts of the page stay
    Prompts(PromptsArgs),
    /// Write the pptx file from the pages as they are
    Pptx(PptxArgs),
    /// Write a PDF from the pages as they are
    Pdf(PptxArgs),
    /// Draw all pages on contact sheets
    Sheet(DeckFolderArgs),
}

/// The folder of a deck.
#[derive(Debug, Args)]
pub(crate) struct DeckFolderArgs {
    /// Folder with a task_pack.json
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// `deck new`.
#[derive(Debug, Args)]
pub(crate) struct DeckNewArgs {
    /// What it is about, in your own words
    pub(crate) topic: String,
    /// Pages
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) pages: u32,
    /// Who listens
    #[arg(long, value_name = "WHO")]
    pub(crate) audience: Option<String>,
    /// Who speaks
    #[arg(long, value_name = "WHO")]
    pub(crate) role: Option<String>,
    /// On what occasion
    #[arg(long, value_name = "WHAT")]
    pub(crate) scene: Option<String>,
    /// Language of the pages: en, zh-Hans or zh-Hant (default: that of the topic)
    #[arg(long, value_name = "TAG", value_parser = ["en", "zh-Hans", "zh-Hant"])]
    pub(crate) language: Option<String>,
    /// Documents that say what it should say: .md, .txt, .pdf, .docx
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) docs: Vec<PathBuf>,
    /// Pictures that show how it should look
    #[arg(long, value_name = "IMAGE", num_args = 1..)]
    pub(crate) reference: Vec<PathBuf>,
    /// The folder (default: ./decks/TOPIC_TIME)
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// `deck run`.
#[derive(Debug, Args)]
pub(crate) struct DeckRunArgs {
    #[command(flatten)]
    pub(crate) deck: DeckFolderArgs,
    /// Make everything again from this stage on; what was there goes to DIR/earlier
    #[arg(long, value_enum, value_name = "STAGE")]
    pub(crate) from: Option<FromStage>,
    /// Pages to make, such as 3,5-7; the others stay as they are
    #[arg(long, value_name = "PAGES", value_delimiter = ',', value_parser = pages)]
    pub(crate) only_pages: Vec<RangeInclusive<u32>>,
    /// Pictures made of each page; the one whose words came out best is taken
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(crate) takes: u32,
    /// Do not have the words read off the pictures and held against the outline
    #[arg(long)]
    pub(crate) no_check: bool,
    /// A picture that is sent with every page, so that they look alike; a page that came out well serves
    #[arg(long, value_name = "IMAGE")]
    pub(crate) anchor: Option<PathBuf>,
    /// The same seed for every page, where the model takes one
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<i64>,
    /// Size of the pictures: 2k, 4k or pixels; 2k when left out
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<String>,
    /// Profile that answers in words; that of the pictures when left out
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
    /// Only show tasks, money and time; nothing is sent
    #[arg(long)]
    pub(crate) plan: bool,
    /// Write a PDF as well
    #[arg(long)]
    pub(crate) pdf: bool,
    #[command(flatten)]
    pub(crate) output: SlideArgs,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// `3` or `5-7`.
fn pages(text: &str) -> Result<RangeInclusive<u32>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| *number > 0);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err("pages are written as 3 or 5-7".to_owned()),
    }
}

/// `--from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FromStage {
    Style,
    Outline,
    Prompts,
    Pictures,
    Pptx,
}

impl From<FromStage> for Stage {
    fn from(stage: FromStage) -> Self {
        match stage {
            FromStage::Style => Self::Style,
            FromStage::Outline => Self::Outline,
            FromStage::Prompts => Self::Prompts,
            FromStage::Pictures => Self::Pictures,
            FromStage::Pptx => Self::Pptx,
        }
    }
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
    /// The file (default: DIR/DECK.pptx or .pdf)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) slides: SlideArgs,
}

/// How pages lie on slides.
#[derive(Debug, Args)]
pub(crate) struct SlideArgs {
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
