//! The text form of a job: TOML, or JSON with the same keys. docs/job-file.md explains every key.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::critique::CritiqueSection;
use crate::deck::DeckSection;
use crate::infographic::InfographicSection;
use crate::lane::{BatchFallback, Lane};
use crate::money::Money;
use crate::picture::PictureFormat;
use crate::plan::PlanError;
use crate::profile::RateLimits;
use crate::request::RequestOptions;
use crate::route::Profiles;
use crate::save_rule::SaveRule;
use crate::speaker::SpeakerSection;

mod parse;

pub(crate) use parse::distance;
pub use parse::{Format, MAX_JOB_FILE_BYTES, locate, nearest, parse_text, too_large};

/// What is done with one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipeName {
    /// A prompt becomes pictures.
    Generate,
    /// A picture and a prompt become pictures.
    Edit,
    /// A request becomes an infographic.
    Infographic,
    /// A picture becomes a critique in two languages.
    Critique,
    /// A deck's topic becomes its style and its outline.
    Outline,
    /// The pages of a deck's outline become pictures.
    Slides,
}

impl RecipeName {
    /// Whether its last call makes pictures; else it is of words.
    pub fn makes_pictures(self) -> bool {
        !matches!(self, Self::Critique | Self::Outline)
    }

    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Edit => "edit",
            Self::Infographic => "infographic",
            Self::Critique => "critique",
            Self::Outline => "outline",
            Self::Slides => "slides",
        }
    }
}

/// What to do when a paid call's answer is lost and the provider cannot be asked (docs/money.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPolicy {
    /// `never` for jobs over 20 tasks, `once` for smaller ones.
    #[default]
    Auto,
    /// Leave it to a person.
    Never,
    /// Send again one time.
    Once,
    /// Send again up to the attempt limit.
    Always,
}

/// Whether a file with the same bytes as an earlier one is a task of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Report it, pay once.
    #[default]
    Skip,
    /// A task for each name.
    Keep,
}

/// How a picture's own prompt and the job's prompts go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnPrompt {
    /// The picture's own prompt is used instead of the job's; pictures without one use the job's.
    #[default]
    Replace,
    /// The picture's own prompt goes behind the job's, on a new line.
    Append,
}

/// Where the inputs come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSection {
    /// Folders (walked recursively), files and globs, relative to the job file.
    pub paths: Vec<String>,
    /// A CSV (header line), TSV or JSONL file with one input a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The column that names the picture; relative to the list. Several pictures: `|` between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_column: Option<String>,
    /// The column that holds the prompt, literal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_column: Option<String>,
    /// Take `photo.txt` beside `photo.png` as its prompt, literal.
    pub sidecar_prompts: bool,
    /// How own prompts and the job's go together.
    pub own_prompt: OwnPrompt,
    /// Pictures sent along with every source, behind it (style or identity references).
    pub references: Vec<String>,
    /// Take hidden files and folders too.
    pub hidden: bool,
    /// What about equal bytes under two names.
    pub duplicates: Duplicates,
}

/// What is done about sources that are together larger than a provider takes inside one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oversize {
    /// They are uploaded and the request names their addresses; where a provider takes no uploads nothing is sent.
    #[default]
    Upload,
    /// They are scaled down or written again until they fit.
    Scale,
}

impl Oversize {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
    fn is_upload(&self) -> bool {
        *self == Self::Upload
    }
}

/// What is done to a source before it is sent. Recorded per task; the file itself is never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareSection {
    /// Turn the pixels as the EXIF orientation says, when it says anything but upright.
    pub rotate: bool,
    /// Convert formats the provider does not take to this one.
    pub convert_to: PictureFormat,
    /// Scale down to at most this many pixels on the longer edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_edge: Option<u32>,
    /// Scale down to at most this many pixels in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<u64>,
    /// Scale down or re-encode until the file is no larger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// What is done about sources that are together too large for one request.
    #[serde(skip_serializing_if = "Oversize::is_upload")]
    pub oversize: Oversize,
}

impl Default for PrepareSection {
    fn default() -> Self {
        Self {
            rotate: true,
            convert_to: PictureFormat::Png,
            max_edge: None,
            max_pixels: None,
            max_bytes: None,
            oversize: Oversize::Upload,
        }
    }
}

/// Retry rules of the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySection {
    /// How often a task is tried at most, the first time included. Waiting for a rate limit does not count.
    pub attempts: u32,
    /// First wait, in milliseconds; doubles each time, with jitter.
    pub wait_ms: u64,
    /// Longest wait, in milliseconds.
    pub longest_wait_ms: u64,
    /// What to do about lost answers.
    pub unknown: UnknownPolicy,
}

