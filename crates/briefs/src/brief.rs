//! A request after it was read and found complete: plain data. How it is written in files is in `read`, what becomes of it in
//! `wording`, `digest` and `job`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Pictures from words.
    Generate,
    /// Pictures from pictures.
    Edit,
    /// A file that is to be handed to the provider.
    Upload,
}

impl Verb {
    /// The stable machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Edit => "edit",
            Self::Upload => "upload",
        }
    }
}

/// What the asset is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A face that may become a persona.
    PersonaCandidate,
    /// A first frame or a cover.
    CoverFrame,
    /// A picture that supports a shot.
    ShotSupport,
    /// A repair of an approved picture.
    EditFix,
}

impl Purpose {
    /// Every purpose with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::PersonaCandidate, "persona_candidate"),
        (Self::CoverFrame, "cover_frame"),
        (Self::ShotSupport, "shot_support"),
        (Self::EditFix, "edit_fix"),
    ];

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(purpose, known)| (known == word).then_some(purpose))
    }
}

/// How much realism is bought. Recorded with its reason, so that whoever judges the picture can trace it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QualityProfile {
    /// The strongest tier the model has.
    #[default]
    MaxRealism,
    /// The middle.
    Balanced,
    /// To look at an idea.
    Draft,
    /// The least, to measure how fast it goes.
    ThroughputTest,
}

impl QualityProfile {
    /// Every profile with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::MaxRealism, "max-realism"),
        (Self::Balanced, "balanced"),
        (Self::Draft, "draft"),
        (Self::ThroughputTest, "throughput-test"),
    ];

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(profile, known)| (known == word).then_some(profile))
    }

    /// The tier it stands for.
    pub fn tier(self) -> &'static str {
        match self {
            Self::MaxRealism => "4k",
            Self::Balanced => "2k",
            Self::Draft => "1k",
            Self::ThroughputTest => "0.5k",
        }
    }

    /// The quality word it stands for.
    pub fn quality(self) -> &'static str {
        match self {
            Self::MaxRealism => "high",
            Self::Balanced => "medium",
            Self::Draft | Self::ThroughputTest => "low",
        }
    }
}

/// A request. Field names are those of the request files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Brief {
    /// The creative thing; also the name of its folder.
    pub asset_id: String,
    /// One set of attempts on it.
    pub run_id: String,
    /// The name in older records.
    pub job_id: String,
    /// Campaign.
    pub campaign_id: Option<String>,
    /// Locked persona.
    pub persona_id: Option<String>,
    /// Concept.
    pub concept_id: Option<String>,
    /// What it should look like, when no persona is locked.
    pub visual_direction: Option<String>,
    /// What it is for; missing in a variant test only.
    pub asset_purpose: Option<Purpose>,
    /// Why the gate was passed without the evidence it asks for.
    pub variant_test_reason: Option<String>,
    /// As it was written.
    pub provider: String,
    /// Short name, or whatever the provider calls it.
    pub model: String,
    /// What is asked for.
    pub mode: Verb,
    /// `short_form_vertical`, `instagram_meta_ads` or `custom`.
    pub creative_format: String,
    /// `9:16` and the like.
    pub target_aspect_ratio: String,
    /// Exactly as it was written; empty for an upload.
    pub prompt: String,
    /// What must not be in the picture.
    pub negative_prompt: Option<String>,
    /// How much realism is bought.
    pub quality_profile: QualityProfile,
    /// Why.
    pub quality_reason: Option<String>,
    /// A tier in small letters, `2k`, where the model takes one.
    pub resolution: Option<String>,
    /// `low`, `medium`, `high`, where the model takes one.
    pub quality: Option<String>,
    /// `1440x2560`, where the model takes pixels.
    pub size: Option<String>,
    /// Pictures in one sequence.
    pub max_images: Option<u32>,
    /// `png` or `jpeg`.
    pub output_format: String,
    /// Seed.
    pub seed: Option<i64>,
    /// Settings that only some models take, under the provider's own names.
    pub extra: BTreeMap<String, serde_json::Value>,
    /// Folder of the asset as it was written.
    #[serde(skip_serializing, default)]
    pub local_asset_dir: String,
    /// Evidence: files and links.
    pub source_basis: Vec<String>,
    /// Traits that stay.
    pub must_keep: Vec<String>,
    /// Traits that may change.
    pub can_vary: Vec<String>,
    /// Traits that are forbidden.
    pub must_avoid: Vec<String>,
    /// Remarks of a review that an edit is to follow.
    pub feedback: Vec<String>,
    /// Pictures that are edited: addresses, or files.
    pub input_urls: Vec<String>,
    /// The file that is uploaded.
    pub local_file_path: Option<String>,
    /// What was not written and how it was chosen, by field.
    pub chosen: BTreeMap<String, String>,
}