impl Default for RetrySection {
    fn default() -> Self {
        Self { attempts: 4, wait_ms: 1_500, longest_wait_ms: 60_000, unknown: UnknownPolicy::Auto }
    }
}

/// A job as a user writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// Unique in the workspace; the file's stem when left out. The same name continues the same job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is done.
    pub recipe: RecipeName,
    /// Profile by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Several profiles instead of `profile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<Profiles>,
    /// Model; the profile's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// System prompt; a template. Empty means none is sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub system_prompt: String,
    /// One prompt; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Several prompts: each is combined with each picture and each sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    /// What must not be in the picture, the same for every task; no template. A model without a parameter for it gets it
    /// as a last paragraph of the prompt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub negative_prompt: String,
    /// Values for the templates, the same for every task.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Tasks for each picture and prompt.
    #[serde(default = "one")]
    pub samples: u32,
    /// Most dollars the job may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// Run although nobody knows the price.
    #[serde(default)]
    pub accept_unknown_price: bool,
    /// Higher runs first.
    #[serde(default)]
    pub priority: i32,
    /// Which way the calls go.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lane: Lane,
    /// What becomes of tasks that their batch did not get to.
    #[serde(default, skip_serializing_if = "is_default")]
    pub batch_fallback: BatchFallback,
    /// Who answers text calls, when it is not the job's own profile and model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<SpeakerSection>,
    /// Who answers vision calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vision: Option<SpeakerSection>,
    /// What the recipe `infographic` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infographic: Option<InfographicSection>,
    /// What critiques are written and judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critique: Option<CritiqueSection>,
    /// Which deck is worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deck: Option<DeckSection>,
    /// Inputs.
    #[serde(default)]
    pub source: SourceSection,
    /// Options of the request.
    #[serde(default)]
    pub options: RequestOptions,
    /// What is done to a source before it is sent.
    #[serde(default)]
    pub prepare: PrepareSection,
    /// Retry rules.
    #[serde(default)]
    pub retry: RetrySection,
    /// Replaces the profile's limits as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<RateLimits>,
    /// Name of a save preset; `[save]` keys change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_preset: Option<String>,
    /// Save when the job is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<SaveRule>,
}

fn one() -> u32 {
    1
}

/// Left out where it says nothing, so that jobs from before the key are the same jobs.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is wrong with a job file, with the place in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JobFileError {
    /// In plain words.
    pub message: String,
    /// Byte range in the text, when it is known.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: Option<String>,
}

impl JobFile {
    /// An empty job of `recipe`, as the direct commands start from.
    pub fn new(recipe: RecipeName) -> Self {
        Self {
            name: None,
            recipe,
            profile: None,
            profiles: None,
            model: None,
            system_prompt: String::new(),
            prompt: None,
            prompts: Vec::new(),
            negative_prompt: String::new(),
            variables: BTreeMap::new(),
            samples: 1,
            budget: None,
            accept_unknown_price: false,
            priority: 0,
            lane: Lane::Auto,
            batch_fallback: BatchFallback::Batch,
            text: None,
            vision: None,
            infographic: None,
            critique: None,
            deck: None,
            source: SourceSection::default(),
            options: RequestOptions::default(),
            prepare: PrepareSection::default(),
            retry: RetrySection::default(),
            limits: None,
            save_preset: None,
            save: None,
        }
    }

    /// The profiles to call with their shares, the first one first; `None` leaves the choice to the caller.
    pub fn wanted_profiles(&self) -> Result<Vec<(Option<&str>, u32)>, PlanError> {
        match (&self.profile, &self.profiles) {
            (Some(_), Some(_)) => {
                Err(PlanError::Profiles("`profile` names one and `profiles` several; leave one of them out".into()))
            }
            (profile, None) => Ok(vec![(profile.as_deref(), 0)]),
            (None, Some(profiles)) => {
                let wanted = profiles.wanted().map_err(PlanError::Profiles)?;
                Ok(wanted.into_iter().map(|(name, share)| (Some(name), share)).collect())
            }
        }
    }

    /// The job's prompts: `prompt` first, then `prompts`.
    pub fn all_prompts(&self) -> impl Iterator<Item = &str> {
        self.prompt.iter().chain(&self.prompts).map(String::as_str)
    }

    /// One of them by its place, without a walk over those before.
    pub fn prompt_at(&self, index: usize) -> Option<&str> {
        let own = usize::from(self.prompt.is_some());
        match &self.prompt {
            Some(prompt) if index == 0 => Some(prompt),
            _ => self.prompts.get(index - own).map(String::as_str),
        }
    }
}
